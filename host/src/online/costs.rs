//! What questions of a prepared request take, by the number of their entities.
//!
//! A question has a fixed part and one per entity. Questions of about as many entities are measured together, so that batches say
//! nothing of single questions where those are known.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Classes of sizes: 1, 2 to 3, 4 to 7 ... entities.
const CLASSES: usize = 24;

/// Microseconds up to which a question may have been an odd one: a page of a file that was not in memory, a lock that was held.
const ODD_US_MAX: u64 = 50_000;

/// An odd one counts for four times what is expected, and that is at least so much.
const ODD_US_MIN: u64 = 400;

/// Microseconds per class, smoothed; 0 where nothing is known.
#[derive(Debug, Default)]
pub(super) struct Costs([AtomicU64; CLASSES]);

impl Costs {
    /// Microseconds that a question of `rows` entities will take; `None` where nothing is known. Where no question of about so many
    /// was asked, of smaller ones the time is taken per entity, which is too much, and else all that larger ones took.
    pub(super) fn expected_us(&self, rows: usize) -> Option<u64> {
        let class = class(rows);
        let known = |at: &usize| self.0[*at].load(Ordering::Relaxed) > 0;
        let nearest = (0..=class).rev().find(known).or_else(|| (class..CLASSES).find(known))?;
        let us = self.0[nearest].load(Ordering::Relaxed);
        Some(us.saturating_mul(1 << class.saturating_sub(nearest)))
    }

    pub(super) fn took(&self, rows: usize, duration: Duration) {
        let us = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX).max(1);
        let known = &self.0[class(rows)];
        // Two at once may lose one of the two: it is an estimate.
        let before = known.load(Ordering::Relaxed);
        // One that had to wait for a moment changes little; one that took really long is believed at once.
        let us = if us > ODD_US_MAX { us } else { us.min(4 * before.max(ODD_US_MIN)) };
        let smoothed = if before == 0 { us } else { (before / 4 * 3).saturating_add(us / 4).max(1) };
        known.store(smoothed, Ordering::Relaxed);
    }
}

fn class(rows: usize) -> usize {
    (rows.max(1).ilog2() as usize).min(CLASSES - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn took(costs: &Costs, rows: usize, us: u64) {
        costs.took(rows, Duration::from_micros(us));
    }

    #[test]
    fn batches_say_nothing_of_single_questions() {
        let costs = Costs::default();
        assert_eq!(costs.expected_us(1), None);
        took(&costs, 5_000, 60_000);
        assert_eq!(costs.expected_us(1), Some(60_000), "at most");
        took(&costs, 1, 20);
        (0..10).for_each(|_| took(&costs, 5_000, 1_000_000));
        assert_eq!(costs.expected_us(1), Some(20));
        assert!(costs.expected_us(5_000).is_some_and(|us| us > 500_000));
        assert_eq!(costs.expected_us(64), Some(20 * 64), "at most");
    }

    #[test]
    fn one_odd_question_changes_little_and_a_slow_one_much() {
        let costs = Costs::default();
        (0..100).for_each(|_| took(&costs, 1, 100));
        took(&costs, 1, 40_000);
        assert!(costs.expected_us(1).is_some_and(|us| us < 1_000), "{:?}", costs.expected_us(1));
        took(&costs, 1, 100_000);
        assert!(costs.expected_us(1).is_some_and(|us| us > 20_000), "{:?}", costs.expected_us(1));
        (0..30).for_each(|_| took(&costs, 1, 100));
        assert!(costs.expected_us(1).is_some_and(|us| us < 300), "{:?}", costs.expected_us(1));
        // Always a few milliseconds: slow, though none of them is much.
        (0..100).for_each(|_| took(&costs, 1, 5_000));
        assert!(costs.expected_us(1).is_some_and(|us| us > 4_000), "{:?}", costs.expected_us(1));
        let endless = Costs::default();
        took(&endless, 1, 5_000_000);
        assert!([1, 2, 16, 1_000].iter().all(|rows| endless.expected_us(*rows) >= Some(5_000_000)));
        took(&endless, 1, u64::MAX);
        assert!(endless.expected_us(1_000) > Some(2_000));
    }
}
