//! The value at the earliest and at the latest event time.

use super::{Aggregate, Kept};
use crate::state::{State, StateError};
use crate::time::{AsOf, EventTime, Length};

macro_rules! edges {
    ($($(#[$doc:meta])* $name:ident, $what:literal, $takes_place:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name<T> {
            kept: Option<(EventTime, T)>,
        }

        impl<T: Kept> $name<T> {
            #[doc = concat!("The value of the ", $what, " event; none where there was no event.")]
            pub fn value(&self) -> Option<&T> {
                self.kept.as_ref().map(|(_, value)| value)
            }

            #[doc = concat!("When the ", $what, " event happened.")]
            pub fn at(&self) -> Option<EventTime> {
                self.kept.as_ref().map(|(at, _)| *at)
            }

            #[doc = concat!("How long before `as_of` the ", $what, " event was.")]
            pub fn since(&self, as_of: AsOf) -> Option<Length> {
                self.at().map(|at| as_of.since(at))
            }
        }

        impl<T> Default for $name<T> {
            fn default() -> Self {
                $name { kept: None }
            }
        }

        impl<T: Kept> Aggregate for $name<T> {
            type Item<'a> = T::Item<'a>;

            #[inline]
            fn push(&mut self, at: EventTime, item: T::Item<'_>) {
                let takes_place: fn(EventTime, EventTime) -> bool = $takes_place;
                if self.at().is_none_or(|kept| takes_place(at, kept)) {
                    self.kept = Some((at, T::keep(item)));
                }
            }

            fn merge(&mut self, other: &Self) {
                let takes_place: fn(EventTime, EventTime) -> bool = $takes_place;
                if let Some(at) = other.at()
                    && self.at().is_none_or(|kept| takes_place(at, kept))
                {
                    self.kept.clone_from(&other.kept);
                }
            }
        }

        /// The event time and the value, if there is one.
        impl<T: Kept> State for $name<T> {
            fn encode(&self, bytes: &mut Vec<u8>) {
                self.kept.is_some().encode(bytes);
                if let Some((at, value)) = &self.kept {
                    at.encode(bytes);
                    value.encode(bytes);
                }
            }

            fn decode(bytes: &mut &[u8]) -> Result<Self, StateError> {
                Ok($name { kept: Option::decode(bytes)? })
            }
        }
    )*};
}

edges! {
    /// The value of the earliest event by event time; of several at that time, the one that was applied first. `T` is `f64`,
    /// `i64`, `bool`, `String` (which takes `&str`), or `()` where only the time matters.
    First, "earliest", |at, kept| at < kept;
    /// The value of the latest event by event time; of several at that time, the one that was applied last. `T` is `f64`,
    /// `i64`, `bool`, `String` (which takes `&str`), or `()` where only the time matters.
    Last, "latest", |at, kept| at >= kept;
}
