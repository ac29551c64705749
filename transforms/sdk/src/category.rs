//! Categories as numbers: one-hot, ordinal, hashed.

use crate::hash::{Hashed, hash};

/// A 1.0 at the place of the value among `known`, 0.0 elsewhere. All are 0.0 for a value that is not known.
pub fn one_hot(value: &str, known: &[&str]) -> Vec<f64> {
    known.iter().map(|&other| f64::from(u8::from(other == value))).collect()
}

/// The place of the value among `known`, counted from 0; none for a value that is not known.
pub fn ordinal(value: &str, known: &[&str]) -> Option<i64> {
    known.iter().position(|&other| other == value).map(|place| place as i64)
}

/// One of so many buckets by the [hash](crate::hash) of a key, from 0 to `buckets` - 1: the upper half of the 128-bit product
/// of hash and `buckets` (Lemire's fair reduction). Without buckets it is 0.
pub fn hash_bucket<K: Hashed + ?Sized>(key: &K, buckets: u32) -> i64 {
    ((u128::from(hash(key)) * u128::from(buckets)) >> 64) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_among_what_is_known() {
        assert_eq!(one_hot("b", &["a", "b", "c"]), [0.0, 1.0, 0.0]);
        assert_eq!(one_hot("x", &["a", "b"]), [0.0, 0.0]);
        assert_eq!((ordinal("b", &["a", "b"]), ordinal("x", &["a", "b"])), (Some(1), None));
    }

    #[test]
    fn buckets_of_hashes() {
        // From the hashes that `hash` documents: 0xef46..., 0xd24e..., 0x44bc... of 2^64.
        assert_eq!((hash_bucket("", 16), hash_bucket("a", 16), hash_bucket("abc", 16)), (0xe, 0xd, 0x4));
        assert_eq!((hash_bucket("a", 1), hash_bucket("a", 0)), (0, 0));
        assert_eq!(hash_bucket(&0_i64, 256), 0x34);
    }
}
