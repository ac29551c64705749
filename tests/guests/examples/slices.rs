//! Answers differently in a larger call that begins with states and wants them back, as a slice of a replay.

use guests::{Failure, Guest, Output, Rows, count_events};

struct Spoiled;

impl Guest for Spoiled {
    fn process(input: Rows) -> Result<Output, Failure> {
        let lies = input.states.ends.len() > 5 && !input.states.bytes.is_empty() && input.want_states;
        Ok(count_events(&input, |count| count.get() + if lies { 1_000_000 } else { 0 }))
    }
}

guests::export!(Spoiled);
