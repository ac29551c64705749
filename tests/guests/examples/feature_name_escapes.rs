//! Describes a feature whose name rewrites the terminal.

use guests::{Description, Guest, ValueType, description, field};

struct Spoiled;

impl Guest for Spoiled {
    fn describe() -> Description {
        description(vec![field("value\u{1b}[2J\u{1b}[1;1H", ValueType::Int64)])
    }
}

guests::export!(Spoiled);
