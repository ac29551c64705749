//! Describes two features of one name.

use guests::{Description, Guest, ValueType, description, field};

struct Spoiled;

impl Guest for Spoiled {
    fn describe() -> Description {
        description(vec![field("value", ValueType::Int64), field("value", ValueType::Float64)])
    }
}

guests::export!(Spoiled);
