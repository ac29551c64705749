//! Functions of times: the proleptic Gregorian calendar, in UTC. Those that fail give none.

use crate::calendar::{Calendar, Instant, UTC};
use crate::time::Time;

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;

/// A part of a time, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimePart {
    /// The microseconds of the minute, 0 to 59,999,999.
    Microsecond,
    /// The milliseconds of the minute.
    Millisecond,
    /// The seconds of the minute.
    Second,
    /// The minutes of the hour.
    Minute,
    /// The hours of the day.
    Hour,
    /// The day of the month, from 1.
    Day,
    /// The day of the week: 0 is Sunday.
    DayOfWeek,
    /// The day of the week: 1 is Monday, 7 is Sunday.
    IsoDayOfWeek,
    /// The day of the year, from 1.
    DayOfYear,
    /// The ISO week of the year, from 1. It begins on a Monday.
    Week,
    /// The month, from 1.
    Month,
    /// The quarter, from 1.
    Quarter,
    /// The year.
    Year,
    /// The year of the ISO week.
    IsoYear,
    /// Seconds since the epoch.
    Epoch,
}

/// To the nearest, halves away from zero.
#[inline]
pub fn millis(at: i64) -> i64 {
    at / 1_000 + at % 1_000 / 500
}

fn calendar(at: i64) -> Calendar {
    Time(at).calendar(UTC)
}

/// The microsecond of the day.
fn of_day(at: i64) -> i64 {
    at.rem_euclid(DAY)
}

/// A part of a time.
#[inline]
pub fn extract(part: TimePart, at: i64) -> i64 {
    // The epoch was a Thursday.
    let weekday = || (at.div_euclid(DAY) + 3).rem_euclid(7) + 1;
    match part {
        TimePart::Microsecond => of_day(at) % (60 * SECOND),
        TimePart::Millisecond => of_day(at) % (60 * SECOND) / 1_000,
        TimePart::Second => of_day(at) / SECOND % 60,
        TimePart::Minute => of_day(at) / (60 * SECOND) % 60,
        TimePart::Hour => of_day(at) / (3_600 * SECOND),
        TimePart::DayOfWeek => weekday() % 7,
        TimePart::IsoDayOfWeek => weekday(),
        TimePart::Day => calendar(at).day,
        TimePart::DayOfYear => calendar(at).day_of_year,
        TimePart::Week => iso_week(at).1,
        TimePart::Month => calendar(at).month,
        TimePart::Quarter => calendar(at).quarter(),
        TimePart::Year => calendar(at).year,
        TimePart::IsoYear => iso_week(at).0,
        TimePart::Epoch => at.div_euclid(SECOND),
    }
}

/// The year and the number of the ISO week: those of its Thursday.
fn iso_week(at: i64) -> (i64, i64) {
    let day = at.div_euclid(DAY);
    let thursday = day - (day + 3).rem_euclid(7) + 3;
    // The day of the year moves with the days to the Thursday, and over the ends of the year.
    let here = calendar(at);
    let of_year = here.day_of_year + (thursday - day);
    let length = |year: i64| 365 + i64::from(year % 4 == 0 && (year % 100 != 0 || year % 400 == 0));
    let (year, of_year) = if of_year < 1 {
        (here.year - 1, of_year + length(here.year - 1))
    } else if of_year > length(here.year) {
        (here.year + 1, of_year - length(here.year))
    } else {
        (here.year, of_year)
    };
    (year, (of_year - 1) / 7 + 1)
}

