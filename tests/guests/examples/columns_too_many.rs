//! Gives two columns where it describes one.

use guests::{Column, Guest, Rows, Values, column, every};

struct Spoiled;

impl Guest for Spoiled {
    fn features(input: &Rows) -> Vec<Column> {
        vec![column(Values::Int64s(every(input, 1))), column(Values::Int64s(every(input, 2)))]
    }
}

guests::export!(Spoiled);
