//! Values as JSON: the fields of NDJSON, of the event log and of requests.
//!
//! [`raw_value`] reads back, bit for bit, what [`to_json`] wrote. JSON has no number for NaN and the infinities, so they are
//! the texts `"NaN"`, `"Infinity"` and `"-Infinity"`; times are ISO 8601 texts. Numbers are read from their digits, so that an
//! integer beyond 64 bits is not taken for a float.

use std::borrow::Cow;

use serde_json::Value as Json;
use serde_json::value::RawValue;

use super::error::InputFault;
use super::fields::Name;
use super::read::{Nulls, Wanted};
use super::text::{self, micros};
use crate::batch::{CANONICAL_NAN, Column, Value};
use crate::schema::ValueType;
use crate::time::{format_time, quoted};

/// The value of the type of `wanted` that `json` holds.
///
/// - bool, int64, text: the JSON boolean, integer or string;
/// - float64: a number, or `"NaN"`, `"Infinity"`, `"-Infinity"`; a fraction rounds to nearest, an integer must be a float64 exactly;
/// - time: a string that [`crate::time::TimeForm::text`] reads, or a whole number of the unit that `wanted` declares;
/// - `list<float64>`: an array of what float64 takes;
/// - any type: `null`, if `wanted` allows nulls.
pub fn raw_value(json: &RawValue, wanted: &Wanted) -> Result<Value, InputFault> {
    value(json, wanted, &mut 0)
}

/// As [`raw_value`]; a time that was rounded is counted.
pub(super) fn value(json: &RawValue, wanted: &Wanted, rounded: &mut u64) -> Result<Value, InputFault> {
    let wrong = || InputFault::Value(format!("{} is not {}", shown(json), described(wanted.value_type)));
    let json = json.get();
    let is_number = json.starts_with(|first: char| first.is_ascii_digit() || first == '-');
    Ok(match (wanted.value_type, json.as_bytes().first()) {
        (_, Some(b'n')) => match wanted.nulls {
            Nulls::Allowed => Value::Null,
            Nulls::Refused => return Err(InputFault::Null),
        },
        (ValueType::Bool, Some(b't')) => Value::Bool(true),
        (ValueType::Bool, Some(b'f')) => Value::Bool(false),
        (ValueType::Int64, _) if is_number => Value::Int64(json.parse().map_err(|_| wrong())?),
        (ValueType::Float64, _) => Value::Float64(float64(json, wrong)?),
        (ValueType::Text, Some(b'"')) => Value::Text(string(json)?.into_owned()),
        (ValueType::Time, Some(b'"')) => Value::Time(micros(wanted.time.text(&string(json)?), wanted, rounded)?),
        (ValueType::Time, _) if is_number => {
            let found = match json.parse::<i64>() {
                Ok(integer) => wanted.time.integer(integer),
                Err(_) => wanted.time.float(json.parse().map_err(|_| wrong())?),
            };
            Value::Time(micros(found, wanted, rounded)?)
        }
        (ValueType::Float64List, Some(b'[')) => {
            let items: Vec<&RawValue> = serde_json::from_str(json).map_err(|error| not_json(&error))?;
            Value::Float64List(items.iter().map(|item| float64(item.get(), wrong)).collect::<Result<_, _>>()?)
        }
        _ => return Err(wrong()),
    })
}

/// Values of a request or push as a column of the type that is `wanted`; else the row at fault, from 0, and what is wrong.
pub fn column_of_json(cells: &[&RawValue], wanted: &Wanted) -> Result<Column, (usize, String)> {
    let mut column = Column::with_capacity(wanted.value_type, cells.len());
    for (row, cell) in cells.iter().enumerate() {
        let value = raw_value(cell, wanted).map_err(|fault| match fault {
            // Its own words are for files.
            InputFault::NoUnit { .. } => (row, NO_UNIT.to_owned()),
            fault => (row, fault.to_string()),
        })?;
        column.push(&value).map_err(|error| (row, error.to_string()))?;
    }
    Ok(column)
}

/// What is said of an integer where a time is wanted.
const NO_UNIT: &str = "is an integer where a time is expected: write an ISO 8601 time such as \"2024-02-29T12:30:00.000001Z\", or \
     declare the unit of the source's times in the project (event_time_unit)";

/// The text of a JSON string.
fn string(json: &str) -> Result<Cow<'_, str>, InputFault> {
    serde_json::from_str::<Name<'_>>(json).map(|text| text.0).map_err(|error| not_json(&error))
}

/// Where a text stops being JSON, counted in bytes from 1.
pub(super) fn not_json(error: &serde_json::Error) -> InputFault {
    let text = error.to_string();
    let reason = text.split(" at line ").next().unwrap_or(&text);
    InputFault::Json(format!("{reason} at byte {}", error.column()))
}

/// `value` as JSON: floats as numbers that read back to the same bits, or `"NaN"`, `"Infinity"`, `"-Infinity"`; times as
/// ISO 8601 texts in UTC, to the microsecond.
pub fn to_json(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(value) => Json::Bool(*value),
        Value::Int64(value) => Json::from(*value),
        Value::Float64(value) => number(*value),
        Value::Text(value) => Json::String(value.clone()),
        Value::Time(micros) => Json::String(format_time(*micros)),
        Value::Float64List(values) => Json::Array(values.iter().copied().map(number).collect()),
    }
}

fn number(value: f64) -> Json {
    match serde_json::Number::from_f64(value) {
        Some(number) => Json::Number(number),
        None if value.is_nan() => Json::from("NaN"),
        None => Json::from(if value > 0.0 { "Infinity" } else { "-Infinity" }),
    }
}

