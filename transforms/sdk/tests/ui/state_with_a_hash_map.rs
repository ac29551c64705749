//! A hash map has no order of its own.
use std::collections::HashMap;

use onepath_sdk::prelude::*;

#[derive(State, Default)]
struct Spending {
    by_shop: HashMap<String, f64>,
}

fn main() {}
