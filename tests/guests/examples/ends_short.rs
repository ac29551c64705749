//! Gives texts that end before their bytes do.

use guests::{Column, Description, Guest, Rows, Texts, ValueType, Values, column, description, every, field};

struct Spoiled;

impl Guest for Spoiled {
    fn describe() -> Description {
        description(vec![field("value", ValueType::Text)])
    }

    fn features(input: &Rows) -> Vec<Column> {
        vec![column(Values::Texts(Texts { ends: every(input, 2), bytes: b"four".to_vec() }))]
    }
}

guests::export!(Spoiled);
