//! The naive reference: for each question, plain loops over all events. It shares no line with the host, the SDK or the
//! transforms.

use onepath::batch::Value;

use super::rules::{Rule, Rules};
use crate::support::{Ask, DAY, Event, Vector};

/// The time to live of the trace view.
const TRACE_TTL: i64 = 90 * DAY;

/// The answer to one question, where nothing is decided of single features.
pub fn answer(events: &[Event], ask: &Ask) -> Vector {
    answer_under(&Rules(None).all(), events, ask)
}

/// The answer to one question. `events` are in the order of (source, position), and `rules` in that of the features.
pub fn answer_under(rules: &[Rule], events: &[Event], ask: &Ask) -> Vector {
    let mut seen: Vec<&Event> =
        events.iter().filter(|event| event.entity == ask.entity && event.available() <= ask.as_of).collect();
    // Stable, so that events which became available together keep the order of source and position.
    seen.sort_by_key(|event| event.available());

    let amounts = |kind: &str, days: i64| -> Vec<f64> {
        let inside = |at: i64| ask.as_of - days * DAY <= at && at <= ask.as_of;
        seen.iter().filter(|event| event.kind == kind && inside(event.at)).map(|event| event.amount).collect()
    };
    let bought_30d = amounts("purchase", 30).len() as i64;
    let bought_90d = amounts("purchase", 90);
    let (bought, returned) = (amounts("purchase", 180).len(), amounts("return", 180).len());
    let newest_purchase = seen.iter().filter(|event| event.kind == "purchase").map(|event| event.at).max();
    let activity = [
        Value::Int64(bought_30d),
        if bought_90d.is_empty() { Value::Null } else { Value::Float64(exact_mean(&bought_90d)) },
        newest_purchase.map_or(Value::Null, |at| Value::Int64((ask.as_of - at).div_euclid(DAY))),
        Value::Float64(if bought + returned == 0 { 0.0 } else { returned as f64 / (bought + returned) as f64 }),
    ];

    let words: Vec<String> = seen.iter().map(|event| format!("{}{};", event.kind, event.amount)).collect();
    let last = words[words.len().saturating_sub(6)..].concat();
    let trace = [
        Value::Int64(seen.len() as i64),
        if seen.is_empty() { Value::Null } else { Value::Text(last) },
        Value::Float64(seen.iter().fold(0.0, |running, event| running / 3.0 + event.amount)),
    ];
    let newest = seen.iter().map(|event| event.at).max();
    let mut vector = Vec::new();
    for (value, rule) in activity.into_iter().zip(rules) {
        vector.push(rule.served(value, newest, ask.as_of, None));
    }
    for (value, rule) in trace.into_iter().zip(&rules[4..]) {
        vector.push(rule.served(value, newest, ask.as_of, Some(TRACE_TTL)));
    }
    // It reads the first feature as it is served.
    let bought = match vector[0].0 {
        Value::Int64(bought) => bought,
        _ => panic!("the cart's transform reads no null"),
    };
    let cart = if bought > 0 { Value::Float64(ask.cart_value / bought as f64) } else { Value::Null };
    vector.push(rules[7].served_without_events(cart));
    vector
}

/// The same, and then the view that is declared.
pub fn answer_with_declared(rules: &[Rule], events: &[Event], ask: &Ask) -> Vector {
    let mut seen: Vec<&Event> =
        events.iter().filter(|event| event.entity == ask.entity && event.available() <= ask.as_of).collect();
    seen.sort_by_key(|event| event.available());
    let churn: Vec<Value> = answer(events, ask).into_iter().take(4).map(|(value, _)| value).collect();
    let newest = seen.iter().map(|event| event.at).max();
    let declared = declared(&seen, ask.as_of, &churn).into_iter();
    let served = declared.enumerate().map(|(at, value)| match at {
        // A share of no events is null, and 0 by its default.
        RATE => Rule::of_default("0.0", Value::Float64(0.0)).served(value, newest, ask.as_of, None),
        _ => Rule::default().served(value, newest, ask.as_of, None),
    });
    answer_under(rules, events, ask).into_iter().chain(served).collect()
}

