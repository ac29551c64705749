//! Tools of the churn example. None of them knows anything of onepath: they read and write its files only.
//!
//! - `generate DATA`: writes the events and the labels into the folder `DATA`, the same bytes each time.
//! - `check DATA TRAINING AS_OF_COLUMN`: recomputes the features of a training set with plain loops and compares.
//! - `leak HONEST LEAKY`: trains the same model on two training sets, of which one saw the future.

mod calendar;
mod random;

mod check;
mod generate;
mod leak;
mod table;

use std::path::Path;
use std::process::ExitCode;

const USAGE: &str = "usage:
  churn-tools generate DATA
  churn-tools check DATA TRAINING AS_OF_COLUMN
  churn-tools leak HONEST LEAKY";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments[..] {
        ["generate", data] => generate::generate(Path::new(data)),
        ["check", data, training, as_of] => check::check(Path::new(data), Path::new(training), as_of),
        ["leak", honest, leaky] => leak::leak(Path::new(honest), Path::new(leaky)),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(said) => {
            print!("{said}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(1)
        }
    }
}
