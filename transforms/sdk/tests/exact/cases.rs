//! Events over the whole range of float64 and of times.

use onepath_sdk::prelude::*;
use proptest::prelude::*;
use proptest::sample::select;

#[derive(Clone, Copy, Debug)]
pub struct Event {
    pub at: i64,
    pub number: f64,
    pub key: i64,
}

impl Event {
    pub fn time(&self) -> EventTime {
        EventTime(self.at)
    }

    pub fn word(&self) -> &'static str {
        ["", "a", "b", "é", "merchant", "a longer word than fits into a hash at once", "\0", "c"][self.key as usize]
    }
}

pub const HOUR: i64 = 3_600_000_000;
pub const DAY: i64 = 24 * HOUR;
pub const YEAR: i64 = 365 * DAY;

/// Exponents evenly over the whole range, with few or all bits of the fraction.
pub fn any_size() -> impl Strategy<Value = f64> {
    let fraction = prop_oneof![
        3 => Just(0_u64),
        3 => any::<u64>().prop_map(|bits| bits >> 12),
        1 => Just((1 << 52) - 1),
        1 => (0..52_u32).prop_map(|bit| 1 << bit),
    ];
    (any::<bool>(), 0..2047_u64, fraction).prop_map(|(is_negative, exponent, fraction)| {
        f64::from_bits(u64::from(is_negative) << 63 | exponent << 52 | fraction)
    })
}

/// Numbers of one kind, so that they meet: of all sizes, of one size, at the ends, ordinary ones; with what cancels them, and now and
/// then an infinity.
pub fn numbers(count: impl Into<prop::collection::SizeRange>) -> impl Strategy<Value = Vec<f64>> {
    let near = |base: f64| (-1.0..1.0_f64).prop_map(move |part| base * part).boxed();
    let ends = select(vec![f64::MAX, f64::MIN, f64::MAX / 2.0, 5e-324, -5e-324, f64::MIN_POSITIVE, 0.0, -0.0, 1.0]);
    let number = prop_oneof![
        3 => Just(any_size().boxed()),
        1 => Just(ends.boxed()),
        2 => Just((-50_000..5_000_000_i64).prop_map(|cents| cents as f64 / 100.0).boxed()),
        3 => any_size().prop_map(near),
        1 => Just(near(f64::MAX)),
        1 => Just(near(1e-310)),
        1 => Just(prop_oneof![8 => any_size(), 1 => select(vec![f64::INFINITY, f64::NEG_INFINITY])].boxed()),
        1 => Just(select(vec![1.0, f64::MAX, f64::INFINITY, f64::NEG_INFINITY]).boxed()),
    ];
    let count = count.into();
    (number, any::<bool>()).prop_flat_map(move |(number, cancels)| {
        prop::collection::vec(number, count.clone()).prop_map(move |mut numbers| {
            if cancels {
                let half = numbers.len() / 2;
                for at in 0..half {
                    numbers[half + at] = -numbers[at];
                }
            }
            numbers
        })
    })
}

/// Times that are all different, in no order: years, half-lives, and multiples of 64 half-lives apart.
pub fn times(count: usize) -> impl Strategy<Value = Vec<i64>> {
    let unit = select(vec![1, 1_000_000, 64_000_000, HOUR, 64 * HOUR, DAY, 7 * DAY, 64 * 7 * DAY, YEAR]);
    let time = (unit, -40..40_i64, -1..=1_i64).prop_map(|(unit, times, beside)| unit * times + beside);
    (select(vec![0, 19_723 * DAY]), prop::collection::btree_set(time, count)).prop_flat_map(|(start, times)| {
        let times: Vec<i64> = times.into_iter().map(|time| start + time).collect();
        Just(times).prop_shuffle()
    })
}

pub fn events() -> impl Strategy<Value = Vec<Event>> {
    numbers(0..24).prop_flat_map(|numbers| {
        let count = numbers.len();
        (Just(numbers), times(count), prop::collection::vec(0..8_i64, count)).prop_map(|(numbers, times, keys)| {
            let rest = times.into_iter().zip(keys);
            numbers.into_iter().zip(rest).map(|(number, (at, key))| Event { at, number, key }).collect()
        })
    })
}

pub fn of_window(events: &[Event], newest: i64, length: i64) -> Vec<Event> {
    let mut seen: Vec<Event> = events.iter().copied().filter(|event| event.at >= newest - length).collect();
    seen.sort_by_key(|event| event.at);
    seen
}

pub fn amounts(events: &[Event]) -> Vec<f64> {
    events.iter().map(|event| event.number).collect()
}
