//! Describes fifty thousand features.

use guests::{Description, Field, Guest, ValueType, description, field};

struct Spoiled;

impl Guest for Spoiled {
    fn describe() -> Description {
        description(
            (0..50_000)
                .map(|at| Field { documentation: String::new(), ..field(&format!("f{at}"), ValueType::Int64) })
                .collect(),
        )
    }
}

guests::export!(Spoiled);
