//! Answers differently where a larger call has many times, and the last row has the newest.

use guests::{Failure, Guest, Output, Rows, count_events};

struct Spoiled;

impl Guest for Spoiled {
    fn process(input: Rows) -> Result<Output, Failure> {
        let lies = input.kinds.len() > 60
            && input.times.last() > input.times.first()
            && input.times.iter().max() == input.times.last();
        Ok(count_events(&input, |count| count.get() + if lies { 1_000_000 } else { 0 }))
    }
}

guests::export!(Spoiled);
