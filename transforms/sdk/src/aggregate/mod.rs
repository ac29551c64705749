//! Aggregates: what is kept of many events instead of the events themselves.
//!
//! An aggregate as a field of a state is *cumulative*: it covers all that was ever added. Put into [`Tumbling`],
//! [`Hopping`] or [`Sessions`](crate::session::Sessions) it covers a stretch of time, in bounded state. (Where every
//! event is kept anyway, in a [`Window`](crate::window::Window) or [`LastN`](crate::last_n::LastN), a
//! [`View`](crate::window::View) answers the same questions of any stretch, exactly.)
//!
//! | aggregate | takes | answers |
//! |---|---|---|
//! | [`Count`] | `()` | how many |
//! | [`Sum`], [`Mean`], [`Variance`] | `f64` | sum, mean, variance, standard deviation; never a drift |
//! | [`Min`], [`Max`] | `f64` | the smallest, the largest |
//! | [`IntegerSum`], [`IntegerMin`], [`IntegerMax`] | `i64` | the same of whole numbers |
//! | [`First`], [`Last`] | any value | the value at the earliest, the latest event time |
//! | [`Recency`] | `()` | how long ago the last one was |
//! | [`Share`] | `bool` | which part was true |
//! | [`Distinct`], [`HyperLogLog`] | a key | how many different ones: exactly, or in a fixed number of bytes |
//! | [`Counts`], [`TopK`] | a key | how many of each, and the most frequent: exactly, or in a fixed number of entries |
//! | [`QuantileSketch`] | `f64` | percentiles, to a stated relative error |
//! | [`Decayed`] | `f64` | a sum and a mean in which what is a half-life old counts half |
//!
//! A key is a text (`&str`), an `i64` or a `bool` ([`Key`]). Two to four aggregates make one, as a tuple of them that takes
//! a tuple of values: `(Count, Sum)` takes `((), 12.5)`.
//!
//! What all have in common:
//!
//! - *Nulls* are never added: the author decides what a missing value means, with `if let Some(amount) = event.amount`.
//! - *Late events* go where their event time says. Only [`First`], [`Last`], [`Recency`] and [`Decayed`] look at the time at
//!   all; where two events have the same, the one that was applied later counts as the later one.
//! - *Order* does not matter otherwise: answers and states are the same bits whatever the order of events. The exception is
//!   [`TopK`] once it lets go of keys.
//! - *Nothing added* is a count of 0, a sum of 0.0, and none for what has no value then.
//!
//! Sizes of states and times per event are in [the table of costs](crate#costs).
//!
//! [`Tumbling`]: crate::tiled::Tumbling
//! [`Hopping`]: crate::tiled::Hopping

mod count;
mod counts;
pub(crate) mod decayed;
mod distinct;
mod edge;
mod extreme;
mod hyper_log_log;
mod integer;
mod kept;
mod mean;
mod quantile_sketch;
mod recency;
mod share;
mod sum;
mod top_k;
mod variance;

pub use count::Count;
pub use counts::Counts;
pub use decayed::Decayed;
pub use distinct::Distinct;
pub use edge::{First, Last};
pub use extreme::{Max, Min};
pub use hyper_log_log::HyperLogLog;
pub use integer::{IntegerMax, IntegerMin, IntegerSum};
pub use kept::Kept;
pub use mean::Mean;
pub use quantile_sketch::QuantileSketch;
pub use recency::Recency;
pub use share::Share;
pub use sum::Sum;
pub use top_k::TopK;
pub use variance::Variance;

pub use crate::hash::Key;

use crate::state::State;
use crate::time::EventTime;

/// What is kept of many events, and can be put together with what is kept of others.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an aggregate",
    note = "aggregates are Count, Sum, Mean, Variance, Min, Max, First, Last, Recency, Share, Distinct, HyperLogLog, Counts, TopK, QuantileSketch, Decayed, and tuples of two to four of these"
)]
pub trait Aggregate: State + Default {
    /// What is added for one event.
    type Item<'a>: Copy;

    /// Whether [`merge`](Self::merge) of aggregates of earlier and of later events gives, bit for bit, what one pass over all of them
    /// gives. `onepath check` holds an aggregate to it, unless it says here that it is approximate by design, as [`TopK`] is.
    const MERGES_EXACTLY: bool = true;

    /// Adds an event that happened at `at`.
    fn push(&mut self, at: EventTime, item: Self::Item<'_>);

    /// Adds all that `other` holds. Of two events at the same time, those of `other` count as the later ones.
    fn merge(&mut self, other: &Self);
}

macro_rules! tuples {
    ($(($($part:ident $index:tt),*)),*) => {$(
        impl<$($part: Aggregate),*> Aggregate for ($($part,)*) {
            type Item<'a> = ($($part::Item<'a>,)*);

            const MERGES_EXACTLY: bool = true $(&& $part::MERGES_EXACTLY)*;

            #[inline]
            fn push(&mut self, at: EventTime, item: Self::Item<'_>) {
                $(self.$index.push(at, item.$index);)*
            }

            fn merge(&mut self, other: &Self) {
                $(self.$index.merge(&other.$index);)*
            }
        }
    )*};
}

tuples!((A 0, B 1), (A 0, B 1, C 2), (A 0, B 1, C 2, D 3));

#[cfg(test)]
mod tests;
