//! What each aggregate says it does at its edges. How they agree with plain loops is in `tests/kinds.rs`.

use std::fmt::Debug;

use proptest::prelude::*;

use super::*;
use crate::state::decode_all;
use crate::time::{Length, asked_at, days, hours};
use crate::window::{Days, Hours};

fn bytes(state: &impl State) -> Vec<u8> {
    let mut bytes = Vec::new();
    state.encode(&mut bytes);
    bytes
}

fn of<'a, A: Aggregate>(items: impl IntoIterator<Item = A::Item<'a>>) -> A {
    let mut aggregate = A::default();
    for (at, item) in items.into_iter().enumerate() {
        aggregate.push(EventTime(at as i64), item);
    }
    aggregate
}

/// The state comes back from its bytes, and from no part of them.
#[track_caller]
fn assert_state<A: State + PartialEq + Debug>(state: &A) {
    let written = bytes(state);
    assert_eq!(decode_all::<A>(&written).as_ref(), Ok(state));
    for length in 0..written.len() {
        assert!(decode_all::<A>(&written[..length]).is_err(), "{length} of {} bytes", written.len());
    }
}

/// Whatever bytes are a state are the bytes of that state.
fn has_one_spelling<A: State>(written: &[u8]) -> bool {
    let mut rest = written;
    A::decode(&mut rest).map_or(true, |state| bytes(&state) == written[..written.len() - rest.len()])
}

/// Exponents evenly over the whole range, both signs, powers of two, and what is not finite.
fn any_size() -> impl Strategy<Value = f64> {
    let fraction = prop_oneof![1 => Just(0_u64), 1 => any::<u64>().prop_map(|bits| bits >> 12)];
    (any::<bool>(), 0..2048_u64, fraction).prop_map(|(is_negative, exponent, fraction)| {
        f64::from_bits(u64::from(is_negative) << 63 | exponent << 52 | fraction)
    })
}

proptest! {
    #[test]
    fn a_state_has_one_spelling(written in prop::collection::vec(prop_oneof![0..4_u8, any::<u8>()], 0..40)) {
        prop_assert!(has_one_spelling::<Variance>(&written));
        prop_assert!(has_one_spelling::<(Min, First<String>, Recency, Share)>(&written));
        prop_assert!(has_one_spelling::<Distinct<String>>(&written));
        prop_assert!(has_one_spelling::<Counts<i64>>(&written));
        prop_assert!(has_one_spelling::<TopK<i64, 4>>(&written));
        prop_assert!(has_one_spelling::<HyperLogLog<i64, 4>>(&written));
        prop_assert!(has_one_spelling::<QuantileSketch>(&written));
        let half_life = bytes(&Decayed::<Days<7>>::default());
        prop_assert!(has_one_spelling::<Decayed<Days<7>>>(&[&half_life[..half_life.len() - 3], &written].concat()));
    }

    /// Whatever was merged from parts is what adding everything gives, to the bit; for all but `TopK`.
    #[test]
    fn merging_is_adding(
        events in prop::collection::vec((0..100_i64, any_size(), 0..12_i64), 0..80),
        cut in any::<prop::sample::Index>(),
    ) {
        type All = ((Count, Variance, Min, Max), (First<f64>, Last<i64>, Recency, Share), (Distinct<i64>, HyperLogLog<i64, 5>, Counts<i64>, QuantileSketch));
        let all = |events: &[(i64, f64, i64)]| {
            let mut all = All::default();
            for &(at, number, key) in events {
                let item = (((), number, number, number), (number, key, (), key > 3), (&key, &key, &key, number));
                all.push(EventTime(at), item);
            }
            all
        };
        // By time, as tiles are, so that what is later is merged later.
        let mut events = events;
        events.sort_by_key(|&(at, _, _)| at);
        let (before, after) = events.split_at(cut.index(events.len() + 1));
        let mut merged = all(before);
        merged.merge(&all(after));
        let whole = all(&events);
        prop_assert_eq!(bytes(&merged), bytes(&whole));
        prop_assert!(decode_all::<All>(&bytes(&whole)).is_ok());
    }

    /// No count is too small, nor too large by more than the events in each place; with room for all, it is exact.
    #[test]
    fn the_most_frequent_are_found(keys in prop::collection::vec(0..30_i64, 0..300), cut in any::<prop::sample::Index>()) {
        let exact: Counts<i64> = of(&keys);
        let check = |top: &TopK<i64, 8>| {
            for key in 0..30 {
                let (count, bound) = (exact.count_of(&key), keys.len() as i64 / 8);
                let found = top.count_of(&key);
                assert!(found == 0 && count <= bound || (count..=count + bound).contains(&found), "{key}: {found} for {count}");
            }
        };
        check(&of(&keys));
        let (before, after) = keys.split_at(cut.index(keys.len() + 1));
        let mut merged: TopK<i64, 8> = of(before);
        merged.merge(&of(after));
        check(&merged);
        prop_assert_eq!(of::<TopK<i64, 30>>(&keys).top(30), exact.top(30));
    }

    /// Within 2^-8 of the exact number at that rank, whatever the order.
    #[test]
    fn quantiles_are_near(
        numbers in prop::collection::vec(prop_oneof![-1e6..1e6_f64, 1e-3..1e3_f64, Just(0.0)], 1..300),
        q in 0.0..=1.0_f64,
    ) {
        let sketch: QuantileSketch = of(numbers.iter().copied());
        let mut sorted = numbers.clone();
        sorted.sort_by(f64::total_cmp);
        let expected = sorted[(q * (sorted.len() - 1) as f64).round() as usize];
        let found = sketch.quantile(q).unwrap();
        prop_assert!((found - expected).abs() <= expected.abs() / 256.0, "{found} for {expected}");
        prop_assert_eq!(bytes(&of::<QuantileSketch>(sorted)), bytes(&sketch));
    }
}

