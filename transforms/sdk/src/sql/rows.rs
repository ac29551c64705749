//! The functions that may fail, with the words of their failures.

use super::columns as raw;
use super::convert::text_of_float;
use super::text::TEXT_BYTES_MAX;
use super::time::{TimePart, text_of_time};
use crate::hash::Hashed;
use crate::time::Time;
use crate::{category, embedding};

/// A text as a failure shows it: long ones are cut.
fn shown(text: &str) -> String {
    let mut shown: String = text.chars().take(40).collect();
    if shown.len() < text.len() {
        shown.push_str("...");
    }
    format!("'{shown}'")
}

/// `a + b`
#[inline]
pub fn add(a: i64, b: i64) -> Result<i64, String> {
    a.checked_add(b).ok_or_else(|| format!("integer overflow in {a} + {b}"))
}

/// `a - b`
#[inline]
pub fn subtract(a: i64, b: i64) -> Result<i64, String> {
    a.checked_sub(b).ok_or_else(|| format!("integer overflow in {a} - {b}"))
}

/// `a * b`
#[inline]
pub fn multiply(a: i64, b: i64) -> Result<i64, String> {
    a.checked_mul(b).ok_or_else(|| format!("integer overflow in {a} * {b}"))
}

/// `-a`
#[inline]
pub fn negate(a: i64) -> Result<i64, String> {
    a.checked_neg().ok_or_else(|| format!("integer overflow in -({a})"))
}

/// `ABS(a)`
#[inline]
pub fn abs(a: i64) -> Result<i64, String> {
    a.checked_abs().ok_or_else(|| format!("integer overflow in abs({a})"))
}

/// `a // b`, rounded towards zero.
pub fn integer_divide(a: i64, b: i64) -> Result<i64, String> {
    raw::integer_divide(a, b).ok_or_else(|| match b {
        0 => format!("division by zero in {a} // {b}"),
        _ => format!("integer overflow in {a} // {b}"),
    })
}

/// `a % b`, with the sign of the dividend.
pub fn remainder(a: i64, b: i64) -> Result<i64, String> {
    raw::remainder(a, b).ok_or_else(|| match b {
        0 => format!("division by zero in {a} % {b}"),
        _ => format!("integer overflow in {a} % {b}"),
    })
}

/// A sum of integers, which has no end, as an int64.
pub fn int64(sum: i128) -> Result<i64, String> {
    i64::try_from(sum).map_err(|_| "the sum is beyond int64".to_owned())
}

/// `CAST(value AS BIGINT)`: to the nearest integer, halves to the even one.
pub fn int64_of_float(value: f64) -> Result<i64, String> {
    raw::int64_of_float(value).ok_or_else(|| format!("{} is not converted to int64", text_of_float(value)))
}

/// `CAST(text AS BIGINT)`
pub fn int64_of_text(text: &str) -> Result<i64, String> {
    raw::int64_of_text(text).ok_or_else(|| format!("{} is not converted to int64", shown(text)))
}

/// `CAST(text AS DOUBLE)`
pub fn float64_of_text(text: &str) -> Result<f64, String> {
    raw::float64_of_text(text).ok_or_else(|| format!("{} is no number", shown(text)))
}

/// `CAST(text AS BOOLEAN)`
pub fn boolean_of_text(text: &str) -> Result<bool, String> {
    raw::boolean_of_text(text).ok_or_else(|| format!("{} is neither true nor false", shown(text)))
}

/// `CAST(text AS TIMESTAMP)`
pub fn time_of_text(text: &str) -> Result<Time, String> {
    raw::parse_time(text).map(Time).ok_or_else(|| format!("{} is no time", shown(text)))
}

fn too_long() -> String {
    "the text is longer than 1 MiB".to_owned()
}

/// A text of a function, which is no longer than 1 MiB.
fn made(text: String) -> Result<String, String> {
    if text.len() > TEXT_BYTES_MAX { Err(too_long()) } else { Ok(text) }
}

/// A part of a text, which is no longer than 1 MiB.
fn part(part: &str, function: impl FnOnce() -> String) -> Result<String, String> {
    if part.len() > TEXT_BYTES_MAX { Err(format!("{} has no value", function())) } else { Ok(part.to_owned()) }
}

/// `LOWER(text)`, one character for one.
pub fn lower(text: &str) -> Result<String, String> {
    made(raw::lowered(text))
}

/// `UPPER(text)`, one character for one.
pub fn upper(text: &str) -> Result<String, String> {
    if text.is_ascii() {
        return made(text.to_ascii_uppercase());
    }
    made(text.chars().map(raw::upper).collect())
}

/// `REVERSE(text)`, by characters.
pub fn reverse(text: &str) -> Result<String, String> {
    made(text.chars().rev().collect())
}

/// `LENGTH(text)`, in characters.
pub fn length(text: &str) -> i64 {
    text.chars().count() as i64
}

/// `TRIM(text, characters)`
pub fn trim(text: &str, characters: &str) -> Result<String, String> {
    let function = || format!("Trim of {}, {}", shown(text), shown(characters));
    part(raw::trimmed(text, characters, true, true), function)
}

/// `LTRIM(text, characters)`
pub fn trim_start(text: &str, characters: &str) -> Result<String, String> {
    let function = || format!("TrimStart of {}, {}", shown(text), shown(characters));
    part(raw::trimmed(text, characters, true, false), function)
}

/// `RTRIM(text, characters)`
pub fn trim_end(text: &str, characters: &str) -> Result<String, String> {
    let function = || format!("TrimEnd of {}, {}", shown(text), shown(characters));
    part(raw::trimmed(text, characters, false, true), function)
}

