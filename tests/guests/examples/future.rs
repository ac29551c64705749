//! Lets a question see the events after it in the batch.

use guests::{Column, Guest, Rows, States, Values, column, count, count_events, state};

struct Spoiled;

impl Guest for Spoiled {
    fn features(input: &Rows) -> Vec<Column> {
        let states = count_events(&Rows { want_states: true, ..input.clone() }, |count| count.get()).states;
        let states = states.unwrap_or(States { ends: Vec::new(), bytes: Vec::new() });
        let after = Rows { states, ..input.clone() };
        let asked = input.groups.iter().zip(&input.kinds).filter(|(_, kind)| **kind == 1);
        vec![column(Values::Int64s(asked.map(|(group, _)| count(state(&after, *group as usize))).collect()))]
    }
}

guests::export!(Spoiled);
