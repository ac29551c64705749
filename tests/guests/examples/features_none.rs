//! Describes no feature.

use guests::{Description, Guest, description};

struct Spoiled;

impl Guest for Spoiled {
    fn describe() -> Description {
        description(Vec::new())
    }
}

guests::export!(Spoiled);
