//! The `onepath` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    onepath::cli::run()
}
