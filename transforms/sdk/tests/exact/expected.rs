//! What an answer should be, and how far from it one may be.

use onepath_sdk::prelude::*;

use super::big::{self, Big};
use super::cases::Event;

/// What infinities make of a sum.
pub fn infinite(numbers: &[f64]) -> Option<f64> {
    let has = |infinity| numbers.contains(&infinity);
    match (has(f64::INFINITY), has(f64::NEG_INFINITY)) {
        (false, false) => None,
        (true, true) => Some(f64::NAN),
        (is_positive, _) => Some(if is_positive { f64::INFINITY } else { f64::NEG_INFINITY }),
    }
}

#[track_caller]
pub fn assert_same(found: f64, expected: f64) {
    assert!(
        found == expected && found.to_bits() == expected.to_bits() || found.is_nan() && expected.is_nan(),
        "{found:?} for {expected:?}"
    );
}

pub fn expected_sum(numbers: &[f64]) -> f64 {
    infinite(numbers).unwrap_or_else(|| big::sum(numbers).nearest())
}

pub fn expected_mean(numbers: &[f64]) -> Option<f64> {
    let mean = || match big::sum(numbers).nearest() {
        sum if sum.is_finite() => sum / numbers.len() as f64,
        _ => big::sum(numbers).over(&Big::whole(numbers.len() as i64)).nearest(),
    };
    (!numbers.is_empty()).then(|| infinite(numbers).unwrap_or_else(mean))
}

#[track_caller]
pub fn check_mean(found: Option<f64>, numbers: &[f64]) {
    assert_eq!(found.is_some(), !numbers.is_empty());
    if let (Some(found), Some(expected)) = (found, expected_mean(numbers)) {
        assert_same(found, expected);
        let mean = || big::sum(numbers).over(&Big::whole(numbers.len() as i64));
        assert!(infinite(numbers).is_some() || mean().is_within_halves(found, 3), "{found:?} of {numbers:?}");
    }
}

/// The variance is the nearest float64; the standard deviation is within a unit in the last place of the true one.
#[track_caller]
pub fn check_spread(numbers: &[f64], divisor: i64, found: Option<f64>, std_dev: Option<f64>) {
    assert_eq!((found.is_some(), std_dev.is_some()), (divisor > 0, divisor > 0));
    let (Some(found), Some(std_dev)) = (found, std_dev) else { return };
    if infinite(numbers).is_some() {
        assert!(found.is_nan() && std_dev.is_nan());
        return;
    }
    let variance = big::variance(numbers, divisor);
    assert_same(found, variance.nearest());
    // An even power of two takes the root to where 300 bits are enough.
    let root = variance.times(&Big::power(2200)).root().times(&Big::power(-1100));
    assert!(root.is_within(std_dev, 1), "{std_dev:?} of {numbers:?}");
}

/// Each number times 2^(-age / half-life), within 8 units in the last place where all have one sign.
#[track_caller]
pub fn check_decayed(events: &[Event], as_of: i64, half_life: i64, found: f64) {
    let numbers: Vec<f64> = events.iter().map(|event| event.number).collect();
    if let Some(expected) = infinite(&numbers) {
        return assert_same(found, expected);
    }
    let (mut sum, mut size) = (Big::zero(), Big::zero());
    for event in events {
        // What is older has faded to nothing, whatever it was.
        let age = as_of - event.at;
        if age / half_life < 4_000 && event.number != 0.0 {
            let faded = Big::of(event.number).times(&Big::fading(age, half_life));
            (sum, size) = (sum.plus(&faded), size.plus(&faded.size()));
        }
    }
    let has_one_sign = sum.size().order(&size).is_eq();
    if has_one_sign || found.is_infinite() {
        assert!(sum.is_within(found, 8), "{found:?} for {:?} of {events:?}", sum.nearest());
    } else {
        let bound = size.times(&Big::power(-49)).plus(&Big::power(-1074));
        assert!(
            sum.minus(&Big::of(found)).size().order(&bound).is_le(),
            "{found:?} for {:?} of {events:?}",
            sum.nearest()
        );
    }
}

