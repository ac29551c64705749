//! Calendar parts of a time, and their places on a circle.
//!
//! A time zone is a fixed [offset](Offset) from UTC that the transform states. There is no zone data and no daylight saving:
//! the rules of zones change, and with them would the features of the past.

use crate::time::{AsOf, EventTime, Length, Time, days, hours, minutes};

/// How far local time is ahead of UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offset(Length);

/// UTC itself.
pub const UTC: Offset = Offset(hours(0));

impl Offset {
    /// So many hours ahead of UTC: `Offset::hours(1)` is Central European winter time, `Offset::hours(-5)` that of New York.
    pub const fn hours(n: i64) -> Self {
        Offset(hours(n))
    }

    /// So many minutes ahead of UTC: `Offset::minutes(330)` is Indian time.
    pub const fn minutes(n: i64) -> Self {
        Offset(minutes(n))
    }
}

/// A point in time: an event time, an as-of, or a time that is a value.
pub trait Instant: Copy {
    /// Microseconds since the Unix epoch, UTC.
    fn unix_micros(self) -> i64;

    /// The calendar parts at an offset.
    fn calendar(self, offset: Offset) -> Calendar {
        Calendar::new(self.unix_micros(), offset)
    }
}

impl Instant for EventTime {
    fn unix_micros(self) -> i64 {
        self.micros()
    }
}

impl Instant for AsOf {
    fn unix_micros(self) -> i64 {
        self.micros()
    }
}

impl Instant for Time {
    fn unix_micros(self) -> i64 {
        self.micros()
    }
}

/// The parts of a time in the proleptic Gregorian calendar, at an offset from UTC. Days have 24 hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Calendar {
    /// The year; 0 is 1 BC.
    pub year: i64,
    /// The month, from 1 to 12.
    pub month: i64,
    /// The day of the month, from 1 to 31.
    pub day: i64,
    /// The day of the year, from 1 to 366.
    pub day_of_year: i64,
    /// The weekday by ISO 8601, from 1 (Monday) to 7 (Sunday).
    pub weekday: i64,
    /// The hour, from 0 to 23.
    pub hour: i64,
    /// The minute, from 0 to 59.
    pub minute: i64,
    /// The second, from 0 to 59.
    pub second: i64,
    /// The microsecond of the day.
    micros: i64,
}

impl Calendar {
    fn new(unix_micros: i64, Offset(offset): Offset) -> Self {
        const DAY: i64 = days(1).micros();
        // In 128 bits, so that the ends of time have an offset too.
        let local = i128::from(unix_micros) + i128::from(offset.micros());
        let (day_number, micros) = (local.div_euclid(i128::from(DAY)) as i64, local.rem_euclid(i128::from(DAY)) as i64);
        let seconds = micros / 1_000_000;
        let (year, month, day) = civil(day_number);
        Calendar {
            year,
            month,
            day,
            day_of_year: day_number - day_number_of_new_year(year) + 1,
            // The epoch was a Thursday.
            weekday: (day_number + 3).rem_euclid(7) + 1,
            hour: seconds / 3600,
            minute: seconds / 60 % 60,
            second: seconds % 60,
            micros,
        }
    }

    /// Whether it is Saturday or Sunday.
    pub fn is_weekend(&self) -> bool {
        self.weekday >= 6
    }

    /// The quarter of the year, from 1 to 4.
    pub fn quarter(&self) -> i64 {
        (self.month - 1) / 3 + 1
    }

    /// The time of day on a circle that midnight is at the top of.
    pub fn day_circle(&self) -> (f64, f64) {
        circle(self.micros as f64, days(1).micros() as f64)
    }

    /// The time of the week on a circle that Monday's midnight is at the top of.
    pub fn week_circle(&self) -> (f64, f64) {
        let micros = (self.weekday - 1) * days(1).micros() + self.micros;
        circle(micros as f64, days(7).micros() as f64)
    }

    /// The month on a circle that January is at the top of.
    pub fn month_circle(&self) -> (f64, f64) {
        circle((self.month - 1) as f64, 12.0)
    }
}

/// The place of `x` on a circle of `period`, as (sine, cosine): (0, 1) at 0, (1, 0) a quarter of the period later. So what is
/// close on the circle has close features, across midnight too. NaN for a period of 0.
///
/// Sine and cosine are those of the `libm` crate: the same bits on every machine.
pub fn circle(x: f64, period: f64) -> (f64, f64) {
    // The remainder is exact, so that a time and the same time a period later have the same place.
    let rest = libm::fmod(x, period);
    let rest = if rest < 0.0 { rest + period.abs() } else { rest };
    libm::sincos(rest / period * std::f64::consts::TAU)
}

