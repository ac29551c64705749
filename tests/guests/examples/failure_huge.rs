//! Refuses its input with a message of eight megabytes.

use guests::{Failure, Guest, Output, Rows};

struct Spoiled;

impl Guest for Spoiled {
    fn process(_: Rows) -> Result<Output, Failure> {
        Err(Failure { row: Some(1), message: "no! ".repeat(2 << 20) })
    }
}

guests::export!(Spoiled);
