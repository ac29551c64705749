//! `onepath ingest`

use std::io::Read;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::{Context, Format, output, progress};
use crate::events::Arrival;
use crate::feature_store::OpenOptions;
use crate::log::LogError;
use crate::{ServerError, Unmaterialized};

/// Append events to the log of a source and apply them.
///
/// The file is one push: all of it is kept, or nothing. When the command returns, the events are on disk. Events with an id
/// that the log already has are acknowledged again and applied once (`event_id` of the source names the column). An id that
/// another event has, of other content, refuses the push with exit code 3.
#[derive(Args)]
#[command(after_help = "Examples:
  onepath ingest --source events today.ndjson
  cat today.ndjson | onepath ingest --source events -
  onepath ingest --source events past.parquet --arrived-at event-time")]
pub(super) struct Ingest {
    /// The source.
    #[arg(long, value_name = "NAME")]
    source: String,
    /// The events: a .parquet, .csv or .ndjson file, or - for NDJSON from standard input.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// When the events arrived: `event-time`, to live through past data again, or a column [default: now].
    #[arg(long, value_name = "event-time|COLUMN")]
    arrived_at: Option<String>,
}

pub(super) fn run(context: &Context, command: &Ingest) -> anyhow::Result<ExitCode> {
    let (options, bar) = progress::shown(OpenOptions::default(), "ingest");
    let server = context.serve(options, Unmaterialized::Allow)?;
    let arrival = match command.arrived_at.as_deref() {
        None => Arrival::Now,
        Some("event-time") => Arrival::EventTime,
        Some(column) => Arrival::Column(column.to_owned()),
    };
    // Standard input goes through a file of its own, so that it is read like any other.
    let from_stdin = (command.file.as_os_str() == "-").then(stdin_file).transpose()?;
    let path = from_stdin.as_ref().map_or(command.file.as_path(), |file| file.path());
    let applied = server.ingest(&command.source, path, &arrival);
    bar.finish_and_clear();
    let applied = match applied {
        Err(error) if is_conflict(&error) => {
            output::error(&error.into());
            return Ok(ExitCode::from(CONFLICT));
        }
        applied => applied?,
    };
    server.close()?;
    match context.format {
        Format::Json => output::json(&applied)?,
        Format::Text => {
            output::line(&format!(
                "{}: {} appended, {}; the log ends at offset {}",
                command.source,
                output::count(applied.appended, "event", "events"),
                output::count(applied.duplicates, "duplicate", "duplicates"),
                applied.offset,
            ));
            if applied.dead_letters > 0 {
                output::line(&format!(
                    "{} in .onepath/dead_letters/{}.ndjson: not as the source expects",
                    output::count(applied.dead_letters, "event was set aside", "events were set aside"),
                    command.source,
                ));
            }
            if applied.adjusted > 0 {
                output::line(&format!(
                    "{} stamped later than said, because the log had gone on: arrival never runs backwards",
                    output::count(applied.adjusted, "of them is", "of them are"),
                ));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The exit code where the data are at fault: an event has the id of another.
const CONFLICT: u8 = 3;

fn is_conflict(error: &ServerError) -> bool {
    matches!(error.log(), Some(LogError::EventIdConflict { .. }))
}

fn stdin_file() -> anyhow::Result<tempfile::NamedTempFile> {
    let file = tempfile::Builder::new().prefix("stdin-").suffix(".ndjson").tempfile()?;
    let mut bytes = Vec::new();
    std::io::stdin().lock().read_to_end(&mut bytes)?;
    std::fs::write(file.path(), bytes)?;
    Ok(file)
}
