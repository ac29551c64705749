//! Counts twice in the call that a server makes for one pushed event, once the entity has a state.

use guests::{Guest, Rows, States, count, count_events, join, state};

struct Spoiled;

impl Guest for Spoiled {
    fn states(input: &Rows) -> Option<States> {
        let whole = count_events(input, |count| count.get()).states?;
        let is_push = input.kinds == [0] && count(state(input, 0)) > 100;
        if is_push {
            Some(join([(count(state(input, 0)) + 2).to_le_bytes().to_vec()].into_iter()))
        } else {
            Some(whole)
        }
    }
}

guests::export!(Spoiled);
