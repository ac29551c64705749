//! Reading states from one connection.

use std::ops::ControlFlow;

use rusqlite::{Connection, ErrorCode, OptionalExtension, Row};

use super::super::{StoreError, StoreReader, ViewMark};
use crate::entity::{EntityKey, EntityState};
use crate::log::checksum::Checksum;
use crate::log::file::{FileName, SqliteFile, from_sql};
use crate::log::{FileError, ViewIdentity};
use crate::time::{AvailableAt, EventTime};

/// A connection for reading.
pub(super) struct Reading {
    file: SqliteFile,
    /// Whether its moment is held by an open transaction.
    is_held: bool,
}

impl Reading {
    pub(super) fn new(file: SqliteFile) -> Self {
        Self { file, is_held: false }
    }

    /// Reads what is there now from here on, whatever is written meanwhile.
    pub(super) fn hold(mut self) -> Result<Self, StoreError> {
        // The first reading of a transaction fixes its moment.
        let hold = self.file.connection.execute_batch("BEGIN; SELECT count(*) FROM views;");
        self.file.name.sql(hold)?;
        self.is_held = true;
        Ok(self)
    }

    /// Runs `read` with all that it reads of one moment.
    fn at_one_moment<T>(&self, read: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
        if self.is_held {
            return read();
        }
        let transaction = self.file.name.sql(self.file.connection.unchecked_transaction())?;
        let read = read();
        drop(transaction);
        read
    }

    /// The state that was found. Where none was, the view must be there, which is looked up once for all keys of a call, and the
    /// entity may have been refused.
    fn told(
        &self,
        view: &str,
        key: &EntityKey,
        found: Option<EntityState>,
        is_view_checked: &mut bool,
    ) -> Result<Option<EntityState>, StoreError> {
        if found.is_some() {
            return Ok(found);
        }
        // Nothing is told of the states of a view whose row is not what was written.
        if !*is_view_checked && view_row(&self.file.connection, &self.file.name, view)?.is_none() {
            return Err(StoreError::UnknownView { view: view.to_owned() });
        }
        *is_view_checked = true;
        match refused_bytes(&self.file, view, &key.encode())? {
            None => Ok(None),
            Some(bytes) => Err(StoreError::NotServed { view: view.to_owned(), entity: key.clone(), bytes }),
        }
    }
}

impl StoreReader for Reading {
    fn check_place(&self) -> Result<(), StoreError> {
        Ok(self.file.check_place()?)
    }

    fn mark(&self, view: &str) -> Result<Option<ViewMark>, StoreError> {
        Ok(stored_view(&self.file.connection, &self.file.name, view)?.map(|found| found.mark))
    }

    fn get_many(&self, view: &str, keys: &[EntityKey]) -> Result<Vec<Option<EntityState>>, StoreError> {
        let (mut checksum, mut is_view_checked) = (Checksum::default(), false);
        let mut read = |key| {
            let found = state(&self.file.connection, &self.file.name, (view, key), &mut checksum)?;
            self.told(view, key, found, &mut is_view_checked)
        };
        match keys {
            // A state that is found takes one statement, which is of one moment by itself; absence is of that moment or a later one.
            [key] => Ok(vec![read(key)?]),
            keys => self.at_one_moment(|| keys.iter().map(read).collect()),
        }
    }

