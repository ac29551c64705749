//! Writes four megabytes to standard error, then panics.

use guests::{Failure, Guest, Output, Rows};

struct Spoiled;

impl Guest for Spoiled {
    fn process(_: Rows) -> Result<Output, Failure> {
        let line = "spam ".repeat(800);
        for _ in 0..1_000 {
            eprintln!("{line}");
        }
        panic!("the flood is over");
    }
}

guests::export!(Spoiled);
