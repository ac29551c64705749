//! The event log and the feature log: what was pushed and what was served, append-only, in a SQLite file each, so that
//! recording what was served never waits for a push, nor a push for it.
//!
//! The log is the truth. Everything else that onepath keeps about events (the online states of [`crate::store`]) is a
//! function of a prefix of it and can be made anew. Each event gets an *offset* (1, 2, 3 ... across all sources) and an
//! [`AvailableAt`](crate::time::AvailableAt) stamp; both only grow, so what a question at an as-of sees is a prefix.
//!
//! - `clock`: which stamps arrivals and as-ofs get, and why.
//! - `append`: pushes, each stamped first and written once its events were evaluated; one commit for many.
//! - `read`: events in the order of their offsets.
//! - `history`: which files were folded into the online states.
//! - `identity`: what decides the values of a view version, part by part.
//! - `sources`: the key columns of each source.
//! - `feature_log`: what was served, batch by batch, which `verify` replays.
//! - `served`: what a view ran when it served.
//! - `checksum`: what each record is checked by when it is read.
//! - `file`, `schema`: opening, checking and locking the file; its tables.
//!
//! This module knows nothing of transforms, of a project's files or of the command line. Errors keep their cause as
//! their source: print the whole chain.

mod append;
pub(crate) mod checksum;
mod clock;
mod error;
mod feature_log;
pub(crate) mod file;
mod history;
mod identity;
mod read;
mod schema;
mod served;
mod sources;
#[cfg(test)]
mod tests;

use std::path::Path;

use rusqlite::{Connection, OptionalExtension};
use sha2::{Digest, Sha256};

pub use append::{
    Appending, EVENT_ID_BYTES_MAX, EVENTS_PER_PUSH_MAX, FIELDS_BYTES_MAX, KEY_BYTES_MAX, NewEvent, SameContent, Stamped,
};
pub use error::{IdHolder, LogError};
pub use feature_log::{
    Batches, FeatureLog, Head, Recorded, ServedBatch, ServedColumn, ServedField, ServedPlan, ServedRequest,
    ServedVector, ServedVectors, StoredBatch,
};
pub use file::FileError;
pub use history::{History, HistoryFile, HistorySource};
pub use identity::{Parts, SOURCES, ViewIdentity};
pub use read::{EventContent, LoggedEvent};
pub use served::{STATUSES, ServedProgram, decode_values, encode_values};
pub use sources::{KeyColumns, LoggedSource};

use clock::LogClock;
use file::SqliteFile;

use crate::digest::hex;
use crate::time::{Clock, SystemClock};

/// The event log of one project.
///
/// One process writes it at a time, any number read it. Every commit is on disk when the call returns.
#[derive(Debug)]
pub struct EventLog {
    file: SqliteFile,
    clock: LogClock,
    /// As-ofs up to it are on disk as if they had been answered.
    reserved: Option<i64>,
    identity: String,
}

impl EventLog {
    /// Opens the log at `path` for writing; makes it, and the directories above it, where there is none.
    pub fn open(path: &Path) -> Result<Self, LogError> {
        let file = SqliteFile::open(path, &schema::EVENT_LOG)?;
        file.name.sql(set_identity(&file.connection, path))?;
        Self::of(file)
    }

    /// Opens the log at `path` for reading, beside a process that may be writing it. `None` where there is no log yet.
    pub fn open_read_only(path: &Path) -> Result<Option<Self>, LogError> {
        SqliteFile::open_read_only(path, &schema::EVENT_LOG)?.map(Self::of).transpose()
    }

    fn of(file: SqliteFile) -> Result<Self, LogError> {
        let clock = file.name.sql(LogClock::load(&file.connection))?;
        let identity = file.name.sql(identity(&file.connection))?;
        Ok(Self { file, clock, reserved: None, identity })
    }

    /// A name that no other log has, given when it was made. States that count its offsets carry it.
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// Where the log is.
    pub fn path(&self) -> &Path {
        &self.file.name.path
    }
}

/// Names a log that has no name yet after where, when and by which process it is named.
fn set_identity(connection: &Connection, path: &Path) -> rusqlite::Result<()> {
    let (now, process) = (SystemClock.now(), std::process::id());
    let digest = Sha256::digest(format!("{}\n{now}\n{process}", path.display()));
    let name = hex(&digest[..16]);
    connection.execute("INSERT INTO identity (one, name) VALUES (1, ?1) ON CONFLICT DO NOTHING", [name]).map(|_| ())
}

/// The log's name; none in one that another process is making just now.
fn identity(connection: &Connection) -> rusqlite::Result<String> {
    let name = connection.query_row("SELECT name FROM identity", [], |row| row.get(0)).optional()?;
    Ok(name.unwrap_or_default())
}