    fn get_many_in_memory(
        &self,
        view: &str,
        keys: &[EntityKey],
    ) -> Result<Option<Vec<Option<EntityState>>>, StoreError> {
        match self.file.in_memory(|| self.get_many(view, keys)) {
            // Another process holds a lock, for a moment.
            Err(StoreError::File(FileError::Sqlite { source, .. }))
                if source.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) =>
            {
                Ok(None)
            }
            read => read,
        }
    }

    fn scan(
        &self,
        view: &str,
        on_state: &mut dyn FnMut(EntityKey, EntityState) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let name = &self.file.name;
        let sql = "SELECT states.newest_event, newest_available_at, log_offset, bytes, states.checksum, entity
                   FROM states JOIN views ON views.id = states.view WHERE views.name = ?1 ORDER BY entity";
        let mut statement = name.sql(self.file.connection.prepare_cached(sql))?;
        let mut rows = name.sql(statement.query([view]))?;
        let mut checksum = Checksum::default();
        while let Some(row) = name.sql(rows.next())? {
            let text: String = name.sql(row.get(5))?;
            let found = name.sql(FoundState::try_from(row))?;
            let state = found.checked(name, (view, &text), &mut checksum)?;
            if on_state(key_of(view, text)?, state).is_break() {
                break;
            }
        }
        self.check_place()
    }

    fn refused(&self, view: &str) -> Result<Vec<(EntityKey, u64)>, StoreError> {
        let sql = "SELECT entity, bytes, refused.checksum FROM refused JOIN views ON views.id = refused.view
                   WHERE views.name = ?1 ORDER BY entity";
        let refused = || {
            let mut statement = self.file.connection.prepare_cached(sql)?;
            let rows = statement.query_map([view], |row| row.try_into())?;
            rows.collect::<rusqlite::Result<Vec<(String, i64, i64)>>>()
        };
        let checked = |(text, bytes, checksum): (String, i64, i64)| {
            check_refused(&self.file.name, (view, &text), bytes, checksum)?;
            Ok((key_of(view, text)?, from_sql(bytes)))
        };
        self.file.name.sql(refused())?.into_iter().map(checked).collect()
    }

    fn newest_event(&self, view: &str) -> Result<Option<EventTime>, StoreError> {
        Ok(stored_view(&self.file.connection, &self.file.name, view)?.and_then(|found| found.newest_event))
    }

    fn count(&self, view: &str) -> Result<u64, StoreError> {
        let sql = "SELECT count(*) FROM states JOIN views ON views.id = states.view WHERE views.name = ?1";
        let count = self.file.connection.query_row(sql, [view], |row| row.get(0));
        Ok(from_sql(self.file.name.sql(count)?))
    }
}

/// What the store keeps of a view beside its states.
pub(super) struct StoredView {
    pub(super) id: i64,
    pub(super) mark: ViewMark,
    /// The newest event that its states include.
    pub(super) newest_event: Option<EventTime>,
}

/// The row of a view, if it is what was written; `None` where there is none.
pub(super) fn stored_view(
    connection: &Connection,
    name: &FileName,
    view: &str,
) -> Result<Option<StoredView>, FileError> {
    let Some((mut found, identity)) = view_row(connection, name, view)? else { return Ok(None) };
    let parsed = serde_json::from_str(&identity);
    found.mark.identity = parsed.map_err(|error| name.damaged(record_of(view), error.to_string()))?;
    Ok(Some(found))
}

/// What messages call the row of a view.
fn record_of(view: &str) -> String {
    format!("the mark of view {view}")
}

/// As [`stored_view`], with the identity as it is stored beside a mark that has none yet: parsing it takes longer than the rest.
fn view_row(connection: &Connection, name: &FileName, view: &str) -> Result<Option<(StoredView, String)>, FileError> {
    let sql = "SELECT id, digest, state_version, history, applied_offset, log, identity, newest_event, checksum, applied_event
               FROM views WHERE name = ?1";
    let of_row = |row: &Row<'_>| {
        // A number that no version is differs from the one that was summed up.
        let state_version = u32::try_from(row.get::<_, i64>(2)?).unwrap_or(u32::MAX);
        let (digest, history) = (row.get(1)?, row.get(3)?);
        let (offset, log, identity): (i64, String, String) = (row.get(4)?, row.get(5)?, row.get(6)?);
        let newest_event = row.get::<_, Option<i64>>(7)?.map(EventTime::from_micros);
        let mark = ViewMark {
            digest,
            state_version,
            identity: ViewIdentity::default(),
            history,
            log,
            applied_offset: from_sql(offset),
            applied_event: row.get(9)?,
        };
        Ok((StoredView { id: row.get(0)?, mark, newest_event }, offset, identity, row.get(8)?))
    };
    let found = || connection.prepare_cached(sql)?.query_row([view], of_row).optional();
    let found = match found() {
        // A value that is no number, or no text.
        Err(error) if error.sqlite_error_code().is_none() => {
            return Err(name.damaged(record_of(view), error.to_string()));
        }
        found => name.sql(found)?,
    };
    let Some((found, offset, identity, checksum)) = found else { return Ok(None) };
    name.check(checksum, checksum_of_view(view, &found, offset, &identity), || record_of(view))?;
    Ok(Some((found, identity)))
}

