//! Answers differently where the states are wanted back.

use guests::{Column, Guest, Rows, Values, column, every};

struct Spoiled;

impl Guest for Spoiled {
    fn features(input: &Rows) -> Vec<Column> {
        vec![column(Values::Int64s(every(input, i64::from(input.want_states))))]
    }
}

guests::export!(Spoiled);
