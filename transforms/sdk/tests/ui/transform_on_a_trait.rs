//! `#[transform]` belongs on the state's own methods.
use onepath_sdk::prelude::*;

#[derive(State)]
struct Spending;

#[transform]
impl Default for Spending {
    fn default() -> Self {
        Spending
    }
}

fn main() {}
