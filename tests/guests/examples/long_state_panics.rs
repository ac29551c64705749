//! Keeps every event in its state, and panics when it is given a state of more than 300,000 bytes.

use guests::{Column, Guest, Rows, States, Values, column, join, state};

struct Spoiled;

/// Bytes that an event adds to its entity's state.
const EVENT: usize = 8;

fn lengths(input: &Rows) -> (Vec<i64>, Vec<usize>) {
    let mut lengths: Vec<usize> = (0..input.states.ends.len()).map(|group| state(input, group).len()).collect();
    assert!(lengths.iter().all(|length| *length <= 300_000), "the state is too long");
    let mut values = Vec::new();
    for (group, kind) in input.groups.iter().zip(&input.kinds) {
        let length = &mut lengths[*group as usize];
        match kind {
            0 => *length += EVENT,
            _ => values.push((*length / EVENT) as i64),
        }
    }
    (values, lengths)
}

impl Guest for Spoiled {
    fn features(input: &Rows) -> Vec<Column> {
        vec![column(Values::Int64s(lengths(input).0))]
    }

    fn states(input: &Rows) -> Option<States> {
        input.want_states.then(|| join(lengths(input).1.into_iter().map(|length| vec![7; length])))
    }
}

guests::export!(Spoiled);
