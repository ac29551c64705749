//! The shares of two profiles in the same bins, with what each bin is in words: what there is to draw.

use serde::{Deserialize, Serialize};

use super::compare::{ComparedBin, bins};
use super::feature::{FeatureProfile, Measure};

/// Two profiles of one feature, counted in the bins of the reference.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Histogram {
    /// Which number stands for a value; of categories it is not asked.
    pub measure: Measure,
    /// Whether the bins are categories, and not deciles.
    pub categories: bool,
    /// The bins, in order.
    pub bins: Vec<HistogramBin>,
}

/// A bin of both.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HistogramBin {
    /// What is in it: a category, or an interval such as `(3, 5]`, whose first end is not in it and whose last is. Numbers are rounded to
    /// four digits.
    pub label: String,
    /// How many values of the reference it has.
    pub reference: u64,
    /// How many of those observed.
    pub observed: u64,
    /// Their share of all values of the reference in bins.
    pub reference_share: f64,
    /// Their share of all that was observed in bins.
    pub observed_share: f64,
}

/// The histogram of two profiles of one feature: the bins that their population stability index is made of. `None` where one of them
/// has no values.
pub fn histogram(reference: &FeatureProfile, observed: &FeatureProfile) -> Option<Histogram> {
    let categories = reference.categories.is_some() && observed.categories.is_some();
    let compared = bins(reference, observed)?;
    let all_before = compared.iter().map(|bin| bin.reference).sum::<u64>();
    let all_now = compared.iter().map(|bin| bin.observed).sum::<u64>();
    if all_before == 0 || all_now == 0 {
        return None;
    }
    let labels = match &reference.categories {
        Some(of_reference) if categories => {
            let frequent = of_reference.frequent().map(|category| category.value.clone());
            frequent.chain(["all others".to_owned()]).collect()
        }
        _ => intervals(reference),
    };
    let share = |count: u64, all: u64| count as f64 / all as f64;
    let bin = |(label, bin): (String, &ComparedBin)| HistogramBin {
        label,
        reference: bin.reference,
        observed: bin.observed,
        reference_share: share(bin.reference, all_before),
        observed_share: share(bin.observed, all_now),
    };
    let bins: Vec<HistogramBin> = labels.into_iter().zip(&compared).map(bin).collect();
    // Of few categories there may be no others.
    let bins = bins.into_iter().filter(|bin| !categories || bin.reference + bin.observed > 0).collect();
    Some(Histogram { measure: reference.measure, categories, bins })
}

/// The decile bins in words.
fn intervals(reference: &FeatureProfile) -> Vec<String> {
    let told = |number: f64| match reference.measure {
        Measure::AgeUs => told_age(number),
        _ => told_number(number),
    };
    let mut labels = Vec::new();
    let mut before: Option<(f64, bool)> = None;
    for bin in reference.deciles.iter().flat_map(|deciles| &deciles.bins) {
        labels.push(match (before, bin.upper) {
            (None, None) => "all".to_owned(),
            (None, Some(upper)) if bin.closed => format!("≤ {}", told(upper)),
            (None, Some(upper)) => format!("< {}", told(upper)),
            (Some((lower, _)), None) => format!("> {}", told(lower)),
            (Some((lower, false)), Some(upper)) if lower == upper => format!("= {}", told(upper)),
            (Some((lower, _)), Some(upper)) => {
                format!("({}, {}{}", told(lower), told(upper), if bin.closed { "]" } else { ")" })
            }
        });
        before = bin.upper.map(|upper| (upper, bin.closed));
    }
    labels
}

/// A number with four digits.
fn told_number(number: f64) -> String {
    let size = number.abs();
    if size != 0.0 && !(1e-3..1e6).contains(&size) {
        return format!("{number:.2e}");
    }
    let digits = [1.0, 10.0, 100.0, 1_000.0].iter().filter(|limit| size >= **limit).count();
    let places = if size < 0.1 { 5 } else { 4_usize.saturating_sub(digits) };
    let text = format!("{number:.places$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// An age in microseconds, in its largest whole unit.
fn told_age(micros: f64) -> String {
    let seconds = micros / 1e6;
    let units = [(86_400.0, "d"), (3_600.0, "h"), (60.0, "min")];
    let unit = units.into_iter().find(|(length, _)| seconds.abs() >= *length);
    let (length, unit) = unit.unwrap_or((1.0, "s"));
    format!("{} {unit}", told_number(seconds / length))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::{Column, Value};
    use crate::profile::{FeatureProfiler, ProfiledRows};
    use crate::schema::ValueType;

    fn profile(value_type: ValueType, values: &[Value]) -> FeatureProfile {
        let mut column = Column::new(value_type);
        values.iter().for_each(|value| column.push(value).expect("of its type"));
        let mut profiler = FeatureProfiler::new("a@v1:x".to_owned(), value_type, true);
        let hashes: Vec<u64> = (0..values.len() as u64).collect();
        let as_of = vec![0; values.len()];
        profiler.add(&column, ProfiledRows { first: 0, hashes: &hashes, as_of: &as_of });
        profiler.finish()
    }

    #[test]
    fn bins_are_those_of_the_reference_with_shares_of_both() {
        let numbers: Vec<Value> = [0, 0, 0, 1, 2, 3, 4, 5, 6, 7].map(Value::Int64).to_vec();
        let reference = profile(ValueType::Int64, &numbers);
        let observed = profile(ValueType::Int64, &[0, 7, 7, 100].map(Value::Int64));
        let drawn = histogram(&reference, &observed).expect("both have values");
        let labels: Vec<&str> = drawn.bins.iter().map(|bin| &*bin.label).collect();
        assert_eq!(labels, ["< 0", "= 0", "(0, 1]", "(1, 2]", "(2, 3]", "(3, 4]", "(4, 5]", "(5, 6]", "> 6"]);
        assert_eq!((drawn.bins[1].reference, drawn.bins[1].reference_share), (3, 0.3));
        assert_eq!((drawn.bins[8].observed, drawn.bins[8].observed_share), (3, 0.75));
        assert_eq!(histogram(&reference, &profile(ValueType::Int64, &[])), None);
    }

    #[test]
    fn categories_are_bins_by_their_names() {
        let texts = |texts: &[&str]| texts.iter().map(|text| Value::Text((*text).to_owned())).collect::<Vec<_>>();
        let reference = profile(ValueType::Text, &texts(&["pro", "pro", "<free>"]));
        let drawn = histogram(&reference, &profile(ValueType::Text, &texts(&["pro"]))).expect("both have values");
        let bins: Vec<(&str, u64, u64)> =
            drawn.bins.iter().map(|bin| (&*bin.label, bin.reference, bin.observed)).collect();
        assert_eq!(bins, [("pro", 2, 1), ("<free>", 1, 0)]);
    }

    #[test]
    fn numbers_are_told_with_four_digits() {
        let told = [0.0, 1.0, 12.345, 0.012_345, 123_456.0, 1.5e9, -2.5].map(told_number);
        assert_eq!(told, ["0", "1", "12.35", "0.01235", "123456", "1.50e9", "-2.5"]);
        assert_eq!([5e6, 9e10, 2.592e11].map(told_age), ["5 s", "1.042 d", "3 d"]);
    }
}
