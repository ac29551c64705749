//! The command line: one file per command.
//!
//! Exit codes: 0 good or nothing to do, 1 the answer is no, 2 misuse or another error, 3 the data or the machine failed: a store
//! that cannot be read or written, from `ingest` an event that has the id of another, from `serve` a server that cannot go on or whose
//! disk does not answer, 4 another process is at it: try again.
//!
//! The only room that names clap. What a command does belongs to the library; here are its arguments and what is printed.

mod backfill;
mod build;
mod check;
mod clock;
mod compare_feast;
mod coverage;
mod describe;
mod drift;
mod eject;
mod explain;
mod feast_python;
mod get;
mod health;
mod import_feast;
mod ingest;
mod lineage;
mod list;
mod materialize;
mod monitor;
mod new;
mod output;
mod progress;
mod replay;
mod report;
mod reset;
mod serve;
mod served;
mod shown;
mod summary;
mod verify;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand};

use crate::feature_store::{FeatureStore, Locking, OpenOptions, WhereStale};
use crate::log::{FileError, LogError};
use crate::{Error, FirstReservation, Server, ServerError, ServerOptions, Unmaterialized};

/// Features without training-serving skew: one WebAssembly component, one path, offline and online.
#[derive(Parser)]
#[command(name = "onepath", version, max_term_width = 120)]
struct Arguments {
    /// The project's folder, which holds onepath.toml.
    #[arg(long, global = true, default_value = ".", value_name = "DIR")]
    project: PathBuf,
    /// How results are printed.
    #[arg(long, global = true, default_value = "text")]
    format: FormatArgument,
    /// Refuse components other than those that onepath.lock pins, as `onepath --locked backfill ...` on a server.
    #[arg(long, global = true)]
    locked: bool,
    #[command(subcommand)]
    command: Command,
}

/// How results are printed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    /// Tables and sentences.
    Text,
    /// One JSON document.
    Json,
}

/// How results are to be printed.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum FormatArgument {
    /// Tables and sentences.
    Text,
    /// One JSON document.
    Json,
    /// A graph of Graphviz: of `onepath lineage` alone.
    #[value(hide = true)]
    Dot,
}

#[derive(Subcommand)]
enum Command {
    New(new::New),
    Build(build::Build),
    Check(check::Check),
    List(list::List),
    Describe(describe::Describe),
    Lineage(lineage::LineageCommand),
    Explain(explain::Explain),
    Eject(eject::Eject),
    Backfill(backfill::Backfill),
    Materialize(materialize::Materialize),
    Ingest(ingest::Ingest),
    Get(get::Get),
    Serve(serve::Serve),
    Replay(replay::Replay),
    Verify(verify::Verify),
    Monitor(monitor::Monitor),
    Report(report::ReportCommand),
    Served(served::ServedCommand),
    ImportFeast(import_feast::ImportFeast),
    CompareFeast(compare_feast::CompareFeast),
    Clock(clock::ClockCommand),
    Reset(reset::Reset),
    /// Compiles and tries a component for another process of this command.
    #[command(hide = true, name = crate::admission::child::SUBCOMMAND)]
    AdmissionChild,
}

/// Half a minute, in milliseconds.
const HALF_MINUTE_MS: u64 = 30_000;

/// An hour, in milliseconds.
const HOUR_MS: u64 = 3_600_000;

/// What every command is given.
struct Context {
    project: PathBuf,
    format: Format,
    /// A graph is wanted.
    dot: bool,
    locking: Locking,
    command: OwnCommand,
}

/// By what this command starts itself again.
#[derive(Clone, Debug, Default)]
pub struct OwnCommand {
    /// The program; `None` where it is not known.
    pub program: Option<PathBuf>,
    /// What it is given before the arguments of the command, where it is not the command itself but runs it.
    pub arguments: Vec<OsString>,
}

impl Context {
    fn open(&self, options: OpenOptions) -> anyhow::Result<FeatureStore> {
        Ok(FeatureStore::open(&self.project, self.options(options))?)
    }

    /// The server of the project: what asks and pushes goes through it.
    fn serve(&self, open: OpenOptions, unmaterialized: Unmaterialized) -> anyhow::Result<Server> {
        let options = ServerOptions {
            open: self.options(open),
            unmaterialized,
            // Whoever runs a command can end it; a large file takes its time.
            wait_ms_max: HALF_MINUTE_MS,
            push_ms_max: HOUR_MS,
            close_ms_max: HOUR_MS,
            // A history without an index takes its time too, and there is nobody else to give way to.
            replay_ms_max: u64::MAX,
            replays_give_way: false,
            first_reservation: FirstReservation::AtQuestion,
            ..ServerOptions::default()
        };
        Ok(Server::open(&self.project, options)?)
    }

    /// `options` with what every command is given.
    fn options(&self, options: OpenOptions) -> OpenOptions {
        let OwnCommand { program: command, arguments: command_arguments } = self.command.clone();
        let warning = Arc::new(output::warning);
        OpenOptions { locking: self.locking, warning, command, command_arguments, ..options }
    }
}

/// Of the commands whose values last.
#[derive(clap::Args)]
struct StaleArgument {
    /// Go on with a component whose package has changed since it was built. The manifest of a training set says so.
    #[arg(long)]
    stale: bool,
}

impl StaleArgument {
    fn of(&self) -> WhereStale {
        if self.stale { WhereStale::Warn } else { WhereStale::Refuse }
    }
}

