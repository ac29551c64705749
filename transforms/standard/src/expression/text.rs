//! Functions of texts, by code points.

use onepath_definition::Function;
use onepath_sdk::batch::Values;

use super::Answer;
use super::view::{Cell, TEXT_BYTES_MAX, View, by_row, strict, texts_by_row, total};

pub(super) fn of_texts(function: Function, views: &[View], rows: usize) -> Answer {
    match function {
        Function::Length => number_of(views, rows, |text, _| text.chars().count() as i64),
        Function::Position => number_of(views, rows, position),
        Function::StartsWith => whether(views, rows, |text, other| text.starts_with(other)),
        Function::EndsWith => whether(views, rows, |text, other| text.ends_with(other)),
        Function::Contains => whether(views, rows, |text, other| find(text, other).is_some()),
        Function::Concat => {
            let all: Vec<_> = views.iter().map(View::texts).collect();
            texts_by_row(views, rows, |row, out| {
                // No text is longer than the longest, so that their sum does not overflow.
                let length = all.iter().map(|text| text.bytes(row).len() as u64).sum::<u64>();
                if length > TEXT_BYTES_MAX as u64 {
                    return false;
                }
                all.iter().for_each(|text| out.extend_from_slice(text.bytes(row)));
                true
            })
        }
        _ => made(function, views, rows),
    }
}

fn number_of(views: &[View], rows: usize, of: fn(&str, &str) -> i64) -> Answer {
    let marks = strict(views, rows);
    let Some(first) = views.first() else { return total(Vec::new(), marks, Values::Int64s) };
    let (text, other) = (first.texts(), views.last().unwrap_or(first).texts());
    total((0..rows).map(|row| of(text.at(row), other.at(row))).collect(), marks, Values::Int64s)
}

fn whether(views: &[View], rows: usize, of: fn(&[u8], &[u8]) -> bool) -> Answer {
    let marks = strict(views, rows);
    let [text, other] = views else { return total(Vec::new(), marks, Values::Booleans) };
    let (text, other) = (text.texts(), other.texts());
    total((0..rows).map(|row| u8::from(of(text.bytes(row), other.bytes(row)))).collect(), marks, Values::Booleans)
}

/// Where bytes first occur.
pub(super) fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    let Some((first, rest)) = part.split_first() else { return Some(0) };
    let last = text.len().checked_sub(part.len())?;
    let mut from = 0;
    while from <= last {
        let at = from + text[from..=last].iter().position(|byte| byte == first)?;
        if &text[at + 1..at + part.len()] == rest {
            return Some(at);
        }
        from = at + 1;
    }
    None
}

fn position(text: &str, part: &str) -> i64 {
    match find(text.as_bytes(), part.as_bytes()) {
        Some(at) => text[..at].chars().count() as i64 + 1,
        None => 0,
    }
}

/// Functions that make a text.
fn made(function: Function, views: &[View], rows: usize) -> Answer {
    let Some(first) = views.first() else { return by_row(views, rows, Values::Booleans, |_| Cell::Null) };
    let (last, middle) = (views.last().unwrap_or(first), views.get(1).unwrap_or(first));
    let (text, second, third) = (first.texts(), middle.texts(), last.texts());
    let (from, count) = (middle.integers(), last.integers());
    texts_by_row(views, rows, |row, out| {
        let text = text.at(row);
        match function {
            Function::Lower if text.is_ascii() => out.extend(text.bytes().map(|byte| byte.to_ascii_lowercase())),
            Function::Upper if text.is_ascii() => out.extend(text.bytes().map(|byte| byte.to_ascii_uppercase())),
            Function::Lower => text.chars().for_each(|c| put(out, lower(c))),
            Function::Upper => text.chars().for_each(|c| put(out, upper(c))),
            Function::Reverse => text.chars().rev().for_each(|c| put(out, c)),
            Function::Trim => out.extend_from_slice(trimmed(text, second.at(row), true, true).as_bytes()),
            Function::TrimStart => out.extend_from_slice(trimmed(text, second.at(row), true, false).as_bytes()),
            Function::TrimEnd => out.extend_from_slice(trimmed(text, second.at(row), false, true).as_bytes()),
            Function::Substring => out.extend_from_slice(substring(text, from.at(row), count.at(row)).as_bytes()),
            Function::Left => out.extend_from_slice(left(text, count.at(row)).as_bytes()),
            Function::Right => out.extend_from_slice(right(text, count.at(row)).as_bytes()),
            Function::SplitPart => out.extend_from_slice(split_part(text, second.at(row), count.at(row)).as_bytes()),
            _ => return replace(text, second.at(row), third.at(row), out),
        }
        true
    })
}

