//! A sample that hashes choose: the same values whatever the order of the rows and the way they came.

use twox_hash::XxHash3_64;

use crate::batch::{Column, Values};

/// How many values of a feature are kept at most.
pub const SAMPLE_MAX: usize = 10_000;

/// A mixture of the bits of a number, in which every bit depends on all: the finisher of SplitMix64 (Steele, Lea and Flood 2014).
#[inline]
pub const fn scrambled(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// Per row, a hash of its entity key and its as-of, in microseconds. Both decide, and nothing else.
pub fn row_hashes<'a>(keys: impl IntoIterator<Item = &'a Column>, as_of: &[i64]) -> Vec<u64> {
    let mut hashes: Vec<u64> = as_of.iter().map(|at| scrambled(*at as u64)).collect();
    for column in keys {
        for (row, hash) in hashes.iter_mut().enumerate() {
            let of_key = match column.values() {
                Values::Int64s(values) | Values::Times(values) => scrambled(values[row] as u64),
                _ => XxHash3_64::oneshot(column.text(row).unwrap_or_default()),
            };
            *hash = scrambled(hash.rotate_left(17) ^ of_key);
        }
    }
    hashes
}

/// The values of the rows with the smallest hashes; where hashes are equal, of the first rows.
#[derive(Clone, Default)]
pub(super) struct Sample {
    /// Hash, row and value of at most twice as many as are kept.
    chosen: Vec<(u64, u64, f64)>,
    /// Rows with a larger hash are not chosen any more.
    limit: Option<u64>,
}

impl Sample {
    #[inline]
    pub(super) fn add(&mut self, hash: u64, row: u64, value: f64) {
        if self.limit.is_none_or(|limit| hash <= limit) {
            // One zero, whatever its sign.
            self.chosen.push((hash, row, value + 0.0));
            if self.chosen.len() >= 2 * SAMPLE_MAX {
                self.cut();
            }
        }
    }

    fn cut(&mut self) {
        if self.chosen.len() > SAMPLE_MAX {
            let key = |one: &(u64, u64, f64)| (one.0, one.1);
            self.chosen.select_nth_unstable_by_key(SAMPLE_MAX - 1, key);
            self.limit = Some(self.chosen[SAMPLE_MAX - 1].0);
            self.chosen.truncate(SAMPLE_MAX);
        }
    }

    /// The values, the smallest first.
    pub(super) fn sorted(mut self) -> Vec<f64> {
        self.cut();
        let mut values: Vec<f64> = self.chosen.into_iter().map(|(_, _, value)| value).collect();
        values.sort_unstable_by(f64::total_cmp);
        values
    }
}
