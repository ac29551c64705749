//! Reading the log from one connection.

use std::ops::ControlFlow;
use std::path::Path;

use rusqlite::{OptionalExtension, Params, Row};

use super::super::checksum::Checksum;
use super::super::file::{FileName, SqliteFile, from_sql, to_sql};
use super::super::sources::decode;
use super::super::{History, LogError, LogHead, LogReader, LoggedEvent, LoggedSource, Repair};
use super::rows;
use crate::entity::EntityKey;
use crate::time::{AvailableAt, EventTime};

/// The columns of [`logged`].
const EVENT_COLUMNS: &str = "position, entity, event_time, available_at, event_id, fields, checksum";

/// The event of `source` in a row of [`EVENT_COLUMNS`], if it is what was written.
fn logged(row: &Row<'_>, name: &FileName, source: String, checksum: &mut Checksum) -> Result<LoggedEvent, LogError> {
    let columns = || {
        let event = LoggedEvent {
            offset: from_sql(row.get(0)?),
            source,
            key: EntityKey(Vec::new()),
            event_time: EventTime::from_micros(row.get(2)?),
            available_at: AvailableAt::from_micros(row.get(3)?),
            event_id: row.get(4)?,
            fields: row.get(5)?,
        };
        Ok((event, row.get_ref(1)?.as_str()?, row.get(6)?))
    };
    let (mut event, entity, stored) = name.sql(columns())?;
    let record = || format!("event {}", event.offset);
    name.check(stored, event_checksum(checksum, &event, entity), record)?;
    let damaged = |source| LogError::Record { path: name.path.clone(), record: record(), source };
    event.key = EntityKey::decode(entity).map_err(damaged)?;
    Ok(event)
}

/// The checksum of an event, whose key is `entity` as it is stored.
pub(in crate::log) fn event_checksum(checksum: &mut Checksum, event: &LoggedEvent, entity: &str) -> i64 {
    checksum.start().number(to_sql(event.offset)).text(&event.source).text(entity);
    checksum.number(event.event_time.micros()).number(event.available_at.micros());
    checksum.optional_text(event.event_id.as_deref()).text(&event.fields).finish()
}

/// A connection for reading.
pub(super) struct Reading {
    pub(super) file: SqliteFile,
    pub(super) identity: String,
}

impl Reading {
    fn source_id(&self, source: &str) -> Result<Option<i64>, LogError> {
        let id = || {
            let mut statement = self.file.connection.prepare_cached("SELECT id FROM sources WHERE name = ?1")?;
            statement.query_row([source], |row| row.get(0)).optional()
        };
        Ok(self.file.name.sql(id())?)
    }

    fn each_event(
        &self,
        source: &str,
        sql: &str,
        parameters: impl Params,
        on_event: &mut dyn FnMut(LoggedEvent) -> ControlFlow<()>,
    ) -> Result<(), LogError> {
        let name = &self.file.name;
        let mut statement = name.sql(self.file.connection.prepare_cached(sql))?;
        let mut rows = name.sql(statement.query(parameters))?;
        let mut checksum = Checksum::default();
        while let Some(row) = name.sql(rows.next())? {
            if on_event(logged(row, name, source.to_owned(), &mut checksum)?).is_break() {
                break;
            }
        }
        self.check_place()
    }

    /// The error of events that are missing between two offsets, of a log that goes to `last`.
    fn hole(&self, before: u64, after: u64, last: u64) -> LogError {
        LogError::Hole { path: self.path().to_owned(), first: before + 1, missing: after - before - 1, last }
    }

    /// The error of a `record` whose JSON is not what was written.
    fn damaged(&self, record: String, source: serde_json::Error) -> LogError {
        LogError::Record { path: self.file.name.path.clone(), record, source }
    }
}

impl LogReader for Reading {
    fn check_place(&self) -> Result<(), LogError> {
        Ok(self.file.check_place()?)
    }

    fn identity(&self) -> &str {
        &self.identity
    }

    fn path(&self) -> &Path {
        &self.file.name.path
    }

    fn head(&self) -> Result<LogHead, LogError> {
        rows::head(&self.file.connection, &self.file.name)
    }

    fn repairs(&self) -> Result<Vec<Repair>, LogError> {
        rows::repairs(&self.file.connection, &self.file.name)
    }

    fn read(
        &self,
        source: &str,
        after: u64,
        up_to: u64,
        on_event: &mut dyn FnMut(LoggedEvent) -> ControlFlow<()>,
    ) -> Result<(), LogError> {
        let Some(source_id) = self.source_id(source)? else { return Ok(()) };
        let last = self.last_offset()?.min(up_to);
        // Without an index the events are met in the order of their offsets, those of other sources too: none may be missing.
        let sql = "SELECT position, iif(source = ?1, entity, NULL), event_time, available_at,
                          iif(source = ?1, event_id, NULL), iif(source = ?1, fields, NULL), checksum, source = ?1
                   FROM events NOT INDEXED WHERE position > ?2 AND position <= ?3 ORDER BY position";
        let name = &self.file.name;
        let mut statement = name.sql(self.file.connection.prepare_cached(sql))?;
        let mut rows = name.sql(statement.query((source_id, to_sql(after), to_sql(up_to))))?;
        let (mut checksum, mut seen) = (Checksum::default(), after);
        while let Some(row) = name.sql(rows.next())? {
            let (offset, is_of_source): (u64, bool) =
                name.sql(row.get(0).and_then(|offset| Ok((from_sql(offset), row.get(7)?))))?;
            if offset > seen + 1 {
                return Err(self.hole(seen, offset, last));
            }
            seen = offset;
            if is_of_source && on_event(logged(row, name, source.to_owned(), &mut checksum)?).is_break() {
                return Ok(());
            }
        }
        if seen < last { Err(self.hole(seen, last + 1, last)) } else { Ok(()) }
    }

