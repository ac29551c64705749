//! The keys of rows as they are looked up: short ones as one number, longer ones as bytes.

use std::ops::Range;

use super::KeyType;
use crate::batch::{Column, Lane, SHORT_BYTES_MAX, Texts, Values, short_text, short_text_within};

/// How many keys are looked up at a time.
pub(super) const BLOCK: usize = 64;

/// The key columns of some rows, resolved for lookups.
pub struct KeyRows<'a> {
    columns: Vec<Cells<'a>>,
}

enum Cells<'a> {
    Short(&'a [u128]),
    Int64s(&'a [i64]),
    Texts(&'a Texts),
    Coded(&'a [u32], &'a Texts),
}

/// A key as it is looked up.
pub(super) enum Key<'a> {
    Short(u128),
    Long(&'a [u8]),
}

impl<'a> KeyRows<'a> {
    /// The rows of key columns, none of which is null.
    pub fn of_columns(columns: impl IntoIterator<Item = &'a Column>) -> Self {
        let cells = columns.into_iter().map(|column| match column.values() {
            Values::Int64s(values) | Values::Times(values) => Cells::Int64s(values),
            Values::Texts(texts) => Cells::Texts(texts),
            _ => Cells::Int64s(&[]),
        });
        Self { columns: cells.collect() }
    }

    /// The rows of key lanes, none of which is null.
    pub fn of_lanes(lanes: &'a [Lane]) -> Self {
        let cells = lanes.iter().map(|lane| match lane {
            Lane::Short(texts) => Cells::Short(texts),
            Lane::Coded(codes, texts) => Cells::Coded(codes, texts),
            Lane::Column(column) => match column.values() {
                Values::Int64s(values) => Cells::Int64s(values),
                Values::Texts(texts) => Cells::Texts(texts),
                _ => Cells::Int64s(&[]),
            },
        });
        Self { columns: cells.collect() }
    }

    /// The key of `row`; one that is not short is written to `scratch`, as bytes that no other key of these columns has.
    #[inline]
    pub(super) fn key<'k>(&'k self, row: usize, scratch: &'k mut Vec<u8>) -> Key<'k> {
        match &self.columns[..] {
            [Cells::Short(texts)] => Key::Short(texts[row]),
            [Cells::Int64s(values)] => Key::Short(short_int64(values[row])),
            [Cells::Texts(texts)] => text_key(texts.get(row)),
            [Cells::Coded(codes, texts)] => text_key(texts.get(codes[row] as usize)),
            columns => {
                scratch.clear();
                for cells in columns {
                    cells.encode(row, scratch);
                }
                Key::Long(scratch)
            }
        }
    }

    /// The keys of at most [`BLOCK`] rows, if all are short; `buffer` may hold them.
    #[inline]
    pub(super) fn shorts<'k>(&'k self, rows: Range<usize>, buffer: &'k mut [u128; BLOCK]) -> Option<&'k [u128]> {
        let count = rows.len();
        match &self.columns[..] {
            [Cells::Short(texts)] => return Some(&texts[rows]),
            [Cells::Int64s(values)] => {
                buffer.iter_mut().zip(&values[rows]).for_each(|(short, value)| *short = short_int64(*value));
            }
            [Cells::Texts(texts)] => {
                let mut start = rows.start.checked_sub(1).map_or(0, |before| texts.ends[before] as usize);
                for (short, end) in buffer.iter_mut().zip(&texts.ends[rows]) {
                    let end = *end as usize;
                    if end - start > SHORT_BYTES_MAX {
                        return None;
                    }
                    *short = short_text_within(&texts.bytes, start, end - start);
                    start = end;
                }
            }
            _ => return None,
        }
        Some(&buffer[..count])
    }

    /// The codes of keys that are fewer texts than there are rows, how many texts, and these: what holds of each is found once.
    pub(super) fn codes(&self, rows: usize) -> Option<(&'a [u32], usize, Self)> {
        match &self.columns[..] {
            [Cells::Coded(codes, texts)] if texts.ends.len() <= rows => {
                Some((&codes[..rows], texts.ends.len(), Self { columns: vec![Cells::Texts(texts)] }))
            }
            _ => None,
        }
    }

    /// Appends the partition of each of the first `rows` keys, of `2^bits`: the same in every run, and apart from the order
    /// of an interner's table.
    pub fn partitions(&self, rows: usize, bits: u32, partitions: &mut Vec<u32>) {
        if let Some((codes, count, texts)) = self.codes(rows) {
            let mut of_texts = Vec::new();
            texts.partitions(count, bits, &mut of_texts);
            partitions.extend(codes.iter().map(|code| of_texts[*code as usize]));
            return;
        }
        let mut scratch = Vec::new();
        partitions.extend((0..rows).map(|row| {
            let hash = spread(hash(&self.key(row, &mut scratch)));
            (hash >> 32) as u32 >> (32 - bits.max(1)) & ((1 << bits) - 1)
        }));
    }

    /// Appends a hash of each of the first `rows` keys, the same in every run: [`partitions`](Self::partitions) are its highest
    /// bits.
    pub(crate) fn hashes(&self, rows: usize, hashes: &mut Vec<u64>) {
        if let Some((codes, count, texts)) = self.codes(rows) {
            let mut of_texts = Vec::new();
            texts.hashes(count, &mut of_texts);
            hashes.extend(codes.iter().map(|code| of_texts[*code as usize]));
            return;
        }
        let mut scratch = Vec::new();
        hashes.extend((0..rows).map(|row| spread(hash(&self.key(row, &mut scratch)))));
    }

    pub(super) fn types(&self) -> Vec<KeyType> {
        let types = self.columns.iter().map(|cells| match cells {
            Cells::Int64s(_) => KeyType::Int64,
            _ => KeyType::Text,
        });
        types.collect()
    }
}

impl Cells<'_> {
    /// Appends the value of `row`: texts after their length, integers as eight bytes.
    fn encode(&self, row: usize, bytes: &mut Vec<u8>) {
        let mut text = |text: &[u8]| {
            bytes.extend_from_slice(&(text.len() as u64).to_le_bytes());
            bytes.extend_from_slice(text);
        };
        match self {
            Self::Short(texts) => text(short_bytes(&texts[row].to_le_bytes())),
            Self::Texts(texts) => text(texts.get(row)),
            Self::Coded(codes, texts) => text(texts.get(codes[row] as usize)),
            Self::Int64s(values) => bytes.extend_from_slice(&values[row].to_le_bytes()),
        }
    }
}

/// The key of one text.
#[inline]
fn text_key(text: &[u8]) -> Key<'_> {
    if text.len() <= SHORT_BYTES_MAX { Key::Short(short_text(text)) } else { Key::Long(text) }
}

