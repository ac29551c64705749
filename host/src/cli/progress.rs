//! Progress on a terminal, and silence elsewhere; and what an interrupted command does.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::feature_store::OpenOptions;

/// Options that show the rows evaluated so far, and the spinner to finish.
pub(super) fn shown(options: OpenOptions, what: &str) -> (OpenOptions, ProgressBar) {
    if !std::io::stderr().is_terminal() {
        return (options, ProgressBar::hidden());
    }
    let style = ProgressStyle::with_template("{spinner} {msg}: {human_pos} rows evaluated, {per_sec}, {elapsed}")
        .expect("the template is a constant");
    let with_end = "{spinner} {msg} [{bar:30}] {human_pos} of {human_len} rows, {per_sec}, {eta} left";
    let with_end = ProgressStyle::with_template(with_end).expect("the template is a constant").progress_chars("=> ");
    let bar = ProgressBar::new_spinner().with_style(style).with_message(what.to_owned());
    bar.enable_steady_tick(Duration::from_millis(100));
    let advance = bar.clone();
    let expect = bar.clone();
    let options = OpenOptions {
        progress: Arc::new(move |rows| advance.inc(rows)),
        expect_rows: Arc::new(move |rows| {
            expect.set_length(rows);
            expect.set_style(with_end.clone());
        }),
        ..options
    };
    (options, bar)
}

/// From now on an interrupt, or being told to terminate, sets `stop`, so that the command ends by itself and leaves nothing
/// behind. A second one ends the process at once.
pub(super) fn stop_on_interrupt(stop: &Arc<AtomicBool>) {
    for signal in [SIGINT, SIGTERM] {
        // In this order: the first signal finds the flag unset, and sets it. Where a signal cannot be taken, the command is
        // ended by it as any program is.
        let _ = flag::register_conditional_shutdown(signal, 130, Arc::clone(stop));
        let _ = flag::register(signal, Arc::clone(stop));
    }
}
