//! Lag: the value as it was some time ago.

use std::collections::VecDeque;
use std::fmt;
use std::marker::PhantomData;

use crate::aggregate::Kept;
use crate::compact;
use crate::state::{State, StateError};
use crate::time::{AsOf, EventTime, Length};
use crate::window::{NONE, Retention, UpTo, check_kept};

/// The values of the last `L`, and the one that was in force when `L` began: what was the value `d` ago, for any `d` up to `L`?
///
/// `T` is `f64`, `i64`, `bool` or `String` (which takes `&str`). A value is in force from its event on (inclusive) until the
/// next one; where times are equal, the event that was applied last is in force. A late event takes its place by its event
/// time, so the answer is what is known *now* about the past moment.
///
/// The order is that of event time, not that of application, and a lag reaches back from the question, not from the newest event:
///
/// ```
/// use onepath_sdk::prelude::*;
/// use onepath_sdk::testing::{as_of, at};
///
/// let mut balance = Lag::<f64, Days<7>>::default();
/// balance.push(at("2024-03-01"), 100.0);
/// balance.push(at("2024-03-05"), 80.0);
/// balance.push(at("2024-03-03"), 120.0); // late
/// let now = as_of("2024-03-06");
/// assert_eq!((balance.value::<Days<0>>(now), balance.value::<Days<2>>(now)), (Some(&80.0), Some(&120.0)));
/// assert_eq!((balance.value::<Days<5>>(now), balance.value::<Days<7>>(now)), (Some(&100.0), None));
/// ```
pub struct Lag<T, L> {
    values: InForce<T>,
    retention: PhantomData<fn(L)>,
}

impl<T: Kept, L: Retention> Lag<T, L> {
    /// Adds an event.
    #[inline]
    pub fn push(&mut self, at: EventTime, item: T::Item<'_>) {
        self.values.push(at, item, L::LENGTH);
    }

    /// The value in force at `as_of - G`: that of the last event at or before it. None where there was none. Compiles if `G` is
    /// at most `L`, since older values are not kept.
    pub fn value<G: Retention>(&self, as_of: AsOf) -> Option<&T> {
        const { check_kept(L::LENGTH, G::LENGTH, NONE) }
        self.values.value_ago(as_of, G::LENGTH)
    }

    /// The value in force at `as_of - ago`, where a parameter says how long ago. Compiles if its bound is at most `L`.
    pub fn value_for<G: Retention>(&self, as_of: AsOf, ago: UpTo<G>) -> Option<&T> {
        const { check_kept(L::LENGTH, G::LENGTH, NONE) }
        self.values.value_ago(as_of, ago.length())
    }

    /// How many values are kept.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there was no event.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}

/// What a [`Lag`] is made of: values, kept as long as it says with each call.
#[derive(Clone, Debug, PartialEq)]
pub struct InForce<T> {
    /// By time. Of the events not after the newest less what is kept, only the last.
    values: VecDeque<(EventTime, T)>,
}

impl<T: Kept> InForce<T> {
    /// Adds an event.
    #[inline]
    pub fn push(&mut self, at: EventTime, item: T::Item<'_>, kept: Length) {
        let place = match self.values.back() {
            Some(&(newest, _)) if at < newest => self.values.partition_point(|&(time, _)| time <= at),
            _ => self.values.len(),
        };
        self.values.insert(place, (at, T::keep(item)));
        let Some(&(newest, _)) = self.values.back() else { return };
        while self.values.get(1).is_some_and(|&(second, _)| newest.since(second) >= kept) {
            self.values.pop_front();
        }
    }

    /// The value in force at `as_of - ago`, which is kept.
    pub fn value_ago(&self, as_of: AsOf, ago: Length) -> Option<&T> {
        let moment = as_of.micros().checked_sub(ago.micros())?;
        let after = self.values.partition_point(|&(at, _)| at.micros() <= moment);
        after.checked_sub(1).map(|last| &self.values[last].1)
    }

    /// Appends the number of values, then time and value of each.
    pub fn encode(&self, bytes: &mut Vec<u8>) {
        compact::encode_len(self.values.len(), bytes);
        for (at, value) in &self.values {
            at.encode(bytes);
            value.encode(bytes);
        }
    }

    /// Takes values that were kept for so long.
    pub fn decode(bytes: &mut &[u8], kept: Length) -> Result<Self, StateError> {
        let count = compact::decode_len(bytes)?;
        let mut values = VecDeque::with_capacity(count.min(bytes.len() / 8 + 1) + 1);
        for _ in 0..count {
            values.push_back((EventTime::decode(bytes)?, T::decode(bytes)?));
        }
        let times = || values.iter().map(|&(at, _)| at);
        let is_kept = match (values.get(1), values.back()) {
            (Some(&(second, _)), Some(&(newest, _))) => newest.since(second) < kept,
            _ => true,
        };
        if !times().is_sorted() || !is_kept {
            return Err(StateError::new("the values of a lag are not in order, or not all kept"));
        }
        Ok(InForce { values })
    }
}

impl<T> InForce<T> {
    /// How many values are kept.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there was no event.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}

impl<T> Default for InForce<T> {
    fn default() -> Self {
        InForce { values: VecDeque::new() }
    }
}

/// The retention in microseconds, the number of values, then time and value of each.
impl<T: Kept, L: Retention> State for Lag<T, L> {
    fn encode(&self, bytes: &mut Vec<u8>) {
        compact::encode_i64(L::LENGTH.micros(), bytes);
        self.values.encode(bytes);
    }

    fn decode(bytes: &mut &[u8]) -> Result<Self, StateError> {
        let kept = Length::from_micros(compact::decode_i64(bytes)?);
        if kept != L::LENGTH {
            let message = format!("the state's lag keeps {kept}, the transform's {}: raise state_version", L::LENGTH);
            return Err(StateError::new(message));
        }
        Ok(Lag { values: InForce::decode(bytes, L::LENGTH)?, retention: PhantomData })
    }
}

impl<T, L> Default for Lag<T, L> {
    fn default() -> Self {
        Lag { values: InForce::default(), retention: PhantomData }
    }
}

impl<T: Clone, L> Clone for Lag<T, L> {
    fn clone(&self) -> Self {
        Lag { values: self.values.clone(), retention: PhantomData }
    }
}

impl<T: PartialEq, L> PartialEq for Lag<T, L> {
    fn eq(&self, other: &Self) -> bool {
        self.values == other.values
    }
}

impl<T: fmt::Debug, L> fmt::Debug for Lag<T, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.values.values.iter().map(|(at, value)| (at, value))).finish()
    }
}

#[cfg(test)]
mod tests;
