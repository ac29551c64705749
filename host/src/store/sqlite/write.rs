//! Writing states: one transaction, which names the term of its writer.

use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::TransactionBehavior;

use super::super::{Replacement, StoreError, ViewMark, ViewUpdate};
use super::STATES_BY_ENTITY;
use super::read::{StoredView, checksum_of, checksum_of_refused, checksum_of_view, stored_view};
use crate::entity::{EntityKey, EntityState};
use crate::log::checksum::Checksum;
use crate::log::file::{SqliteFile, from_sql, to_sql};
use crate::log::place::Commit;
use crate::time::EventTime;

/// Memory for the pages of a file whose states are all replaced, in KiB (SQLite counts KiB below zero).
const REPLACE_CACHE_KIB: i64 = -16_384;

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
        let writing = Self { file, state_bytes_max, checksum: Checksum::default(), is_done: false, commit };
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
        let ViewUpdate { view, states, mark } = update;
        let stored = stored_view(&self.file.connection, &self.file.name, view)?;
        if let Some(stored) = &stored {
            ViewMark::check_goes_on(view, &stored.mark, mark)?;
        }
        let newest = states.iter().map(|(_, state)| Some(state.newest_event));
        let before = stored.as_ref().and_then(|stored| stored.newest_event);
        let newest_event = newest.fold(before, EventTime::newer_of);
        let id = match stored {
            Some(stored) => stored.id,
            None => self.new_view(view)?,
        };
        self.set_view(view, &StoredView { id, mark: ViewMark::clone(mark), newest_event })?;
        let sql = "INSERT INTO states (view, entity, newest_event, newest_available_at, log_offset, bytes, checksum)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                   ON CONFLICT DO UPDATE SET newest_event = ?3, newest_available_at = ?4, log_offset = ?5, bytes = ?6,
                   checksum = ?7";
        states.iter().try_for_each(|(key, state)| self.put((view, id), sql, key, state))
    }

    /// Makes a row for a view that has none.
    fn new_view(&self, view: &str) -> Result<i64, StoreError> {
        let sql = "INSERT INTO views (name, digest, state_version, applied_offset, log, identity, checksum)
                   VALUES (?1, '', 0, 0, '', '', 0) RETURNING id";
        let id = || self.file.connection.prepare_cached(sql)?.query_row([view], |row| row.get(0));
        Ok(self.file.name.sql(id())?)
    }

    fn set_view(&self, view: &str, stored: &StoredView) -> Result<(), StoreError> {
        let sql = "UPDATE views SET digest = ?2, state_version = ?3, history = ?4, applied_offset = ?5, log = ?6, identity = ?7,
                   newest_event = ?8, checksum = ?9, applied_event = ?10 WHERE id = ?1";
        let ViewMark { digest, state_version, identity, history, log, applied_offset, applied_event } = &stored.mark;
        let (identity, offset) = (serde_json::to_string(identity).unwrap_or_default(), to_sql(*applied_offset));
        let checksum = checksum_of_view(view, stored, offset, &identity);
        let newest = stored.newest_event.map(EventTime::micros);
        let set = || {
            let mut statement = self.file.connection.prepare_cached(sql)?;
            let id = stored.id;
            statement.execute((
                id,
                digest,
                state_version,
                history,
                offset,
                log,
                identity,
                newest,
                checksum,
                applied_event,
            ))
        };
        self.file.name.sql(set())?;
        Ok(())
    }

    fn put(
        &mut self,
        (view, id): (&str, i64),
        sql: &str,
        key: &EntityKey,
        state: &EntityState,
    ) -> Result<(), StoreError> {
        let (bytes, limit) = (state.bytes.len(), self.state_bytes_max);
        if bytes > limit {
            return Err(StoreError::StateTooLarge { view: view.to_owned(), entity: key.clone(), bytes, limit });
        }
        let (entity, offset) = (key.encode(), to_sql(state.offset));
        let sum = checksum_of(&mut self.checksum, (view, &entity), state, offset);
        let put = || {
            let times = (state.newest_event.micros(), state.newest_available_at.micros());
            let mut statement = self.file.connection.prepare_cached(sql)?;
            statement.execute((id, &entity, times.0, times.1, offset, &state.bytes, sum))
        };
        self.file.name.sql(put())?;
        Ok(())
    }

    pub(super) fn finish(&mut self) -> Result<(), StoreError> {
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

/// All states of all views, in a transaction that leaves nothing of the old ones.
pub(super) struct Replacing<'store> {
    writing: Writing<'store>,
    /// The views that were begun, by their numbers.
    views: Vec<BegunView>,
}

