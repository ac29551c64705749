//! The online states of one project in one SQLite file, format 5.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior};

use super::{OnlineStore, Replacement, STATE_BYTES_MAX, StoreError, ViewMark};
use crate::entity::{EntityKey, EntityState};
use crate::log::file::{FileKind, FileName, SqliteFile, from_sql, to_sql};
use crate::time::{AvailableAt, EventTime};

static ONLINE_STORE: FileKind = FileKind {
    name: "online store",
    // "1pST".
    application_id: 0x3170_5354,
    version: 5,
    tables: TABLES,
    upgrades: &[],
    // A commit may be lost with the machine's power, never torn: the log is the truth and its tail is applied again.
    synchronous: "NORMAL",
    mend: "delete it and run `onepath materialize`",
};

/// `entity` is the canonical JSON of the key; times in microseconds. The states are an ordinary table with an index, for
/// large ones would make a table without rowids slow to search. `refused` has the entities whose states would be too large.
const TABLES: &str = "
CREATE TABLE views (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    digest TEXT NOT NULL,
    state_version INTEGER NOT NULL,
    history INTEGER,
    applied_offset INTEGER NOT NULL,
    log TEXT NOT NULL,
    identity TEXT NOT NULL
) STRICT;
CREATE TABLE states (
    view INTEGER NOT NULL REFERENCES views (id),
    entity TEXT NOT NULL,
    newest_event INTEGER NOT NULL,
    newest_available_at INTEGER NOT NULL,
    log_offset INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    UNIQUE (view, entity)
) STRICT;
CREATE TABLE refused (
    view INTEGER NOT NULL REFERENCES views (id),
    entity TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    UNIQUE (view, entity)
) STRICT;
";

/// Online states in a SQLite file. One process writes it at a time, any number read it.
#[derive(Debug)]
pub struct SqliteStore {
    file: SqliteFile,
    state_bytes_max: usize,
}

impl SqliteStore {
    /// Opens the store at `path` for writing; makes it, and the directories above it, where there is none.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Ok(Self { file: SqliteFile::open(path, &ONLINE_STORE)?, state_bytes_max: STATE_BYTES_MAX })
    }

    /// Opens the store at `path` for reading, beside a process that may be writing it. `None` where there is none yet.
    pub fn open_read_only(path: &Path) -> Result<Option<Self>, StoreError> {
        let file = SqliteFile::open_read_only(path, &ONLINE_STORE)?;
        Ok(file.map(|file| Self { file, state_bytes_max: STATE_BYTES_MAX }))
    }

    /// The same store with another limit for the bytes of one state instead of [`STATE_BYTES_MAX`].
    pub fn with_state_bytes_max(self, state_bytes_max: usize) -> Self {
        Self { state_bytes_max, ..self }
    }

    /// Reads what is there now from here on, whatever is written meanwhile. For a store that was opened for reading.
    pub fn hold(&self) -> Result<(), StoreError> {
        // The first reading of a transaction fixes its moment.
        let hold = self.file.connection.execute_batch("BEGIN; SELECT count(*) FROM views;");
        Ok(self.file.name.sql(hold)?)
    }

    /// The state that was found; where none was, the entity may have been refused.
    fn told(&self, view: &str, key: &EntityKey, found: Option<EntityState>) -> Result<Option<EntityState>, StoreError> {
        if found.is_some() {
            return Ok(found);
        }
        match self.file.name.sql(refused_bytes(&self.file.connection, view, key))? {
            Some(bytes) => Err(StoreError::NotServed { view: view.to_owned(), entity: key.clone(), bytes }),
            None => Ok(None),
        }
    }

    /// Begins to write `view`.
    fn begin(&mut self, view: &str) -> Result<Writing<'_>, StoreError> {
        if !self.file.is_writable() {
            return Err(StoreError::ReadOnly { view: view.to_owned() });
        }
        let SqliteFile { connection, name, .. } = &mut self.file;
        let transaction = name.sql(connection.transaction_with_behavior(TransactionBehavior::Immediate))?;
        Ok(Writing { transaction, name, view: view.to_owned(), view_id: 0, state_bytes_max: self.state_bytes_max })
    }
}

impl OnlineStore for SqliteStore {
    fn mark(&self, view: &str) -> Result<Option<ViewMark>, StoreError> {
        Ok(self.file.name.sql(mark(&self.file.connection, view))?)
    }

    fn get(&self, view: &str, key: &EntityKey) -> Result<Option<EntityState>, StoreError> {
        self.told(view, key, self.file.name.sql(state(&self.file.connection, view, key))?)
    }

