//! A window without a length, and one of values that it cannot hold.
use onepath_sdk::prelude::*;

#[derive(State, Default)]
struct Spending {
    payments: Window<f64>,
}

#[derive(State, Default)]
struct Shops {
    visited: Window<String, Days<30>>,
}

fn main() {}
