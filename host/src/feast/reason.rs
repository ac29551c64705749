//! Why two answers differ: by the events that there are, never by guessing.

use serde::Deserialize;

use super::cell::{Cell, Same};
use crate::time::Length;

/// Why answers differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Feast drops entity rows.
    Dropped,
    /// Entity rows that are equal.
    Duplicate,
    /// Entity rows that are equal in the keys of the first views.
    MergedEarly,
    /// Feast passes over the created timestamp.
    TieBreak,
    /// Nothing decides between events at one time.
    Tie,
    /// Events that arrived later.
    Arrival,
    /// Times finer than a microsecond.
    Nanoseconds,
    /// A value that is a time finer than a microsecond.
    TimeValue,
    /// NaN is null in pandas.
    Nan,
    /// Integers beside nulls are float64 in pandas.
    LargeInteger,
    /// Equal as float32 alone.
    Float32,
    /// None of these.
    Unexplained,
}

impl Reason {
    /// Whether it explains a difference.
    pub fn explains(self) -> bool {
        self != Self::Unexplained
    }

    /// The reason in a few words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dropped => "dropped by Feast",
            Self::Duplicate => "equal entity rows",
            Self::MergedEarly => "merged too early by Feast",
            Self::TieBreak => "created timestamp passed over by Feast",
            Self::Tie => "events of one time",
            Self::Arrival => "arrived later",
            Self::Nanoseconds => "nanoseconds",
            Self::TimeValue => "nanoseconds of a value",
            Self::Nan => "NaN",
            Self::LargeInteger => "large integers",
            Self::Float32 => "float32",
            Self::Unexplained => "not explained",
        }
    }

    /// The reason in a sentence.
    pub fn explanation(self) -> &'static str {
        match self {
            Self::Dropped => {
                "the entity has events in a view, but none within its ttl before the as-of: Feast drops the entity row, with the features of all views; onepath keeps it, and the features of that view are null"
            }
            Self::Duplicate => {
                "Feast gives one row for entity rows with equal keys and as-of; onepath gives each its own, with equal values"
            }
            Self::MergedEarly => {
                "Feast joins view by view, and keeps one of the entity rows that are equal in as-of and in the keys so far: those that differ in the key of a later view are lost"
            }
            Self::TieBreak => {
                "several events at the newest time: onepath takes the one with the greatest created timestamp, as Feast documents; Feast's file store sorts by it, and then by event time with a sort that does not keep the order"
            }
            Self::Tie => {
                "several events at the newest time, and no created timestamp that decides: Feast takes any of them, onepath the last one in the file"
            }
            Self::Arrival => {
                "the events that were there by the as-of are others than those dated before it: onepath has an arrival_time, and Feast sees what was created later"
            }
            Self::Nanoseconds => {
                "times finer than a microsecond: onepath rounds event times up and as-ofs down, so that no event is seen early"
            }
            Self::TimeValue => "a time that is a value has microseconds in onepath, rounded down",
            Self::Nan => "Feast answers through pandas, where NaN is null; onepath keeps it",
            Self::LargeInteger => {
                "Feast answers through pandas, where integers beside nulls are float64: beyond 2^53 they are not exact"
            }
            Self::Float32 => "equal as float32, as which Feast gives it",
            Self::Unexplained => "none of the known reasons holds",
        }
    }
}

/// What there is to know of one entity row and one view.
#[derive(Clone, Debug, Deserialize)]
pub struct Fact {
    /// The entity row.
    pub(super) row: usize,
    /// How many events the entity has.
    pub(super) events: u64,
    /// How many of them lie within the ttl before the as-of.
    pub(super) in_ttl: u64,
    /// The as-of, exactly.
    as_of_ns: i64,
    /// The events at the newest time of those that Feast sees.
    there: Vec<Candidate>,
    /// The events at the newest time of those that onepath sees.
    here: Vec<Candidate>,
}

/// An event at the newest time.
#[derive(Clone, Debug, PartialEq, Deserialize)]
struct Candidate {
    time_ns: i64,
    created: Cell,
    /// The values of the features.
    values: Vec<Cell>,
}

impl Fact {
    /// Why the values of one feature differ, in a view with this ttl, and with an arrival time.
    pub(super) fn reason(
        &self,
        feature: usize,
        here: &Cell,
        there: &Cell,
        ttl: Option<Length>,
        arrival: bool,
    ) -> Reason {
        let same = here.same(there);
        // What onepath must give is known exactly: whatever else it gave has no explanation.
        if self.expected(feature, ttl).same(here) != Same::Yes {
            return Reason::Unexplained;
        }
        if let Same::But(reason) = same {
            return reason;
        }
        let of_feast = self.there.iter().find_map(|candidate| match candidate.values[feature].same(there) {
            Same::Yes => Some(None),
            Same::But(reason) => Some(Some(reason)),
            Same::No => None,
        });
        let other_events = self.here != self.there;
        match of_feast {
            None if !(self.there.is_empty() && *there == Cell::Null) => Reason::Unexplained,
            _ if other_events && arrival => Reason::Arrival,
            _ if other_events => Reason::Nanoseconds,
            Some(_) if self.there.len() > 1 => match self.is_decided() {
                true => Reason::TieBreak,
                false => Reason::Tie,
            },
            Some(Some(reason)) => reason,
            _ => Reason::Unexplained,
        }
    }

    /// What onepath must give: the newest event that it sees, of several that with the greatest created timestamp, of several the last.
    fn expected(&self, feature: usize, ttl: Option<Length>) -> Cell {
        let Some(newest) = self.here.iter().max_by(|a, b| order(&a.created).cmp(&order(&b.created))) else {
            return Cell::Null;
        };
        let micros = |ns: i64| ns.div_euclid(1_000) + i64::from(ns.rem_euclid(1_000) > 0);
        let age = self.as_of_ns.div_euclid(1_000) - micros(newest.time_ns);
        match ttl {
            Some(ttl) if age > ttl.0 => Cell::Null,
            _ => rounded(&newest.values[feature]),
        }
    }

    /// Whether one of the events has a greater created timestamp than all others.
    fn is_decided(&self) -> bool {
        let greatest = self.there.iter().map(|candidate| order(&candidate.created)).max();
        greatest.is_some()
            && self.there.iter().filter(|candidate| Some(order(&candidate.created)) == greatest).count() == 1
    }

    /// The events that Feast may have taken, in words.
    pub(super) fn told(&self, feature: usize) -> String {
        let shown: Vec<String> = self.there.iter().take(3).map(|one| one.values[feature].to_string()).collect();
        let events = if self.events == 1 { "1 event".to_owned() } else { format!("{} events", self.events) };
        match self.there.len() {
            0 => format!("{events}, none of them seen"),
            1 => events,
            several => format!(
                "{several} events at the newest time: {}{}",
                shown.join(", "),
                if several > 3 { ", ..." } else { "" }
            ),
        }
    }
}

/// The order of created timestamps: a null is the least.
fn order(created: &Cell) -> (bool, i128, String) {
    match created {
        Cell::Null => (false, 0, String::new()),
        Cell::Int(number) | Cell::Time(number) => (true, *number, String::new()),
        other => (true, 0, other.to_string()),
    }
}

/// A value as onepath keeps it: a time to the microsecond.
fn rounded(value: &Cell) -> Cell {
    match value {
        Cell::Time(ns) => Cell::Time(ns.div_euclid(1_000) * 1_000),
        other => other.clone(),
    }
}
