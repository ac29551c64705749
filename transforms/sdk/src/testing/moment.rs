//! Points in time as tests write them.

use crate::time::{EventTime, Length, Time, days, hours, minutes, seconds};

/// A point in time of a test: an ISO 8601 text, microseconds since the Unix epoch, or a time that there is already.
///
/// A text is a date, which is its midnight in UTC, or a date and a time with its distance from UTC:
///
/// | text | is |
/// |---|---|
/// | `2024-03-01` | midnight, UTC |
/// | `2024-03-01T09:30Z`, `2024-03-01T09:30:00Z` | UTC |
/// | `2024-03-01T09:30:00.25Z` | up to six digits of a second |
/// | `2024-03-01T10:30:00+01:00` | an hour ahead of UTC |
pub trait Moment {
    /// Microseconds since the Unix epoch, UTC.
    ///
    /// # Panics
    ///
    /// If a text is no point in time.
    #[track_caller]
    fn to_micros(self) -> i64;
}

impl Moment for &str {
    #[track_caller]
    fn to_micros(self) -> i64 {
        match parse(self) {
            Ok(micros) => micros,
            Err(problem) => panic!(
                "`{self}` is no point in time: {problem}; write it as `2024-03-01T09:30:00Z`, or `2024-03-01` for midnight"
            ),
        }
    }
}

impl Moment for i64 {
    fn to_micros(self) -> i64 {
        self
    }
}

impl Moment for EventTime {
    fn to_micros(self) -> i64 {
        self.micros()
    }
}

impl Moment for Time {
    fn to_micros(self) -> i64 {
        self.micros()
    }
}

/// What is left of a text.
struct Rest<'a>(&'a str);

impl Rest<'_> {
    /// Takes a number of exactly so many digits.
    fn number(&mut self, digits: usize, what: &str) -> Result<i64, String> {
        let wrong = || format!("{what} has {digits} digits");
        let (number, rest) = self.0.split_at_checked(digits).ok_or_else(wrong)?;
        if !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(wrong());
        }
        self.0 = rest;
        number.parse().map_err(|_| wrong())
    }

    /// As [`number`](Self::number), within `least..=most`.
    fn part(&mut self, digits: usize, what: &str, least: i64, most: i64) -> Result<i64, String> {
        match self.number(digits, what)? {
            part if (least..=most).contains(&part) => Ok(part),
            part => Err(format!("{what} is {part}, not from {least} to {most}")),
        }
    }

    /// Takes a sign if it comes next.
    fn takes(&mut self, sign: char) -> bool {
        let rest = self.0.strip_prefix(sign);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    fn needs(&mut self, sign: char, before: &str) -> Result<(), String> {
        if self.takes(sign) { Ok(()) } else { Err(format!("`{sign}` is missing before {before}")) }
    }
}

fn parse(text: &str) -> Result<i64, String> {
    let mut rest = Rest(text);
    let year = rest.number(4, "the year")?;
    rest.needs('-', "the month")?;
    let month = rest.part(2, "the month", 1, 12)?;
    rest.needs('-', "the day")?;
    let day = rest.part(2, "the day", 1, days_of(year, month))?;
    let midnight = days(day_number(year, month, day));
    if rest.0.is_empty() {
        return Ok(midnight.micros());
    }
    rest.needs('T', "the time")?;
    let of_day = time_of_day(&mut rest)?;
    let ahead = offset(&mut rest)?;
    if !rest.0.is_empty() {
        return Err(format!("`{}` follows it", rest.0));
    }
    Ok((midnight + of_day - ahead).micros())
}

fn time_of_day(rest: &mut Rest<'_>) -> Result<Length, String> {
    let hour = rest.part(2, "the hour", 0, 23)?;
    rest.needs(':', "the minute")?;
    let minute = rest.part(2, "the minute", 0, 59)?;
    let mut time = hours(hour) + minutes(minute);
    if rest.takes(':') {
        time += seconds(rest.part(2, "the second", 0, 59)?);
        if rest.takes('.') {
            let digits = rest.0.bytes().take_while(u8::is_ascii_digit).count();
            if !(1..=6).contains(&digits) {
                return Err("the fraction of a second has one to six digits".to_owned());
            }
            let fraction = rest.number(digits, "the fraction of a second")?;
            time += Length::from_micros(fraction * 10_i64.pow(6 - digits as u32));
        }
    }
    Ok(time)
}

