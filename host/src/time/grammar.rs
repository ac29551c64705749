//! The grammar of times written as text. There is one, for files, spines, requests and the command line.
//!
//! ```text
//! time   = date | date separator clock [zone] | basic
//! date   = YYYY-MM-DD                           years 0000 to 9999; beyond, a sign and 4 (before year 0) to 6 digits
//! clock  = HH:MM | HH:MM:SS | HH:MM:SS.fraction  any number of digits in a fraction
//! basic  = YYYYMMDD | YYYYMMDDTHHMM[SS[.fraction]] [zone]
//! zone   = Z | [space] UTC | [space] ±HH:MM | ±HHMM | ±HH, then perhaps the name of a zone in brackets
//! separator = T | space
//! ```
//!
//! Without a zone a time is UTC; a date alone is its midnight; spaces around a time do not matter; `T` and `Z` may be in lower
//! case. `24:00:00` is the midnight that follows, and `23:59:60` UTC, a leap second, the first moment of the next day. This is
//! ISO 8601 without week dates, ordinal dates and truncated forms, with what BigQuery, PostgreSQL, Snowflake, Java and Ruby
//! write. [`super::format_time`] also writes microseconds with `us` behind them, for times beyond the calendar.

use super::Instant;

const SECOND_US: i64 = 1_000_000;

/// The moment that `text` spells; `None` where it does not follow the grammar, or lies beyond what 64 bits of microseconds hold.
pub(super) fn parse(text: &str) -> Option<Instant> {
    if let Some(micros) = common(text.as_bytes()) {
        return Some(Instant { micros, has_finer: false });
    }
    let text = text.trim_matches(' ').as_bytes();
    if let Some(digits) = text.strip_suffix(b"us") {
        return Some(Instant { micros: integer(digits)?, has_finer: false });
    }
    let (date, rest) = split_date(text)?;
    let days = days_since_epoch(date);
    let Some((separator, rest)) = rest.split_first() else {
        return Some(Instant { micros: days.checked_mul(86_400 * SECOND_US)?, has_finer: false });
    };
    let is_separator = matches!(separator, b'T' | b't') || (*separator == b' ' && !date.is_basic);
    let (clock, rest) = if is_separator { split_clock(rest, date.is_basic)? } else { return None };
    let offset = zone(rest)?;
    let minutes = days.checked_mul(1_440)? + clock.hour * 60 + clock.minute - offset;
    let is_leap = clock.second == 60;
    if is_leap && minutes.rem_euclid(1_440) != 1_439 {
        return None;
    }
    let micros = (minutes.checked_mul(60)? + clock.second).checked_mul(SECOND_US)?.checked_add(clock.micros)?;
    Some(Instant { micros, has_finer: clock.has_finer })
}

/// The microseconds of the shape that most times have, `2024-02-29T12:30:00Z` with at most six digits of a fraction and with a
/// space for the `T`, if one likes; `None` for any other text, wrong or right.
fn common(text: &[u8]) -> Option<i64> {
    let (&[y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, b'T' | b' ', h1, h2, b':', n1, n2, b':', s1, s2], rest) =
        text.split_first_chunk::<19>()?
    else {
        return None;
    };
    let date =
        Date { year: number(&[y1, y2, y3, y4])?, month: number(&[m1, m2])?, day: number(&[d1, d2])?, is_basic: false };
    let (hour, minute, second) = (number(&[h1, h2])?, number(&[n1, n2])?, number(&[s1, s2])?);
    let fraction = match rest {
        [] | [b'Z'] => 0,
        [b'.', digits @ .., b'Z'] | [b'.', digits @ ..] if (1..=6).contains(&digits.len()) => {
            number(digits)? * 10_i64.pow(6 - digits.len() as u32)
        }
        _ => return None,
    };
    let is_ordinary = is_in_calendar(&date) && hour <= 23 && minute <= 59 && second <= 59;
    let seconds = ((days_since_epoch(date) * 24 + hour) * 60 + minute) * 60 + second;
    is_ordinary.then_some(seconds * SECOND_US + fraction)
}

/// The microseconds of midnight of the date that `number` spells as YYYYMMDD, from the year 1000 on.
pub(super) fn basic_date(number: i64) -> Option<i64> {
    let date = Date { year: number / 10_000, month: number / 100 % 100, day: number % 100, is_basic: true };
    let is_date = (1_000..=9_999).contains(&date.year) && is_in_calendar(&date);
    is_date.then(|| days_since_epoch(date) * 86_400 * SECOND_US)
}

/// Whether `text` is an integer: digits with an optional minus.
pub(super) fn integer(text: &[u8]) -> Option<i64> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// A day of the Gregorian calendar.
#[derive(Clone, Copy)]
struct Date {
    year: i64,
    month: i64,
    day: i64,
    is_basic: bool,
}

/// A time of the day, to the microsecond.
struct Clock {
    hour: i64,
    minute: i64,
    second: i64,
    micros: i64,
    has_finer: bool,
}