/// The place of the return rate among the features that are declared.
const RATE: usize = 5;

/// The view that is declared: `seen` are the events that count, in their order; churn's features are among its own.
fn declared(seen: &[&Event], as_of: i64, churn: &[Value]) -> Vec<Value> {
    let or_null = |value: Option<f64>| value.map_or(Value::Null, Value::Float64);
    let sum = |numbers: &[f64]| (!numbers.is_empty()).then(|| exact_sum(numbers));
    let amounts = |is_of: &dyn Fn(&Event) -> bool| -> Vec<f64> {
        seen.iter().filter(|event| is_of(event)).map(|event| event.amount).collect()
    };
    let mut newest: Option<&Event> = None;
    for event in seen {
        if newest.is_none_or(|newest| event.at >= newest.at) {
            newest = Some(event);
        }
    }
    let in_30d = |event: &Event| as_of - 30 * DAY < event.at && event.at <= as_of;
    let spent = |kind: &str| sum(&amounts(&|event| event.kind == kind && in_30d(event)));
    let before = amounts(&|event| as_of - 90 * DAY <= event.at && event.at <= as_of - 30 * DAY);
    let kinds: std::collections::BTreeSet<&str> =
        seen.iter().filter(|event| as_of - 90 * DAY <= event.at && event.at <= as_of).map(|event| event.kind).collect();
    // By their own time; of equal times, in the order in which they count.
    let mut by_time: Vec<&&Event> = seen.iter().collect();
    by_time.sort_by_key(|event| event.at);
    let latest = |nth: usize| by_time.len().checked_sub(nth + 1).map(|at| by_time[at].amount);
    let bought = match churn[0] {
        Value::Int64(bought) => bought as f64,
        _ => 0.0,
    };
    let per_purchase = spent("purchase").filter(|_| bought > 0.0).map(|spent| spent / bought);
    let mut values = vec![
        newest.map_or(Value::Null, |event| Value::Text(event.kind.to_owned())),
        or_null(newest.map(|event| event.amount)),
    ];
    let kinds_180d =
        seen.iter().filter(|event| as_of - 180 * DAY <= event.at && event.at <= as_of).map(|event| event.kind);
    let has_either = kinds_180d.into_iter().any(|kind| kind == "purchase" || kind == "return");
    values.extend(churn[..3].iter().cloned());
    values.push(if has_either { churn[3].clone() } else { Value::Null });
    values.extend([
        or_null(spent("purchase")),
        or_null(spent("return")),
        or_null(amounts(&|event| event.kind != "view").into_iter().reduce(f64::max)),
        or_null((!before.is_empty()).then(|| exact_mean(&before))),
        Value::Int64(kinds.len() as i64),
        or_null(latest(0)),
        or_null(latest(1)),
        or_null(latest(2)),
        or_null(per_purchase),
    ]);
    values
}

/// What the SDK promises of a mean: the exact sum, rounded once to the nearest float64 (ties to even), divided by the count.
/// So it does not depend on the order of the numbers, nor on what left the window before.
///
/// Here the sum is exact in fixed point: the numbers of the cases are multiples of 2^-90 below 2^32.
fn exact_mean(numbers: &[f64]) -> f64 {
    exact_sum(numbers) / numbers.len() as f64
}

fn exact_sum(numbers: &[f64]) -> f64 {
    let scale = (1_u128 << 90) as f64;
    let fixed = |number: &f64| {
        let scaled = (number * scale) as i128;
        assert_eq!(scaled as f64 / scale, *number, "the number fits into the fixed point");
        scaled
    };
    let sum: i128 = numbers.iter().map(fixed).sum();
    sum as f64 / scale
}
