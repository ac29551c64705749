//! How a replay runs, and what it took.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::proof::Proving;
use crate::time::Stopwatch;

/// How a replay runs. Nothing here changes a bit of its answers.
#[derive(Clone, Copy)]
pub struct ReplayOptions<'a> {
    /// Threads that evaluate; at least 1.
    pub threads: usize,
    /// Rows of one call; at least 1.
    pub batch_rows: usize,
    /// What happens where a transform gives no answer.
    pub on_error: OnError,
    /// Told of each number of rows that was evaluated, from any thread.
    pub progress: &'a (dyn Fn(u64) + Sync),
    /// Set when the replay is to end early, with [`ReplayError::Stopped`](super::ReplayError::Stopped).
    pub stop: &'a AtomicBool,
    /// Where the time of its threads is added up.
    pub times: &'a ReplayTimes,
    /// How it proves a sample of its answers, if it does.
    pub proving: Option<&'a Proving>,
    /// The largest state that serving keeps.
    pub state_bytes_max: usize,
    /// Names whom a question to a view without an entity is about, for what its component prints.
    pub asked: Option<&'a (dyn Fn(u32) -> String + Sync)>,
}

/// Where the time of replays went, of all threads together.
#[derive(Debug, Default)]
pub struct ReplayTimes {
    group_ns: AtomicU64,
    evaluate_ns: AtomicU64,
}

impl ReplayTimes {
    /// Seconds that gathering and ordering events took, and seconds that calls took.
    pub fn seconds(&self) -> (f64, f64) {
        let seconds = |ns: &AtomicU64| ns.load(Ordering::Relaxed) as f64 / 1e9;
        (seconds(&self.group_ns), seconds(&self.evaluate_ns))
    }

    pub(super) fn add_group(&self, stopwatch: &Stopwatch) {
        self.group_ns.fetch_add(stopwatch.nanoseconds(), Ordering::Relaxed);
    }

    pub(super) fn add_evaluate(&self, stopwatch: &Stopwatch) {
        self.evaluate_ns.fetch_add(stopwatch.nanoseconds(), Ordering::Relaxed);
    }
}

/// What happens where a transform gives no answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnError {
    /// The replay stops with the error.
    #[default]
    Stop,
    /// An event is left out, a question is answered with nulls, and the failure is told.
    Null,
}
