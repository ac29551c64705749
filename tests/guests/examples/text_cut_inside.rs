//! Gives texts that end inside a character.

use guests::{Column, Description, Guest, Rows, Texts, ValueType, Values, column, description, every, field};

struct Spoiled;

impl Guest for Spoiled {
    fn describe() -> Description {
        description(vec![field("value", ValueType::Text)])
    }

    fn features(input: &Rows) -> Vec<Column> {
        let mut ends = every(input, 2);
        ends[0] = 1;
        vec![column(Values::Texts(Texts { ends, bytes: "é".as_bytes().to_vec() }))]
    }
}

guests::export!(Spoiled);
