//! Aggregates of all events.

use onepath_definition::{Answer, Span};
use onepath_sdk::aggregate::Aggregate;
use onepath_sdk::state::{State, StateError};
use onepath_sdk::time::{AsOf, EventTime};

use super::any::{Any, Which};
use super::value::Item;
use super::{Kept, Part, units};
use crate::column::Writer;

/// An aggregate of all events.
pub(super) struct Lifetime(Any);

impl Kept for Lifetime {
    type Item<'a> = Item<'a>;
    type Shape = Which;

    fn empty(_: &Which) -> Self {
        Lifetime(Any::Blank)
    }

    fn decode(bytes: &mut &[u8], which: &Which) -> Result<Self, StateError> {
        Any::decode_bare(bytes, *which).map(Lifetime)
    }

    fn encode(&self, bytes: &mut Vec<u8>, _: &Which) {
        self.0.encode_bare(bytes);
    }

    #[inline]
    fn push(&mut self, at: EventTime, item: Item<'_>, which: &Which) {
        self.0.push(at, (*which, item));
    }

    fn read(&self, as_of: AsOf, part: &Part, which: &Which, columns: &mut [Writer]) {
        for &(column, answer) in &part.answers {
            let is_seen = match (&self.0, part.span) {
                (Any::Last(last), Span::Closed { length, .. }) => is_within(last.at(), as_of, length, i64::ge),
                (Any::Last(last), Span::HalfOpen { length, .. }) => is_within(last.at(), as_of, length, i64::gt),
                _ => true,
            };
            let of = if is_seen { &self.0 } else { &Any::Blank };
            of.answer(answer, as_of, *which, &mut columns[column]);
        }
    }
}

/// When the latest event was, where nothing is kept of it.
pub(super) struct Newest(Option<i64>);

impl Kept for Newest {
    type Item<'a> = ();
    type Shape = ();

    fn empty((): &()) -> Self {
        Newest(None)
    }

    fn decode(bytes: &mut &[u8], (): &()) -> Result<Self, StateError> {
        i64::decode(bytes).map(|at| Newest(Some(at)))
    }

    fn encode(&self, bytes: &mut Vec<u8>, (): &()) {
        if let Some(at) = self.0 {
            at.encode(bytes);
        }
    }

    #[inline]
    fn push(&mut self, at: EventTime, (): (), (): &()) {
        self.0 = self.0.max(Some(at.micros()));
    }

    fn read(&self, as_of: AsOf, part: &Part, (): &(), columns: &mut [Writer]) {
        let at = self.0.map(EventTime).filter(|&at| match part.span {
            Span::Closed { length, .. } => is_within(Some(at), as_of, length, i64::ge),
            Span::HalfOpen { length, .. } => is_within(Some(at), as_of, length, i64::gt),
            _ => true,
        });
        for &(column, answer) in &part.answers {
            columns[column].integer(match answer {
                Answer::SinceLast(unit) => at.map(|at| units(as_of, at, unit)),
                _ => at.map(EventTime::micros),
            });
        }
    }
}

/// Whether an event is within the last `length`. Where that begins before the beginning of time, every event is.
fn is_within(at: Option<EventTime>, as_of: AsOf, length: i64, is_after: fn(&i64, &i64) -> bool) -> bool {
    let start = as_of.micros().checked_sub(length);
    at.is_some_and(|at| start.is_none_or(|start| is_after(&at.micros(), &start)))
}
