//! Whole numbers in as many bytes as they need, for the states of aggregates: LEB128, seven bits a byte, lowest first.

use crate::state::{State, StateError};

/// Appends a number: one byte below 128.
pub(crate) fn encode_u64(mut number: u64, bytes: &mut Vec<u8>) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// Takes a number in its shortest spelling, the only one that there is.
pub(crate) fn decode_u64(bytes: &mut &[u8]) -> Result<u64, StateError> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let byte = u8::decode(bytes)?;
        let bits = u64::from(byte & 0x7f);
        if shift == 63 && byte > 1 || shift > 0 && byte == 0 {
            break;
        }
        number |= bits << shift;
        if byte < 0x80 {
            return Ok(number);
        }
    }
    Err(StateError::new("a number is not in its shortest form"))
}

/// Appends a signed number: one byte from -64 to 63.
pub(crate) fn encode_i64(number: i64, bytes: &mut Vec<u8>) {
    encode_u64((number << 1 ^ number >> 63) as u64, bytes);
}

/// Takes a signed number in its shortest spelling.
pub(crate) fn decode_i64(bytes: &mut &[u8]) -> Result<i64, StateError> {
    let folded = decode_u64(bytes)?;
    Ok((folded >> 1) as i64 ^ -((folded & 1) as i64))
}

/// Appends how many items follow.
pub(crate) fn encode_len(length: usize, bytes: &mut Vec<u8>) {
    encode_u64(length as u64, bytes);
}

/// Takes how many items follow. Each takes at least a byte, so no more are believed than bytes are left.
pub(crate) fn decode_len(bytes: &mut &[u8]) -> Result<usize, StateError> {
    let length = decode_u64(bytes)?;
    match usize::try_from(length) {
        Ok(length) if length <= bytes.len() => Ok(length),
        _ => Err(StateError::new("the state ends too early")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bytes(number: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        encode_u64(number, &mut bytes);
        bytes
    }

    proptest! {
        #[test]
        fn numbers_come_back(number in any::<u64>(), shift in 0..64) {
            let number = number >> shift;
            prop_assert_eq!(decode_u64(&mut bytes(number).as_slice()), Ok(number));
            let mut signed = Vec::new();
            encode_i64(number as i64, &mut signed);
            prop_assert_eq!(decode_i64(&mut signed.as_slice()), Ok(number as i64));
        }

        #[test]
        fn what_decodes_is_what_would_be_written(written in prop::collection::vec(any::<u8>(), 0..12)) {
            let mut rest = written.as_slice();
            if let Ok(number) = decode_u64(&mut rest) {
                prop_assert_eq!(bytes(number), &written[..written.len() - rest.len()]);
            }
        }
    }

    #[test]
    fn small_numbers_are_one_byte() {
        assert_eq!((bytes(0), bytes(127), bytes(128)), (vec![0], vec![127], vec![128, 1]));
        assert_eq!(bytes(u64::MAX).len(), 10);
        assert!(decode_u64(&mut [0x80, 0].as_slice()).is_err());
        assert!(decode_u64(&mut [0xff; 10].as_slice()).is_err());
        assert!(decode_len(&mut [3, 0, 0].as_slice()).is_err());
    }
}