    fn get_many(&self, view: &str, keys: &[EntityKey]) -> Result<Vec<Option<EntityState>>, StoreError> {
        // One moment for all of them, whatever is written meanwhile.
        let transaction = self.file.name.sql(self.file.connection.unchecked_transaction())?;
        let found = |key| self.told(view, key, self.file.name.sql(state(&transaction, view, key))?);
        keys.iter().map(found).collect()
    }

    fn apply(
        &mut self,
        view: &str,
        updates: &[(EntityKey, Arc<EntityState>)],
        mark: &ViewMark,
    ) -> Result<(), StoreError> {
        let mut writing = self.begin(view)?;
        writing.check_goes_on(mark)?;
        writing.set_mark(mark)?;
        for (key, state) in updates {
            writing.put(key, state)?;
        }
        writing.finish()
    }

    fn begin_replace(&mut self, view: &str, mark: &ViewMark) -> Result<Box<dyn Replacement + '_>, StoreError> {
        let mut writing = self.begin(view)?;
        writing.set_mark(mark)?;
        writing.clear()?;
        Ok(Box::new(writing))
    }

    fn scan(
        &self,
        view: &str,
        on_state: &mut dyn FnMut(EntityKey, EntityState) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let name = &self.file.name;
        let sql = "SELECT newest_event, newest_available_at, log_offset, bytes, entity
                   FROM states JOIN views ON views.id = states.view WHERE views.name = ?1 ORDER BY entity";
        let mut statement = name.sql(self.file.connection.prepare_cached(sql))?;
        let mut rows = name.sql(statement.query([view]))?;
        while let Some(row) = name.sql(rows.next())? {
            let text: String = name.sql(row.get(4))?;
            let state = name.sql(state_of(row))?;
            if on_state(key_of(view, text)?, state).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn refused(&self, view: &str) -> Result<Vec<(EntityKey, u64)>, StoreError> {
        let sql = "SELECT entity, bytes FROM refused JOIN views ON views.id = refused.view WHERE views.name = ?1 ORDER BY entity";
        let refused = || {
            let mut statement = self.file.connection.prepare_cached(sql)?;
            let rows = statement.query_map([view], |row| Ok((row.get(0)?, from_sql(row.get(1)?))))?;
            rows.collect::<rusqlite::Result<Vec<(String, u64)>>>()
        };
        self.file.name.sql(refused())?.into_iter().map(|(text, bytes)| Ok((key_of(view, text)?, bytes))).collect()
    }

    fn newest_event(&self, view: &str) -> Result<Option<EventTime>, StoreError> {
        let sql = "SELECT max(newest_event) FROM states JOIN views ON views.id = states.view WHERE views.name = ?1";
        let newest = self.file.connection.query_row(sql, [view], |row| row.get::<_, Option<i64>>(0));
        Ok(self.file.name.sql(newest)?.map(EventTime))
    }

    fn count(&self, view: &str) -> Result<u64, StoreError> {
        let sql = "SELECT count(*) FROM states JOIN views ON views.id = states.view WHERE views.name = ?1";
        let count = self.file.connection.query_row(sql, [view], |row| row.get(0));
        Ok(from_sql(self.file.name.sql(count)?))
    }
}

/// States of one view being written. Dropping it undoes it.
struct Writing<'store> {
    transaction: Transaction<'store>,
    name: &'store FileName,
    view: String,
    view_id: i64,
    state_bytes_max: usize,
}

impl Writing<'_> {
    /// Refuses a mark that does not go on from the stored one.
    fn check_goes_on(&self, given: &ViewMark) -> Result<(), StoreError> {
        let Some(stored) = self.name.sql(mark(&self.transaction, &self.view))? else { return Ok(()) };
        let made_of = |mark: &ViewMark| (mark.digest.clone(), mark.state_version, mark.history);
        let view = self.view.clone();
        if made_of(&stored) != made_of(given) {
            return Err(StoreError::OtherStates { view, stored: Box::new(stored), given: Box::new(given.clone()) });
        }
        if stored.identity != given.identity {
            return Err(StoreError::OtherIdentity { view, changes: stored.identity.changes(&given.identity) });
        }
        if stored.log != given.log {
            return Err(StoreError::OtherLog { view, stored: stored.log, given: given.log.clone() });
        }
        if given.applied_offset < stored.applied_offset {
            let (stored, given) = (stored.applied_offset, given.applied_offset);
            return Err(StoreError::OlderStates { view, stored, given });
        }
        Ok(())
    }

    fn set_mark(&mut self, mark: &ViewMark) -> Result<(), StoreError> {
        let sql = "INSERT INTO views (name, digest, state_version, history, applied_offset, log, identity)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                   ON CONFLICT DO UPDATE SET digest = ?2, state_version = ?3, history = ?4, applied_offset = ?5, log = ?6,
                   identity = ?7
                   RETURNING id";
        let ViewMark { digest, state_version, identity, history, log, applied_offset } = mark;
        let identity = serde_json::to_string(identity).expect("texts are always JSON");
        let set = || {
            let mut statement = self.transaction.prepare_cached(sql)?;
            let parameters = (&self.view, digest, state_version, history, to_sql(*applied_offset), log, identity);
            statement.query_row(parameters, |row| row.get(0))
        };
        self.view_id = self.name.sql(set())?;
        Ok(())
    }

    fn clear(&self) -> Result<(), StoreError> {
        for sql in ["DELETE FROM states WHERE view = ?1", "DELETE FROM refused WHERE view = ?1"] {
            self.name.sql(self.transaction.execute(sql, [self.view_id]))?;
        }
        Ok(())
    }

    fn finish(self) -> Result<(), StoreError> {
        Ok(self.name.sql(self.transaction.commit())?)
    }
}

