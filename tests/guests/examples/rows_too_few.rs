//! Answers fewer questions than it was asked.

use guests::{Column, Guest, Rows, Values, column, questions};

struct Spoiled;

impl Guest for Spoiled {
    fn features(input: &Rows) -> Vec<Column> {
        vec![column(Values::Int64s(vec![1; questions(input) - 1]))]
    }
}

guests::export!(Spoiled);
