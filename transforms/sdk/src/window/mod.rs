//! Windows: the events of the last so many days, hours, minutes or seconds.
//!
//! A [`Window`] keeps what [`Retention`] says; a [`View`] of it is what one question sees. No sum is kept from question to
//! question in a way that could drift: sums are exact, rounded once, so that a long one may be taken as the difference of two
//! running totals and still has the bits that adding up its values gives.
//!
//! A question cannot ask for more than a window keeps, since the answer would silently be that of a shorter window. Lengths
//! are types, so the compiler refuses it: `window.closed::<Days<30>>(as_of)`, and `window.closed_ago::<Days<7>, Days<30>>(as_of)`
//! for the 30 days that ended 7 days ago, which a window must keep 37 days for. A length that a view gives as a parameter has
//! a bound as its type ([`UpTo`]), which is checked in the same way; a [`ParameterWindow`] keeps what it is asked for.

mod distinct;
mod parameter;
mod retention;
mod statistics;
mod sum;
mod totals;
mod up_to;
mod value;
mod view;

pub use distinct::{DistinctView, DistinctWindow};
pub use parameter::{ParameterWindow, Span, Spans};
pub use retention::{Counted, Days, Hours, Minutes, Retention, Seconds};
pub(crate) use retention::{NONE, check_kept};
pub(crate) use sum::Total;
pub use sum::sum;
pub use up_to::UpTo;
pub use value::WindowValue;
pub use view::View;

use std::fmt;
use std::marker::PhantomData;

use self::totals::Totals;
use crate::state::{State, StateError, decode_count, encode_count};
use crate::time::{AsOf, EventTime, Length};

/// Room for so many events is made with the first one: growing step by step from the smallest costs more than the rest of
/// applying an event.
const ROOM_MIN: usize = 16;

/// Evicted events are cleared away once this many stand in front, and are at least half of all.
const EVICTED_MIN: usize = 32;

/// The events of one entity no older than `L` before the newest of them, each with a value.
///
/// Ordered by event time, and by the order of application where those are equal. A late event takes its place among the
/// others; one that is already too old is not kept. `T` is `f64`, `i64`, `bool`, or `()` where only the times matter.
///
/// An as-of is never before the newest event, so whatever a question may ask for is still here. Asking for more than `L` does not
/// compile:
///
/// ```compile_fail,E0080
/// use onepath_sdk::prelude::*;
/// use onepath_sdk::testing::as_of;
///
/// let payments = Window::<f64, Days<30>>::default();
/// // Ends 7 days ago, so begins 37 days ago.
/// payments.closed_ago::<Days<7>, Days<30>>(as_of(0)).mean();
/// ```
///
/// | events in | fixed lengths | lengths from parameters |
/// |---|---|---|
/// | `[as_of - s, as_of]` | [`closed`](Self::closed) | [`closed_for`](Self::closed_for) |
/// | `(as_of - s, as_of]` | [`half_open`](Self::half_open) | [`half_open_for`](Self::half_open_for) |
/// | `[as_of - g - s, as_of - g]` | [`closed_ago`](Self::closed_ago) | [`closed_ago_for`](Self::closed_ago_for) |
/// | `(as_of - g - s, as_of - g]` | [`half_open_ago`](Self::half_open_ago) | [`half_open_ago_for`](Self::half_open_ago_for) |
#[derive(Clone)]
pub struct Window<T, L> {
    /// Event times in microseconds, ascending. Those before `start` are evicted.
    times: Vec<i64>,
    /// The value of each event.
    values: Vec<T>,
    /// The first event that still counts. Events leave at the front without moving the rest, which makes eviction O(1) on
    /// average.
    start: usize,
    /// Made when a question needs them.
    totals: Totals,
    retention: PhantomData<L>,
}

impl<T: WindowValue, L: Retention> Window<T, L> {
    /// Adds an event, and evicts what is now older than the newest event by more than `L`.
    pub fn push(&mut self, at: EventTime, value: T) {
        let at = at.micros();
        match self.live_times().last() {
            Some(&newest) if at < newest => self.insert_late(at, value, newest),
            _ => {
                if self.times.capacity() == 0 {
                    self.times.reserve(ROOM_MIN);
                    self.values.reserve(ROOM_MIN);
                }
                self.times.push(at);
                self.values.push(value);
                self.evict(at);
            }
        }
    }

