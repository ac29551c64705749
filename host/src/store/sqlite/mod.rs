//! The online states of one project in one SQLite file, format 6. `docs/FORMAT.md` describes it for readers.
//!
//! - `read`: connections for reading. - `write`: the one connection that writes.
//!
//! Knows nothing of what the bytes of a state mean.

mod read;
mod write;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use read::Reading;
use write::{Replacing, Writing};

use super::{OnlineStore, Replacement, STATE_BYTES_MAX, StoreError, StoreReader, ViewUpdate};
use crate::log::file::{FileKind, SqliteFile};
use crate::log::lock::FolderLock;
use crate::log::place::Place;

static ONLINE_STORE: FileKind = FileKind {
    name: "online store",
    // "1pST".
    application_id: 0x3170_5354,
    version: 6,
    tables: TABLES,
    // A commit may be lost with the machine's power, never torn: the log is the truth and its tail is applied again.
    synchronous: "NORMAL",
    mend: "run `onepath reset --keep-log --keep-served`, then `onepath materialize`",
    anew: "run `onepath materialize`, which makes it again",
};

/// `entity` is the canonical JSON of the key; times in microseconds. The states are an ordinary table with an index, for
/// large ones would make a table without rowids slow to search. `refused` has the entities whose states would be too large;
/// `writer` one row, the newest term. Each `checksum` is over all of its row, but for that of a state, which names its view.
const TABLES: &str = "
CREATE TABLE views (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    digest TEXT NOT NULL,
    state_version INTEGER NOT NULL,
    history INTEGER,
    applied_offset INTEGER NOT NULL,
    applied_event INTEGER,
    log TEXT NOT NULL,
    identity TEXT NOT NULL,
    newest_event INTEGER,
    checksum INTEGER NOT NULL
) STRICT;
CREATE TABLE states (
    view INTEGER NOT NULL REFERENCES views (id),
    entity TEXT NOT NULL,
    newest_event INTEGER NOT NULL,
    newest_available_at INTEGER NOT NULL,
    log_offset INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    checksum INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX states_by_entity ON states (view, entity);
CREATE TABLE refused (
    view INTEGER NOT NULL REFERENCES views (id),
    entity TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    checksum INTEGER NOT NULL,
    UNIQUE (view, entity)
) STRICT;
CREATE TABLE writer (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    term INTEGER NOT NULL
) STRICT;
INSERT INTO writer VALUES (1, 0);
";

/// The index of the states, which is made anew after all of them were put: that takes less than to keep it meanwhile.
const STATES_BY_ENTITY: &str = "CREATE UNIQUE INDEX states_by_entity ON states (view, entity);";

/// Online states in a SQLite file. One process writes it at a time, any number read it.
#[derive(Debug)]
pub struct SqliteStore {
    path: PathBuf,
    /// The connection that writes; `None` where the store was opened for reading.
    writer: Option<Mutex<SqliteFile>>,
    /// Where the file of that connection is.
    place: Option<Arc<Place>>,
    state_bytes_max: usize,
    /// Held for as long as this process may write the stores of its project.
    _folder: Option<Arc<FolderLock>>,
}

impl SqliteStore {
    /// Opens the store at `path` for writing; makes it, and the directories above it, where there is none.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let writer = SqliteFile::open(path, &ONLINE_STORE)?;
        let place = writer.place.clone();
        Ok(Self { place, writer: Some(Mutex::new(writer)), ..Self::at(path) })
    }

    /// The store at `path`, which nothing is open of.
    fn at(path: &Path) -> Self {
        Self { path: path.to_owned(), writer: None, place: None, state_bytes_max: STATE_BYTES_MAX, _folder: None }
    }

    /// The same store, which holds the lock of its project's folder until it is closed.
    pub(crate) fn holding(self, folder: Arc<FolderLock>) -> Self {
        Self { _folder: Some(folder), ..self }
    }

    /// Opens the store at `path` for reading, beside a process that may be writing it. `None` where there is none yet.
    pub fn open_read_only(path: &Path) -> Result<Option<Self>, StoreError> {
        let file = SqliteFile::open_read_only(path, &ONLINE_STORE)?;
        Ok(file.map(|_| Self::at(path)))
    }

    /// The same store with another limit for the bytes of one state instead of [`STATE_BYTES_MAX`].
    pub fn with_state_bytes_max(self, state_bytes_max: usize) -> Self {
        Self { state_bytes_max, ..self }
    }

    fn reading(&self) -> Result<Reading, StoreError> {
        let file = match &self.place {
            Some(place) => SqliteFile::open_beside(&self.path, &ONLINE_STORE, place)?,
            None => SqliteFile::open_read_only(&self.path, &ONLINE_STORE)?,
        };
        let gone = || StoreError::Gone { path: self.path.clone() };
        Ok(Reading::new(file.ok_or_else(gone)?))
    }

    fn writing(&self, term: u64) -> Result<Writing<'_>, StoreError> {
        Writing::begin(self.writer.as_ref().ok_or(StoreError::ReadOnly)?, term, self.state_bytes_max)
    }
}

impl OnlineStore for SqliteStore {
    fn check_place(&self) -> Result<(), StoreError> {
        Ok(self.place.as_ref().map_or(Ok(()), |place| place.check())?)
    }

    fn begin_term(&self) -> Result<u64, StoreError> {
        write::begin_term(self.writer.as_ref().ok_or(StoreError::ReadOnly)?)
    }

    fn reader(&self) -> Result<Box<dyn StoreReader>, StoreError> {
        Ok(Box::new(self.reading()?))
    }

    fn snapshot(&self) -> Result<Box<dyn StoreReader>, StoreError> {
        Ok(Box::new(self.reading()?.hold()?))
    }

    fn apply(&self, term: u64, updates: &[ViewUpdate<'_>]) -> Result<(), StoreError> {
        let mut writing = self.writing(term)?;
        for update in updates {
            writing.update(update)?;
        }
        writing.finish()
    }

    fn begin_replace(&self, term: u64) -> Result<Box<dyn Replacement + '_>, StoreError> {
        let writer = self.writer.as_ref().ok_or(StoreError::ReadOnly)?;
        Ok(Box::new(Replacing::begin(writer, term, self.state_bytes_max)?))
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_index_is_made_anew_as_it_was() {
        assert!(super::TABLES.contains(super::STATES_BY_ENTITY));
    }

    #[test]
    fn the_page_of_formats_says_what_the_code_says() {
        crate::log::file::assert_documented(&super::ONLINE_STORE, "online.sqlite");
    }
}
