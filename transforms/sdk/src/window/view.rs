//! What one question sees of a window.

use super::{WindowValue, sum};
use crate::time::EventTime;

/// The events of a window that one question sees, by event time, and by the order of application where those are equal.
#[derive(Clone, Copy, Debug)]
pub struct View<'a, T> {
    times: &'a [i64],
    values: &'a [T],
}

impl<'a, T: WindowValue> View<'a, T> {
    pub(crate) fn new(times: &'a [i64], values: &'a [T]) -> Self {
        View { times, values }
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

    /// The values, from the earliest to the latest event.
    pub fn values(&self) -> &'a [T] {
        self.values
    }

    /// Every event.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (EventTime, T)> + ExactSizeIterator + use<'a, T> {
        self.times.iter().map(|&time| EventTime(time)).zip(self.values.iter().copied())
    }
}

impl View<'_, f64> {
    /// The sum of the values, as [`sum`] defines it; 0.0 where there is no event.
    pub fn sum(&self) -> f64 {
        sum(self.values)
    }

    /// The sum divided by the count; none where there is no event.
    pub fn mean(&self) -> Option<f64> {
        (!self.is_empty()).then(|| self.sum() / self.values.len() as f64)
    }
}
