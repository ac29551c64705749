//! Values by key, found by the hash of the key: numbers are compared instead of texts, which takes a third of the time.
//!
//! The order is that of the [hashes](crate::hash), which are the same everywhere. Keys of one hash, if there ever are any,
//! follow each other in the order in which they came.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use crate::compact;
use crate::hash::{Hashed, Key};
use crate::state::StateError;

/// Values by key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyMap<K, V> {
    /// By the hash of the key, and its place among the keys of that hash.
    entries: BTreeMap<(u64, u32), (K, V)>,
}

impl<K, V> Default for KeyMap<K, V> {
    fn default() -> Self {
        KeyMap { entries: BTreeMap::new() }
    }
}

impl<K: Key, V> KeyMap<K, V> {
    /// Puts a value in for a new key, or changes the value that is there.
    #[inline]
    pub(crate) fn upsert(&mut self, key: &K::Ref, new: V, change: impl FnOnce(&mut V)) {
        let mut place = (key.hash64(), 0);
        loop {
            match self.entries.entry(place) {
                Entry::Vacant(entry) => {
                    entry.insert((key.to_owned(), new));
                    return;
                }
                Entry::Occupied(mut entry) if entry.get().0.borrow() == key => {
                    change(&mut entry.get_mut().1);
                    return;
                }
                Entry::Occupied(_) => place.1 += 1,
            }
        }
    }

    /// The value of a key.
    pub(crate) fn get(&self, key: &K::Ref) -> Option<&V> {
        let hash = key.hash64();
        let mut of_hash = self.entries.range((hash, 0)..=(hash, u32::MAX)).map(|(_, entry)| entry);
        of_hash.find(|(kept, _)| kept.borrow() == key).map(|(_, value)| value)
    }

    /// Every key and its value, in the order of the hashes.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.entries.values().map(|(key, value)| (key, value))
    }

    /// How many keys there are.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Lets go of what `keep` says no to.
    pub(crate) fn retain(&mut self, keep: impl Fn(&V) -> bool) {
        let kept = std::mem::take(&mut self.entries).into_values().filter(|(_, value)| keep(value));
        *self = kept.collect();
    }

    /// Appends how many of the keys `keep` says yes to, then each of them and its value.
    pub(crate) fn encode(&self, bytes: &mut Vec<u8>, keep: impl Fn(&V) -> bool, value: impl Fn(&V, &mut Vec<u8>)) {
        compact::encode_len(self.iter().filter(|(_, value)| keep(value)).count(), bytes);
        for (key, kept) in self.iter().filter(|(_, value)| keep(value)) {
            key.encode_key(bytes);
            value(kept, bytes);
        }
    }

    /// Takes keys and values off the front of `bytes`.
    pub(crate) fn decode(
        bytes: &mut &[u8],
        value: impl Fn(&mut &[u8]) -> Result<V, StateError>,
    ) -> Result<Self, StateError> {
        let count = compact::decode_len(bytes)?;
        let mut entries: Vec<((u64, u32), (K, V))> = Vec::with_capacity(count);
        for _ in 0..count {
            let entry = (K::decode_key(bytes)?, value(bytes)?);
            let hash = Borrow::<K::Ref>::borrow(&entry.0).hash64();
            let same = entries.iter().rev().take_while(|((other, _), _)| *other == hash).count();
            let is_after = entries.last().is_none_or(|((last, _), _)| *last <= hash);
            if !is_after || entries[entries.len() - same..].iter().any(|(_, (key, _))| *key == entry.0) {
                return Err(StateError::new("the keys are not in order"));
            }
            entries.push(((hash, same as u32), entry));
        }
        Ok(KeyMap { entries: entries.into_iter().collect() })
    }
}

/// From entries in the order of their hashes.
impl<K: Key, V> FromIterator<(K, V)> for KeyMap<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut last = (0, 0);
        let placed = entries.into_iter().enumerate().map(|(at, entry)| {
            let hash = Borrow::<K::Ref>::borrow(&entry.0).hash64();
            last = if at > 0 && hash == last.0 { (hash, last.1 + 1) } else { (hash, 0) };
            (last, entry)
        });
        KeyMap { entries: placed.collect() }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::state::State;

    /// A key of which many have one hash.
    #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
    struct Crowded(i64);

    impl Hashed for Crowded {
        fn hash64(&self) -> u64 {
            self.0.rem_euclid(3) as u64
        }
    }

    impl Key for Crowded {
        type Ref = Crowded;

        fn encode_key(&self, bytes: &mut Vec<u8>) {
            self.0.encode(bytes);
        }

        fn decode_key(bytes: &mut &[u8]) -> Result<Self, StateError> {
            i64::decode(bytes).map(Crowded)
        }
    }

    fn bytes(map: &KeyMap<Crowded, u64>) -> Vec<u8> {
        let mut bytes = Vec::new();
        map.encode(&mut bytes, |_| true, |value, bytes| value.encode(bytes));
        bytes
    }

    proptest! {
        #[test]
        fn is_a_map_even_where_hashes_meet(
            changes in prop::collection::vec((0..12_i64, 0..9_u64, any::<bool>()), 0..60),
        ) {
            let (mut map, mut expected) = (KeyMap::<Crowded, u64>::default(), BTreeMap::<i64, u64>::new());
            for (key, value, is_retained) in changes {
                if is_retained {
                    map.retain(|kept| *kept != value);
                    expected.retain(|_, kept| *kept != value);
                } else {
                    map.upsert(&Crowded(key), value, |kept| *kept += value);
                    expected.entry(key).and_modify(|kept| *kept += value).or_insert(value);
                }
                for key in 0..12 {
                    prop_assert_eq!(map.get(&Crowded(key)), expected.get(&key));
                }
                prop_assert_eq!(map.len(), expected.len());
                let written = bytes(&map);
                map = KeyMap::decode(&mut written.as_slice(), u64::decode).unwrap();
                prop_assert_eq!(bytes(&map), written);
            }
        }
    }

    #[test]
    fn a_key_that_comes_twice_is_refused() {
        let mut map = KeyMap::<Crowded, u64>::default();
        for key in [0, 3] {
            map.upsert(&Crowded(key), 1, |_| {});
        }
        let mut twice = bytes(&map);
        twice[17] = 0;
        assert!(KeyMap::<Crowded, u64>::decode(&mut twice.as_slice(), u64::decode).is_err());
        twice[1] = 1;
        assert!(KeyMap::<Crowded, u64>::decode(&mut twice.as_slice(), u64::decode).is_err());
    }
}
