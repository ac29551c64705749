//! The events of a materialized history in a file, by entity: a question about the past of a few entities reads a few batches of
//! it, and not every file.
//!
//! - `build`: while the files of a source are read for the states, their events go here too, divided by a hash of the entity's key
//!   into `parts`.
//! - `format`: the file that comes of it. - `read`: its events, as an [`EventSource`](super::EventSource).
//!
//! It holds no more than the files do, in the same order for every entity, as the views read it: converted, without the rows that
//! are left out because of the cut or of their ids. Without it, or where it is damaged, the files are read.

mod build;
mod format;
mod parts;
mod read;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

pub(super) use build::DividedEvents;
pub(crate) use build::HistoryIndexBuilder;
pub(crate) use read::HistoryIndex;
pub(super) use read::IndexSource;

/// An index that cannot be used: the files are read instead.
#[derive(Debug, thiserror::Error)]
pub enum HistoryIndexError {
    /// It is not there, or cannot be read.
    #[error(
        "the index by entity {} of the materialized history cannot be read, so questions about the past read all of its files, which \
         takes longer: run `onepath materialize` to write it anew", path.display()
    )]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is not what was written.
    #[error(
        "the index by entity {} of the materialized history is damaged, so questions about the past read all of its files, which takes \
         longer: run `onepath materialize` to write it anew", path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
    },
}
