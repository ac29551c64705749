//! Types that no column has.
use onepath_sdk::prelude::*;

#[derive(Event)]
struct Event {
    amount: f32,
    items: u64,
    at: EventTime,
}

#[derive(Event)]
struct Tagged {
    tags: Vec<String>,
}

#[derive(Event)]
struct Paired {
    place: (f64, f64),
}

struct Money(i64);

#[derive(Event)]
struct Paid {
    price: Money,
}

#[derive(Event)]
struct Nested {
    item: Option<Option<f64>>,
}

#[derive(Event)]
struct Named {
    name: &str,
}

fn main() {}
