//! `#[transform]` belongs on the methods, not on the state.
use onepath_sdk::prelude::*;

#[transform]
#[derive(State, Default)]
struct Spending {
    total: f64,
}

fn main() {}
