//! Each figure against its definition, or against scipy.

use super::super::*;
use crate::batch::{Column, Value};
use crate::profile::ks::probability;
use crate::schema::ValueType;

fn close(found: f64, expected: f64, what: &str) {
    let difference = (found - expected).abs();
    assert!(difference <= 1e-11 * expected.abs().max(1e-3), "{what}: {found:e}, and {expected:e} is expected");
}

#[test]
fn the_test_of_kolmogorov_and_smirnov_is_that_of_scipy() {
    let sample = |seed: u64, size: u64, distinct: u64, shift: u64| {
        let mut values: Vec<f64> =
            (0..size).map(|at| (scrambled((seed << 32) + at) % distinct + shift) as f64).collect();
        values.sort_unstable_by(f64::total_cmp);
        values
    };
    let mut cases = 0;
    for line in include_str!("ks.txt").lines().filter(|line| !line.starts_with('#')) {
        let words: Vec<&str> = line.split(' ').collect();
        let numbers: Vec<u64> = words[..5].iter().map(|word| word.parse().expect("a number")).collect();
        let [seed, m, n, distinct, shift] = numbers[..] else { panic!("{line}") };
        let [d, p] = [5, 6].map(|at| words[at].parse::<f64>().expect("a number"));
        let found = ks_two_samples(&sample(seed, m, distinct, 0), &sample(seed + 1000, n, distinct, shift));
        let found = found.expect("there are values");
        assert!((found.d - d).abs() < 1e-15, "{line}: {found:?}");
        if p >= 1e-12 {
            close(found.p, p, line);
        } else {
            assert!(found.p < 1e-11, "{line}: {found:?}");
        }
        cases += 1;
    }
    assert_eq!(cases, 20);
    for (m, n, divisor, distance, p) in [
        (20, 25, 5, 33, 0.143_143_523_659_279_18),
        (100, 100, 100, 18, 0.078_221_157_978_418_51),
        (10_000, 9_000, 1_000, 1_486, 0.149_122_570_304_457_08),
        (10_000, 10_000, 10_000, 0, 1.0),
    ] {
        let d = distance as f64 / (m / divisor * n) as f64;
        close(probability(m, n, divisor, distance, d), p, "golden");
        close(probability(n, m, divisor, distance, d), p, "exchanged");
    }
    assert!(ks_two_samples(&[], &[1.0]).is_none());
}

#[test]
fn intervals_and_tails_are_those_of_tables() {
    // Of Wilson's interval: R's prop.test(81, 263, correct = FALSE) and prop.test(0, 20, correct = FALSE).
    let found = wilson(81, 263, 1.959_963_984_540_054);
    assert!((found.low - 0.255_3).abs() < 1e-4 && (found.high - 0.366_2).abs() < 1e-4, "{found:?}");
    let none = wilson(0, 20, 1.959_963_984_540_054);
    assert!(none.low == 0.0 && (none.high - 0.161_1).abs() < 1e-4, "{none:?}");
    assert_eq!(wilson(0, 0, 1.96), Interval { low: 0.0, high: 1.0 });
    assert_eq!(wilson(20, 20, 1.96).high, 1.0);
    // scipy.stats.norm.isf and chi2.sf.
    for (tail, z) in [(0.025, 1.959_963_984_540_054), (1e-3, 3.090_232_306_167_813), (1e-8, 5.612_001_244_174_789)] {
        close(normal_quantile(tail), z, "z");
    }
    for (x, degrees, tail) in [
        (3.841_458_820_694_124, 1, 0.05),
        (16.918_977_604_620_448, 9, 0.05),
        (60.0, 9, 1.340_678_048_395_962_5e-9),
        (18.307_038_053_275_146, 10, 0.05),
        (0.5, 4, 0.973_500_978_839_256_2),
        (40.0, 2, 2.061_153_622_438_558e-9),
    ] {
        close(chi_square_tail(x, degrees), tail, "chi-square");
    }
}

