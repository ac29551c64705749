//! Reads a file, and gives its length, or -1 where there is none.

use guests::{Column, Guest, Rows, Values, column, every};

struct Spoiled;

impl Guest for Spoiled {
    fn features(input: &Rows) -> Vec<Column> {
        let length = std::fs::read("/etc/passwd").map_or(-1, |bytes| bytes.len() as i64);
        vec![column(Values::Int64s(every(input, length)))]
    }
}

guests::export!(Spoiled);
