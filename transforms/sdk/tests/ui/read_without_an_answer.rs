//! `read` gives the features.
use onepath_sdk::prelude::*;

#[derive(State, Default)]
struct Spending;

#[transform]
impl Spending {
    fn read(&self) {}
}

fn main() {}
