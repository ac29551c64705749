//! Hides a number under a null: the host puts 0 there.

use guests::{Column, Description, Guest, Rows, ValueType, Values, description, every, nullable};

struct Spoiled;

impl Guest for Spoiled {
    fn describe() -> Description {
        description(vec![nullable("value", ValueType::Int64)])
    }

    fn features(input: &Rows) -> Vec<Column> {
        vec![Column { values: Values::Int64s(every(input, 42)), nulls: Some(every(input, 1)) }]
    }
}

guests::export!(Spoiled);
