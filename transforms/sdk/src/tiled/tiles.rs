//! Aggregates by tile, and their bytes.

use std::collections::VecDeque;
use std::fmt;

use crate::aggregate::Aggregate;
use crate::compact;
use crate::proof::Witness;
use crate::state::StateError;
use crate::time::{EventTime, Length};

/// The tiles that hold something, ascending.
#[derive(Clone, PartialEq)]
pub(super) struct Tiles<A> {
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
pub(super) fn tile(micros: i64, length: Length) -> i64 {
    micros.div_euclid(length.micros())
}

impl<A: Aggregate> Tiles<A> {
    /// Adds an event to its tile. `oldest` tells the oldest tile that is kept if the given one is the newest.
    #[inline]
    pub(super) fn push(&mut self, tile: i64, at: EventTime, item: A::Item<'_>, oldest: impl Fn(i64) -> i64) {
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
    pub(super) fn merged(&self, first: i64, end: i64) -> A {
        let mut merged = A::default();
        let start = self.tiles.partition_point(|&(tile, _)| tile < first);
        for (_, aggregate) in self.tiles.range(start..).take_while(|&&(tile, _)| tile < end) {
            merged.merge(aggregate);
        }
        merged
    }

    /// How many tiles hold something.
    pub(super) fn len(&self) -> usize {
        self.tiles.len()
    }

    /// The number of tiles, then each tile's distance from the one before and its aggregate.
    pub(super) fn encode(&self, bytes: &mut Vec<u8>) {
        compact::encode_len(self.tiles.len(), bytes);
        let mut before = 0_i64;
        for (tile, aggregate) in &self.tiles {
            compact::encode_i64(tile.wrapping_sub(before), bytes);
            aggregate.encode(bytes);
            before = *tile;
        }
    }

    pub(super) fn decode(bytes: &mut &[u8], oldest: impl Fn(i64) -> i64) -> Result<Self, StateError> {
        let count = compact::decode_len(bytes)?;
        let mut tiles: VecDeque<(i64, A)> = VecDeque::with_capacity(count + 1);
        for _ in 0..count {
            let before = tiles.back().map(|&(tile, _)| tile);
            let tile = before.unwrap_or(0).wrapping_add(compact::decode_i64(bytes)?);
            if before.is_some_and(|before| before >= tile) {
                return Err(StateError::new("the tiles are not in order"));
            }
            tiles.push_back((tile, A::decode(bytes)?));
        }
        if let (Some(&(first, _)), Some(&(newest, _))) = (tiles.front(), tiles.back())
            && first < oldest(newest)
        {
            return Err(StateError::new("there is a tile that is not kept"));
        }
        Ok(Tiles { tiles, witness: Witness::none() })
    }
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
