//! Traps without a word.

use guests::{Failure, Guest, Output, Rows};

struct Spoiled;

impl Guest for Spoiled {
    fn process(_: Rows) -> Result<Output, Failure> {
        std::process::abort()
    }
}

guests::export!(Spoiled);