/// Year, month and day of a day counted from 1970-01-01, in eras of 400 years that begin in March (Hinnant,
/// "chrono-compatible low-level date algorithms").
fn civil(day_number: i64) -> (i64, i64, i64) {
    let from_march = day_number + 719_468;
    let (era, of_era) = (from_march.div_euclid(146_097), from_march.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march_month + 2) / 5 + 1;
    let month = if from_march_month < 10 { from_march_month + 3 } else { from_march_month - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

/// The number of January 1st, counted from 1970-01-01.
pub(crate) fn day_number_of_new_year(year: i64) -> i64 {
    let before = year - 1;
    365 * (year - 1970) + before.div_euclid(4) - before.div_euclid(100) + before.div_euclid(400) - 477
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::asked_at;

    const HOUR: i64 = hours(1).micros();

    #[test]
    fn known_days() {
        let parts = |micros| {
            let at = Time(micros).calendar(UTC);
            (at.year, at.month, at.day, at.day_of_year, at.weekday, at.hour, at.minute, at.second)
        };
        assert_eq!(parts(0), (1970, 1, 1, 1, 4, 0, 0, 0));
        assert_eq!(parts(-1), (1969, 12, 31, 365, 3, 23, 59, 59));
        // 2024-02-29T12:34:56Z, a Thursday.
        assert_eq!(parts(1_709_210_096_000_000), (2024, 2, 29, 60, 4, 12, 34, 56));
        assert_eq!(parts(1_735_603_200_000_000), (2024, 12, 31, 366, 2, 0, 0, 0));
        assert_eq!(parts(946_684_800_000_000), (2000, 1, 1, 1, 6, 0, 0, 0));
    }

    #[test]
    fn an_offset_moves_the_day() {
        let new_year = Time(0).calendar(Offset::hours(-5));
        assert_eq!((new_year.year, new_year.day, new_year.hour, new_year.weekday), (1969, 31, 19, 3));
        let india = EventTime(20 * HOUR).calendar(Offset::minutes(330));
        assert_eq!((india.day, india.hour, india.minute), (2, 1, 30));
    }

    #[test]
    fn every_day_follows_the_one_before() {
        let lengths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        let mut before = Time(-days(800_000).micros()).calendar(UTC);
        for day in -799_999..800_000 {
            let at = Time(days(day).micros()).calendar(UTC);
            let is_leap = before.year % 4 == 0 && (before.year % 100 != 0 || before.year % 400 == 0);
            let length = lengths[before.month as usize - 1] + i64::from(before.month == 2 && is_leap);
            let expected = match (before.day == length, before.month) {
                (false, month) => (before.year, month, before.day + 1, before.day_of_year + 1),
                (true, 12) => (before.year + 1, 1, 1, 1),
                (true, month) => (before.year, month + 1, 1, before.day_of_year + 1),
            };
            assert_eq!((at.year, at.month, at.day, at.day_of_year), expected);
            assert_eq!(at.weekday, before.weekday % 7 + 1);
            before = at;
        }
    }

    #[test]
    fn the_ends_of_time_have_a_calendar() {
        for micros in [i64::MIN, i64::MAX] {
            for offset in [UTC, Offset::hours(i64::MIN), Offset::hours(i64::MAX)] {
                let at = asked_at(micros).calendar(offset);
                assert!(
                    (1..=12).contains(&at.month) && (1..=31).contains(&at.day) && (1..=366).contains(&at.day_of_year)
                );
            }
        }
    }

    #[test]
    fn weekends_and_quarters() {
        let saturday = Time(days(2).micros()).calendar(UTC);
        assert_eq!((saturday.weekday, saturday.is_weekend(), saturday.quarter()), (6, true, 1));
        assert!(!Time(0).calendar(UTC).is_weekend());
    }

    #[test]
    fn circles_close() {
        assert_eq!(circle(0.0, 24.0), (0.0, 1.0));
        let (sine, cosine) = circle(6.0, 24.0);
        assert!(sine == 1.0 && cosine.abs() < 1e-15);
        assert_eq!(circle(25.0, 24.0), circle(1.0, 24.0));
        assert_eq!(circle(-18.0, 24.0), circle(6.0, 24.0));
        assert!(circle(1.0, 0.0).0.is_nan());
        assert_eq!(Time(6 * HOUR).calendar(UTC).day_circle(), circle(6.0, 24.0));
        // Thursday, 0 h: three sevenths of the week.
        assert_eq!(Time(0).calendar(UTC).week_circle(), circle(3.0, 7.0));
        assert_eq!(Time(0).calendar(UTC).month_circle(), (0.0, 1.0));
    }
}
