//! Points in time and lengths of time, in microseconds.
//!
//! When an event happened, what a question is asked as of, and a time that is merely a value are three types: comparing
//! the wrong two is how a feature sees the future.
//!
//! No arithmetic here overflows; it stops at the ends of `i64`. So write `at.since(before)`, `at + days(7)` and
//! `length.as_hours()`, not sums and differences of [`micros`](EventTime::micros): a component stops where those overflow, and
//! the law `total` is tried at the ends of time.
//!
//! ```
//! use onepath_sdk::prelude::*;
//!
//! let (first, last) = (EventTime(i64::MIN), EventTime(i64::MAX));
//! assert_eq!(last.since(first), Length::MAX);
//! assert_eq!(last + days(1), last);
//! assert_eq!((hours(36).whole_days(), hours(36).as_days()), (1, 1.5));
//! ```
//!
//! An as-of comes from the host alone. A transform cannot make one, nor move one: what a state keeps is decided by its newest
//! event, which is never after the as-of of a question, and an as-of moved into the past would ask for what is gone. A feature
//! of an earlier stretch of time is asked for as such: `window.closed_ago::<Days<7>, Days<30>>(as_of)`.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Mul, Neg, Sub, SubAssign};

use crate::calendar::Instant;

/// When an event happened: microseconds since the Unix epoch, UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventTime(pub i64);

/// The cut-off of a question: microseconds since the Unix epoch, UTC. Every event that the question may see is already in
/// the state.
///
/// Only the host makes one, so that none is earlier than an event in the state. Tests have `onepath_sdk::testing::as_of`,
/// which does not exist in a component.
///
/// ```compile_fail,E0423
/// use onepath_sdk::prelude::*;
///
/// fn a_week_before(as_of: AsOf) -> AsOf {
///     AsOf(as_of.micros() - days(7).micros())
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AsOf(i64);

/// A time that is a value, in a field or a feature: microseconds since the Unix epoch, UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub i64);

/// A length of time, in microseconds. Negative where time runs backwards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Length(i64);

const MICROS_PER_SECOND: i64 = 1_000_000;
const MICROS_PER_MINUTE: i64 = 60 * MICROS_PER_SECOND;
const MICROS_PER_HOUR: i64 = 60 * MICROS_PER_MINUTE;
const MICROS_PER_DAY: i64 = 24 * MICROS_PER_HOUR;

/// `n` days of 24 hours.
pub const fn days(n: i64) -> Length {
    Length(n.saturating_mul(MICROS_PER_DAY))
}

/// `n` hours.
pub const fn hours(n: i64) -> Length {
    Length(n.saturating_mul(MICROS_PER_HOUR))
}

/// `n` minutes.
pub const fn minutes(n: i64) -> Length {
    Length(n.saturating_mul(MICROS_PER_MINUTE))
}

/// `n` seconds.
pub const fn seconds(n: i64) -> Length {
    Length(n.saturating_mul(MICROS_PER_SECOND))
}

impl EventTime {
    /// Microseconds since the Unix epoch, UTC.
    #[inline]
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// The time from `earlier` to this event: from another event, or from a time that is a value. Negative if `earlier` is the
    /// later one.
    #[inline]
    pub fn since(self, earlier: impl Instant) -> Length {
        between(earlier, self)
    }
}

/// The as-of of a question that the host asks. (Not a function of the type: the compiler would offer it to authors.)
#[inline]
pub const fn asked_at(micros: i64) -> AsOf {
    AsOf(micros)
}

impl AsOf {
    /// Microseconds since the Unix epoch, UTC.
    #[inline]
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// The time to this question from an event, or from a time that is a value. Negative if `earlier` is the later one.
    #[inline]
    pub fn since(self, earlier: impl Instant) -> Length {
        between(earlier, self)
    }
}

impl Time {
    /// Microseconds since the Unix epoch, UTC.
    #[inline]
    pub const fn micros(self) -> i64 {
        self.0
    }
}

impl Time {
    /// The time from `earlier` to this time: `event.due.since(at)`, `event.due.since(as_of)`. Negative if `earlier` is the later
    /// one.
    #[inline]
    pub fn since(self, earlier: impl Instant) -> Length {
        between(earlier, self)
    }
}