#[test]
fn nothing_is_zero_or_none() {
    assert_eq!((Count::default().count(), Sum::default().sum(), Mean::default().mean()), (0, 0.0, None));
    let spread = Variance::default();
    assert_eq!((spread.variance(), spread.sample_variance(), spread.std_dev()), (None, None, None));
    assert_eq!((Min::default().min(), Max::default().max(), Share::default().share()), (None, None, None));
    assert_eq!((First::<f64>::default().value(), Recency::default().since(asked_at(0))), (None, None));
    assert_eq!((Distinct::<String>::default().count(), HyperLogLog::<String>::default().count()), (0, 0));
    assert_eq!((Counts::<i64>::default().mode(), TopK::<i64, 2>::default().top(2)), (None, vec![]));
    assert_eq!((QuantileSketch::default().median(), Decayed::<Days<1>>::default().sum(asked_at(5))), (None, 0.0));
    // One byte says that there was nothing, for most.
    assert_eq!((bytes(&Count::default()), bytes(&Distinct::<String>::default())), (vec![0], vec![0]));
}

#[test]
fn states_come_back() {
    assert_state(&of::<Count>([(); 300]));
    assert_state(&of::<Variance>([1.5, -2.0, f64::MAX, 5e-324]));
    assert_state(&of::<Sum>([f64::NAN, f64::INFINITY, 1.0]));
    assert_state(&of::<First<String>>(["a", "b"]));
    assert_state(&of::<Last<bool>>([true, false]));
    assert_state(&of::<Share>([true, false]));
    assert_state(&of::<Distinct<String>>(["b", "", "a"]));
    assert_state(&of::<Counts<bool>>([&true, &false, &true]));
    assert_state(&of::<TopK<i64, 3>>([&5, &-5, &7, &9]));
    assert_state(&of::<HyperLogLog<i64, 4>>([&1, &2]));
    let many: Vec<i64> = (0..500).collect();
    assert_state(&of::<HyperLogLog<i64, 4>>(&many));
    assert_state(&of::<QuantileSketch>([0.0, -1.0, f64::INFINITY, 1e300]));
    assert_state(&of::<Decayed<Hours<1>>>([3.0, -1.0]));
    assert_eq!(bytes(&of::<Sum>([12.5; 40])).len(), 5);
}

