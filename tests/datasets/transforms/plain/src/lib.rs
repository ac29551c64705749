//! Loops over lists of events: nothing is kept but the events, and every question goes through all of them. Windows, ties, keys,
//! sessions and hops are told anew here; of the SDK are only sums, means and variances of numbers that are already chosen, which it
//! rounds once.
use std::collections::{BTreeMap, BTreeSet};

use onepath_sdk::prelude::*;
use onepath_sdk::window::sum;

/// Events by time; of one time, in the order in which they came.
pub type Events<T> = Vec<(EventTime, T)>;

/// Adds an event to those that are there.
pub fn insert<T>(events: &mut Events<T>, at: EventTime, event: T) {
    let before = events.iter().rposition(|&(other, _)| other <= at);
    events.insert(before.map_or(0, |before| before + 1), (at, event));
}

/// A part of the events.
pub type Part<'a, T> = Vec<&'a (EventTime, T)>;

/// All events.
pub fn all<T>(events: &Events<T>) -> Part<'_, T> {
    events.iter().collect()
}

/// How old an event is, in microseconds.
fn age(as_of: AsOf, at: EventTime) -> i64 {
    as_of.since(at).micros()
}

/// Those in `[as_of - length, as_of]`.
pub fn closed<T>(events: &Events<T>, as_of: AsOf, length: Length) -> Part<'_, T> {
    closed_ago(events, as_of, Length::ZERO, length)
}

/// Those in `[as_of - ago - length, as_of - ago]`.
pub fn closed_ago<T>(events: &Events<T>, as_of: AsOf, ago: Length, length: Length) -> Part<'_, T> {
    let is_in = |age: i64| age >= ago.micros() && age <= (ago + length).micros();
    events.iter().filter(|(at, _)| is_in(age(as_of, *at))).collect()
}

/// Those in `(as_of - length, as_of]`.
pub fn half_open<T>(events: &Events<T>, as_of: AsOf, length: Length) -> Part<'_, T> {
    events.iter().filter(|(at, _)| age(as_of, *at) < length.micros()).collect()
}

/// Those in `(as_of - ago - length, as_of - ago]`.
pub fn half_open_ago<T>(events: &Events<T>, as_of: AsOf, ago: Length, length: Length) -> Part<'_, T> {
    let is_in = |age: i64| age >= ago.micros() && age < (ago + length).micros();
    events.iter().filter(|(at, _)| is_in(age(as_of, *at))).collect()
}

/// Those since the hop that `as_of - length` lies in.
pub fn sawtooth<T>(events: &Events<T>, as_of: AsOf, length: Length, hop: Length) -> Part<'_, T> {
    let first = as_of.micros().saturating_sub(length.micros()).div_euclid(hop.micros());
    events.iter().filter(|(at, _)| at.micros().div_euclid(hop.micros()) >= first).collect()
}

/// Those of `length`, a multiple of `hop`, up to the beginning of the hop that `as_of - ago` lies in.
pub fn hopped<T>(events: &Events<T>, as_of: AsOf, ago: Length, length: Length, hop: Length) -> Part<'_, T> {
    let end = as_of.micros().saturating_sub(ago.micros()).div_euclid(hop.micros()).saturating_mul(hop.micros());
    events.iter().filter(|(at, _)| (end.saturating_sub(length.micros())..end).contains(&at.micros())).collect()
}

/// Those of the stretch of `length` that `as_of` lies in, or of one before it.
pub fn tumbling<T>(events: &Events<T>, as_of: AsOf, length: Length, before: i64) -> Part<'_, T> {
    let stretch = as_of.micros().div_euclid(length.micros()) - before;
    events.iter().filter(|(at, _)| at.micros().div_euclid(length.micros()) == stretch).collect()
}

/// The last so many.
pub fn latest<T>(events: &Events<T>, count: usize) -> Part<'_, T> {
    events[events.len().saturating_sub(count)..].iter().collect()
}

/// The value that held so long ago.
pub fn ago<T>(events: &Events<T>, as_of: AsOf, ago: Length) -> Option<&T> {
    events.iter().rev().find(|(at, _)| age(as_of, *at) >= ago.micros()).map(|(_, event)| event)
}

/// Those of a part that were so long ago or longer.
pub fn until<T>(part: Part<'_, T>, as_of: AsOf, ago: Length) -> Part<'_, T> {
    part.into_iter().filter(|(at, _)| age(as_of, *at) >= ago.micros()).collect()
}

/// Sessions that end when nothing happens for longer than `gap`.
pub fn by_gap<T>(events: &Events<T>, gap: Length) -> Vec<Part<'_, T>> {
    sessions(events, |_, before, at| at.since(before) <= gap)
}

/// Sessions that take `length`.
pub fn by_length<T>(events: &Events<T>, length: Length) -> Vec<Part<'_, T>> {
    sessions(events, |start, _, at| at.since(start) <= length)
}

fn sessions<T>(events: &Events<T>, holds: impl Fn(EventTime, EventTime, EventTime) -> bool) -> Vec<Part<'_, T>> {
    let mut sessions: Vec<Part<'_, T>> = Vec::new();
    for event in events {
        match sessions.last_mut() {
            Some(session) if holds(session[0].0, session[session.len() - 1].0, event.0) => session.push(event),
            _ => sessions.push(vec![event]),
        }
    }
    sessions
}

