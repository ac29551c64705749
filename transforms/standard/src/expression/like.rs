//! LIKE and ILIKE.

use onepath_definition::Function;
use onepath_sdk::batch::Values;

use super::Answer;
use super::text::{find, lower};
use super::view::{View, strict, total};

pub(super) fn like(function: Function, views: &[View], rows: usize) -> Answer {
    let marks = strict(views, rows);
    let [text, pattern] = views else { return total(Vec::new(), marks, Values::Booleans) };
    let (texts, patterns) = (text.texts(), pattern.texts());
    let ignores_case = function == Function::LikeIgnoringCase;
    if pattern.is_constant {
        let pattern = if ignores_case { lowered(patterns.at(0)) } else { patterns.at(0).to_owned() };
        let pattern = Pattern::new(&pattern);
        let of = |row: usize| match ignores_case {
            true => pattern.matches(&lowered(texts.at(row))),
            false => pattern.matches(texts.at(row)),
        };
        return total((0..rows).map(|row| u8::from(of(row))).collect(), marks, Values::Booleans);
    }
    let of = |row: usize| match ignores_case {
        true => Pattern::new(&lowered(patterns.at(row))).matches(&lowered(texts.at(row))),
        false => Pattern::new(patterns.at(row)).matches(texts.at(row)),
    };
    total((0..rows).map(|row| u8::from(of(row))).collect(), marks, Values::Booleans)
}

fn lowered(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.chars().map(lower).collect()
}

/// A pattern, cut at its `%`.
struct Pattern<'p> {
    first: &'p str,
    /// What must follow in order, with anything between.
    rest: Vec<&'p str>,
}

impl<'p> Pattern<'p> {
    fn new(pattern: &'p str) -> Self {
        let mut pieces = pattern.split('%');
        let first = pieces.next().unwrap_or("");
        Pattern { first, rest: pieces.collect() }
    }

    fn matches(&self, text: &str) -> bool {
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
