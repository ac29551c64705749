//! The last so many events, from the earliest to the latest.

use crate::aggregate::Kept;
use crate::compact;
use crate::state::{State, StateError};
use crate::time::EventTime;
use crate::window::{View, WindowValue};

/// The last `N` events by event time, each with a value: a window by count. Where times are equal, the event that was applied
/// later is the later one.
///
/// The order is that of time: [`values`](Self::values) and [`iter`](Self::iter) begin with the earliest that is kept and end with the
/// latest, in whatever order events came. [`newest`](Self::newest) counts from the other end.
///
/// ```
/// use onepath_sdk::prelude::*;
/// use onepath_sdk::testing::at;
///
/// let mut paid = LastN::<f64, 3>::default();
/// for (day, amount) in [("2024-03-01", 1.0), ("2024-03-02", 2.0), ("2024-03-04", 4.0), ("2024-03-03", 3.0)] {
///     paid.push(at(day), amount);
/// }
/// assert_eq!(paid.values(), [2.0, 3.0, 4.0]);
/// assert_eq!(paid.newest(0), Some((at("2024-03-04"), &4.0)));
/// assert_eq!(paid.newest(2).map(|(_, amount)| *amount), Some(2.0));
/// ```
///
/// `T` is `f64`, `i64`, `bool`, `String` (which takes `&str`), or `()`. A late event takes its place if it is among the last
/// `N`. A [`view`](Self::view) answers what a view of a [`Window`](crate::window::Window) does.
#[derive(Clone, Debug, PartialEq)]
pub struct LastN<T, const N: usize> {
    events: Ordered<T>,
}

impl<T: Kept, const N: usize> LastN<T, N> {
    /// Adds an event.
    #[inline]
    pub fn push(&mut self, at: EventTime, item: T::Item<'_>) {
        self.events.push_latest(at, item, N);
    }

    /// How many events there are: `N` once there were so many.
    pub fn len(&self) -> usize {
        self.events.times.len()
    }

    /// Whether there was no event.
    pub fn is_empty(&self) -> bool {
        self.events.times.is_empty()
    }

    /// The events, from the earliest to the latest.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (EventTime, &T)> + ExactSizeIterator {
        self.events.times.iter().map(|&time| EventTime(time)).zip(&self.events.values)
    }

    /// The event that is `nth` from the latest, which is 0; none where there were not so many.
    pub fn newest(&self, nth: usize) -> Option<(EventTime, &T)> {
        self.iter().rev().nth(nth)
    }

    /// The values, from the earliest to the latest event.
    pub fn values(&self) -> &[T] {
        &self.events.values
    }
}

impl<T: Kept + WindowValue, const N: usize> LastN<T, N> {
    /// The events as a view: count, sum, mean, extremes, quantiles.
    pub fn view(&self) -> View<'_, T> {
        self.events.view()
    }
}

/// The number of events, all times, then all values.
impl<T: Kept, const N: usize> State for LastN<T, N> {
    fn encode(&self, bytes: &mut Vec<u8>) {
        self.events.encode(bytes);
    }

    fn decode(bytes: &mut &[u8]) -> Result<Self, StateError> {
        Ok(LastN { events: Ordered::decode(bytes, N)? })
    }
}

impl<T, const N: usize> Default for LastN<T, N> {
    fn default() -> Self {
        const { assert!(N > 0, "a LastN keeps at least one event") }
        LastN { events: Ordered::default() }
    }
}

/// The first `N` events by event time, each with a value. Where times are equal, the event that was applied earlier is the earlier one.
///
/// ```
/// use onepath_sdk::prelude::*;
/// use onepath_sdk::testing::at;
///
/// let mut paid = FirstN::<f64, 2>::default();
/// for (day, amount) in [("2024-03-01", 1.0), ("2024-03-04", 4.0), ("2024-03-02", 2.0), ("2024-03-03", 3.0)] {
///     paid.push(at(day), amount);
/// }
/// assert_eq!(paid.values(), [1.0, 2.0]);
/// ```
///
/// `T` is as for a [`LastN`]. A late event takes its place if it is among the first `N`.
#[derive(Clone, Debug, PartialEq)]
pub struct FirstN<T, const N: usize> {
    events: Ordered<T>,
}

impl<T: Kept, const N: usize> FirstN<T, N> {
    /// Adds an event.
    #[inline]
    pub fn push(&mut self, at: EventTime, item: T::Item<'_>) {
        self.events.push_earliest(at, item, N);
    }

