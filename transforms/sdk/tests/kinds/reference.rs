//! The naive reference: for each feature a loop over all events. It shares no line with the SDK.

use std::collections::{BTreeMap, BTreeSet};

use num_bigint::{BigInt, Sign};

const MINUTE: i64 = 60_000_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// One event. A list of them is in the order of application.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Event {
    pub at: i64,
    pub word: &'static str,
    pub amount: f64,
}

/// What a feature should be, as its name and its value in text, or a number near it.
#[derive(Debug)]
pub enum Expected {
    Exactly(String),
    /// Name, number, distance.
    Near(&'static str, f64, f64),
}

impl Expected {
    pub fn agrees(&self, found: &str) -> bool {
        match self {
            Expected::Exactly(expected) => expected == found,
            Expected::Near(name, expected, distance) => {
                let number = found.strip_prefix(name).and_then(|rest| rest.strip_prefix(" = "));
                number
                    .and_then(|number| number.parse::<f64>().ok())
                    .is_some_and(|number| (number - expected).abs() <= *distance)
            }
        }
    }
}

trait Shown {
    fn shown(&self) -> String;
}

impl Shown for i64 {
    fn shown(&self) -> String {
        self.to_string()
    }
}

impl Shown for f64 {
    fn shown(&self) -> String {
        format!("{self:?}")
    }
}

impl Shown for String {
    fn shown(&self) -> String {
        self.clone()
    }
}

impl<T: Shown> Shown for Option<T> {
    fn shown(&self) -> String {
        self.as_ref().map_or_else(|| "null".to_owned(), Shown::shown)
    }
}

fn exactly(name: &str, value: impl Shown) -> Expected {
    Expected::Exactly(format!("{name} = {}", value.shown()))
}

fn near(name: &'static str, value: Option<f64>, relative: f64) -> Expected {
    value.map_or_else(|| exactly(name, None::<f64>), |value| Expected::Near(name, value, value.abs() * relative))
}

/// The number as a multiple of 2^-1074.
fn integer(number: f64) -> BigInt {
    let (bits, fraction) = (number.to_bits(), number.to_bits() & ((1 << 52) - 1));
    let exponent = bits >> 52 & 0x7ff;
    let magnitude =
        if exponent == 0 { BigInt::from(fraction) } else { BigInt::from(fraction | 1 << 52) << (exponent - 1) };
    if number < 0.0 { -magnitude } else { magnitude }
}

/// numerator / denominator x 2^exponent, rounded once.
fn nearest(numerator: &BigInt, denominator: &BigInt, exponent: i64) -> f64 {
    if numerator.sign() == Sign::NoSign {
        return 0.0;
    }
    let shift = 62 - (numerator.bits() as i64 - denominator.bits() as i64);
    let up = |number: &BigInt, by: i64| if by > 0 { number << by } else { number.clone() };
    let (numerator, denominator) = (up(numerator, shift), up(denominator, -shift));
    let is_negative = numerator.sign() == Sign::Minus;
    let (magnitude, denominator) = (numerator.magnitude(), denominator.magnitude());
    let quotient = u64::try_from(magnitude / denominator).expect("63 bits");
    let sticky = u64::from(magnitude % denominator != num_bigint::BigUint::from(0_u8));
    let rounded = (quotient | sticky) as f64 * ((exponent - shift) as f64).exp2();
    if is_negative { -rounded } else { rounded }
}

fn sum(amounts: &[f64]) -> f64 {
    nearest(&amounts.iter().map(|&amount| integer(amount)).sum(), &BigInt::from(1), -1074)
}

fn mean(amounts: &[f64]) -> Option<f64> {
    let total = amounts.iter().map(|&amount| integer(amount)).sum();
    let sum = nearest(&total, &BigInt::from(1), -1074);
    let mean = || {
        if sum.is_finite() { sum / amounts.len() as f64 } else { nearest(&total, &BigInt::from(amounts.len()), -1074) }
    };
    (!amounts.is_empty()).then(mean)
}

/// The variance with this divisor.
fn variance(amounts: &[f64], divisor: usize) -> Option<f64> {
    variance_times(amounts, divisor, 0)
}

/// Its square root, also of a variance that is too small for a float64.
fn std_dev(amounts: &[f64], divisor: usize) -> Option<f64> {
    let shift = if variance(amounts, divisor)? > 1e-290 { 0 } else { 1400 };
    variance_times(amounts, divisor, shift).map(|variance| variance.sqrt() * (-shift as f64 / 2.0).exp2())
}

/// The variance times 2^`shift`.
fn variance_times(amounts: &[f64], divisor: usize, shift: i64) -> Option<f64> {
    let total: BigInt = amounts.iter().map(|&amount| integer(amount)).sum();
    let squares: BigInt = amounts.iter().map(|&amount| integer(amount).pow(2)).sum();
    let count = amounts.len();
    (divisor > 0).then(|| nearest(&(squares * count - &total * &total), &(BigInt::from(count) * divisor), shift - 2148))
}

fn sorted(amounts: &[f64]) -> Vec<f64> {
    let mut amounts = amounts.to_vec();
    amounts.sort_by(f64::total_cmp);
    amounts
}

fn median(amounts: &[f64]) -> Option<f64> {
    let amounts = sorted(amounts);
    let half = amounts.len() / 2;
    match amounts.len() {
        0 => None,
        count if count % 2 == 1 => Some(amounts[half]),
        _ if amounts[half - 1] == amounts[half] => Some(amounts[half - 1]),
        _ => Some(amounts[half - 1] * 0.5 + amounts[half] * 0.5),
    }
}

/// The amount at the rank that is `q` of the way through the others.
fn at_rank(amounts: &[f64], q: f64) -> Option<f64> {
    let rank = (q * amounts.len().saturating_sub(1) as f64).round() as usize;
    sorted(amounts).get(rank).copied()
}

fn distinct<T: Ord>(items: impl Iterator<Item = T>) -> i64 {
    items.collect::<BTreeSet<T>>().len() as i64
}

/// The most frequent one; of equally frequent ones the smallest.
fn favourite(items: impl Iterator<Item = i64>) -> Option<i64> {
    let mut counts = BTreeMap::<i64, i64>::new();
    items.for_each(|item| *counts.entry(item).or_default() += 1);
    let most = counts.values().copied().max()?;
    counts.into_iter().find(|&(_, count)| count == most).map(|(item, _)| item)
}

/// Space-Saving with three places, told in two.
fn top_words(events: &[Event]) -> String {
    let mut counts = BTreeMap::<&str, i64>::new();
    for event in events {
        if counts.len() == 3 && !counts.contains_key(event.word) {
            let least = counts.values().copied().min().unwrap_or(0);
            let loser = counts.iter().rev().find(|&(_, &count)| count == least).map(|(&word, _)| word);
            counts.remove(loser.unwrap_or(""));
            counts.insert(event.word, least);
        }
        *counts.entry(event.word).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|&(_, count)| -count);
    counts.iter().take(2).map(|(word, count)| format!("{word}:{count}")).collect::<Vec<_>>().join(" ")
}

/// Cuts events, sorted by time, wherever `ends` says that the next one begins another session.
fn gap_sessions(events: &[Event]) -> Vec<Vec<Event>> {
    let (mut kept, mut newest): (Vec<Event>, _) = (Vec::new(), i64::MIN);
    for event in events {
        let is_near = kept.iter().any(|other| (other.at - event.at).abs() <= 30 * HOUR);
        if is_near || newest == i64::MIN || event.at >= newest - 60 * DAY {
            kept.push(*event);
            newest = newest.max(event.at);
        }
        let sessions = cut(&kept);
        let gone = sessions.iter().filter(|session| session.last().is_some_and(|last| last.at < newest - 60 * DAY));
        let gone: Vec<Event> = gone.flatten().copied().collect();
        kept.retain(|event| !gone.iter().any(|other| other.at == event.at));
    }
    cut(&kept)
}

fn cut(events: &[Event]) -> Vec<Vec<Event>> {
    let mut events = events.to_vec();
    events.sort_by_key(|event| event.at);
    events.chunk_by(|a, b| b.at - a.at <= 30 * HOUR).map(<[Event]>::to_vec).collect()
}

/// Sessions of 30 minutes from their first event, by start.
fn fixed_sessions(events: &[Event]) -> Vec<Vec<Event>> {
    let (mut sessions, mut newest): (Vec<Vec<Event>>, _) = (Vec::new(), i64::MIN);
    for event in events {
        let begun = sessions.iter_mut().rfind(|session| session[0].at <= event.at);
        match begun.filter(|session| event.at - session[0].at <= 30 * MINUTE) {
            Some(session) => session.push(*event),
            None if newest == i64::MIN || event.at >= newest - 60 * DAY => sessions.push(vec![*event]),
            None => {}
        }
        sessions.sort_by_key(|session| session[0].at);
        let end = |session: &Vec<Event>| session.iter().map(|event| event.at).max().unwrap_or(0);
        newest = sessions.iter().map(end).max().unwrap_or(newest);
        sessions.retain(|session| end(session) >= newest - 60 * DAY);
    }
    sessions
}

/// What the features should be, after these events.
pub fn answers(events: &[Event], as_of: i64, in_days: i64) -> Vec<Expected> {
    let mut by_time = events.to_vec();
    by_time.sort_by_key(|event| event.at);
    let between = |from: i64, to: i64| -> Vec<f64> {
        by_time.iter().filter(|event| from <= event.at && event.at <= to).map(|event| event.amount).collect()
    };
    let closed = |length: i64| between(as_of - length, as_of);
    let half_open = |length: i64| between(as_of - length + 1, as_of);
    let all = half_open(100_000 * DAY);
    let words = |from: i64, to: i64| {
        distinct(events.iter().filter(|event| from <= event.at && event.at <= to).map(|event| event.word))
    };
    let whole = |amount: &f64| *amount as i64 % 7;
    let (last_30d, last_90d) = (closed(30 * DAY), half_open(90 * DAY));
    let flags: Vec<bool> =
        events.iter().filter(|event| event.at >= as_of - 36 * HOUR).map(|event| event.word == "purchase").collect();
    let share = |flags: &[bool]| {
        (!flags.is_empty()).then(|| flags.iter().filter(|&&flag| flag).count() as f64 / flags.len() as f64)
    };
    let purchases: Vec<bool> = events.iter().map(|event| event.word == "purchase").collect();
    let last_words: Vec<&str> = by_time[by_time.len().saturating_sub(3)..].iter().map(|event| event.word).collect();
    let day = as_of.div_euclid(DAY) * DAY;
    let ten_minutes = as_of.div_euclid(10 * MINUTE) * 10 * MINUTE;
    let sawtooth = (as_of - 30 * DAY).div_euclid(DAY) * DAY;
    let sessions = gap_sessions(events);
    let current = sessions.last().filter(|session| as_of - session[session.len() - 1].at <= 30 * HOUR);
    let fixed = fixed_sessions(events);
    let fixed_amounts = |session: &Vec<Event>| session.iter().map(|event| event.amount).collect::<Vec<_>>();
    // In two steps, so that no weight is subnormal.
    let root = |event: &Event| (-(as_of - event.at) as f64 / (14 * DAY) as f64).exp2();
    let faded = |event: &Event| event.amount * root(event) * root(event);
    let decayed: f64 = events.iter().map(faded).sum();
    let decayed_size: f64 = events.iter().map(|event| faded(event).abs()).sum();
    let newest = by_time.last().map_or(0, |event| event.at);
    // Since the newest event, in two steps again.
    let root = |event: &Event| (-(newest - event.at) as f64 / (14 * DAY) as f64).exp2();
    let weighted = |number: f64, event: &Event| number * root(event) * root(event);
    let weights: f64 = events.iter().map(|event| weighted(1.0, event)).sum();
    let mean_7d = events.iter().map(|event| weighted(event.amount, event)).sum::<f64>() / weights;
    let mean_size: f64 = events.iter().map(|event| weighted(event.amount.abs(), event)).sum::<f64>() / weights;
    let local = as_of + HOUR;
    let weekday = (local.div_euclid(DAY) + 3).rem_euclid(7);
    let turn = (weekday * DAY + local.rem_euclid(DAY)) as f64 / (7 * DAY) as f64 * std::f64::consts::TAU;
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    // In units of the largest amount, so that no square is too small.
    let in_units = |amounts: &[f64]| {
        let largest = amounts.iter().fold(0.0, |largest: f64, amount| largest.max(amount.abs()));
        amounts.iter().map(|amount| if largest > 0.0 { amount / largest } else { 0.0 }).collect::<Vec<_>>()
    };
    let (units_30d, units_90d) = (in_units(&last_30d), in_units(&last_90d));
    let norms = dot(&units_30d, &units_30d).sqrt() * dot(&units_90d, &units_90d).sqrt();
    let cosine = (last_30d.len() == last_90d.len() && norms > 0.0).then(|| dot(&units_30d, &units_90d) / norms);
    let total = sum(&last_90d);
    vec![
        exactly("count_30d", last_30d.len() as i64),
        exactly("sum_90d", total),
        exactly("mean_30d", mean(&last_30d)),
        exactly("std_90d", std_dev(&last_90d, last_90d.len())),
        exactly("min_30d", sorted(&last_30d).first().copied()),
        exactly("max_30d", sorted(&last_30d).last().copied()),
        exactly("median_90d", median(&last_90d)),
        exactly("distinct_wholes_90d", distinct(closed(90 * DAY).iter().map(whole))),
        exactly("favourite_whole_90d", favourite(closed(90 * DAY).iter().map(whole))),
        exactly("share_36h", share(&flags)),
        exactly("mean_in_days", mean(&closed(in_days * DAY))),
        exactly("mean_in_days_before", mean(&between(as_of - 2 * in_days * DAY, as_of - in_days * DAY))),
        exactly("sum_30d_60d_ago", sum(&between(as_of - 90 * DAY + 1, as_of - 60 * DAY))),
        exactly("words_30d", words(as_of - 30 * DAY + 1, as_of)),
        exactly("mean_of_last_5", mean(&all[all.len().saturating_sub(5)..])),
        exactly("last_words", last_words.join(" ")),
        exactly("amount_7d_ago", between(i64::MIN, as_of - 7 * DAY).last().copied()),
        exactly("count", events.len() as i64),
        exactly("mean", mean(&all)),
        exactly("sample_variance", variance(&all, all.len().saturating_sub(1))),
        exactly("min", sorted(&all).first().copied()),
        exactly("max", sorted(&all).last().copied()),
        exactly("first_word", by_time.first().map(|event| event.word.to_owned())),
        exactly("last_amount", by_time.last().map(|event| event.amount)),
        exactly("hours_since_last", by_time.last().map(|event| (as_of - event.at) / HOUR)),
        exactly("share", share(&purchases)),
        exactly("distinct_words", words(i64::MIN, as_of)),
        // Seven words at most, in 64 registers.
        Expected::Near("about_words", words(i64::MIN, as_of) as f64, 2.0),
        exactly("mode", favourite(all.iter().map(whole))),
        exactly("top_words", top_words(events)),
        near("p90", at_rank(&all, 0.9), 1.0 / 256.0),
        // In the range of subnormal numbers, a few of the smallest.
        Expected::Near("decayed_7d", decayed, decayed_size * 1e-13 + 1e-322),
        match events {
            [] => exactly("decayed_mean_7d", None::<f64>),
            _ => Expected::Near("decayed_mean_7d", mean_7d, mean_size * 1e-13 + 1e-322),
        },
        exactly("sawtooth_mean_30d", mean(&between(sawtooth, as_of))),
        exactly("sawtooth_words_30d", words(sawtooth, as_of)),
        near("hopped_median_7d", at_rank(&between(day - 7 * DAY, day - 1), 0.5), 1.0 / 256.0),
        exactly("hopped_sum_2h", sum(&between(ten_minutes - 2 * HOUR, ten_minutes - 1))),
        exactly("hopped_sum_1h_before", sum(&between(ten_minutes - 2 * HOUR, ten_minutes - HOUR - 1))),
        exactly("count_today", between(day, as_of).len() as i64),
        exactly("sum_yesterday", sum(&between(day - DAY, day - 1))),
        exactly("session_count", current.map(|session| session.len() as i64)),
        exactly("session_last", current.map(|session| session[session.len() - 1].amount)),
        exactly("sessions_30d", sessions.iter().filter(|session| session[0].at >= as_of - 30 * DAY).count() as i64),
        exactly(
            "session_sum",
            fixed.last().filter(|last| as_of - last[0].at <= 30 * MINUTE).map(|last| sum(&fixed_amounts(last))),
        ),
        exactly("fixed_sessions", fixed.len() as i64),
        exactly("hour", local.rem_euclid(DAY) / HOUR),
        exactly("is_weekend", (weekday >= 5).to_string()),
        exactly("week", format!("{:?}", [libm::sin(turn), libm::cos(turn)])),
        near("log_sum", Some(total.abs().ln_1p().copysign(total)), 1e-14),
        match cosine {
            Some(cosine) => Expected::Near("similarity", cosine, 1e-12),
            None => exactly("similarity", None::<f64>),
        },
    ]
}
