//! The online half: pushed events move states, questions are answered from them.
//!
//! The event log is the truth; online states are derived from it and carry the offset that they include, so that a
//! process that died goes on where its log ends. Serving knows nothing of replay; both meet only in [`crate::evaluate`].
//!
//! - `apply`: pushes, one or many to a commit, and the tail of the log.
//! - `get`: the questions of a request, one call per view.
//! - `cache`: states in memory.
//! - `share`: which entities' vectors are recorded.
//! - `http`: the HTTP of a [`Server`](crate::Server), above everything that it serves.

mod apply;
mod cache;
mod get;
pub mod http;
mod share;

pub use apply::{Applied, Moved, PushError, ServedView, StateReader, catch_up, mark, push, push_into};
pub use cache::StateCache;
pub use get::{GetError, Questions, ViewAnswers, answer, has_passed};
pub use share::LogShare;
