//! Panics with a message, which its author must see.

use guests::{Failure, Guest, Output, Rows};

struct Spoiled;

impl Guest for Spoiled {
    fn process(input: Rows) -> Result<Output, Failure> {
        panic!("the amount of row {} is negative", input.kinds.len() - 1);
    }
}

guests::export!(Spoiled);
