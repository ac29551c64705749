//! The type with the methods is no state.
use onepath_sdk::prelude::*;

#[derive(Default)]
struct Spending {
    total: f64,
}

#[derive(Features)]
struct Features {
    total: f64,
}

#[transform]
impl Spending {
    fn read(&self) -> Features {
        Features { total: self.total }
    }
}

fn main() {}
