//! Echo: gives what it was given of two other views, and prints it.

use onepath_sdk::prelude::*;

#[derive(Inputs)]
struct Inputs {
    one: i64,
    other: i64,
}

#[derive(State, Default)]
struct Echo;

#[derive(Features)]
struct Features {
    both: i64,
}

#[transform]
impl Echo {
    fn read(&self, inputs: &Inputs) -> Features {
        println!("{} and {}", inputs.one, inputs.other);
        Features { both: inputs.one.wrapping_add(inputs.other) }
    }
}
