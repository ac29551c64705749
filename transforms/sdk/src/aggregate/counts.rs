//! How many events there were of each key, exactly.

use std::collections::BTreeMap;

use super::{Aggregate, Key};
use crate::compact;
use crate::state::{State, StateError};
use crate::time::EventTime;

/// How many events there were of each key. `K` is `String`, `i64` or `bool`; `push` takes `&str`, `&i64` or `&bool`.
///
/// The state grows with every new key; where there may be many, a [`TopK`](super::TopK) keeps the most frequent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts<K> {
    counts: BTreeMap<K, u64>,
}

impl<K: Key> Counts<K> {
    /// How many events there were of one key.
    pub fn count_of(&self, key: &K::Ref) -> i64 {
        self.counts.get(key).map_or(0, |&count| count as i64)
    }

    /// How many different keys there were.
    pub fn distinct(&self) -> i64 {
        self.counts.len() as i64
    }

    /// The `k` most frequent keys and how often each was, the most frequent first; of equally frequent ones the smaller key.
    pub fn top(&self, k: usize) -> Vec<(K, i64)> {
        top(self.counts.iter().map(|(key, &count)| (key, count)), k)
    }

    /// The most frequent key; of equally frequent ones the smallest. None where there was no event.
    pub fn mode(&self) -> Option<&K> {
        // The first of several maxima is the last of them in reverse.
        self.counts.iter().rev().max_by_key(|(_, count)| **count).map(|(key, _)| key)
    }

    /// Every key, ascending, and how often it was.
    pub fn iter(&self) -> impl Iterator<Item = (&K, i64)> {
        self.counts.iter().map(|(key, &count)| (key, count as i64))
    }
}

/// The first `k` entries by count descending, then by key ascending.
pub(super) fn top<'a, K: Key>(entries: impl Iterator<Item = (&'a K, u64)>, k: usize) -> Vec<(K, i64)> {
    let mut entries: Vec<_> = entries.collect();
    entries.sort_unstable_by(|(a, a_count), (b, b_count)| b_count.cmp(a_count).then_with(|| a.cmp(b)));
    entries.into_iter().take(k).map(|(key, count)| (key.clone(), count as i64)).collect()
}

impl<K> Default for Counts<K> {
    fn default() -> Self {
        Counts { counts: BTreeMap::new() }
    }
}

impl<K: Key> Aggregate for Counts<K> {
    type Item<'a> = &'a K::Ref;

    #[inline]
    fn push(&mut self, _: EventTime, key: &K::Ref) {
        match self.counts.get_mut(key) {
            Some(count) => *count += 1,
            None => drop(self.counts.insert(key.to_owned(), 1)),
        }
    }

    fn merge(&mut self, other: &Self) {
        for (key, count) in &other.counts {
            *self.counts.entry(key.clone()).or_default() += count;
        }
    }
}

/// How many keys there are, then each key, ascending, and its count.
impl<K: Key> State for Counts<K> {
    fn encode(&self, bytes: &mut Vec<u8>) {
        compact::encode_len(self.counts.len(), bytes);
        for (key, &count) in &self.counts {
            key.encode_key(bytes);
            compact::encode_u64(count, bytes);
        }
    }

    fn decode(bytes: &mut &[u8]) -> Result<Self, StateError> {
        let count = compact::decode_len(bytes)?;
        let mut entries: Vec<(K, u64)> = Vec::with_capacity(count);
        for _ in 0..count {
            entries.push((K::decode_key(bytes)?, compact::decode_u64(bytes)?));
        }
        if !entries.is_sorted_by(|(a, _), (b, _)| a < b) || entries.iter().any(|&(_, count)| count == 0) {
            return Err(StateError::new("the keys of counts are not in order, or one was never counted"));
        }
        Ok(Counts { counts: entries.into_iter().collect() })
    }
}
