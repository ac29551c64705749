//! Hides a text under a null.

use guests::{Column, Description, Guest, Rows, Texts, ValueType, Values, description, every, nullable};

struct Spoiled;

impl Guest for Spoiled {
    fn describe() -> Description {
        description(vec![nullable("value", ValueType::Text)])
    }

    fn features(input: &Rows) -> Vec<Column> {
        let bytes = b"hidden".to_vec();
        vec![Column { values: Values::Texts(Texts { ends: every(input, 6), bytes }), nulls: Some(every(input, 1)) }]
    }
}

guests::export!(Spoiled);
