//! Gives float64 where it describes int64.

use guests::{Column, Guest, Rows, Values, column, every};

struct Spoiled;

impl Guest for Spoiled {
    fn features(input: &Rows) -> Vec<Column> {
        vec![column(Values::Float64s(every(input, 1.0)))]
    }
}

guests::export!(Spoiled);
