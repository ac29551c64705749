//! Gives states where none are wanted.

use guests::{Guest, Rows, States, join};

struct Spoiled;

impl Guest for Spoiled {
    fn states(_: &Rows) -> Option<States> {
        Some(join(std::iter::empty()))
    }
}

guests::export!(Spoiled);
