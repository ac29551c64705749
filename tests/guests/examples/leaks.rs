//! Leaks a megabyte with every call, and is right each time.

use guests::{Column, Guest, Rows, count_events};

struct Spoiled;

impl Guest for Spoiled {
    fn features(input: &Rows) -> Vec<Column> {
        std::hint::black_box(vec![input.kinds.len() as u8; 1 << 20].leak());
        count_events(input, |count| count.get()).features
    }
}

guests::export!(Spoiled);
