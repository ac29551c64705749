//! Scaled: a sum whose weight the project gives. The weight goes into the state, so states of two weights must not mix.
use onepath_sdk::prelude::*;

#[derive(Event)]
struct Event {
    amount: f64,
}

#[derive(Parameters)]
struct Parameters {
    /// What each amount counts.
    factor: f64,
}

#[derive(State, Default)]
struct Scaled {
    total: f64,
}

#[derive(Features)]
struct Features {
    /// The sum of the amounts, each times the factor.
    scaled_total: f64,
}

#[transform]
impl Scaled {
    fn update(&mut self, event: &Event, parameters: &Parameters, _at: EventTime) {
        self.total += event.amount * parameters.factor;
    }

    fn read(&self, _as_of: AsOf) -> Features {
        Features { scaled_total: self.total }
    }
}
