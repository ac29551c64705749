//! Counts its calls in a static, and lets the count leak into a feature.

use std::sync::atomic::{AtomicI64, Ordering};

use guests::{Column, Guest, Rows, Values, column, every};

struct Spoiled;

static CALLS: AtomicI64 = AtomicI64::new(0);

impl Guest for Spoiled {
    fn features(input: &Rows) -> Vec<Column> {
        vec![column(Values::Int64s(every(input, CALLS.fetch_add(1, Ordering::Relaxed))))]
    }
}

guests::export!(Spoiled);