/// How many sessions began in `[as_of - length, as_of]`.
pub fn begun<T>(sessions: &[Part<'_, T>], as_of: AsOf, length: Length) -> i64 {
    sessions.iter().filter(|session| age(as_of, session[0].0) <= length.micros()).count() as i64
}

/// From the first event of a session to its last.
pub fn length<T>(session: &Part<'_, T>) -> Length {
    session[session.len() - 1].0.since(session[0].0)
}

/// What a question asks of a part of the events.
pub trait Asked<T> {
    /// How many there are.
    fn count(&self) -> i64;

    /// Their numbers.
    fn numbers(&self, number: impl Fn(&T) -> Option<f64>) -> Numbers;

    /// Their values, the earliest first.
    fn values<V>(&self, value: impl Fn(&T) -> Option<V>) -> Vec<V>;

    /// Those for which something is true.
    fn only(&self, is: impl Fn(&T) -> bool) -> Self;

    /// How many there are for which something is true, of all.
    fn share(&self, is: impl Fn(&T) -> bool) -> Option<f64>;

    /// How old the latest is.
    fn since_last(&self, as_of: AsOf) -> Option<Length>;

    /// How old the earliest is.
    fn since_first(&self, as_of: AsOf) -> Option<Length>;
}

impl<T> Asked<T> for Part<'_, T> {
    fn count(&self) -> i64 {
        self.len() as i64
    }

    fn numbers(&self, number: impl Fn(&T) -> Option<f64>) -> Numbers {
        Numbers(self.iter().filter_map(|(_, event)| number(event)).collect())
    }

    fn values<V>(&self, value: impl Fn(&T) -> Option<V>) -> Vec<V> {
        self.iter().filter_map(|(_, event)| value(event)).collect()
    }

    fn only(&self, is: impl Fn(&T) -> bool) -> Self {
        self.iter().copied().filter(|(_, event)| is(event)).collect()
    }

    fn share(&self, is: impl Fn(&T) -> bool) -> Option<f64> {
        (!self.is_empty()).then(|| self.only(is).len() as f64 / self.len() as f64)
    }

    fn since_last(&self, as_of: AsOf) -> Option<Length> {
        self.last().map(|(at, _)| as_of.since(*at))
    }

    fn since_first(&self, as_of: AsOf) -> Option<Length> {
        self.first().map(|(at, _)| as_of.since(*at))
    }
}

/// Some numbers.
pub struct Numbers(pub Vec<f64>);

impl Numbers {
    /// Their sum; none where there is none.
    pub fn sum(&self) -> Option<f64> {
        (!self.0.is_empty()).then(|| sum(&self.0))
    }

    /// Their mean.
    pub fn mean(&self) -> Option<f64> {
        self.spread().mean()
    }

    /// What variances are of.
    pub fn spread(&self) -> Variance {
        let mut spread = Variance::default();
        self.0.iter().for_each(|&number| spread.push(EventTime(0), number));
        spread
    }

    /// The least.
    pub fn min(&self) -> Option<f64> {
        self.0.iter().copied().filter(|number| !number.is_nan()).min_by(f64::total_cmp)
    }

    /// The greatest.
    pub fn max(&self) -> Option<f64> {
        self.0.iter().copied().filter(|number| !number.is_nan()).max_by(f64::total_cmp)
    }

    /// The number `q` of the way through the others in order; between two of them what lies as far between them.
    pub fn percentile(&self, q: f64) -> Option<f64> {
        let mut sorted: Vec<f64> = self.0.iter().copied().filter(|number| !number.is_nan()).collect();
        sorted.sort_by(f64::total_cmp);
        let place = q * (sorted.len().checked_sub(1)?) as f64;
        let (below, part) = (place as usize, place.fract());
        let (low, high) = (sorted[below], sorted[(below + 1).min(sorted.len() - 1)]);
        if part == 0.0 || low == high {
            return Some(low);
        }
        let between = low * (1.0 - part) + high * part;
        Some(if between.is_nan() { between } else { between.clamp(low, high) })
    }
}

/// How many different values there are.
pub fn distinct<V: Ord>(values: Vec<V>) -> i64 {
    values.into_iter().collect::<BTreeSet<V>>().len() as i64
}

/// The most frequent values; of equally frequent ones the smaller first.
pub fn top<V: Ord + Clone>(values: Vec<V>) -> Vec<V> {
    let mut counts: BTreeMap<V, i64> = BTreeMap::new();
    for value in values {
        *counts.entry(value).or_default() += 1;
    }
    let mut counted: Vec<(i64, V)> = counts.into_iter().map(|(value, count)| (-count, value)).collect();
    counted.sort();
    counted.into_iter().map(|(_, value)| value).collect()
}

/// A number by another; none where that is 0, or one is missing.
pub fn ratio(a: Option<f64>, b: Option<f64>) -> Option<f64> {
    a.zip(b).and_then(|(a, b)| (b != 0.0).then(|| a / b))
}