    /// How many events there are: `N` once there were so many.
    pub fn len(&self) -> usize {
        self.events.times.len()
    }

    /// Whether there was no event.
    pub fn is_empty(&self) -> bool {
        self.events.times.is_empty()
    }

    /// The events, from the earliest to the latest.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (EventTime, &T)> + ExactSizeIterator {
        self.events.times.iter().map(|&time| EventTime(time)).zip(&self.events.values)
    }

    /// The values, from the earliest to the latest event.
    pub fn values(&self) -> &[T] {
        &self.events.values
    }
}

impl<T: Kept + WindowValue, const N: usize> FirstN<T, N> {
    /// The events as a view: count, sum, mean, extremes, quantiles.
    pub fn view(&self) -> View<'_, T> {
        self.events.view()
    }
}

/// The number of events, all times, then all values.
impl<T: Kept, const N: usize> State for FirstN<T, N> {
    fn encode(&self, bytes: &mut Vec<u8>) {
        self.events.encode(bytes);
    }

    fn decode(bytes: &mut &[u8]) -> Result<Self, StateError> {
        Ok(FirstN { events: Ordered::decode(bytes, N)? })
    }
}

impl<T, const N: usize> Default for FirstN<T, N> {
    fn default() -> Self {
        const { assert!(N > 0, "a FirstN keeps at least one event") }
        FirstN { events: Ordered::default() }
    }
}

/// What a [`LastN`] and a [`FirstN`] are made of: events in the order of their times. How many are kept is said with each call.
#[derive(Clone, Debug, PartialEq)]
pub struct Ordered<T> {
    times: Vec<i64>,
    values: Vec<T>,
}

impl<T: Kept> Ordered<T> {
    /// Adds an event; the latest `n` stay.
    #[inline]
    pub fn push_latest(&mut self, at: EventTime, item: T::Item<'_>, n: usize) {
        let at = at.micros();
        let mut place = self.place(at);
        if self.times.len() == n {
            if place == 0 {
                return;
            }
            self.times.remove(0);
            self.values.remove(0);
            place -= 1;
        }
        self.times.insert(place, at);
        self.values.insert(place, T::keep(item));
    }

    /// Adds an event; the earliest `n` stay.
    #[inline]
    pub fn push_earliest(&mut self, at: EventTime, item: T::Item<'_>, n: usize) {
        let at = at.micros();
        let place = self.place(at);
        if place < n {
            self.times.truncate(n - 1);
            self.values.truncate(n - 1);
            self.times.insert(place, at);
            self.values.insert(place, T::keep(item));
        }
    }

    /// The place of an event that is applied last of those at its time.
    #[inline]
    fn place(&self, at: i64) -> usize {
        match self.times.last() {
            Some(&newest) if at < newest => self.times.partition_point(|&time| time <= at),
            _ => self.times.len(),
        }
    }

    /// The times of the events, ascending.
    pub fn times(&self) -> &[i64] {
        &self.times
    }

    /// The values of the events.
    pub fn values(&self) -> &[T] {
        &self.values
    }

    /// Appends the number of events, all times, then all values.
    pub fn encode(&self, bytes: &mut Vec<u8>) {
        compact::encode_len(self.times.len(), bytes);
        i64::encode_all(&self.times, bytes);
        for value in &self.values {
            value.encode(bytes);
        }
    }

    /// Takes at most `n` events.
    pub fn decode(bytes: &mut &[u8], n: usize) -> Result<Self, StateError> {
        let count = compact::decode_len(bytes)?;
        if count > n {
            return Err(StateError::new("a state holds more of the last events than it keeps: raise state_version"));
        }
        let times = i64::decode_all(count, bytes)?;
        if !times.is_sorted() {
            return Err(StateError::new("the last events are not in order"));
        }
        let mut values = Vec::with_capacity(count + 1);
        for _ in 0..count {
            values.push(T::decode(bytes)?);
        }
        Ok(Ordered { times, values })
    }
}

impl<T: WindowValue> Ordered<T> {
    /// The events as a view.
    pub fn view(&self) -> View<'_, T> {
        View::new(&self.times, &self.values)
    }
}

impl<T> Default for Ordered<T> {
    fn default() -> Self {
        Ordered { times: Vec::new(), values: Vec::new() }
    }
}

#[cfg(test)]
mod tests;
