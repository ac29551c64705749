//! Values by key, found by the hash of the key: numbers are compared instead of texts, which takes a third of the time.
//!
//! The order is that of the [hashes](crate::hash), which are the same everywhere; keys of one hash are in their own order. So a map
//! has one order whatever came first. Keys of one hash can be made at will (the hash has no secret), and are in a tree of their
//! own: no keys make a lookup take more than a number of comparisons that grows with the logarithm of their number.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::collections::btree_map::{self, Entry};

use crate::compact;
use crate::hash::{Hashed, Key};
use crate::state::StateError;

/// Values by key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyMap<K, V> {
    /// By the hash of the key.
    buckets: BTreeMap<u64, Bucket<K, V>>,
    len: usize,
}

/// The keys of one hash.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Bucket<K, V> {
    /// One key, as it is for all hashes of keys that nobody has made for this.
    One(K, V),
    /// Two keys or more.
    #[allow(clippy::box_collection, reason = "behind a pointer it makes the usual bucket no larger")]
    Many(Box<BTreeMap<K, V>>),
}

impl<K, V> Default for KeyMap<K, V> {
    fn default() -> Self {
        KeyMap { buckets: BTreeMap::new(), len: 0 }
    }
}

impl<K: Key, V> KeyMap<K, V> {
    /// Puts a value in for a new key, or changes the value that is there.
    #[inline]
    pub(crate) fn upsert(&mut self, key: &K::Ref, new: V, change: impl FnOnce(&mut V)) {
        match self.buckets.entry(key.hash64()) {
            Entry::Vacant(entry) => {
                entry.insert(Bucket::One(key.to_owned(), new));
                self.len += 1;
            }
            Entry::Occupied(entry) => match entry.into_mut() {
                Bucket::One(kept, value) if Borrow::<K::Ref>::borrow(kept) == key => change(value),
                bucket => self.len += usize::from(bucket.upsert(key, new, change)),
            },
        }
    }

    /// The value of a key.
    pub(crate) fn get(&self, key: &K::Ref) -> Option<&V> {
        match self.buckets.get(&key.hash64())? {
            Bucket::One(kept, value) => (Borrow::<K::Ref>::borrow(kept) == key).then_some(value),
            Bucket::Many(entries) => entries.get(key),
        }
    }

    /// Every key and its value, in the order of the hashes, and of the keys where those are equal.
    pub(crate) fn iter(&self) -> Iter<'_, K, V> {
        Iter { buckets: self.buckets.values(), many: None }
    }

    /// How many keys there are.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Lets go of what `keep` says no to.
    pub(crate) fn retain(&mut self, keep: impl Fn(&V) -> bool) {
        let mut kept = Sorted::with_capacity(self.buckets.len());
        for (hash, bucket) in std::mem::take(&mut self.buckets) {
            let (one, many) = match bucket {
                Bucket::One(key, value) => (Some((key, value)), None),
                Bucket::Many(entries) => (None, Some(entries)),
            };
            for (key, value) in
                one.into_iter().chain(many.into_iter().flat_map(|entries| *entries)).filter(|(_, value)| keep(value))
            {
                // They come in order.
                kept.push(hash, key, value);
            }
        }
        *self = kept.into_map();
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
        let mut sorted = Sorted::with_capacity(count);
        for _ in 0..count {
            let (key, value) = (K::decode_key(bytes)?, value(bytes)?);
            if !sorted.push(Borrow::<K::Ref>::borrow(&key).hash64(), key, value) {
                return Err(StateError::new("the keys are not in order"));
            }
        }
        Ok(sorted.into_map())
    }
}

/// Goes through the entries of a [`KeyMap`].
pub(crate) struct Iter<'a, K, V> {
    buckets: btree_map::Values<'a, u64, Bucket<K, V>>,
    /// What is left of a bucket of several keys.
    many: Option<btree_map::Iter<'a, K, V>>,
}

impl<'a, K, V> Iterator for Iter<'a, K, V> {
    type Item = (&'a K, &'a V);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if let Some(next) = self.many.as_mut().and_then(Iterator::next) {
            return Some(next);
        }
        match self.buckets.next()? {
            Bucket::One(key, value) => Some((key, value)),
            Bucket::Many(entries) => self.many.insert(entries.iter()).next(),
        }
    }
}

impl<K: Key, V> Bucket<K, V> {
    /// What [`KeyMap::upsert`] does where the bucket holds another key; gives whether the key is new.
    #[cold]
    fn upsert(&mut self, key: &K::Ref, new: V, change: impl FnOnce(&mut V)) -> bool {
        let entries = self.spread();
        match entries.get_mut(key) {
            Some(value) => change(value),
            None => return entries.insert(key.to_owned(), new).is_none(),
        }
        false
    }

    /// Adds a key after the others; gives whether it comes after them.
    #[cold]
    fn append(&mut self, key: K, value: V) -> bool {
        let entries = self.spread();
        let is_after = entries.last_key_value().is_none_or(|(last, _)| *last < key);
        entries.insert(key, value);
        is_after
    }

    /// The bucket as a tree, which it becomes.
    fn spread(&mut self) -> &mut BTreeMap<K, V> {
        if let Bucket::One(..) = self
            && let Bucket::One(key, value) = std::mem::replace(self, Bucket::Many(Box::default()))
        {
            *self = Bucket::Many(Box::new(BTreeMap::from([(key, value)])));
        }
        match self {
            Bucket::Many(entries) => entries,
            Bucket::One(..) => unreachable!("one key has just become a tree"),
        }
    }
}

/// Entries that come in the order of their hashes and keys, for a map that is made at once.
struct Sorted<K, V> {
    buckets: Vec<(u64, Bucket<K, V>)>,
    len: usize,
}

impl<K: Key, V> Sorted<K, V> {
    fn with_capacity(capacity: usize) -> Self {
        Sorted { buckets: Vec::with_capacity(capacity), len: 0 }
    }

    /// Appends an entry; gives whether it comes after the others.
    #[inline]
    fn push(&mut self, hash: u64, key: K, value: V) -> bool {
        self.len += 1;
        match self.buckets.last_mut() {
            Some((last, bucket)) if *last >= hash => return *last == hash && bucket.append(key, value),
            _ => self.buckets.push((hash, Bucket::One(key, value))),
        }
        true
    }

    fn into_map(self) -> KeyMap<K, V> {
        KeyMap { buckets: self.buckets.into_iter().collect(), len: self.len }
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

        fn digest64(&self) -> u64 {
            self.hash64()
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
