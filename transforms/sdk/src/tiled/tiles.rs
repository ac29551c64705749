//! Aggregates by tile, and their bytes.

use std::collections::VecDeque;
use std::fmt;

use crate::aggregate::Aggregate;
use crate::compact;
use crate::proof::Witness;
use crate::state::StateError;
use crate::time::{AsOf, EventTime, Length};

/// The tiles that hold something, ascending.
#[derive(Clone, PartialEq)]
pub struct Tiles<A> {
    tiles: VecDeque<(i64, A)>,
    witness: Witness<A>,
}

impl<A> Default for Tiles<A> {
    fn default() -> Self {
        Tiles { tiles: VecDeque::new(), witness: Witness::default() }
    }
}

impl<A: fmt::Debug> fmt::Debug for Tiles<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tiles").field("tiles", &self.tiles).finish()
    }
}

/// The tile that a time lies in.
#[inline]
pub fn tile(micros: i64, length: Length) -> i64 {
    micros.div_euclid(length.micros())
}

impl<A: Aggregate> Tiles<A> {
    /// Adds an event to its tile. `oldest` tells the oldest tile that is kept if the given one is the newest.
    #[inline]
    pub fn push(&mut self, tile: i64, at: EventTime, item: A::Item<'_>, oldest: impl Fn(i64) -> i64) {
        match self.tiles.back_mut() {
            Some((newest, aggregate)) if *newest == tile => aggregate.push(at, item),
            Some(&mut (newest, _)) if tile < newest => {
                if tile >= oldest(newest) {
                    self.push_late(tile, at, item);
                }
            }
            _ => {
                self.push_new(self.tiles.len(), tile, at, item);
                let oldest = oldest(tile);
                while self.tiles.front().is_some_and(|&(tile, _)| tile < oldest) {
                    self.tiles.pop_front();
                }
            }
        }
        if self.witness.is_on() {
            self.witness.push_tiled(&self.tiles, tile, at, item);
        }
    }

    fn push_late(&mut self, tile: i64, at: EventTime, item: A::Item<'_>) {
        match self.tiles.binary_search_by_key(&tile, |&(tile, _)| tile) {
            Ok(place) => self.tiles[place].1.push(at, item),
            Err(place) => self.push_new(place, tile, at, item),
        }
    }

    fn push_new(&mut self, place: usize, tile: i64, at: EventTime, item: A::Item<'_>) {
        let mut aggregate = A::default();
        aggregate.push(at, item);
        self.tiles.insert(place, (tile, aggregate));
    }

    /// The aggregate of the tiles from `first` to before `end`.
    pub fn merged(&self, first: i64, end: i64) -> A {
        let mut merged = A::default();
        let start = self.tiles.partition_point(|&(tile, _)| tile < first);
        for (_, aggregate) in self.tiles.range(start..).take_while(|&&(tile, _)| tile < end) {
            merged.merge(aggregate);
        }
        merged
    }

    /// How many tiles hold something.
    #[allow(clippy::len_without_is_empty, reason = "whoever asks wants the number")]
    pub fn len(&self) -> usize {
        self.tiles.len()
    }

    /// The number of tiles, then each tile's distance from the one before and its aggregate.
    pub fn encode(&self, bytes: &mut Vec<u8>, encode: impl Fn(&A, &mut Vec<u8>)) {
        compact::encode_len(self.tiles.len(), bytes);
        let mut before = 0_i64;
        for (tile, aggregate) in &self.tiles {
            compact::encode_i64(tile.wrapping_sub(before), bytes);
            encode(aggregate, bytes);
            before = *tile;
        }
    }

    /// Takes tiles of which none is older than `oldest` tells of the newest.
    pub fn decode(
        bytes: &mut &[u8],
        oldest: impl Fn(i64) -> i64,
        decode: impl Fn(&mut &[u8]) -> Result<A, StateError>,
    ) -> Result<Self, StateError> {
        let count = compact::decode_len(bytes)?;
        let mut tiles: VecDeque<(i64, A)> = VecDeque::with_capacity(count + 1);
        for _ in 0..count {
            let before = tiles.back().map(|&(tile, _)| tile);
            let tile = before.unwrap_or(0).wrapping_add(compact::decode_i64(bytes)?);
            if before.is_some_and(|before| before >= tile) {
                return Err(StateError::new("the tiles are not in order"));
            }
            tiles.push_back((tile, decode(bytes)?));
        }
        if let (Some(&(first, _)), Some(&(newest, _))) = (tiles.front(), tiles.back())
            && first < oldest(newest)
        {
            return Err(StateError::new("there is a tile that is not kept"));
        }
        Ok(Tiles { tiles, witness: Witness::none() })
    }
}

/// The tile of the newest event less `length`, which is what [`Hopping`](super::Hopping) keeps.
#[inline]
pub fn oldest_hop(newest: i64, length: Length, hop: Length) -> i64 {
    newest.saturating_sub(length.micros() / hop.micros())
}

/// The tile before the newest, which is what [`Tumbling`](super::Tumbling) keeps.
#[inline]
pub fn oldest_tumbling(newest: i64) -> i64 {
    newest.saturating_sub(1)
}

impl<A: Aggregate> Tiles<A> {
    /// What [`Hopping::sawtooth`](super::Hopping::sawtooth) sees.
    pub fn sawtooth(&self, as_of: AsOf, length: Length, hop: Length) -> A {
        let start = as_of.micros().saturating_sub(length.micros());
        self.merged(tile(start, hop), tile(as_of.micros(), hop).saturating_add(1))
    }

    /// What [`Hopping::hopped_ago`](super::Hopping::hopped_ago) sees.
    pub fn hopped(&self, as_of: AsOf, ago: Length, length: Length, hop: Length) -> A {
        let Some(end) = as_of.micros().checked_sub(ago.micros()) else { return A::default() };
        let end = tile(end, hop);
        let hops = whole_hops(length, hop).micros() / hop.micros();
        self.merged(end.saturating_sub(hops), end)
    }

    /// What [`Tumbling::current`](super::Tumbling::current) sees.
    pub fn current(&self, as_of: AsOf, length: Length) -> A {
        let tile = tile(as_of.micros(), length);
        self.merged(tile, tile.saturating_add(1))
    }

    /// What [`Tumbling::previous`](super::Tumbling::previous) sees.
    pub fn previous(&self, as_of: AsOf, length: Length) -> A {
        let tile = tile(as_of.micros(), length);
        self.merged(tile.saturating_sub(1), tile)
    }
}

/// A length rounded up to whole hops.
pub(super) const fn whole_hops(length: Length, hop: Length) -> Length {
    let (length, hop) = (length.micros(), hop.micros());
    let begun = if length.rem_euclid(hop) == 0 { 0 } else { 1 };
    Length::from_micros(length.div_euclid(hop).saturating_add(begun).saturating_mul(hop))
}

/// Takes the lengths that a state was made with, and refuses others.
pub(super) fn decode_lengths(expected: &[Length], bytes: &mut &[u8]) -> Result<(), StateError> {
    for &expected in expected {
        let found = Length::from_micros(compact::decode_i64(bytes)?);
        if found != expected {
            let message =
                format!("the state's tiles have a length of {found}, the transform's {expected}: raise state_version");
            return Err(StateError::new(message));
        }
    }
    Ok(())
}
