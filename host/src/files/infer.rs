//! The types of pass-through columns in formats that do not store any.
//!
//! A column is int64, float64 or bool only where nothing of its texts is lost; anything else stays text. So `250.10` beside
//! `250.1` are texts (two codes, one number), and so are `007`, `+1`, `True` and decimals of more than fifteen digits.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};

use super::arrow_out::arrow_field;
use super::read::{Nulls, Wanted};
use crate::schema::ValueType;

/// So many digits any float64 keeps.
const DIGITS_MAX: usize = 15;

/// A column of more different numbers than that, spelled in different ways, stays text.
const SPELLINGS_MAX: usize = 1 << 22;

/// What the values of one column, as far as seen, could all be.
#[derive(Clone, Debug)]
pub(super) struct Guess {
    int64: bool,
    float64: bool,
    bool: bool,
    seen: bool,
    spelling: Spelling,
}

/// Whether one number may be spelled in two ways.
#[derive(Clone, Debug, Default)]
enum Spelling {
    /// No number was seen.
    #[default]
    None,
    /// All have so many digits after the point, and nothing else: as many spellings as numbers.
    Places(usize),
    /// As they come: to be decided by [`Guess::see_spelling`], in a second reading.
    Mixed,
    /// How each number was spelled, by its bits.
    Seen(HashMap<u64, u64>),
}

impl Guess {
    /// A column of which no value was seen.
    pub fn new() -> Self {
        Self { int64: true, float64: true, bool: true, seen: false, spelling: Spelling::None }
    }

    /// Takes one cell of CSV into account; an empty one is a null and says nothing.
    pub fn see_text(&mut self, text: &str) {
        if self.seen && !self.int64 && !self.float64 && !self.bool {
            return;
        }
        self.seen = true;
        self.bool &= matches!(text, "true" | "false");
        self.int64 &= is_integer(text) && text.parse::<i64>().is_ok();
        self.float64 &= is_number(text);
        if self.float64 {
            self.spelling = match (std::mem::take(&mut self.spelling), places(text)) {
                (Spelling::None, Some(places)) => Spelling::Places(places),
                (Spelling::Places(before), Some(places)) if before == places => Spelling::Places(places),
                _ => Spelling::Mixed,
            };
        }
    }

    /// Takes one value of NDJSON into account, as it is written; `null` says nothing. Arrays and objects are refused by the
    /// caller.
    pub fn see_json(&mut self, json: &str) {
        match json.as_bytes().first() {
            Some(b'n') => {}
            Some(b'"') => {
                *self = Self { int64: false, float64: false, bool: false, seen: true, spelling: Spelling::None }
            }
            _ => self.see_text(json),
        }
    }

    /// Whether all values must be seen once more, by [`see_spelling`](Self::see_spelling).
    pub fn is_undecided(&self) -> bool {
        self.float64 && !self.int64 && matches!(self.spelling, Spelling::Mixed)
    }

    /// Begins the second reading, where one is needed.
    pub fn begin_again(&mut self) {
        if self.is_undecided() {
            self.spelling = Spelling::Seen(HashMap::new());
        }
    }

    /// Takes a value into account once more: a number that was spelled in another way before is a text.
    pub fn see_spelling(&mut self, text: &str) {
        let Spelling::Seen(spellings) = &mut self.spelling else { return };
        let Ok(number) = text.parse::<f64>() else { return };
        // Two texts of one number are told apart by a hash of each; one that is taken for the other leaves the number as it is.
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        let hash = hasher.finish();
        let is_other = *spellings.entry(number.to_bits()).or_insert(hash) != hash;
        if is_other || spellings.len() > SPELLINGS_MAX {
            self.float64 = false;
            self.spelling = Spelling::None;
        }
    }

    /// The type that takes every value seen: int64, else float64, else bool, else text; text also where there is none.
    pub fn value_type(&self) -> ValueType {
        match self {
            Self { seen: false, .. } => ValueType::Text,
            Self { int64: true, .. } => ValueType::Int64,
            Self { float64: true, .. } => ValueType::Float64,
            Self { bool: true, .. } => ValueType::Bool,
            _ => ValueType::Text,
        }
    }
}

/// Digits with an optional minus, without leading zeros. `-0` is left to the floats, which keep its sign.
fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let whole = digits.bytes().all(|byte| byte.is_ascii_digit());
    whole && !digits.is_empty() && text != "-0" && (digits == "0" || !digits.starts_with('0'))
}

