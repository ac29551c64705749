//! The integration tests, in one binary: what onepath promises, seen from outside.
//!
//! - `parity`: the promise itself. The same questions answered in every way there is, all equal in bits, and equal to a
//!   naive reference.
//! - `reading`: what comes in is read right, or refused.
//! - `time_rules`: one small case per rule of time and order.
//! - `online`: pushes, crashes, `verify`.
//! - `server`: many threads, kills, full disks.
//! - `http`: a server process and real sockets.
//! - `bad_input`: what a person reads when something is wrong, word for word.
//! - `catalog`: what a project has, whose it is, what it means and who reads it, by every door.
//! - `declared`: declared views, from the project file to proof, without a compiler.
//! - `eject`: declared views as Rust, in the same bits.
//! - `defaults`: what stands in place of nulls, and features with a time to live of their own.
//! - `gate`: components built elsewhere, pinned, admitted, interpreted, and built twice.
//! - `example`: the churn example as a reader runs it; `examples`: the others.
//! - `identity`: what decides values is told when it changes, and order decides nothing.
//! - `materialize`: all states at once, in whatever memory, and what is served until the next one.
//! - `schema`: what is declared of fields and columns, and that it is law.
//! - `shown`: what components print, with its row.
//! - `scaffold`: new projects, from `onepath new` to proof.
//! - `from_feast`: projects of Feast repositories, as far as Feast is not needed for it.
//! - `guide`: the author's guide, as far as it is not Rust.
//! - `storage`: inputs that lie elsewhere than in files, and storages that fail.
//! - `summary`: what a run tells of what it saw, and what is hardly what was meant.
//! - `tidy`: the shape of the code; `documents`: that documents name what there is.

mod bad_input;
mod catalog;
mod declared;
mod defaults;
mod documents;
mod eject;
mod example;
mod examples;
mod from_feast;
mod gate;
mod guide;
mod http;
mod identity;
mod materialize;
mod online;
mod parity;
mod reading;
mod scaffold;
mod schema;
mod server;
mod shown;
mod storage;
mod summary;
mod support;
mod tidy;
mod time_rules;
