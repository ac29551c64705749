//! Hopping windows: an aggregate of the last so many days, in bounded state.

use std::fmt;
use std::marker::PhantomData;

use super::tiles::{Tiles, decode_lengths, tile};
use crate::aggregate::Aggregate;
use crate::compact;
use crate::state::{State, StateError};
use crate::time::{AsOf, EventTime, Length};
use crate::window::Retention;

/// An aggregate of windows of up to `L` that move by hops of `H`: one tile per hop, `L` / `H` + 1 at most. `L` is a multiple
/// of `H`: `Hopping<Mean, Days<30>, Days<1>>`, `Hopping<Count, Hours<24>, Minutes<10>>`.
///
/// There are two ways to ask. [`sawtooth`](Self::sawtooth) sees every event up to the question; its window is up to one hop
/// longer than asked for. [`hopped`](Self::hopped) has exactly the length, and ends at the last whole hop.
///
/// An event older than the tiles that are kept (older than the newest event by more than `L`) is passed over.
pub struct Hopping<A, L, H> {
    tiles: Tiles<A>,
    lengths: PhantomData<fn(L, H)>,
}

impl<A: Aggregate, L: Retention, H: Retention> Hopping<A, L, H> {
    const HOP: Length = {
        let (length, hop) = (L::LENGTH.micros(), H::LENGTH.micros());
        assert!(
            hop > 0 && length >= hop && length % hop == 0,
            "the length of a hopping window is a multiple of its hop"
        );
        H::LENGTH
    };

    /// Adds an event.
    #[inline]
    pub fn push(&mut self, at: EventTime, item: A::Item<'_>) {
        self.tiles.push(tile(at.micros(), Self::HOP), at, item, Self::oldest_kept);
    }

    /// The events from the hop that `as_of - length` lies in up to `as_of`: all of `[as_of - length, as_of]`, and what was
    /// before it in that hop. (The sawtooth window of Chronon: its head is exact, its tail moves by hops.)
    ///
    /// # Panics
    ///
    /// If `length` is longer than `L`, since the answer would silently be that of a shorter window.
    pub fn sawtooth(&self, as_of: AsOf, length: Length) -> A {
        Self::check(length);
        let start = as_of.micros().saturating_sub(length.micros());
        self.tiles.merged(tile(start, Self::HOP), tile(as_of.micros(), Self::HOP).saturating_add(1))
    }

    /// The events in `[end - length, end)`, where `end` is `as_of` rounded down to a whole hop and `length` is rounded up to
    /// whole hops. What happened since `end` is not seen yet. (The hopping window of Flink, Kafka Streams and Tecton.)
    ///
    /// # Panics
    ///
    /// If `length` is longer than `L`, since the answer would silently be that of a shorter window.
    pub fn hopped(&self, as_of: AsOf, length: Length) -> A {
        Self::check(length);
        let end = tile(as_of.micros(), Self::HOP);
        let hops = -(-length.micros().max(0)).div_euclid(Self::HOP.micros());
        self.tiles.merged(end.saturating_sub(hops), end)
    }

    /// How many tiles hold something: the size of the state.
    pub fn tiles(&self) -> usize {
        self.tiles.len()
    }

    fn check(length: Length) {
        assert!(length <= L::LENGTH, "a window that keeps {} was asked for {length}", L::LENGTH);
    }

    /// The tile of the newest event less `L`.
    fn oldest_kept(newest: i64) -> i64 {
        newest.saturating_sub(L::LENGTH.micros() / Self::HOP.micros())
    }
}

/// Length and hop in microseconds, the number of tiles, then each tile's distance from the one before and its aggregate.
impl<A: Aggregate, L: Retention, H: Retention> State for Hopping<A, L, H> {
    fn encode(&self, bytes: &mut Vec<u8>) {
        compact::encode_i64(L::LENGTH.micros(), bytes);
        compact::encode_i64(Self::HOP.micros(), bytes);
        self.tiles.encode(bytes);
    }

    fn decode(bytes: &mut &[u8]) -> Result<Self, StateError> {
        decode_lengths(&[L::LENGTH, Self::HOP], bytes)?;
        Ok(Hopping { tiles: Tiles::decode(bytes, Self::oldest_kept)?, lengths: PhantomData })
    }
}

impl<A, L, H> Default for Hopping<A, L, H> {
    fn default() -> Self {
        Hopping { tiles: Tiles::default(), lengths: PhantomData }
    }
}

impl<A: Clone, L, H> Clone for Hopping<A, L, H> {
    fn clone(&self) -> Self {
        Hopping { tiles: self.tiles.clone(), lengths: PhantomData }
    }
}

impl<A: PartialEq, L, H> PartialEq for Hopping<A, L, H> {
    fn eq(&self, other: &Self) -> bool {
        self.tiles == other.tiles
    }
}

impl<A: fmt::Debug, L, H> fmt::Debug for Hopping<A, L, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Hopping").field(&self.tiles).finish()
    }
}
