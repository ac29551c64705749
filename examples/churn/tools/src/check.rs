//! The four features again, from the text files, by a loop over all events for each row of a training set.
//!
//! It shares no code with onepath or its SDK, so that the two can only agree by both being right.
use std::path::Path;

use crate::calendar::{self, DAY};
use crate::table::Table;

const FEATURES: [&str; 4] =
    ["purchase_count_30d", "avg_purchase_value_90d", "days_since_last_purchase", "return_rate_180d"];

struct Event {
    customer: String,
    event_type: String,
    amount: f64,
    time: i64,
}

pub fn check(data: &Path, training: &Path, as_of: &str) -> Result<String, String> {
    let mut events = history(&data.join("events.csv"))?;
    events.extend(pushed(&data.join("today.ndjson"))?);
    let table = Table::read(training)?;
    let (customer, as_of) = (table.column("customer_id")?, table.column(as_of)?);
    let columns: Vec<usize> = FEATURES.iter().map(|feature| table.column(feature)).collect::<Result<_, _>>()?;
    for (row, cells) in table.rows.iter().enumerate() {
        let line = row + 2;
        let at = calendar::parse(&cells[as_of]).ok_or_else(|| format!("line {line}: `{}` is no time", cells[as_of]))?;
        let expected = features(events.iter().filter(|event| event.customer == cells[customer]), at);
        for ((feature, &column), expected) in FEATURES.iter().zip(&columns).zip(expected) {
            let found = table.number(row, column)?;
            if !agree(feature, expected, found) {
                let (expected, found) = (show(expected), show(found));
                return Err(format!("line {line}: {feature} is {found}, and the plain loops give {expected}"));
            }
        }
    }
    Ok(format!("{} rows of 4 features agree with the plain loops\n", table.rows.len()))
}

fn features<'e>(events: impl Iterator<Item = &'e Event>, at: i64) -> [Option<f64>; 4] {
    let (mut count_30, mut count_90, mut sum_90) = (0.0, 0.0, 0.0);
    let (mut purchases_180, mut returns_180, mut newest) = (0.0, 0.0, None);
    for event in events.filter(|event| event.time <= at) {
        let age = at - event.time;
        let purchase = event.event_type == "purchase";
        if purchase && age <= 30 * DAY {
            count_30 += 1.0;
        }
        if purchase && age <= 90 * DAY {
            count_90 += 1.0;
            sum_90 += event.amount;
        }
        if purchase && age <= 180 * DAY {
            purchases_180 += 1.0;
        }
        if event.event_type == "return" && age <= 180 * DAY {
            returns_180 += 1.0;
        }
        if purchase {
            newest = newest.max(Some(event.time));
        }
    }
    let mean = (count_90 > 0.0).then(|| sum_90 / count_90);
    let days = newest.map(|newest| ((at - newest) / DAY) as f64);
    let both = purchases_180 + returns_180;
    [Some(count_30), mean, days, Some(if both > 0.0 { returns_180 / both } else { 0.0 })]
}

/// Counts, days and nulls exactly; the mean and the rate to 1e-12 of their size, since sums may be taken in any order.
fn agree(feature: &str, expected: Option<f64>, found: Option<f64>) -> bool {
    match (expected, found) {
        (Some(expected), Some(found)) if feature.starts_with("avg_") || feature.contains("rate") => {
            (expected - found).abs() <= 1e-12 * expected.abs()
        }
        _ => expected == found,
    }
}

fn show(value: Option<f64>) -> String {
    value.map_or("null".to_owned(), |value| value.to_string())
}

fn history(path: &Path) -> Result<Vec<Event>, String> {
    let table = Table::read(path)?;
    let names = ["customer_id", "event_type", "amount", "event_timestamp"];
    let columns: Vec<usize> = names.iter().map(|name| table.column(name)).collect::<Result<_, _>>()?;
    let events = table.rows.iter().map(|row| event([0, 1, 2, 3].map(|cell| row[columns[cell]].as_str())));
    events.collect::<Option<_>>().ok_or_else(|| format!("{}: an event that cannot be read", path.display()))
}

fn pushed(path: &Path) -> Result<Vec<Event>, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let names = ["customer_id", "event_type", "amount", "event_timestamp"];
    let events = text.lines().map(|line| {
        let [customer, event_type, amount, time] = names.map(|name| field(line, name));
        event([customer?, event_type?, amount?, time?])
    });
    events.collect::<Option<_>>().ok_or_else(|| format!("{}: an event that cannot be read", path.display()))
}

/// The value of a field of a flat JSON object without escapes, without its quotes.
fn field<'l>(line: &'l str, name: &str) -> Option<&'l str> {
    let (_, rest) = line.split_once(&format!("\"{name}\":"))?;
    let end = rest.find([',', '}'])?;
    Some(rest[..end].trim().trim_matches('"'))
}

fn event([customer, event_type, amount, time]: [&str; 4]) -> Option<Event> {
    let (amount, time) = (amount.parse().ok()?, calendar::parse(time)?);
    Some(Event { customer: customer.to_owned(), event_type: event_type.to_owned(), amount, time })
}
