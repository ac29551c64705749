//! Functions of texts, by code points.

/// The longest text that a function makes, in bytes; beyond it fails.
pub const TEXT_BYTES_MAX: usize = 1 << 20;

/// Where bytes first occur.
pub fn find(text: &[u8], part: &[u8]) -> Option<usize> {
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

/// Where one text begins in another, in characters from 1; 0 where it does not occur.
pub fn position(text: &str, part: &str) -> i64 {
    match find(text.as_bytes(), part.as_bytes()) {
        Some(at) => text[..at].chars().count() as i64 + 1,
        None => 0,
    }
}

/// The simple mapping: one character to one.
pub fn lower(c: char) -> char {
    let mut mapped = c.to_lowercase();
    match (mapped.next(), mapped.next()) {
        (Some(one), None) => one,
        // I with a dot above.
        (Some(first), Some(_)) if c == '\u{130}' => first,
        _ => c,
    }
}

/// The simple mapping: one character to one.
pub fn upper(c: char) -> char {
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

/// The text without some characters at its ends.
pub fn trimmed<'t>(text: &'t str, what: &str, start: bool, end: bool) -> &'t str {
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
pub fn substring(text: &str, from: i64, count: i64) -> &str {
    let (from, count) = (i128::from(from), i128::from(count));
    let start = if from < 0 { text.chars().count() as i128 + from } else { from - 1 };
    if count < 0 { between(text, start + count, start) } else { between(text, start, start + count) }
}

/// The first so many characters; all but so many last ones where it is negative.
pub fn left(text: &str, count: i64) -> &str {
    let count = i128::from(count);
    let to = if count < 0 { text.chars().count() as i128 + count } else { count };
    between(text, 0, to)
}

/// The last so many characters; all but so many first ones where it is negative.
pub fn right(text: &str, count: i64) -> &str {
    let (count, length) = (i128::from(count), text.chars().count() as i128);
    let from = if count < 0 { -count } else { length - count };
    between(text, from, length)
}

/// The part between separators, from 1, and from the end where it is negative.
pub fn split_part<'t>(text: &'t str, separator: &str, part: i64) -> &'t str {
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

/// Appends a text in which each occurrence of a part is replaced; false where it becomes too long.
pub fn replace(text: &str, part: &str, by: &str, out: &mut Vec<u8>) -> bool {
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
