//! Entity keys as dense numbers.
//!
//! A key of one text of at most twelve bytes, or of one integer, is sixteen bytes by itself; longer keys lie in one arena. The
//! table is an open-addressing one over 128-bit slots, each of which holds a short key beside its number, so that a lookup
//! touches one slot. The hash has no seed: the numbers, and all that follows from them, are the same in every run.

use std::ops::Range;

use super::keys::{BLOCK, Key, KeyRows, hash, hash_short, short_bytes};
use super::{EntityKey, KeyType, KeyValue};

/// The length that marks a key in the arena; no short text has it.
const LONG: u128 = u32::MAX as u128;

/// The bits of a slot that hold the number of its key, plus one; 0 where the slot is free. Beside them, a slot is its short
/// key, whose length needs only the lowest four bits, or, of a longer key, its hash.
const NUMBER: u128 = 0xffff_fff0;

/// The length that marks a longer key in a slot.
const LONG_SLOT: u128 = 0xf;

/// So many entities have numbers.
const KEYS_MAX: usize = (NUMBER >> 4) as usize;

/// More entities than have numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("more than {KEYS_MAX} entities in one run: ask for fewer, or divide the run with a smaller --memory")]
pub struct TooManyEntities;

/// Slots of the smallest table.
const SLOTS_MIN: usize = 64;

/// Gives each distinct entity key a dense number, in the order of first sight.
#[derive(Clone, Debug, Default)]
pub struct KeyInterner {
    /// Per slot, its key and the key's number: see [`NUMBER`]. A power of two.
    slots: Vec<u128>,
    /// Per key, the short key, or [`LONG`] with the offset (64 bits) and length (32 bits) of its bytes in `arena`.
    heads: Vec<u128>,
    arena: Vec<u8>,
    types: Vec<KeyType>,
}

impl KeyInterner {
    /// An interner without keys.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many keys it knows.
    pub fn len(&self) -> usize {
        self.heads.len()
    }

    /// Whether it knows none.
    pub fn is_empty(&self) -> bool {
        self.heads.is_empty()
    }

    /// Appends the number of each of the first `rows` keys to `ids`; a new one where a key was not seen.
    pub fn intern_all(&mut self, keys: &KeyRows<'_>, rows: usize, ids: &mut Vec<u32>) -> Result<(), TooManyEntities> {
        if self.heads.is_empty() {
            self.types = keys.types();
        }
        ids.reserve(rows);
        let (mut buffer, mut scratch) = ([0; BLOCK], Vec::new());
        for block in blocks(rows) {
            if let Some(shorts) = keys.shorts(block.clone(), &mut buffer) {
                // A key that is new changes the table: what was fetched is only near now.
                let (hashes, _) = std::hint::black_box(self.fetch(shorts));
                for (short, hash) in shorts.iter().zip(hashes) {
                    ids.push(self.number_of(&Key::Short(*short), hash)?);
                }
            } else {
                for row in block {
                    let key = keys.key(row, &mut scratch);
                    ids.push(self.number_of(&key, hash(&key))?);
                }
            }
        }
        Ok(())
    }

    /// Appends the number of each of the first `rows` keys to `ids`; `u32::MAX` where a key is not known.
    pub fn find_all(&self, keys: &KeyRows<'_>, rows: usize, ids: &mut Vec<u32>) {
        if self.heads.is_empty() {
            ids.resize(ids.len() + rows, u32::MAX);
            return;
        }
        if let Some((codes, count, texts)) = keys.codes(rows) {
            let mut of_texts = Vec::new();
            self.find_all(&texts, count, &mut of_texts);
            ids.extend(codes.iter().map(|code| of_texts[*code as usize]));
            return;
        }
        ids.reserve(rows);
        let (mut buffer, mut scratch) = ([0; BLOCK], Vec::new());
        for block in blocks(rows) {
            if let Some(shorts) = keys.shorts(block.clone(), &mut buffer) {
                let (hashes, slots) = self.fetch(shorts);
                for (at, short) in shorts.iter().enumerate() {
                    let is_first = slots[at] & !NUMBER == *short && slots[at] & NUMBER != 0;
                    ids.push(match is_first {
                        true => id_of(slots[at]),
                        false => self.probe(&Key::Short(*short), hashes[at]).unwrap_or(u32::MAX),
                    });
                }
            } else {
                for row in block {
                    let key = keys.key(row, &mut scratch);
                    ids.push(self.probe(&key, hash(&key)).unwrap_or(u32::MAX));
                }
            }
        }
    }

