//! The state of an entity: which stores hold something, and the bytes of those.
//!
//! | bytes | hold |
//! |---|---|
//! | a bit per store, the lowest first | whether it holds something |
//! | for each that does, in order, but for the last | the length of its bytes, as a varint |
//! | for each that does, in order | its bytes |
//!
//! Where no store holds anything there are no bytes at all. The lengths are there so that a call decodes the stores that it needs, and
//! copies the others.

use onepath_sdk::batch::{Failure, Rows, States};
use onepath_sdk::dynamic::{decode_len, encode_u64};
use onepath_sdk::state::StateError;

/// The states that a call is given: the bytes of each store of each group.
pub(crate) struct Given<'a> {
    states: &'a States,
    stores: usize,
    /// By group, then by store. None of a group without rows.
    parts: Vec<&'a [u8]>,
}

impl<'a> Given<'a> {
    /// Cuts the states of the groups that have rows.
    pub(crate) fn new(rows: &'a Rows, stores: usize) -> Result<Self, Failure> {
        let groups = rows.states.ends.len();
        let mut parts: Vec<&[u8]> = vec![&[]; groups * stores];
        if !rows.states.bytes.is_empty() {
            let mut seen = vec![false; if groups > 1 { groups } else { 0 }];
            for (row, &group) in rows.groups.iter().enumerate() {
                let group = group as usize;
                if seen.get_mut(group).is_none_or(|seen| !std::mem::replace(seen, true)) {
                    let bytes = rows.states.get(group).unwrap_or_default();
                    cut(bytes, &mut parts[group * stores..(group + 1) * stores])
                        .map_err(|error| Failure::at(row, format!("the state of group {group}: {error}")))?;
                }
                if groups == 1 {
                    break;
                }
            }
        }
        Ok(Given { states: &rows.states, stores, parts })
    }

    /// The bytes of one store of a group; none where it holds nothing.
    #[inline]
    pub(crate) fn part(&self, group: usize, store: usize) -> &'a [u8] {
        self.parts[group * self.stores + store]
    }

    pub(crate) fn groups(&self) -> usize {
        self.states.ends.len()
    }
}

fn cut<'a>(mut bytes: &'a [u8], parts: &mut [&'a [u8]]) -> Result<(), StateError> {
    if bytes.is_empty() {
        return Ok(());
    }
    let wrong = || StateError::new("it is not a state of this view");
    let (bits, rest) = bytes.split_at_checked(parts.len().div_ceil(8)).ok_or_else(wrong)?;
    bytes = rest;
    let is_held = |store: usize| bits[store / 8] >> (store % 8) & 1 == 1;
    let is_beyond = bits.len() * 8 > parts.len() && bits.last().is_some_and(|last| last >> (parts.len() % 8) != 0);
    let Some(last) = (0..parts.len()).rfind(|&store| is_held(store)).filter(|_| !is_beyond) else {
        return Err(wrong());
    };
    let mut lengths = bytes;
    for _ in (0..last).filter(|&store| is_held(store)) {
        decode_len(&mut bytes)?;
    }
    for store in (0..last).filter(|&store| is_held(store)) {
        let length = decode_len(&mut lengths)?;
        let (part, rest) = bytes.split_at_checked(length).ok_or_else(wrong)?;
        (parts[store], bytes) = (part, rest);
    }
    parts[last] = bytes;
    let is_whole = (0..parts.len()).all(|store| is_held(store) != parts[store].is_empty());
    if is_whole { Ok(()) } else { Err(wrong()) }
}

/// What became of one store in each group.
pub(crate) struct Written {
    pub(crate) bytes: Vec<u8>,
    /// Per group, where its bytes end, and whether it changed. One that did not has none here.
    pub(crate) ends: Vec<(usize, bool)>,
}

impl Written {
    pub(crate) fn with_capacity(groups: usize) -> Self {
        Written { bytes: Vec::new(), ends: Vec::with_capacity(groups) }
    }

    /// Nothing changed in the groups before this one, as far as they are not there yet.
    pub(crate) fn skip_to(&mut self, group: usize) {
        self.ends.resize(self.ends.len().max(group), (self.bytes.len(), false));
    }

    fn part(&self, group: usize) -> Option<&[u8]> {
        let start = if group == 0 { 0 } else { self.ends[group - 1].0 };
        let (end, changed) = self.ends[group];
        changed.then(|| &self.bytes[start..end])
    }
}

/// The states after a call. A group in which nothing changed goes back as it came.
pub(crate) fn assemble(given: &Given<'_>, written: &[Written]) -> States {
    let mut states = States::default();
    let groups = given.groups();
    states.ends.reserve_exact(groups);
    let more: usize = written.iter().map(|store| store.bytes.len()).sum();
    states.bytes.reserve(given.states.bytes.len() + more);
    for group in 0..groups {
        if written.iter().any(|store| store.ends[group].1) {
            let parts = || {
                let parts = written.iter().enumerate();
                parts.map(|(at, store)| store.part(group).unwrap_or_else(|| given.part(group, at)))
            };
            append(parts, written.len(), &mut states.bytes);
        } else {
            states.bytes.extend_from_slice(given.states.get(group).unwrap_or_default());
        }
        states.ends.push(states.bytes.len() as u32);
    }
    states
}

fn append<'a, P: Iterator<Item = &'a [u8]>>(parts: impl Fn() -> P, count: usize, bytes: &mut Vec<u8>) {
    let held = parts().filter(|part| !part.is_empty()).count();
    if held == 0 {
        return;
    }
    let start = bytes.len();
    bytes.resize(start + count.div_ceil(8), 0);
    for (store, part) in parts().enumerate() {
        bytes[start + store / 8] |= u8::from(!part.is_empty()) << (store % 8);
    }
    for part in parts().filter(|part| !part.is_empty()).take(held - 1) {
        encode_u64(part.len() as u64, bytes);
    }
    parts().for_each(|part| bytes.extend_from_slice(part));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_come_back_and_nothing_else_is_a_state() {
        let long = vec![7; 300];
        for parts in
            [vec![&[1_u8][..], &[], &[2, 3], &long], vec![&[]; 9], vec![&[], &[], &[], &[], &[], &[], &[], &[], &[4]]]
        {
            let mut bytes = Vec::new();
            append(|| parts.iter().copied(), parts.len(), &mut bytes);
            let mut found = vec![&[][..]; parts.len()];
            assert!(cut(&bytes, &mut found).is_ok());
            assert_eq!(found, parts);
            assert_eq!(bytes.is_empty(), parts.iter().all(|part| part.is_empty()));
        }
        let refused = |bytes: &[u8]| cut(bytes, &mut [&[], &[], &[]]).is_err();
        assert!(refused(&[0]) && refused(&[0b1000, 1]) && refused(&[0b100]) && refused(&[0b101, 2, 1]));
        assert!(refused(&[0b101, 1, 5]) && refused(&[0b11, 0, 5]) && refused(&[0, 5]));
    }
}
