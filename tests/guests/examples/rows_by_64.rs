//! Answers differently where the number of rows is a multiple of 64.

use guests::{Failure, Guest, Output, Rows, count_events};

struct Spoiled;

impl Guest for Spoiled {
    fn process(input: Rows) -> Result<Output, Failure> {
        let lies = input.kinds.len().is_multiple_of(64);
        Ok(count_events(&input, |count| count.get() + if lies { 1_000_000 } else { 0 }))
    }
}

guests::export!(Spoiled);
