//! Points in time and lengths of time, in microseconds.
//!
//! When an event happened, what a question is asked as of, and a time that is merely a value are three types: comparing
//! the wrong two is how a feature sees the future. No arithmetic here overflows; it stops at the ends of `i64`.
//!
//! An as-of comes from the host alone. A transform cannot make one, nor move one: what a state keeps is decided by its newest
//! event, which is never after the as-of of a question, and an as-of moved into the past would ask for what is gone. A feature
//! of an earlier stretch of time is asked for as such: `window.closed_ago::<Days<7>, Days<30>>(as_of)`.

use std::fmt;

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
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// The time from `earlier` to this event. Negative if that event is the later one.
    pub const fn since(self, earlier: EventTime) -> Length {
        Length(self.0.saturating_sub(earlier.0))
    }
}

/// The as-of of a question that the host asks. (Not a function of the type: the compiler would offer it to authors.)
pub(crate) const fn asked_at(micros: i64) -> AsOf {
    AsOf(micros)
}

impl AsOf {
    /// Microseconds since the Unix epoch, UTC.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// The time from an event to this question. Negative if the event is the later of the two.
    pub const fn since(self, event: EventTime) -> Length {
        Length(self.0.saturating_sub(event.0))
    }
}

impl Time {
    /// Microseconds since the Unix epoch, UTC.
    pub const fn micros(self) -> i64 {
        self.0
    }
}

impl From<EventTime> for Time {
    fn from(at: EventTime) -> Self {
        Time(at.0)
    }
}

impl Length {
    /// A length of so many microseconds.
    pub const fn from_micros(micros: i64) -> Self {
        Length(micros)
    }

    /// The length in microseconds.
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
        assert_eq!(AsOf(i64::MAX).since(EventTime(i64::MIN)).micros(), i64::MAX);
        assert_eq!(AsOf(i64::MIN).since(EventTime(i64::MAX)).micros(), i64::MIN);
        assert_eq!(days(i64::MAX).micros(), i64::MAX);
        assert_eq!(days(i64::MIN).micros(), i64::MIN);
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