/// This command, of this very version, even where its file was replaced since it was started.
fn own_command() -> Option<PathBuf> {
    let running = Path::new("/proc/self/exe");
    if running.exists() { Some(running.to_owned()) } else { std::env::current_exe().ok() }
}

fn unmaterialized(allow: bool) -> Unmaterialized {
    if allow { Unmaterialized::Allow } else { Unmaterialized::Refuse }
}

/// A path as a shell takes it.
fn quoted(path: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "/._-".contains(c);
    if path.chars().all(is_plain) { path.to_owned() } else { format!("'{}'", path.replace('\'', "'\\''")) }
}

/// Runs the command line of this process, which is the `onepath` command: it starts itself again to compile and try components.
pub fn run() -> ExitCode {
    run_as(std::env::args_os(), OwnCommand { program: own_command(), arguments: Vec::new() })
}

/// The same of a process that is not the command itself: with these arguments, of which the first is its name, and started again by
/// `command`. Where the arguments are misused, or ask for help, it ends the process.
pub fn run_as(arguments: impl IntoIterator<Item = OsString>, command: OwnCommand) -> ExitCode {
    let arguments = Arguments::parse_from(arguments);
    let locking = if arguments.locked { Locking::Enforced } else { Locking::Free };
    let dot = arguments.format == FormatArgument::Dot;
    if dot && !matches!(arguments.command, Command::Lineage(_)) {
        output::error(&anyhow::anyhow!("--format dot is of `onepath lineage` alone: give text or json"));
        return ExitCode::from(2);
    }
    let format = if arguments.format == FormatArgument::Json { Format::Json } else { Format::Text };
    let context = Context { project: arguments.project, format, dot, locking, command };
    let result = match arguments.command {
        Command::New(command) => new::run(&context, &command),
        Command::Build(command) => build::run(&context, &command),
        Command::Check(command) => check::run(&context, &command),
        Command::List(command) => list::run(&context, &command),
        Command::Describe(command) => describe::run(&context, &command),
        Command::Lineage(command) => lineage::run(&context, &command),
        Command::Explain(command) => explain::run(&context, &command),
        Command::Eject(command) => eject::run(&context, &command),
        Command::Backfill(command) => backfill::run(&context, &command),
        Command::Materialize(command) => materialize::run(&context, &command),
        Command::Ingest(command) => ingest::run(&context, &command),
        Command::Get(command) => get::run(&context, &command),
        Command::Serve(command) => serve::run(&context, &command),
        Command::Replay(command) => replay::run(&context, &command),
        Command::Verify(command) => verify::run(&context, &command),
        Command::Monitor(command) => monitor::run(&context, &command),
        Command::Report(command) => report::run(&context, &command),
        Command::Served(command) => served::run(&context, &command),
        Command::ImportFeast(command) => import_feast::run(&context, &command),
        Command::CompareFeast(command) => compare_feast::run(&context, &command),
        Command::Clock(command) => clock::run(&context, &command),
        Command::Reset(command) => reset::run(&context, &command),
        Command::AdmissionChild => return crate::admission::child::serve(),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            output::error(&error);
            ExitCode::from(code_of(&error))
        }
    }
}

/// The exit code of a command that failed.
fn code_of(error: &anyhow::Error) -> u8 {
    // Whether trying again helps, where a store or a thread has failed.
    let failed = |cause: &(dyn std::error::Error + 'static)| {
        let of = |file: Option<&FileError>, log: Option<&LogError>| match (file, log) {
            (Some(file), _) => Some(file.is_busy()),
            (None, Some(log)) if log.is_damage() => Some(false),
            _ => None,
        };
        match cause.downcast_ref::<ServerError>() {
            Some(ServerError::Ended { .. } | ServerError::Hung { .. } | ServerError::Unwritten { .. }) => Some(false),
            Some(ServerError::Project(error)) if error.is_damaged_component() => Some(false),
            Some(error) => of(error.file(), error.log()),
            None => match cause.downcast_ref::<Error>() {
                Some(error) if error.is_damaged_component() => Some(false),
                error => error.and_then(|error| of(error.file(), error.log())),
            },
        }
    };
    if error.chain().any(|cause| cause.downcast_ref::<Error>().is_some_and(Error::is_no)) {
        return 1;
    }
    match error.chain().find_map(failed) {
        Some(true) => 4,
        Some(false) => 3,
        None => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::ComponentStoreError;

    #[test]
    fn a_log_that_is_not_whole_is_no_misuse() {
        let path = || PathBuf::from("log.sqlite");
        let damages = [
            LogError::Hole { path: path(), first: 3, missing: 1, last: 9 },
            LogError::MissingEvents { path: path(), missing: 1, last: 9 },
            LogError::Gone { path: path() },
            LogError::Short { path: path(), offset: 9, last: 3 },
            LogError::LostHistory { path: path(), id: 1 },
        ];
        for damage in damages {
            let text = damage.to_string();
            assert_eq!(code_of(&anyhow::Error::new(Error::Log(damage)).context("cannot serve")), 3, "{text}");
        }
        let component = || ComponentStoreError::Damaged { path: path(), digest: String::new() };
        assert_eq!(code_of(&Error::from(component()).into()), 3);
        assert_eq!(code_of(&ServerError::from(Error::from(component())).into()), 3);
        assert_eq!(code_of(&Error::Log(LogError::ReadOnly { path: path() }).into()), 2);
        let of_server = ServerError::from(Error::Log(LogError::Gone { path: path() }));
        assert_eq!(code_of(&of_server.into()), 3);
    }
}
