//! Stated hashes, and the keys that can be hashed, counted and told apart.
//!
//! [`hash`] is XXH64 with the seed 0, as specified by the xxHash project: the same on every machine and in every version. A
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
//!
//! It is fast, and it has no secret: whoever chooses keys can make as many of one hash as they like. What is kept by key here is
//! exact and quick for such keys too. Where only the hash is left of a key, as in a
//! [`HyperLogLog`](crate::aggregate::HyperLogLog), it is the [`digest`] instead: the first eight bytes of BLAKE2s, of which
//! nobody finds two that are equal without some 2^32 attempts.

mod blake2s;
mod xxh64;

use std::borrow::Borrow;
use std::fmt;

use self::blake2s::digest64;
use self::xxh64::xxh64;

use crate::compact;
use crate::state::{State, StateError, take};

/// What can be hashed: `str`, `i64`, `bool`.
pub trait Hashed {
    /// The hash of the value.
    fn hash64(&self) -> u64;

    /// The digest of the value.
    fn digest64(&self) -> u64;
}

/// The hash of a key.
pub fn hash<K: Hashed + ?Sized>(key: &K) -> u64 {
    key.hash64()
}

/// The first eight bytes, lowest first, of the BLAKE2s-256 digest (RFC 7693) of the same bytes that [`hash`] takes.
///
/// ```
/// assert_eq!(onepath_sdk::hash::digest("abc").to_le_bytes(), [0x50, 0x8c, 0x5e, 0x8c, 0x32, 0x7c, 0x14, 0xe2]);
/// ```
pub fn digest<K: Hashed + ?Sized>(key: &K) -> u64 {
    key.digest64()
}

impl Hashed for str {
    fn hash64(&self) -> u64 {
        xxh64(self.as_bytes())
    }

    fn digest64(&self) -> u64 {
        digest64(self.as_bytes())
    }
}

impl Hashed for i64 {
    fn hash64(&self) -> u64 {
        xxh64(&self.to_le_bytes())
    }

    fn digest64(&self) -> u64 {
        digest64(&self.to_le_bytes())
    }
}

impl Hashed for bool {
    fn hash64(&self) -> u64 {
        xxh64(&[u8::from(*self)])
    }

    fn digest64(&self) -> u64 {
        digest64(&[u8::from(*self)])
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
