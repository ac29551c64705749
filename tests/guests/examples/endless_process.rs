//! Never finishes a batch.

use guests::{Failure, Guest, Output, Rows};

struct Spoiled;

impl Guest for Spoiled {
    fn process(_: Rows) -> Result<Output, Failure> {
        loop {
            std::hint::spin_loop();
        }
    }
}

guests::export!(Spoiled);
