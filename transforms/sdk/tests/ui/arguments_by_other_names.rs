//! Arguments are known by their names.
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
    fn update(&mut self, payment: &Event) {
        self.total += payment.amount;
    }

    fn read(&self, now: AsOf) -> Features {
        Features { total: self.total + now.micros() as f64 }
    }
}

fn main() {}
