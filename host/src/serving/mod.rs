//! The online half: pushed events move states, questions are answered from them.
//!
//! The event log is the truth; online states are derived from it and carry the offset that they include, so that a
//! process that died goes on where its log ends. Serving knows nothing of replay; both meet only in [`crate::evaluate`].

mod apply;
mod get;
pub mod http;

pub use apply::{Applied, PushError, ServedView, catch_up, push};
pub use get::{Answered, GetError, Question, ViewAnswer, answer};
