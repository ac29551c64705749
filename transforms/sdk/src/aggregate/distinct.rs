//! How many different keys there were, exactly.

use std::collections::BTreeSet;

use super::{Aggregate, Key};
use crate::compact;
use crate::state::{State, StateError};
use crate::time::EventTime;

/// The different keys, each kept once. `K` is `String`, `i64` or `bool`; `push` takes `&str`, `&i64` or `&bool`.
///
/// The state grows with every new key. For how many there were in a sliding window, a
/// [`DistinctWindow`](crate::window::DistinctWindow) keeps each with its newest time; where a few percent do not matter, a
/// [`HyperLogLog`](super::HyperLogLog) keeps none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Distinct<K> {
    keys: BTreeSet<K>,
}

impl<K: Key> Distinct<K> {
    /// How many different keys there were; 0 for none.
    pub fn count(&self) -> i64 {
        self.keys.len() as i64
    }

    /// Whether a key is among them.
    pub fn contains(&self, key: &K::Ref) -> bool {
        self.keys.contains(key)
    }

    /// The keys, in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = &K> {
        self.keys.iter()
    }
}

impl<K> Default for Distinct<K> {
    fn default() -> Self {
        Distinct { keys: BTreeSet::new() }
    }
}

impl<K: Key> Aggregate for Distinct<K> {
    type Item<'a> = &'a K::Ref;

    #[inline]
    fn push(&mut self, _: EventTime, key: &K::Ref) {
        if !self.keys.contains(key) {
            self.keys.insert(key.to_owned());
        }
    }

    fn merge(&mut self, other: &Self) {
        for key in &other.keys {
            self.push(EventTime(0), key.borrow());
        }
    }
}

/// How many keys there are, then the keys in ascending order.
impl<K: Key> State for Distinct<K> {
    fn encode(&self, bytes: &mut Vec<u8>) {
        compact::encode_len(self.keys.len(), bytes);
        for key in &self.keys {
            key.encode_key(bytes);
        }
    }

    fn decode(bytes: &mut &[u8]) -> Result<Self, StateError> {
        let count = compact::decode_len(bytes)?;
        let mut keys: Vec<K> = Vec::with_capacity(count);
        for _ in 0..count {
            keys.push(K::decode_key(bytes)?);
        }
        if !keys.is_sorted_by(|a, b| a < b) {
            return Err(StateError::new("the keys of a set are not in order"));
        }
        Ok(Distinct { keys: keys.into_iter().collect() })
    }
}
