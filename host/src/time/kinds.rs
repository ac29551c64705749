//! When an event happened, when it could first be known, and as of when is asked: three types that nothing outside this file
//! compares.
//!
//! Use [`visible`] to decide what a question sees. An event's time is no as-of:
//!
//! ```compile_fail,E0308
//! # use onepath::time::{AsOf, EventTime};
//! fn is_past(event_time: EventTime, as_of: AsOf) -> bool {
//!     event_time == as_of
//! }
//! ```
//!
//! ```compile_fail,E0369
//! # use onepath::time::{AsOf, EventTime};
//! fn is_future(event_time: EventTime, as_of: AsOf) -> bool {
//!     as_of < event_time
//! }
//! ```
//!
//! ```compile_fail,E0369
//! # use onepath::time::{AsOf, AvailableAt};
//! fn sees(available_at: AvailableAt, as_of: AsOf) -> bool {
//!     available_at <= as_of
//! }
//! ```
//!
//! Nor has one of them an order of its own; the comparisons that there are have names ([`AsOf::is_before`]):
//!
//! ```compile_fail,E0369
//! # use onepath::time::AsOf;
//! fn earlier(as_of_a: AsOf, as_of_b: AsOf) -> bool {
//!     as_of_a < as_of_b
//! }
//! ```
//!
//! Numbers become times, and times numbers, by name alone:
//!
//! ```compile_fail,E0423
//! let as_of = onepath::time::AsOf(3);
//! ```
//!
//! ```compile_fail,E0616
//! # use onepath::time::AsOf;
//! let micros = AsOf::from_micros(3).0;
//! ```
//!
//! ```
//! use onepath::time::{AsOf, AvailableAt, EventTime, visible};
//!
//! let available_at = AvailableAt::new(EventTime::from_micros(1), 3);
//! assert!(!visible(available_at, AsOf::from_micros(2)));
//! assert!(visible(available_at, AsOf::from_micros(3)));
//! ```

use std::fmt;

use super::{Length, format_time};

/// When an event happened: microseconds since the Unix epoch, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EventTime(i64);

/// When the platform could first have known an event: `max(event time, arrival time)`, microseconds, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AvailableAt(i64);

/// The cut-off of a question: microseconds since the Unix epoch, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AsOf(i64);

impl EventTime {
    /// The event time at `micros` since the Unix epoch, UTC.
    #[inline]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since the Unix epoch, UTC.
    #[inline]
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// This, or when the event was available, where that was before: what is seen has happened.
    #[inline]
    pub fn known_at(self, available_at: AvailableAt) -> Self {
        Self(self.0.min(available_at.0))
    }

    /// The newer of two, of which either may be missing.
    #[inline]
    pub fn newer_of(one: Option<Self>, other: Option<Self>) -> Option<Self> {
        one.map(Self::micros).max(other.map(Self::micros)).map(Self)
    }
}

impl AvailableAt {
    /// The availability at `micros` since the Unix epoch, UTC, as it was stored.
    #[inline]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since the Unix epoch, UTC.
    #[inline]
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// The availability of an event that happened at `event_time` and arrived at `arrival` (both in microseconds).
    #[inline]
    pub fn new(event_time: EventTime, arrival: i64) -> Self {
        Self(event_time.0.max(arrival))
    }

    /// Whether this is no later than `other`: another event's, or the cut up to which files are read.
    #[inline]
    pub const fn is_by(self, other: Self) -> bool {
        self.0 <= other.0
    }
}

impl AsOf {
    /// The cut-off at `micros` since the Unix epoch, UTC.
    #[inline]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since the Unix epoch, UTC.
    #[inline]
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Whether this is earlier than another as-of. Use [`visible`] to decide what a question sees.
    #[inline]
    pub const fn is_before(self, other: Self) -> bool {
        self.0 < other.0
    }

    /// This, or the earliest as-of that sees an event that was available at `last` where this one does not.
    #[inline]
    pub fn that_sees(self, last: AvailableAt) -> Self {
        Self(self.0.max(last.0))
    }

    /// This, or the latest as-of that does not see an event that was available at `first` where this one does.
    #[inline]
    pub fn that_misses(self, first: AvailableAt) -> Self {
        Self(self.0.min(first.0.saturating_sub(1)))
    }
}

/// Whether a question at `as_of` sees an event that was available at `available_at`. Inclusive: at equal times it does.
#[inline]
pub fn visible(available_at: AvailableAt, as_of: AsOf) -> bool {
    available_at.0 <= as_of.0
}

/// Whether a view whose newest applied event happened at `newest_event` is too old to answer at `as_of`.
///
/// The age is counted back from `as_of`; an age equal to `ttl` is still served. Without events there is no age.
pub fn outside_max_age(newest_event: Option<EventTime>, as_of: AsOf, ttl: Option<Length>) -> bool {
    match (newest_event, ttl) {
        (Some(newest), Some(ttl)) => as_of.0.saturating_sub(newest.0) > ttl.0,
        _ => false,
    }
}

impl fmt::Display for EventTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&format_time(self.0))
    }
}

impl fmt::Display for AvailableAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&format_time(self.0))
    }
}

impl fmt::Display for AsOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&format_time(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn age_equal_to_the_ttl_is_still_served() {
        let (ttl, at) = (Some(Length(10)), |micros| Some(EventTime(micros)));
        assert!(!outside_max_age(at(0), AsOf(10), ttl));
        assert!(outside_max_age(at(0), AsOf(11), ttl));
        assert!(!outside_max_age(None, AsOf(11), ttl));
        assert!(!outside_max_age(at(i64::MAX), AsOf(i64::MIN), ttl));
    }

    #[test]
    fn a_question_is_moved_no_further_than_it_must() {
        for as_of in [i64::MIN, 4, 5, 6, i64::MAX].map(AsOf) {
            for event in [i64::MIN, 5, i64::MAX].map(AvailableAt) {
                let (sees, misses) = (as_of.that_sees(event), as_of.that_misses(event));
                assert!(
                    visible(event, sees) && (sees == as_of || !visible(event, AsOf(sees.0 - 1))),
                    "{as_of} {event}"
                );
                // Nothing is before the first of all times.
                if event.0 > i64::MIN {
                    assert!(!visible(event, misses), "{as_of} {event}");
                    assert!(misses == as_of || visible(event, AsOf(misses.0 + 1)), "{as_of} {event}");
                }
            }
        }
    }

    #[test]
    fn the_newer_of_two_event_times_is_told() {
        let of = |one: Option<i64>, other: Option<i64>| {
            EventTime::newer_of(one.map(EventTime), other.map(EventTime)).map(EventTime::micros)
        };
        assert_eq!((of(None, None), of(Some(-3), None), of(None, Some(-3))), (None, Some(-3), Some(-3)));
        assert_eq!((of(Some(1), Some(2)), of(Some(2), Some(1))), (Some(2), Some(2)));
    }
}
