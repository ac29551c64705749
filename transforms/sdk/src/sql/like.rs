//! LIKE and ILIKE.

use super::text::{find, lower};

/// Whether a text fits a pattern: `%` for any characters, `_` for one.
pub fn like(text: &str, pattern: &str) -> bool {
    Pattern::new(pattern).matches(text)
}

/// As [`like`], without regard to case.
pub fn like_ignoring_case(text: &str, pattern: &str) -> bool {
    Pattern::new(&lowered(pattern)).matches(&lowered(text))
}

/// A text in lower case, one character for one.
pub fn lowered(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.chars().map(lower).collect()
}

/// A pattern, cut at its `%`.
pub struct Pattern<'p> {
    first: &'p str,
    /// What must follow in order, with anything between.
    rest: Vec<&'p str>,
}

impl<'p> Pattern<'p> {
    /// A pattern of a text.
    pub fn new(pattern: &'p str) -> Self {
        let mut pieces = pattern.split('%');
        let first = pieces.next().unwrap_or("");
        Pattern { first, rest: pieces.collect() }
    }

    /// Whether a text fits it.
    pub fn matches(&self, text: &str) -> bool {
        let Some(mut left) = after(text, self.first) else { return false };
        let Some((last, middle)) = self.rest.split_last() else { return left.is_empty() };
        for piece in middle {
            let Some(rest) = after_first(left, piece) else { return false };
            left = rest;
        }
        if !last.contains('_') {
            return left.ends_with(last);
        }
        // The last piece ends the text: as many characters as it has.
        let length = last.chars().count();
        let before = left.chars().count().checked_sub(length);
        let tail = before.and_then(|before| left.char_indices().map(|(at, _)| at).chain([left.len()]).nth(before));
        tail.is_some_and(|at| after(&left[at..], last) == Some(""))
    }
}

/// What follows a piece that the text begins with.
fn after<'t>(text: &'t str, piece: &str) -> Option<&'t str> {
    if !piece.contains('_') {
        return text.strip_prefix(piece);
    }
    let mut rest = text.chars();
    for wanted in piece.chars() {
        let found = rest.next()?;
        if wanted != '_' && wanted != found {
            return None;
        }
    }
    Some(rest.as_str())
}

/// What follows the first occurrence of a piece.
fn after_first<'t>(text: &'t str, piece: &str) -> Option<&'t str> {
    if !piece.contains('_') {
        return find(text.as_bytes(), piece.as_bytes()).map(|at| &text[at + piece.len()..]);
    }
    text.char_indices().find_map(|(at, _)| after(&text[at..], piece))
}
