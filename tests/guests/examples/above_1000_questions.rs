//! Answers differently where more than a thousand questions come without an event.

use guests::{Failure, Guest, Output, Rows, count_events};

struct Spoiled;

impl Guest for Spoiled {
    fn process(input: Rows) -> Result<Output, Failure> {
        let lies = input.kinds.len() > 1_000 && input.kinds.iter().all(|kind| *kind == 1);
        Ok(count_events(&input, |count| count.get() + if lies { 1_000_000 } else { 0 }))
    }
}

guests::export!(Spoiled);
