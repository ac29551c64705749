//! The sandbox: the only code that names wasmtime. It knows nothing of views, entities, time or files.
//!
//! A [`Component`] is loaded by a [`Runtime`], describes itself, and processes batches. It is pure by construction:
//!
//! | what a transform might reach for | what it gets |
//! |---|---|
//! | standard output and error | captured, at most [`Limits::stderr_bytes_max`], shown in errors; kept for who asks to see it |
//! | environment, arguments, working directory, preopened files | empty |
//! | randomness (the seed of a `HashMap`) | the same constants, always; see below |
//! | clocks, files, sockets, standard input, exit | a trap that names the import |
//! | an import outside `wasi:` | the component is refused |
//! | threads, relaxed SIMD, shared memory | the component is refused |
//! | a NaN with a payload | the canonical NaN, inside and at the boundary |
//! | more memory, stack, time or output than [`Limits`] | an error, never a value |
//!
//! A Rust `HashMap` works, and an instance's first one has the same order everywhere. But the standard library gives every
//! further map the next seed, so an order that reaches a feature depends on what the instance did before: it is hidden
//! state, which the law `fresh` looks for. A `BTreeMap`, or a hasher without a seed, has one order.
//!
//! Instances are kept warm and used by one thread at a time ([`Isolation`]); one that returned an error in any way is thrown away.
//!
//! What a component cannot be kept from by construction is remembering an earlier call, or minding how its rows are cut into calls.
//! So a small share of the calls, chosen at random, is repeated on a fresh instance, cut differently, and a component that answers
//! differently is quarantined ([`CallError::Differs`], [`Repeats`]).
//!
//! What a component declares is counted before it is compiled. Compilation cannot be interrupted, so it is waited for no longer
//! than [`Limits::compile_ms_max`] and then left behind; what it may cost is bounded by the size of the component and of its
//! functions, and is reported by `onepath check`. [`crate::admission::Gate`] compiles in a process that it can end.

mod bounds;
mod cache;
mod compile;
mod component;
mod convert;
mod engine;
mod error;
mod fault;
mod limits;
mod optional;
mod repeat;
mod sandbox;
mod watch;
mod written;

pub(crate) use bounds::{check_bounds, read_component};
pub(crate) use component::OwnInstance;
pub use component::{Component, ImportAnswer};
pub(crate) use engine::Stage;
pub use engine::{ENGINE_VERSION, Isolation, Runtime, Variant};
pub use error::{CallError, LoadError};
pub use limits::Limits;
pub use watch::{Quarantine, Repeats, TellQuarantine, Unproved, Watched};
pub(crate) use written::Written;