#[inline]
fn between(earlier: impl Instant, later: impl Instant) -> Length {
    Length(later.unix_micros().saturating_sub(earlier.unix_micros()))
}

impl From<EventTime> for Time {
    fn from(at: EventTime) -> Self {
        Time(at.0)
    }
}

/// As a feature that says as of when it is.
impl From<AsOf> for Time {
    fn from(as_of: AsOf) -> Self {
        Time(as_of.0)
    }
}

macro_rules! moved {
    ($($time:ident),*) => {$(
        /// Stops at the ends of `i64`.
        impl Add<Length> for $time {
            type Output = $time;

            fn add(self, length: Length) -> $time {
                $time(self.0.saturating_add(length.0))
            }
        }

        /// Stops at the ends of `i64`.
        impl Sub<Length> for $time {
            type Output = $time;

            fn sub(self, length: Length) -> $time {
                $time(self.0.saturating_sub(length.0))
            }
        }
    )*};
}

moved!(EventTime, Time);

impl Length {
    /// No time at all.
    pub const ZERO: Length = Length(0);
    /// The longest length, where arithmetic on times and lengths stops.
    pub const MAX: Length = Length(i64::MAX);

    /// A length of so many microseconds.
    #[inline]
    pub const fn from_micros(micros: i64) -> Self {
        Length(micros)
    }

    /// The length in microseconds.
    #[inline]
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Whole seconds, rounded down (so -1 microsecond is -1 second).
    pub const fn whole_seconds(self) -> i64 {
        self.0.div_euclid(MICROS_PER_SECOND)
    }

    /// Whole minutes, rounded down.
    pub const fn whole_minutes(self) -> i64 {
        self.0.div_euclid(MICROS_PER_MINUTE)
    }

    /// Whole hours, rounded down.
    pub const fn whole_hours(self) -> i64 {
        self.0.div_euclid(MICROS_PER_HOUR)
    }

    /// Whole days of 24 hours, rounded down.
    pub const fn whole_days(self) -> i64 {
        self.0.div_euclid(MICROS_PER_DAY)
    }

    /// The length in seconds, with its fraction.
    pub const fn as_seconds(self) -> f64 {
        self.0 as f64 / MICROS_PER_SECOND as f64
    }

    /// The length in minutes, with its fraction.
    pub const fn as_minutes(self) -> f64 {
        self.0 as f64 / MICROS_PER_MINUTE as f64
    }

    /// The length in hours, with its fraction.
    pub const fn as_hours(self) -> f64 {
        self.0 as f64 / MICROS_PER_HOUR as f64
    }

    /// The length in days of 24 hours, with its fraction.
    pub const fn as_days(self) -> f64 {
        self.0 as f64 / MICROS_PER_DAY as f64
    }

    /// Whether time runs backwards.
    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }

    /// The length without its sign.
    pub const fn abs(self) -> Length {
        Length(self.0.saturating_abs())
    }
}

/// Stops at the ends of `i64`.
impl Add for Length {
    type Output = Length;

    fn add(self, other: Length) -> Length {
        Length(self.0.saturating_add(other.0))
    }
}

/// Stops at the ends of `i64`.
impl Sub for Length {
    type Output = Length;

    fn sub(self, other: Length) -> Length {
        Length(self.0.saturating_sub(other.0))
    }
}

/// Stops at the ends of `i64`.
impl Mul<i64> for Length {
    type Output = Length;

    fn mul(self, times: i64) -> Length {
        Length(self.0.saturating_mul(times))
    }
}

/// Stops at the ends of `i64`.
impl Neg for Length {
    type Output = Length;

    fn neg(self) -> Length {
        Length(self.0.saturating_neg())
    }
}

/// Stops at the ends of `i64`.
impl AddAssign for Length {
    fn add_assign(&mut self, other: Length) {
        *self = *self + other;
    }
}

/// Stops at the ends of `i64`.
impl SubAssign for Length {
    fn sub_assign(&mut self, other: Length) {
        *self = *self - other;
    }
}

