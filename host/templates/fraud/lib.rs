//! Spending: what a card paid lately, and how unusual a payment is for it.
//!
//! A transform has a state (what it remembers of one card), applies events, and answers questions.
//! It is a pure function: there is no clock, no file and no network, and `at` and `as_of` are the
//! only times there are.
use onepath_sdk::prelude::*;

/// The columns that are read of each event. The entity's key and the event time come by themselves.
#[derive(Event)]
struct Payment {
    /// What was paid.
    amount: f64,
}

/// What each question brings with it: a column of the spine, or a field of the request.
#[derive(Request)]
struct Asked {
    /// The amount that is asked for and not paid yet.
    amount: f64,
}

/// What is remembered of one card between events. A window keeps what is no older than its length.
#[derive(State, Default)]
struct Spending {
    payments: Window<f64, Hours<24>>,
}

/// What a question is answered with. `Option` is for a feature that may be null; the comments are
/// its documentation.
#[derive(Features, Debug, PartialEq)]
struct Features {
    /// Payments in the last 10 minutes.
    payment_count_10m: i64,
    /// The sum of the payments in the last 10 minutes.
    payment_sum_10m: f64,
    /// Payments in the last 24 hours.
    payment_count_24h: i64,
    /// The sum of the payments in the last 24 hours.
    payment_sum_24h: f64,
    /// The amount asked for against the mean payment of the last 24 hours. Null where that is 0, or
    /// there was none.
    amount_ratio_24h: Option<f64>,
}

#[transform]
impl Spending {
    /// Applies one event. Late ones come too: `at` may be earlier than that of the event before.
    fn update(&mut self, event: &Payment, at: EventTime) {
        self.payments.push(at, event.amount);
    }

    /// Answers as of a moment. `half_open` leaves out what is exactly 10 minutes old, and `closed`
    /// would count it.
    fn read(&self, request: &Asked, as_of: AsOf) -> Features {
        let last_10m = self.payments.half_open::<Minutes<10>>(as_of);
        let last_24h = self.payments.half_open::<Hours<24>>(as_of);
        let mean = last_24h.mean();
        Features {
            payment_count_10m: last_10m.count(),
            payment_sum_10m: last_10m.sum(),
            payment_count_24h: last_24h.count(),
            payment_sum_24h: last_24h.sum(),
            amount_ratio_24h: mean.and_then(|mean| numeric::ratio(request.amount, mean)),
        }
    }
}

#[cfg(test)]
mod tests {
    use onepath_sdk::testing::{Harness, as_of, at};

    use super::*;

    #[test]
    fn payments_leave_their_windows_to_the_microsecond() {
        let mut card = Harness::<Spending>::new();
        card.event(at("2024-03-01T09:00:00Z"), Payment { amount: 20.0 });
        card.event(at("2024-03-01T09:05:00Z"), Payment { amount: 30.0 });
        let asked = |moment| card.question_with(as_of(moment), Asked { amount: 100.0 }, ());
        let before = asked("2024-03-01T09:09:59.999999Z");
        let after = asked("2024-03-01T09:10:00Z");
        assert_eq!((before.payment_count_10m, after.payment_count_10m), (2, 1));
        assert_eq!((after.payment_sum_10m, after.payment_sum_24h), (30.0, 50.0));
        assert_eq!(after.amount_ratio_24h, Some(4.0));
    }

    #[test]
    fn a_card_without_payments_has_features_too() {
        let card = Harness::<Spending>::new();
        let nothing = card.question_with(as_of("2024-03-01"), Asked { amount: 100.0 }, ());
        assert_eq!(
            (
                nothing.payment_count_24h,
                nothing.payment_sum_24h,
                nothing.amount_ratio_24h
            ),
            (0, 0.0, None)
        );
    }
}
