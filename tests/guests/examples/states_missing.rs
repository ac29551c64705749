//! Gives no states where they are wanted.

use guests::{Guest, Rows, States};

struct Spoiled;

impl Guest for Spoiled {
    fn states(_: &Rows) -> Option<States> {
        None
    }
}

guests::export!(Spoiled);
