//! Which part of the events something is true of.

use super::{Aggregate, Count};
use crate::numeric::ratio;
use crate::state::{State, StateError};
use crate::time::EventTime;

/// How many events something is true of, and which part of all they are. `push` takes a `bool`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    hits: Count,
    all: Count,
}

impl Share {
    /// Of how many events it is true.
    pub fn hits(&self) -> i64 {
        self.hits.count()
    }

    /// How many events there were.
    pub fn count(&self) -> i64 {
        self.all.count()
    }

    /// The hits as a part of all; none where there was no event. Say what that means with `unwrap_or(0.0)`.
    pub fn share(&self) -> Option<f64> {
        ratio(self.hits() as f64, self.count() as f64)
    }
}

impl Aggregate for Share {
    type Item<'a> = bool;

    #[inline]
    fn push(&mut self, _: EventTime, is_hit: bool) {
        self.all.put();
        if is_hit {
            self.hits.put();
        }
    }

    fn merge(&mut self, other: &Self) {
        self.all.merge(&other.all);
        self.hits.merge(&other.hits);
    }
}

/// The hits, then the count of all.
impl State for Share {
    fn encode(&self, bytes: &mut Vec<u8>) {
        self.hits.encode(bytes);
        self.all.encode(bytes);
    }

    fn decode(bytes: &mut &[u8]) -> Result<Self, StateError> {
        let share = Share { hits: Count::decode(bytes)?, all: Count::decode(bytes)? };
        if share.hits.events() > share.all.events() {
            return Err(StateError::new("a share is of more events than there were"));
        }
        Ok(share)
    }
}
