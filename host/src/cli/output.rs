//! Printing: tables, JSON and errors.

use std::io::Write;

use comfy_table::{ColumnConstraint, ContentArrangement, Table, Width, presets};

use crate::told;

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

/// The columns of the terminal, or those that the environment names; none where the output goes elsewhere, so that each row is a line.
fn columns() -> Option<usize> {
    let named = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    named.or_else(|| Table::new().width().map(usize::from)).map(|columns: usize| columns.max(MIN_COLUMNS))
}

/// Narrower than this, words would be cut everywhere.
const MIN_COLUMNS: usize = 60;

/// Prints a table that fits the terminal: the first column, which names things, is whole up to half of it, and the narrower ones of the
/// others are.
pub(super) fn fitted_table(header: &[&str], rows: Vec<Vec<String>>) {
    let widest = |at: usize| {
        let cells = rows.iter().map(|row| row[at].chars().count());
        cells.chain([header[at].chars().count()]).max().unwrap_or(0) + PADDING
    };
    let mut widths: Vec<usize> = (0..header.len()).map(widest).collect();
    if let Some(columns) = columns() {
        fit(&mut widths, columns.saturating_sub(header.len() + 1));
    }
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY).set_header(header.to_vec());
    table.set_content_arrangement(ContentArrangement::Dynamic).set_width(u16::MAX);
    table.add_rows(rows);
    for (column, width) in table.column_iter_mut().zip(widths) {
        column.set_constraint(ColumnConstraint::Absolute(Width::Fixed(u16::try_from(width).unwrap_or(u16::MAX))));
    }
    line(&table.to_string());
}

/// The space on both sides of a cell.
const PADDING: usize = 2;

/// Makes widths narrower until they fit in `room`.
fn fit(widths: &mut [usize], room: usize) {
    let Some((first, others)) = widths.split_first_mut() else { return };
    if !others.is_empty() {
        *first = (*first).min(room / 2);
    }
    let mut left = room.saturating_sub(*first);
    let mut narrowest: Vec<&mut usize> = others.iter_mut().collect();
    narrowest.sort();
    let count = narrowest.len();
    for (done, width) in narrowest.into_iter().enumerate() {
        *width = (*width).min(left / (count - done)).max(PADDING + 1);
        left = left.saturating_sub(*width);
    }
}

/// A text in lines that fit the terminal beside `indent` columns; its own line breaks stay.
pub(super) fn folded(text: &str, indent: usize) -> Vec<String> {
    let Some(columns) = columns() else { return text.lines().map(str::to_owned).collect() };
    let width = columns.saturating_sub(indent).max(20);
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        for word in paragraph.split_whitespace() {
            if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push(line);
    }
    lines
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
    fn wide_columns_give_way_to_narrow_ones() {
        let fitted = |mut widths: Vec<usize>, room: usize| {
            super::fit(&mut widths, room);
            widths
        };
        assert_eq!(fitted(vec![10, 10, 10], 40), [10, 10, 10]);
        assert_eq!(fitted(vec![33, 9, 13, 200], 75), [33, 9, 13, 20]);
        assert_eq!(fitted(vec![90, 9, 13, 200], 75), [37, 9, 13, 16]);
        assert_eq!(fitted(vec![90], 75), [90]);
    }

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
