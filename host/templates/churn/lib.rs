//! Churn: what a customer bought and returned lately.
//!
//! A transform has a state (what it remembers of one customer), applies events, and answers
//! questions. It is a pure function: there is no clock, no file and no network, and `at` and
//! `as_of` are the only times there are.
use onepath_sdk::prelude::*;

/// The columns that are read of each event. The entity's key and the event time come by themselves.
#[derive(Event)]
struct Event<'a> {
    /// What happened: `purchase` or `return`. Others are ignored.
    event_type: &'a str,
    /// The value of the purchase.
    amount: f64,
}

/// What is remembered of one customer between events. A window keeps what is no older than its
/// length.
#[derive(State, Default)]
struct Activity {
    purchases: Window<f64, Days<180>>,
    returns: Window<(), Days<180>>,
    last_purchase: Option<EventTime>,
}

/// What a question is answered with. `Option` is for a feature that may be null; the comments are
/// its documentation.
#[derive(Features, Debug, PartialEq)]
struct Features {
    /// Purchases in the last 30 days.
    purchase_count_30d: i64,
    /// Mean amount of the purchases in the last 90 days. Null where there was none.
    avg_purchase_value_90d: Option<f64>,
    /// Whole days since the newest purchase ever. Null where there was none.
    days_since_last_purchase: Option<i64>,
    /// Returns as a share of purchases and returns in the last 180 days. 0 where there were
    /// neither.
    return_rate_180d: f64,
}

#[transform]
impl Activity {
    /// Applies one event. Late ones come too: `at` may be earlier than that of the event before.
    fn update(&mut self, event: &Event, at: EventTime) {
        match event.event_type {
            "purchase" => {
                self.purchases.push(at, event.amount);
                self.last_purchase = self.last_purchase.max(Some(at));
            }
            "return" => self.returns.push(at, ()),
            _ => {}
        }
    }

    /// Answers as of a moment. Features are evaluated when they are asked for, so a count falls
    /// without any new event.
    fn read(&self, as_of: AsOf) -> Features {
        let purchases = self.purchases.closed::<Days<180>>(as_of).count();
        let returns = self.returns.closed::<Days<180>>(as_of).count();
        Features {
            purchase_count_30d: self.purchases.closed::<Days<30>>(as_of).count(),
            avg_purchase_value_90d: self.purchases.closed::<Days<90>>(as_of).mean(),
            days_since_last_purchase: self.last_purchase.map(|at| as_of.since(at).whole_days()),
            return_rate_180d: returns as f64 / (purchases + returns).max(1) as f64,
        }
    }
}

#[cfg(test)]
mod tests {
    use onepath_sdk::testing::{Harness, as_of, at};

    use super::*;

    #[test]
    fn a_purchase_counts_for_30_days() {
        let mut customer = Harness::<Activity>::new();
        customer.event(
            at("2024-03-01T12:00:00Z"),
            Event {
                event_type: "purchase",
                amount: 12.5,
            },
        );
        let asked = |moment| customer.question(as_of(moment));
        assert_eq!(asked("2024-03-31T12:00:00Z").purchase_count_30d, 1);
        assert_eq!(asked("2024-04-01T12:00:00Z").purchase_count_30d, 0);
        assert_eq!(asked("2024-04-01").avg_purchase_value_90d, Some(12.5));
        assert_eq!(asked("2025-03-02").days_since_last_purchase, Some(365));
    }

    #[test]
    fn a_customer_without_events_has_features_too() {
        let nothing = Features {
            purchase_count_30d: 0,
            avg_purchase_value_90d: None,
            days_since_last_purchase: None,
            return_rate_180d: 0.0,
        };
        let customer = Harness::<Activity>::new();
        assert_eq!(customer.question(as_of("2024-03-01")), nothing);
    }
}
