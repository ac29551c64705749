//! `onepath served`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::drift::{Moment, parse_moment};
use super::{Context, Format, output, progress};
use crate::feature_store::OpenOptions;
use crate::monitor::{ExportRequest, Period};

/// What was served, as it was recorded.
#[derive(Args)]
pub(super) struct ServedCommand {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Export(Export),
}

/// Write what was served to a file, one row per vector.
///
/// Columns: served_id, as_of, log_offset, service, replayed, request_id; the keys; the request fields; each feature and its status
/// (`NAME__status`); of each view its identity, its component and the newest offset that it saw (`VIEW__identity`, `VIEW__component`,
/// `VIEW__offset`). Vectors that are missing or damaged end it without a file.
#[derive(Args)]
#[command(after_help = "Examples:
  onepath served export --out served.parquet
  onepath served export --since 24h --service churn_v1 --out today.parquet
  onepath served export --since 2024-06-01 --until 2024-07-01 --out june.csv")]
struct Export {
    /// Only vectors of this as-of or a later one: a length of time back from now (24h), or a time [default: all].
    #[arg(long, value_name = "WHEN", value_parser = parse_moment)]
    since: Option<Moment>,
    /// Only vectors before this as-of [default: all].
    #[arg(long, value_name = "WHEN", value_parser = parse_moment)]
    until: Option<Moment>,
    /// Only vectors of this service.
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
    /// The file to write: .parquet, .csv or .ndjson. It appears whole or not at all.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

pub(super) fn run(context: &Context, command: &ServedCommand) -> anyhow::Result<ExitCode> {
    let Command::Export(export) = &command.command;
    let options = OpenOptions::default();
    progress::stop_on_interrupt(&options.stop);
    let store = context.open(options)?;
    let now = store.options().clock.now();
    let moment = |given: Option<Moment>| given.map(|moment| moment.as_of(now));
    let report = store.export_served(&ExportRequest {
        period: Period { since: moment(export.since), until: moment(export.until) },
        service: export.service.clone(),
        out: export.out.clone(),
    })?;
    match context.format {
        Format::Json => output::json(&report)?,
        Format::Text => {
            output::line(&format!(
                "{}: {}, {} columns; sha256 {}",
                report.out.display(),
                output::count(report.rows, "served vector", "served vectors"),
                report.columns,
                report.sha256,
            ));
            if report.expired > 0 {
                output::line(&format!(
                    "not in it: {} made room for newer ones (`served_bytes_max` under [serving])",
                    output::count(report.expired, "older served vector", "older served vectors"),
                ));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
