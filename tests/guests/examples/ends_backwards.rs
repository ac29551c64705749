//! Gives texts whose ends run backwards.

use guests::{Column, Description, Guest, Rows, Texts, ValueType, Values, column, description, every, field};

struct Spoiled;

impl Guest for Spoiled {
    fn describe() -> Description {
        description(vec![field("value", ValueType::Text)])
    }

    fn features(input: &Rows) -> Vec<Column> {
        let mut ends = every(input, 4);
        ends[0] = 9;
        vec![column(Values::Texts(Texts { ends, bytes: b"four".to_vec() }))]
    }
}

guests::export!(Spoiled);
