//! The page as a whole.

use super::html::{Html, count};
use super::{Report, ServiceReport, feature, health};

/// Light and dark, on wide and narrow screens. Colours of the bars differ in lightness too.
const STYLE: &str = include_str!("style.css");

/// Writes the page.
pub(super) fn page(report: &Report) -> String {
    let mut html = Html::default();
    html.raw("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n");
    // A browser refuses whatever the page does not need.
    html.raw(
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\"/>\n",
    );
    html.raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n");
    html.raw("<meta name=\"color-scheme\" content=\"light dark\"/>\n<title>");
    html.text(&report.project).raw(": onepath report</title>\n<style>\n").raw(STYLE).raw("</style>\n</head>\n<body>\n");
    html.raw("<header>\n<h1>").text(&report.project).raw("</h1>\n");
    html.paragraph(format_args!("Made at {}, of what was served {}.", report.made_at, period(report)));
    html.raw("</header>\n<main>\n");
    if report.services.is_empty() {
        html.paragraph("The project has no service: [services.NAME] in onepath.toml names one.");
    }
    report.services.iter().enumerate().for_each(|(at, of)| service(&mut html, at, of));
    health::freshness(&mut html, report);
    health::materialization(&mut html, report);
    health::proof(&mut html, report);
    html.raw("</main>\n</body>\n</html>");
    html.finish()
}

fn period(report: &Report) -> String {
    match (&report.since, &report.until) {
        (None, None) => "at any time".to_owned(),
        (Some(since), None) => format!("since {since}"),
        (None, Some(until)) => format!("before {until}"),
        (Some(since), Some(until)) => format!("from {since} until {until}"),
    }
}

fn service(html: &mut Html, at: usize, service: &ServiceReport) {
    html.raw("<section aria-labelledby=\"service-").text(at).raw("\">\n<h2 id=\"service-").text(at).raw("\">Service ");
    html.text(&service.service).raw("</h2>\n");
    if let Some(description) = &service.description {
        html.paragraph(description);
    }
    if let Some(owner) = &service.owner {
        html.paragraph(format_args!("Owner: {owner}"));
    }
    served(html, service);
    compared(html, service);
    let rows: Vec<Vec<String>> = service.features.iter().map(|of| feature::row(service, of)).collect();
    html.table(&format!("Features of {}", service.service), &feature::HEADER, &rows);
    html.raw("<h3>Feature by feature</h3>\n");
    service.features.iter().for_each(|of| feature::section(html, service, of));
    html.raw("</section>\n");
}

fn served(html: &mut Html, service: &ServiceReport) {
    let served = &service.served;
    let span = match (&served.first_as_of, &served.last_as_of) {
        (Some(first), Some(last)) => format!(", as of {first} to {last}"),
        _ => String::new(),
    };
    html.paragraph(format_args!("Served: {}{span}.", count(served.rows, "vector", "vectors")));
    if served.expired > 0 {
        let expired = count(served.expired, "older vector has", "older vectors have");
        html.paragraph(format_args!("{expired} made room for newer ones, of all services."));
    }
    if served.unread > 0 {
        html.paragraph(format_args!("NOT read: {}.", count(served.unread, "vector", "vectors")));
        served.reasons.iter().for_each(|reason| {
            html.paragraph(reason);
        });
    }
}

fn compared(html: &mut Html, service: &ServiceReport) {
    if let Some(reason) = &service.not_compared {
        html.paragraph(format_args!("Not compared with a training set: {reason}."));
    }
    let Some(drift) = &service.drift else { return };
    let rows = count(drift.reference.rows, "row", "rows");
    html.paragraph(format_args!("Compared with {}, {rows}.", drift.reference.what));
    if !drift.not_observed.is_empty() {
        html.paragraph(format_args!("In the training set and not served: {}.", drift.not_observed.join(", ")));
    }
    for other in &drift.other_versions {
        html.paragraph(format_args!(
            "View {} was another one in training, so what differs may be the code.",
            other.view
        ));
    }
}
