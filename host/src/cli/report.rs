//! `onepath report`

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::bail;
use clap::Args;

use super::drift::{Moment, parse_moment};
use super::{Context, Format, output, progress};
use crate::feature_store::OpenOptions;
use crate::files;
use crate::monitor::{Period, ReportRequest, VerifyReport};

/// Write a page about the project: what was served beside what models were trained on, what is late, what is proved.
///
/// One HTML file that needs no other, no script and no network. Per service: its features, the bars of training and serving, nulls, PSI,
/// KS, coverage, and what they say; then the freshness of views, the materialization of sources, and the proof. A service is compared
/// with the newest training set that a backfill noted for it. --format json prints the same. Exit 0: it is written, whatever it says.
/// Exit 1: with --verify, not all is proved.
#[derive(Args)]
#[command(after_help = "Examples:
  onepath report --out report.html --since 24h
  onepath report --out report.html --against training.parquet.manifest.json --service churn_v1
  onepath report --out report.html --verify
  onepath report --format json")]
pub(super) struct ReportCommand {
    /// The page to write. It appears whole or not at all. Needed but for --format json.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// The manifest of the training set that counts as usual [default: of each service the newest one that is noted].
    #[arg(long, value_name = "MANIFEST")]
    against: Option<PathBuf>,
    /// Only vectors of this as-of or a later one: a length of time back from now (24h), or a time [default: all].
    #[arg(long, value_name = "WHEN", value_parser = parse_moment)]
    since: Option<Moment>,
    /// Only vectors before this as-of [default: all].
    #[arg(long, value_name = "WHEN", value_parser = parse_moment)]
    until: Option<Moment>,
    /// Only this service.
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
    /// Replay what was served since --since, and say on the page what `onepath verify` finds. It takes its time.
    #[arg(long)]
    verify: bool,
}

pub(super) fn run(context: &Context, command: &ReportCommand) -> anyhow::Result<ExitCode> {
    if command.out.is_none() && context.format == Format::Text {
        bail!("name the page to write with --out FILE, or take the report as --format json");
    }
    let options = OpenOptions::default();
    progress::stop_on_interrupt(&options.stop);
    let store = context.open(options)?;
    let now = store.options().clock.now();
    let moment = |given: Option<Moment>| given.map(|moment| moment.as_of(now));
    let report = store.report(&ReportRequest {
        against: command.against.clone(),
        period: Period { since: moment(command.since), until: moment(command.until) },
        service: command.service.clone(),
        verify: command.verify,
    })?;
    if let Some(out) = &command.out {
        files::write_text(out, &report.to_html())?;
    }
    match (context.format, &command.out) {
        (Format::Json, _) => output::json(&report)?,
        (Format::Text, Some(out)) => {
            let services = output::count(report.services.len() as u64, "service", "services");
            output::line(&format!("{}: {services}", out.display()));
            for service in &report.services {
                let verdict = service.drift.as_ref().map_or("not compared", |drift| drift.verdict.as_str());
                output::line(&format!("  {}: {verdict}", service.service));
            }
        }
        (Format::Text, None) => {}
    }
    let is_proved = report.proof.as_ref().is_none_or(VerifyReport::is_equal);
    Ok(if is_proved { ExitCode::SUCCESS } else { ExitCode::from(1) })
}
