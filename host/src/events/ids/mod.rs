//! Event ids: which events of a source are repeats of others, and which claim an id that another event has.
//!
//! Of one entity an id counts once. Of several copies in the files of a source, the first in the order in which events are
//! applied counts; where the log holds one, that counts. The others are left out: *repeats* where their content is that of
//! the copy that counts, *conflicts* where it is not. Content is the key, the event time and the fields that are read. When an
//! event arrived is none of it, for what is delivered again arrives later.
//!
//! Ids are never held as texts: an id, and a content, is a hash of 128 bits. What memory does not hold goes through the disk.
//!
//! - `hash`: rows, ids and events as 128 bits.
//! - `records`: what is known of every event with an id, sorted by id in bounded memory.
//! - `finder`: reads these records from files and log.
//! - `repeats`: which rows of files are left out.
//! - `content`: whether two pushed events are the same.
//! - `index`: the ids of a materialized history in a file, for pushes.
//!
//! Knows nothing of questions: which copy counts is decided by the events alone.

mod content;
mod finder;
mod hash;
mod index;
mod records;
mod repeats;
#[cfg(test)]
mod tests;

pub(crate) use content::{ContentFields, same_content};
pub(crate) use hash::id_hash;
pub use index::IndexError;
pub(crate) use index::{IdIndex, IdIndexWriter};
pub use repeats::{FirstCopy, IdConflict};
pub(crate) use repeats::{IdScope, Repeats, find_repeats};
