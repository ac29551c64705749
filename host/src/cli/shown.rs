//! `--show-output`: what components print, on standard error, each line with the row at which it was printed.

use std::io::Write;

use indicatif::ProgressBar;

use crate::admission::TrialOutput;
use crate::evaluate::{OutputSink, RowOutput};

/// Of the commands whose calls have rows of somebody's.
#[derive(clap::Args)]
pub(super) struct ShowOutput {
    /// Print what components write with println!, eprintln! and dbg!, each line with the view, the entity and the time of the row,
    /// on standard error. Rows are evaluated one by one then, which takes longer; it never changes a result.
    #[arg(long)]
    pub(super) show_output: bool,
}

impl ShowOutput {
    /// The sink, if there is to be one. Lines go above the progress bar.
    pub(super) fn sink(&self, bar: &ProgressBar) -> Option<OutputSink> {
        let bar = bar.clone();
        self.show_output.then(|| OutputSink::new(move |output| bar.suspend(|| print(&rows(output)))))
    }
}

/// What was printed at one row.
fn rows(output: &RowOutput) -> String {
    let row = output.to_string();
    output.lines.iter().map(|line| format!("{row} | {line}\n")).collect()
}

/// Prints what was printed in the trials of a component.
pub(super) fn trial(name: &str, output: &TrialOutput) {
    print(&match output {
        TrialOutput::Line(line) => format!("{name} {line}\n"),
        TrialOutput::More(lines) => {
            format!("{name}: {} not shown\n", super::output::count(*lines, "more line", "more lines"))
        }
    });
}

/// Lines of one row stay together, whoever else prints.
fn print(text: &str) {
    // Nothing is left to tell where standard error is closed.
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}
