//! States to bytes and back.
//!
//! The encoding is canonical: equal states give equal bytes, and no other bytes decode to them. So the host may compare
//! states as bytes, and nothing here has the order of a hash map. Numbers are little-endian, lengths and counts are `u32`,
//! and fields follow each other in the order of their declaration, without names or padding.
//!
//! `#[derive(State)]` writes the implementation for a struct whose fields are states. When fields change, raise
//! `state_version` in `#[transform(...)]`, so that old states are rebuilt from history instead of misread.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;

use crate::time::{EventTime, Length, Time};

/// What a transform remembers of one entity between events.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a state",
    note = "a struct of your own is one with #[derive(State, Default)]",
    note = "a state holds booleans, integers, f64, String, times, windows, and Option, Vec, VecDeque, BTreeMap, BTreeSet and tuples of these",
    note = "a hash map has no canonical order: use a BTreeMap"
)]
pub trait State: Sized {
    /// Appends the state's bytes. Equal states append equal bytes.
    fn encode(&self, bytes: &mut Vec<u8>);

    /// Takes a state off the front of `bytes`, leaving what follows it.
    fn decode(bytes: &mut &[u8]) -> Result<Self, StateError>;
}

/// Bytes that are not a state of this transform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateError(Cow<'static, str>);

impl StateError {
    /// An error that says what is wrong with the bytes.
    pub fn new(message: impl Into<Cow<'static, str>>) -> Self {
        StateError(message.into())
    }
}

impl fmt::Display for StateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for StateError {}

/// Decodes a state that takes up all of `bytes`.
pub fn decode_all<S: State>(mut bytes: &[u8]) -> Result<S, StateError> {
    let state = S::decode(&mut bytes)?;
    match bytes.len() {
        0 => Ok(state),
        left => Err(StateError::new(format!("{left} bytes follow the end of the state"))),
    }
}

pub(crate) fn take<'a>(bytes: &mut &'a [u8], length: usize) -> Result<&'a [u8], StateError> {
    let (taken, rest) = bytes.split_at_checked(length).ok_or_else(|| StateError::new("the state ends too early"))?;
    *bytes = rest;
    Ok(taken)
}

pub(crate) fn encode_count(count: usize, bytes: &mut Vec<u8>) {
    // A whole batch of states is addressed with `u32` in the contract, so a longer one could not be handed over anyway.
    let count = u32::try_from(count).expect("a state holds fewer than 2^32 items");
    count.encode(bytes);
}

pub(crate) fn decode_count(bytes: &mut &[u8]) -> Result<usize, StateError> {
    Ok(u32::decode(bytes)? as usize)
}

macro_rules! numbers {
    ($($number:ty),*) => {$(
        impl State for $number {
            fn encode(&self, bytes: &mut Vec<u8>) {
                bytes.extend_from_slice(&self.to_le_bytes());
            }

            fn decode(bytes: &mut &[u8]) -> Result<Self, StateError> {
                let (taken, rest) =
                    bytes.split_first_chunk().ok_or_else(|| StateError::new("the state ends too early"))?;
                *bytes = rest;
                Ok(<$number>::from_le_bytes(*taken))
            }
        }
    )*};
}

numbers!(u8, i8, u16, i16, u32, i32, u64, i64, u128, i128, f64);

macro_rules! micros {
    ($($time:ident),*) => {$(
        impl State for $time {
            fn encode(&self, bytes: &mut Vec<u8>) {
                self.0.encode(bytes);
            }

            fn decode(bytes: &mut &[u8]) -> Result<Self, StateError> {
                i64::decode(bytes).map($time)
            }
        }
    )*};
}

micros!(EventTime, Time);

impl State for Length {
    fn encode(&self, bytes: &mut Vec<u8>) {
        self.micros().encode(bytes);
    }

    fn decode(bytes: &mut &[u8]) -> Result<Self, StateError> {
        i64::decode(bytes).map(Length::from_micros)
    }
}

impl State for bool {
    fn encode(&self, bytes: &mut Vec<u8>) {
        bytes.push(u8::from(*self));
    }

    fn decode(bytes: &mut &[u8]) -> Result<Self, StateError> {
        match u8::decode(bytes)? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(StateError::new(format!("{other} is not a boolean"))),
        }
    }
}

impl State for String {
    fn encode(&self, bytes: &mut Vec<u8>) {
        encode_count(self.len(), bytes);
        bytes.extend_from_slice(self.as_bytes());
    }

    fn decode(bytes: &mut &[u8]) -> Result<Self, StateError> {
        let length = decode_count(bytes)?;
        let text = std::str::from_utf8(take(bytes, length)?);
        text.map(str::to_owned).map_err(|_| StateError::new("a text is not UTF-8"))
    }
}

impl<T: State> State for Option<T> {
    fn encode(&self, bytes: &mut Vec<u8>) {
        self.is_some().encode(bytes);
        if let Some(value) = self {
            value.encode(bytes);
        }
    }

    fn decode(bytes: &mut &[u8]) -> Result<Self, StateError> {
        Ok(if bool::decode(bytes)? { Some(T::decode(bytes)?) } else { None })
    }
}

