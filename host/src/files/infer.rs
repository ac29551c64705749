//! The types of pass-through columns in formats that do not store any.

use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};
use serde_json::Value as Json;

use super::arrow_out::arrow_field;
use super::convert::exact_float;
use super::read::{Nulls, Wanted};
use super::text::parse_bool;
use crate::schema::ValueType;

/// What the values of one column, as far as seen, could all be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Guess {
    int64: bool,
    float64: bool,
    bool: bool,
    seen: bool,
}

impl Guess {
    /// A column of which no value was seen.
    pub fn new() -> Self {
        Self { int64: true, float64: true, bool: true, seen: false }
    }

    /// Takes one cell of CSV into account; an empty one is a null and says nothing.
    pub fn see_text(&mut self, text: &str) {
        if self.seen && !self.int64 && !self.float64 && !self.bool {
            return;
        }
        self.seen = true;
        let integer = is_integer(text);
        let number = text.parse::<i64>().ok().filter(|_| integer);
        self.int64 &= number.is_some();
        // An integer that no float64 equals is an identifier, not a measurement.
        self.float64 &= match number {
            Some(number) => exact_float(i128::from(number)).is_some(),
            None => !integer && is_number(text),
        };
        self.bool &= parse_bool(text).is_some();
    }

    /// Takes one value of NDJSON into account; `null` says nothing. Arrays and objects are refused by the caller.
    pub fn see_json(&mut self, json: &Json) {
        if json.is_null() {
            return;
        }
        self.seen = true;
        self.bool &= json.is_boolean();
        self.int64 &= json.is_i64();
        self.float64 &= match json {
            Json::Number(number) => match number.as_i128() {
                Some(integer) => exact_float(integer).is_some(),
                None => true,
            },
            _ => false,
        };
    }

    /// The type that takes every value seen: int64, else float64, else bool, else text; text also where there is none.
    pub fn value_type(self) -> ValueType {
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

/// A decimal number without a plus or leading zeros, as JSON has it, or `NaN`, `inf`, `-inf`.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text).as_bytes();
    let plain = match digits {
        [b'0', next, ..] => !next.is_ascii_digit(),
        [first, ..] => first.is_ascii_digit(),
        [] => false,
    };
    matches!(text, "NaN" | "inf" | "-inf") || (plain && !text.ends_with('.') && text.parse().is_ok_and(f64::is_finite))
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

    fn of_texts(texts: &[&str]) -> ValueType {
        let mut guess = Guess::new();
        texts.iter().for_each(|text| guess.see_text(text));
        guess.value_type()
    }

    #[test]
    fn texts_have_the_narrowest_type_that_loses_nothing() {
        for (texts, expected) in [
            (&["1", "-20", "0"][..], ValueType::Int64),
            (&["9223372036854775807"], ValueType::Int64),
            (&["1", "2.5", "1e-7", "NaN", "-inf", "-0"], ValueType::Float64),
            (&["true", "False"], ValueType::Bool),
            (&["1", "true"], ValueType::Text),
            (&["007"], ValueType::Text),
            (&["007.5"], ValueType::Text),
            (&["+1"], ValueType::Text),
            (&["1."], ValueType::Text),
            (&[".5"], ValueType::Text),
            (&["9223372036854775808"], ValueType::Text),
            (&["9007199254740993", "0.5"], ValueType::Text),
            (&["2024-01-01"], ValueType::Text),
            (&["infinity"], ValueType::Text),
            (&[], ValueType::Text),
        ] {
            assert_eq!(of_texts(texts), expected, "{texts:?}");
        }
    }

    #[test]
    fn json_keeps_the_types_that_it_has() {
        for (line, expected) in [
            ("[1, null, -2]", ValueType::Int64),
            ("[1, 2.5]", ValueType::Float64),
            ("[1, 1.0]", ValueType::Float64),
            ("[true, null]", ValueType::Bool),
            ("[\"1\"]", ValueType::Text),
            ("[1, true]", ValueType::Text),
            ("[18446744073709551615]", ValueType::Text),
            ("[9007199254740993, 0.5]", ValueType::Text),
            ("[null]", ValueType::Text),
        ] {
            let values: Vec<Json> = serde_json::from_str(line).expect("JSON");
            let mut guess = Guess::new();
            values.iter().for_each(|value| guess.see_json(value));
            assert_eq!(guess.value_type(), expected, "{line}");
        }
    }
}
