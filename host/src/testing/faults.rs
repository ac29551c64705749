//! Faults by a seed: which calls are slow and which fail.

use std::error::Error;
use std::sync::atomic::{AtomicU64, Ordering};

use super::mixed;

/// Which calls of a twin fail or are slow, by a seed. The same seed and the same calls give the same faults.
pub struct Faults {
    state: AtomicU64,
    /// One of so many calls fails; 0 for none.
    fail_every: u64,
    /// One of so many calls is slow; 0 for none.
    delay_every: u64,
    /// What a slow call does before it goes on.
    delay: Box<dyn Fn() + Send + Sync>,
}

impl Faults {
    /// No faults; chance is by the seed.
    pub fn none(seed: u64) -> Self {
        Self { state: AtomicU64::new(mixed(seed)), fail_every: 0, delay_every: 0, delay: Box::new(|| {}) }
    }

    /// The same, and one of so many calls fails.
    pub fn failing(self, fail_every: u64) -> Self {
        Self { fail_every, ..self }
    }

    /// The same, and one of so many calls does this before it goes on.
    pub fn delaying(self, delay_every: u64, delay: impl Fn() + Send + Sync + 'static) -> Self {
        Self { delay_every, delay: Box::new(delay), ..self }
    }

    /// The next number of the seed, below `limit`.
    pub(super) fn below(&self, limit: usize) -> usize {
        let state = self.state.fetch_add(1, Ordering::Relaxed);
        (mixed(state) % limit.max(1) as u64) as usize
    }

    /// The fault of a call: whether it may be tried again, and why it failed.
    pub(super) fn step(&self) -> Result<(), (bool, Box<dyn Error + Send + Sync>)> {
        if self.delay_every > 0 && self.below(self.delay_every as usize) == 0 {
            (self.delay)();
        }
        match self.fail_every > 0 && self.below(self.fail_every as usize) == 0 {
            true => Err((self.below(2) == 0, "the twin was told to fail".into())),
            false => Ok(()),
        }
    }
}
