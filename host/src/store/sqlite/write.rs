//! Writing states: one transaction, which names the term of its writer.

use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::TransactionBehavior;

use super::super::{Replacement, StoreError, ViewMark, ViewUpdate};
use super::read::{checksum_of, mark};
use crate::entity::{EntityKey, EntityState};
use crate::log::checksum::Checksum;
use crate::log::file::{SqliteFile, from_sql, to_sql};
use crate::log::place::Commit;

fn lock(writer: &Mutex<SqliteFile>) -> MutexGuard<'_, SqliteFile> {
    // A writer that panicked has rolled its transaction back.
    writer.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn begin_term(writer: &Mutex<SqliteFile>) -> Result<u64, StoreError> {
    let SqliteFile { connection, name, place, .. } = &mut *lock(writer);
    let commit = place.as_ref().map(|place| place.begin_commit()).transpose()?;
    let sql = "UPDATE writer SET term = term + 1 RETURNING term";
    // A row comes before its transaction is on disk: by itself the statement would give a term that is not kept.
    let transaction = name.sql(connection.transaction_with_behavior(TransactionBehavior::Immediate))?;
    let term = from_sql(name.sql(transaction.query_row(sql, [], |row| row.get(0)))?);
    name.sql(transaction.commit())?;
    commit.map_or(Ok(()), Commit::finish)?;
    Ok(term)
}

/// A transaction that is being filled. Dropping it undoes it.
pub(super) struct Writing<'store> {
    file: MutexGuard<'store, SqliteFile>,
    /// The view that is written to, by its name and its number.
    view: (String, i64),
    state_bytes_max: usize,
    checksum: Checksum,
    is_done: bool,
    /// That the file is still the one that is named.
    commit: Option<Commit>,
}

impl<'store> Writing<'store> {
    /// Begins to write, if no later term has begun.
    pub(super) fn begin(
        writer: &'store Mutex<SqliteFile>,
        term: u64,
        state_bytes_max: usize,
    ) -> Result<Self, StoreError> {
        let file = lock(writer);
        let commit = file.place.as_ref().map(|place| place.begin_commit()).transpose()?;
        file.name.sql(file.connection.execute_batch("BEGIN IMMEDIATE"))?;
        let view = (String::new(), 0);
        let writing = Self { file, view, state_bytes_max, checksum: Checksum::default(), is_done: false, commit };
        let SqliteFile { connection, name, .. } = &*writing.file;
        let current = || connection.prepare_cached("SELECT term FROM writer")?.query_row([], |row| row.get(0));
        let current = from_sql(name.sql(current())?);
        if current != term {
            return Err(StoreError::Fenced { term, current });
        }
        Ok(writing)
    }

    /// Puts new states of a view, and its mark, which must go on from the stored one.
    pub(super) fn update(&mut self, update: &ViewUpdate<'_>) -> Result<(), StoreError> {
        if let Some(stored) = self.file.name.sql(mark(&self.file.connection, update.view))? {
            ViewMark::check_goes_on(update.view, &stored, update.mark)?;
        }
        self.set_mark(update.view, update.mark)?;
        update.states.iter().try_for_each(|(key, state)| self.put(key, state))
    }

    /// Removes all states of a view, which gets a new mark.
    pub(super) fn clear(&mut self, view: &str, mark: &ViewMark) -> Result<(), StoreError> {
        self.set_mark(view, mark)?;
        for sql in ["DELETE FROM states WHERE view = ?1", "DELETE FROM refused WHERE view = ?1"] {
            self.file.name.sql(self.file.connection.execute(sql, [self.view.1]))?;
        }
        Ok(())
    }

    fn set_mark(&mut self, view: &str, mark: &ViewMark) -> Result<(), StoreError> {
        let sql = "INSERT INTO views (name, digest, state_version, history, applied_offset, log, identity)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                   ON CONFLICT DO UPDATE SET digest = ?2, state_version = ?3, history = ?4, applied_offset = ?5, log = ?6,
                   identity = ?7
                   RETURNING id";
        let ViewMark { digest, state_version, identity, history, log, applied_offset } = mark;
        let identity = serde_json::to_string(identity).unwrap_or_default();
        let set = || {
            let mut statement = self.file.connection.prepare_cached(sql)?;
            let parameters = (view, digest, state_version, history, to_sql(*applied_offset), log, identity);
            statement.query_row(parameters, |row| row.get(0))
        };
        self.view = (view.to_owned(), self.file.name.sql(set())?);
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<(), StoreError> {
        self.file.name.sql(self.file.connection.execute_batch("COMMIT"))?;
        self.is_done = true;
        Ok(self.commit.take().map_or(Ok(()), Commit::finish)?)
    }
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        if !self.is_done {
            // A transaction that SQLite has ended by itself cannot be undone again.
            let _ = self.file.connection.execute_batch("ROLLBACK");
        }
    }
}

impl Replacement for Writing<'_> {
    fn put(&mut self, key: &EntityKey, state: &EntityState) -> Result<(), StoreError> {
        let (bytes, limit) = (state.bytes.len(), self.state_bytes_max);
        if bytes > limit {
            let (view, entity) = (self.view.0.clone(), key.clone());
            return Err(StoreError::StateTooLarge { view, entity, bytes, limit });
        }
        let sql = "INSERT INTO states (view, entity, newest_event, newest_available_at, log_offset, bytes, checksum)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                   ON CONFLICT DO UPDATE SET newest_event = ?3, newest_available_at = ?4, log_offset = ?5, bytes = ?6,
                   checksum = ?7";
        let (entity, offset) = (key.encode(), to_sql(state.offset));
        let sum = checksum_of(&mut self.checksum, (&self.view.0, &entity), state, offset);
        let put = || {
            let times = (state.newest_event.micros(), state.newest_available_at.micros());
            let mut statement = self.file.connection.prepare_cached(sql)?;
            statement.execute((self.view.1, &entity, times.0, times.1, offset, &state.bytes, sum))
        };
        self.file.name.sql(put())?;
        Ok(())
    }

    fn refuse(&mut self, key: &EntityKey, bytes: u64) -> Result<(), StoreError> {
        let sql = "INSERT INTO refused (view, entity, bytes) VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET bytes = ?3";
        let refuse = || self.file.connection.prepare_cached(sql)?.execute((self.view.1, key.encode(), to_sql(bytes)));
        self.file.name.sql(refuse())?;
        Ok(())
    }

    fn commit(self: Box<Self>) -> Result<(), StoreError> {
        self.finish()
    }
}
