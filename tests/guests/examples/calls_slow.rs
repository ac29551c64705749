//! Takes its time for every call, below the limit for one, and is right.

use guests::{Column, Guest, Rows, count_events};

struct Spoiled;

impl Guest for Spoiled {
    fn features(input: &Rows) -> Vec<Column> {
        let last =
            (0..700_000_000_u64).fold(1, |last: u64, round| last.wrapping_mul(6_364_136_223_846_793_005) ^ round);
        std::hint::black_box(last);
        count_events(input, |count| count.get()).features
    }
}

guests::export!(Spoiled);
