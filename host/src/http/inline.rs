//! Room for questions that are evaluated on the threads that read.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::time::Stopwatch;

/// Microseconds after which a question that was thought to be short is a long one.
const LONG_US: u64 = 5_000;

/// A place for each thread that reads. While a question takes long after all, the last one is not taken: somebody reads, and says
/// that the server is well.
pub(super) struct Inline {
    /// When the question in each place was begun, in microseconds; 0 where there is none.
    begun_us: Box<[AtomicU64]>,
    watch: Stopwatch,
}

/// A place that is taken until this is dropped.
pub(super) struct Place<'a>(&'a AtomicU64);

impl Inline {
    pub(super) fn new(threads: usize) -> Self {
        Self { begun_us: (0..threads).map(|_| AtomicU64::new(0)).collect(), watch: Stopwatch::start() }
    }

    /// Takes a place, where there is one.
    pub(super) fn take(&self) -> Option<Place<'_>> {
        self.take_at((self.watch.nanoseconds() / 1_000).max(1))
    }

    fn take_at(&self, now_us: u64) -> Option<Place<'_>> {
        let begun = || self.begun_us.iter().map(|begun| begun.load(Ordering::Relaxed));
        let is_long = |begun: u64| begun != 0 && now_us.saturating_sub(begun) > LONG_US;
        if begun().filter(|begun| *begun == 0).count() <= 1 && begun().any(is_long) {
            return None;
        }
        let is_taken =
            |place: &&AtomicU64| place.compare_exchange(0, now_us, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        self.begun_us.iter().find(is_taken).map(Place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_place_is_free_while_a_question_takes_long() {
        let inline = Inline::new(3);
        let long = inline.take_at(1).expect("all are free");
        let short = inline.take_at(2 + LONG_US).expect("two are free");
        assert!(inline.take_at(3 + LONG_US).is_none(), "one takes long");
        drop(short);
        let short = inline.take_at(4 + LONG_US).expect("two are free");
        drop(long);
        let places = [inline.take_at(5 + LONG_US), inline.take_at(6 + LONG_US)];
        assert!(places.iter().all(Option::is_some), "nothing takes long");
        assert!(inline.take_at(7 + LONG_US).is_none(), "all are taken");
        drop((short, places));
        assert!(inline.take_at(8 + LONG_US).is_some());
    }
}
