//! Faults: which calls are slow and which fail, by a seed; and a disk whose writes hang, fail or lie when a test says so.

use std::error::Error;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::mixed;

/// Why a call failed, and whether it may be tried again.
pub(super) type Fault = (bool, Box<dyn Error + Send + Sync>);

/// What becomes of writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Writes {
    /// They are made.
    #[default]
    Made,
    /// They do not return until that changes, and then what it has changed to becomes of them.
    Hang,
    /// They fail, and nothing of them is there.
    Fail,
    /// One of so many fails.
    FailOneOf(u32),
    /// They panic.
    Panic,
    /// They are made, and said to have failed.
    Lie,
    /// The writer was killed: no write of it is made any more.
    Killed,
}

/// What becomes of the writes to a disk, which a test changes while others write. A clone is the same disk.
#[derive(Clone, Default)]
pub struct Disk(Arc<(Mutex<State>, Condvar)>);

#[derive(Default)]
struct State {
    writes: Writes,
    begun: u64,
}

impl Disk {
    /// From now on this becomes of writes, and of those that hang.
    pub fn set(&self, writes: Writes) {
        self.state().writes = writes;
        self.0.1.notify_all();
    }

    /// How many writes were begun.
    pub fn begun(&self) -> u64 {
        self.state().begun
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What becomes of a write that begins, as soon as it does not hang.
    fn begin(&self) -> Writes {
        let mut state = self.state();
        state.begun += 1;
        let is_hanging = |state: &mut State| state.writes == Writes::Hang;
        self.0.1.wait_while(state, is_hanging).unwrap_or_else(PoisonError::into_inner).writes
    }
}

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

    /// Makes a write to `disk`, or what becomes of it there; after the fault of a call, if it has one.
    pub(super) fn write<T, E>(
        &self,
        disk: &Disk,
        failed: impl Fn(Fault) -> E,
        write: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        self.step().map_err(&failed)?;
        match disk.begin() {
            Writes::Made | Writes::Hang => write(),
            Writes::FailOneOf(many) if self.below(many as usize) > 0 => write(),
            Writes::Lie => write().and_then(|_| Err(failed((false, "the disk was told to lie".into())))),
            Writes::Fail | Writes::FailOneOf(_) => Err(failed((true, "the disk was told to fail".into()))),
            Writes::Panic => panic!("the disk was told to panic"),
            Writes::Killed => Err(failed((false, "the writer was killed".into()))),
        }
    }

    /// The next number of the seed, below `limit`.
    pub(super) fn below(&self, limit: usize) -> usize {
        let state = self.state.fetch_add(1, Ordering::Relaxed);
        (mixed(state) % limit.max(1) as u64) as usize
    }

    /// The fault of a call: whether it may be tried again, and why it failed.
    pub(super) fn step(&self) -> Result<(), Fault> {
        if self.delay_every > 0 && self.below(self.delay_every as usize) == 0 {
            (self.delay)();
        }
        match self.fail_every > 0 && self.below(self.fail_every as usize) == 0 {
            true => Err((self.below(2) == 0, "the twin was told to fail".into())),
            false => Ok(()),
        }
    }
}
