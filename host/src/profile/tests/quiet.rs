//! Days on which nothing changes, by seeds: how often is there an alert all the same?

use super::super::*;
use crate::batch::{Column, Value};
use crate::schema::ValueType;
use crate::threads;

/// The values of one feature on one day.
pub(super) struct Day {
    pub(super) value_type: ValueType,
    pub(super) values: Vec<Value>,
    /// Rows without an event: the first of those that are null.
    pub(super) not_found: u64,
}

/// A uniform number above 0 and below 1, by its place.
pub(super) fn uniform(at: u64) -> f64 {
    ((scrambled(at) >> 12) as f64 + 0.5) / (1_u64 << 52) as f64
}

/// A normal deviate, by its place (Box and Muller 1958).
pub(super) fn normal(at: u64) -> f64 {
    let (one, other) = (uniform(at), uniform(at ^ (1 << 63)));
    (-2.0 * one.ln()).sqrt() * (2.0 * std::f64::consts::PI * other).cos()
}

impl Day {
    /// Numbers by their places, of which `seed` gives the first.
    pub(super) fn numbers(seed: u64, rows: u64, value: impl Fn(u64) -> Option<f64>) -> Self {
        let value = |row| value((seed << 32) + row).map_or(Value::Null, Value::Float64);
        Self { value_type: ValueType::Float64, values: (0..rows).map(value).collect(), not_found: 0 }
    }

    pub(super) fn texts(seed: u64, rows: u64, value: impl Fn(u64) -> &'static str) -> Self {
        let value = |row| Value::Text(value((seed << 32) + row).to_owned());
        Self { value_type: ValueType::Text, values: (0..rows).map(value).collect(), not_found: 0 }
    }

    pub(super) fn profile(&self) -> FeatureProfile {
        let mut column = Column::new(self.value_type);
        for value in &self.values {
            let value = match (self.value_type, value) {
                (ValueType::Bool, Value::Float64(number)) => Value::Bool(*number != 0.0),
                (ValueType::Int64, Value::Float64(number)) => Value::Int64(*number as i64),
                _ => value.clone(),
            };
            column.push(&value).expect("of this type");
        }
        let hashes: Vec<u64> = (0..self.values.len() as u64).map(scrambled).collect();
        let as_of = vec![0; hashes.len()];
        let mut profiler = FeatureProfiler::new("v@v1:f".to_owned(), self.value_type, true);
        profiler.add(&column, ProfiledRows { first: 0, hashes: &hashes, as_of: &as_of });
        profiler.add_delivery(self.not_found, 0, self.not_found);
        profiler.finish()
    }
}

/// Kinds of features that services have: smooth, heavy of tail, many zeros, counts, shares, nulls, rare categories.
fn feature(kind: u64, seed: u64, rows: u64) -> Day {
    const NAMES: [&str; 12] = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"];
    match kind % 8 {
        0 => Day::numbers(seed, rows, |at| Some(normal(at))),
        1 => Day::numbers(seed, rows, |at| Some((2.0 * normal(at)).exp())),
        2 => Day::numbers(seed, rows, |at| Some(if at % 3 == 0 { -uniform(at).ln() } else { 0.0 })),
        3 => Day {
            value_type: ValueType::Int64,
            ..Day::numbers(seed, rows, |at| Some((-3.0 * uniform(at).ln()).floor()))
        },
        4 => Day {
            value_type: ValueType::Bool,
            ..Day::numbers(seed, rows, |at| Some(f64::from(u8::from(uniform(at) < 0.02))))
        },
        5 => Day::numbers(seed, rows, |at| (uniform(!at) > 0.3).then(|| uniform(at))),
        // Pareto: no variance, and new extremes every day.
        6 => Day::numbers(seed, rows, |at| Some(uniform(at).powf(-1.0))),
        // Like words: the twelfth has a share of a few thousandths.
        _ => Day::texts(seed, rows, |at| NAMES[((-2.0 * uniform(at).ln()) as usize).min(11)]),
    }
}

/// A thousand quiet days of a service of 50 features, against one training set each: alerts on fewer than one day in a hundred.
#[test]
fn quiet_days_are_quiet() {
    let days = 1_000_u64;
    for (rows, training) in [(200, 2_000), (1_000, 10_000)] {
        let references: Vec<FeatureProfile> = (0..50).map(|kind| feature(kind, 1 + kind, training).profile()).collect();
        let alerts = threads::map(2, days as usize, |day| {
            let alerts = references.iter().enumerate().filter(|(kind, reference)| {
                let observed = feature(*kind as u64, 1_000 + 50 * day as u64 + *kind as u64, rows).profile();
                let findings = super::super::compare::findings(reference, &observed, 50);
                findings.iter().any(|finding| finding.severity > Severity::Note)
            });
            Ok::<_, ()>(alerts.count())
        });
        let alerts = alerts.expect("cannot fail");
        let days_with = alerts.iter().filter(|alerts| **alerts > 0).count();
        println!(
            "{rows} vectors a day, seeds 1000 to {}: alerts on {days_with} of {days} quiet days",
            1_000 + 50 * days
        );
        assert!(days_with < 10, "{rows} vectors: alerts on {days_with} of {days} quiet days");
    }
}
