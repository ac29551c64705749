//! Answers differently in calls of 4,096 rows and more.

use guests::{Failure, Guest, Output, Rows, count_events};

struct Spoiled;

impl Guest for Spoiled {
    fn process(input: Rows) -> Result<Output, Failure> {
        let lies = input.kinds.len() >= 4_096;
        Ok(count_events(&input, |count| count.get() + if lies { 1_000_000 } else { 0 }))
    }
}

guests::export!(Spoiled);
