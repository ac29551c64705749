//! Gives a time where it describes int64: the same bits, another type.

use guests::{Column, Guest, Rows, Values, column, every};

struct Spoiled;

impl Guest for Spoiled {
    fn features(input: &Rows) -> Vec<Column> {
        vec![column(Values::Times(every(input, 1)))]
    }
}

guests::export!(Spoiled);
