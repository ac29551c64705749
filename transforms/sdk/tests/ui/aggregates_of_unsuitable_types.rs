//! Aggregates that do not fit: a number where an aggregate belongs, keys that have no order, a value of another type.
use onepath_sdk::prelude::*;

#[derive(State, Default)]
struct Visits {
    visits: Sessions<f64, Gap<Minutes<30>>, Days<7>>,
}

#[derive(State, Default)]
struct Prices {
    different: Distinct<f64>,
}

#[derive(Event)]
struct Purchase {
    items: i64,
}

#[derive(State, Default)]
struct Spending {
    total: Sum,
}

#[derive(Features)]
struct Features {
    total: f64,
}

#[transform]
impl Spending {
    fn update(&mut self, event: &Purchase, at: EventTime) {
        self.total.push(at, event.items);
    }

    fn read(&self) -> Features {
        Features { total: self.total.sum() }
    }
}

fn main() {}
