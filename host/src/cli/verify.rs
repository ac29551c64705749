//! `onepath verify`

use std::process::ExitCode;

use clap::Args;

use super::backfill::parse_as_of;
use super::{Context, Format, output, progress};
use crate::feature_store::OpenOptions;
use crate::monitor::{QuarantinedComponent, VerifyReport};
use crate::time::AsOf;

/// Prove that what was served is what a backfill gives, bit for bit.
///
/// Every served vector is replayed from history and log at its own as-of, by the path that makes training sets; every state
/// of the online store is compared with a replay. What is replayed is what serving had: the history that was materialized, and
/// the log. Every file of that history is read again and compared with what was materialized. Exit 0: no difference. Exit 1:
/// there are differences, the first are shown, or something could not be replayed, or a file is another one, or a component is in
/// quarantine, and what it served since a repeat of its calls passed last is listed.
#[derive(Args)]
#[command(after_help = "Examples:\n  onepath verify\n  onepath verify --since 2024-06-30 --format json")]
pub(super) struct Verify {
    /// Only vectors with this as-of or a later one [default: all].
    #[arg(long, value_name = "TIME", value_parser = parse_as_of)]
    since: Option<AsOf>,
}

pub(super) fn run(context: &Context, command: &Verify) -> anyhow::Result<ExitCode> {
    let (options, bar) = progress::shown(OpenOptions::default(), "verify");
    let store = context.open(options)?;
    let report = store.verify(command.since);
    bar.finish_and_clear();
    let report = report?;
    match context.format {
        Format::Json => output::json(&report)?,
        Format::Text => print(&report),
    }
    Ok(if report.is_equal() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// Those that the reasons do not name already.
fn print_changed_files(report: &VerifyReport) {
    let files: Vec<&String> = report.changed_files.iter().filter(|file| !report.reasons.contains(file)).collect();
    if !files.is_empty() {
        output::line(&format!("NOT as materialized: {}:", output::count(files.len() as u64, "file", "files")));
        files.iter().for_each(|file| output::line(&format!("  {file}")));
    }
}

fn print_quarantined(found: &QuarantinedComponent) {
    output::line(&format!("in quarantine: component {} of {}", found.component, found.views.join(", ")));
    output::line(&format!("  it gave two answers to the same rows: {}", found.difference));
    let span = match (&found.first, &found.last) {
        (Some(first), Some(last)) => format!(", as of {first} to {last}"),
        _ => String::new(),
    };
    output::line(&format!(
        "  {} served with it since a repeat of its calls passed last{span}",
        output::count(found.vectors, "recorded vector was", "recorded vectors were"),
    ));
    found.shown.iter().for_each(|vector| output::line(&format!("    {} as of {}", vector.entity, vector.as_of)));
    let more = found.vectors - found.shown.len() as u64;
    if more > 0 {
        output::line(&format!("    and {}", output::count(more, "more", "more")));
    }
    output::line("  change the transform, run `onepath build`, and serve anew; these vectors stay unproved");
}

fn print(report: &VerifyReport) {
    print_changed_files(report);
    let (served, unproved) = (report.vectors + report.states, report.unproved + report.unproved_views);
    if served + unproved == 0 {
        output::line("nothing was served yet: `onepath get` records what it serves");
        return;
    }
    output::line(&format!(
        "verified {} ({}): {}",
        output::count(report.vectors, "served vector", "served vectors"),
        output::count(report.values, "value", "values"),
        output::count(report.differences, "difference", "differences"),
    ));
    output::line(&format!(
        "verified {}: {}",
        output::count(report.states, "online state", "online states"),
        output::count(report.state_differences, "difference", "differences"),
    ));
    if report.expired > 0 {
        output::line(&format!(
            "not verified: {} made room for newer ones (`served_bytes_max` under [serving])",
            output::count(report.expired, "older served vector", "older served vectors"),
        ));
    }
    if report.unproved > 0 || report.unproved_views > 0 {
        output::line(&format!(
            "NOT verified: {} and the states of {}, because what served is no longer there{}:",
            output::count(report.unproved, "served vector", "served vectors"),
            output::count(report.unproved_views, "view", "views"),
            if report.quarantined.is_empty() { "" } else { ", or in quarantine" },
        ));
        for reason in &report.reasons {
            output::line(&format!("  {reason}"));
        }
        output::line("  `onepath verify --since TIME` leaves out older vectors");
    }
    report.quarantined.iter().for_each(print_quarantined);
    for difference in &report.first {
        let as_of = difference.as_of.as_ref().map_or_else(String::new, |as_of| format!(" as of {as_of}"));
        output::line(&format!(
            "\n{}, {}{as_of}\n  served   {}  {}\n  replayed {}  {}",
            difference.what,
            difference.entity,
            difference.served,
            difference.served_bits,
            difference.replayed,
            difference.replayed_bits,
        ));
    }
}
