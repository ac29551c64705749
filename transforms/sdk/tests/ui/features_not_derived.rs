//! `read` gives a struct that derives nothing.
use onepath_sdk::prelude::*;

#[derive(State, Default)]
struct Spending {
    total: f64,
}

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