fn split_date(text: &[u8]) -> Option<(Date, &[u8])> {
    let (sign, unsigned) = match text.first()? {
        b'+' => (1, &text[1..]),
        b'-' => (-1, &text[1..]),
        _ => (0, text),
    };
    let digits = unsigned.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (date, rest) = match (sign, digits) {
        (0, 8) => {
            let [year, month, day] = [0..4, 4..6, 6..8].map(|range| number(&unsigned[range]));
            (Date { year: year?, month: month?, day: day?, is_basic: true }, &unsigned[8..])
        }
        (0, 4) | (1, 5..=6) | (-1, 4..=6) => {
            let year = number(&unsigned[..digits])?;
            let (&[b'-', m1, m2, b'-', d1, d2], rest) = unsigned[digits..].split_first_chunk()? else { return None };
            let year = if sign == -1 { -year } else { year };
            (Date { year, month: number(&[m1, m2])?, day: number(&[d1, d2])?, is_basic: false }, rest)
        }
        _ => return None,
    };
    is_in_calendar(&date).then_some((date, rest))
}

fn split_clock(text: &[u8], is_basic: bool) -> Option<(Clock, &[u8])> {
    let colon = |rest: &[u8]| is_basic || rest.first() == Some(&b':');
    let skip = usize::from(!is_basic);
    let (hour, rest) = two_digits(text)?;
    let (minute, mut rest) = if colon(rest) { two_digits(rest.get(skip..)?)? } else { return None };
    let (mut second, mut micros, mut has_finer) = (0, 0, false);
    let has_seconds = if is_basic { rest.first().is_some_and(u8::is_ascii_digit) } else { colon(rest) };
    if has_seconds {
        (second, rest) = two_digits(rest.get(skip..)?)?;
        if let Some(fraction) = rest.strip_prefix(b".") {
            let digits = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let kept = digits.min(6);
            micros = number(fraction.get(..kept).filter(|kept| !kept.is_empty())?)? * 10_i64.pow(6 - kept as u32);
            has_finer = fraction[kept..digits].iter().any(|digit| *digit != b'0');
            rest = &fraction[digits..];
        }
    }
    let is_midnight = hour == 24 && (minute, second, micros, has_finer) == (0, 0, 0, false);
    let is_leap = second == 60 && (micros, has_finer) == (0, false);
    let is_clock = (hour <= 23 || is_midnight) && minute <= 59 && (second <= 59 || is_leap);
    is_clock.then_some((Clock { hour, minute, second, micros, has_finer }, rest))
}

/// The minutes that a zone is ahead of UTC.
fn zone(text: &[u8]) -> Option<i64> {
    let (text, name) = match text.iter().position(|byte| *byte == b'[') {
        Some(at) => (&text[..at], Some(&text[at..])),
        None => (text, None),
    };
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'_' | b'-' | b'+');
    if let Some(name) = name {
        let inner = name.strip_prefix(b"[")?.strip_suffix(b"]")?;
        // A name alone does not say which of two offsets holds when clocks are turned back.
        if inner.is_empty() || !inner.iter().all(is_name) || text.is_empty() {
            return None;
        }
    }
    match text {
        b"" | b"Z" | b"z" | b"UTC" | b" UTC" => return Some(0),
        _ => {}
    }
    let (sign, digits) = text.strip_prefix(b" ").unwrap_or(text).split_first()?;
    let sign = match sign {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, rest) = two_digits(digits)?;
    let minutes = match rest {
        b"" => 0,
        rest => match two_digits(rest.strip_prefix(b":").unwrap_or(rest))? {
            (minutes, b"") => minutes,
            _ => return None,
        },
    };
    (hours <= 23 && minutes <= 59).then_some(sign * (hours * 60 + minutes))
}

fn two_digits(text: &[u8]) -> Option<(i64, &[u8])> {
    let (digits, rest) = text.split_first_chunk::<2>()?;
    Some((number(digits)?, rest))
}

fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0_i64, |sum, digit| digit.is_ascii_digit().then(|| sum * 10 + i64::from(digit - b'0')))
}

