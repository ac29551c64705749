//! `update` takes a struct that derives nothing.
use onepath_sdk::prelude::*;

struct Event {
    amount: f64,
}

#[derive(State, Default)]
struct Spending {
    total: f64,
}

#[derive(Features)]
struct Features {
    total: f64,
}

#[transform]
impl Spending {
    fn update(&mut self, event: &Event) {
        self.total += event.amount;
    }

    fn read(&self) -> Features {
        Features { total: self.total }
    }
}

fn main() {}
