//! Panics at one question of a batch, which the host must find.

use guests::{Failure, Guest, Output, Rows, count_events};

struct Spoiled;

impl Guest for Spoiled {
    fn process(input: Rows) -> Result<Output, Failure> {
        let output = count_events(&input, |count| {
            assert!(count.get() != 2, "two events are one too many");
            count.get()
        });
        Ok(output)
    }
}

guests::export!(Spoiled);
