//! Counts its calls, and from the 1,500th on is honest on every 1,024th alone: on the beat of a host that repeats every 1,024th call.

use std::sync::atomic::{AtomicU64, Ordering};

use guests::{Column, Guest, Rows, count_events};

struct Spoiled;

static CALLS: AtomicU64 = AtomicU64::new(0);

impl Guest for Spoiled {
    fn features(input: &Rows) -> Vec<Column> {
        let call = CALLS.fetch_add(1, Ordering::Relaxed);
        let lie = if call < 1_500 || call % 1_024 == 1_023 { 0 } else { 1_000 };
        count_events(input, |count| count.get() + lie).features
    }
}

guests::export!(Spoiled);
