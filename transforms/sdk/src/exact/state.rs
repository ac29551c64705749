//! Exact sums to bytes and back.

use super::{Exact, Limbs, NEAR};
use crate::compact;
use crate::state::{State, StateError, take};

/// Two sums are equal if their values are.
impl PartialEq for Exact {
    fn eq(&self, other: &Self) -> bool {
        let bytes = |exact: &Exact| {
            let mut bytes = Vec::new();
            exact.encode(&mut bytes);
            bytes
        };
        bytes(self) == bytes(other)
    }
}

/// Whether a byte only repeats the sign of the one below it.
fn repeats(byte: u8, below: u8) -> bool {
    byte == if below & 0x80 == 0 { 0 } else { 0xff }
}

/// Appends the number of bytes, the place of the first (it counts 2^(8 x place)), and the shortest two's complement bytes of
/// the limbs, lowest first. Zero has no bytes and no place.
fn encode_limbs(low: i64, limbs: &[u64], digits: &mut [u8], bytes: &mut Vec<u8>) {
    for (chunk, limb) in digits.as_chunks_mut::<8>().0.iter_mut().zip(limbs) {
        *chunk = limb.to_le_bytes();
    }
    let Some(first) = digits.iter().position(|&byte| byte != 0) else {
        compact::encode_len(0, bytes);
        return;
    };
    let mut end = digits.len();
    while end - first > 1 && repeats(digits[end - 1], digits[end - 2]) {
        end -= 1;
    }
    compact::encode_len(end - first, bytes);
    compact::encode_i64(low * 8 + first as i64, bytes);
    bytes.extend_from_slice(&digits[first..end]);
}

/// The number of bytes, the place of the first, and the shortest two's complement bytes: one spelling for one value, however it
/// came about. Zero is a single byte.
impl State for Exact {
    fn encode(&self, bytes: &mut Vec<u8>) {
        match &self.limbs {
            Limbs::Near(limbs) => encode_limbs(self.low, limbs, &mut [0; NEAR * 8], bytes),
            Limbs::Far(limbs) => encode_limbs(self.low, limbs, &mut vec![0; limbs.len() * 8], bytes),
        }
    }

    fn decode(bytes: &mut &[u8]) -> Result<Self, StateError> {
        let wrong = || StateError::new("a sum is not in its shortest form");
        let length = compact::decode_len(bytes)?;
        if length == 0 {
            return Ok(Exact::default());
        }
        let place = compact::decode_i64(bytes)?;
        let digits = take(bytes, length)?;
        let is_shortest = digits[0] != 0 && (length == 1 || !repeats(digits[length - 1], digits[length - 2]));
        if !is_shortest || place.unsigned_abs() > 1 << 59 {
            return Err(wrong());
        }
        let (low, skipped) = (place.div_euclid(8), place.rem_euclid(8) as usize);
        let fill = if digits[length - 1] & 0x80 == 0 { 0 } else { 0xff };
        let limbs = if skipped + length <= NEAR * 8 {
            let mut near = [fill; NEAR * 8];
            near[..skipped].fill(0);
            near[skipped..skipped + length].copy_from_slice(digits);
            let (chunks, _) = near.as_chunks::<8>();
            Limbs::Near(std::array::from_fn(|limb| u64::from_le_bytes(chunks[limb])))
        } else {
            let mut far = vec![0; skipped];
            far.extend_from_slice(digits);
            far.resize(far.len().next_multiple_of(8) + 8, fill);
            Limbs::Far(far.as_chunks::<8>().0.iter().map(|chunk| u64::from_le_bytes(*chunk)).collect())
        };
        Ok(Exact { low, limbs })
    }
}
