//! Conversions between types. Those that fail give none.

use std::fmt::Write;

/// To the nearest integer, halves to the even one; none where it is beyond int64.
#[inline]
pub fn int64_of_float(value: f64) -> Option<i64> {
    let whole = libm::rint(value);
    // 2^63 is the first number beyond; NaN is not within.
    let is_within = (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&whole);
    is_within.then_some(whole as i64)
}

/// The text without spaces around it, and without `_` between digits.
fn plain(text: &str) -> Option<String> {
    let text = text.trim_matches(|c: char| matches!(c, ' ' | '\t' | '\n' | '\u{b}' | '\u{c}' | '\r'));
    let bytes = text.as_bytes();
    let is_digit = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_digit);
    let mut places = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'_').map(|(at, _)| at);
    let is_good = places.all(|at| is_digit(at.checked_sub(1)) && is_digit(Some(at + 1)));
    is_good.then(|| text.replace('_', ""))
}

/// The number that a text says.
pub fn float64_of_text(text: &str) -> Option<f64> {
    let value = plain(text)?.parse::<f64>().ok()?;
    Some(if value.is_nan() { f64::NAN } else { value })
}

/// An integer as it is; a number with a point or an exponent is rounded, halves away from zero.
pub fn int64_of_text(text: &str) -> Option<i64> {
    let text = plain(text)?;
    if let Ok(integer) = text.parse::<i64>() {
        return Some(integer);
    }
    if !text.contains(['.', 'e', 'E']) {
        return None;
    }
    if let Some((whole, fraction)) = text.split_once('.')
        && !fraction.contains(['e', 'E'])
    {
        return rounded_text(whole, fraction);
    }
    int64_of_float(libm::round(text.parse::<f64>().ok()?))
}

fn rounded_text(whole: &str, fraction: &str) -> Option<i64> {
    let is_empty = whole.trim_start_matches(['+', '-']).is_empty();
    let all_digits = fraction.bytes().all(|byte| byte.is_ascii_digit());
    if !all_digits || (is_empty && fraction.is_empty()) {
        return None;
    }
    let integer = if is_empty { 0 } else { whole.parse::<i64>().ok()? };
    let step = i64::from(fraction.bytes().next().is_some_and(|first| first >= b'5'));
    if whole.starts_with('-') { integer.checked_sub(step) } else { integer.checked_add(step) }
}

/// What a text says of true and false.
pub fn boolean_of_text(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "t" | "yes" | "y" | "1" => Some(true),
        "false" | "f" | "no" | "n" | "0" => Some(false),
        _ => None,
    }
}

/// The shortest text that is read as the same number: with an exponent below 1e-4 and from 1e16 on.
pub fn text_of_float(value: f64) -> String {
    if value.is_nan() {
        return "nan".into();
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf" } else { "-inf" }.into();
    }
    let scientific = format!("{value:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..16).contains(&exponent) {
        let mut text = format!("{value}");
        if !text.contains('.') {
            text.push_str(".0");
        }
        return text;
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    let mut text = digits.to_owned();
    // Writing to a string does not fail.
    let _ = write!(text, "e{sign}{:02}", exponent.unsigned_abs());
    text
}
