//! Keeps a state of two megabytes for each entity.

use guests::{Guest, Rows, States, join};

struct Spoiled;

impl Guest for Spoiled {
    fn states(input: &Rows) -> Option<States> {
        input.want_states.then(|| join(input.states.ends.iter().map(|_| vec![7; 2 << 20])))
    }
}

guests::export!(Spoiled);
