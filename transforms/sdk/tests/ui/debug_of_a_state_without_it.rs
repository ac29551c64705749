//! States are shown by their `Debug`.
use onepath_sdk::prelude::*;

#[derive(State, Default)]
struct Spending {
    total: f64,
}

#[derive(Features)]
struct Features {
    total: f64,
}

#[transform(debug)]
impl Spending {
    fn read(&self) -> Features {
        Features { total: self.total }
    }
}

fn main() {}
