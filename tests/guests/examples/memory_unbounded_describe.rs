//! Takes memory until there is none, before any question was asked.

use guests::{Description, Guest};

struct Spoiled;

impl Guest for Spoiled {
    fn describe() -> Description {
        let mut kept = Vec::new();
        loop {
            kept.push(std::hint::black_box(vec![1_u8; 1 << 20]));
        }
    }
}

guests::export!(Spoiled);
