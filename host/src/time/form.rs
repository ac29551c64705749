//! How the times of a column are written: their unit, their format, and to which side finer digits are rounded.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use chrono::format::{Item, Parsed, StrftimeItems};
use chrono::{NaiveDate, NaiveTime};

use super::{TimeError, TimeUnit, format_time, grammar};

/// How the times of a column are written, and how they become microseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TimeForm {
    /// The unit of times that are stored as numbers.
    pub unit: Option<TimeUnit>,
    /// The format of times that are stored as text, where it is not the grammar of [`super::parse_time`].
    pub format: Option<TimeFormat>,
    /// What becomes of digits beyond the microsecond.
    pub rounding: Rounding,
}

/// What becomes of digits beyond the microsecond. Events round up and as-ofs down, so that no question sees an event early.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rounding {
    /// The microsecond before: as-ofs, and times that are values.
    #[default]
    Down,
    /// The microsecond after: event times and arrival times.
    Up,
}

/// A moment to the microsecond, rounded down, and whether it had finer digits that are not zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instant {
    /// Microseconds since the Unix epoch, UTC.
    pub micros: i64,
    /// Whether something was left out.
    pub has_finer: bool,
}

impl Instant {
    /// The moment of so many nanoseconds since the epoch.
    pub fn of_nanos(nanos: i64) -> Self {
        Self { micros: nanos.div_euclid(1_000), has_finer: nanos.rem_euclid(1_000) != 0 }
    }

    /// Its microseconds after rounding; `None` beyond the last one.
    pub fn rounded(self, rounding: Rounding) -> Option<i64> {
        match (self.has_finer, rounding) {
            (true, Rounding::Up) => self.micros.checked_add(1),
            _ => Some(self.micros),
        }
    }
}

impl TimeForm {
    /// Event times and arrival times: finer digits round up.
    pub fn of_events(unit: Option<TimeUnit>, format: Option<TimeFormat>) -> Self {
        Self { unit, format, rounding: Rounding::Up }
    }

    /// The moment that `text` spells: by the format, where there is one; else a number of the unit, a date as YYYYMMDD, or the
    /// grammar of [`super::parse_time`].
    pub fn text(&self, text: &str) -> Result<Instant, TimeError> {
        if let Some(format) = &self.format {
            return format.parse(text);
        }
        if text.as_bytes().get(4) == Some(&b'-')
            && let Some(instant) = grammar::parse(text)
        {
            return Ok(instant);
        }
        if let Some(number) = grammar::integer(text.as_bytes()) {
            return self.integer(number);
        }
        if self.unit.is_some()
            && text.starts_with(|first: char| first.is_ascii_digit() || first == '-')
            && let Ok(number) = text.parse()
        {
            return self.float(number);
        }
        grammar::parse(text).ok_or_else(|| TimeError::Time { text: text.to_owned() })
    }

    /// The moment of an integer: of the unit, or a date as YYYYMMDD where none is declared.
    pub fn integer(&self, number: i64) -> Result<Instant, TimeError> {
        if let Some(format) = &self.format {
            return format.parse(&number.to_string());
        }
        match self.unit {
            Some(TimeUnit::Nanoseconds) => Ok(Instant::of_nanos(number)),
            Some(unit) => {
                let micros = unit.to_micros(number).ok_or_else(|| TimeError::Range { shown: number.to_string() })?;
                Ok(Instant { micros, has_finer: false })
            }
            None => match grammar::basic_date(number) {
                Some(micros) => Ok(Instant { micros, has_finer: false }),
                None => Err(TimeError::NoUnit { shown: number.to_string() }),
            },
        }
    }

    /// The moment of a float, which must be a whole number of the unit.
    pub fn float(&self, number: f64) -> Result<Instant, TimeError> {
        let Some(unit) = self.unit.filter(|_| self.format.is_none()) else {
            return Err(TimeError::NoUnit { shown: format!("{number:?}") });
        };
        if number.fract() != 0.0 {
            return Err(TimeError::NotWhole { shown: format!("{number:?}"), unit });
        }
        // Exact: what is beyond the range of i64 stops at its ends.
        let integer = number as i64;
        if integer as f64 != number || integer == i64::MAX {
            return Err(TimeError::Range { shown: format!("{number:?}") });
        }
        self.integer(integer)
    }
}

/// A format of times such as `%b %d %Y`, in the conversions of `strftime`.
///
/// Source of the conversions: <https://docs.rs/chrono/0.4/chrono/format/strftime/index.html>.
#[derive(Clone)]
pub struct TimeFormat {
    pattern: String,
    items: Arc<Vec<Item<'static>>>,
}

