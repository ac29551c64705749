//! The integration tests, in one binary: what onepath promises, seen from outside.
//!
//! - `parity`: the promise itself. The same questions answered in every way there is, all equal in bits, and equal to a
//!   naive reference.
//! - `time_rules`: one small case per rule of time and order.
//! - `online`: pushes, crashes, `verify`.
//! - `bad_input`: what a person reads when something is wrong, word for word.
//! - `example`: the churn example as a reader runs it; `examples`: the others.
//! - `guide`: the author's guide, as far as it is not Rust.
//! - `scaffold`: new projects, from `onepath new` to proof.
//! - `tidy`: the shape of the code.

mod bad_input;
mod example;
mod examples;
mod guide;
mod online;
mod parity;
mod scaffold;
mod support;
mod tidy;
mod time_rules;
