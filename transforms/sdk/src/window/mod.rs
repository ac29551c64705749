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

pub(crate) mod distinct;
pub(crate) mod events;
mod parameter;
mod retention;
mod statistics;
pub(crate) mod sum;
mod totals;
mod up_to;
mod value;
mod view;

pub use distinct::{DistinctView, DistinctWindow};
use events::Events;
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

use crate::state::{State, StateError, decode_count, encode_count};
use crate::time::{AsOf, EventTime, Length};

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
    events: Events<T>,
    retention: PhantomData<L>,
}

impl<T: WindowValue, L: Retention> Window<T, L> {
    /// Adds an event, and evicts what is now older than the newest event by more than `L`.
    #[inline]
    pub fn push(&mut self, at: EventTime, value: T) {
        self.events.push(at, value, L::LENGTH);
    }

    /// The events in `[as_of - S, as_of]`. Compiles if `S` is at most `L`.
    #[inline]
    pub fn closed<S: Retention>(&self, as_of: AsOf) -> View<'_, T> {
        const { check_kept(L::LENGTH, NONE, S::LENGTH) }
        self.events.closed(as_of, NONE, S::LENGTH)
    }

    /// The events in `(as_of - S, as_of]`. Compiles if `S` is at most `L`.
    #[inline]
    pub fn half_open<S: Retention>(&self, as_of: AsOf) -> View<'_, T> {
        const { check_kept(L::LENGTH, NONE, S::LENGTH) }
        self.events.half_open(as_of, NONE, S::LENGTH)
    }

    /// The events of the `S` that ended `G` ago, `[as_of - G - S, as_of - G]`. Compiles if `G` and `S` together are at most `L`.
    #[inline]
    pub fn closed_ago<G: Retention, S: Retention>(&self, as_of: AsOf) -> View<'_, T> {
        const { check_kept(L::LENGTH, G::LENGTH, S::LENGTH) }
        self.events.closed(as_of, G::LENGTH, S::LENGTH)
    }

    /// The events of the `S` that ended `G` ago, `(as_of - G - S, as_of - G]`. Compiles if `G` and `S` together are at most `L`.
    #[inline]
    pub fn half_open_ago<G: Retention, S: Retention>(&self, as_of: AsOf) -> View<'_, T> {
        const { check_kept(L::LENGTH, G::LENGTH, S::LENGTH) }
        self.events.half_open(as_of, G::LENGTH, S::LENGTH)
    }

    /// The events in `[as_of - length, as_of]`, where a parameter gives the length. Compiles if its bound is at most `L`.
    #[inline]
    pub fn closed_for<S: Retention>(&self, as_of: AsOf, length: UpTo<S>) -> View<'_, T> {
        const { check_kept(L::LENGTH, NONE, S::LENGTH) }
        self.events.closed(as_of, NONE, length.length())
    }

    /// The events in `(as_of - length, as_of]`, where a parameter gives the length. Compiles if its bound is at most `L`.
    #[inline]
    pub fn half_open_for<S: Retention>(&self, as_of: AsOf, length: UpTo<S>) -> View<'_, T> {
        const { check_kept(L::LENGTH, NONE, S::LENGTH) }
        self.events.half_open(as_of, NONE, length.length())
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
        self.events.closed(as_of, ago.length(), length.length())
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
        self.events.half_open(as_of, ago.length(), length.length())
    }
}

impl<T, L> Window<T, L> {
    /// How many events the window keeps.
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Whether the window keeps no event.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<T, L> Default for Window<T, L> {
    fn default() -> Self {
        Window { events: Events::default(), retention: PhantomData }
    }
}

impl<T: PartialEq, L> PartialEq for Window<T, L> {
    fn eq(&self, other: &Self) -> bool {
        self.events == other.events
    }
}

impl<T: fmt::Debug, L> fmt::Debug for Window<T, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.events.fmt(f)
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
        self.events.encode(bytes);
    }

    fn decode(bytes: &mut &[u8]) -> Result<Self, StateError> {
        let kept = Length::decode(bytes)?;
        if kept != L::LENGTH {
            let message =
                format!("the state's window keeps {kept}, the transform's {}: raise state_version", L::LENGTH);
            return Err(StateError::new(message));
        }
        let count = decode_count(bytes)?;
        Ok(Window { events: Events::decode(count, bytes, L::LENGTH)?, retention: PhantomData })
    }
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod tests_of_kinds;
