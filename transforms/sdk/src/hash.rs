//! A stated hash, and the keys that can be hashed, counted and told apart.
//!
//! The hash is XXH64 with the seed 0, as specified by the xxHash project: the same on every machine and in every version. A
//! text is hashed as its UTF-8 bytes, an `i64` as its eight bytes, lowest first, a `bool` as one byte, 0 or 1.
//!
//! | key | [`hash`] |
//! |---|---|
//! | `""` | `0xef46db3751d8e999` |
//! | `"a"` | `0xd24ec4f1a98c6e5b` |
//! | `"abc"` | `0x44bc2cf5ad770999` |
//! | `0_i64` | `0x34c96acdcadb1bbb` |
//!
//! ```
//! use onepath_sdk::hash::hash;
//!
//! assert_eq!(hash(""), 0xef46_db37_51d8_e999);
//! assert_eq!(hash("a"), 0xd24e_c4f1_a98c_6e5b);
//! assert_eq!(hash("abc"), 0x44bc_2cf5_ad77_0999);
//! assert_eq!(hash(&0_i64), 0x34c9_6acd_cadb_1bbb);
//! ```

use std::borrow::Borrow;
use std::fmt;

use crate::compact;
use crate::state::{State, StateError, take};

/// What can be hashed: `str`, `i64`, `bool`.
pub trait Hashed {
    /// The hash of the value.
    fn hash64(&self) -> u64;
}

/// The hash of a key.
pub fn hash<K: Hashed + ?Sized>(key: &K) -> u64 {
    key.hash64()
}

impl Hashed for str {
    fn hash64(&self) -> u64 {
        xxh64(self.as_bytes())
    }
}

impl Hashed for i64 {
    fn hash64(&self) -> u64 {
        xxh64(&self.to_le_bytes())
    }
}

impl Hashed for bool {
    fn hash64(&self) -> u64 {
        xxh64(&[u8::from(*self)])
    }
}

/// What aggregates of keys keep: `String`, `i64` or `bool`.
#[diagnostic::on_unimplemented(message = "`{Self}` is not a key", note = "keys are String, i64 and bool")]
pub trait Key: Ord + Clone + fmt::Debug + Borrow<Self::Ref> + 'static {
    /// What an event brings: `str` for `String`, otherwise the key itself.
    type Ref: Ord + Hashed + ToOwned<Owned = Self> + ?Sized;

    /// Appends the key's bytes.
    fn encode_key(&self, bytes: &mut Vec<u8>);

    /// Takes a key off the front of `bytes`.
    fn decode_key(bytes: &mut &[u8]) -> Result<Self, StateError>;
}

impl Key for String {
    type Ref = str;

    fn encode_key(&self, bytes: &mut Vec<u8>) {
        compact::encode_len(self.len(), bytes);
        bytes.extend_from_slice(self.as_bytes());
    }

    fn decode_key(bytes: &mut &[u8]) -> Result<Self, StateError> {
        let length = compact::decode_len(bytes)?;
        let text = std::str::from_utf8(take(bytes, length)?);
        text.map(str::to_owned).map_err(|_| StateError::new("a key is not UTF-8"))
    }
}

impl Key for i64 {
    type Ref = i64;

    fn encode_key(&self, bytes: &mut Vec<u8>) {
        compact::encode_i64(*self, bytes);
    }

    fn decode_key(bytes: &mut &[u8]) -> Result<Self, StateError> {
        compact::decode_i64(bytes)
    }
}

impl Key for bool {
    type Ref = bool;

    fn encode_key(&self, bytes: &mut Vec<u8>) {
        self.encode(bytes);
    }

    fn decode_key(bytes: &mut &[u8]) -> Result<Self, StateError> {
        bool::decode(bytes)
    }
}

const PRIMES: [u64; 5] =
    [0x9e37_79b1_85eb_ca87, 0xc2b2_ae3d_27d4_eb4f, 0x1656_67b1_9e37_79f9, 0x85eb_ca77_c2b2_ae63, 0x27d4_eb2f_1656_67c5];

fn round(lane: u64, input: u64) -> u64 {
    lane.wrapping_add(input.wrapping_mul(PRIMES[1])).rotate_left(31).wrapping_mul(PRIMES[0])
}

/// XXH64 with the seed 0.
fn xxh64(bytes: &[u8]) -> u64 {
    let (stripes, mut rest) = bytes.as_chunks::<32>();
    let mut hash = PRIMES[4];
    if !stripes.is_empty() {
        let mut lanes = [PRIMES[0].wrapping_add(PRIMES[1]), PRIMES[1], 0, 0_u64.wrapping_sub(PRIMES[0])];
        for stripe in stripes {
            let (words, _) = stripe.as_chunks::<8>();
            for (lane, word) in lanes.iter_mut().zip(words) {
                *lane = round(*lane, u64::from_le_bytes(*word));
            }
        }
        let turns = [1, 7, 12, 18];
        hash = lanes.iter().zip(turns).fold(0, |hash: u64, (lane, turn)| hash.wrapping_add(lane.rotate_left(turn)));
        for lane in lanes {
            hash = (hash ^ round(0, lane)).wrapping_mul(PRIMES[0]).wrapping_add(PRIMES[3]);
        }
    }
    hash = hash.wrapping_add(bytes.len() as u64);
    while let Some((word, after)) = rest.split_first_chunk::<8>() {
        hash ^= round(0, u64::from_le_bytes(*word));
        hash = hash.rotate_left(27).wrapping_mul(PRIMES[0]).wrapping_add(PRIMES[3]);
        rest = after;
    }
    if let Some((word, after)) = rest.split_first_chunk::<4>() {
        hash ^= u64::from(u32::from_le_bytes(*word)).wrapping_mul(PRIMES[0]);
        hash = hash.rotate_left(23).wrapping_mul(PRIMES[1]).wrapping_add(PRIMES[2]);
        rest = after;
    }
    for &byte in rest {
        hash ^= u64::from(byte).wrapping_mul(PRIMES[4]);
        hash = hash.rotate_left(11).wrapping_mul(PRIMES[0]);
    }
    hash = (hash ^ hash >> 33).wrapping_mul(PRIMES[1]);
    hash = (hash ^ hash >> 29).wrapping_mul(PRIMES[2]);
    hash ^ hash >> 32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn is_xxh64(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(xxh64(&bytes), twox_hash::XxHash64::oneshot(0, &bytes));
        }
    }
}