    /// The hashes of at most [`BLOCK`] short keys, and what lies in the slot where the search for each begins. No load waits for
    /// another, so that what lies outside the cache is fetched for many keys at a time.
    #[inline(always)]
    fn fetch(&self, shorts: &[u128]) -> ([u64; BLOCK], [u128; BLOCK]) {
        let (mut hashes, mut slots) = ([0; BLOCK], [0; BLOCK]);
        for (short, hash) in shorts.iter().zip(&mut hashes) {
            *hash = hash_short(*short);
        }
        let mask = self.slots.len().wrapping_sub(1);
        for (hash, slot) in hashes[..shorts.len()].iter().zip(&mut slots) {
            *slot = self.slots.get(*hash as usize & mask).copied().unwrap_or(0);
        }
        (hashes, slots)
    }

    /// The number of a key; a new one where it was not seen.
    #[inline]
    fn number_of(&mut self, key: &Key<'_>, hash: u64) -> Result<u32, TooManyEntities> {
        if (self.heads.len() + 1) * 2 > self.slots.len() {
            self.grow();
        }
        match self.probe(key, hash) {
            Ok(id) => Ok(id),
            Err(_) if self.heads.len() >= KEYS_MAX => Err(TooManyEntities),
            Err(slot) => {
                let id = self.heads.len() as u32;
                self.slots[slot] = slot_key(key, hash) | number(id);
                let head = match key {
                    Key::Short(head) => *head,
                    Key::Long(bytes) => {
                        let offset = self.arena.len();
                        self.arena.extend_from_slice(bytes);
                        (bytes.len() as u128) << 96 | (offset as u128) << 32 | LONG
                    }
                };
                self.heads.push(head);
                Ok(id)
            }
        }
    }

    /// The key of a number.
    pub fn key(&self, id: u32) -> EntityKey {
        let head = self.heads[id as usize];
        let short = head.to_le_bytes();
        let long = self.long(head);
        let values = match (&self.types[..], long) {
            ([KeyType::Int64], _) => vec![KeyValue::Int64((head >> 32) as u64 as i64)],
            ([KeyType::Text], None) => vec![text(short_bytes(&short))],
            ([KeyType::Text], Some(bytes)) => vec![text(bytes)],
            (types, bytes) => decode(types, bytes.unwrap_or_default()),
        };
        EntityKey(values)
    }

    /// About how many bytes it holds in memory.
    pub fn memory_bytes(&self) -> usize {
        self.slots.capacity() * 16 + self.heads.capacity() * 16 + self.arena.capacity()
    }

    /// The number of a key, or the free slot where it belongs.
    #[inline(always)]
    fn probe(&self, key: &Key<'_>, hash: u64) -> Result<u32, usize> {
        let (mask, wanted) = (self.slots.len() - 1, slot_key(key, hash));
        let mut slot = hash as usize & mask;
        loop {
            let held = self.slots[slot];
            if held & NUMBER == 0 {
                return Err(slot);
            }
            if held & !NUMBER == wanted {
                let id = id_of(held);
                let same = match key {
                    Key::Short(_) => true,
                    Key::Long(bytes) => self.long(self.heads[id as usize]) == Some(bytes),
                };
                if same {
                    return Ok(id);
                }
            }
            slot = (slot + 1) & mask;
        }
    }

    fn long(&self, head: u128) -> Option<&[u8]> {
        (head & LONG == LONG).then(|| {
            let (offset, length) = ((head >> 32) as u64 as usize, (head >> 96) as usize);
            &self.arena[offset..offset + length]
        })
    }

    /// Makes the table larger. The keys go over in the order of the old table, in which the new one is gone through from one
    /// end to the other too.
    fn grow(&mut self) {
        let slots = (self.slots.len() * 2).max(SLOTS_MIN);
        let old = std::mem::replace(&mut self.slots, vec![0; slots]);
        for held in old.into_iter().filter(|held| held & NUMBER != 0) {
            let mut slot = hash_of_slot(held) as usize & (slots - 1);
            while self.slots[slot] != 0 {
                slot = (slot + 1) & (slots - 1);
            }
            self.slots[slot] = held;
        }
    }
}

/// The rows from 0 to `rows`, [`BLOCK`] at a time.
fn blocks(rows: usize) -> impl Iterator<Item = Range<usize>> {
    (0..rows).step_by(BLOCK).map(move |start| start..rows.min(start + BLOCK))
}

/// The bits of a slot that belong to its key.
#[inline]
fn slot_key(key: &Key<'_>, hash: u64) -> u128 {
    match key {
        Key::Short(head) => *head,
        Key::Long(_) => u128::from(hash) << 32 | LONG_SLOT,
    }
}

/// The hash of the key of a slot.
#[inline]
fn hash_of_slot(slot: u128) -> u64 {
    match slot & LONG_SLOT {
        LONG_SLOT => (slot >> 32) as u64,
        _ => hash_short(slot & !NUMBER),
    }
}