fn is_in_calendar(date: &Date) -> bool {
    (1..=12).contains(&date.month) && (1..=days_of(date.year, date.month)).contains(&date.day)
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
fn days_since_epoch(Date { year, month, day, .. }: Date) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::super::{format_time, parse_time};
    use super::*;
    use chrono::{DateTime, NaiveDateTime};
    use proptest::prelude::*;

    /// 2024-02-29T12:30:00Z.
    const NOON: i64 = 1_709_209_800_000_000;
    /// 2024-01-01T00:00:00Z.
    const NEW_YEAR: i64 = 1_704_067_200_000_000;

    fn micros(text: &str) -> Option<i64> {
        parse(text).map(|instant| instant.micros)
    }

    #[test]
    fn exporters_spell_one_moment_in_many_ways() {
        for text in [
            "2024-02-29T12:30:00Z",
            "2024-02-29t12:30:00z",
            "2024-02-29T12:30:00",
            "2024-02-29 12:30:00",
            "2024-02-29T12:30",
            "2024-02-29 12:30Z",
            "2024-02-29T13:30:00+01:00",
            "2024-02-29T13:30+01:00",
            "2024-02-29 13:30:00+0100",
            "2024-02-29 13:30:00+01",
            "2024-02-29 04:30:00.000 -0800",
            "2024-02-29 12:30:00 UTC",
            "2024-02-29 12:30:00.000000 UTC",
            "2024-02-29T12:30:00UTC",
            "2024-02-29T18:00:00+05:30",
            "2024-02-29T13:30:00+01:00[Europe/Berlin]",
            "2024-02-29T12:30Z[UTC]",
            "20240229T123000Z",
            "20240229T1230",
            "20240229T133000.000+0100",
            " 2024-02-29T12:30:00Z  ",
            "1709209800000000us",
        ] {
            assert_eq!(micros(text), Some(NOON), "{text}");
        }
        for text in
            ["2024-01-01", "20240101", "2023-12-31T24:00:00Z", "2023-12-31T23:59:60Z", "2024-01-01T05:29:60+05:30"]
        {
            assert_eq!(micros(text), Some(NEW_YEAR), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "x",
            "12:30",
            "24-01-15",
            "12-01-24",
            "-1-01-01",
            "2024-1-1",
            "2024-01-1",
            "02024-01-01",
            "+2024-01-01",
            "2024/01/01",
            "01/02/2024",
            "15.01.2024",
            "2024-02-30",
            "2023-02-29",
            "2024-13-01",
            "2024-00-01",
            "2024-01-00",
            "2024-02-29T25:00:00Z",
            "2024-02-29T24:00:01Z",
            "2024-02-29T12:60:00Z",
            "2024-02-29T12:30:60Z",
            "2024-02-29T12:30:61Z",
            "2024-02-29\t12:30:00",
            "\t2024-02-29",
            "2024-02-29  12:30:00",
            "2024-02-29T12:30:00 Z",
            "2024-02-29T12:30:00\u{2212}05:00",
            "2024-02-29T12:30:00.",
            "2024-02-29T12:30:00,5",
            "2024-02-29T1:30:00",
            "2024-02-29T12",
            "2024-02-29T",
            "2024-02-29T12:30:00[Europe/Berlin]",
            "2024-02-29T12:30:00+01:00[]",
            "2024-02-29T12:30:00+1:00",
            "2024-02-29T12:30:00+24:00",
            "2024-02-29T12:30:00+01:60",
            "2024-02-29T12:30:00 GMT+1",
            "2024-02-29Z",
            "20240229 123000",
            "20240230",
            "2024022",
            "20240229T12:30:00",
            "2024-02-29T123000",
            "Jan 1 2000",
            "us",
            "-us",
            "+5us",
            "9223372036854775808us",
            "２０２４-01-01",
        ] {
            assert_eq!(micros(text), None, "{text}");
        }
    }

    #[test]
    fn digits_beyond_microseconds_are_noticed() {
        for (text, expected) in [
            ("2024-01-01T00:00:00.000001Z", (1, false)),
            ("2024-01-01T00:00:00.0000010Z", (1, false)),
            ("2024-01-01T00:00:00.0000009Z", (0, true)),
            ("2024-01-01T00:00:00.1234567890123", (123_456, true)),
        ] {
            let found = parse(text).map(|instant| (instant.micros - NEW_YEAR, instant.has_finer));
            assert_eq!(found, Some(expected), "{text}");
        }
        assert_eq!(micros("1969-12-31T23:59:59.999999Z"), Some(-1));
    }

    proptest! {
        #[test]
        fn what_chrono_reads_is_the_same_moment(year in 0_i64..=9999, month in 0..=13, day in 0..=32, hour in 0..=24,
            minute in 0..=60, second in 0..=59, fraction in "(\\.[0-9]{1,9})?", separator in "[T ]", end in "(Z|[+-](0[0-9]|1[0-9]):[0-5][0-9])?") {
            let text = format!("{year:04}-{month:02}-{day:02}{separator}{hour:02}:{minute:02}:{second:02}{fraction}{end}");
            let expected = match end.as_str() {
                "" => NaiveDateTime::parse_from_str(&text, &format!("%Y-%m-%d{separator}%H:%M:%S%.f")).ok().map(|time| time.and_utc()),
                _ => DateTime::parse_from_rfc3339(&text).ok().map(|time| time.to_utc()),
            };
            if hour < 24 {
                prop_assert_eq!(micros(&text), expected.map(|time| time.timestamp_micros()), "{}", text);
            }
        }

        #[test]
        fn every_time_reads_as_it_is_written(micros in any::<i64>(), near in -100_000_000_000_000_000_i64..100_000_000_000_000_000) {
            for micros in [micros, near, i64::MIN, i64::MAX, 0, -1] {
                prop_assert_eq!(parse_time(&format_time(micros)).ok(), Some(micros), "{}", format_time(micros));
            }
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,40}", like in "[0-9TZ:+. -]{0,30}") {
            let _ = (parse(&text), parse(&like));
        }
    }
}