impl TimeFormat {
    /// The format as it was written.
    pub fn pattern(&self) -> &str {
        &self.pattern
    }

    /// The moment that `text` spells. Without an offset it is UTC; without a time of the day it is midnight.
    pub fn parse(&self, text: &str) -> Result<Instant, TimeError> {
        let wrong = || TimeError::Format { text: text.to_owned(), pattern: self.pattern.clone() };
        let mut parsed = Parsed::new();
        chrono::format::parse(&mut parsed, text, self.items.iter()).map_err(|_| wrong())?;
        let time = moment(&mut parsed).ok_or_else(wrong)?;
        Ok(Instant { micros: time.timestamp_micros(), has_finer: time.timestamp_subsec_nanos() % 1_000 != 0 })
    }
}

/// The moment of what was parsed, from the year 1000 on: `24` is no year.
fn moment(parsed: &mut Parsed) -> Option<chrono::DateTime<chrono::Utc>> {
    use chrono::Datelike;
    let time = match (parsed.offset(), parsed.timestamp()) {
        (None, None) => {
            if parsed.hour_div_12().is_some() && parsed.minute().is_none() {
                parsed.set_minute(0).ok()?;
            }
            let has_time =
                parsed.hour_div_12().is_some() || parsed.hour_mod_12().is_some() || parsed.minute().is_some();
            let time = if has_time { parsed.to_naive_time().ok()? } else { NaiveTime::MIN };
            parsed.to_naive_date().ok()?.and_time(time).and_utc()
        }
        (None, Some(_)) => parsed.to_naive_datetime_with_offset(0).ok()?.and_utc(),
        (Some(_), _) => parsed.to_datetime().ok()?.to_utc(),
    };
    (1_000..=9_999).contains(&time.year()).then_some(time)
}

impl FromStr for TimeFormat {
    type Err = TimeError;

    /// Refuses what does not tell a date.
    fn from_str(pattern: &str) -> Result<Self, TimeError> {
        let wrong = || TimeError::Pattern { pattern: pattern.to_owned() };
        let items = StrftimeItems::new(pattern).parse_to_owned().map_err(|_| wrong())?;
        let format = Self { pattern: pattern.to_owned(), items: Arc::new(items) };
        // A date whose parts cannot be taken for each other must come back from its own text.
        let sample = NaiveDate::from_ymd_opt(2024, 11, 29).ok_or_else(wrong)?.and_time(NaiveTime::MIN).and_utc();
        let mut text = String::new();
        fmt::Write::write_fmt(&mut text, format_args!("{}", sample.format_with_items(format.items.iter())))
            .map_err(|_| wrong())?;
        match format.parse(&text) {
            Ok(found) if found.micros == sample.timestamp_micros() => Ok(format),
            _ => Err(wrong()),
        }
    }
}

impl PartialEq for TimeFormat {
    fn eq(&self, other: &Self) -> bool {
        self.pattern == other.pattern
    }
}

impl Eq for TimeFormat {}

impl fmt::Debug for TimeFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TimeFormat").field(&self.pattern).finish()
    }
}

/// From 1980 to 2100: the years that the times of data are usually of.
pub(super) const PLAUSIBLE: std::ops::Range<i64> = 315_532_800_000_000..4_102_444_800_000_000;

