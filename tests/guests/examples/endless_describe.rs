//! Never finishes describing itself.

use guests::{Description, Guest};

struct Spoiled;

impl Guest for Spoiled {
    fn describe() -> Description {
        loop {
            std::hint::spin_loop();
        }
    }
}

guests::export!(Spoiled);