    /// The events in `[as_of - S, as_of]`. Compiles if `S` is at most `L`.
    #[inline]
    pub fn closed<S: Retention>(&self, as_of: AsOf) -> View<'_, T> {
        const { check_kept(L::LENGTH, NONE, S::LENGTH) }
        self.closed_span(as_of, NONE, S::LENGTH)
    }

    /// The events in `(as_of - S, as_of]`. Compiles if `S` is at most `L`.
    #[inline]
    pub fn half_open<S: Retention>(&self, as_of: AsOf) -> View<'_, T> {
        const { check_kept(L::LENGTH, NONE, S::LENGTH) }
        self.half_open_span(as_of, NONE, S::LENGTH)
    }

    /// The events of the `S` that ended `G` ago, `[as_of - G - S, as_of - G]`. Compiles if `G` and `S` together are at most `L`.
    #[inline]
    pub fn closed_ago<G: Retention, S: Retention>(&self, as_of: AsOf) -> View<'_, T> {
        const { check_kept(L::LENGTH, G::LENGTH, S::LENGTH) }
        self.closed_span(as_of, G::LENGTH, S::LENGTH)
    }

    /// The events of the `S` that ended `G` ago, `(as_of - G - S, as_of - G]`. Compiles if `G` and `S` together are at most `L`.
    #[inline]
    pub fn half_open_ago<G: Retention, S: Retention>(&self, as_of: AsOf) -> View<'_, T> {
        const { check_kept(L::LENGTH, G::LENGTH, S::LENGTH) }
        self.half_open_span(as_of, G::LENGTH, S::LENGTH)
    }

    /// The events in `[as_of - length, as_of]`, where a parameter gives the length. Compiles if its bound is at most `L`.
    #[inline]
    pub fn closed_for<S: Retention>(&self, as_of: AsOf, length: UpTo<S>) -> View<'_, T> {
        const { check_kept(L::LENGTH, NONE, S::LENGTH) }
        self.closed_span(as_of, NONE, length.length())
    }

    /// The events in `(as_of - length, as_of]`, where a parameter gives the length. Compiles if its bound is at most `L`.
    #[inline]
    pub fn half_open_for<S: Retention>(&self, as_of: AsOf, length: UpTo<S>) -> View<'_, T> {
        const { check_kept(L::LENGTH, NONE, S::LENGTH) }
        self.half_open_span(as_of, NONE, length.length())
    }

    /// The events of the `length` that ended `ago`, `[as_of - ago - length, as_of - ago]`, where parameters give the lengths; one
    /// of them may be [fixed](UpTo::MAX). Compiles if their bounds together are at most `L`.
    #[inline]
    pub fn closed_ago_for<G: Retention, S: Retention>(
        &self,
        as_of: AsOf,
        ago: UpTo<G>,
        length: UpTo<S>,
    ) -> View<'_, T> {
        const { check_kept(L::LENGTH, G::LENGTH, S::LENGTH) }
        self.closed_span(as_of, ago.length(), length.length())
    }

    /// The events of the `length` that ended `ago`, `(as_of - ago - length, as_of - ago]`, where parameters give the lengths; one
    /// of them may be [fixed](UpTo::MAX). Compiles if their bounds together are at most `L`.
    #[inline]
    pub fn half_open_ago_for<G: Retention, S: Retention>(
        &self,
        as_of: AsOf,
        ago: UpTo<G>,
        length: UpTo<S>,
    ) -> View<'_, T> {
        const { check_kept(L::LENGTH, G::LENGTH, S::LENGTH) }
        self.half_open_span(as_of, ago.length(), length.length())
    }

    /// The caller has made sure that the window keeps `ago` and `length` together, and that neither is negative.
    #[inline]
    fn closed_span(&self, as_of: AsOf, ago: Length, length: Length) -> View<'_, T> {
        self.view(as_of, ago, length, |time, start| time < start)
    }

    /// As [`closed_span`](Self::closed_span).
    #[inline]
    fn half_open_span(&self, as_of: AsOf, ago: Length, length: Length) -> View<'_, T> {
        self.view(as_of, ago, length, |time, start| time <= start)
    }

    #[inline]
    fn view(&self, as_of: AsOf, ago: Length, length: Length, too_old: impl Fn(i64, i64) -> bool) -> View<'_, T> {
        let times = self.live_times();
        let (Some(&oldest), Some(&newest), Some(last)) =
            (times.first(), times.last(), as_of.micros().checked_sub(ago.micros()))
        else {
            // There is nothing, or the view ends before the beginning of time.
            return View::new(&[], &[]);
        };
        // The usual question is newer than every event, and the usual window is partly full: only its start is searched.
        let end = if newest > last { times.partition_point(|&time| time <= last) } else { times.len() };
        let start = match last.checked_sub(length.micros()) {
            Some(start) if too_old(oldest, start) => times.partition_point(|&time| too_old(time, start)).min(end),
            // Where the start lies before the beginning of time, every event is after it.
            _ => 0,
        };
        View::of_window(&times[start..end], &self.values, self.start, self.start + start, &self.totals)
    }

    fn insert_late(&mut self, at: i64, value: T, newest: i64) {
        if at < oldest_kept::<L>(newest) {
            return;
        }
        let place = self.start + self.live_times().partition_point(|&time| time <= at);
        self.times.insert(place, at);
        self.values.insert(place, value);
        self.totals.forget_from(place);
    }

    /// Evicts what is older than the newest event by more than `length`, which is not negative.
    fn evict_older(&mut self, length: Length) {
        if let Some(&newest) = self.live_times().last() {
            self.evict_before(newest.saturating_sub(length.micros()));
        }
    }

    fn evict(&mut self, newest: i64) {
        self.evict_before(oldest_kept::<L>(newest));
    }

    /// Evicts what is before `oldest`, which is not after the newest event.
    fn evict_before(&mut self, oldest: i64) {
        while self.times[self.start] < oldest {
            self.start += 1;
        }
        if self.start >= EVICTED_MIN && self.start * 2 >= self.times.len() {
            self.times.drain(..self.start);
            self.values.drain(..self.start);
            self.totals.forget_first(self.start);
            self.start = 0;
        }
    }
}