/// Exact on the way, whatever the order; stops at the ends of `i64`.
impl Sum for Length {
    fn sum<I: Iterator<Item = Length>>(lengths: I) -> Length {
        let sum: i128 = lengths.map(|length| i128::from(length.0)).sum();
        Length(sum.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64)
    }
}

impl fmt::Display for Length {
    /// In the largest unit that divides it: `30 days`, `36 hours`, `1 microsecond`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [
            (MICROS_PER_DAY, "day"),
            (MICROS_PER_HOUR, "hour"),
            (MICROS_PER_MINUTE, "minute"),
            (MICROS_PER_SECOND, "second"),
            (1, "microsecond"),
        ];
        let largest = units.into_iter().find(|(micros, _)| self.0 % micros == 0);
        let (micros, unit) = largest.unwrap_or((1, "microsecond"));
        let count = self.0 / micros;
        write!(f, "{count} {unit}{}", if count == 1 { "" } else { "s" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_days_round_down_on_both_sides_of_zero() {
        let day = days(1).micros();
        for (micros, expected) in [(0, 0), (day - 1, 0), (day, 1), (-1, -1), (-day, -1), (-day - 1, -2)] {
            assert_eq!(Length::from_micros(micros).whole_days(), expected, "{micros}");
        }
    }

    #[test]
    fn arithmetic_stops_at_the_ends() {
        let ends = [i64::MIN, i64::MIN + 1, -1, 0, 1, i64::MAX - 1, i64::MAX];
        let stopped = |exact: i128| exact.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64;
        for (a, b) in ends.into_iter().flat_map(|a| ends.map(|b| (a, b))) {
            let (plus, minus) = (stopped(i128::from(a) + i128::from(b)), stopped(i128::from(a) - i128::from(b)));
            let (length, other) = (Length(a), Length(b));
            assert_eq!((length + other, length - other), (Length(plus), Length(minus)));
            assert_eq!(length * b, Length(stopped(i128::from(a) * i128::from(b))));
            assert_eq!((EventTime(a) + other, EventTime(a) - other), (EventTime(plus), EventTime(minus)));
            assert_eq!((Time(a) + other, Time(a) - other), (Time(plus), Time(minus)));
            let since = [
                EventTime(a).since(EventTime(b)),
                EventTime(a).since(Time(b)),
                AsOf(a).since(EventTime(b)),
                AsOf(a).since(Time(b)),
                Time(a).since(EventTime(b)),
                Time(a).since(AsOf(b)),
                Time(a).since(Time(b)),
            ];
            assert!(since.iter().all(|since| *since == Length(minus)), "{a} since {b}: {since:?}");
            let (mut added, mut less) = (length, length);
            added += other;
            less -= other;
            assert_eq!((added, less), (Length(plus), Length(minus)));
            assert_eq!([length, other].into_iter().sum::<Length>(), Length(plus));
        }
        assert_eq!((-Length(i64::MIN), Length(i64::MIN).abs(), -Length(5)), (Length::MAX, Length::MAX, Length(-5)));
        assert_eq!((days(i64::MAX).micros(), days(i64::MIN).micros()), (i64::MAX, i64::MIN));
        // Stopping on the way would depend on the order.
        assert_eq!(
            [Length::MAX, Length::MAX, Length(-7), -Length::MAX].into_iter().sum::<Length>(),
            Length(i64::MAX - 7)
        );
    }

    #[test]
    fn lengths_with_their_fraction() {
        assert_eq!((seconds(90).as_minutes(), minutes(90).as_hours(), hours(36).as_days()), (1.5, 1.5, 1.5));
        assert_eq!((Length(-1_500_000).as_seconds(), Length::ZERO.as_days()), (-1.5, 0.0));
        assert!(Length(-1).is_negative() && !Length::ZERO.is_negative());
        assert_eq!(Time::from(AsOf(7)), Time(7));
    }

    #[test]
    fn lengths_are_told_in_their_largest_unit() {
        for (length, expected) in [
            (days(30), "30 days"),
            (hours(36), "36 hours"),
            (minutes(1), "1 minute"),
            (seconds(90), "90 seconds"),
            (Length::from_micros(1), "1 microsecond"),
        ] {
            assert_eq!(length.to_string(), expected);
        }
    }
}
