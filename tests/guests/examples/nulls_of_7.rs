//! Marks nulls with 7.

use guests::{Column, Description, Guest, Rows, ValueType, Values, description, every, nullable};

struct Spoiled;

impl Guest for Spoiled {
    fn describe() -> Description {
        description(vec![nullable("value", ValueType::Int64)])
    }

    fn features(input: &Rows) -> Vec<Column> {
        vec![Column { values: Values::Int64s(every(input, 0)), nulls: Some(every(input, 7)) }]
    }
}

guests::export!(Spoiled);
