//! The event log of one project in one SQLite file, format 4. `docs/FORMAT.md` describes it for readers.
//!
//! - `read`: handles for reading. - `write`: one transaction a call, in the term of its writer. - `rows`: the rows that have a
//!   checksum beside the events.
//!
//! Knows nothing of what a stamp means or which one comes next: it keeps what it is given.

#[cfg(test)]
mod holes;
mod read;
mod rows;
#[cfg(test)]
mod tests;
mod write;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use rusqlite::{Connection, OptionalExtension};
use sha2::{Digest, Sha256};

use read::Reading;
#[cfg(test)]
pub(in crate::log) use read::event_checksum;

use super::clock::LogClock;
use super::file::SqliteFile;
use super::lock::FolderLock;
use super::place::{Commit, Place};
use super::{History, Log, LogBatch, LogError, LogReader, Repair, schema};
use crate::digest::hex;
use crate::time::{Clock, SystemClock};

/// The event log of one project in a SQLite file. One process writes it at a time, any number read it.
#[derive(Debug)]
pub struct SqliteLog {
    path: PathBuf,
    /// The connection that writes; `None` where the log was opened for reading.
    writer: Option<Mutex<SqliteFile>>,
    /// Where the file of that connection is.
    place: Option<Arc<Place>>,
    /// Held for as long as this process may write the stores of its project.
    _folder: Option<Arc<FolderLock>>,
}

impl SqliteLog {
    /// Opens the log at `path` for writing; makes it, and the directories above it, where there is none.
    pub fn open(path: &Path) -> Result<Self, LogError> {
        let file = SqliteFile::open(path, &schema::EVENT_LOG)?;
        let commit = file.place.as_ref().map(|place| place.begin_commit()).transpose()?;
        file.name.sql(set_identity(&file.connection, path))?;
        commit.map_or(Ok(()), Commit::finish)?;
        let place = file.place.clone();
        Ok(Self { path: path.to_owned(), writer: Some(Mutex::new(file)), place, _folder: None })
    }

    /// The same log, which holds the lock of its project's folder until it is closed.
    pub(crate) fn holding(self, folder: Arc<FolderLock>) -> Self {
        Self { _folder: Some(folder), ..self }
    }

    /// Opens the log at `path` for reading, beside a process that may be writing it. `None` where there is no log yet.
    pub fn open_read_only(path: &Path) -> Result<Option<Self>, LogError> {
        let file = SqliteFile::open_read_only(path, &schema::EVENT_LOG)?;
        Ok(file.map(|_| Self { path: path.to_owned(), writer: None, place: None, _folder: None }))
    }

    fn writer(&self) -> Result<&Mutex<SqliteFile>, LogError> {
        self.writer.as_ref().ok_or_else(|| LogError::ReadOnly { path: self.path.clone() })
    }
}

impl Log for SqliteLog {
    fn begin_term(&self) -> Result<u64, LogError> {
        write::begin_term(self.writer()?)
    }

    fn stamped_reader(&self) -> Result<Box<dyn LogReader>, LogError> {
        let file = match &self.place {
            Some(place) => SqliteFile::open_beside(&self.path, &schema::EVENT_LOG, place)?,
            None => SqliteFile::open_read_only(&self.path, &schema::EVENT_LOG)?,
        };
        let file = file.ok_or_else(|| LogError::Gone { path: self.path.clone() })?;
        let identity = file.name.sql(identity(&file.connection))?;
        Ok(Box::new(Reading { file, identity }))
    }

    fn check_place(&self) -> Result<(), LogError> {
        Ok(self.place.as_ref().map_or(Ok(()), |place| place.check())?)
    }

    fn append(&self, term: u64, batch: &LogBatch<'_>) -> Result<(), LogError> {
        write::append(self.writer()?, term, batch)
    }

    fn save_clock(&self, term: u64, clock: &LogClock) -> Result<(), LogError> {
        write::save_clock(self.writer()?, term, clock)
    }

    fn record_history(&self, term: u64, history: &History, clock: &LogClock) -> Result<i64, LogError> {
        write::record_history(self.writer()?, term, history, clock)
    }

    fn open_epoch(&self, term: u64, repair: &Repair, clock: &LogClock) -> Result<(), LogError> {
        write::open_epoch(self.writer()?, term, repair, clock)
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
