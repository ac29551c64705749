//! Hopping windows: an aggregate of the last so many days, in bounded state.

use std::fmt;
use std::marker::PhantomData;

use super::tiles::{Tiles, decode_lengths, oldest_hop, tile, whole_hops};
use crate::aggregate::Aggregate;
use crate::compact;
use crate::state::{State, StateError};
use crate::time::{AsOf, EventTime, Length};
use crate::window::{NONE, Retention, UpTo, check_kept};

/// An aggregate of windows of up to `L` that move by hops of `H`: one tile per hop, `L` / `H` + 1 at most. `L` is a multiple
/// of `H`: `Hopping<Mean, Days<30>, Days<1>>`, `Hopping<Count, Hours<24>, Minutes<10>>`.
///
/// There are two ways to ask. [`sawtooth`](Self::sawtooth) sees every event up to the question; its window is up to one hop
/// longer than asked for. [`hopped`](Self::hopped) has exactly the length, and ends at the last whole hop;
/// [`hopped_ago`](Self::hopped_ago) ends some time before. (A sawtooth cannot: the hop that it would end in is kept as a whole.)
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

    /// The events from the hop that `as_of - S` lies in up to `as_of`: all of `[as_of - S, as_of]`, and what was before it in
    /// that hop. (The sawtooth window of Chronon: its head is exact, its tail moves by hops.) Compiles if `S` is at most `L`.
    pub fn sawtooth<S: Retention>(&self, as_of: AsOf) -> A {
        const { check_kept(L::LENGTH, NONE, S::LENGTH) }
        self.sawtooth_span(as_of, S::LENGTH)
    }

    /// The events in `[end - S, end)`, where `end` is `as_of` rounded down to a whole hop and `S` is rounded up to whole hops.
    /// What happened since `end` is not seen yet. (The hopping window of Flink, Kafka Streams and Tecton.) Compiles if `S` is at
    /// most `L`.
    pub fn hopped<S: Retention>(&self, as_of: AsOf) -> A {
        const { check_kept(L::LENGTH, NONE, S::LENGTH) }
        self.hopped_span(as_of, NONE, S::LENGTH)
    }

    /// The events in `[end - S, end)`, where `end` is `as_of - G` rounded down to a whole hop and `S` is rounded up to whole hops.
    /// Compiles if `G` and `S`, each rounded up to whole hops, together are at most `L`.
    pub fn hopped_ago<G: Retention, S: Retention>(&self, as_of: AsOf) -> A {
        const { check_kept(L::LENGTH, whole_hops(G::LENGTH, H::LENGTH), whole_hops(S::LENGTH, H::LENGTH)) }
        self.hopped_span(as_of, G::LENGTH, S::LENGTH)
    }

    /// As [`sawtooth`](Self::sawtooth), where a parameter gives the length. Compiles if its bound is at most `L`.
    pub fn sawtooth_for<S: Retention>(&self, as_of: AsOf, length: UpTo<S>) -> A {
        const { check_kept(L::LENGTH, NONE, S::LENGTH) }
        self.sawtooth_span(as_of, length.length())
    }

    /// As [`hopped`](Self::hopped), where a parameter gives the length. Compiles if its bound is at most `L`.
    pub fn hopped_for<S: Retention>(&self, as_of: AsOf, length: UpTo<S>) -> A {
        const { check_kept(L::LENGTH, NONE, S::LENGTH) }
        self.hopped_span(as_of, NONE, length.length())
    }

    /// As [`hopped_ago`](Self::hopped_ago), where parameters give the lengths; one of them may be [fixed](UpTo::MAX). Compiles if
    /// their bounds, each rounded up to whole hops, together are at most `L`.
    pub fn hopped_ago_for<G: Retention, S: Retention>(&self, as_of: AsOf, ago: UpTo<G>, length: UpTo<S>) -> A {
        const { check_kept(L::LENGTH, whole_hops(G::LENGTH, H::LENGTH), whole_hops(S::LENGTH, H::LENGTH)) }
        self.hopped_span(as_of, ago.length(), length.length())
    }

    fn sawtooth_span(&self, as_of: AsOf, length: Length) -> A {
        self.tiles.sawtooth(as_of, length, Self::HOP)
    }

    fn hopped_span(&self, as_of: AsOf, ago: Length, length: Length) -> A {
        self.tiles.hopped(as_of, ago, length, Self::HOP)
    }

    /// How many tiles hold something: the size of the state.
    pub fn tiles(&self) -> usize {
        self.tiles.len()
    }

    /// The tile of the newest event less `L`.
    fn oldest_kept(newest: i64) -> i64 {
        oldest_hop(newest, L::LENGTH, Self::HOP)
    }
}

/// Length and hop in microseconds, the number of tiles, then each tile's distance from the one before and its aggregate.
impl<A: Aggregate, L: Retention, H: Retention> State for Hopping<A, L, H> {
    fn encode(&self, bytes: &mut Vec<u8>) {
        compact::encode_i64(L::LENGTH.micros(), bytes);
        compact::encode_i64(Self::HOP.micros(), bytes);
        self.tiles.encode(bytes, A::encode);
    }

    fn decode(bytes: &mut &[u8]) -> Result<Self, StateError> {
        decode_lengths(&[L::LENGTH, Self::HOP], bytes)?;
        Ok(Hopping { tiles: Tiles::decode(bytes, Self::oldest_kept, A::decode)?, lengths: PhantomData })
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
