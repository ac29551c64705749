//! Pushed events held to what their source expects of them.

use super::EventSchema;
use crate::batch::{Column, Value};
use crate::files::Wanted;
use crate::log::NewEvent;
use crate::project::{Expectation, OnBadEvent};

/// What a push was, by what its source expects.
#[derive(Clone, Debug, Default)]
pub struct Expected {
    /// Events that are set aside, as the source wants it: they are not among those of the push.
    pub(crate) dead: Vec<DeadLetter>,
    /// Per expectation of the source, what was counted.
    pub(crate) counts: Vec<ExpectationCount>,
}

/// What was counted of one field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExpectationCount {
    /// Events of the push.
    pub events: u64,
    /// Those without a value of the field.
    pub nulls: u64,
    /// Those whose value is not as expected.
    pub bad: u64,
}

impl ExpectationCount {
    /// With those of another push.
    pub fn add(&mut self, other: &Self) {
        self.events += other.events;
        self.nulls += other.nulls;
        self.bad += other.bad;
    }
}

/// An event that is set aside.
#[derive(Clone, Debug)]
pub struct DeadLetter {
    /// The event, as the log would have had it.
    pub event: NewEvent,
    /// The field at fault.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
}

/// A value that is not as expected.
pub(super) struct Bad<'s> {
    pub(super) row: usize,
    pub(super) expectation: &'s Expectation,
    pub(super) message: String,
}

impl EventSchema {
    /// The first value, by row, of these columns that makes the source refuse its push.
    pub(super) fn refused_by_expectation(&self, wanted: &[Wanted], columns: &[Column]) -> Option<Bad<'_>> {
        if self.source.on_bad_event != OnBadEvent::RejectPush {
            return None;
        }
        let first = |expectation| bad_values(expectation, wanted, columns).next();
        self.source.expectations.iter().filter_map(first).min_by_key(|bad| bad.row)
    }

    /// Counts what the columns hold, and takes the events out of `events` that are set aside. An event's place is its row.
    pub(super) fn hold(&self, wanted: &[Wanted], columns: &[Column], events: &mut Vec<NewEvent>) -> Expected {
        let source = &self.source;
        let mut expected = Expected::default();
        if source.expectations.is_empty() {
            return expected;
        }
        let mut why: Vec<Option<(&str, String)>> = vec![None; events.len()];
        for expectation in &source.expectations {
            let nulls = column_of(expectation, wanted, columns).map_or(events.len(), Column::null_count);
            let mut count = ExpectationCount { events: events.len() as u64, nulls: nulls as u64, bad: 0 };
            for bad in bad_values(expectation, wanted, columns) {
                count.bad += 1;
                why[bad.row].get_or_insert((&expectation.field, bad.message));
            }
            expected.counts.push(count);
        }
        if source.on_bad_event == OnBadEvent::DeadLetter {
            let all = std::mem::take(events);
            for event in all {
                match why[event.place as usize].take() {
                    Some((field, message)) => {
                        expected.dead.push(DeadLetter { event, field: field.to_owned(), message })
                    }
                    None => events.push(event),
                }
            }
        }
        expected
    }
}

fn column_of<'c>(expectation: &Expectation, wanted: &[Wanted], columns: &'c [Column]) -> Option<&'c Column> {
    columns.get(wanted.iter().position(|wanted| wanted.name == expectation.field)?)
}

/// The values that are not as expected, by row.
fn bad_values<'s>(
    expectation: &'s Expectation,
    wanted: &[Wanted],
    columns: &[Column],
) -> impl Iterator<Item = Bad<'s>> {
    let column = column_of(expectation, wanted, columns).filter(|_| expectation.is_of_events());
    let rows = 0..column.map_or(0, Column::len);
    rows.filter_map(move |row| {
        let value: Value = column?.value(row);
        let message = expectation.broken_by(&value)?.to_string();
        Some(Bad { row, expectation, message })
    })
}