/// What `number` would be by every way of reading it that gives a time from 1980 to 2100, such as `as ms it is 2024-01-01`.
pub fn other_readings(number: i64) -> Vec<(String, String)> {
    let units = [TimeUnit::Seconds, TimeUnit::Milliseconds, TimeUnit::Microseconds, TimeUnit::Nanoseconds];
    let by_unit = units.into_iter().map(|unit| (unit.name().to_owned(), unit.to_micros(number)));
    let by_date = std::iter::once(("YYYYMMDD".to_owned(), grammar::basic_date(number)));
    by_unit
        .chain(by_date)
        .filter_map(|(how, micros)| micros.filter(|micros| PLAUSIBLE.contains(micros)).map(|m| (how, format_time(m))))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(form: &TimeForm, text: &str) -> Result<String, String> {
        let found = form.text(text).map_err(|error| error.to_string())?;
        Ok(format_time(found.rounded(form.rounding).expect("in range")))
    }

    #[test]
    fn numbers_are_times_of_their_unit() {
        let seconds = TimeForm { unit: Some(TimeUnit::Seconds), ..TimeForm::default() };
        for text in ["1704067200", "1704067200.0", "1.7040672e9", "2024-01-01"] {
            assert_eq!(read(&seconds, text).as_deref(), Ok("2024-01-01T00:00:00Z"), "{text}");
        }
        assert_eq!(
            read(&seconds, "1704067200.5"),
            Err("1704067200.5 is not a whole number of seconds: declare a finer unit".to_owned())
        );
        assert_eq!(read(&seconds, "1e300"), Err("1e300 is out of the range of times".to_owned()));
        assert_eq!(
            read(&seconds, "9223372036854775807"),
            Err("9223372036854775807 is out of the range of times".to_owned())
        );
        assert!(read(&seconds, "+1704067200").is_err());
        let none = TimeForm::default();
        assert_eq!(read(&none, "20240101").as_deref(), Ok("2024-01-01T00:00:00Z"));
        assert!(matches!(none.text("20241301"), Err(TimeError::NoUnit { .. })));
        assert!(matches!(none.text("1704067200"), Err(TimeError::NoUnit { .. })));
        assert!(none.text("1704067200.0").is_err());
        assert_eq!(none.integer(20_240_101).map(|found| found.micros).ok(), Some(1_704_067_200_000_000));
    }

    #[test]
    fn finer_digits_round_to_the_side_that_sees_nothing_early() {
        let events = TimeForm::of_events(Some(TimeUnit::Nanoseconds), None);
        let as_ofs = TimeForm { rounding: Rounding::Down, ..events.clone() };
        for (text, up, down) in [
            ("1704067200000000001", "2024-01-01T00:00:00.000001Z", "2024-01-01T00:00:00Z"),
            ("1704067200000001000", "2024-01-01T00:00:00.000001Z", "2024-01-01T00:00:00.000001Z"),
            ("2024-01-01T00:00:00.0000009Z", "2024-01-01T00:00:00.000001Z", "2024-01-01T00:00:00Z"),
            ("-1", "1970-01-01T00:00:00Z", "1969-12-31T23:59:59.999999Z"),
        ] {
            assert_eq!(read(&events, text).as_deref(), Ok(up), "{text}");
            assert_eq!(read(&as_ofs, text).as_deref(), Ok(down), "{text}");
        }
    }

    #[test]
    fn a_format_is_the_only_one_that_is_read() {
        for (pattern, text, expected) in [
            ("%b %d %Y", "Jan 1 2000", Some("2000-01-01T00:00:00Z")),
            ("%b %d %Y", "Jan 01 2000", Some("2000-01-01T00:00:00Z")),
            ("%b %d %Y", "Jan 1 24", None),
            ("%b %d %Y", "2000-01-01", None),
            ("%b %d %Y", "Jan 1 2000 x", None),
            ("%d/%m/%Y %H:%M", "03/02/2024 15:04", Some("2024-02-03T15:04:00Z")),
            ("%d/%m/%Y %H:%M", "31/02/2024 15:04", None),
            ("%m/%d/%Y %I:%M %p", "02/03/2024 03:04 PM", Some("2024-02-03T15:04:00Z")),
            ("%Y%m%d", "20240203", Some("2024-02-03T00:00:00Z")),
            ("%Y%m%d%H", "2024020315", Some("2024-02-03T15:00:00Z")),
            ("%d.%m.%y", "03.02.24", Some("2024-02-03T00:00:00Z")),
            ("%Y-%m-%dT%H:%M:%S%.f%z", "2024-02-03T15:04:05.25+0100", Some("2024-02-03T14:04:05.250Z")),
            ("%a, %d %b %Y %H:%M:%S %z", "Sat, 03 Feb 2024 15:04:05 +0000", Some("2024-02-03T15:04:05Z")),
        ] {
            let format = pattern.parse::<TimeFormat>().expect(pattern);
            let form = TimeForm { format: Some(format), unit: Some(TimeUnit::Seconds), ..TimeForm::default() };
            assert_eq!(read(&form, text).ok().as_deref(), expected, "{pattern}: {text}");
        }
        let form = TimeForm { format: "%Y%m%d".parse().ok(), ..TimeForm::default() };
        assert_eq!(
            form.integer(20_240_203).map(|found| format_time(found.micros)).ok().as_deref(),
            Some("2024-02-03T00:00:00Z")
        );
    }

    #[test]
    fn a_format_without_a_date_is_refused() {
        for pattern in ["", "%H:%M", "%b %d", "%Y", "%Q", "%", "today"] {
            assert!(pattern.parse::<TimeFormat>().is_err(), "{pattern}");
        }
    }

    #[test]
    fn a_number_is_told_by_each_plausible_reading() {
        assert_eq!(other_readings(1_704_067_200_123), [("ms".to_owned(), "2024-01-01T00:00:00.123Z".to_owned())]);
        assert_eq!(other_readings(20_240_101), [("YYYYMMDD".to_owned(), "2024-01-01T00:00:00Z".to_owned())]);
    }
}
