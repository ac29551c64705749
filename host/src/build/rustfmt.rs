//! Rust as people format it.

use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

use super::cargo::clean_command;

/// A text of Rust as rustfmt formats it with the toolchain of `dir`; as it is where there is no rustfmt.
pub(crate) fn formatted(text: &str, dir: &Path) -> String {
    run(text, dir).unwrap_or_else(|| text.to_owned())
}

fn run(text: &str, dir: &Path) -> Option<String> {
    let mut command = clean_command("rustfmt", dir);
    // As rustfmt formats where nothing is set.
    command.args(["--edition", "2024", "--config", "max_width=100,use_small_heuristics=Default"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().ok()?;
    let mut input = child.stdin.take()?;
    let text = text.to_owned();
    let writer = std::thread::spawn(move || input.write_all(text.as_bytes()));
    let output = child.wait_with_output().ok()?;
    writer.join().ok()?.ok()?;
    let formatted = String::from_utf8(output.stdout).ok()?;
    (output.status.success() && !formatted.is_empty()).then_some(formatted)
}
