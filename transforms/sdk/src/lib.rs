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
//!         Features { mean_payment_30d: self.payments.closed::<Days<30>>(as_of).mean() }
//!     }
//! }
//!
//! // The same code runs natively, so an ordinary test covers it, state encoding included.
//! use onepath_sdk::testing::{Harness, as_of, at};
//!
//! let mut customer = Harness::<Spending>::new();
//! customer.event(at("2024-03-01T09:00:00Z"), Event { amount: 10.0 });
//! customer.event(at("2024-03-02T18:30:00Z"), Event { amount: 20.0 });
//! assert_eq!(customer.question(as_of("2024-03-30")).mean_payment_30d, Some(15.0));
//! ```
//!
//! Build it with `cargo build --release --target wasm32-wasip2`, in a crate of type `cdylib`.
//!
//! # What a transform does not do
//!
//! - It has no clock: `at` and `as_of` are the only times there are, and it makes no as-of of its own.
//! - It remembers nothing outside its state: no statics, no caches. What it keeps there is found by `onepath check`.
//! - It lets no hash order show. The standard `HashMap` gives each new map another order, so use a `BTreeMap`.
//! - It does not panic where it can answer: return a `Result`, and its message reaches the one who asked.
//! - It does not add and subtract microseconds, which overflow at the ends of time: [`time`] has arithmetic that does not.
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
//! | [`debug`](mod@debug) | states in words, for people who look into a transform |
//! | [`testing`] | one entity, event by event, for an author's tests; it does not exist in a component |
//!
//! # Costs
//!
//! Times are those of `cargo bench --bench kinds`: native, then as a component under the host. A call has 8,192 events of 64
//! entities, so 128 events each, over 30 days; amounts in cents and 40 merchants with names of 11 bytes. It starts and
//! ends with columns and with states in bytes, so the states' decoding and encoding are in the time of an event; what a call
//! costs without any aggregate (17 and 28 ns an event) is not. A question is asked of the state that those events left. Least
//! of 30 rounds on two shared cores of a virtual machine with much else to do, wasmtime 48, Rust 1.95.
//!
//! | kind, and what it is asked | event, ns | question, ns | bytes here | state in bytes |
//! |---|---:|---:|---:|---|
//! | `Window<f64, Days<30>>`, mean | 15 / 19 | 412 / 566 | 2,060 | 12, and 16 per event kept |
//! | `Window<f64, Days<30>>`, `std_dev` | 15 / 19 | 4,388 / 13,237 | 2,060 | the same |
//! | `Window<f64, Days<30>>`, median | 16 / 20 | 2,073 / 3,370 | 2,060 | the same |
//! | `ParameterWindow<f64, _>` of 30 days | 23 / 25 | 443 / 1,299 | 2,068 | 20, and 16 per event kept |
//! | `DistinctWindow<String, Days<30>>` | 97 / 129 | 159 / 176 | 767 | 7, and 9 and its length per key |
//! | `LastN<f64, 20>`, mean | 16 / 19 | 74 / 103 | 321 | 1, and 16 per event kept |
//! | `Lag<f64, Days<30>>` | 18 / 23 | 33 / 33 | 2,056 | 8, and 16 per event kept |
//! | `Count` | 1 / 2 | 3 / 1 | 1 | 1 to 9 |
//! | `Sum` | 5 / 13 | 33 / 57 | 11 | some 11; 290 at most |
//! | `Mean` | 5 / 12 | 35 / 57 | 13 | some 13 |
//! | `Variance`, `sample_std_dev` | 9 / 28 | 382 / 724 | 31 | some 31; 840 at most |
//! | `(Min, Max)` | 2 / 4 | 2 / 0 | 18 | 9 each |
//! | `(First<f64>, Last<f64>)` | 1 / 2 | 1 / 1 | 34 | 17 each |
//! | `Recency` | 1 / 1 | 3 / 3 | 9 | 9 |
//! | `Share` | 1 / 6 | 3 / 1 | 2 | 2 to 18 |
//! | `Distinct<String>` | 83 / 103 | 31 / 29 | 452 | 1 and its length per key |
//! | `HyperLogLog<String, 12>` | 97 / 114 | 549 / 1,030 | 116 | 3 per key, 4,098 at most |
//! | `Counts<String>`, `top(3)` | 84 / 104 | 750 / 3,073 | 491 | 2 and its length per key |
//! | `TopK<String, 16>`, `top(3)` | 99 / 138 | 288 / 2,051 | 205 | 2 and its length per key, 16 keys at most |
//! | `QuantileSketch` | 52 / 68 | 69 / 256 | 240 | 20, and 2 to 4 per bucket in use, 2,048 at most |
//! | `Decayed<Days<7>>`, sum | 18 / 94 | 116 / 241 | 38 | some 38; 160 at most |
//! | `Hopping<Mean, Days<30>, Days<1>>` | 25 / 45 | 246 / 458 | 402 | 12, and one `Mean` per hop |
//! | `Hopping<Variance, Days<30>, Days<1>>` | 43 / 87 | 1,599 / 2,839 | 901 | 12, and one `Variance` per hop |
//! | `Hopping<QuantileSketch, Days<30>, Days<1>>` | 65 / 85 | 17,764 / 21,280 | 934 | 12, and one sketch per hop |
//! | `Tumbling<Mean, Days<1>>` | 15 / 25 | 14 / 23 | 34 | 7, and two `Mean`s |
//! | `Sessions<Sum, Gap<Hours<6>>, Days<30>>` | 39 / 72 | 39 / 69 | 1,194 | 14, and 16 and one `Sum` per session |
//! | `Sessions<Sum, Fixed<Hours<6>>, Days<30>>` | 51 / 91 | 47 / 84 | 1,661 | the same |
//!
//! The times of `Decayed` are from before it kept the sum of the weights, which its mean needs and which an event adds to as well; its
//! sizes are those of now.
//!
//! The row of `HyperLogLog` is of a later run on another machine, where `Distinct` took 88 ns an event as a component. Most of it is
//! the digest of the key.
//!
//! What is kept by key costs around 100 ns an event here, and up to 140 in a component, because nearly a third of these events bring their
//! entity a key that it does not have yet: it is copied, and goes back and forth with the state. A quantile of tiled sketches
//! merges 31 of them. A variance of a window adds up each event's square in 256 bits when it is asked; with many events and many
//! questions, `Hopping<Variance, ..>` or a lifetime's `Variance` has them added up already.
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

mod proof;

#[doc(hidden)]
pub mod dynamic;

pub mod batch;

pub mod value;

pub mod row;

pub mod transform;

pub mod native;

pub mod debug;

#[cfg(not(target_family = "wasm"))]
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
        Aggregate, Count, Counts, Decayed, Distinct, First, HyperLogLog, IntegerMax, IntegerMin, IntegerSum, Last, Max,
        Mean, Min, QuantileSketch, Recency, Share, Sum, TopK, Variance,
    };
    pub use crate::calendar::{Instant, Offset, UTC};
    pub use crate::lag::Lag;
    pub use crate::last_n::{FirstN, LastN};
    pub use crate::session::{Fixed, Gap, Session, Sessions};
    pub use crate::state::{State, StateError};
    pub use crate::tiled::{Hopping, Tumbling};
    pub use crate::time::{AsOf, EventTime, Length, Time, days, hours, minutes, seconds};
    pub use crate::window::{
        Days, DistinctWindow, Hours, Minutes, ParameterWindow, Seconds, Span, Spans, UpTo, View, Window,
    };
    pub use crate::{calendar, category, embedding, numeric};
}

pub mod sql;