struct BegunView {
    name: String,
    id: i64,
    newest_event: Option<EventTime>,
}

impl<'store> Replacing<'store> {
    /// Begins to write, if no later term has begun. Until the store is closed its commits are on disk when they return, and it
    /// may take more memory.
    pub(super) fn begin(
        writer: &'store Mutex<SqliteFile>,
        term: u64,
        state_bytes_max: usize,
    ) -> Result<Self, StoreError> {
        {
            let SqliteFile { connection, name, .. } = &*lock(writer);
            name.sql(connection.pragma_update(None, "synchronous", "FULL"))?;
            name.sql(connection.pragma_update(None, "cache_size", REPLACE_CACHE_KIB))?;
        }
        let replacing = Self { writing: Writing::begin(writer, term, state_bytes_max)?, views: Vec::new() };
        // A table that loses all of its rows loses them page by page, and needs no index to find them.
        replacing.run("DROP INDEX states_by_entity; DELETE FROM states; DELETE FROM refused; DELETE FROM views;")?;
        Ok(replacing)
    }

    fn run(&self, statements: &str) -> Result<(), StoreError> {
        let SqliteFile { connection, name, .. } = &*self.writing.file;
        Ok(name.sql(connection.execute_batch(statements))?)
    }
}

impl Replacement for Replacing<'_> {
    fn begin_view(&mut self, view: &str) -> Result<(), StoreError> {
        let id = self.writing.new_view(view)?;
        self.views.push(BegunView { name: view.to_owned(), id, newest_event: None });
        Ok(())
    }

    fn put(&mut self, view: usize, key: &EntityKey, state: &EntityState) -> Result<(), StoreError> {
        let sql = "INSERT INTO states (view, entity, newest_event, newest_available_at, log_offset, bytes, checksum)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let view = self.views.get_mut(view).ok_or(StoreError::NoView)?;
        view.newest_event = EventTime::newer_of(view.newest_event, Some(state.newest_event));
        self.writing.put((&view.name, view.id), sql, key, state)
    }

    fn refuse(&mut self, view: usize, key: &EntityKey, bytes: u64) -> Result<(), StoreError> {
        let sql = "INSERT INTO refused (view, entity, bytes, checksum) VALUES (?1, ?2, ?3, ?4)";
        let view = self.views.get(view).ok_or(StoreError::NoView)?;
        let (entity, bytes) = (key.encode(), to_sql(bytes));
        let checksum = checksum_of_refused((&view.name, &entity), bytes);
        let SqliteFile { connection, name, .. } = &*self.writing.file;
        let refuse = || connection.prepare_cached(sql)?.execute((view.id, &entity, bytes, checksum));
        name.sql(refuse())?;
        Ok(())
    }

    fn commit(mut self: Box<Self>, marks: &[ViewMark]) -> Result<(), StoreError> {
        if marks.len() != self.views.len() {
            return Err(StoreError::NoView);
        }
        self.run(STATES_BY_ENTITY)?;
        for (BegunView { name, id, newest_event }, mark) in self.views.iter().zip(marks) {
            let stored = StoredView { id: *id, mark: mark.clone(), newest_event: *newest_event };
            self.writing.set_view(name, &stored)?;
        }
        self.writing.finish()
    }
}
