//! Describes a feature without a name.

use guests::{Description, Guest, ValueType, description, field};

struct Spoiled;

impl Guest for Spoiled {
    fn describe() -> Description {
        description(vec![field("", ValueType::Int64)])
    }
}

guests::export!(Spoiled);