fn put(out: &mut Vec<u8>, c: char) {
    out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}

/// The simple mapping: one character to one.
pub(super) fn lower(c: char) -> char {
    let mut mapped = c.to_lowercase();
    match (mapped.next(), mapped.next()) {
        (Some(one), None) => one,
        // I with a dot above.
        (Some(first), Some(_)) if c == '\u{130}' => first,
        _ => c,
    }
}

/// The simple mapping: one character to one.
fn upper(c: char) -> char {
    let mut mapped = c.to_uppercase();
    match (mapped.next(), mapped.next()) {
        (Some(one), None) => one,
        _ if c == 'ß' => 'ẞ',
        _ => titled(c),
    }
}

/// Greek letters with an iota below have a simple mapping beside the full one of two letters.
fn titled(c: char) -> char {
    let code = c as u32;
    let simple = match code {
        0x1f80..=0x1f87 | 0x1f90..=0x1f97 | 0x1fa0..=0x1fa7 => code + 8,
        0x1fb3 | 0x1fc3 | 0x1ff3 => code + 9,
        _ => code,
    };
    char::from_u32(simple).unwrap_or(c)
}

fn trimmed<'t>(text: &'t str, what: &str, start: bool, end: bool) -> &'t str {
    let is_what = |c: char| what.contains(c);
    let text = if start { text.trim_start_matches(is_what) } else { text };
    if end { text.trim_end_matches(is_what) } else { text }
}

/// The characters from one place to before another, counted from 0.
fn between(text: &str, from: i128, to: i128) -> &str {
    let from = from.max(0);
    if to <= from {
        return "";
    }
    let offset = |rest: &str, characters: i128| {
        let characters = usize::try_from(characters).unwrap_or(usize::MAX);
        rest.char_indices().nth(characters).map_or(rest.len(), |(at, _)| at)
    };
    let rest = &text[offset(text, from)..];
    &rest[..offset(rest, to - from)]
}

/// As DuckDB: place 0 is before the first character, negative ones count from the end, and a negative count takes what is before.
fn substring(text: &str, from: i64, count: i64) -> &str {
    let (from, count) = (i128::from(from), i128::from(count));
    let start = if from < 0 { text.chars().count() as i128 + from } else { from - 1 };
    if count < 0 { between(text, start + count, start) } else { between(text, start, start + count) }
}

fn left(text: &str, count: i64) -> &str {
    let count = i128::from(count);
    let to = if count < 0 { text.chars().count() as i128 + count } else { count };
    between(text, 0, to)
}

fn right(text: &str, count: i64) -> &str {
    let (count, length) = (i128::from(count), text.chars().count() as i128);
    let from = if count < 0 { -count } else { length - count };
    between(text, from, length)
}

fn split_part<'t>(text: &'t str, separator: &str, part: i64) -> &'t str {
    let Ok(place) = usize::try_from(part.unsigned_abs()) else { return "" };
    let Some(before) = place.checked_sub(1) else { return "" };
    if separator.is_empty() {
        // Each character is a part.
        let count = text.chars().count() as i128;
        let at = if part < 0 { count - place as i128 } else { before as i128 };
        return if at < 0 { "" } else { between(text, at, at + 1) };
    }
    let found = if part < 0 { text.rsplit(separator).nth(before) } else { text.split(separator).nth(before) };
    found.unwrap_or("")
}

fn replace(text: &str, part: &str, by: &str, out: &mut Vec<u8>) -> bool {
    if part.is_empty() {
        out.extend_from_slice(text.as_bytes());
        return true;
    }
    let before = out.len();
    let mut rest = text;
    while let Some(at) = find(rest.as_bytes(), part.as_bytes()) {
        out.extend_from_slice(&rest.as_bytes()[..at]);
        out.extend_from_slice(by.as_bytes());
        rest = &rest[at + part.len()..];
        if out.len() - before > TEXT_BYTES_MAX {
            return false;
        }
    }
    out.extend_from_slice(rest.as_bytes());
    true
}
