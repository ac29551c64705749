//! Bars: the shares of training and serving in each bin, side by side.

use super::html::{Html, percent};
use crate::profile::Histogram;

/// The height of the bars' part, and where it begins.
const HEIGHT: f64 = 130.0;
const TOP: f64 = 10.0;
/// Where it begins from the left, and how wide a picture is at least, and a bin.
const LEFT: f64 = 52.0;
const WIDTH_MIN: f64 = 640.0;
const BIN_MIN: f64 = 40.0;
/// Room for what bins are, beside that for each of their characters, which stand aslant.
const BELOW: f64 = 26.0;
const BELOW_EACH: f64 = 3.2;
/// Characters of a category that are shown; the table has all.
const LABEL_MAX: usize = 16;
/// The ends that the axis of shares may have.
const ENDS: [f64; 6] = [0.1, 0.2, 0.3, 0.5, 0.75, 1.0];

/// Draws the histogram of `feature`; the picture's title says what it shows.
pub(super) fn bars(html: &mut Html, feature: &str, histogram: &Histogram) {
    let count = histogram.bins.len() as f64;
    let width = WIDTH_MIN.max(LEFT + count * BIN_MIN);
    let bin_width = (width - LEFT - 4.0) / count;
    let largest = histogram.bins.iter().map(|bin| bin.reference_share.max(bin.observed_share)).fold(0.0, f64::max);
    let end = ENDS.into_iter().find(|end| *end >= largest).unwrap_or(1.0);
    let longest = histogram.bins.iter().map(|bin| bin.label.chars().count().min(LABEL_MAX)).max().unwrap_or(0);
    html.raw("<div class=\"wide\"><svg role=\"img\" aria-label=\"Training and serving of ").text(feature);
    html.raw(", shares by bin; the table below has the figures\" viewBox=\"0 0 ").text(width).raw(" ");
    html.text(TOP + HEIGHT + BELOW + BELOW_EACH * longest as f64)
        .raw("\">\n<title>Training and serving of ")
        .text(feature)
        .raw("</title>\n");
    for part in [0.0, 0.5, 1.0] {
        let y = TOP + HEIGHT * (1.0 - part);
        html.raw("<line class=\"grid\" x1=\"").text(LEFT).raw("\" x2=\"").text(width).raw("\" y1=\"").text(y);
        html.raw("\" y2=\"").text(y).raw("\"/><text x=\"").text(LEFT - 6.0).raw("\" y=\"").text(y + 4.0);
        html.raw("\" text-anchor=\"end\">")
            .text(format_args!("{} %", (1_000.0 * part * end).round() / 10.0))
            .raw("</text>\n");
    }
    for (at, bin) in histogram.bins.iter().enumerate() {
        let x = LEFT + bin_width * at as f64;
        let bar = bin_width * 0.38;
        html.raw("<g><title>").text(&bin.label).raw(": ").text(percent(bin.reference_share)).raw(" of training, ");
        html.text(percent(bin.observed_share)).raw(" of serving</title>");
        let one = |html: &mut Html, class: &'static str, x: f64, share: f64| {
            let height = HEIGHT * (share / end).min(1.0);
            html.raw("<rect class=\"").raw(class).raw("\" x=\"").text(format_args!("{x:.1}")).raw("\" y=\"");
            html.text(format_args!("{:.1}", TOP + HEIGHT - height)).raw("\" width=\"").text(format_args!("{bar:.1}"));
            html.raw("\" height=\"").text(format_args!("{height:.1}")).raw("\"/>");
        };
        one(html, "training", x + bin_width * 0.1, bin.reference_share);
        one(html, "serving", x + bin_width * 0.52, bin.observed_share);
        let (middle, below) = (x + bin_width / 2.0, TOP + HEIGHT + 14.0);
        html.raw("<text class=\"bin\" text-anchor=\"end\" transform=\"translate(").text(format_args!("{middle:.1} "));
        html.text(below).raw(") rotate(-30)\">").text(shortened(&bin.label)).raw("</text></g>\n");
    }
    html.raw("</svg></div>\n");
}

fn shortened(label: &str) -> String {
    match label.char_indices().nth(LABEL_MAX) {
        Some((end, _)) => format!("{}…", &label[..end]),
        None => label.to_owned(),
    }
}
