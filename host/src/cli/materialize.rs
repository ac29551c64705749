//! `onepath materialize`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::backfill::{overrides, parse_as_of, parse_source};
use super::{Context, Format, output, progress, summary};
use crate::feature_store::{MaterializedView, OpenOptions};
use crate::time::{AsOf, AvailableAt};

/// Fold history into the states of the online store.
///
/// The states of every view with sources are rebuilt from its files and from what was pushed: they are the states that a
/// backfill of the same events ends with.
#[derive(Args)]
#[command(after_help = "Examples:
  onepath materialize
  onepath materialize --source events=data/events.parquet
  onepath materialize --up-to 2024-06-30T00:00:00Z")]
pub(super) struct Materialize {
    /// A file that stands for the files of a source. Repeat for more files.
    #[arg(long, value_name = "NAME=FILE", value_parser = parse_source)]
    source: Vec<(String, PathBuf)>,
    /// Leave out events of files that became available later [default: now].
    #[arg(long, value_name = "TIME", value_parser = parse_as_of)]
    up_to: Option<AsOf>,
}

pub(super) fn run(context: &Context, command: &Materialize) -> anyhow::Result<ExitCode> {
    let (options, bar) = progress::shown(OpenOptions::default(), "materialize");
    let store = context.open(options)?;
    let report = store
        .materialize(&overrides(&command.source), command.up_to.map(|up_to| AvailableAt::from_micros(up_to.micros())));
    bar.finish_and_clear();
    let report = report?;
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