fn encode_items<'a, T: State + 'a>(items: impl ExactSizeIterator<Item = &'a T>, bytes: &mut Vec<u8>) {
    encode_count(items.len(), bytes);
    for item in items {
        item.encode(bytes);
    }
}

impl<T: State> State for Vec<T> {
    fn encode(&self, bytes: &mut Vec<u8>) {
        encode_items(self.iter(), bytes);
    }

    fn decode(bytes: &mut &[u8]) -> Result<Self, StateError> {
        let count = decode_count(bytes)?;
        // The count is only believed as far as there are bytes, so that damaged bytes cannot ask for gigabytes.
        let mut items = Vec::with_capacity(count.min(bytes.len()));
        for _ in 0..count {
            items.push(T::decode(bytes)?);
        }
        Ok(items)
    }
}

impl<T: State> State for VecDeque<T> {
    fn encode(&self, bytes: &mut Vec<u8>) {
        encode_items(self.iter(), bytes);
    }

    fn decode(bytes: &mut &[u8]) -> Result<Self, StateError> {
        Vec::decode(bytes).map(VecDeque::from)
    }
}

impl<T: State + Ord> State for BTreeSet<T> {
    fn encode(&self, bytes: &mut Vec<u8>) {
        encode_items(self.iter(), bytes);
    }

    fn decode(bytes: &mut &[u8]) -> Result<Self, StateError> {
        let items = Vec::<T>::decode(bytes)?;
        if !items.is_sorted_by(|a, b| a < b) {
            return Err(StateError::new("the items of a set are not in order"));
        }
        Ok(items.into_iter().collect())
    }
}

impl<K: State + Ord, V: State> State for BTreeMap<K, V> {
    fn encode(&self, bytes: &mut Vec<u8>) {
        encode_count(self.len(), bytes);
        for (key, value) in self {
            key.encode(bytes);
            value.encode(bytes);
        }
    }

    fn decode(bytes: &mut &[u8]) -> Result<Self, StateError> {
        let entries = Vec::<(K, V)>::decode(bytes)?;
        if !entries.is_sorted_by(|(a, _), (b, _)| a < b) {
            return Err(StateError::new("the keys of a map are not in order"));
        }
        Ok(entries.into_iter().collect())
    }
}

macro_rules! tuples {
    ($(($($part:ident $index:tt),*)),*) => {$(
        impl<$($part: State),*> State for ($($part,)*) {
            #[allow(unused_variables, reason = "the unit state has no bytes")]
            fn encode(&self, bytes: &mut Vec<u8>) {
                $(self.$index.encode(bytes);)*
            }

            #[allow(unused_variables, clippy::unused_unit, reason = "the unit state has no bytes")]
            fn decode(bytes: &mut &[u8]) -> Result<Self, StateError> {
                Ok(($($part::decode(bytes)?,)*))
            }
        }
    )*};
}

tuples!((), (A 0), (A 0, B 1), (A 0, B 1, C 2), (A 0, B 1, C 2, D 3));

#[cfg(test)]
mod tests {
    use super::*;

    type Everything = (
        (bool, u8, i32, f64),
        (String, Option<EventTime>, Vec<Time>, VecDeque<u64>),
        (BTreeMap<String, i64>, BTreeSet<i16>, Length, ()),
    );

    fn example() -> Everything {
        (
            (true, 7, -1, f64::NEG_INFINITY),
            ("é".to_owned(), Some(EventTime(i64::MIN)), vec![Time(1), Time(0)], VecDeque::from([9])),
            (
                BTreeMap::from([("b".to_owned(), 1), ("a".to_owned(), 2)]),
                BTreeSet::from([3, -3]),
                Length::from_micros(5),
                (),
            ),
        )
    }

    #[test]
    fn what_was_encoded_comes_back() {
        let mut bytes = Vec::new();
        example().encode(&mut bytes);
        assert_eq!(decode_all::<Everything>(&bytes), Ok(example()));
    }

    #[test]
    fn every_cut_is_refused_and_so_is_what_follows() {
        let mut bytes = Vec::new();
        example().encode(&mut bytes);
        for length in 0..bytes.len() {
            assert!(decode_all::<Everything>(&bytes[..length]).is_err(), "{length}");
        }
        bytes.push(0);
        let refused = decode_all::<Everything>(&bytes).unwrap_err();
        assert_eq!(refused.to_string(), "1 bytes follow the end of the state");
    }

    #[test]
    fn other_spellings_of_a_state_are_refused() {
        assert!(decode_all::<bool>(&[2]).is_err());
        assert!(decode_all::<Option<u8>>(&[2, 0]).is_err());
        assert!(decode_all::<BTreeSet<u8>>(&[2, 0, 0, 0, 5, 4]).is_err());
        assert!(decode_all::<BTreeSet<u8>>(&[2, 0, 0, 0, 5, 5]).is_err());
        assert!(decode_all::<BTreeMap<u8, u8>>(&[2, 0, 0, 0, 5, 0, 4, 0]).is_err());
        assert!(decode_all::<String>(&[1, 0, 0, 0, 0xff]).is_err());
        assert!(decode_all::<Vec<u64>>(&[0xff, 0xff, 0xff, 0xff]).is_err());
    }
}
