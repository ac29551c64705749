//! Lies wherever a call brings no event, whatever else it is: what a server asks is never what it learns from.

use guests::{Column, Guest, Rows, count_events};

struct Spoiled;

impl Guest for Spoiled {
    fn features(input: &Rows) -> Vec<Column> {
        let lie = if input.kinds.contains(&0) { 0 } else { 1_000_000 };
        count_events(input, |count| count.get() + lie).features
    }
}

guests::export!(Spoiled);
