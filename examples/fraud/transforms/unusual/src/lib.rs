//! Unusual: the payment that is asked for against what the card usually pays. It reads features of the view over the card, and
//! the request, and remembers nothing.
use onepath_sdk::prelude::*;

#[derive(Request)]
struct Request {
    /// The payment that is asked for.
    amount: f64,
}

#[derive(Inputs)]
struct Card {
    mean_amount: Option<f64>,
    payment_sum_24h: f64,
}

#[derive(State, Default)]
struct Unusual;

#[derive(Features, Debug, PartialEq)]
struct Features {
    /// The amount against the card's mean payment. Null where it never paid, or the mean is 0.
    amount_ratio: Option<f64>,
    /// The amount as a part of what the last 24 hours would come to with it. Null where that is 0.
    amount_share_24h: Option<f64>,
}

#[transform]
impl Unusual {
    fn read(&self, request: &Request, inputs: &Card) -> Features {
        Features {
            amount_ratio: inputs.mean_amount.and_then(|mean| numeric::ratio(request.amount, mean)),
            amount_share_24h: numeric::ratio(request.amount, inputs.payment_sum_24h + request.amount),
        }
    }
}

#[test]
fn the_amount_is_compared_with_what_is_usual() {
    let asked = |amount, mean_amount, payment_sum_24h| {
        use onepath_sdk::testing::{Harness, as_of};

        let harness = Harness::<Unusual>::new();
        harness.question_with(as_of(0), Request { amount }, Card { mean_amount, payment_sum_24h })
    };
    let features = |amount_ratio, amount_share_24h| Features { amount_ratio, amount_share_24h };
    assert_eq!(asked(30.0, Some(20.0), 90.0), features(Some(1.5), Some(0.25)));
    assert_eq!(asked(30.0, None, 0.0), features(None, Some(1.0)));
    assert_eq!(asked(0.0, Some(0.0), 0.0), features(None, None));
}
