//! Gives a null mask that is too short.

use guests::{Column, Description, Guest, Rows, ValueType, Values, description, every, nullable};

struct Spoiled;

impl Guest for Spoiled {
    fn describe() -> Description {
        description(vec![nullable("value", ValueType::Int64)])
    }

    fn features(input: &Rows) -> Vec<Column> {
        vec![Column { values: Values::Int64s(every(input, 0)), nulls: Some(vec![1]) }]
    }
}

guests::export!(Spoiled);