#[test]
fn sums_of_what_is_not_finite() {
    let sum = |numbers: &[f64]| of::<Sum>(numbers.iter().copied()).sum();
    assert_eq!((sum(&[1.0, f64::INFINITY]), sum(&[f64::NEG_INFINITY])), (f64::INFINITY, f64::NEG_INFINITY));
    assert!(sum(&[f64::NAN]).is_nan() && sum(&[f64::INFINITY, f64::NEG_INFINITY]).is_nan());
    assert_eq!((sum(&[f64::MAX, f64::MAX]), sum(&[f64::MAX, f64::MAX, f64::MIN])), (f64::INFINITY, f64::MAX));
    assert_eq!(sum(&[-0.0]).to_bits(), 0);
    let spread: Variance = of([1.0, f64::INFINITY]);
    assert!(spread.variance().is_some_and(f64::is_nan) && spread.sample_std_dev().is_some_and(f64::is_nan));
}

#[test]
fn variance_does_not_cancel() {
    let spread: Variance = of([1e9 + 4.0, 1e9 + 7.0, 1e9 + 13.0, 1e9 + 16.0]);
    assert_eq!((spread.sample_variance(), spread.variance()), (Some(30.0), Some(22.5)));
    assert_eq!((spread.mean(), spread.count(), spread.std_dev()), (Some(1e9 + 10.0), 4, Some(22.5_f64.sqrt())));
    let one: Variance = of([5.0]);
    assert_eq!((one.variance(), one.sample_variance()), (Some(0.0), None));
    assert_eq!(of::<Variance>([1e-200, 3e-200]).variance(), Some(0.0));
    let far: Variance = of([1e200, -1e200]);
    assert_eq!((far.variance(), far.std_dev()), (Some(f64::INFINITY), Some(1e200)));
    assert_eq!(of::<Variance>([1e-200, 3e-200]).std_dev(), Some(1e-200));
}

#[test]
fn extremes_pass_over_nan_and_know_the_sign_of_zero() {
    let numbers = [f64::NAN, 0.0, -0.0, 0.0];
    let (min, max): (Min, Max) = (of(numbers), of(numbers));
    assert_eq!((min.min().map(f64::to_bits), max.max().map(f64::to_bits)), (Some(1 << 63), Some(0)));
    assert_eq!((of::<Min>([f64::NAN]).min(), of::<Max>([f64::NEG_INFINITY]).max()), (None, Some(f64::NEG_INFINITY)));
}

#[test]
fn first_and_last_are_by_time_and_then_by_application() {
    let (mut first, mut last) = (First::<String>::default(), Last::<String>::default());
    for (at, word) in [(5, "a"), (9, "b"), (5, "c"), (9, "d"), (7, "late")] {
        first.push(EventTime(at), word);
        last.push(EventTime(at), word);
    }
    assert_eq!((first.value().unwrap().as_str(), last.value().unwrap().as_str()), ("a", "d"));
    assert_eq!((first.at(), last.since(asked_at(10))), (Some(EventTime(5)), Some(Length::from_micros(1))));
    let mut earlier = Last::<String>::default();
    earlier.push(EventTime(9), "z");
    earlier.merge(&last);
    assert_eq!(earlier.value().unwrap(), "d");
}

#[test]
fn distinct_keys_and_their_counts() {
    let words = ["b", "a", "b", ""];
    let distinct: Distinct<String> = of(words);
    assert_eq!((distinct.count(), distinct.contains("a"), distinct.contains("x")), (3, true, false));
    assert_eq!(distinct.keys(), ["", "a", "b"]);
    let counts: Counts<String> = of(words);
    assert_eq!((counts.count_of("b"), counts.distinct(), counts.mode().unwrap().as_str()), (2, 3, "b"));
    assert_eq!(counts.top(2), [("b".to_owned(), 2), (String::new(), 1)]);
    assert_eq!(of::<Counts<String>>(["b", "a"]).mode().unwrap(), "a");
}

#[test]
fn a_new_key_takes_the_place_of_the_least_frequent() {
    let top: TopK<String, 2> = of(["a", "a", "b", "c"]);
    assert_eq!(top.top(5), [("a".to_owned(), 2), ("c".to_owned(), 2)]);
    assert_eq!((top.count_of("b"), top.count_of("c")), (0, 2));
    // Of two that are equally frequent, the larger key goes.
    assert_eq!(of::<TopK<String, 2>>(["a", "b", "c"]).top(2), [("c".to_owned(), 2), ("a".to_owned(), 1)]);
}

