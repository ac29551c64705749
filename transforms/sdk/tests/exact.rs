//! Every aggregate and window over the whole range of float64 and of times: in one pass, through encoded states cut anywhere,
//! merged in any order, and against integers of any size.
//!
//! The answers of ordinary numbers, and of all kinds in one transform, are in `kinds.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use onepath_sdk::prelude::*;
use onepath_sdk::state::decode_all;
use onepath_sdk::testing::as_of;
use proptest::prelude::*;
use proptest::sample::{Index, select};

#[path = "exact/big.rs"]
mod big;
#[path = "exact/cases.rs"]
mod cases;
#[path = "exact/expected.rs"]
mod expected;

use big::Big;
use cases::{DAY, Event, HOUR, YEAR, amounts, events, numbers, of_window};
use expected::{
    assert_same, check_decayed, check_decayed_mean, check_mean, check_quantile, check_sketch, check_spread,
    expected_sum, infinite, sorted,
};

/// Thirty years.
type Thirty = Days<{ 30 * 365 }>;

fn up_to(micros: i64) -> UpTo<Thirty> {
    UpTo::new(Length::from_micros(micros)).expect("it is at most thirty years")
}

/// A window whose length is the only parameter.
struct Parameter;

impl Spans for Parameter {
    type Parameters<'a> = UpTo<Thirty>;

    fn spans(length: &UpTo<Thirty>) -> [Span; 1] {
        [Span::last(*length)]
    }
}

fn bytes(state: &impl State) -> Vec<u8> {
    let mut bytes = Vec::new();
    state.encode(&mut bytes);
    bytes
}

/// The state of one pass; the same, whatever was encoded and decoded on the way.
fn cut<S: State + Default>(name: &str, events: &[Event], cuts: &[Index], push: impl Fn(&mut S, &Event)) -> S {
    let (mut whole, mut resumed) = (S::default(), S::default());
    let cuts: BTreeSet<usize> = cuts.iter().map(|cut| cut.index(events.len() + 1)).collect();
    for (at, event) in events.iter().enumerate() {
        if cuts.contains(&at) {
            resumed = decode_all(&bytes(&resumed)).expect("what was encoded");
            resumed = decode_all(&bytes(&resumed)).expect("what was encoded again");
            assert_eq!(bytes(&resumed), bytes(&whole), "{name} before event {at}");
        }
        push(&mut whole, event);
        push(&mut resumed, event);
    }
    assert_eq!(bytes(&resumed), bytes(&whole), "{name} cut at {cuts:?}");
    whole
}

