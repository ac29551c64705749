//! The windows of this crate with lengths that are known when they run, for the standard component: what [`Window`] and the others are
//! made of, so that a declared view and an author's run the same code.
//!
//! Whoever has one says its lengths with each call, and always the same; nothing here checks that a question asks for no more than is
//! kept. It is no part of what this crate promises to authors.
//!
//! [`Window`]: crate::window::Window

pub use crate::aggregate::decayed::Fade;
pub use crate::lag::InForce;
pub use crate::last_n::Ordered;
pub use crate::proof::with_witnesses;
pub use crate::session::{Ends, Kept as KeptSessions};
pub use crate::tiled::tiles::{Tiles, oldest_hop, oldest_tumbling, tile};
pub use crate::time::asked_at;
pub use crate::window::distinct::Keys;
pub use crate::window::events::Events;
pub use crate::window::sum::Total;

use crate::compact;
use crate::state::StateError;

/// Appends a number in as few bytes as it needs.
pub fn encode_u64(number: u64, bytes: &mut Vec<u8>) {
    compact::encode_u64(number, bytes);
}

/// Takes a number in its shortest spelling.
pub fn decode_u64(bytes: &mut &[u8]) -> Result<u64, StateError> {
    compact::decode_u64(bytes)
}

/// Takes how many items follow, each of a byte at least.
pub fn decode_len(bytes: &mut &[u8]) -> Result<usize, StateError> {
    compact::decode_len(bytes)
}
