//! Progress on a terminal; silence elsewhere.

use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::feature_store::OpenOptions;

/// Options that show the rows evaluated so far, and the spinner to finish.
pub(super) fn shown(options: OpenOptions, what: &str) -> (OpenOptions, ProgressBar) {
    if !std::io::stderr().is_terminal() {
        return (options, ProgressBar::hidden());
    }
    let style = ProgressStyle::with_template("{spinner} {msg}: {human_pos} rows evaluated, {per_sec}, {elapsed}")
        .expect("the template is a constant");
    let bar = ProgressBar::new_spinner().with_style(style).with_message(what.to_owned());
    bar.enable_steady_tick(Duration::from_millis(100));
    let advance = bar.clone();
    (OpenOptions { progress: Arc::new(move |rows| advance.inc(rows)), ..options }, bar)
}
