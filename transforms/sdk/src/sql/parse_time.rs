//! Times as texts.

/// Microseconds of a day.
const DAY: i128 = 86_400_000_000;

/// The time that a text says, in microseconds since the Unix epoch: `2024-01-31`, `2024-01-31 12:30`, `2024-01-31T12:30:00.5Z`, with an
/// offset as `+02:00`; in UTC where it says none. Years before the first have `(BC)` after their date. None where it says no time.
pub fn parse_time(text: &str) -> Option<i64> {
    let mut rest = Rest(text.as_bytes());
    let year = i128::from(rest.number(1, 6)?);
    let separator = rest.one_of(b"-/")?;
    let month = rest.number(1, 2)?;
    rest.one_of(&[separator])?;
    let day = rest.number(1, 2)?;
    let year = if rest.literal(b" (BC)") { 1 - year } else { year };
    let length = days_of_month(year, month)?;
    if day == 0 || day > length {
        return None;
    }
    let mut micros = day_number(year, i128::from(month), i128::from(day)) * DAY;
    if rest.one_of(b"T ").is_some() {
        micros += rest.clock()?;
        micros -= rest.offset()?;
    }
    // The ends are what DuckDB calls infinite.
    let micros = i64::try_from(micros).ok().filter(|micros| micros.unsigned_abs() < i64::MAX as u64);
    micros.filter(|_| rest.0.is_empty())
}

/// How many days a month of a year has; 0 is the year before the first. None for a month that there is not.
fn days_of_month(year: i128, month: i64) -> Option<i64> {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    Some(match month {
        2 => 28 + i64::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    })
}

/// The days from 1970-01-01 (Hinnant, "chrono-compatible low-level date algorithms").
fn day_number(year: i128, month: i128, day: i128) -> i128 {
    let year = year - i128::from(month <= 2);
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let from_march = (month + 9) % 12;
    let of_year = (153 * from_march + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// What is left of a text.
struct Rest<'t>(&'t [u8]);

impl Rest<'_> {
    /// A number of so many digits.
    fn number(&mut self, least: usize, most: usize) -> Option<i64> {
        let digits = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if !(least..=most).contains(&digits) {
            return None;
        }
        let (number, rest) = self.0.split_at(digits);
        self.0 = rest;
        Some(number.iter().fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0')))
    }

    fn one_of(&mut self, bytes: &[u8]) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        bytes.contains(first).then(|| {
            self.0 = rest;
            *first
        })
    }

    fn literal(&mut self, bytes: &[u8]) -> bool {
        self.0.strip_prefix(bytes).map(|rest| self.0 = rest).is_some()
    }

    /// The microseconds of the day.
    fn clock(&mut self) -> Option<i128> {
        let hour = self.number(1, 2)?;
        self.one_of(b":")?;
        let minute = self.number(1, 2)?;
        let second = if self.one_of(b":").is_some() { self.number(1, 2)? } else { 0 };
        let mut micros = 0;
        if self.one_of(b".").is_some() {
            let mut unit = 100_000;
            while let Some(digit) = self.one_of(b"0123456789") {
                micros += i64::from(digit - b'0') * unit;
                unit /= 10;
            }
        }
        let is_midnight = (hour, minute, second, micros) == (24, 0, 0, 0);
        if minute > 59 || second > 59 || (hour > 23 && !is_midnight) {
            return None;
        }
        Some(i128::from((hour * 3_600 + minute * 60 + second) * 1_000_000 + micros))
    }

    /// How far the clock is ahead of UTC, in microseconds.
    fn offset(&mut self) -> Option<i128> {
        if self.0.is_empty() || self.literal(b"Z") || self.literal(b" UTC") {
            return Some(0);
        }
        let sign = if self.one_of(b"+-")? == b'-' { -1 } else { 1 };
        let hours = self.number(2, 2)?;
        let minutes = if self.one_of(b":").is_some() { self.number(2, 2)? } else { 0 };
        (hours <= 23 && minutes <= 59).then(|| i128::from(sign * (hours * 3_600 + minutes * 60) * 1_000_000))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read() {
        for (text, expected) in [
            ("1970-01-01", Some(0)),
            ("1969-12-31 23:59:59.999999", Some(-1)),
            ("2024-02-29T12:34:56.789012Z", Some(1_709_210_096_789_012)),
            ("2024-2-29 12:34", Some(1_709_210_040_000_000)),
            ("2024-02-29 12:34:56.7890129", Some(1_709_210_096_789_012)),
            ("2024-01-01 24:00:00", Some(1_704_153_600_000_000)),
            ("2024-01-01T00:00:00-05:30", Some(1_704_087_000_000_000)),
            ("0001-01-01 (BC) 00:00:00", Some(-62_167_219_200_000_000)),
            ("0001-01-01", Some(-62_135_596_800_000_000)),
            ("294247-01-10 04:00:54.775806", Some(i64::MAX - 1)),
            ("294247-01-10 04:00:54.775807", None),
            ("2024-02-30", None),
            ("2023-02-29", None),
            ("1900-02-29", None),
            ("2024-13-01", None),
            ("2024-00-01", None),
            ("2024-01-00", None),
            ("2024-01/01", None),
            (" 2024-01-01", None),
            ("2024-01-01 ", None),
            ("2024-01-01 10", None),
            ("2024-01-01 10:00:60", None),
            ("2024-01-01 24:00:01", None),
            ("2024-01-01 10:00:00 Europe/Berlin", None),
            ("", None),
            ("now", None),
        ] {
            assert_eq!(parse_time(text), expected, "{text}");
        }
    }
}