/// The checksum of the row of a view; its offset and its identity are as they are stored.
pub(super) fn checksum_of_view(view: &str, stored: &StoredView, offset: i64, identity: &str) -> i64 {
    let StoredView { id, mark, newest_event } = stored;
    let mut checksum = Checksum::default();
    checksum.start().number(*id).text(view).text(&mark.digest).number(i64::from(mark.state_version));
    checksum.optional_number(mark.history).number(offset).optional_number(mark.applied_event);
    checksum.text(&mark.log).text(identity).optional_number(newest_event.map(EventTime::micros)).finish()
}

fn state(
    connection: &Connection,
    name: &FileName,
    (view, key): (&str, &EntityKey),
    checksum: &mut Checksum,
) -> Result<Option<EntityState>, FileError> {
    let sql = "SELECT states.newest_event, newest_available_at, log_offset, bytes, states.checksum
               FROM states JOIN views ON views.id = states.view WHERE views.name = ?1 AND entity = ?2";
    let entity = key.encode();
    let found =
        || connection.prepare_cached(sql)?.query_row((view, &entity), |row| FoundState::try_from(row)).optional();
    name.sql(found())?.map(|found| found.checked(name, (view, &entity), checksum)).transpose()
}

/// A state as it is stored, unchecked.
struct FoundState {
    state: EntityState,
    /// As SQLite has it.
    offset: i64,
    checksum: i64,
}

impl TryFrom<&Row<'_>> for FoundState {
    type Error = rusqlite::Error;

    fn try_from(row: &Row<'_>) -> rusqlite::Result<Self> {
        let (newest_event, newest_available_at) =
            (EventTime::from_micros(row.get(0)?), AvailableAt::from_micros(row.get(1)?));
        let (offset, bytes, checksum) = (row.get(2)?, row.get(3)?, row.get(4)?);
        let state = EntityState { bytes, newest_event, newest_available_at, offset: from_sql(offset) };
        Ok(Self { state, offset, checksum })
    }
}

impl FoundState {
    /// The state of the entity, if it is what was written.
    fn checked(
        self,
        name: &FileName,
        (view, entity): (&str, &str),
        checksum: &mut Checksum,
    ) -> Result<EntityState, FileError> {
        let sum = checksum_of(checksum, (view, entity), &self.state, self.offset);
        name.check(self.checksum, sum, || format!("the state of {entity} in view {view}"))?;
        Ok(self.state)
    }
}

/// The checksum of the state of an entity, whose key is `entity` as it is stored.
pub(super) fn checksum_of(
    checksum: &mut Checksum,
    (view, entity): (&str, &str),
    state: &EntityState,
    offset: i64,
) -> i64 {
    checksum
        .start()
        .text(view)
        .text(entity)
        .number(state.newest_event.micros())
        .number(state.newest_available_at.micros());
    checksum.number(offset).blob(&state.bytes).finish()
}

/// The size for which an entity was refused, if it was.
fn refused_bytes(file: &SqliteFile, view: &str, entity: &str) -> Result<Option<u64>, FileError> {
    let sql = "SELECT bytes, refused.checksum FROM refused JOIN views ON views.id = refused.view
               WHERE views.name = ?1 AND entity = ?2";
    let found = || {
        let mut statement = file.connection.prepare_cached(sql)?;
        statement.query_row((view, entity), |row| Ok((row.get(0)?, row.get(1)?))).optional()
    };
    let Some((bytes, checksum)) = file.name.sql(found())? else { return Ok(None) };
    check_refused(&file.name, (view, entity), bytes, checksum)?;
    Ok(Some(from_sql(bytes)))
}

fn check_refused(name: &FileName, (view, entity): (&str, &str), bytes: i64, checksum: i64) -> Result<(), FileError> {
    name.check(checksum, checksum_of_refused((view, entity), bytes), || {
        format!("that {entity} of view {view} was refused")
    })
}

/// The checksum of the row of an entity that was refused.
pub(super) fn checksum_of_refused((view, entity): (&str, &str), bytes: i64) -> i64 {
    Checksum::default().start().text(view).text(entity).number(bytes).finish()
}

fn key_of(view: &str, text: String) -> Result<EntityKey, StoreError> {
    EntityKey::decode(&text).map_err(|source| StoreError::Key { view: view.to_owned(), text, source })
}
