//! What the page says of lateness, and of proof.

use super::Report;
use super::html::{Html, count};
use crate::monitor::{VerifyReport, age};

/// How fresh the views are.
pub(super) fn freshness(html: &mut Html, report: &Report) {
    html.raw("<section aria-labelledby=\"freshness\">\n<h2 id=\"freshness\">Freshness of views</h2>\n");
    if report.freshness.promises.is_empty() {
        html.paragraph("No view reads events.");
    } else {
        let row = |promise: &crate::monitor::Freshness| {
            let name = match promise.features.is_empty() {
                true => promise.view.clone(),
                false => format!("{}: {}", promise.view, promise.features.join(", ")),
            };
            vec![
                name,
                promise.newest_event.clone().unwrap_or_else(|| "never".to_owned()),
                promise.age_s.map_or_else(|| "-".to_owned(), age),
                promise.promised.clone().unwrap_or_else(|| "nothing".to_owned()),
                match promise.is_kept {
                    Some(true) => "yes",
                    Some(false) => "NO",
                    None => "-",
                }
                .to_owned(),
            ]
        };
        let rows: Vec<Vec<String>> = report.freshness.promises.iter().map(row).collect();
        html.table("Newest events of views", &["view", "newest event", "age", "promised", "kept"], &rows);
    }
    html.raw("</section>\n");
}

/// When sources were materialized.
pub(super) fn materialization(html: &mut Html, report: &Report) {
    html.raw(
        "<section aria-labelledby=\"materialization\">\n<h2 id=\"materialization\">Materialization of sources</h2>\n",
    );
    if report.materialization.sources.is_empty() {
        html.paragraph("No source has files: what is pushed is in the states at once.");
    } else {
        let row = |source: &crate::monitor::Materialization| {
            vec![
                source.source.clone(),
                source.up_to.clone().unwrap_or_else(|| "never".to_owned()),
                source.age_s.map_or_else(|| "-".to_owned(), age),
                match (source.every_s, source.every_by) {
                    (Some(every), Some(by)) => format!("{}, by {by}", age(every)),
                    _ => "not known".to_owned(),
                },
                match source.is_late {
                    Some(true) => "LATE",
                    Some(false) => "no",
                    None => "-",
                }
                .to_owned(),
            ]
        };
        let rows: Vec<Vec<String>> = report.materialization.sources.iter().map(row).collect();
        html.table("Sources with files", &["source", "materialized up to", "age", "every", "late"], &rows);
    }
    html.raw("</section>\n");
}

/// What is proved.
pub(super) fn proof(html: &mut Html, report: &Report) {
    html.raw("<section aria-labelledby=\"proof\">\n<h2 id=\"proof\">Proof</h2>\n");
    match &report.proof {
        None => {
            html.paragraph(
                "Not run. `onepath verify` replays what was served and compares it bit for bit with a backfill; `onepath report \
                 --verify` has it on this page.",
            );
        }
        Some(proof) => proved(html, proof),
    }
    html.raw("</section>\n");
}

fn proved(html: &mut Html, proof: &VerifyReport) {
    html.paragraph(match (proof.is_equal(), proof.vectors + proof.states) {
        (true, 0) => "There was nothing to replay.",
        (true, _) => "What was served is what a backfill gives, bit for bit.",
        (false, _) => "NOT all of what was served is proved: `onepath verify` has the details.",
    });
    let row = |name: &str, number: u64| vec![name.to_owned(), number.to_string()];
    let rows = [
        row("served vectors replayed", proof.vectors),
        row("values compared", proof.values),
        row("differences", proof.differences),
        row("online states compared", proof.states),
        row("states that differ", proof.state_differences),
        row("vectors that could not be replayed", proof.unproved),
        row("views whose states could not be replayed", proof.unproved_views),
        row("components in quarantine", proof.quarantined.len() as u64),
        row("files that are not as materialized", proof.changed_files.len() as u64),
    ];
    html.table("What verify found", &["what", "how many"], &rows);
    for reason in &proof.reasons {
        html.paragraph(reason);
    }
    if proof.expired > 0 {
        let made_room = count(proof.expired, "older vector has", "older vectors have");
        html.paragraph(format_args!("{made_room} made room for newer ones and cannot be proved any more."));
    }
}
