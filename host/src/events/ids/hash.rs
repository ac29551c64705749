//! Rows, ids and events as 128 bits, the same in every run and on every machine.
//!
//! Words of 64 bits are folded one after the other into a state of 128, by a multiplication with an odd constant and a shift,
//! both of which lose nothing: two rows of one hash differ by chance alone, about once in 2^128 pairs.

use crate::batch::{Column, Lane, Texts, Values};
use crate::entity::short_bytes;

/// Odd, with bits everywhere: the multiplier of PCG's generator of 128 bits, and the golden ratio.
const STEP: u128 = 0x2360_ed05_1fc6_5da4_4385_df64_9fcc_f645;
const LAST: u128 = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835;

/// Two words that stand for null.
const NULL: [u64; 2] = [0x6e75_6c6c_6e75_6c6c, 0xd1b5_4a32_d192_ed03];

/// A hash in the making.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RowHash(u128);

impl RowHash {
    pub(super) fn new() -> Self {
        Self(STEP)
    }

    #[inline]
    pub(super) fn word(&mut self, word: u64) {
        let mixed = (self.0 ^ u128::from(word)).wrapping_mul(STEP);
        self.0 = mixed ^ mixed >> 64;
    }

    #[inline]
    pub(super) fn text(&mut self, text: &[u8]) {
        self.word(text.len() as u64);
        let (words, rest) = text.as_chunks::<8>();
        words.iter().for_each(|word| self.word(u64::from_le_bytes(*word)));
        if !rest.is_empty() {
            let mut last = [0; 8];
            last[..rest.len()].copy_from_slice(rest);
            self.word(u64::from_le_bytes(last));
        }
    }

    pub(super) fn null(&mut self) {
        NULL.iter().for_each(|word| self.word(*word));
    }

    /// The hash of all that was added.
    #[inline]
    pub(super) fn finish(self) -> u128 {
        let mixed = (self.0 ^ self.0 >> 64).wrapping_mul(LAST);
        mixed ^ mixed >> 64
    }
}

/// The hash of an id; never 0.
pub(crate) fn id_hash(id: &[u8]) -> u128 {
    let mut hash = RowHash::new();
    hash.text(id);
    hash.finish().max(1)
}

/// Per row, the hash of an id; 0 where there is none.
pub(super) fn id_hashes(ids: &Lane) -> Vec<u128> {
    let of_texts = |texts: &Texts| (0..texts.ends.len()).map(|row| id_hash(texts.get(row))).collect::<Vec<u128>>();
    match ids {
        Lane::Short(texts) => texts.iter().map(|text| id_hash(short_bytes(&text.to_le_bytes()))).collect(),
        Lane::Coded(codes, texts) => {
            let hashes = of_texts(texts);
            codes.iter().map(|code| hashes[*code as usize]).collect()
        }
        Lane::Column(column) => match column.values() {
            Values::Texts(texts) => {
                let mut hashes = of_texts(texts);
                let nulls = (0..hashes.len()).filter(|row| column.is_null(*row));
                nulls.collect::<Vec<_>>().into_iter().for_each(|row| hashes[row] = 0);
                hashes
            }
            _ => vec![0; column.len()],
        },
    }
}

/// Adds the values of a lane to the hashes of its rows. The form of a lane does not show in them.
pub(super) fn add_lane(hashes: &mut [RowHash], lane: &Lane) {
    let rows = hashes.iter_mut();
    match lane {
        Lane::Short(texts) => rows.zip(texts).for_each(|(hash, text)| hash.text(short_bytes(&text.to_le_bytes()))),
        Lane::Coded(codes, texts) => rows.zip(codes).for_each(|(hash, code)| hash.text(texts.get(*code as usize))),
        Lane::Column(column) => add_column(hashes, column),
    }
}

/// As [`add_lane`], of a column.
pub(super) fn add_column(hashes: &mut [RowHash], column: &Column) {
    let mut add = |value: &dyn Fn(&mut RowHash, usize)| {
        for (row, hash) in hashes.iter_mut().enumerate() {
            if column.is_null(row) { hash.null() } else { value(hash, row) }
        }
    };
    match column.values() {
        Values::Booleans(values) => add(&|hash, row| hash.word(u64::from(values[row]))),
        Values::Int64s(values) | Values::Times(values) => add(&|hash, row| hash.word(values[row] as u64)),
        Values::Float64s(values) => add(&|hash, row| hash.word(values[row].to_bits())),
        Values::Texts(texts) => add(&|hash, row| hash.text(texts.get(row))),
        Values::Float64Lists(lists) => add(&|hash, row| {
            let start = if row == 0 { 0 } else { lists.ends[row - 1] as usize };
            let numbers = &lists.values[start..lists.ends[row] as usize];
            hash.word(numbers.len() as u64);
            numbers.iter().for_each(|number| hash.word(number.to_bits()));
        }),
    }
}

/// Adds a time of each row.
pub(super) fn add_times(hashes: &mut [RowHash], times: &[i64]) {
    hashes.iter_mut().zip(times).for_each(|(hash, time)| hash.word(*time as u64));
}
