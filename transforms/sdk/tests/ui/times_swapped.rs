//! The time of an event is not the time of a question.
use onepath_sdk::prelude::*;

#[derive(Event)]
struct Event {
    amount: f64,
}

#[derive(State, Default)]
struct Spending {
    payments: Window<f64, Days<30>>,
}

#[derive(Features)]
struct Features {
    total: f64,
}

#[transform]
impl Spending {
    fn update(&mut self, event: &Event, at: AsOf) {
        self.payments.push(at, event.amount);
    }

    fn read(&self, as_of: EventTime) -> Features {
        Features { total: self.payments.closed::<Days<30>>(as_of).sum() }
    }
}

fn main() {}
