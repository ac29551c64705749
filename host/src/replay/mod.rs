//! History and a spine become a training set.
//!
//! Events and questions of each entity are merged in the one order that design and tests fix: by time, an event before a
//! question at equal times, events at equal times by source and position. Batches, threads and cuts do not change a bit,
//! because a batch carries its states in and out.
//!
//! Entities are divided into partitions, small enough that the rows of one lie in a thread's cache: the partition's events are
//! gathered and ordered entity by entity, merged with its questions and evaluated in batches, and the answers are put into the
//! rows that they belong to.
//!
//! - `questions`: what is asked, by a spine or a rule. - `run`: partitions on threads, and the answers in order. - `options`: how.
//! - `partition`: events by entity and in order. - `batches`: from the rows of each entity to the batches of a call.
//! - `proof`: a sample of the answers, given again as they are served.
//!
//! Replay knows nothing of files, logs, online states or serving; the two halves meet only in [`crate::evaluate`].

mod batches;
mod options;
mod partition;
mod proof;
mod questions;
mod run;

pub use options::{OnError, ReplayOptions, ReplayTimes};
pub use proof::{Proved, Proving, Unproved};
pub use questions::{Questions, at_events, on_grid};
pub use run::{Carry, Failure, FinalState, FoldedPart, Oversized, ReplayError, Replayed, ViewEvents, fold, replay};
