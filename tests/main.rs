//! The integration tests, in one binary: what onepath promises, seen from outside.
//!
//! - `parity`: the promise itself. The same questions answered in every way there is, all equal in bits, and equal to a
//!   naive reference.
//! - `time_rules`: one small case per rule of time and order.
//! - `online`: pushes, crashes, `verify`.
//! - `http`: a server process and real sockets.
//! - `bad_input`: what a person reads when something is wrong, word for word.
//! - `server`: many threads, kills, full disks.
//! - `example`: the churn example as a reader runs it.
//! - `gate`: components built elsewhere, pinned, admitted, interpreted, and built twice.
//! - `example`: the churn example as a reader runs it; `examples`: the others.
//! - `scaffold`: new projects, from `onepath new` to proof.
//! - `tidy`: the shape of the code.

mod bad_input;
mod example;
mod gate;
mod http;
mod online;
mod parity;
mod server;
mod examples;
mod online;
mod parity;
mod scaffold;
mod support;
mod tidy;
mod time_rules;
