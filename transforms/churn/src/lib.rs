//! Churn: what a customer bought, sent back, and how long ago.
use onepath_sdk::prelude::*;

#[derive(Event)]
struct Event<'a> {
    /// What happened: `purchase`, `view` or `return`. Others are ignored.
    event_type: &'a str,
    /// The value of the purchase.
    amount: f64,
}

#[derive(State, Default)]
struct Activity {
    purchases: Window<f64, Days<180>>,
    returns: Window<(), Days<180>>,
    last_purchase: Option<EventTime>,
}

#[derive(Features)]
struct Features {
    /// Purchases in the last 30 days.
    purchase_count_30d: i64,
    /// Mean amount of the purchases in the last 90 days. Null where there was none.
    avg_purchase_value_90d: Option<f64>,
    /// Whole days since the newest purchase ever. Null where there was none.
    days_since_last_purchase: Option<i64>,
    /// Returns as a share of purchases and returns in the last 180 days. 0 where there were neither.
    return_rate_180d: f64,
}

#[transform]
impl Activity {
    fn update(&mut self, event: &Event, at: EventTime) {
        if event.event_type == "purchase" {
            self.purchases.push(at, event.amount);
            self.last_purchase = self.last_purchase.max(Some(at));
        } else if event.event_type == "return" {
            self.returns.push(at, ());
        }
    }

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
mod tests;
