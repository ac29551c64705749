//! Gives a null where it describes none.

use guests::{Column, Guest, Rows, Values, every};

struct Spoiled;

impl Guest for Spoiled {
    fn features(input: &Rows) -> Vec<Column> {
        vec![Column { values: Values::Int64s(every(input, 0)), nulls: Some(every(input, 1)) }]
    }
}

guests::export!(Spoiled);
