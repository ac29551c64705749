//! Counts the questions too: a question changes the state through a `Cell`.

use guests::{Failure, Guest, Output, Rows, count_events};

struct Spoiled;

impl Guest for Spoiled {
    fn process(input: Rows) -> Result<Output, Failure> {
        Ok(count_events(&input, |count| count.replace(count.get() + 1)))
    }
}

guests::export!(Spoiled);
