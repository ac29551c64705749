//! An as-of is the host's: a transform does not move it into the past.
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
    total_a_week_ago: f64,
}

#[transform]
impl Spending {
    fn update(&mut self, event: &Event, at: EventTime) {
        self.payments.push(at, event.amount);
    }

    fn read(&self, as_of: AsOf) -> Features {
        let a_week_ago = AsOf(as_of.micros() - days(7).micros());
        Features { total_a_week_ago: self.payments.closed::<Days<30>>(a_week_ago).sum() }
    }
}

fn main() {}
