//! Lies, in the states that it gives back as well, where a call has more than five entities.

use guests::{Column, Guest, Output, Rows, States, count_events};

struct Spoiled;

fn counted(input: &Rows) -> Output {
    let lie = if input.states.ends.len() > 5 { 1_000_000 } else { 0 };
    count_events(input, |count| count.get() + lie)
}

impl Guest for Spoiled {
    fn features(input: &Rows) -> Vec<Column> {
        counted(input).features
    }

    fn states(input: &Rows) -> Option<States> {
        let mut states = counted(input).states?;
        if states.ends.len() > 5 {
            // The last byte of the first count that there is.
            states.bytes.get_mut(7).into_iter().for_each(|byte| *byte ^= 1);
        }
        Some(states)
    }
}

guests::export!(Spoiled);
