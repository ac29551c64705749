//! What the page says of one feature.

use super::html::{Html, count, percent};
use super::{FeatureReport, ServiceReport, svg};
use crate::monitor::{FeatureDrift, VALUES_MIN, Verdict};
use crate::profile::{Cause, Histogram, Measure};

/// The verdict in words.
pub(super) fn verdict(service: &ServiceReport, feature: &FeatureReport) -> String {
    let Some(drift) = service.drift_of(&feature.feature) else {
        return match (feature.rows, &service.drift) {
            (0, _) => "not served in this time".to_owned(),
            (_, None) => "nothing to compare it with".to_owned(),
            (_, Some(_)) => "not in the training set".to_owned(),
        };
    };
    match drift.verdict {
        Verdict::TooFew => format!("too few rows to say: {VALUES_MIN} are needed on both sides"),
        Verdict::Ok => "as in training".to_owned(),
        Verdict::Warn => "worth a look".to_owned(),
        Verdict::Unstable => "not as in training".to_owned(),
    }
}

/// The class of its badge: how much it is to be looked at.
fn badge(drift: Option<&FeatureDrift>) -> &'static str {
    match drift.map(|drift| drift.verdict) {
        Some(Verdict::Ok) => "<span class=\"badge ok\">",
        Some(Verdict::Warn) => "<span class=\"badge warn\">",
        Some(Verdict::Unstable) => "<span class=\"badge unstable\">",
        Some(Verdict::TooFew) | None => "<span class=\"badge\">",
    }
}

/// A row of the table of all features.
pub(super) fn row(service: &ServiceReport, feature: &FeatureReport) -> Vec<String> {
    let drift = service.drift_of(&feature.feature);
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let figures = drift.map(|drift| &drift.comparison);
    let nulls = (feature.rows > 0).then(|| percent(feature.nulls as f64 / feature.rows as f64));
    let present = feature.statuses.iter().find(|status| status.status == "PRESENT");
    vec![
        feature.feature.clone(),
        verdict(service, feature),
        feature.rows.to_string(),
        or_dash(figures.map(|figures| percent(figures.reference_nulls.share))),
        or_dash(nulls),
        or_dash(figures.and_then(|figures| figures.psi).map(|psi| format!("{psi:.3}"))),
        or_dash(figures.and_then(|figures| figures.ks).map(|ks| format!("{:.3}", ks.d))),
        or_dash(figures.and_then(|figures| figures.mean_shift).map(|shift| format!("{shift:+.2}"))),
        or_dash(present.filter(|_| feature.rows > 0).map(|status| percent(status.share))),
    ]
}

pub(super) const HEADER: [&str; 9] =
    ["feature", "verdict", "served", "nulls in training", "nulls served", "PSI", "KS D", "mean shift", "PRESENT"];

/// The section of a feature.
pub(super) fn section(html: &mut Html, service: &ServiceReport, feature: &FeatureReport) {
    let drift = service.drift_of(&feature.feature);
    html.raw("<article>\n<h4>").text(&feature.feature).raw(" ").raw(badge(drift)).text(verdict(service, feature));
    html.raw("</span></h4>\n");
    if !feature.meaning.is_empty() {
        html.paragraph(&feature.meaning);
    }
    if let Some(owner) = &feature.owner {
        html.paragraph(format_args!("Owner: {owner}"));
    }
    if let Some(drift) = drift {
        html.paragraph(format_args!("{}.", figures(drift)));
        findings(html, drift);
    }
    if feature.rows > 0 {
        html.paragraph(coverage(feature));
    }
    match &feature.histogram {
        Some(histogram) => drawn(html, feature, histogram),
        None if drift.is_some() => {
            html.paragraph("There is nothing to draw: one of the two has no value in any bin.");
        }
        None => {}
    }
    html.raw("</article>\n");
}

fn figures(drift: &FeatureDrift) -> String {
    let compared = &drift.comparison;
    let mut figures = vec![
        format!("{} against {} of training", count(drift.n, "vector served", "vectors served"), drift.reference_n),
        format!(
            "nulls {} in training, {} served (95 %: {} to {})",
            percent(compared.reference_nulls.share),
            percent(compared.nulls.share),
            percent(compared.nulls.interval.low),
            percent(compared.nulls.interval.high)
        ),
    ];
    figures.extend(compared.psi.map(|psi| format!("PSI {psi:.3}")));
    figures.extend(compared.ks.map(|ks| format!("KS D {:.3} (p {:.1e})", ks.d, ks.p)));
    figures.extend(compared.mean_shift.map(|shift| format!("the mean moved by {shift:+.2} standard deviations")));
    figures.join("; ")
}

fn findings(html: &mut Html, drift: &FeatureDrift) {
    if drift.comparison.findings.is_empty() {
        return;
    }
    html.raw("<ul>\n");
    for finding in &drift.comparison.findings {
        let cause = match finding.cause {
            Cause::Inputs => "Inputs changed",
            Cause::Delivery => "Delivery changed (events late, missing or refused)",
            Cause::OtherVersions => "Made by other versions, so the code may have changed",
        };
        html.raw("<li>").text(format_args!("{cause}: {}", finding.text)).raw("</li>\n");
    }
    html.raw("</ul>\n");
}

fn coverage(feature: &FeatureReport) -> String {
    let told = feature.statuses.iter().filter(|status| status.count > 0);
    let told: Vec<String> =
        told.map(|status| format!("{} {} ({})", status.status, percent(status.share), status.count)).collect();
    format!("Coverage: {}.", told.join(", "))
}

fn drawn(html: &mut Html, feature: &FeatureReport, histogram: &Histogram) {
    svg::bars(html, &feature.feature, histogram);
    let of = match (histogram.categories, histogram.measure) {
        (true, _) => "Values",
        (false, Measure::AgeUs) => "Age at the question (deciles of training)",
        (false, Measure::Characters) => "Characters of the text (deciles of training)",
        (false, Measure::Norm) => "Norm of the list (deciles of training)",
        (false, Measure::Value | Measure::None) => "Values (deciles of training)",
    };
    html.raw("<p class=\"legend\"><span class=\"key training\"></span> training <span class=\"key serving\"></span> serving. ");
    html.text(of).raw("</p>\n<details><summary>Figures of the bars</summary>\n");
    let row = |bin: &crate::profile::HistogramBin| {
        vec![
            bin.label.clone(),
            percent(bin.reference_share),
            percent(bin.observed_share),
            bin.reference.to_string(),
            bin.observed.to_string(),
        ]
    };
    let rows: Vec<Vec<String>> = histogram.bins.iter().map(row).collect();
    let header = ["bin", "share of training", "share of serving", "values of training", "values of serving"];
    html.table(&format!("Bars of {}", feature.feature), &header, &rows).raw("</details>\n");
}
