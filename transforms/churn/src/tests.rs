//! Each feature against its definition: windows closed on both sides, to the microsecond, and what it is when there is
//! nothing.

use onepath_sdk::prelude::*;
use onepath_sdk::testing::{Harness, as_of};

use super::{Activity, Event, Features};

/// Two years after the epoch, so that no window reaches before it.
const NOW: i64 = days(730).micros();

fn at(before_now: Length, micros: i64) -> EventTime {
    EventTime(NOW - before_now.micros() + micros)
}

/// The features now, after these events in this order.
fn features(events: &[(&str, f64, EventTime)]) -> Features {
    let mut customer = Harness::<Activity>::new();
    for &(event_type, amount, at) in events {
        customer.event(at, Event { event_type, amount });
    }
    customer.question(as_of(NOW))
}

#[test]
fn a_customer_without_events() {
    let nothing = features(&[]);
    assert_eq!(nothing.purchase_count_30d, 0);
    assert_eq!(nothing.avg_purchase_value_90d, None);
    assert_eq!(nothing.days_since_last_purchase, None);
    assert_eq!(nothing.return_rate_180d, 0.0);
}

#[test]
fn a_customer_who_only_looked() {
    let looked = features(&[("view", 0.0, at(days(1), 0)), ("wish", 5.0, at(days(1), 0))]);
    assert_eq!(looked.purchase_count_30d, 0);
    assert_eq!(looked.avg_purchase_value_90d, None);
    assert_eq!(looked.days_since_last_purchase, None);
    assert_eq!(looked.return_rate_180d, 0.0);
}

#[test]
fn the_count_is_over_30_days_closed() {
    let count = |micros| features(&[("purchase", 1.0, at(days(30), micros))]).purchase_count_30d;
    assert_eq!((count(-1), count(0), count(1)), (0, 1, 1));
    assert_eq!(features(&[("purchase", 1.0, at(days(0), 0)), ("return", 1.0, at(days(0), 0))]).purchase_count_30d, 1);
}

#[test]
fn the_average_is_over_90_days_closed() {
    let average = |micros| {
        features(&[
            ("purchase", 30.0, at(days(90), micros)),
            ("view", 7.0, at(days(2), 0)),
            ("purchase", 10.0, at(days(1), 0)),
        ])
        .avg_purchase_value_90d
    };
    assert_eq!((average(-1), average(0), average(1)), (Some(10.0), Some(20.0), Some(20.0)));
    assert_eq!(features(&[("purchase", 30.0, at(days(90), -1))]).avg_purchase_value_90d, None);
}

#[test]
fn days_since_the_last_purchase_are_whole_and_have_no_window() {
    let since = |length, micros| features(&[("purchase", 1.0, at(length, micros))]).days_since_last_purchase;
    assert_eq!((since(days(1), 1), since(days(1), 0), since(days(1), -1)), (Some(0), Some(1), Some(1)));
    assert_eq!(since(days(700), 0), Some(700));
    // The newest by event time, not the one that was applied last.
    let late = features(&[("purchase", 1.0, at(days(3), 0)), ("purchase", 1.0, at(days(9), 0))]);
    assert_eq!(late.days_since_last_purchase, Some(3));
}

#[test]
fn the_return_rate_is_over_180_days_closed() {
    let rate = |micros| {
        features(&[
            ("return", 30.0, at(days(180), micros)),
            ("purchase", 30.0, at(days(180), 0)),
            ("purchase", 10.0, at(days(1), 0)),
            ("return", 10.0, at(days(0), 0)),
        ])
        .return_rate_180d
    };
    assert_eq!((rate(-1), rate(0), rate(1)), (1.0 / 3.0, 0.5, 0.5));
    assert_eq!(features(&[("return", 1.0, at(days(1), 0))]).return_rate_180d, 1.0);
    assert_eq!(features(&[("purchase", 1.0, at(days(181), 0))]).return_rate_180d, 0.0);
}

#[test]
fn features_change_without_an_event() {
    let mut customer = Harness::<Activity>::new();
    customer.event(EventTime(NOW), Event { event_type: "purchase", amount: 12.5 });
    let after = |length: Length| customer.question(as_of(NOW + length.micros()));
    assert_eq!((after(days(30)).purchase_count_30d, after(days(31)).purchase_count_30d), (1, 0));
    assert_eq!((after(days(90)).avg_purchase_value_90d, after(days(91)).avg_purchase_value_90d), (Some(12.5), None));
    assert_eq!(after(days(365)).days_since_last_purchase, Some(365));
}

#[test]
fn extreme_times_do_not_trap() {
    for time in [i64::MIN, -1, 0, i64::MAX] {
        let mut customer = Harness::<Activity>::new();
        customer.event(EventTime(i64::MIN), Event { event_type: "purchase", amount: 1.0 });
        customer.event(EventTime(time), Event { event_type: "return", amount: f64::NAN });
        customer.question(as_of(time));
        customer.question(as_of(i64::MAX));
    }
}