/// `SUBSTRING(text, from, count)`: places count from 1, and from the end where they are negative.
pub fn substring(text: &str, from: i64, count: i64) -> Result<String, String> {
    part(raw::substring(text, from, count), || format!("Substring of {}, {from}, {count}", shown(text)))
}

/// `LEFT(text, count)`
pub fn left(text: &str, count: i64) -> Result<String, String> {
    part(raw::left(text, count), || format!("Left of {}, {count}", shown(text)))
}

/// `RIGHT(text, count)`
pub fn right(text: &str, count: i64) -> Result<String, String> {
    part(raw::right(text, count), || format!("Right of {}, {count}", shown(text)))
}

/// `SPLIT_PART(text, separator, place)`
pub fn split_part(text: &str, separator: &str, place: i64) -> Result<String, String> {
    let function = || format!("SplitPart of {}, {}, {place}", shown(text), shown(separator));
    part(raw::split_part(text, separator, place), function)
}

/// `CONCAT(...)` of texts that are not null.
pub fn concat(texts: &[&str]) -> Result<String, String> {
    let length = texts.iter().map(|text| text.len() as u64).sum::<u64>();
    if length > TEXT_BYTES_MAX as u64 { Err(too_long()) } else { Ok(texts.concat()) }
}

/// `REPLACE(text, part, by)`
pub fn replace(text: &str, part: &str, by: &str) -> Result<String, String> {
    let mut bytes = Vec::new();
    let is_whole = raw::replace(text, part, by, &mut bytes) && bytes.len() <= TEXT_BYTES_MAX;
    let replaced = if is_whole { String::from_utf8(bytes).ok() } else { None };
    replaced.ok_or_else(too_long)
}

/// `EXTRACT(part FROM at)`
pub fn extract(part: TimePart, at: Time) -> i64 {
    raw::extract(part, at.micros())
}

/// `DATE_TRUNC(part, at)`: the beginning of the stretch that a time lies in.
pub fn truncate(part: TimePart, at: Time) -> Result<Time, String> {
    let found = raw::truncate(part, at.micros()).map(Time);
    found.ok_or_else(|| format!("there is no beginning of the stretch of {}", text_of_time(at)))
}

/// `DATE_DIFF(part, from, to)`: how many beginnings of such a stretch lie between two times.
pub fn difference(part: TimePart, from: Time, to: Time) -> Result<i64, String> {
    raw::difference(part, from.micros(), to.micros()).ok_or_else(|| between(from, to))
}

fn between(one: Time, other: Time) -> String {
    format!("integer overflow between {} and {}", text_of_time(one), text_of_time(other))
}

/// The microseconds from the second time to the first.
pub fn micros_between(one: Time, other: Time) -> Result<i64, String> {
    one.micros().checked_sub(other.micros()).ok_or_else(|| between(one, other))
}

/// A time so many microseconds later.
pub fn add_micros(at: Time, micros: i64) -> Result<Time, String> {
    let later = at.micros().checked_add(micros).map(Time);
    later.ok_or_else(|| format!("there is no such time: {} and {micros}", text_of_time(at)))
}

/// A time so many calendar months later, at most the last day of the month.
pub fn add_months(at: Time, months: i64) -> Result<Time, String> {
    let later = raw::add_months(at.micros(), months).map(Time);
    later.ok_or_else(|| format!("there is no such time: {} and {months}", text_of_time(at)))
}

/// Seconds since the epoch.
pub fn epoch_seconds(at: Time) -> f64 {
    at.micros() as f64 / 1_000_000.0
}

/// Milliseconds since the epoch, to the nearest, halves away from zero.
pub fn epoch_millis(at: Time) -> i64 {
    raw::millis(at.micros())
}

/// The time so many seconds after the epoch.
pub fn from_epoch_seconds(seconds: f64) -> Result<Time, String> {
    let found = raw::from_seconds(seconds).map(Time);
    found.ok_or_else(|| format!("no time is {} seconds after 1970", text_of_float(seconds)))
}

/// `HASH_BUCKET(key, buckets)`: the bucket of a text, an integer or a boolean.
pub fn hash_bucket<K: Hashed + ?Sized>(key: &K, buckets: i64) -> Result<i64, String> {
    match u32::try_from(buckets) {
        Ok(buckets) if buckets > 0 => Ok(category::hash_bucket(key, buckets)),
        _ => Err(format!("{buckets} is no number of buckets: it is from 1 to 4294967295")),
    }
}

fn lengths(a: &[f64], b: &[f64]) -> String {
    format!("two lists of different lengths, {} and {}", a.len(), b.len())
}

/// The dot product of two lists.
pub fn dot(a: &[f64], b: &[f64]) -> Result<f64, String> {
    embedding::dot(a, b).ok_or_else(|| lengths(a, b))
}

/// The Euclidean distance of two lists.
pub fn distance(a: &[f64], b: &[f64]) -> Result<f64, String> {
    embedding::distance(a, b).ok_or_else(|| lengths(a, b))
}

/// The cosine of the angle between two lists; null where there is none.
pub fn cosine(a: &[f64], b: &[f64]) -> Result<Option<f64>, String> {
    if a.len() == b.len() { Ok(embedding::cosine(a, b)) } else { Err(lengths(a, b)) }
}

/// The Euclidean length of a list.
pub fn norm(a: &[f64]) -> f64 {
    embedding::norm(a)
}

/// What may fail, computed by itself: where a failure does not matter, or matters later.
#[inline]
pub fn attempt<T>(of: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    of()
}

/// A feature that may fail; its failure names it.
#[inline]
pub fn feature<T>(name: &str, of: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    of().map_err(|why| format!("feature `{name}`: {why}"))
}

/// A feature that is never null.
pub fn never_null<T>(value: Option<T>, name: &str) -> Result<T, String> {
    value.ok_or_else(|| format!("feature `{name}` is null, and is declared to be never null"))
}
