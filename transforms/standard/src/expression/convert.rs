//! Conversions between types.

use std::fmt::Write;

use onepath_definition::{Function, parse_time};
use onepath_sdk::batch::Values;

use super::Answer;
use super::time::write_time;
use super::view::{Cell, View, by_row, fallible, map, strict, texts_by_row, total};

pub(super) fn converted(function: Function, views: &[View], rows: usize) -> Answer {
    let marks = strict(views, rows);
    let [view] = views else { return total(Vec::new(), marks, Values::Booleans) };
    let texts = view.texts();
    match (function, view.values) {
        (Function::ToText, _) => to_text(view, rows),
        (Function::ToFloat64, Values::Texts(_)) => {
            by_row(views, rows, Values::Float64s, |row| cell(float_of(texts.at(row))))
        }
        (Function::ToInt64, Values::Texts(_)) => {
            by_row(views, rows, Values::Int64s, |row| cell(integer_of(texts.at(row))))
        }
        (Function::ToBoolean, Values::Texts(_)) => {
            by_row(views, rows, Values::Booleans, |row| cell(boolean_of(texts.at(row)).map(u8::from)))
        }
        (Function::ToTime, _) => by_row(views, rows, Values::Times, |row| cell(parse_time(texts.at(row)))),
        (Function::ToFloat64, Values::Booleans(_)) => {
            total(map(rows, view.booleans(), f64::from), marks, Values::Float64s)
        }
        (Function::ToFloat64, _) => total(map(rows, view.integers(), |value| value as f64), marks, Values::Float64s),
        (Function::ToInt64, Values::Float64s(_)) => fallible(rows, view.floats(), marks, Values::Int64s, rounded),
        (Function::ToInt64, _) => total(map(rows, view.booleans(), i64::from), marks, Values::Int64s),
        (_, Values::Float64s(_)) => {
            total(map(rows, view.floats(), |value| u8::from(value != 0.0)), marks, Values::Booleans)
        }
        _ => total(map(rows, view.integers(), |value| u8::from(value != 0)), marks, Values::Booleans),
    }
}

fn cell<T>(value: Option<T>) -> Cell<T> {
    value.map_or(Cell::Failed, Cell::Value)
}

/// To the nearest integer, halves to the even one, and whether it is beyond int64.
fn rounded(value: f64) -> (i64, bool) {
    let whole = libm::rint(value);
    // 2^63 is the first number beyond; NaN is not within.
    let is_within = (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&whole);
    if is_within { (whole as i64, false) } else { (0, true) }
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

fn float_of(text: &str) -> Option<f64> {
    let value = plain(text)?.parse::<f64>().ok()?;
    Some(if value.is_nan() { f64::NAN } else { value })
}

/// An integer as it is; a number with a point or an exponent is rounded, halves away from zero.
fn integer_of(text: &str) -> Option<i64> {
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
    let value = libm::round(text.parse::<f64>().ok()?);
    match rounded(value) {
        (integer, false) => Some(integer),
        _ => None,
    }
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

fn boolean_of(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "t" | "yes" | "y" | "1" => Some(true),
        "false" | "f" | "no" | "n" | "0" => Some(false),
        _ => None,
    }
}

fn to_text(view: &View, rows: usize) -> Answer {
    let (floats, integers, booleans) = (view.floats(), view.integers(), view.booleans());
    texts_by_row(&[*view], rows, |row, out| {
        let text = match view.values {
            Values::Float64s(_) => float_text(floats.at(row)),
            Values::Booleans(_) => if booleans.at(row) != 0 { "true" } else { "false" }.to_owned(),
            Values::Times(_) => write_time(integers.at(row)),
            _ => integers.at(row).to_string(),
        };
        out.extend_from_slice(text.as_bytes());
        true
    })
}

/// The shortest text that is read as the same number: with an exponent below 1e-4 and from 1e16 on.
pub(super) fn float_text(value: f64) -> String {
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