/// A decimal number of few enough digits without a plus or leading zeros, as JSON has it, or `NaN`, `inf`, `-inf`.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = match digits.as_bytes() {
        [b'0', next, ..] => !next.is_ascii_digit(),
        [first, ..] => first.is_ascii_digit(),
        [] => false,
    };
    let mantissa = digits.split(['e', 'E']).next().unwrap_or(digits);
    let zeros = |c: char| c == '0' || c == '.';
    let significant = mantissa.trim_start_matches(zeros).bytes().filter(u8::is_ascii_digit).count();
    let is_finite = || text.parse().is_ok_and(f64::is_finite);
    matches!(text, "NaN" | "inf" | "-inf")
        || (plain && !mantissa.ends_with('.') && significant <= DIGITS_MAX && is_finite())
}

/// How many digits are after the point, where there is nothing but digits, a point and a minus.
fn places(text: &str) -> Option<usize> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let is_digits = whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit());
    is_digits.then_some(fraction.len())
}

/// Pass-through columns as wanted columns, and the schema that they become.
pub(super) fn typed(columns: Vec<(String, Guess)>) -> (Vec<Wanted>, SchemaRef) {
    let wanted: Vec<Wanted> =
        columns.into_iter().map(|(name, guess)| Wanted::new(name, guess.value_type(), Nulls::Allowed)).collect();
    let fields: Vec<Field> = wanted.iter().map(|wanted| arrow_field(&wanted.name, wanted.value_type, true)).collect();
    (wanted, Arc::new(Schema::new(fields)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(see: fn(&mut Guess, &str), values: &[&str]) -> ValueType {
        let mut guess = Guess::new();
        values.iter().for_each(|value| see(&mut guess, value));
        guess.begin_again();
        values.iter().for_each(|value| guess.see_spelling(value));
        guess.value_type()
    }

    #[test]
    fn texts_have_the_narrowest_type_that_loses_nothing() {
        for (texts, expected) in [
            (&["1", "-20", "0"][..], ValueType::Int64),
            (&["9223372036854775807"], ValueType::Int64),
            (&["1", "2.5", "1e-7", "NaN", "-inf", "-0"], ValueType::Float64),
            (&["12.50", "7.00"], ValueType::Float64),
            (&["12.50", "7", "0.125"], ValueType::Float64),
            (&["123456789.123456"], ValueType::Float64),
            (&["0.000000000000000000123456789012345"], ValueType::Float64),
            (&["true", "false"], ValueType::Bool),
            (&["True", "False"], ValueType::Text),
            (&["true", "FALSE"], ValueType::Text),
            (&["250.10", "250.1"], ValueType::Text),
            (&["1", "1.0"], ValueType::Text),
            (&["1e5", "100000"], ValueType::Text),
            (&["1e5", "2E3"], ValueType::Float64),
            (&["0.1", "123456789.123456789123"], ValueType::Text),
            (&["123456789012345.6"], ValueType::Text),
            (&["1", "true"], ValueType::Text),
            (&["007"], ValueType::Text),
            (&["007.5"], ValueType::Text),
            (&["+1"], ValueType::Text),
            (&["1."], ValueType::Text),
            (&["1.e5"], ValueType::Text),
            (&[".5"], ValueType::Text),
            (&["9223372036854775808"], ValueType::Text),
            (&["9007199254740993", "0.5"], ValueType::Text),
            (&["1e400"], ValueType::Text),
            (&["2024-01-01"], ValueType::Text),
            (&["infinity"], ValueType::Text),
            (&[], ValueType::Text),
        ] {
            assert_eq!(of(Guess::see_text, texts), expected, "{texts:?}");
        }
    }

    #[test]
    fn json_keeps_the_types_that_it_has() {
        for (values, expected) in [
            (&["1", "null", "-2"][..], ValueType::Int64),
            (&["1", "2.5"], ValueType::Float64),
            (&["1", "1.0"], ValueType::Text),
            (&["true", "null"], ValueType::Bool),
            (&["\"1\""], ValueType::Text),
            (&["1", "\"1\"", "2"], ValueType::Text),
            (&["1", "true"], ValueType::Text),
            (&["1", "18446744073709551615"], ValueType::Text),
            (&["9007199254740993", "0.5"], ValueType::Text),
            (&["null"], ValueType::Text),
        ] {
            assert_eq!(of(Guess::see_json, values), expected, "{values:?}");
        }
    }
}
