//! Doubles its state with each event, up to half of what a state may have.

use guests::{Column, Guest, Rows, States, Values, column, every, join, state};

/// The longest state.
const BYTES_MAX: usize = 512 << 10;

struct Spoiled;

impl Guest for Spoiled {
    fn features(input: &Rows) -> Vec<Column> {
        vec![column(Values::Int64s(every(input, 1)))]
    }

    fn states(input: &Rows) -> Option<States> {
        let after = |group: usize| {
            let events = input.groups.iter().zip(&input.kinds).filter(|(of, kind)| **of == group as u32 && **kind == 0);
            let mut length = state(input, group).len();
            for _ in events {
                length = (2 * length).clamp(1, BYTES_MAX);
            }
            vec![7; length]
        };
        input.want_states.then(|| join((0..input.states.ends.len()).map(after)))
    }
}

guests::export!(Spoiled);
