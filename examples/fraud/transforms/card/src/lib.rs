//! Card: what a card paid in the last 10 minutes and 24 hours, and what it usually pays.
use onepath_sdk::prelude::*;

#[derive(Event)]
struct Payment<'a> {
    /// What was paid.
    amount: f64,
    /// To whom.
    merchant: &'a str,
}

#[derive(State, Default)]
struct Card {
    payments: Window<f64, Hours<24>>,
    merchants: DistinctWindow<String, Hours<24>>,
    ever: Mean,
    newest: Last<f64>,
}

#[derive(Features)]
struct Features {
    /// Payments in the last 10 minutes.
    payment_count_10m: i64,
    /// Their sum.
    payment_sum_10m: f64,
    /// Payments in the last 24 hours.
    payment_count_24h: i64,
    /// Their sum.
    payment_sum_24h: f64,
    /// Different merchants paid in the last 24 hours.
    merchant_count_24h: i64,
    /// Mean of all payments ever. Null where there was none.
    mean_amount: Option<f64>,
    /// The newest payment against the mean of all. Null where there was none, or the mean is 0.
    newest_amount_ratio: Option<f64>,
}

#[transform]
impl Card {
    fn update(&mut self, event: &Payment, at: EventTime) {
        self.payments.push(at, event.amount);
        self.merchants.push(at, event.merchant);
        self.ever.push(at, event.amount);
        self.newest.push(at, event.amount);
    }

    fn read(&self, as_of: AsOf) -> Features {
        let last_10m = self.payments.half_open::<Minutes<10>>(as_of);
        let last_24h = self.payments.half_open::<Hours<24>>(as_of);
        let mean = self.ever.mean();
        Features {
            payment_count_10m: last_10m.count(),
            payment_sum_10m: last_10m.sum(),
            payment_count_24h: last_24h.count(),
            payment_sum_24h: last_24h.sum(),
            merchant_count_24h: self.merchants.half_open::<Hours<24>>(as_of).count(),
            mean_amount: mean,
            newest_amount_ratio: mean.zip(self.newest.value()).and_then(|(mean, newest)| numeric::ratio(*newest, mean)),
        }
    }
}

#[cfg(test)]
mod tests;
