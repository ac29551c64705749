//! How many events there were of each key, exactly.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::{Aggregate, Key};
use crate::compact;
use crate::key_map::KeyMap;
use crate::state::{State, StateError};
use crate::time::EventTime;

/// How many events there were of each key. `K` is `String`, `i64` or `bool`; `push` takes `&str`, `&i64` or `&bool`.
///
/// The state grows with every new key; where there may be many, a [`TopK`](super::TopK) keeps the most frequent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts<K> {
    counts: KeyMap<K, u64>,
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
        let (key, _) =
            self.counts.iter().max_by(|(a, a_count), (b, b_count)| a_count.cmp(b_count).then_with(|| b.cmp(a)))?;
        Some(key)
    }
}

/// The first `k` entries by count descending, then by key ascending: in time that grows with the number of entries and the
/// logarithm of `k`.
pub(super) fn top<'a, K: Key>(entries: impl Iterator<Item = (&'a K, u64)>, k: usize) -> Vec<(K, i64)> {
    // The greatest is the one that gives way: the least frequent; of those, the largest key.
    let mut first: BinaryHeap<(Reverse<u64>, &K)> = BinaryHeap::new();
    for (key, count) in entries {
        let entry = (Reverse(count), key);
        if first.len() < k {
            first.push(entry);
        } else if let Some(mut last) = first.peek_mut()
            && entry < *last
        {
            *last = entry;
        }
    }
    first.into_sorted_vec().into_iter().map(|(Reverse(count), key)| (key.clone(), count as i64)).collect()
}

impl<K> Default for Counts<K> {
    fn default() -> Self {
        Counts { counts: KeyMap::default() }
    }
}

impl<K: Key> Aggregate for Counts<K> {
    type Item<'a> = &'a K::Ref;

    #[inline]
    fn push(&mut self, _: EventTime, key: &K::Ref) {
        self.counts.upsert(key, 1, |count| *count += 1);
    }

    fn merge(&mut self, other: &Self) {
        for (key, &more) in other.counts.iter() {
            self.counts.upsert(key.borrow(), more, |count| *count += more);
        }
    }
}

/// How many keys there are, then each key and its count, in the order of the keys' [hashes](crate::hash), and in their own where those
/// are equal.
impl<K: Key> State for Counts<K> {
    fn encode(&self, bytes: &mut Vec<u8>) {
        self.counts.encode(bytes, |_| true, |&count, bytes| compact::encode_u64(count, bytes));
    }

    fn decode(bytes: &mut &[u8]) -> Result<Self, StateError> {
        let count = |bytes: &mut &[u8]| match compact::decode_u64(bytes)? {
            0 => Err(StateError::new("a key was never counted")),
            count => Ok(count),
        };
        Ok(Counts { counts: KeyMap::decode(bytes, count)? })
    }
}