/// The oldest event time that stays when `newest` is the newest: exactly `L` before it, so that a closed window of length
/// `L` is complete.
fn oldest_kept<L: Retention>(newest: i64) -> i64 {
    newest.saturating_sub(L::LENGTH.micros())
}

/// Whether no time is earlier than the one before it. Looks at all of them, for a loop without a way out is much faster on
/// the usual, sorted times.
fn is_ascending(times: &[i64]) -> bool {
    let (mut previous, mut ascending) = (i64::MIN, true);
    for &time in times {
        ascending &= previous <= time;
        previous = time;
    }
    ascending
}

impl<T, L> Window<T, L> {
    /// How many events the window keeps.
    pub fn len(&self) -> usize {
        self.times.len() - self.start
    }

    /// Whether the window keeps no event.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn live_times(&self) -> &[i64] {
        &self.times[self.start..]
    }

    fn live_values(&self) -> &[T] {
        &self.values[self.start..]
    }
}

impl<T, L> Default for Window<T, L> {
    fn default() -> Self {
        Window { times: Vec::new(), values: Vec::new(), start: 0, totals: Totals::default(), retention: PhantomData }
    }
}

impl<T: PartialEq, L> PartialEq for Window<T, L> {
    fn eq(&self, other: &Self) -> bool {
        self.live_times() == other.live_times() && self.live_values() == other.live_values()
    }
}

impl<T: fmt::Debug, L> fmt::Debug for Window<T, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.live_times().iter().zip(self.live_values())).finish()
    }
}

/// The retention in microseconds (`i64`), the number of events (`u32`), all times, then all values.
///
/// Only what the window keeps is written, so two windows of equal contents have equal bytes whatever went by before. The
/// retention is there so that a state kept for 30 days is never taken for one of 90.
impl<T: WindowValue, L: Retention> State for Window<T, L> {
    fn encode(&self, bytes: &mut Vec<u8>) {
        L::LENGTH.encode(bytes);
        encode_count(self.len(), bytes);
        i64::encode_all(self.live_times(), bytes);
        T::encode_all(self.live_values(), bytes);
    }

    fn decode(bytes: &mut &[u8]) -> Result<Self, StateError> {
        let kept = Length::decode(bytes)?;
        if kept != L::LENGTH {
            let message =
                format!("the state's window keeps {kept}, the transform's {}: raise state_version", L::LENGTH);
            return Err(StateError::new(message));
        }
        let count = decode_count(bytes)?;
        let times = i64::decode_all(count, bytes)?;
        let values = T::decode_all(count, bytes)?;
        if !is_ascending(&times) {
            return Err(StateError::new("the times of a window are not in order"));
        }
        if let [oldest, .., newest] = times[..]
            && oldest < oldest_kept::<L>(newest)
        {
            return Err(StateError::new("a window holds an event that it does not keep"));
        }
        Ok(Window { times, values, start: 0, totals: Totals::default(), retention: PhantomData })
    }
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod tests_of_kinds;
