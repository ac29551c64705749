//! `onepath monitor coverage`

use std::process::ExitCode;

use clap::Args;

use super::drift::{Moment, parse_moment};
use super::{Context, Format, output, progress};
use crate::feature_store::OpenOptions;
use crate::monitor::{CoverageReport, FeatureCoverage, Period};

/// List how often each served feature had each status, and was null.
///
/// Exit 0: the share of PRESENT is at least --present-min, for every feature. Exit 1: it is below that for one.
#[derive(Args)]
#[command(after_help = "Examples:
  onepath monitor coverage --since 24h
  onepath monitor coverage --since 24h --service churn_v1 --present-min 0.9")]
pub(super) struct Coverage {
    /// Only vectors of this as-of or a later one: a length of time back from now (24h), or a time [default: all].
    #[arg(long, value_name = "WHEN", value_parser = parse_moment)]
    since: Option<Moment>,
    /// Only vectors before this as-of [default: all].
    #[arg(long, value_name = "WHEN", value_parser = parse_moment)]
    until: Option<Moment>,
    /// Only vectors of this service.
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
    /// The share of PRESENT below which the exit code is 1.
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = parse_share)]
    present_min: f64,
}

fn parse_share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "give a share from 0 to 1, such as 0.9".to_owned())
}

pub(super) fn run(context: &Context, command: &Coverage) -> anyhow::Result<ExitCode> {
    let options = OpenOptions::default();
    progress::stop_on_interrupt(&options.stop);
    let store = context.open(options)?;
    let now = store.options().clock.now();
    let moment = |given: Option<Moment>| given.map(|moment| moment.as_of(now));
    let period = Period { since: moment(command.since), until: moment(command.until) };
    let report = store.coverage(period, command.service.as_deref())?;
    match context.format {
        Format::Json => output::json(&report)?,
        Format::Text => print(&report, command.present_min),
    }
    let is_below = report.features.iter().any(|feature| feature.present_share < command.present_min);
    Ok(if is_below { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

fn print(report: &CoverageReport, present_min: f64) {
    output::line(&format!("{}: {}", report.served.what, output::count(report.served.rows, "vector", "vectors")));
    if report.served.unread > 0 {
        output::line(&format!("NOT read: {}", output::count(report.served.unread, "vector", "vectors")));
        report.served.reasons.iter().for_each(|reason| output::line(&format!("  {reason}")));
    }
    if report.features.is_empty() {
        return;
    }
    let share = |share: f64| format!("{:.2} %", 100.0 * share);
    let row = |feature: &FeatureCoverage| {
        let mut row = vec![feature.feature.clone(), output::thousands(feature.rows), share(feature.null_share)];
        row.extend(feature.statuses.iter().map(|status| share(status.share)));
        row.push(if feature.present_share < present_min { "TOO FEW" } else { "" }.to_owned());
        row
    };
    let mut header = vec!["feature", "rows", "nulls"];
    header.extend(report.features[0].statuses.iter().map(|status| &*status.status));
    header.push("");
    output::table(&header, report.features.iter().map(row).collect());
}