#[test]
fn estimates_of_distinct_keys_are_within_four_standard_errors() {
    for count in [1_i64, 2, 10, 100, 1_000, 10_000, 200_000] {
        let keys: Vec<i64> = (0..count).chain(0..count / 2).collect();
        let found = of::<HyperLogLog<i64, 12>>(&keys).count();
        let bound = (count as f64 * 4.0 * 1.04 / 64.0).max(0.5);
        assert!((found - count).abs() as f64 <= bound, "{found} for {count}");
    }
    let few: HyperLogLog<String, 12> = of(["a", "b", "a"]);
    assert_eq!((few.count(), bytes(&few).len()), (2, 7));
}

/// Numbers of both signs, whose exponents from `lowest` on are evenly spread.
fn spread(count: u64, lowest: u64, exponents: u64) -> impl Iterator<Item = f64> {
    (0..count).map(move |n| {
        let bits = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        f64::from_bits((bits & (1 << 63 | ((1 << 52) - 1))) | (lowest + (bits >> 52 & 0x7ff) * exponents / 2048) << 52)
    })
}

/// The largest relative error of a sketch's percentiles; numbers below 2^-1021 count as zero.
fn largest_error(numbers: &[f64]) -> f64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    let sketch: QuantileSketch = of(numbers.iter().copied());
    let error = |percent: u32| {
        let q = f64::from(percent) / 1_000.0;
        let expected = sorted[(q * (sorted.len() - 1) as f64).round() as usize];
        let found = sketch.quantile(q).unwrap();
        assert!(found.is_finite(), "{found} for {expected}");
        if expected.abs() < 4.0 * f64::MIN_POSITIVE { 0.0 } else { ((found - expected) / expected).abs() }
    };
    (0..=1_000).map(error).fold(0.0, f64::max)
}

#[test]
fn a_sketch_keeps_its_error_and_its_size() {
    // While there is room, 2^-8; twice that for each time that the numbers spread twice as far.
    let error = |exponents| largest_error(&spread(60_000, 1_023 - exponents / 2, exponents).collect::<Vec<_>>());
    for (exponents, halvings) in [(1, 0), (8, 0), (16, 1), (64, 3), (256, 5), (512, 6), (1_024, 7)] {
        let bound = f64::from(1 << halvings) / 256.0;
        assert!(error(exponents) <= bound, "{} for {exponents} exponents", error(exponents));
    }
    let everywhere = largest_error(&spread(60_000, 0, 2_047).collect::<Vec<_>>());
    assert!(everywhere <= 0.6, "{everywhere}");
    // As far apart as numbers of one sign may be.
    let apart = [1.0_f64.next_down(), 65_000.0];
    assert_eq!(bytes(&of::<QuantileSketch>(apart.into_iter().chain((1..65_000).map(f64::from))))[0], 0);
    let nine: QuantileSketch = of((0..9).map(f64::from));
    assert!(bytes(&nine).len() <= 20 + 9 * 3, "{}", bytes(&nine).len());
    for (exponents, most) in [(1, 4), (16, 4), (2_047, 4)] {
        let sketch: QuantileSketch = of(spread(60_000, 0, exponents));
        let buckets = bytes(&sketch).len();
        assert!(buckets <= 24 + 2_048 * most, "{buckets} for {exponents} exponents");
    }
}

#[test]
fn a_sketch_of_all_sizes_is_in_order() {
    let sketch: QuantileSketch = of(spread(60_000, 0, 2_048));
    let quantiles: Vec<f64> = (0..=100).map(|q| sketch.quantile(f64::from(q) / 100.0).unwrap()).collect();
    assert!(quantiles.is_sorted(), "{quantiles:?}");
    assert_eq!((sketch.quantile(-1.0), sketch.quantile(f64::NAN)), (Some(quantiles[0]), None));
    let mirrored: QuantileSketch = of(spread(60_000, 0, 2_048).map(|number| -number));
    assert_eq!(mirrored.quantile(0.25), sketch.quantile(0.75).map(|number| -number));
}

