//! A transform that answers nothing.
use onepath_sdk::prelude::*;

#[derive(Event)]
struct Event {
    amount: f64,
}

#[derive(State, Default)]
struct Spending {
    total: f64,
}

#[transform]
impl Spending {
    fn update(&mut self, event: &Event) {
        self.total += event.amount;
    }
}

fn main() {}