    fn read_entity(
        &self,
        source: &str,
        key: &EntityKey,
        after: u64,
        up_to: u64,
        on_event: &mut dyn FnMut(LoggedEvent) -> ControlFlow<()>,
    ) -> Result<(), LogError> {
        let Some(source_id) = self.source_id(source)? else { return Ok(()) };
        let sql = format!(
            "SELECT {EVENT_COLUMNS} FROM events INDEXED BY events_by_entity
             WHERE source = ?1 AND entity = ?2 AND position > ?3 AND position <= ?4 ORDER BY position"
        );
        self.each_event(source, &sql, (source_id, key.encode(), to_sql(after), to_sql(up_to)), on_event)
    }

    fn event_with_id(&self, source: &str, event_id: &str) -> Result<Option<LoggedEvent>, LogError> {
        let Some(source_id) = self.source_id(source)? else { return Ok(None) };
        let sql = format!("SELECT {EVENT_COLUMNS} FROM events WHERE source = ?1 AND event_id = ?2");
        let mut found = None;
        self.each_event(source, &sql, (source_id, event_id), &mut |event| {
            found = Some(event);
            ControlFlow::Break(())
        })?;
        Ok(found)
    }

    fn event_at(&self, offset: u64) -> Result<Option<LoggedEvent>, LogError> {
        let sql =
            format!("SELECT {EVENT_COLUMNS}, name FROM events JOIN sources ON sources.id = source WHERE position = ?1");
        let found = || {
            let mut statement = self.file.connection.prepare_cached(&sql)?;
            let of_row = |row: &Row<'_>| Ok(logged(row, &self.file.name, row.get(7)?, &mut Checksum::default()));
            statement.query_row([to_sql(offset)], of_row).optional()
        };
        self.file.name.sql(found())?.transpose()
    }

    fn count(&self, source: &str, after: u64, up_to: u64) -> Result<u64, LogError> {
        let Some(source_id) = self.source_id(source)? else { return Ok(0) };
        let sql = "SELECT count(*) FROM events WHERE source = ?1 AND position > ?2 AND position <= ?3";
        let parameters = (source_id, to_sql(after), to_sql(up_to));
        let count = || self.file.connection.prepare_cached(sql)?.query_row(parameters, |row| row.get(0));
        Ok(from_sql(self.file.name.sql(count())?))
    }

    fn count_all(&self) -> Result<u64, LogError> {
        let count =
            || self.file.connection.prepare_cached("SELECT count(*) FROM events")?.query_row([], |row| row.get(0));
        Ok(from_sql(self.file.name.sql(count())?))
    }

    fn sources(&self) -> Result<Vec<LoggedSource>, LogError> {
        let sql = "SELECT name, keys FROM sources
                   WHERE EXISTS (SELECT 1 FROM events WHERE source = sources.id) ORDER BY name";
        let rows = || {
            let mut statement = self.file.connection.prepare_cached(sql)?;
            let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            rows.collect::<rusqlite::Result<Vec<(String, String)>>>()
        };
        let source = |(name, keys): (String, String)| {
            let keys = decode(&keys).map_err(|error| self.damaged(format!("source {name}"), error))?;
            Ok(LoggedSource { name, keys })
        };
        self.file.name.sql(rows())?.into_iter().map(source).collect()
    }

    fn refused_future(&self) -> Result<u64, LogError> {
        let sql = "SELECT value FROM counters WHERE name = 'refused_future'";
        let value = self.file.connection.query_row(sql, [], |row| row.get(0)).optional();
        Ok(self.file.name.sql(value)?.map_or(0, from_sql))
    }

    fn history(&self, id: i64) -> Result<Option<History>, LogError> {
        let sql = "SELECT id, up_to, body, checksum FROM histories WHERE id = ?1";
        let name = &self.file.name;
        let found = self.file.connection.query_row(sql, [id], |row| row.try_into()).optional();
        name.sql(found)?.map(|found| rows::history(name, found).map(|(_, history)| history)).transpose()
    }

    fn latest_history(&self) -> Result<Option<(i64, History)>, LogError> {
        let sql = "SELECT id, up_to, body, checksum FROM histories ORDER BY id DESC LIMIT 1";
        let found = || self.file.connection.prepare_cached(sql)?.query_row([], |row| row.try_into()).optional();
        self.file.name.sql(found())?.map(|found| rows::history(&self.file.name, found)).transpose()
    }
}
