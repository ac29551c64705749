//! Gives the number of rows in the call.

use guests::{Column, Guest, Rows, Values, column, every};

struct Spoiled;

impl Guest for Spoiled {
    fn features(input: &Rows) -> Vec<Column> {
        vec![column(Values::Int64s(every(input, input.kinds.len() as i64)))]
    }
}

guests::export!(Spoiled);
