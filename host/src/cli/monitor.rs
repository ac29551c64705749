//! `onepath monitor`

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::{Context, health};

/// Watch what was served.
#[derive(Args)]
pub(super) struct Monitor {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    #[command(flatten)]
    Health(health::Health),
}

pub(super) fn run(context: &Context, command: &Monitor) -> anyhow::Result<ExitCode> {
    match &command.command {
        Command::Health(command) => health::run(context, command),
    }
}
