//! The data: 500 customers and 10,000 events over two years, the last day of which is pushed instead of read.
//!
//! Customers differ in how often they come and for how long they stay. Those who send much back leave sooner.
use std::fmt::Write as _;
use std::path::Path;

use crate::calendar::{self, DAY, midnight};
use crate::random::Random;

const CUSTOMERS: usize = 500;
const EVENTS: usize = 10_000;
const START: i64 = midnight(2023, 1, 1);
/// The day of the pushed events begins here; the history ends before it.
const TODAY: i64 = midnight(2024, 12, 31);
const END: i64 = midnight(2025, 1, 1);
const LABEL_DATE: i64 = midnight(2024, 1, 1);
/// `churned` means: no purchase in this time after the label date.
const OUTCOME: i64 = 90 * DAY;

struct Customer {
    first: i64,
    /// When the customer leaves for good, or `END`.
    last: i64,
    /// How often this one comes, relative to others.
    activity: f64,
    return_share: f64,
}

struct Event {
    time: i64,
    customer: usize,
    event_type: &'static str,
    amount: f64,
}

/// The texts of the files.
struct Data {
    history: String,
    today: String,
    labels: Labels,
}

pub fn generate(folder: &Path) -> Result<String, String> {
    let data = data().map_err(|error| error.to_string())?;
    let Data { history, today, labels } = &data;
    let texts = [history, today, &labels.honest, &labels.leaky];
    for (name, text) in ["events.csv", "today.ndjson", "labels.csv", "labels_leaky.csv"].iter().zip(texts) {
        let path = folder.join(name);
        std::fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    let (history, today, churned) = (history.lines().count() - 1, today.lines().count(), labels.churned);
    Ok(format!("{history} events of history, {today} of today, {churned} of {CUSTOMERS} customers churned\n"))
}

fn data() -> Result<Data, std::fmt::Error> {
    let mut random = Random::new(20_240_101);
    let customers: Vec<Customer> = (0..CUSTOMERS).map(|_| customer(&mut random)).collect();
    let mut events = events(&customers, &mut random);
    // A stable order: equal times stay as they were drawn.
    events.sort_by_key(|event| event.time);

    let mut history = String::from("customer_id,event_type,amount,event_timestamp\n");
    let mut today = String::new();
    for Event { time, customer, event_type, amount } in &events {
        let (id, at) = (customer + 1, calendar::format(*time));
        if *time < TODAY {
            writeln!(history, "c{id},{event_type},{amount},{at}")?;
        } else {
            let pair = format!(r#""customer_id": "c{id}", "event_type": "{event_type}""#);
            writeln!(today, r#"{{{pair}, "amount": {amount:?}, "event_timestamp": "{at}"}}"#)?;
        }
    }
    Ok(Data { history, today, labels: labels(&events)? })
}

fn customer(random: &mut Random) -> Customer {
    let unhappy = random.uniform() < 0.25;
    let activity = 0.15 + random.exponential(1.0);
    let first = START + (random.uniform() * 300.0 * DAY as f64) as i64;
    let stay = random.exponential(if unhappy { 250.0 } else { 900.0 });
    Customer {
        first,
        last: END.min(first + ((20.0 + stay) * DAY as f64) as i64),
        activity,
        return_share: if unhappy { 0.3 } else { 0.08 },
    }
}

fn events(customers: &[Customer], random: &mut Random) -> Vec<Event> {
    let mut total = 0.0;
    let cumulative: Vec<f64> = customers
        .iter()
        .map(|customer| {
            total += customer.activity * (customer.last - customer.first) as f64;
            total
        })
        .collect();
    let mut draw = || {
        let drawn = random.uniform() * total;
        let customer = cumulative.partition_point(|&below| below <= drawn);
        let Customer { first, last, return_share, .. } = customers[customer];
        let time = first + (random.uniform() * (last - first) as f64) as i64;
        let kind = random.uniform();
        let (event_type, mean) = match kind {
            _ if kind < 0.5 => ("purchase", 50.0),
            _ if kind < 0.5 + return_share => ("return", 30.0),
            _ => ("view", 0.0),
        };
        // Cents, so that the files are the same wherever `ln` differs in its last bit. `abs` because -0 is no amount.
        let amount = ((random.exponential(mean) * 100.0).round() / 100.0).abs();
        Event { time, customer, event_type, amount }
    };
    (0..EVENTS).map(|_| draw()).collect()
}

struct Labels {
    honest: String,
    /// The same labels, with the day until which a careless training set looks.
    leaky: String,
    churned: usize,
}

fn labels(events: &[Event]) -> Result<Labels, std::fmt::Error> {
    let mut stayed = [false; CUSTOMERS];
    for event in events {
        let in_time = event.time > LABEL_DATE && event.time <= LABEL_DATE + OUTCOME;
        stayed[event.customer] |= in_time && event.event_type == "purchase";
    }
    let (label_date, seen_until) = (calendar::format_day(LABEL_DATE), calendar::format_day(LABEL_DATE + OUTCOME));
    let mut honest = String::from("customer_id,label_date,churned\n");
    let mut leaky = String::from("customer_id,label_date,seen_until,churned\n");
    for (customer, stayed) in stayed.iter().enumerate() {
        let (id, churned) = (customer + 1, i64::from(!stayed));
        writeln!(honest, "c{id},{label_date},{churned}")?;
        writeln!(leaky, "c{id},{label_date},{seen_until},{churned}")?;
    }
    Ok(Labels { honest, leaky, churned: stayed.iter().filter(|&&stayed| !stayed).count() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_data_is_what_is_generated() {
        let data = data().expect("writing to a string cannot fail");
        for (text, committed) in [
            (data.history, include_str!("../../data/events.csv")),
            (data.today, include_str!("../../data/today.ndjson")),
            (data.labels.honest, include_str!("../../data/labels.csv")),
            (data.labels.leaky, include_str!("../../data/labels_leaky.csv")),
        ] {
            assert!(text == committed, "run `churn-tools generate examples/churn/data`");
        }
    }
}
