//! A field of the state is a struct of the author's, which is no state.
use onepath_sdk::prelude::*;

#[derive(Default)]
struct Totals {
    count: i64,
}

#[derive(State, Default)]
struct Spending {
    totals: Totals,
}

fn main() {}
