//! Values written as text: the cells of CSV, and times wherever they are text.

use super::error::InputFault;
use super::json::raw_value;
use super::read::{Rounded, Wanted};
use crate::batch::{Value, canonical};
use crate::schema::ValueType;
use crate::time::{Instant, TimeError, quoted};

/// The value of the type of `wanted` that `text` spells. Its name and nulls do not matter here.
///
/// - bool: `true` or `false`, in any case;
/// - int64: decimal digits with an optional sign;
/// - float64: a decimal number with an optional exponent, `NaN`, `inf`, `-inf`, `Infinity` or `-Infinity`, in any case; an
///   integer only if a float64 equals it;
/// - text: itself;
/// - time: what [`crate::time::TimeForm::text`] reads;
/// - `list<float64>`: a JSON array such as `[1.0,2.5]`.
pub fn text_value(text: &str, wanted: &Wanted) -> Result<Value, InputFault> {
    value(text, wanted, &mut 0)
}

/// As [`text_value`]; a time that was rounded is counted.
pub(super) fn value(text: &str, wanted: &Wanted, rounded: &mut u64) -> Result<Value, InputFault> {
    let wrong = |what: &str| InputFault::Value(format!("{} is not {what}", quoted(text)));
    Ok(match wanted.value_type {
        ValueType::Bool => Value::Bool(parse_bool(text).ok_or_else(|| wrong("true or false"))?),
        ValueType::Int64 => Value::Int64(text.parse().map_err(|_| wrong("an int64 number"))?),
        ValueType::Float64 => Value::Float64(float64(text)?),
        ValueType::Text => Value::Text(text.to_owned()),
        ValueType::Time => Value::Time(micros(wanted.time.text(text), wanted, rounded)?),
        ValueType::Float64List => {
            let list = serde_json::from_str(text).map_err(|_| wrong("a JSON array of numbers such as [1.0,2.5]"))?;
            match raw_value(list, wanted)? {
                Value::Null => return Err(wrong("a JSON array of numbers such as [1.0,2.5]")),
                list => list,
            }
        }
    })
}

/// `true` or `false` in any case.
pub(super) fn parse_bool(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

/// A float64 written as text: what has digits alone is an integer, and must be a float64 exactly.
pub(super) fn float64(text: &str) -> Result<f64, InputFault> {
    let number: f64 =
        text.parse().map_err(|_| InputFault::Value(format!("{} is not a float64 number", quoted(text))))?;
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let has_digits = digits.starts_with(|first: char| first.is_ascii_digit() || first == '.');
    if number.is_infinite() && has_digits {
        return Err(InputFault::Value(format!("{} is beyond the largest float64", quoted(text))));
    }
    // Fifteen digits are always exact.
    if digits.len() > 15 && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        let significant = digits.trim_start_matches('0');
        if !significant.is_empty() && format!("{:.0}", number.abs()) != significant {
            return Err(inexact(text));
        }
    }
    Ok(canonical(number))
}

/// The fault of an integer that no float64 equals.
pub(super) fn inexact(integer: impl std::fmt::Display) -> InputFault {
    InputFault::Value(format!("the integer {integer} has no exact float64"))
}

/// The microseconds of a moment, rounded as `wanted` says; what was rounded is counted.
pub(super) fn micros(found: Result<Instant, TimeError>, wanted: &Wanted, rounded: &mut u64) -> Result<i64, InputFault> {
    let found = found.map_err(|error| match error {
        TimeError::NoUnit { .. } => InputFault::NoUnit { name: wanted.name.clone() },
        error => InputFault::Value(error.to_string()),
    })?;
    *rounded += u64::from(found.has_finer && wanted.rounded == Rounded::Counted);
    found.rounded(wanted.time.rounding).ok_or_else(|| out_of_range(&found.micros.to_string()))
}

/// The fault of a time that does not fit 64 bits of microseconds.
pub(super) fn out_of_range(shown: &str) -> InputFault {
    InputFault::Value(TimeError::Range { shown: shown.to_owned() }.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::Nulls;
    use crate::time::{TimeForm, TimeUnit};

    fn wanted(value_type: ValueType) -> Wanted {
        Wanted::new("x", value_type, Nulls::Allowed)
    }

    #[test]
    fn cells_by_type() {
        for (text, value_type, expected) in [
            ("TRUE", ValueType::Bool, "true"),
            ("false", ValueType::Bool, "false"),
            ("-9223372036854775808", ValueType::Int64, "-9223372036854775808"),
            ("-0", ValueType::Float64, "-0.0"),
            ("5e-324", ValueType::Float64, "5e-324"),
            ("NaN", ValueType::Float64, "NaN"),
            ("-NaN", ValueType::Float64, "NaN"),
            ("-inf", ValueType::Float64, "-inf"),
            ("Infinity", ValueType::Float64, "inf"),
            ("[1, -2.5, \"NaN\"]", ValueType::Float64List, "[1.0, -2.5, NaN]"),
            ("[]", ValueType::Float64List, "[]"),
            ("2024-01-01", ValueType::Time, "2024-01-01T00:00:00Z"),
        ] {
            let value = text_value(text, &wanted(value_type)).map_err(|fault| fault.to_string());
            assert_eq!(value.map(|value| value.to_string()).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn wrong_cells_are_quoted() {
        for (text, value_type, expected) in [
            ("yes", ValueType::Bool, r#""yes" is not true or false"#),
            ("1.0", ValueType::Int64, r#""1.0" is not an int64 number"#),
            ("9223372036854775808", ValueType::Int64, r#""9223372036854775808" is not an int64 number"#),
            ("1,5", ValueType::Float64, r#""1,5" is not a float64 number"#),
            (" 1", ValueType::Float64, r#"" 1" is not a float64 number"#),
            ("null", ValueType::Float64List, r#""null" is not a JSON array of numbers such as [1.0,2.5]"#),
            ("[1", ValueType::Float64List, r#""[1" is not a JSON array of numbers such as [1.0,2.5]"#),
            ("garbage", ValueType::Time, r#""garbage" is not an ISO 8601 time such as 2024-02-29T12:30:00.000001Z"#),
            (
                "1709209800",
                ValueType::Time,
                r#"holds integers where time is expected: declare their unit (s, ms, us or ns) with event_time_unit or arrival_time_unit of the source, or --as-of-unit for a spine"#,
            ),
        ] {
            let fault = text_value(text, &wanted(value_type)).expect_err("wrong");
            assert_eq!(fault.to_string(), expected, "{text}");
        }
        let long = "é".repeat(100);
        let fault = text_value(&long, &wanted(ValueType::Int64)).expect_err("wrong").to_string();
        assert_eq!(fault, format!("{:?}... (200 bytes) is not an int64 number", "é".repeat(80)));
    }

    #[test]
    fn integers_of_a_declared_unit_are_times() {
        let wanted = Wanted {
            time: TimeForm { unit: Some(TimeUnit::Seconds), ..TimeForm::default() },
            ..wanted(ValueType::Time)
        };
        let read = |text| text_value(text, &wanted).map(|value| value.to_string()).map_err(|fault| fault.to_string());
        assert_eq!(read("1709209800").as_deref(), Ok("2024-02-29T12:30:00Z"));
        assert_eq!(read("2024-02-29T12:30:00Z").as_deref(), Ok("2024-02-29T12:30:00Z"));
        assert_eq!(read("9223372036854775807"), Err("9223372036854775807 is out of the range of times".to_owned()));
    }
}
