//! Values written as text: the cells of CSV, and times wherever they are text.

use super::error::InputFault;
use super::json::json_value;
use super::read::Wanted;
use crate::batch::{Value, canonical};
use crate::schema::ValueType;
use crate::time::parse_time;

/// How many characters of a wrong value a message quotes.
const QUOTED_CHARS_MAX: usize = 80;

/// The value of the type of `wanted` that `text` spells. Its name and nulls do not matter here.
///
/// - bool: `true` or `false`, in any case;
/// - int64: decimal digits with an optional sign;
/// - float64: a decimal number with an optional exponent, `NaN`, `inf`, `-inf`, `Infinity` or `-Infinity`, in any case;
/// - text: itself;
/// - time: ISO 8601, or an integer where `wanted` declares its unit;
/// - `list<float64>`: a JSON array such as `[1.0,2.5]`.
pub fn text_value(text: &str, wanted: &Wanted) -> Result<Value, InputFault> {
    let wrong = |what: &str| InputFault::Value(format!("{} is not {what}", quoted(text)));
    Ok(match wanted.value_type {
        ValueType::Bool => Value::Bool(parse_bool(text).ok_or_else(|| wrong("true or false"))?),
        ValueType::Int64 => Value::Int64(text.parse().map_err(|_| wrong("an int64 number"))?),
        ValueType::Float64 => Value::Float64(canonical(text.parse().map_err(|_| wrong("a float64 number"))?)),
        ValueType::Text => Value::Text(text.to_owned()),
        ValueType::Time => Value::Time(time(text, wanted)?),
        ValueType::Float64List => {
            let list = serde_json::from_str(text).map_err(|_| wrong("a JSON array of numbers such as [1.0,2.5]"))?;
            match json_value(&list, wanted)? {
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

/// The time in microseconds that a cell of CSV spells: ISO 8601, or an integer of the declared unit.
fn time(text: &str, wanted: &Wanted) -> Result<i64, InputFault> {
    match (text.parse::<i64>(), wanted.unit) {
        (Ok(number), Some(unit)) => unit.to_micros(number).ok_or_else(|| out_of_range(&number.to_string())),
        // An integer has no meaning as a time without its unit, and is not a year.
        (Ok(_), None) => Err(InputFault::NoUnit { name: wanted.name.clone() }),
        (Err(_), _) => iso_time(text),
    }
}

/// The fault of a time that does not fit 64 bits of microseconds.
pub(super) fn out_of_range(shown: &str) -> InputFault {
    InputFault::Value(format!("{shown} is out of the range of times"))
}

/// The time in microseconds that `text` spells in ISO 8601.
///
/// Times beyond the calendar (the years after 262142) are written as microseconds, `9223372036854775807us`, by
/// [`crate::time::format_time`]; they are read back here.
pub(super) fn iso_time(text: &str) -> Result<i64, InputFault> {
    if let Some(micros) = common_time(text.as_bytes()) {
        return Ok(micros);
    }
    if let Some(micros) = text.strip_suffix("us").and_then(|digits| digits.parse().ok()) {
        return Ok(micros);
    }
    parse_time(text).map_err(|_| {
        let shown = quoted(text);
        InputFault::Value(format!("{shown} is not an ISO 8601 time such as 2024-02-29T12:30:00.000001Z"))
    })
}

/// The time of the one common shape, `2024-02-29T12:30:00Z` with at most six digits of a second's fraction and with a space
/// for the `T`, if one likes; `None` for any other text, wrong or right.
fn common_time(text: &[u8]) -> Option<i64> {
    let (&[y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, b'T' | b' ', h1, h2, b':', n1, n2, b':', s1, s2], rest) =
        text.split_first_chunk::<19>()?
    else {
        return None;
    };
    let number = |digits: &[u8]| {
        digits.iter().try_fold(0_i64, |sum, digit| digit.is_ascii_digit().then(|| sum * 10 + i64::from(digit - b'0')))
    };
    let (year, month, day) = (number(&[y1, y2, y3, y4])?, number(&[m1, m2])?, number(&[d1, d2])?);
    let (hour, minute, second) = (number(&[h1, h2])?, number(&[n1, n2])?, number(&[s1, s2])?);
    let fraction = match rest {
        [] | [b'Z'] => 0,
        [b'.', digits @ .., b'Z'] | [b'.', digits @ ..] if (1..=6).contains(&digits.len()) => {
            number(digits)? * 10_i64.pow(6 - u32::try_from(digits.len()).ok()?)
        }
        _ => return None,
    };
    if !(1..=12).contains(&month)
        || !(1..=days_of(year, month)).contains(&day)
        || hour > 23
        || minute > 59
        || second > 59
    {
        return None;
    }
    let seconds = ((days_since_epoch(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
    Some(seconds * 1_000_000 + fraction)
}

fn days_of(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to a day of the Gregorian calendar, by counting years from March, so that the leap day is the last.
/// Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `days_from_civil`.
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// `text` in quotes, cut short where it is long.
pub(super) fn quoted(text: &str) -> String {
    match text.char_indices().nth(QUOTED_CHARS_MAX) {
        Some((cut, _)) => format!("{:?}... ({} bytes)", &text[..cut], text.len()),
        None => format!("{text:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::Nulls;
    use crate::time::{TimeUnit, format_time};
    use proptest::prelude::*;

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
        let wanted = Wanted { unit: Some(TimeUnit::Seconds), ..wanted(ValueType::Time) };
        let read = |text| text_value(text, &wanted).map(|value| value.to_string()).map_err(|fault| fault.to_string());
        assert_eq!(read("1709209800").as_deref(), Ok("2024-02-29T12:30:00Z"));
        assert_eq!(read("2024-02-29T12:30:00Z").as_deref(), Ok("2024-02-29T12:30:00Z"));
        assert_eq!(read("9223372036854775807"), Err("9223372036854775807 is out of the range of times".to_owned()));
    }

    proptest! {
        #[test]
        fn the_common_shape_reads_as_any_other(year in 0_i64..=9999, month in 0..=13, day in 0..=32, hour in 0..=24,
            minute in 0..=60, second in 0..=60, fraction in "(\\.[0-9]{1,7})?", separator in "[T ]", end in "Z?") {
            let text = format!("{year:04}-{month:02}-{day:02}{separator}{hour:02}:{minute:02}:{second:02}{fraction}{end}");
            if let Some(fast) = common_time(text.as_bytes()) {
                prop_assert_eq!(Some(fast), parse_time(&text).ok(), "{}", text);
            }
        }

        #[test]
        fn every_time_reads_as_it_is_written(micros in any::<i64>(), near in -100_000_000_000_000_000_i64..100_000_000_000_000_000) {
            for micros in [micros, near, i64::MIN, i64::MAX, 0, -1] {
                prop_assert_eq!(iso_time(&format_time(micros)).ok(), Some(micros), "{}", format_time(micros));
            }
        }
    }
}
