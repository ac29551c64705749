//! Lies where a call has a thousand rows or more, as those of a backfill have.

use guests::{Column, Guest, Rows, count_events};

struct Spoiled;

impl Guest for Spoiled {
    fn features(input: &Rows) -> Vec<Column> {
        let lie = if input.kinds.len() >= 1_000 { 1_000_000 } else { 0 };
        count_events(input, |count| count.get() + lie).features
    }
}

guests::export!(Spoiled);
