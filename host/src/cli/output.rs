//! Printing: tables, JSON and errors.

use std::io::Write;

use comfy_table::{Table, presets};

/// Prints an error and its causes on standard error.
pub(super) fn error(error: &anyhow::Error) {
    let text = told(error.as_ref());
    // Any file may be the one too many, so what to do is said here, where nobody before has.
    let is_of_open_files = ["(os error 24)", "(os error 23)"].iter().any(|code| text.contains(code));
    let help = if is_of_open_files && !text.contains("ulimit -n") {
        "; allow more open files to this process (`ulimit -n 1024`)"
    } else {
        ""
    };
    // Nothing is left to tell where standard error is closed.
    let _ = writeln!(std::io::stderr(), "error: {text}{help}");
}

/// Prints on standard error what is worth a look and stops nothing.
pub(super) fn warning(text: &str) {
    let _ = writeln!(std::io::stderr(), "warning: {text}");
}

/// An error and its causes in one text. A cause that the message already tells is left out.
pub(super) fn told(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let causes = std::iter::successors(error.source(), |cause| (*cause).source());
    for cause in causes.map(ToString::to_string) {
        if !text.contains(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
    }
    text
}

/// Prints a line on standard output; a reader that went away (`| head`) is no error.
pub(super) fn line(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Prints one JSON document.
pub(super) fn json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    line(&serde_json::to_string_pretty(value)?);
    Ok(())
}

/// Prints a table.
pub(super) fn table(header: &[&str], rows: Vec<Vec<String>>) {
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY).set_header(header.to_vec());
    for row in rows {
        table.add_row(row);
    }
    line(&table.to_string());
}

/// A count of things, `one` of them by name.
pub(super) fn count(number: u64, one: &str, more: &str) -> String {
    format!("{} {}", thousands(number), if number == 1 { one } else { more })
}

/// A number with its thousands apart.
pub(super) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn one_is_no_plural() {
        let seen = [0, 1, 1_000].map(|number| super::count(number, "entity", "entities"));
        assert_eq!(seen, ["0 entities", "1 entity", "1,000 entities"]);
    }

    #[test]
    fn thousands_are_apart() {
        let seen = [0, 999, 1_000, 1_234_567].map(super::thousands);
        assert_eq!(seen, ["0", "999", "1,000", "1,234,567"]);
    }
}