/// The mean of the numbers, each with the weight 2^(-age / half-life), within 12 units in the last place where all have one sign.
#[track_caller]
pub fn check_decayed_mean(events: &[Event], half_life: i64, found: Option<f64>) {
    let numbers: Vec<f64> = events.iter().map(|event| event.number).collect();
    let newest = events.iter().map(|event| event.at).max();
    assert_eq!(found.is_some(), newest.is_some());
    let (Some(found), Some(newest)) = (found, newest) else { return };
    if let Some(expected) = infinite(&numbers) {
        return assert_same(found, expected);
    }
    let (mut sum, mut size, mut weights) = (Big::zero(), Big::zero(), Big::zero());
    for event in events.iter().filter(|event| (newest - event.at) / half_life < 4_000) {
        let weight = Big::fading(newest - event.at, half_life);
        let weighted = Big::of(event.number).times(&weight);
        (sum, size, weights) = (sum.plus(&weighted), size.plus(&weighted.size()), weights.plus(&weight));
    }
    let mean = sum.over(&weights);
    if sum.size().order(&size).is_eq() {
        assert!(mean.is_within(found, 12), "{found:?} for {:?} of {events:?}", mean.nearest());
    } else {
        let bound = size.over(&weights).times(&Big::power(-48)).plus(&Big::power(-1074));
        let distance = mean.minus(&Big::of(found)).size();
        assert!(distance.order(&bound).is_le(), "{found:?} for {:?} of {events:?}", mean.nearest());
    }
}

pub fn sorted(numbers: &[f64]) -> Vec<f64> {
    let mut numbers = numbers.to_vec();
    numbers.sort_by(f64::total_cmp);
    numbers
}

/// Within a relative error of 2^-8 of the number at that rank; below 2^-1022 numbers are zero.
#[track_caller]
pub fn check_sketch(sketch: &QuantileSketch, numbers: &[f64], q: f64) {
    let sorted = sorted(numbers);
    assert_eq!(sketch.count(), numbers.len() as i64);
    let rank = (q * sorted.len().saturating_sub(1) as f64).round() as usize;
    match (sketch.quantile(q), sorted.get(rank)) {
        (Some(found), Some(&expected)) => {
            let is_near =
                found == expected || (found - expected).abs() <= (expected / 256.0).abs().max(f64::MIN_POSITIVE);
            assert!(is_near, "{found:?} for {expected:?} of {sorted:?}");
        }
        (found, expected) => assert_eq!(found, expected.copied()),
    }
}

/// Between the two numbers around the place, within three units in the last place of the larger one.
#[track_caller]
pub fn check_quantile(numbers: &[f64], q: f64, found: Option<f64>) {
    let sorted = sorted(numbers);
    let place = q * sorted.len().saturating_sub(1) as f64;
    let (low, high) = (sorted.get(place as usize), sorted.get(place.ceil() as usize));
    let (Some(&low), Some(&high), Some(found)) = (low, high, found) else {
        assert!(sorted.is_empty() && found.is_none());
        return;
    };
    if low.is_infinite() || high.is_infinite() {
        let expected = if place.fract() == 0.0 || low == high { low } else { low + high };
        return assert_same(found, expected);
    }
    let part = Big::of(place.fract());
    let expected = Big::of(low).plus(&Big::of(high).minus(&Big::of(low)).times(&part));
    let larger = low.abs().max(high.abs());
    let unit = Big::of(larger).minus(&Big::of(larger.next_down())).size();
    assert!(low <= found && found <= high, "{found:?} between {low:?} and {high:?}");
    let distance = expected.minus(&Big::of(found)).size();
    assert!(
        larger == 0.0 || distance.order(&unit.times(&Big::whole(6))).is_le(),
        "{found:?} of {low:?}, {high:?} at {place}"
    );
}
