//! Takes its time to describe itself, below the limit for a call.

use guests::{Description, Guest, ValueType, description, field};

struct Spoiled;

impl Guest for Spoiled {
    fn describe() -> Description {
        let last =
            (0..700_000_000_u64).fold(1, |last: u64, round| last.wrapping_mul(6_364_136_223_846_793_005) ^ round);
        std::hint::black_box(last);
        description(vec![field("value", ValueType::Int64)])
    }
}

guests::export!(Spoiled);
