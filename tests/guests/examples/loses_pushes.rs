//! Answers rightly, and loses an event that is pushed by itself to an entity with ten events or more: only a state tells.

use guests::{Guest, Rows, States, count, count_events, state};

struct Spoiled;

impl Guest for Spoiled {
    fn states(input: &Rows) -> Option<States> {
        let mut states = count_events(input, |count| count.get()).states?;
        let before = state(input, 0);
        if input.kinds == [0] && count(before) >= 10 {
            states.bytes = before.to_vec();
        }
        Some(states)
    }
}

guests::export!(Spoiled);
