//! The most frequent keys, in a fixed number of entries.

use std::borrow::Borrow;

use super::counts::top;
use super::{Aggregate, Key};
use crate::compact;
use crate::state::{State, StateError};
use crate::time::EventTime;

/// The most frequent keys among any number, with at most `N` of them kept: Space-Saving (Metwally, Agrawal and El Abbadi,
/// "Efficient computation of frequent and top-k elements in data streams", 2005).
///
/// A count is never too small, and too large by at most the events divided by `N`; every key more frequent than that is
/// kept. While there are no more than `N` different keys, all is exact. Keep several times as many as you ask for: `N` = 64
/// for a top 10. `K` is `String`, `i64` or `bool`; `push` takes `&str`, `&i64` or `&bool`.
///
/// When a new key finds no room, it takes the place and the count of the least frequent one; of equally frequent ones that
/// is the largest key. So once keys are let go, the answer depends on the order of events, which is defined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopK<K, const N: usize> {
    /// By key.
    entries: Vec<(K, u64)>,
}

impl<K: Key, const N: usize> TopK<K, N> {
    /// The `k` most frequent keys and how often each was at most, the most frequent first; of equally frequent ones the
    /// smaller key.
    pub fn top(&self, k: usize) -> Vec<(K, i64)> {
        top(self.entries.iter().map(|(key, count)| (key, *count)), k)
    }

    /// How often a key was at most; 0 for one that is not kept.
    pub fn count_of(&self, key: &K::Ref) -> i64 {
        self.find(key).map_or(0, |at| self.entries[at].1 as i64)
    }

    #[inline]
    fn find(&self, key: &K::Ref) -> Result<usize, usize> {
        self.entries.binary_search_by(|(kept, _)| Borrow::<K::Ref>::borrow(kept).cmp(key))
    }

    /// The place of the entry that gives way: the least frequent; of those, the largest key.
    fn least(&self) -> Option<usize> {
        self.entries.iter().enumerate().rev().min_by_key(|(_, (_, count))| *count).map(|(at, _)| at)
    }

    /// The least count, where a key that is not kept may have had as many.
    fn missed(&self) -> u64 {
        let least = || self.least().map_or(0, |at| self.entries[at].1);
        if self.entries.len() < N { 0 } else { least() }
    }
}

impl<K, const N: usize> Default for TopK<K, N> {
    fn default() -> Self {
        const { assert!(N > 0, "a TopK keeps at least one key") }
        TopK { entries: Vec::new() }
    }
}

impl<K: Key, const N: usize> Aggregate for TopK<K, N> {
    type Item<'a> = &'a K::Ref;

    /// Once it lets go of keys, it depends on which came together.
    const MERGES_EXACTLY: bool = false;

    #[inline]
    fn push(&mut self, _: EventTime, key: &K::Ref) {
        match self.find(key) {
            Ok(at) => self.entries[at].1 += 1,
            Err(at) if self.entries.len() < N => self.entries.insert(at, (key.to_owned(), 1)),
            Err(at) => {
                let Some(least) = self.least() else { return };
                // The new key goes into the place of the old one, its memory included, and from there to its own.
                let entry = &mut self.entries[least];
                key.clone_into(&mut entry.0);
                entry.1 += 1;
                if least < at {
                    self.entries[least..at].rotate_left(1);
                } else {
                    self.entries[at..=least].rotate_right(1);
                }
            }
        }
    }

    /// As if a key that one side does not keep had been there as often as that side's least frequent one; then the `N` most
    /// frequent stay.
    fn merge(&mut self, other: &Self) {
        let (missed, missed_by_other) = (self.missed(), other.missed());
        let mut merged: Vec<(K, u64)> = Vec::with_capacity(self.entries.len() + other.entries.len());
        for (key, count) in &self.entries {
            let more = other.find(key.borrow()).map_or(missed_by_other, |at| other.entries[at].1);
            merged.push((key.clone(), count + more));
        }
        for (key, count) in &other.entries {
            if self.find(key.borrow()).is_err() {
                merged.push((key.clone(), count + missed));
            }
        }
        merged.sort_unstable_by(|(a, a_count), (b, b_count)| b_count.cmp(a_count).then_with(|| a.cmp(b)));
        merged.truncate(N);
        merged.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        self.entries = merged;
    }
}

/// How many keys there are, then each key, ascending, and its count.
impl<K: Key, const N: usize> State for TopK<K, N> {
    fn encode(&self, bytes: &mut Vec<u8>) {
        compact::encode_len(self.entries.len(), bytes);
        for (key, count) in &self.entries {
            key.encode_key(bytes);
            compact::encode_u64(*count, bytes);
        }
    }

    fn decode(bytes: &mut &[u8]) -> Result<Self, StateError> {
        let count = compact::decode_len(bytes)?;
        let mut entries: Vec<(K, u64)> = Vec::with_capacity(count.min(N));
        for _ in 0..count {
            entries.push((K::decode_key(bytes)?, compact::decode_u64(bytes)?));
        }
        let is_counted = entries.iter().all(|&(_, count)| count > 0);
        if entries.len() > N || !is_counted || !entries.is_sorted_by(|(a, _), (b, _)| a < b) {
            return Err(StateError::new("a TopK has too many keys, one that was never counted, or keys out of order"));
        }
        Ok(TopK { entries })
    }
}
