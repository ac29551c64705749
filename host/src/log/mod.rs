//! The event log and the feature log: what was pushed and what was served, append-only, in one SQLite file.
//!
//! The log is the truth. Everything else that onepath keeps about events (the online states of [`crate::store`]) is a
//! function of a prefix of it and can be made anew. Each event gets an *offset* (1, 2, 3 ... across all sources) and an
//! [`AvailableAt`](crate::time::AvailableAt) stamp; both only grow, so what a question at an as-of sees is a prefix.
//!
//! - `clock`: which stamps arrivals and as-ofs get, and why.
//! - `append`: a push, in two phases: stamped first, committed once its events were evaluated.
//! - `read`: events in the order of their offsets.
//! - `history`: which files were folded into the online states.
//! - `served`: the feature log, which `verify` replays.
//! - `file`, `schema`: opening, checking and locking the file; its tables.
//!
//! This module knows nothing of transforms, of a project's files or of the command line. Errors keep their cause as
//! their source: print the whole chain.

mod append;
mod clock;
mod error;
pub(crate) mod file;
mod history;
mod read;
mod schema;
mod served;
#[cfg(test)]
mod tests;

use std::path::Path;

pub use append::{Appending, EVENT_ID_BYTES_MAX, EVENTS_PER_PUSH_MAX, FIELDS_BYTES_MAX, KEY_BYTES_MAX, NewEvent};
pub use error::LogError;
pub use file::FileError;
pub use history::{History, HistoryFile, HistorySource};
pub use read::LoggedEvent;
pub use served::{ServedProgram, ServedVector, ServedView, decode_values, encode_values};

use clock::LogClock;
use file::SqliteFile;

/// The event log and the feature log of one project.
///
/// One process writes it at a time, any number read it. Every commit is on disk when the call returns.
#[derive(Debug)]
pub struct EventLog {
    file: SqliteFile,
    clock: LogClock,
}

impl EventLog {
    /// Opens the log at `path` for writing; makes it, and the directories above it, where there is none.
    pub fn open(path: &Path) -> Result<Self, LogError> {
        let file = SqliteFile::open(path, &schema::EVENT_LOG)?;
        let clock = file.name.sql(LogClock::load(&file.connection))?;
        Ok(Self { file, clock })
    }

    /// Opens the log at `path` for reading, beside a process that may be writing it. `None` where there is no log yet.
    pub fn open_read_only(path: &Path) -> Result<Option<Self>, LogError> {
        let Some(file) = SqliteFile::open_read_only(path, &schema::EVENT_LOG)? else {
            return Ok(None);
        };
        let clock = file.name.sql(LogClock::load(&file.connection))?;
        Ok(Some(Self { file, clock }))
    }

    /// Where the log is.
    pub fn path(&self) -> &Path {
        &self.file.name.path
    }
}
