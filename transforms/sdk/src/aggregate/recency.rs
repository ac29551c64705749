//! How long ago the last event was.

use super::Aggregate;
use crate::state::{State, StateError};
use crate::time::{AsOf, EventTime, Length};

/// When the last event was, by event time. `push` takes `()`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recency {
    newest: Option<EventTime>,
}

impl Recency {
    /// The time from the last event to `as_of`, never negative for a question of the host; none where there was no event.
    pub fn since(&self, as_of: AsOf) -> Option<Length> {
        self.newest.map(|at| as_of.since(at))
    }

    /// When the last event happened.
    pub fn at(&self) -> Option<EventTime> {
        self.newest
    }
}

impl Aggregate for Recency {
    type Item<'a> = ();

    #[inline]
    fn push(&mut self, at: EventTime, (): ()) {
        self.newest = self.newest.max(Some(at));
    }

    fn merge(&mut self, other: &Self) {
        self.newest = self.newest.max(other.newest);
    }
}

/// The time, if there is one.
impl State for Recency {
    fn encode(&self, bytes: &mut Vec<u8>) {
        self.newest.encode(bytes);
    }

    fn decode(bytes: &mut &[u8]) -> Result<Self, StateError> {
        Ok(Recency { newest: Option::decode(bytes)? })
    }
}
