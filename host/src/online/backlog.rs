//! What waits for the writer, and what it could not do.

use std::sync::atomic::AtomicUsize;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::error::chain;

/// What waits for the writer, shared with those who push.
#[derive(Default)]
pub(super) struct Backlog {
    pub(super) bytes: AtomicUsize,
    /// Per work that no push is told of, its failure, until it succeeds.
    failures: Mutex<[Option<String>; 2]>,
}

/// Work of the writer that no push is told of.
#[derive(Clone, Copy)]
pub(super) enum Unasked {
    Reservation,
    States,
}

impl Backlog {
    /// A failure that no push was told of, and that nothing has made good since.
    pub(super) fn failure(&self) -> Option<String> {
        self.failures().iter().flatten().next().cloned()
    }

    pub(super) fn note<T, E: std::error::Error + 'static>(&self, work: Unasked, result: Result<T, E>) -> Option<T> {
        let (failure, value) = match result {
            Ok(value) => (None, Some(value)),
            Err(error) => (Some(chain(&error)), None),
        };
        self.failures()[work as usize] = failure;
        value
    }

    fn failures(&self) -> MutexGuard<'_, [Option<String>; 2]> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