fn float64(json: &str, wrong: impl Fn() -> InputFault) -> Result<f64, InputFault> {
    match json {
        r#""NaN""# => Ok(f64::from_bits(CANONICAL_NAN)),
        r#""Infinity""# => Ok(f64::INFINITY),
        r#""-Infinity""# => Ok(f64::NEG_INFINITY),
        number if number.starts_with(|first: char| first.is_ascii_digit() || first == '-') => text::float64(number),
        _ => Err(wrong()),
    }
}

fn described(value_type: ValueType) -> &'static str {
    match value_type {
        ValueType::Bool => "true or false",
        ValueType::Int64 => "an int64 number",
        ValueType::Float64 => r#"a float64 number, "NaN", "Infinity" or "-Infinity""#,
        ValueType::Text => "a text",
        ValueType::Time => "an ISO 8601 time such as \"2024-02-29T12:30:00.000001Z\"",
        ValueType::Float64List => "an array of float64 numbers",
    }
}

/// `json` for a message: short, and quoted where it is a text.
fn shown(json: &RawValue) -> String {
    let text = match string(json.get()) {
        Ok(text) => return quoted(&text),
        Err(_) => json.get(),
    };
    match text.char_indices().nth(80) {
        Some((cut, _)) => format!("{}...", &text[..cut]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{TimeForm, TimeUnit};
    use proptest::prelude::*;

    fn wanted(value_type: ValueType) -> Wanted {
        Wanted::new("x", value_type, Nulls::Allowed)
    }

    fn read(json: &str, wanted: &Wanted) -> Result<Value, InputFault> {
        raw_value(serde_json::from_str(json).expect("JSON"), wanted)
    }

    /// `value` written as a line of JSON and read back as its own type.
    fn round_trip(value: &Value) -> Value {
        let text = to_json(value).to_string();
        let value_type = value.value_type().unwrap_or(ValueType::Text);
        read(&text, &wanted(value_type)).expect("a value of its type")
    }

    #[test]
    fn edge_values_read_back_bit_for_bit() {
        let floats =
            [0.0, -0.0, 5e-324, -5e-324, 1e308, f64::MAX, f64::MIN_POSITIVE, 0.1, 1e22, 9_007_199_254_740_993.0];
        let special = [f64::from_bits(CANONICAL_NAN), f64::INFINITY, f64::NEG_INFINITY];
        let all: Vec<f64> = floats.into_iter().chain(special).collect();
        let mut values: Vec<Value> = all.iter().map(|float| Value::Float64(*float)).collect();
        for number in [i64::MIN, -1, 0, 1, i64::MAX] {
            values.extend([Value::Int64(number), Value::Time(number)]);
        }
        values.push(Value::Float64List(all));
        values.push(Value::Float64List(Vec::new()));
        for text in ["", "NaN", "null", "\u{0}\u{1f}\"\\\n\u{2028}", "é🦀"] {
            values.push(Value::Text(text.to_owned()));
        }
        values.extend([Value::Null, Value::Bool(true), Value::Bool(false)]);
        for value in values {
            assert!(round_trip(&value).same_bits(&value), "{value}");
        }
    }

    proptest! {
        #[test]
        fn any_value_reads_back_bit_for_bit(bits in any::<u64>(), number in any::<i64>(), text in any::<String>()) {
            let float = crate::batch::canonical(f64::from_bits(bits));
            for value in [Value::Float64(float), Value::Int64(number), Value::Time(number), Value::Text(text.clone())] {
                prop_assert!(round_trip(&value).same_bits(&value), "{}", value);
            }
        }
    }

    #[test]
    fn wrong_values_are_shown() {
        for (json, value_type, expected) in [
            ("1.0", ValueType::Int64, "1.0 is not an int64 number"),
            ("9223372036854775808", ValueType::Int64, "9223372036854775808 is not an int64 number"),
            ("\"1\"", ValueType::Int64, "\"1\" is not an int64 number"),
            ("1", ValueType::Bool, "1 is not true or false"),
            ("\"nan\"", ValueType::Float64, r#""nan" is not a float64 number, "NaN", "Infinity" or "-Infinity""#),
            ("{\"a\":[1]}", ValueType::Text, "{\"a\":[1]} is not a text"),
            ("9007199254740993", ValueType::Float64, "the integer 9007199254740993 has no exact float64"),
            ("18446744073709551617", ValueType::Float64, "the integer 18446744073709551617 has no exact float64"),
            ("1e400", ValueType::Float64, r#""1e400" is beyond the largest float64"#),
            ("[1,null]", ValueType::Float64List, "[1,null] is not an array of float64 numbers"),
            ("true", ValueType::Time, "true is not an ISO 8601 time such as \"2024-02-29T12:30:00.000001Z\""),
            (
                "5",
                ValueType::Time,
                r#"holds integers where time is expected: declare their unit (s, ms, us or ns) with event_time_unit or arrival_time_unit of the source, or --as-of-unit for a spine"#,
            ),
        ] {
            let fault = read(json, &wanted(value_type)).expect_err("wrong");
            assert_eq!(fault.to_string(), expected);
        }
        let refused = Wanted { nulls: Nulls::Refused, ..wanted(ValueType::Text) };
        assert_eq!(read("null", &refused).expect_err("wrong").to_string(), "is null");
    }

    #[test]
    fn integers_of_a_declared_unit_are_times() {
        let time = TimeForm { unit: Some(TimeUnit::Milliseconds), ..TimeForm::default() };
        let wanted = Wanted { time, ..wanted(ValueType::Time) };
        let value = read("1709209800123", &wanted).expect("a time");
        assert_eq!(value.to_string(), "2024-02-29T12:30:00.123Z");
    }
}
