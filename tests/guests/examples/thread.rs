//! Starts a thread.

use guests::{Column, Guest, Rows, Values, column, every};

struct Spoiled;

impl Guest for Spoiled {
    fn features(input: &Rows) -> Vec<Column> {
        let value = std::thread::spawn(|| 1).join();
        vec![column(Values::Int64s(every(input, value.unwrap_or(0))))]
    }
}

guests::export!(Spoiled);
