//! Takes memory until there is none.

use guests::{Failure, Guest, Output, Rows};

struct Spoiled;

impl Guest for Spoiled {
    fn process(input: Rows) -> Result<Output, Failure> {
        let mut kept = Vec::new();
        loop {
            kept.push(std::hint::black_box(vec![input.kinds.len() as u8 + 1; 1 << 20]));
        }
    }
}

guests::export!(Spoiled);