/// An integer as a short key.
#[inline]
fn short_int64(value: i64) -> u128 {
    u128::from(value as u64) << 32 | 8
}

/// The text in the bytes of a short text.
pub(crate) fn short_bytes(bytes: &[u8; 16]) -> &[u8] {
    let length = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize;
    &bytes[4..4 + length.min(SHORT_BYTES_MAX)]
}

/// Mixes 128 bits into 64 by a full multiplication, whose halves are joined.
#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a ^ 0x9e37_79b9_7f4a_7c15) * u128::from(b ^ 0xd1b5_4a32_d192_ed03);
    product as u64 ^ (product >> 64) as u64
}

/// A hash apart from the order of an interner's table, which goes by the lowest bits.
#[inline]
fn spread(hash: u64) -> u64 {
    hash.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

#[inline]
pub(super) fn hash(key: &Key<'_>) -> u64 {
    match key {
        Key::Short(head) => hash_short(*head),
        Key::Long(bytes) => hash_bytes(bytes),
    }
}

#[inline]
pub(super) fn hash_short(head: u128) -> u64 {
    let mixed = fold(head as u64, (head >> 64) as u64);
    fold(mixed, mixed.rotate_left(32))
}

/// A hash of bytes that is the same in every run.
pub(crate) fn hash_bytes(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let mut hash = bytes.len() as u64;
    for word in words {
        hash = fold(hash.rotate_left(29), u64::from_le_bytes(*word));
    }
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    fold(hash.rotate_left(29), u64::from_le_bytes(last))
}
