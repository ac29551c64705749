//! How many events there were.

use super::Aggregate;
use crate::compact;
use crate::state::{State, StateError};
use crate::time::EventTime;

/// How many events there were. `push` takes `()`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    events: u64,
}

impl Count {
    /// The number of events; 0 for none.
    pub fn count(&self) -> i64 {
        self.events as i64
    }

    /// Whether there was no event.
    pub fn is_empty(&self) -> bool {
        self.events == 0
    }

    #[inline]
    pub(super) fn put(&mut self) {
        self.events += 1;
    }

    pub(super) fn events(&self) -> u64 {
        self.events
    }
}

impl Aggregate for Count {
    type Item<'a> = ();

    #[inline]
    fn push(&mut self, _: EventTime, (): ()) {
        self.put();
    }

    fn merge(&mut self, other: &Self) {
        self.events += other.events;
    }
}

/// The number, in as many bytes as it needs.
impl State for Count {
    fn encode(&self, bytes: &mut Vec<u8>) {
        compact::encode_u64(self.events, bytes);
    }

    fn decode(bytes: &mut &[u8]) -> Result<Self, StateError> {
        match compact::decode_u64(bytes)? {
            events if events <= i64::MAX as u64 => Ok(Count { events }),
            _ => Err(StateError::new("a count is beyond what events there can be")),
        }
    }
}
