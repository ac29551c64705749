//! Fills nearly all the memory that an instance may have, keeps it, and is right.

use std::cell::RefCell;

use guests::{Column, Guest, Rows, count_events};

/// What is filled: below the default limit of 256 MiB.
const BYTES: usize = 230 << 20;

thread_local! {
    static KEPT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

struct Spoiled;

impl Guest for Spoiled {
    fn features(input: &Rows) -> Vec<Column> {
        KEPT.with_borrow_mut(|kept| std::hint::black_box(kept).resize(BYTES, 7));
        count_events(input, |count| count.get()).features
    }
}

guests::export!(Spoiled);
