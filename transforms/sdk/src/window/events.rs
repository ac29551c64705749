//! What a [`Window`](super::Window) is made of: events, kept as long as it says with each call.

use std::fmt;

use super::totals::Totals;
use super::{View, WindowValue};
use crate::state::StateError;
use crate::time::{AsOf, EventTime, Length};

/// Room for so many events is made with the first one: growing step by step from the smallest costs more than the rest of
/// applying an event.
const ROOM_MIN: usize = 16;

/// Evicted events are cleared away once this many stand in front, and are at least half of all.
const EVICTED_MIN: usize = 32;

/// The events of one entity that are no older than so long before the newest of them, each with a value. Whoever has them says how
/// long that is, the same with each call; it is not negative.
#[derive(Clone)]
pub struct Events<T> {
    /// Event times in microseconds, ascending. Those before `start` are evicted.
    times: Vec<i64>,
    /// The value of each event.
    values: Vec<T>,
    /// The first event that still counts. Events leave at the front without moving the rest, which makes eviction O(1) on
    /// average.
    start: usize,
    /// Made when a question needs them.
    totals: Totals,
}

impl<T: Copy> Events<T> {
    /// Adds an event, and evicts what is now older than the newest event by more than `kept`.
    #[inline]
    pub fn push(&mut self, at: EventTime, value: T, kept: Length) {
        let at = at.micros();
        match self.live_times().last() {
            Some(&newest) if at < newest => self.insert_late(at, value, oldest_kept(newest, kept)),
            _ => {
                if self.times.capacity() == 0 {
                    self.times.reserve(ROOM_MIN);
                    self.values.reserve(ROOM_MIN);
                }
                self.times.push(at);
                self.values.push(value);
                self.evict_before(oldest_kept(at, kept));
            }
        }
    }

    /// The events in `[as_of - ago - length, as_of - ago]`. The caller has made sure that `ago` and `length` together are kept, and
    /// that neither is negative.
    #[inline]
    pub fn closed(&self, as_of: AsOf, ago: Length, length: Length) -> View<'_, T> {
        self.view(as_of, ago, length, |time, start| time < start)
    }

    /// The events in `(as_of - ago - length, as_of - ago]`; otherwise as [`closed`](Self::closed).
    #[inline]
    pub fn half_open(&self, as_of: AsOf, ago: Length, length: Length) -> View<'_, T> {
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

    fn insert_late(&mut self, at: i64, value: T, oldest: i64) {
        if at < oldest {
            return;
        }
        let place = self.start + self.live_times().partition_point(|&time| time <= at);
        self.times.insert(place, at);
        self.values.insert(place, value);
        self.totals.forget_from(place);
    }

    /// Evicts what is before `oldest`, which is not after the newest event.
    #[inline]
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

/// The oldest event time that stays when `newest` is the newest: exactly `kept` before it, so that a closed window of that length is
/// complete.
#[inline]
pub(super) fn oldest_kept(newest: i64, kept: Length) -> i64 {
    newest.saturating_sub(kept.micros())
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

impl<T> Events<T> {
    /// How many events are kept.
    pub fn len(&self) -> usize {
        self.times.len() - self.start
    }

    /// Whether no event is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The times of the events, ascending.
    pub fn live_times(&self) -> &[i64] {
        &self.times[self.start..]
    }

    /// The values of the events.
    pub fn live_values(&self) -> &[T] {
        &self.values[self.start..]
    }

    /// Events that were kept for so long, or what is wrong with them: as many times as values.
    pub fn from_parts(times: Vec<i64>, values: Vec<T>, kept: Length) -> Result<Self, StateError> {
        if !is_ascending(&times) {
            return Err(StateError::new("the times of a window are not in order"));
        }
        if let [oldest, .., newest] = times[..]
            && oldest < oldest_kept(newest, kept)
        {
            return Err(StateError::new("a window holds an event that it does not keep"));
        }
        Ok(Events { times, values, start: 0, totals: Totals::default() })
    }
}

/// Only what is kept is written, so equal contents have equal bytes whatever went by before.
impl<T: WindowValue> Events<T> {
    /// Appends all times, then all values.
    pub fn encode(&self, bytes: &mut Vec<u8>) {
        i64::encode_all(self.live_times(), bytes);
        T::encode_all(self.live_values(), bytes);
    }

    /// Takes so many events, of which each is kept for so long.
    pub fn decode(count: usize, bytes: &mut &[u8], kept: Length) -> Result<Self, StateError> {
        let times = i64::decode_all(count, bytes)?;
        let values = T::decode_all(count, bytes)?;
        Events::from_parts(times, values, kept)
    }
}

impl<T> Default for Events<T> {
    fn default() -> Self {
        Events { times: Vec::new(), values: Vec::new(), start: 0, totals: Totals::default() }
    }
}

impl<T: PartialEq> PartialEq for Events<T> {
    fn eq(&self, other: &Self) -> bool {
        self.live_times() == other.live_times() && self.live_values() == other.live_values()
    }
}

impl<T: fmt::Debug> fmt::Debug for Events<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.live_times().iter().zip(self.live_values())).finish()
    }
}

impl<T> Events<T> {
    /// Forgets every event, and keeps the room that they took.
    pub fn clear(&mut self) {
        self.times.clear();
        self.values.clear();
        self.start = 0;
        self.totals = Totals::default();
    }
}
