//! Tumbling windows: this day and the one before.

use std::fmt;
use std::marker::PhantomData;

use super::tiles::{Tiles, decode_lengths, oldest_tumbling, tile};
use crate::aggregate::Aggregate;
use crate::compact;
use crate::state::{State, StateError};
use crate::time::{AsOf, EventTime, Length};
use crate::window::Retention;

/// An aggregate of the tumbling windows of length `L`, which do not overlap: `[k x L, (k + 1) x L)` from the Unix epoch, so
/// `Days<1>` is the UTC day and `Hours<1>` the clock's hour.
///
/// The newest window and the one before it are kept. A late event that lies in one of them is added there; an older one is
/// passed over.
pub struct Tumbling<A, L> {
    tiles: Tiles<A>,
    length: PhantomData<fn(L)>,
}

impl<A: Aggregate, L: Retention> Tumbling<A, L> {
    const LENGTH: Length = {
        assert!(L::LENGTH.micros() > 0, "a tumbling window is longer than nothing");
        L::LENGTH
    };

    /// Adds an event.
    #[inline]
    pub fn push(&mut self, at: EventTime, item: A::Item<'_>) {
        self.tiles.push(tile(at.micros(), Self::LENGTH), at, item, oldest_tumbling);
    }

    /// The events of the window that `as_of` lies in, so far.
    pub fn current(&self, as_of: AsOf) -> A {
        self.tiles.current(as_of, Self::LENGTH)
    }

    /// The events of the window before that of `as_of`: the last one that is over.
    pub fn previous(&self, as_of: AsOf) -> A {
        self.tiles.previous(as_of, Self::LENGTH)
    }
}

/// The length in microseconds, the number of tiles, then each tile's distance from the one before and its aggregate.
impl<A: Aggregate, L: Retention> State for Tumbling<A, L> {
    fn encode(&self, bytes: &mut Vec<u8>) {
        compact::encode_i64(Self::LENGTH.micros(), bytes);
        self.tiles.encode(bytes, A::encode);
    }

    fn decode(bytes: &mut &[u8]) -> Result<Self, StateError> {
        decode_lengths(&[Self::LENGTH], bytes)?;
        Ok(Tumbling { tiles: Tiles::decode(bytes, oldest_tumbling, A::decode)?, length: PhantomData })
    }
}

impl<A, L> Default for Tumbling<A, L> {
    fn default() -> Self {
        Tumbling { tiles: Tiles::default(), length: PhantomData }
    }
}

impl<A: Clone, L> Clone for Tumbling<A, L> {
    fn clone(&self) -> Self {
        Tumbling { tiles: self.tiles.clone(), length: PhantomData }
    }
}

impl<A: PartialEq, L> PartialEq for Tumbling<A, L> {
    fn eq(&self, other: &Self) -> bool {
        self.tiles == other.tiles
    }
}

impl<A: fmt::Debug, L> fmt::Debug for Tumbling<A, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tumbling").field(&self.tiles).finish()
    }
}
