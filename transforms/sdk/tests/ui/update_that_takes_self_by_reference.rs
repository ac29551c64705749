//! `update` changes the state.
use onepath_sdk::prelude::*;

#[derive(Event)]
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
    fn update(&self, _event: &Event) {}

    fn read(&self) -> Features {
        Features { total: self.total }
    }
}

fn main() {}
