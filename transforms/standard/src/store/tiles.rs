//! An aggregate for each hop, and those of this stretch and the one before.

use onepath_definition::Span;
use onepath_sdk::dynamic::{Tiles, oldest_hop, oldest_tumbling, tile};
use onepath_sdk::state::StateError;
use onepath_sdk::time::{AsOf, EventTime, Length};

use super::any::{Any, Which};
use super::value::Item;
use super::{Kept, Part};
use crate::column::Writer;

#[derive(Clone, Copy)]
pub(super) struct Shape {
    pub(super) which: Which,
    /// How long hops are kept; none where this stretch and the one before are.
    pub(super) kept: Option<Length>,
    /// The length of a tile.
    pub(super) tile: Length,
}

impl Shape {
    fn oldest(&self, newest: i64) -> i64 {
        match self.kept {
            Some(kept) => oldest_hop(newest, kept, self.tile),
            None => oldest_tumbling(newest),
        }
    }
}

/// Aggregates by tile.
pub(super) struct Tiled(Tiles<Any>);

impl Kept for Tiled {
    type Item<'a> = Item<'a>;
    type Shape = Shape;

    fn empty(_: &Shape) -> Self {
        Tiled(Tiles::default())
    }

    fn decode(bytes: &mut &[u8], shape: &Shape) -> Result<Self, StateError> {
        let oldest = |newest| shape.oldest(newest);
        Tiles::decode(bytes, oldest, |bytes| Any::decode_bare(bytes, shape.which)).map(Tiled)
    }

    fn encode(&self, bytes: &mut Vec<u8>, _: &Shape) {
        if self.0.len() > 0 {
            self.0.encode(bytes, Any::encode_bare);
        }
    }

    #[inline]
    fn push(&mut self, at: EventTime, item: Item<'_>, shape: &Shape) {
        self.0.push(tile(at.micros(), shape.tile), at, (shape.which, item), |newest| shape.oldest(newest));
    }

    fn read(&self, as_of: AsOf, part: &Part, shape: &Shape, columns: &mut [Writer]) {
        let length = Length::from_micros;
        let merged = match part.span {
            Span::Sawtooth { length: of } => self.0.sawtooth(as_of, length(of), shape.tile),
            Span::Hopped { length: of, ago } => self.0.hopped(as_of, length(ago), length(of), shape.tile),
            Span::Current => self.0.current(as_of, shape.tile),
            Span::Previous => self.0.previous(as_of, shape.tile),
            _ => unreachable!("tiles are read as a whole"),
        };
        for &(column, answer) in &part.answers {
            merged.answer(answer, as_of, shape.which, &mut columns[column]);
        }
    }
}
