//! What one question sees of a window.

use std::fmt;

use super::sum::Total;
use super::totals::Totals;
use crate::time::EventTime;

/// The events of a window that one question sees, by event time, and by the order of application where those are equal.
#[derive(Clone, Copy)]
pub struct View<'a, T> {
    times: &'a [i64],
    /// All values of the window, evicted ones included.
    all: &'a [T],
    /// Where those begin that are not evicted.
    live: usize,
    /// Where those of this view begin.
    start: usize,
    /// Running totals of a window's values; none of other views.
    totals: Option<&'a Totals>,
}

impl<'a, T: Copy> View<'a, T> {
    /// Events with a value each.
    #[inline]
    pub(crate) fn new(times: &'a [i64], values: &'a [T]) -> Self {
        View { times, all: values, live: 0, start: 0, totals: None }
    }

    /// The values of a window, `all`, that begin at `start`, one per time.
    #[inline]
    pub(super) fn of_window(times: &'a [i64], all: &'a [T], live: usize, start: usize, totals: &'a Totals) -> Self {
        View { times, all, live, start, totals: Some(totals) }
    }

    /// How many events there are.
    pub fn count(&self) -> i64 {
        self.times.len() as i64
    }

    /// Whether there is no event.
    pub fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    /// The earliest event.
    pub fn first(&self) -> Option<(EventTime, T)> {
        self.iter().next()
    }

    /// The latest event; of those, the one applied last.
    pub fn last(&self) -> Option<(EventTime, T)> {
        self.iter().next_back()
    }

    /// The times, ascending.
    #[doc(hidden)]
    pub fn times(&self) -> &'a [i64] {
        self.times
    }

    /// The values, from the earliest to the latest event.
    pub fn values(&self) -> &'a [T] {
        &self.all[self.start..self.start + self.times.len()]
    }

    /// Every event.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (EventTime, T)> + ExactSizeIterator + use<'a, T> {
        self.times.iter().map(|&time| EventTime(time)).zip(self.values().iter().copied())
    }
}

impl View<'_, f64> {
    /// The sum of the values, as [`sum`](super::sum) defines it; 0.0 where there is no event.
    pub fn sum(&self) -> f64 {
        self.total().sum()
    }

    /// The sum divided by the count, within one and a half units in the last place of the true mean, as
    /// [`Mean`](crate::aggregate::Mean) defines it; none where there is no event. A NaN or an infinity does to it what it does to the sum.
    pub fn mean(&self) -> Option<f64> {
        (!self.is_empty()).then(|| self.total().mean(self.times.len() as u64))
    }

    /// The exact sum, which gives both.
    #[doc(hidden)]
    pub fn total(&self) -> Total {
        let stretch = self.start..self.start + self.times.len();
        let total = self.totals.and_then(|totals| totals.of(self.all, self.live, stretch));
        total.unwrap_or_else(|| Total::of(self.values()))
    }
}

impl<T: Copy + fmt::Debug> fmt::Debug for View<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.times.iter().zip(self.values())).finish()
    }
}
