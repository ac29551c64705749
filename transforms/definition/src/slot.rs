//! Where a component has room for a definition.
//!
//! The standard component has one [`Slot`] as a static. Its bytes begin with [`MARKER`], which occurs nowhere else in the file; then
//! come the length of the definition (`u32`, little-endian) and room for [`CAPACITY`] bytes. Whoever writes a definition into a copy
//! of the file changes those bytes alone, and the file stays as long as it is.

use std::fmt;

/// What the slot begins with.
pub const MARKER: [u8; 32] = *b"onepath:declared-view definition";

/// How many bytes a definition may have.
pub const CAPACITY: usize = 256 * 1024;

/// Room for a definition.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Slot {
    /// What it is found by.
    pub marker: [u8; 32],
    /// How many of `bytes` are the definition, little-endian.
    pub length: [u8; 4],
    /// The definition, and then whatever there was before.
    pub bytes: [u8; CAPACITY],
}

impl Slot {
    /// An empty one. Its room is not zero, so that a linker keeps it in the file.
    pub const EMPTY: Slot = Slot { marker: MARKER, length: [0; 4], bytes: [0x5a; CAPACITY] };
}

/// Why a definition cannot be written into a component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotError {
    /// The component has no slot, or more than one.
    NoSlot,
    /// The definition has so many bytes, more than [`CAPACITY`].
    TooLong(usize),
}

impl fmt::Display for SlotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SlotError::NoSlot => f.write_str("the component has no room for a definition"),
            SlotError::TooLong(bytes) => write!(f, "the definition has {bytes} bytes; {CAPACITY} are the most"),
        }
    }
}

impl std::error::Error for SlotError {}

/// Where the slot of a component begins.
pub fn find_slot(component: &[u8]) -> Result<usize, SlotError> {
    let mut found = component.windows(MARKER.len()).enumerate().filter(|(_, window)| **window == MARKER);
    let (first, second) = (found.next(), found.next());
    match (first, second) {
        (Some((at, _)), None) if component.len() - at >= size_of::<Slot>() => Ok(at),
        _ => Err(SlotError::NoSlot),
    }
}

impl Slot {
    /// A copy of `component` with `definition` in its slot. What the slot had before leaves nothing behind, so that equal definitions
    /// make equal components.
    pub fn fill(component: &[u8], definition: &[u8]) -> Result<Vec<u8>, SlotError> {
        if definition.len() > CAPACITY {
            return Err(SlotError::TooLong(definition.len()));
        }
        let at = find_slot(component)? + MARKER.len();
        let mut filled = component.to_vec();
        let (length, room) = filled[at..].split_at_mut(4);
        length.copy_from_slice(&(definition.len() as u32).to_le_bytes());
        room[..definition.len()].copy_from_slice(definition);
        room[definition.len()..CAPACITY].fill(0x5a);
        Ok(filled)
    }

    /// The definition in the slot of `component`, as bytes; empty where none was written.
    pub fn read(component: &[u8]) -> Result<&[u8], SlotError> {
        let at = find_slot(component)? + MARKER.len();
        let (length, room) = component[at..].split_at(4);
        let length = length.try_into().map_or(0, u32::from_le_bytes) as usize;
        room.get(..length).filter(|_| length <= CAPACITY).ok_or(SlotError::NoSlot)
    }
}