/// The bits of a slot that hold a number.
#[inline]
fn number(id: u32) -> u128 {
    (u128::from(id) + 1) << 4
}

/// The number in a slot that is not free.
#[inline]
fn id_of(slot: u128) -> u32 {
    ((slot & NUMBER) >> 4) as u32 - 1
}

fn text(bytes: &[u8]) -> KeyValue {
    KeyValue::Text(String::from_utf8_lossy(bytes).into_owned())
}

/// The values of a key of several columns.
fn decode(types: &[KeyType], mut bytes: &[u8]) -> Vec<KeyValue> {
    let number = |bytes: &mut &[u8]| {
        let (taken, rest) = bytes.split_first_chunk::<8>().unwrap_or((&[0; 8], &[]));
        *bytes = rest;
        u64::from_le_bytes(*taken)
    };
    let mut value = |key_type: &KeyType| match key_type {
        KeyType::Int64 => KeyValue::Int64(number(&mut bytes) as i64),
        KeyType::Text => {
            let length = number(&mut bytes) as usize;
            let (taken, rest) = bytes.split_at(length.min(bytes.len()));
            bytes = rest;
            text(taken)
        }
    };
    types.iter().map(&mut value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::{Column, Lane, Value, short_text};
    use crate::schema::ValueType;

    fn column(value_type: ValueType, values: &[Value]) -> Column {
        let mut column = Column::new(value_type);
        values.iter().for_each(|value| column.push(value).expect("a value of the type"));
        column
    }

    #[test]
    fn keys_of_every_shape_get_numbers_and_come_back() {
        let texts: Vec<Value> = (0..500_usize).map(|at| Value::Text("k".repeat(at % 20) + &at.to_string())).collect();
        let numbers: Vec<Value> = (0..500).map(|at| Value::Int64(at * at - 7)).collect();
        let (texts, numbers) = (column(ValueType::Text, &texts), column(ValueType::Int64, &numbers));
        for columns in [vec![&texts], vec![&numbers], vec![&texts, &numbers], vec![&numbers, &texts]] {
            let mut interner = KeyInterner::new();
            let rows = KeyRows::of_columns(columns.iter().copied());
            let (mut first, mut again, mut found) = (Vec::new(), Vec::new(), Vec::new());
            interner.intern_all(&rows, 500, &mut first).expect("few");
            interner.intern_all(&rows, 500, &mut again).expect("few");
            interner.find_all(&rows, 500, &mut found);
            assert_eq!(first, (0..500).collect::<Vec<u32>>());
            assert!(first == again && first == found && interner.len() == 500);
            let owned: Vec<Column> = columns.iter().map(|column| (*column).clone()).collect();
            for row in 0..500 {
                assert_eq!(Some(interner.key(row as u32)), EntityKey::from_columns(&owned, row));
            }
        }
    }

    #[test]
    fn short_lanes_and_columns_name_the_same_keys() {
        let texts = column(ValueType::Text, &["a", "", "twelve bytes"].map(|text| Value::Text(text.to_owned())));
        let lane = [Lane::Short(["a", "", "twelve bytes"].map(|text| short_text(text.as_bytes())).to_vec())];
        let mut interner = KeyInterner::new();
        let rows = KeyRows::of_columns([&texts]);
        let mut ids = Vec::new();
        assert_eq!(interner.intern_all(&rows, 3, &mut ids), Ok(()));
        assert_eq!(ids, [0, 1, 2]);
        let mut found = Vec::new();
        interner.find_all(&KeyRows::of_lanes(&lane), 3, &mut found);
        assert_eq!(found, [0, 1, 2]);
        let other = [Lane::Short(vec![short_text(b"b")])];
        interner.find_all(&KeyRows::of_lanes(&other), 1, &mut found);
        assert_eq!(found[3], u32::MAX);
        // Coded, with fewer rows than texts and with more.
        for codes in [vec![2, 0], vec![2, 1, 0, 2]] {
            let (lane, expected) = ([Lane::coded(codes.clone(), texts.clone())], codes.clone());
            let (rows, mut found, mut partitions) = (KeyRows::of_lanes(&lane), Vec::new(), Vec::new());
            interner.find_all(&rows, codes.len(), &mut found);
            interner.intern_all(&rows, codes.len(), &mut found).expect("few");
            assert_eq!(found, [&expected[..], &expected].concat());
            rows.partitions(codes.len(), 3, &mut partitions);
            let plain = [lane[0].clone().into_column().map(Lane::Column).expect("small")];
            KeyRows::of_lanes(&plain).partitions(codes.len(), 3, &mut partitions);
            assert_eq!(partitions[..codes.len()], partitions[codes.len()..]);
        }
    }
}
