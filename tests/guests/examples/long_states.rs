//! Answers differently on a state of more than five thousand events that was given.

use guests::{Failure, Guest, Output, Rows, count_events};

struct Spoiled;

impl Guest for Spoiled {
    fn process(input: Rows) -> Result<Output, Failure> {
        let lies = (0..input.states.ends.len()).any(|group| guests::count(guests::state(&input, group)) > 5_000);
        Ok(count_events(&input, |count| count.get() + if lies { 1_000_000 } else { 0 }))
    }
}

guests::export!(Spoiled);
