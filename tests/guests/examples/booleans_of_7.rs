//! Gives 7 for true.

use guests::{Column, Description, Guest, Rows, ValueType, Values, column, description, every, field};

struct Spoiled;

impl Guest for Spoiled {
    fn describe() -> Description {
        description(vec![field("value", ValueType::Boolean)])
    }

    fn features(input: &Rows) -> Vec<Column> {
        vec![column(Values::Booleans(every(input, 7)))]
    }
}

guests::export!(Spoiled);