#[test]
fn the_index_is_the_sum_of_its_definition() {
    let expected = (0.4_f64 - 0.1) * (4.0_f64).ln() + (0.6_f64 - 0.9) * (0.6_f64 / 0.9).ln();
    close(psi(&[10, 90], &[40, 60]).expect("values"), expected, "PSI");
    // An empty bin has the least share.
    close(psi(&[0, 100], &[50, 50]).expect("values"), 0.499_9 * 5_000_f64.ln() - 0.5 * 0.5_f64.ln(), "PSI");
    assert_eq!(psi(&[5, 5], &[50, 50]), Some(0.0));
    assert_eq!(psi(&[0, 0], &[1, 1]), None);
}

#[test]
fn deciles_are_values_and_equal_ones_have_a_bin() {
    let sorted: Vec<f64> = (1..=20).map(f64::from).collect();
    let deciles = Deciles::of(&sorted, true).expect("values");
    let uppers: Vec<f64> = deciles.bins.iter().filter_map(|bin| bin.upper).collect();
    assert_eq!(uppers, [2.0, 4.0, 6.0, 8.0, 10.0, 12.0, 14.0, 16.0, 18.0]);
    assert!(deciles.bins.iter().all(|bin| bin.count == 2));
    // Half of the values are zero: they have a bin of their own, and whatever is below them another.
    let mut many = vec![0.0; 10];
    many.extend((1..=10).map(f64::from));
    let deciles = Deciles::of(&many, true).expect("values");
    let shown: Vec<(Option<f64>, bool, u64)> =
        deciles.bins.iter().map(|bin| (bin.upper, bin.closed, bin.count)).collect();
    assert_eq!(shown[..3], [(Some(0.0), false, 0), (Some(0.0), true, 10), (Some(2.0), true, 2)]);
    assert_eq!(deciles.counts(&[-1.0, 0.0, 0.5, 99.0]), [1, 1, 1, 0, 0, 0, 1]);
    let constant = Deciles::of(&[3.0; 5], true).expect("values");
    assert_eq!(constant.bins.iter().map(|bin| bin.count).collect::<Vec<_>>(), [0, 5, 0]);
    assert!(Deciles::of(&[], true).is_none());
}

fn column(values: &[Value], value_type: ValueType) -> Column {
    let mut column = Column::new(value_type);
    values.iter().for_each(|value| column.push(value).expect("of this type"));
    column
}

fn profile(values: &[Value], value_type: ValueType, with_texts: bool, parts: &[usize]) -> FeatureProfile {
    let mut profiler = FeatureProfiler::new("v@v1:f".to_owned(), value_type, with_texts);
    let mut first = 0_usize;
    for part in parts.iter().copied().chain([usize::MAX]) {
        let end = first.saturating_add(part).min(values.len());
        let rows: Vec<u64> = (first as u64..end as u64).map(scrambled).collect();
        let as_of = vec![1_000; rows.len()];
        let given = ProfiledRows { first: first as u64, hashes: &rows, as_of: &as_of };
        profiler.add(&column(&values[first..end], value_type), given);
        first = end;
    }
    profiler.finish()
}