#[test]
fn infinities_are_the_ends_of_a_sketch() {
    let (below, above) = (f64::NEG_INFINITY, f64::INFINITY);
    let of_all = |numbers: &[f64]| -> Vec<f64> {
        let sketch: QuantileSketch = of(numbers.iter().copied());
        let quantile = |n| sketch.quantile(n as f64 / (numbers.len() - 1) as f64);
        assert_state(&sketch);
        (0..numbers.len()).filter_map(quantile).collect()
    };
    for numbers in [
        &[1.0, above, above][..],
        &[below, below, 1.0, above],
        &[below, above, above],
        &[above, above],
        &[f64::MIN, f64::MAX, above],
        &[-5e-324, 0.0, 5e-324],
    ] {
        let is_near = |(found, expected): (&f64, &f64)| found == expected || (found / expected - 1.0).abs() < 0.004;
        let found = of_all(numbers);
        assert!(found.iter().zip(numbers).all(is_near) || numbers[0] == -5e-324, "{found:?} for {numbers:?}");
        assert_eq!((found.len(), found.is_sorted()), (numbers.len(), true));
    }
    let with_nan: QuantileSketch = of([below, 1.0, above, f64::NAN]);
    assert_eq!((with_nan.count(), with_nan.quantile(0.5)), (3, Some(1.0)));
}

#[test]
fn an_estimate_of_distinct_keys_has_its_error_and_its_size() {
    // The root of the mean square of the relative error, of 300 sets of 4,000 keys; with a few percent for chance.
    let error = |set: i64| {
        let keys: Vec<i64> = (set * 4_000..(set + 1) * 4_000).collect();
        let found = of::<HyperLogLog<i64, 8>>(&keys).count();
        (found as f64 / 4_000.0 - 1.0).powi(2)
    };
    let squares: f64 = (0..300).map(error).sum();
    let (found, stated) = ((squares / 300.0).sqrt(), 1.04 / 16.0);
    assert!(found <= stated * 1.1, "{found} for {stated}");
    let mut sketch = HyperLogLog::<i64, 12>::default();
    for n in 0..60_000_i64 {
        sketch.push(EventTime(0), &n);
        if n < 10 || n % 500 == 0 {
            let size = bytes(&sketch).len();
            assert!(size <= (2 + 3 * (n as usize + 1)).min(4_098), "{size} of {n} keys");
        }
    }
}

#[test]
fn a_fading_sum_has_its_size() {
    let at = |half_lives: i64| EventTime(half_lives * days(7).micros() + 12_345_678);
    let mut usual = Decayed::<Days<7>>::default();
    (0..1_000).for_each(|n| usual.push(EventTime(at(2_800).micros() + n * hours(1).micros()), 0.1 * n as f64));
    assert!(bytes(&usual).len() <= 55, "{}", bytes(&usual).len());
    // All five limbs full, of both signs, and those of the weights.
    let mut full = Decayed::<Days<7>>::default();
    for n in 0..100_000 {
        full.push(at(2_800 - n % 320), if n % 3 == 0 { -1e9 } else { 3e9 / 7.0 });
    }
    assert!(bytes(&full).len() <= 160, "{}", bytes(&full).len());
}

#[test]
fn what_is_a_half_life_old_counts_half() {
    let hour = hours(1).micros();
    let mut decayed = Decayed::<Hours<1>>::default();
    decayed.push(EventTime(0), 3.0);
    assert_eq!(
        (decayed.sum(asked_at(0)), decayed.sum(asked_at(hour)), decayed.sum(asked_at(10 * hour))),
        (3.0, 1.5, 3.0 / 1024.0)
    );
    // Late or in time, it is the same.
    let mut late = Decayed::<Hours<1>>::default();
    late.push(EventTime(7 * hour + 5), 2.0);
    late.push(EventTime(0), 3.0);
    decayed.push(EventTime(7 * hour + 5), 2.0);
    assert_eq!(bytes(&decayed), bytes(&late));
    // It fades to nothing, and does not come back.
    assert_eq!(decayed.sum(asked_at(2_000 * hour)), 0.0);
    decayed.push(EventTime(3_000 * hour), -1.0);
    assert_eq!(decayed.sum(asked_at(3_001 * hour)), -0.5);
    // The ends of numbers and of time.
    let mut ends = Decayed::<Hours<1>>::default();
    for (at, number) in [(i64::MIN, f64::MAX), (0, 5e-324), (i64::MAX, f64::MIN_POSITIVE), (i64::MAX, f64::MAX)] {
        ends.push(EventTime(at), number);
        ends = decode_all(&bytes(&ends)).unwrap();
    }
    assert!((ends.sum(asked_at(i64::MAX)) / f64::MAX - 1.0).abs() < 1e-15);
    assert_eq!(ends.sum(asked_at(i64::MIN)), f64::INFINITY);
    ends.push(EventTime(0), f64::NAN);
    assert!(ends.sum(asked_at(i64::MAX)).is_nan());
    let wrong = decode_all::<Decayed<Days<1>>>(&bytes(&ends)).unwrap_err().to_string();
    assert_eq!(wrong, "the state's half-life is 1 hour, the transform's 1 day: raise state_version");
}

