//! Gives states whose ends run backwards.

use guests::{Guest, Rows, States};

struct Spoiled;

impl Guest for Spoiled {
    fn states(input: &Rows) -> Option<States> {
        let mut ends = vec![1; input.states.ends.len()];
        ends[0] = 2;
        input.want_states.then(|| States { ends, bytes: vec![1] })
    }
}

guests::export!(Spoiled);
