//! How many different keys there were, exactly.

use super::{Aggregate, Key};
use crate::key_map::KeyMap;
use crate::state::{State, StateError};
use crate::time::EventTime;

/// The different keys, each kept once. `K` is `String`, `i64` or `bool`; `push` takes `&str`, `&i64` or `&bool`.
///
/// The state grows with every new key. For how many there were in a sliding window, a
/// [`DistinctWindow`](crate::window::DistinctWindow) keeps each with its newest time; where a few percent do not matter, a
/// [`HyperLogLog`](super::HyperLogLog) keeps none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Distinct<K> {
    keys: KeyMap<K, ()>,
}

impl<K: Key> Distinct<K> {
    /// How many different keys there were; 0 for none.
    pub fn count(&self) -> i64 {
        self.keys.len() as i64
    }

    /// Whether a key is among them.
    pub fn contains(&self, key: &K::Ref) -> bool {
        self.keys.get(key).is_some()
    }

    /// The keys, in ascending order.
    pub fn keys(&self) -> Vec<&K> {
        let mut keys: Vec<&K> = self.keys.iter().map(|(key, ())| key).collect();
        keys.sort_unstable();
        keys
    }
}

impl<K> Default for Distinct<K> {
    fn default() -> Self {
        Distinct { keys: KeyMap::default() }
    }
}

impl<K: Key> Aggregate for Distinct<K> {
    type Item<'a> = &'a K::Ref;

    #[inline]
    fn push(&mut self, _: EventTime, key: &K::Ref) {
        self.keys.upsert(key, (), |()| {});
    }

    fn merge(&mut self, other: &Self) {
        for (key, ()) in other.keys.iter() {
            self.keys.upsert(key.borrow(), (), |()| {});
        }
    }
}

/// How many keys there are, then the keys in the order of their [hashes](crate::hash), and in their own where those are equal.
impl<K: Key> State for Distinct<K> {
    fn encode(&self, bytes: &mut Vec<u8>) {
        self.keys.encode(bytes, |()| true, |(), _| {});
    }

    fn decode(bytes: &mut &[u8]) -> Result<Self, StateError> {
        Ok(Distinct { keys: KeyMap::decode(bytes, |_| Ok(()))? })
    }
}
