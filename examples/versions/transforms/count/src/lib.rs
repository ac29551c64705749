//! The first version: how often a customer bought in the last 30 days.
use onepath_sdk::prelude::*;

#[derive(Event)]
struct Purchase {
    /// What was paid back is no purchase.
    refunded: bool,
}

#[derive(State, Default)]
struct Purchases {
    purchases: Window<(), Days<30>>,
}

#[derive(Features, Debug, PartialEq)]
struct Features {
    /// Purchases in the last 30 days.
    purchases_30d: i64,
}

#[transform]
impl Purchases {
    fn update(&mut self, event: &Purchase, at: EventTime) {
        if !event.refunded {
            self.purchases.push(at, ());
        }
    }

    fn read(&self, as_of: AsOf) -> Features {
        Features { purchases_30d: self.purchases.half_open::<Days<30>>(as_of).count() }
    }
}

#[test]
fn a_purchase_counts_for_30_days() {
    use onepath_sdk::testing::{Harness, as_of};

    let mut customer = Harness::<Purchases>::new();
    customer.event(EventTime(0), Purchase { refunded: false }).event(EventTime(0), Purchase { refunded: true });
    assert_eq!(customer.question(as_of(days(30).micros() - 1)), Features { purchases_30d: 1 });
    assert_eq!(customer.question(as_of(days(30).micros())), Features { purchases_30d: 0 });
}
