//! Each feature against its definition: windows open at their start and closed at their end, to the microsecond.

use onepath_sdk::prelude::*;
use onepath_sdk::testing::{Harness, as_of};

use super::{Card, Features, Payment};

fn card(payments: &[(Length, f64, &str)]) -> Harness<Card> {
    let mut card = Harness::new();
    for &(at, amount, merchant) in payments {
        card.event(EventTime(at.micros()), Payment { amount, merchant });
    }
    card
}

#[test]
fn a_card_without_payments() {
    let Features { payment_count_24h, payment_sum_24h, mean_amount, newest_amount_ratio, .. } =
        card(&[]).question(as_of(0));
    assert_eq!((payment_count_24h, payment_sum_24h, mean_amount, newest_amount_ratio), (0, 0.0, None, None));
}

#[test]
fn windows_leave_out_what_is_exactly_as_old() {
    let card = card(&[(minutes(0), 20.0, "a"), (minutes(1), 30.0, "b"), (minutes(1), 40.0, "b")]);
    let asked = |after: Length, micros: i64| card.question(as_of(after.micros() + micros));
    let (before, at) = (asked(minutes(10), -1), asked(minutes(10), 0));
    assert_eq!((before.payment_count_10m, before.payment_sum_10m), (3, 90.0));
    assert_eq!((at.payment_count_10m, at.payment_sum_10m), (2, 70.0));
    let (before, at) = (asked(hours(24), -1), asked(hours(24), 0));
    assert_eq!((before.payment_count_24h, before.payment_sum_24h, before.merchant_count_24h), (3, 90.0, 2));
    assert_eq!((at.payment_count_24h, at.payment_sum_24h, at.merchant_count_24h), (2, 70.0, 1));
}

#[test]
fn the_mean_has_no_window_and_the_newest_is_that_by_event_time() {
    let card = card(&[(hours(0), 10.0, "a"), (hours(90), 50.0, "a"), (hours(80), 30.0, "a")]);
    let features = card.question(as_of(hours(1_000).micros()));
    assert_eq!((features.mean_amount, features.newest_amount_ratio), (Some(30.0), Some(50.0 / 30.0)));
    assert_eq!(features.payment_count_24h, 0);
}
