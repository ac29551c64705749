//! `onepath materialize`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::backfill::{OnErrorArgument, is_stopped, overrides, parse_as_of, parse_bytes, parse_source};
use super::{Context, Format, StaleArgument, output, progress, summary};
use crate::feature_store::{MaterializedView, OpenOptions};
use crate::time::{AsOf, AvailableAt};
use crate::usage;

/// Fold history into the states of the online store.
///
/// The states of every view with sources are rebuilt from its files and from what was pushed: they are the states that a
/// backfill of the same events ends with. They are put in place all at once: until then, and if the command is ended, the old
/// ones are there.
#[derive(Args)]
#[command(after_help = "Examples:
  onepath materialize
  onepath materialize --source events=data/events.parquet
  onepath materialize --up-to 2024-06-30T00:00:00Z
  onepath materialize --memory 1GiB
  onepath materialize --on-error null --strict")]
pub(super) struct Materialize {
    /// A file that stands for the files of a source. Repeat for more files.
    #[arg(long, value_name = "NAME=FILE", value_parser = parse_source)]
    source: Vec<(String, PathBuf)>,
    /// Leave out events of files that became available later [default: now].
    #[arg(long, value_name = "TIME", value_parser = parse_as_of)]
    up_to: Option<AsOf>,
    /// Threads that evaluate [default: one per core]. Never changes a state.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    threads: Option<u16>,
    /// Memory to take, such as 512MiB or 4GiB; what does not fit goes through the disk [default: half of the machine's].
    /// Never changes a state.
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    memory: Option<u64>,
    /// A folder for what memory does not hold [default: .onepath]. It is left as it was found.
    #[arg(long, value_name = "DIR")]
    spill_dir: Option<PathBuf>,
    /// Where a transform gives no answer: stop, or leave out the event, as a push of it would be refused, and count it.
    #[arg(long, value_name = "WHAT", default_value = "stop")]
    on_error: OnErrorArgument,
    /// Fail, and change nothing, where entities have states over the limit.
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    stale: StaleArgument,
}

pub(super) fn run(context: &Context, command: &Materialize) -> anyhow::Result<ExitCode> {
    let mut options = OpenOptions::default();
    options.threads = command.threads.map_or(options.threads, usize::from);
    options.memory_bytes = command.memory.unwrap_or(options.memory_bytes);
    options.spill_dir.clone_from(&command.spill_dir);
    options.stale = command.stale.of();
    (options.on_error, options.strict) = (command.on_error.into(), command.strict);
    let (options, bar) = progress::shown(options, "materialize");
    progress::stop_on_interrupt(&options.stop);
    usage::keep_freed_memory();
    let store = context.open(options)?;
    let report = store
        .materialize(&overrides(&command.source), command.up_to.map(|up_to| AvailableAt::from_micros(up_to.micros())));
    bar.finish_and_clear();
    let report = match report {
        Err(error) if is_stopped(&error) => {
            anyhow::bail!("interrupted: the states are those of before; run `onepath materialize` again")
        }
        report => report?,
    };
    match context.format {
        Format::Json => output::json(&report)?,
        Format::Text => {
            let sources = report.sources.iter().map(|of| summary::source_line(of, &report.up_to));
            sources.for_each(|line| output::line(&line));
            for view in &report.views {
                output::line(&format!(
                    "{}: {} up to {} are now the states of {} ({})",
                    view.view,
                    output::count(view.events, "event", "events"),
                    report.up_to,
                    output::count(view.entities, "entity", "entities"),
                    output::count(view.state_bytes, "byte", "bytes"),
                ));
                if view.refused > 0 {
                    refused(view);
                }
                left_out(view);
                failed(view);
                if view.later_events > 0 {
                    output::line(&format!(
                        "{}: {} not in the states; a backfill over these files sees them",
                        view.view,
                        output::count(
                            view.later_events,
                            "later event of the files is",
                            "later events of the files are"
                        ),
                    ));
                }
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The events without an answer.
fn failed(view: &MaterializedView) {
    if view.failures > 0 {
        let events = output::count(view.failures, "event", "events");
        output::line(&format!(
            "{}: {events} left out, for the transform gave no answer; `onepath backfill --on-error null` leaves them out too",
            view.view
        ));
        view.first_failures.iter().for_each(|failure| output::line(&format!("  {failure}")));
    }
}

/// The events of files whose ids others have.
fn left_out(view: &MaterializedView) {
    if view.repeats > 0 {
        let repeats = output::count(view.repeats, "event", "events");
        output::line(&format!("{}: {repeats} of files left out as repeats of others, by their ids", view.view));
    }
    if view.conflicts > 0 {
        let conflicts = output::count(view.conflicts, "event", "events");
        output::line(&format!(
            "{}: {conflicts} of files left out: they have the id of another event of their entity, and other content",
            view.view
        ));
        view.first_conflicts.iter().for_each(|conflict| output::line(&format!("  {conflict}")));
    }
}

/// The entities whose states would be too large.
fn refused(view: &MaterializedView) {
    output::line(&format!(
        "{}: {} not served, for the state would be over the limit (`state_bytes_max` under [limits]); questions and pushes that \
         name one are refused, the others go on",
        view.view,
        output::count(view.refused, "entity is", "entities are"),
    ));
    for entity in &view.first_refused {
        output::line(&format!("  {}: {}", entity.entity, output::count(entity.bytes, "byte", "bytes")));
    }
    let more = view.refused - view.first_refused.len() as u64;
    if more > 0 {
        output::line(&format!("  and {} more", output::thousands(more)));
    }
}