/// How far the time is ahead of UTC.
fn offset(rest: &mut Rest<'_>) -> Result<Length, String> {
    if rest.takes('Z') {
        return Ok(Length::ZERO);
    }
    let is_ahead = rest.takes('+');
    if !is_ahead && !rest.takes('-') {
        return Err("its distance from UTC is missing: `Z` for none, or as in `+01:00`".to_owned());
    }
    let hour = rest.part(2, "the hour of the distance from UTC", 0, 23)?;
    rest.needs(':', "the minute of the distance from UTC")?;
    let length = hours(hour) + minutes(rest.part(2, "the minute of the distance from UTC", 0, 59)?);
    Ok(if is_ahead { length } else { -length })
}

fn days_of(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The number of a day, counted from 1970-01-01.
fn day_number(year: i64, month: i64, day: i64) -> i64 {
    let of_months: i64 = (1..month).map(|month| days_of(year, month)).sum();
    crate::calendar::day_number_of_new_year(year) + of_months + day - 1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::calendar::{Instant, UTC};

    #[test]
    fn texts_are_points_in_time() {
        for (text, micros) in [
            ("1970-01-01", 0),
            ("1970-01-01T00:00Z", 0),
            ("1969-12-31T23:59:59.999999Z", -1),
            ("2024-02-29T12:34:56Z", 1_709_210_096_000_000),
            ("2024-02-29T12:34:56.5Z", 1_709_210_096_500_000),
            ("2024-02-29T18:04:56+05:30", 1_709_210_096_000_000),
            ("2024-02-29T07:34:56-05:00", 1_709_210_096_000_000),
            ("2000-01-01", 946_684_800_000_000),
        ] {
            assert_eq!(parse(text), Ok(micros), "{text}");
        }
        assert_eq!((7.to_micros(), EventTime(7).to_micros(), Time(7).to_micros()), (7, 7, 7));
    }

    #[test]
    fn other_texts_say_what_is_wrong() {
        for (text, problem) in [
            ("", "the year has 4 digits"),
            ("24-03-01", "the year has 4 digits"),
            ("2024-3-01", "the month has 2 digits"),
            ("2024-13-01", "the month is 13, not from 1 to 12"),
            ("2023-02-29", "the day is 29, not from 1 to 28"),
            ("2024/03/01", "`-` is missing before the month"),
            ("2024-03-01 09:30:00Z", "`T` is missing before the time"),
            ("2024-03-01T24:00:00Z", "the hour is 24, not from 0 to 23"),
            ("2024-03-01T09:30:60Z", "the second is 60, not from 0 to 59"),
            ("2024-03-01T09:30:00", "its distance from UTC is missing: `Z` for none, or as in `+01:00`"),
            ("2024-03-01T09:30:00.1234567Z", "the fraction of a second has one to six digits"),
            ("2024-03-01T09:30:00Zulu", "`ulu` follows it"),
            ("２024-03-01", "the year has 4 digits"),
        ] {
            assert_eq!(parse(text), Err(problem.to_owned()), "{text}");
        }
    }

    #[test]
    #[should_panic(expected = "`tomorrow` is no point in time: the year has 4 digits; write it as")]
    fn a_test_with_another_text_ends() {
        "tomorrow".to_micros();
    }

    proptest! {
        /// What the calendar says of a time, written down, is that time.
        #[test]
        fn a_text_of_the_calendar_comes_back(micros in -62_000_000_000_000_000..250_000_000_000_000_000_i64) {
            let at = Time(micros).calendar(UTC);
            let text = format!(
                "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z",
                at.year, at.month, at.day, at.hour, at.minute, at.second, micros.rem_euclid(1_000_000)
            );
            prop_assert_eq!(parse(&text), Ok(micros), "{}", text);
        }
    }
}