impl Replacement for Writing<'_> {
    fn put(&mut self, key: &EntityKey, state: &EntityState) -> Result<(), StoreError> {
        let (bytes, limit) = (state.bytes.len(), self.state_bytes_max);
        if bytes > limit {
            let (view, entity) = (self.view.clone(), key.clone());
            return Err(StoreError::StateTooLarge { view, entity, bytes, limit });
        }
        let sql = "INSERT INTO states (view, entity, newest_event, newest_available_at, log_offset, bytes)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                   ON CONFLICT DO UPDATE SET newest_event = ?3, newest_available_at = ?4, log_offset = ?5, bytes = ?6";
        let put = || {
            let times = (state.newest_event.0, state.newest_available_at.0);
            let mut statement = self.transaction.prepare_cached(sql)?;
            statement.execute((self.view_id, key.encode(), times.0, times.1, to_sql(state.offset), &state.bytes))
        };
        self.name.sql(put())?;
        Ok(())
    }

    fn refuse(&mut self, key: &EntityKey, bytes: u64) -> Result<(), StoreError> {
        let sql = "INSERT INTO refused (view, entity, bytes) VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET bytes = ?3";
        let refuse = || self.transaction.prepare_cached(sql)?.execute((self.view_id, key.encode(), to_sql(bytes)));
        self.name.sql(refuse())?;
        Ok(())
    }

    fn commit(self: Box<Self>) -> Result<(), StoreError> {
        self.finish()
    }
}

fn mark(connection: &Connection, view: &str) -> rusqlite::Result<Option<ViewMark>> {
    let sql = "SELECT digest, state_version, history, applied_offset, log, identity FROM views WHERE name = ?1";
    let of_row = |row: &Row<'_>| {
        let applied_offset = from_sql(row.get(3)?);
        let (digest, state_version, history) = (row.get(0)?, row.get(1)?, row.get(2)?);
        // A text that is none equals no identity: the states are refused, and rebuilt.
        let identity = serde_json::from_str(&row.get::<_, String>(5)?).unwrap_or_default();
        Ok(ViewMark { digest, state_version, identity, history, log: row.get(4)?, applied_offset })
    };
    connection.prepare_cached(sql)?.query_row([view], of_row).optional()
}

fn state(connection: &Connection, view: &str, key: &EntityKey) -> rusqlite::Result<Option<EntityState>> {
    let sql = "SELECT newest_event, newest_available_at, log_offset, bytes
               FROM states JOIN views ON views.id = states.view WHERE views.name = ?1 AND entity = ?2";
    connection.prepare_cached(sql)?.query_row((view, key.encode()), state_of).optional()
}

/// The size for which an entity was refused; `None` where it was not.
fn refused_bytes(connection: &Connection, view: &str, key: &EntityKey) -> rusqlite::Result<Option<u64>> {
    let sql = "SELECT bytes FROM refused JOIN views ON views.id = refused.view WHERE views.name = ?1 AND entity = ?2";
    let bytes = connection.prepare_cached(sql)?.query_row((view, key.encode()), |row| row.get(0)).optional()?;
    Ok(bytes.map(from_sql))
}

fn key_of(view: &str, text: String) -> Result<EntityKey, StoreError> {
    EntityKey::decode(&text).map_err(|source| StoreError::Key { view: view.to_owned(), text, source })
}

fn state_of(row: &Row<'_>) -> rusqlite::Result<EntityState> {
    Ok(EntityState {
        newest_event: EventTime(row.get(0)?),
        newest_available_at: AvailableAt(row.get(1)?),
        offset: from_sql(row.get(2)?),
        bytes: row.get(3)?,
    })
}
