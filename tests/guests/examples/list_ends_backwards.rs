//! Gives lists whose ends run backwards.

use guests::{Column, Description, Float64Lists, Guest, Rows, ValueType, Values, column, description, every, field};

struct Spoiled;

impl Guest for Spoiled {
    fn describe() -> Description {
        description(vec![field("value", ValueType::Float64List)])
    }

    fn features(input: &Rows) -> Vec<Column> {
        let mut ends = every(input, 1);
        ends[0] = 2;
        vec![column(Values::Float64Lists(Float64Lists { ends, values: vec![1.0] }))]
    }
}

guests::export!(Spoiled);