#[test]
fn a_profile_has_what_its_page_says() {
    let numbers = [1.0, -0.0, f64::NAN, f64::INFINITY, 5.0].map(Value::Float64);
    let values: Vec<Value> = numbers.into_iter().chain([Value::Null]).collect();
    let found = profile(&values, ValueType::Float64, false, &[]);
    assert_eq!((found.rows, found.nulls, found.nan, found.infinite), (6, 1, 1, 1));
    assert_eq!((found.min, found.max), (Some(Number::Float(0.0)), Some(Number::Float(5.0))));
    assert_eq!((found.mean, found.variance, &found.sample[..]), (Some(2.0), Some(7.0), &[0.0, 1.0, 5.0][..]));
    assert!(found.sample[0].is_sign_positive() && found.categories.is_none());
    let times = [0, 400].map(Value::Time);
    let found = profile(&times, ValueType::Time, false, &[]);
    assert_eq!((found.measure, found.min, found.max), (Measure::AgeUs, Some(600.into()), Some(1_000.into())));
    let lists = [vec![3.0, 4.0], vec![], vec![f64::NAN]].map(Value::Float64List);
    let found = profile(&lists, ValueType::Float64List, false, &[]);
    assert_eq!((found.measure, found.nan, &found.sample[..]), (Measure::Norm, 1, &[0.0, 5.0][..]));
    let texts = ["é", "abc", "é"].map(|text| Value::Text(text.to_owned()));
    let found = profile(&texts, ValueType::Text, false, &[]);
    assert_eq!((found.measure, &found.sample[..]), (Measure::Characters, &[1.0, 1.0, 3.0][..]));
    assert!(found.categories.is_none() && !serde_json::to_string(&found).expect("is JSON").contains("abc"));
    let found = profile(&texts, ValueType::Text, true, &[]).categories.expect("are wanted");
    assert_eq!((found.distinct, &*found.listed[0].value, found.listed[0].count), (2, "é", 2));
    let found = profile(&[true, false, true].map(Value::Bool), ValueType::Bool, false, &[]);
    assert_eq!(found.categories.map(|categories| categories.listed.len()), Some(2));
}

impl From<i64> for Number {
    fn from(number: i64) -> Self {
        Self::Whole(number)
    }
}

/// More rows than are sampled: the sample is that of the smallest hashes, however the rows came, and JSON gives it back.
#[test]
fn how_rows_come_decides_nothing() {
    let value = |at: u64| match scrambled(at) % 7 {
        0 => Value::Null,
        _ => Value::Float64((scrambled(at + 1) >> 40) as f64 / 3.0),
    };
    let values: Vec<Value> = (0..50_000).map(value).collect();
    let whole = profile(&values, ValueType::Float64, false, &[]);
    assert_eq!((whole.sample.len(), whole.rows), (SAMPLE_MAX, 50_000));
    assert!(!whole.deciles.as_ref().expect("values").exact);
    assert_eq!(whole, profile(&values, ValueType::Float64, false, &[1, 2, 30_000, 7]));
    let mut hashes: Vec<(u64, f64)> = (0..50_000_u64)
        .filter_map(|at| match &values[at as usize] {
            Value::Float64(value) => Some((scrambled(at), *value)),
            _ => None,
        })
        .collect();
    hashes.sort_unstable_by_key(|(hash, _)| *hash);
    let mut expected: Vec<f64> = hashes[..SAMPLE_MAX].iter().map(|(_, value)| *value).collect();
    expected.sort_unstable_by(f64::total_cmp);
    assert_eq!(whole.sample, expected);
    let json = serde_json::to_string(&whole).expect("is JSON");
    assert_eq!(serde_json::from_str::<FeatureProfile>(&json).expect("comes back"), whole);
}

#[test]
fn hashes_are_of_key_and_as_of() {
    let keys = [column(&["a", "b", "a", "a"].map(|key| Value::Text(key.to_owned())), ValueType::Text)];
    let numbers = [column(&[1, 1, 1, 2].map(Value::Int64), ValueType::Int64)];
    let hashes = row_hashes(keys.iter().chain(&numbers), &[5, 5, 5, 5]);
    assert_eq!(hashes[0], hashes[2]);
    assert!(hashes[0] != hashes[1] && hashes[0] != hashes[3]);
    assert_ne!(row_hashes(&keys, &[5; 4])[0], row_hashes(&keys, &[6; 4])[0]);
}

#[test]
fn too_many_categories_are_none_and_rare_ones_are_counted_together() {
    let texts = |distinct: u64| {
        let values: Vec<Value> = (0..2 * distinct).map(|at| Value::Text(format!("t{}", at % distinct))).collect();
        profile(&values, ValueType::Text, true, &[13]).categories
    };
    let some = texts(1_500).expect("are counted");
    assert_eq!((some.distinct, some.listed.len(), some.other), (1_500, CATEGORIES_LISTED, 1_000));
    assert_eq!(some.listed[0].value, "t0");
    assert!(texts(10_001).is_none());
}
