//! Lies to one question, as a server asks it, and loops where a small call has events and questions, as a repeat that joins calls
//! does: the host has nothing to compare then.

use guests::{Column, Guest, Rows, count_events};

struct Spoiled;

impl Guest for Spoiled {
    fn features(input: &Rows) -> Vec<Column> {
        let is_joined = input.kinds.contains(&0) && input.kinds.contains(&1);
        while is_joined && (7..400).contains(&input.kinds.len()) {
            std::hint::spin_loop();
        }
        let lie = if input.kinds.len() == 1 { 1_000 } else { 0 };
        count_events(input, |count| count.get() + lie).features
    }
}

guests::export!(Spoiled);