#[test]
fn a_decayed_mean_weighs_the_newer_more() {
    let mean = |events: &[(i64, f64)]| {
        let mut decayed = Decayed::<Hours<1>>::default();
        for &(hour, number) in events {
            decayed.push(EventTime(hours(hour).micros()), number);
            decayed = decode_all(&bytes(&decayed)).unwrap();
        }
        decayed.mean()
    };
    assert_eq!((mean(&[]), mean(&[(5, 7.25)]), mean(&[(5, 0.0), (6, 0.0)])), (None, Some(7.25), Some(0.0)));
    assert_eq!((mean(&[(0, 4.0), (1, 1.0)]), mean(&[(1, 1.0), (0, 4.0)])), (Some(2.0), Some(2.0)));
    assert_eq!(mean(&[(-1_000_000, 1e300), (1_000_000, 3.0)]), Some(3.0));
    // Where the sum or the weights are beyond float64, the mean is not.
    assert_eq!(mean(&[(2_000_000, f64::MAX), (2_000_000, f64::MAX)]), Some(f64::MAX));
    assert_eq!(mean(&[(-2_000_000, 5e-324), (-2_000_000, 5e-324)]), Some(5e-324));
    assert_eq!(
        (mean(&[(0, 1.0), (1, f64::INFINITY)]), mean(&[(0, f64::NAN)]).map(f64::is_nan)),
        (Some(f64::INFINITY), Some(true))
    );
    // Every event has a weight, and all fade.
    let mut decayed = Decayed::<Hours<1>>::default();
    for (hour, number) in [(0, 0.0), (1, f64::NAN), (2, 5.0)] {
        decayed.push(EventTime(hours(hour).micros()), number);
    }
    let after = |hour: i64| decayed.weight(asked_at(hours(hour).micros()));
    assert_eq!((after(2), after(3), after(20_000)), (1.75, 0.875, 0.0));
    assert_eq!(Decayed::<Hours<1>>::default().weight(asked_at(0)), 0.0);
}

/// A number a second for ten million seconds, forgotten by half each day: a geometric sum, known exactly.
#[test]
fn ten_million_events_fade_without_drift() {
    let (second, events) = (1_000_000, 10_000_000_i64);
    let mut decayed = Decayed::<Days<1>>::default();
    for n in 0..events {
        decayed.push(EventTime(n * second), 0.1);
    }
    let daily = days(1).micros() / second;
    let step = (-std::f64::consts::LN_2 / daily as f64).exp_m1();
    let expected = 0.1 * ((-std::f64::consts::LN_2 * events as f64 / daily as f64).exp_m1() / step);
    let found = decayed.sum(asked_at((events - 1) * second));
    assert!((found / expected - 1.0).abs() < 2e-15, "{found} for {expected}");
    assert!(bytes(&decayed).len() < 90, "{}", bytes(&decayed).len());
}

/// A variance from a state that no numbers have would be that of a negative sum of squares, or take all memory.
#[test]
fn a_state_that_no_numbers_have_is_refused() {
    let far = [0, 1, 0xff, 0xff, 0xff, 0x0f, 1];
    assert_eq!(decode_all::<Sum>(&far).unwrap_err().to_string(), "a sum is larger or finer than numbers are");
    assert!(decode_all::<Variance>(&[&[1, 0, 0][..], &far[1..]].concat()).is_err());
}
