//! Has a thousand features, and gives them all.

use guests::{Column, Description, Guest, Rows, ValueType, Values, column, description, every, field};

/// How many.
const FEATURES: usize = 1_000;

struct Spoiled;

impl Guest for Spoiled {
    fn describe() -> Description {
        description((0..FEATURES).map(|at| field(&format!("value_{at}"), ValueType::Int64)).collect())
    }

    fn features(input: &Rows) -> Vec<Column> {
        (0..FEATURES).map(|at| column(Values::Int64s(every(input, at as i64)))).collect()
    }
}

guests::export!(Spoiled);