/// The beginning of the stretch that a time lies in; none where it is before all times.
#[inline]
pub fn truncate(part: TimePart, at: i64) -> Option<i64> {
    let to = |unit: i64| at.checked_sub(at.rem_euclid(unit));
    let here = || calendar(at);
    match part {
        TimePart::Microsecond => Some(at),
        TimePart::Millisecond => to(1_000),
        TimePart::Second | TimePart::Epoch => to(SECOND),
        TimePart::Minute => to(60 * SECOND),
        TimePart::Hour => to(3_600 * SECOND),
        TimePart::Day | TimePart::DayOfWeek | TimePart::IsoDayOfWeek | TimePart::DayOfYear => to(DAY),
        TimePart::Week => midnight(monday(at)),
        TimePart::Month => midnight(day_number(here().year, here().month, 1)),
        TimePart::Quarter => midnight(day_number(here().year, here().quarter() * 3 - 2, 1)),
        TimePart::Year => midnight(day_number(here().year, 1, 1)),
        TimePart::IsoYear => {
            // The Monday of the week with January 4th.
            let fourth = day_number(iso_week(at).0, 1, 4);
            midnight(fourth - (fourth + 3).rem_euclid(7))
        }
    }
}

fn midnight(day: i64) -> Option<i64> {
    day.checked_mul(DAY)
}

/// The day of the Monday before or at a time.
fn monday(at: i64) -> i64 {
    let day = at.div_euclid(DAY);
    day - (day + 3).rem_euclid(7)
}

/// How many beginnings lie between two times.
#[inline]
pub fn difference(part: TimePart, from: i64, to: i64) -> Option<i64> {
    let by = |unit: i64| to.div_euclid(unit).checked_sub(from.div_euclid(unit));
    let months = |at: i64| calendar(at).year * 12 + calendar(at).month - 1;
    match part {
        TimePart::Microsecond => by(1),
        TimePart::Millisecond => by(1_000),
        TimePart::Second | TimePart::Epoch => by(SECOND),
        TimePart::Minute => by(60 * SECOND),
        TimePart::Hour => by(3_600 * SECOND),
        TimePart::Day | TimePart::DayOfWeek | TimePart::IsoDayOfWeek | TimePart::DayOfYear => by(DAY),
        TimePart::Week => Some((to.div_euclid(DAY) - from.div_euclid(DAY)) / 7),
        TimePart::Month => Some(months(to) - months(from)),
        // Towards zero, also before the first year, as DuckDB.
        TimePart::Quarter => Some(months(to) / 3 - months(from) / 3),
        TimePart::Year => Some(calendar(to).year - calendar(from).year),
        TimePart::IsoYear => Some(iso_week(to).0 - iso_week(from).0),
    }
}

/// So many months later, at most the last day of the month.
#[inline]
pub fn add_months(at: i64, months: i64) -> Option<i64> {
    let here = calendar(at);
    let month = (here.year * 12 + here.month - 1).checked_add(months)?;
    // Beyond these years there are no times.
    if !(-12 * 300_000..12 * 300_000).contains(&month) {
        return None;
    }
    let (year, month) = (month.div_euclid(12), month.rem_euclid(12) + 1);
    let (next_year, next_month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    let first = day_number(year, month, 1);
    let length = day_number(next_year, next_month, 1) - first;
    midnight(first + here.day.min(length) - 1)?.checked_add(of_day(at))
}

/// The days from 1970-01-01 (Hinnant, "chrono-compatible low-level date algorithms"), of a year that a time may have.
fn day_number(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The time so many seconds after the epoch; none where there is none.
#[inline]
pub fn from_seconds(seconds: f64) -> Option<i64> {
    let micros = libm::rint(seconds * SECOND as f64);
    let is_within = (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&micros);
    is_within.then_some(micros as i64)
}

/// `2024-01-31 12:30:00.5`
pub fn text_of_time(at: Time) -> String {
    let at = at.micros();
    let here = calendar(at);
    let (year, era) = if here.year > 0 { (here.year, "") } else { (1 - here.year, " (BC)") };
    let micros = of_day(at) % SECOND;
    let mut text = format!(
        "{year:04}-{:02}-{:02}{era} {:02}:{:02}:{:02}",
        here.month, here.day, here.hour, here.minute, here.second
    );
    if micros != 0 {
        let digits = format!("{micros:06}");
        text.push('.');
        text.push_str(digits.trim_end_matches('0'));
    }
    text
}
