//! One crate is one component is one transform.
use onepath_sdk::prelude::*;

#[derive(State, Default)]
struct Spending;

#[derive(State, Default)]
struct Visits;

#[derive(Features)]
struct Features {
    total: f64,
}

#[transform]
impl Spending {
    fn read(&self) -> Features {
        Features { total: 0.0 }
    }
}

#[transform]
impl Visits {
    fn read(&self) -> Features {
        Features { total: 0.0 }
    }
}

fn main() {}
