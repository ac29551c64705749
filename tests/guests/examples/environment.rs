//! Gives the number of environment variables and arguments.

use guests::{Column, Guest, Rows, Values, column, every};

struct Spoiled;

impl Guest for Spoiled {
    fn features(input: &Rows) -> Vec<Column> {
        let known = std::env::vars().count() + std::env::args().count();
        vec![column(Values::Int64s(every(input, known as i64)))]
    }
}

guests::export!(Spoiled);
