//! `onepath monitor`

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::{Context, coverage, drift, health};

/// Watch what was served, and what is late.
#[derive(Args)]
pub(super) struct Monitor {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Drift(Box<drift::Drift>),
    Coverage(coverage::Coverage),
    #[command(flatten)]
    Health(health::Health),
}

pub(super) fn run(context: &Context, command: &Monitor) -> anyhow::Result<ExitCode> {
    match &command.command {
        Command::Drift(command) => drift::run(context, command),
        Command::Coverage(command) => coverage::run(context, command),
        Command::Health(command) => health::run(context, command),
    }
}
