//! Counts events with and without an amount, and keeps the sum and the last of them.

use onepath_sdk::prelude::*;

#[derive(Event)]
struct Event {
    amount: Option<f64>,
}

#[derive(State, Default)]
struct Tally {
    events: i64,
    nulls: i64,
    total: f64,
    last: Option<f64>,
}

#[derive(Features)]
struct Features {
    /// All events.
    events: i64,
    /// Those without an amount.
    nulls: i64,
    /// The sum of the amounts.
    total: f64,
    /// The amount of the newest event.
    last: Option<f64>,
}

#[transform]
impl Tally {
    fn update(&mut self, event: &Event) {
        self.events += 1;
        match event.amount {
            Some(amount) => self.total += amount,
            None => self.nulls += 1,
        }
        self.last = event.amount;
    }

    fn read(&self) -> Features {
        Features { events: self.events, nulls: self.nulls, total: self.total, last: self.last }
    }
}
