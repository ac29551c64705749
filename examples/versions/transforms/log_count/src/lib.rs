//! The second version: the logarithm of how often a customer bought in the last 30 days, so that a hundred purchases more do not
//! outweigh the first ten.
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
    /// ln(1 + purchases in the last 30 days).
    purchases_30d: f64,
}

#[transform]
impl Purchases {
    fn update(&mut self, event: &Purchase, at: EventTime) {
        if !event.refunded {
            self.purchases.push(at, ());
        }
    }

    fn read(&self, as_of: AsOf) -> Features {
        let count = self.purchases.half_open::<Days<30>>(as_of).count();
        Features { purchases_30d: numeric::log1p(count as f64) }
    }
}

#[test]
fn it_is_the_logarithm_of_the_count() {
    use onepath_sdk::testing::{Harness, as_of};

    let mut customer = Harness::<Purchases>::new();
    assert_eq!(customer.question(as_of(0)), Features { purchases_30d: 0.0 });
    for _ in 0..9 {
        customer.event(EventTime(0), Purchase { refunded: false });
    }
    assert_eq!(customer.question(as_of(1)), Features { purchases_30d: std::f64::consts::LN_10 });
}
