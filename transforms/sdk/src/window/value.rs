//! What a window may hold beside each time, and how a run of such values becomes bytes.

use crate::state::{StateError, take};

/// A value that a window keeps with each event: `f64`, `i64`, `bool`, or `()` where only the times matter.
#[diagnostic::on_unimplemented(
    message = "a window cannot hold `{Self}`",
    note = "a window holds f64, i64, bool, or () where only the times matter"
)]
pub trait WindowValue: Copy + sealed::Sealed {
    /// Appends the bytes of all values.
    fn encode_all(values: &[Self], bytes: &mut Vec<u8>);

    /// Takes `count` values off the front of `bytes`.
    fn decode_all(count: usize, bytes: &mut &[u8]) -> Result<Vec<Self>, StateError>;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for f64 {}
    impl Sealed for i64 {}
    impl Sealed for bool {}
    impl Sealed for () {}
}

/// Room for so many more values than were decoded: a state is often decoded for the sake of one more event, and that should
/// not copy it a second time.
const ROOM: usize = 4;

macro_rules! eight_bytes {
    ($($number:ty),*) => {$(
        impl WindowValue for $number {
            fn encode_all(values: &[Self], bytes: &mut Vec<u8>) {
                // Chunk by chunk into bytes that are already there: this compiles to one copy on a little-endian machine.
                let start = bytes.len();
                bytes.resize(start + values.len() * 8, 0);
                let (chunks, _) = bytes[start..].as_chunks_mut::<8>();
                for (chunk, value) in chunks.iter_mut().zip(values) {
                    *chunk = value.to_le_bytes();
                }
            }

            fn decode_all(count: usize, bytes: &mut &[u8]) -> Result<Vec<Self>, StateError> {
                let length = count.checked_mul(8).ok_or_else(|| StateError::new("the state ends too early"))?;
                let (chunks, _) = take(bytes, length)?.as_chunks::<8>();
                let mut values = Vec::with_capacity(count + ROOM);
                values.extend(chunks.iter().map(|chunk| <$number>::from_le_bytes(*chunk)));
                Ok(values)
            }
        }
    )*};
}

eight_bytes!(f64, i64);

impl WindowValue for bool {
    fn encode_all(values: &[Self], bytes: &mut Vec<u8>) {
        bytes.extend(values.iter().map(|&value| u8::from(value)));
    }

    fn decode_all(count: usize, bytes: &mut &[u8]) -> Result<Vec<Self>, StateError> {
        let taken = take(bytes, count)?;
        if taken.iter().any(|&byte| byte > 1) {
            return Err(StateError::new("a window of booleans holds something else"));
        }
        Ok(taken.iter().map(|&byte| byte == 1).collect())
    }
}

impl WindowValue for () {
    fn encode_all(_: &[Self], _: &mut Vec<u8>) {}

    fn decode_all(count: usize, _: &mut &[u8]) -> Result<Vec<Self>, StateError> {
        Ok(vec![(); count])
    }
}
