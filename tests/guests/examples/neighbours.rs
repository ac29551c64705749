//! Gives the sum over all entities of the batch: one entity sees the others.

use guests::{Column, Guest, Rows, Values, column, every};

struct Spoiled;

impl Guest for Spoiled {
    fn features(input: &Rows) -> Vec<Column> {
        let total = input.kinds.iter().filter(|kind| **kind == 0).count();
        vec![column(Values::Int64s(every(input, total as i64)))]
    }
}

guests::export!(Spoiled);
