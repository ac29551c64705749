//! Gives NaNs with payloads and signs, in numbers and in lists.

use guests::{
    Column, Description, Float64Lists, Guest, Rows, ValueType, Values, column, description, field, questions,
};

struct Spoiled;

impl Guest for Spoiled {
    fn describe() -> Description {
        description(vec![field("value", ValueType::Float64), field("values", ValueType::Float64List)])
    }

    fn features(input: &Rows) -> Vec<Column> {
        let odd = [0x7ff8_0000_dead_beef, 0xfff8_0000_0000_0001, 0x7ff0_0000_0000_0001, 0xffff_ffff_ffff_ffff];
        let values: Vec<f64> = odd.iter().cycle().take(questions(input)).map(|bits| f64::from_bits(*bits)).collect();
        let ends = (1..=values.len() as u32).collect();
        vec![column(Values::Float64s(values.clone())), column(Values::Float64Lists(Float64Lists { ends, values }))]
    }
}

guests::export!(Spoiled);
