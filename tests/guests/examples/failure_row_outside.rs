//! Refuses its input at a row that the batch does not have.

use guests::{Failure, Guest, Output, Rows};

struct Spoiled;

impl Guest for Spoiled {
    fn process(_: Rows) -> Result<Output, Failure> {
        Err(Failure { row: Some(u32::MAX), message: "the amount is negative".to_owned() })
    }
}

guests::export!(Spoiled);