/// As [`cut`], and the same again from parts that are merged in any order.
fn merged<A: Aggregate + Debug>(
    name: &str,
    events: &[Event],
    cuts: &[Index],
    turns: &[Index],
    item: impl for<'e> Fn(&'e Event) -> A::Item<'e>,
) -> A {
    let push = |state: &mut A, event: &Event| state.push(event.time(), item(event));
    let whole = cut::<A>(name, events, cuts, push);
    let mut parts: Vec<A> = Vec::new();
    for (at, event) in events.iter().enumerate() {
        if parts.is_empty() || cuts.iter().any(|cut| cut.index(events.len() + 1) == at) {
            parts.push(A::default());
        }
        push(parts.last_mut().expect("one was pushed"), event);
    }
    for turn in turns.iter().cycle() {
        if parts.len() < 2 {
            break;
        }
        let taken = parts.swap_remove(turn.index(parts.len()));
        let into = turn.index(parts.len());
        parts[into].merge(&taken);
    }
    if let Some(all) = parts.pop() {
        assert_eq!(bytes(&all), bytes(&whole), "{name} merged: {all:?} for {whole:?}");
    }
    whole
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(700) })]

    #[test]
    fn sums_are_exact(events in events(), cuts in prop::collection::vec(any::<Index>(), 0..5), turns in prop::collection::vec(any::<Index>(), 3)) {
        let numbers = amounts(&events);
        let sum: Sum = merged("sum", &events, &cuts, &turns, |event| event.number);
        assert_same(sum.sum(), expected_sum(&numbers));
        let mean: Mean = merged("mean", &events, &cuts, &turns, |event| event.number);
        check_mean(mean.mean(), &numbers);
        let spread: Variance = merged("variance", &events, &cuts, &turns, |event| event.number);
        let count = numbers.len() as i64;
        check_mean(spread.mean(), &numbers);
        check_spread(&numbers, count, spread.variance(), spread.std_dev());
        check_spread(&numbers, count - 1, spread.sample_variance(), spread.sample_std_dev());
        let (min, max): (Min, Max) = merged("extremes", &events, &cuts, &turns, |event| (event.number, event.number));
        let sorted = sorted(&numbers);
        prop_assert_eq!((min.min(), max.max()), (sorted.first().copied(), sorted.last().copied()));
    }

    #[test]
    fn what_fades_is_exact(events in events(), cuts in prop::collection::vec(any::<Index>(), 0..5), turns in prop::collection::vec(any::<Index>(), 3), later in 0..YEAR) {
        let now = events.iter().map(|event| event.at).max().unwrap_or(0) + later;
        let weekly: Decayed<Days<7>> = merged("decayed, weeks", &events, &cuts, &turns, |event| event.number);
        check_decayed(&events, now, 7 * DAY, weekly.sum(as_of(now)));
        check_decayed_mean(&events, 7 * DAY, weekly.mean());
        let hourly: Decayed<Hours<1>> = merged("decayed, hours", &events, &cuts, &turns, |event| event.number);
        check_decayed(&events, now, HOUR, hourly.sum(as_of(now)));
        check_decayed_mean(&events, HOUR, hourly.mean());
        let fast: Decayed<Seconds<1>> = merged("decayed, seconds", &events, &cuts, &turns, |event| event.number);
        check_decayed(&events, now, 1_000_000, fast.sum(as_of(now)));
        check_decayed_mean(&events, 1_000_000, fast.mean());
        prop_assert!([bytes(&weekly), bytes(&hourly), bytes(&fast)].iter().all(|state| state.len() <= 160));
    }

    #[test]
    fn counts_and_edges_are_exact(events in events(), cuts in prop::collection::vec(any::<Index>(), 0..5), turns in prop::collection::vec(any::<Index>(), 3)) {
        let by_time = of_window(&events, 0, i64::MAX);
        let (count, share): (Count, Share) = merged("counts", &events, &cuts, &turns, |event| ((), event.key > 3));
        prop_assert_eq!((count.count(), share.hits()), (events.len() as i64, events.iter().filter(|event| event.key > 3).count() as i64));
        let (first, last, recency): (First<f64>, Last<String>, Recency) = merged("edges", &events, &cuts, &turns, |event| (event.number, event.word(), ()));
        prop_assert_eq!(first.value().map(|value| value.to_bits()), by_time.first().map(|event| event.number.to_bits()));
        prop_assert_eq!(last.value().map(String::as_str), by_time.last().map(Event::word));
        prop_assert_eq!(recency.at(), by_time.last().map(Event::time));
        let mut counts = BTreeMap::<&str, i64>::new();
        events.iter().for_each(|event| *counts.entry(event.word()).or_default() += 1);
        let distinct = counts.len() as i64;
        type Keys = (Distinct<String>, Counts<String>, TopK<String, 8>, HyperLogLog<String, 12>);
        let keys: Keys = merged("keys", &events, &cuts, &turns, |event| (event.word(), event.word(), event.word(), event.word()));
        prop_assert_eq!((keys.0.count(), keys.1.distinct(), keys.3.count()), (distinct, distinct, distinct));
        let mut most: Vec<_> = counts.into_iter().map(|(word, count)| (word.to_owned(), count)).collect();
        most.sort_by_key(|&(_, count)| -count);
        prop_assert_eq!((&keys.1.top(9), &keys.2.top(9)), (&most, &most));
        let numbers: (Distinct<i64>, Counts<i64>, HyperLogLog<i64, 4>) = merged("numbers", &events, &cuts, &turns, |event| (&event.key, &event.key, &event.key));
        prop_assert_eq!((numbers.0.count(), numbers.1.distinct()), (distinct, distinct));
        // Once it lets go of keys, its merges are estimates: only the bytes of a pass are compared.
        cut::<TopK<i64, 3>>("top k", &events, &cuts, |state, event| state.push(event.time(), &event.key));
    }

    #[test]
    fn quantiles_are_near(events in events(), cuts in prop::collection::vec(any::<Index>(), 0..5), turns in prop::collection::vec(any::<Index>(), 3), q in prop_oneof![0.0..=1.0_f64, select(vec![0.0, 0.5, 1.0])]) {
        let numbers = amounts(&events);
        let sketch: QuantileSketch = merged("sketch", &events, &cuts, &turns, |event| event.number);
        check_sketch(&sketch, &numbers, q);
        let all = cut::<LastN<f64, 24>>("last n", &events, &cuts, |state, event| state.push(event.time(), event.number));
        check_quantile(&numbers, q, all.view().quantile(q));
    }

    #[test]
    fn windows_are_exact(events in events(), cuts in prop::collection::vec(any::<Index>(), 0..5), length in select(vec![0, 1, HOUR, 64 * HOUR, 90 * DAY, 30 * YEAR])) {
        let length = up_to(length);
        let window = cut::<Window<f64, Thirty>>("window", &events, &cuts, |state, event| state.push(event.time(), event.number));
        let by_parameter = cut::<ParameterWindow<f64, Parameter>>("parameter window", &events, &cuts, |state, event| {
            state.push(event.time(), event.number, &length);
        });
        let keys = cut::<DistinctWindow<String, Thirty>>("distinct window", &events, &cuts, |state, event| state.push(event.time(), event.word()));
        cut::<DistinctWindow<i64, Seconds<1>>>("short distinct window", &events, &cuts, |state, event| state.push(event.time(), &event.key));
        let wholes = cut::<Window<i64, Seconds<1>>>("short window", &events, &cuts, |state, event| state.push(event.time(), event.number as i64));
        let Some(newest) = events.iter().map(|event| event.at).max() else { return Ok(()) };
        let now = as_of(newest);
        let seen = of_window(&events, newest, length.length().micros());
        let numbers = amounts(&seen);
        let [by_parameter] = by_parameter.closed(now, &length);
        for view in [window.closed_for(now, length), by_parameter] {
            prop_assert_eq!(view.count(), seen.len() as i64);
            assert_same(view.sum(), expected_sum(&numbers));
            check_mean(view.mean(), &numbers);
            check_spread(&numbers, numbers.len() as i64, view.variance(), view.std_dev());
        }
        let words: BTreeSet<&str> = seen.iter().map(Event::word).collect();
        prop_assert_eq!(keys.closed_for(now, length).count(), words.len() as i64);
        let wholes = wholes.closed::<Seconds<1>>(now);
        let sum: i128 = wholes.values().iter().map(|&value| i128::from(value)).sum();
        assert_same(wholes.mean().unwrap_or(f64::NAN), sum as f64 / wholes.count() as f64);
    }

    #[test]
    fn the_last_and_the_lagging_are_exact(events in events(), cuts in prop::collection::vec(any::<Index>(), 0..5), ago in select(vec![0, 1, HOUR, 7 * DAY, 30 * YEAR])) {
        let last = cut::<LastN<f64, 5>>("last n", &events, &cuts, |state, event| state.push(event.time(), event.number));
        cut::<LastN<String, 3>>("last words", &events, &cuts, |state, event| state.push(event.time(), event.word()));
        let lag = cut::<Lag<f64, Thirty>>("lag", &events, &cuts, |state, event| state.push(event.time(), event.number));
        cut::<Lag<String, Seconds<1>>>("short lag", &events, &cuts, |state, event| state.push(event.time(), event.word()));
        let by_time = of_window(&events, 0, i64::MAX);
        let numbers = amounts(&by_time[by_time.len().saturating_sub(5)..]);
        assert_same(last.view().sum(), expected_sum(&numbers));
        check_mean(last.view().mean(), &numbers);
        let newest = by_time.last().map_or(0, |event| event.at);
        let then = by_time.iter().rfind(|event| event.at <= newest - ago).map(|event| event.number.to_bits());
        prop_assert_eq!(lag.value_for(as_of(newest), up_to(ago)).map(|value| value.to_bits()), then);
    }

    #[test]
    fn tiles_and_sessions_are_exact(events in events(), cuts in prop::collection::vec(any::<Index>(), 0..5)) {
        type Tile = (Mean, Variance, QuantileSketch, Decayed<Days<7>>);
        let item = |event: &Event| (event.number, event.number, event.number, event.number);
        let hopping = cut::<Hopping<Tile, Thirty, Days<365>>>("hopping", &events, &cuts, |state, event| state.push(event.time(), item(event)));
        let day = cut::<Tumbling<(Sum, Decayed<Hours<1>>), Days<1>>>("tumbling", &events, &cuts, |state, event| state.push(event.time(), (event.number, event.number)));
        cut::<Sessions<(Sum, Distinct<String>), Gap<Hours<30>>, Days<60>>>("sessions", &events, &cuts, |state, event| state.push(event.time(), (event.number, event.word())));
        cut::<Sessions<Tile, Fixed<Days<2>>, Days<{ 365 * 20 }>>>("fixed sessions", &events, &cuts, |state, event| state.push(event.time(), item(event)));
        let Some(newest) = events.iter().map(|event| event.at).max() else { return Ok(()) };
        let between = |from: i64, to: i64| -> Vec<Event> { events.iter().copied().filter(|event| (from..=to).contains(&event.at)).collect() };
        let start = (newest - 30 * YEAR).div_euclid(YEAR) * YEAR;
        let (seen, (mean, spread, sketch, decayed)) = (between(start, newest), hopping.sawtooth::<Thirty>(as_of(newest)));
        let numbers = amounts(&seen);
        check_mean(mean.mean(), &numbers);
        check_spread(&numbers, numbers.len() as i64, spread.variance(), spread.std_dev());
        check_sketch(&sketch, &numbers, 0.5);
        check_decayed(&seen, newest, 7 * DAY, decayed.sum(as_of(newest)));
        check_decayed_mean(&seen, 7 * DAY, decayed.mean());
        let today = between(newest.div_euclid(DAY) * DAY, newest);
        let (sum, hourly) = day.current(as_of(newest));
        assert_same(sum.sum(), expected_sum(&amounts(&today)));
        check_decayed(&today, newest, HOUR, hourly.sum(as_of(newest)));
    }

    #[test]
    fn embeddings_neither_overflow_nor_vanish(pairs in numbers(2..16)) {
        let half = pairs.len() / 2;
        let (a, b) = (&pairs[..half], &pairs[half..half * 2]);
        prop_assume!(infinite(&pairs).is_none());
        let (ab, aa, bb) = (big::dot(a, b), big::dot(a, a), big::dot(b, b));
        let far = |number: &Big| number.times(&Big::power(2200)).root().times(&Big::power(-1100));
        prop_assert!(far(&aa).is_within(embedding::norm(a), 2), "{} of {a:?}", embedding::norm(a));
        let size = a.iter().zip(b).fold(Big::zero(), |size, (&a, &b)| size.plus(&Big::of(a).times(&Big::of(b)).size()));
        let dot = embedding::dot(a, b).expect("they have one length");
        let bound = size.times(&Big::power(-52)).plus(&Big::power(-1074));
        prop_assert!(dot.is_infinite() && ab.is_within(dot, 1) || !dot.is_infinite() && ab.minus(&Big::of(dot)).size().order(&bound).is_le());
        match embedding::cosine(a, b) {
            None => prop_assert!(aa.is_zero() || bb.is_zero()),
            Some(cosine) => {
                let expected = ab.over(&aa.times(&bb).times(&Big::power(4400)).root().times(&Big::power(-2200)));
                prop_assert!(expected.minus(&Big::of(cosine)).size().order(&Big::power(-50)).is_le(), "{cosine} of {a:?} and {b:?}");
            }
        }
        let length = embedding::norm(&embedding::normalized(a));
        prop_assert!(aa.is_zero() || (length - 1.0).abs() < 1e-9, "{length} of {a:?}");
    }
}

/// The first number has all bits of its limb when it comes back from its bytes; the second is too far below it to be kept.
#[test]
fn what_comes_too_late_is_dropped_whatever_was_encoded() {
    let week = 7 * DAY;
    for late in 0..8 {
        let events = [(64 * 8 * week, -1.0), (64 * late * week, 5.0)];
        let events = events.map(|(at, number)| Event { at, number, key: 0 });
        let (mut whole, mut resumed) = (Decayed::<Days<7>>::default(), Decayed::<Days<7>>::default());
        for event in &events {
            whole.push(event.time(), event.number);
            resumed.push(event.time(), event.number);
            resumed = decode_all(&bytes(&resumed)).expect("what was encoded");
        }
        assert_eq!(bytes(&resumed), bytes(&whole), "{late}");
        let now = 64 * 8 * week;
        check_decayed(&events, now, week, whole.sum(as_of(now)));
    }
}
