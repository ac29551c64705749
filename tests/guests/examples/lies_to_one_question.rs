//! Lies in the one call that serving makes most: a question of an entity that has a state, without an event, states not wanted.

use guests::{Column, Guest, Rows, count_events, state};

struct Spoiled;

impl Guest for Spoiled {
    fn features(input: &Rows) -> Vec<Column> {
        let is_get = input.kinds == [1] && !input.want_states && !state(input, 0).is_empty();
        count_events(input, |count| count.get() + if is_get { 1_000_000 } else { 0 }).features
    }
}

guests::export!(Spoiled);
