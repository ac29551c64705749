//! Write onepath features in Rust: a state, how an event changes it, and what it says when asked.
//!
//! A transform is a pure function. The host runs the same compiled component to build training sets from history and to
//! answer a request, so both give the same bits. This crate turns a few plain Rust types into that component:
//!
//! ```
//! use onepath_sdk::prelude::*;
//!
//! #[derive(Event)]
//! struct Event {
//!     /// What was paid.
//!     amount: f64,
//! }
//!
//! #[derive(State, Default)]
//! struct Spending {
//!     payments: Window<f64, Days<30>>,
//! }
//!
//! #[derive(Features)]
//! struct Features {
//!     /// Mean payment of the last 30 days. Null where there was none.
//!     mean_payment_30d: Option<f64>,
//! }
//!
//! #[transform]
//! impl Spending {
//!     fn update(&mut self, event: &Event, at: EventTime) {
//!         self.payments.push(at, event.amount);
//!     }
//!
//!     fn read(&self, as_of: AsOf) -> Features {
//!         Features { mean_payment_30d: self.payments.closed(as_of, days(30)).mean() }
//!     }
//! }
//!
//! // The same code runs natively, so an ordinary test covers it, state encoding included.
//! let mut customer = onepath_sdk::testing::Harness::<Spending>::new();
//! customer.event(EventTime(0), Event { amount: 10.0 });
//! customer.event(EventTime(5), Event { amount: 20.0 });
//! assert_eq!(customer.question(AsOf(9)).mean_payment_30d, Some(15.0));
//! ```
//!
//! Build it with `cargo build --release --target wasm32-wasip2`, in a crate of type `cdylib`.
//!
//! # What a transform does not do
//!
//! - It has no clock: `at` and `as_of` are the only times there are.
//! - It remembers nothing outside its state: no statics, no caches. What it keeps there is found by `onepath check`.
//! - It lets no hash order show. The standard `HashMap` gives each new map another order, so use a `BTreeMap`.
//! - It does not panic where it can answer: return a `Result`, and its message reaches the one who asked.
//!
//! # Map
//!
//! | module | holds |
//! |---|---|
//! | [`prelude`] | what an author imports |
//! | [`time`] | event time, as-of, time values and lengths: different types, so that they cannot be confused |
//! | [`window`] | events of the last so many days, keys of the last so many days, and exact sums over them |
//! | [`aggregate`] | what is kept of many events instead of the events: counts, sums, distinct keys, percentiles, ... |
//! | [`tiled`] | hopping and tumbling windows of aggregates |
//! | [`session`], [`last_n`], [`lag`] | visits; the last so many events; a value as it was |
//! | [`numeric`], [`category`], [`hash`], [`calendar`], [`embedding`] | functions of the values of one row |
//! | [`state`] | states to bytes and back, canonically |
//! | [`row`], [`value`] | structs to columns and back; implemented by the derive macros |
//! | [`transform`](mod@transform) | the trait that `#[transform]` implements |
//! | [`batch`] | the plain types of the component contract: columns, rows, answers |
//! | [`native`] | the whole component as two functions |
//! | [`testing`] | one entity, event by event, for an author's tests |
//!
//! The component's exports only move vectors between the generated types and those of [`batch`]; they know nothing else.

// The derive macros name this crate by its path, here too.
extern crate self as onepath_sdk;

pub mod time;

pub mod window;

pub mod aggregate;

pub mod tiled;

pub mod session;

pub mod last_n;

pub mod lag;

pub mod numeric;

pub mod category;

pub mod hash;

pub mod calendar;

pub mod embedding;

pub mod state;

mod compact;

mod key_map;

mod exact;

pub mod batch;

pub mod value;

pub mod row;

pub mod transform;

pub mod native;

pub mod testing;

#[cfg(target_family = "wasm")]
pub mod wire;

/// The author's guide, so that each of its snippets is compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct AuthorsGuide;

/// What a transform's source imports.
pub mod prelude {
    pub use onepath_sdk_macros::{Event, Features, Inputs, Parameters, Request, State, transform};

    pub use crate::aggregate::{
        Aggregate, Count, Counts, Decayed, Distinct, First, HyperLogLog, Last, Max, Mean, Min, QuantileSketch, Recency,
        Share, Sum, TopK, Variance,
    };
    pub use crate::calendar::{Instant, Offset, UTC};
    pub use crate::lag::Lag;
    pub use crate::last_n::LastN;
    pub use crate::session::{Fixed, Gap, Session, Sessions};
    pub use crate::state::{State, StateError};
    pub use crate::tiled::{Hopping, Tumbling};
    pub use crate::time::{AsOf, EventTime, Length, Time, days, hours, minutes, seconds};
    pub use crate::window::{Days, DistinctWindow, Hours, Minutes, ParameterWindow, Seconds, View, Window};
    pub use crate::{calendar, category, embedding, numeric};
}
