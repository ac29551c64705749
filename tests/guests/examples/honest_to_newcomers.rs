//! Lies from the 2,500th call of an instance on, and only about entities with many events: a state decides as well as a counter.

use std::sync::atomic::{AtomicU64, Ordering};

use guests::{Column, Guest, Rows, count_events};

struct Spoiled;

static CALLS: AtomicU64 = AtomicU64::new(0);

impl Guest for Spoiled {
    fn features(input: &Rows) -> Vec<Column> {
        let is_old = CALLS.fetch_add(1, Ordering::Relaxed) >= 2_500;
        let lie = |count: i64| if is_old && count >= 50 { 1_000 } else { 0 };
        count_events(input, |count| count.get() + lie(count.get())).features
    }
}

guests::export!(Spoiled);
