//! Reading events, in the order of their offsets.

use rusqlite::{OptionalExtension, Params, Row};

use super::checksum::Checksum;
use super::clock::SourceId;
use super::file::{FileName, from_sql, to_sql};
use super::{EventLog, LogError};
use crate::entity::EntityKey;
use crate::time::{AsOf, AvailableAt, EventTime, visible};

/// An event of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedEvent {
    /// Its position: 1, 2, 3 ... across all sources.
    pub offset: u64,
    /// The source that it was pushed to.
    pub source: String,
    /// The entity that it is about.
    pub key: EntityKey,
    /// When it happened.
    pub event_time: EventTime,
    /// When the platform could first have known it. Never decreases from one offset to the next.
    pub available_at: AvailableAt,
    /// Its id, if it was pushed with one.
    pub event_id: Option<String>,
    /// Its fields: one JSON object.
    pub fields: String,
}

/// What of an event is compared where two have one id.
#[derive(Clone, Copy, Debug)]
pub struct EventContent<'a> {
    /// The entity that it is about.
    pub key: &'a EntityKey,
    /// When it happened.
    pub event_time: EventTime,
    /// Its fields: one JSON object.
    pub fields: &'a str,
}

impl LoggedEvent {
    /// What of it is compared.
    pub fn content(&self) -> EventContent<'_> {
        EventContent { key: &self.key, event_time: self.event_time, fields: &self.fields }
    }
}

/// The columns of a [`StoredEvent`].
pub(super) const EVENT_COLUMNS: &str = "position, entity, event_time, available_at, event_id, fields, checksum";

/// An event as it is stored, unchecked: [`EVENT_COLUMNS`].
pub(super) struct StoredEvent {
    entity: String,
    checksum: i64,
    /// Its key is not read yet.
    event: LoggedEvent,
}

impl TryFrom<&Row<'_>> for StoredEvent {
    type Error = rusqlite::Error;

    fn try_from(row: &Row<'_>) -> rusqlite::Result<Self> {
        let event = LoggedEvent {
            offset: from_sql(row.get(0)?),
            source: String::new(),
            key: EntityKey(Vec::new()),
            event_time: EventTime(row.get(2)?),
            available_at: AvailableAt(row.get(3)?),
            event_id: row.get(4)?,
            fields: row.get(5)?,
        };
        Ok(Self { entity: row.get(1)?, checksum: row.get(6)?, event })
    }
}

impl StoredEvent {
    /// The event of `source`, if it is what was written.
    pub(super) fn logged(
        self,
        name: &FileName,
        source: &str,
        checksum: &mut Checksum,
    ) -> Result<LoggedEvent, LogError> {
        let Self { entity, checksum: stored, mut event } = self;
        event.source.push_str(source);
        let record = || format!("event {}", event.offset);
        name.check(stored, event_checksum(checksum, &event, &entity), record)?;
        let damaged = |source| LogError::Record { path: name.path.clone(), record: record(), source };
        event.key = EntityKey::decode(&entity).map_err(damaged)?;
        Ok(event)
    }
}

/// The checksum of an event, whose key is `entity` as it is stored.
pub(super) fn event_checksum(checksum: &mut Checksum, event: &LoggedEvent, entity: &str) -> i64 {
    checksum.start().number(to_sql(event.offset)).text(&event.source).text(entity);
    checksum.number(event.event_time.0).number(event.available_at.0);
    checksum.optional_text(event.event_id.as_deref()).text(&event.fields).finish()
}

impl EventLog {
    /// Gives `on_event` the events of `source` whose offsets are over `after` and at most `up_to`, in order, one by one.
    /// The log as it is at the call is read; an error of `on_event` ends the reading.
    pub fn read<E: From<LogError>>(
        &self,
        source: &str,
        after: u64,
        up_to: u64,
        on_event: impl FnMut(LoggedEvent) -> Result<(), E>,
    ) -> Result<(), E> {
        let Some(source_id) = self.source_id(source)? else { return Ok(()) };
        // Without an index the events are met in the order of their offsets; with the one by entity they would be sorted.
        let sql = format!(
            "SELECT {EVENT_COLUMNS} FROM events NOT INDEXED
             WHERE source = ?1 AND position > ?2 AND position <= ?3 ORDER BY position"
        );
        self.each_event(source, &sql, (source_id, to_sql(after), to_sql(up_to)), on_event)
    }

    /// As [`EventLog::read`], the events of one entity only.
    pub fn read_entity<E: From<LogError>>(
        &self,
        source: &str,
        key: &EntityKey,
        after: u64,
        up_to: u64,
        on_event: impl FnMut(LoggedEvent) -> Result<(), E>,
    ) -> Result<(), E> {
        let Some(source_id) = self.source_id(source)? else { return Ok(()) };
        let sql = format!(
            "SELECT {EVENT_COLUMNS} FROM events INDEXED BY events_by_entity
             WHERE source = ?1 AND entity = ?2 AND position > ?3 AND position <= ?4 ORDER BY position"
        );
        self.each_event(source, &sql, (source_id, key.encode(), to_sql(after), to_sql(up_to)), on_event)
    }

    /// The event of `source` with the id `event_id`.
    pub fn event_with_id(&self, source: &str, event_id: &str) -> Result<Option<LoggedEvent>, LogError> {
        let Some(source_id) = self.source_id(source)? else { return Ok(None) };
        let sql = format!("SELECT {EVENT_COLUMNS} FROM events WHERE source = ?1 AND event_id = ?2");
        let mut found = None;
        self.each_event(source, &sql, (source_id, event_id), |event| {
            found = Some(event);
            Ok::<(), LogError>(())
        })?;
        Ok(found)
    }

    /// The source of the event at `offset`; `None` where the log has no such event.
    pub fn source_at(&self, offset: u64) -> Result<Option<String>, LogError> {
        Ok(self.event_at(offset)?.map(|event| event.source))
    }

    /// The id of the event at `offset`, if it has one.
    pub fn event_id_at(&self, offset: u64) -> Result<Option<String>, LogError> {
        Ok(self.event_at(offset)?.and_then(|event| event.event_id))
    }

    /// The event at `offset`.
    fn event_at(&self, offset: u64) -> Result<Option<LoggedEvent>, LogError> {
        let sql =
            format!("SELECT {EVENT_COLUMNS}, name FROM events JOIN sources ON sources.id = source WHERE position = ?1");
        let found = || {
            let mut statement = self.file.connection.prepare_cached(&sql)?;
            let of_row = |row: &Row<'_>| Ok((StoredEvent::try_from(row)?, row.get::<_, String>(7)?));
            statement.query_row([to_sql(offset)], of_row).optional()
        };
        let Some((event, source)) = self.file.name.sql(found())? else { return Ok(None) };
        event.logged(&self.file.name, &source, &mut Checksum::default()).map(Some)
    }

    /// The offset of the newest event; 0 in a log without events.
    pub fn last_offset(&self) -> Result<u64, LogError> {
        let last = || {
            let mut statement = self.file.connection.prepare_cached("SELECT max(position) FROM events")?;
            statement.query_row([], |row| row.get::<_, Option<i64>>(0))
        };
        Ok(self.file.name.sql(last())?.map_or(0, from_sql))
    }

    /// The offset of the newest event that is visible at `as_of`; 0 where none is.
    pub fn offset_at(&self, as_of: AsOf) -> Result<u64, LogError> {
        // Availability never falls from one offset to the next, and offsets have no gaps: halving finds the last visible.
        let (mut seen, mut unseen) = (0, self.last_offset()? + 1);
        while unseen - seen > 1 {
            let middle = seen + (unseen - seen) / 2;
            match self.event_at(middle)? {
                Some(event) if visible(event.available_at, as_of) => seen = middle,
                _ => unseen = middle,
            }
        }
        Ok(seen)
    }

    /// How many events `source` has. Costs a pass over its index.
    pub fn count(&self, source: &str) -> Result<u64, LogError> {
        let sql = "SELECT count(*) FROM events JOIN sources ON sources.id = source WHERE sources.name = ?1";
        let count = self.file.connection.query_row(sql, [source], |row| row.get(0));
        Ok(from_sql(self.file.name.sql(count)?))
    }

    /// How many events `source` has up to an offset, but for those at the offsets `skipped`, and how many of them are not visible at
    /// `as_of`. Costs a pass over its index.
    pub fn count_up_to(
        &self,
        source: &str,
        up_to: u64,
        as_of: Option<AsOf>,
        skipped: &[u64],
    ) -> Result<(u64, u64), LogError> {
        let Some(source_id) = self.source_id(source)? else { return Ok((0, 0)) };
        let seen = as_of.map_or(Ok(up_to), |as_of| self.offset_at(as_of))?;
        let sql =
            "SELECT count(*), count(*) FILTER (WHERE position > ?3) FROM events WHERE source = ?1 AND position <= ?2";
        let counts = self.file.connection.query_row(sql, (source_id, to_sql(up_to), to_sql(seen)), |row| {
            Ok((from_sql(row.get(0)?), from_sql(row.get(1)?)))
        });
        let (all, later) = self.file.name.sql(counts)?;
        let later_skipped = skipped.iter().filter(|offset| **offset > seen).count() as u64;
        Ok((all - skipped.len() as u64, later - later_skipped))
    }

    fn source_id(&self, source: &str) -> Result<Option<SourceId>, LogError> {
        let id = || {
            let mut statement = self.file.connection.prepare_cached("SELECT id FROM sources WHERE name = ?1")?;
            statement.query_row([source], |row| row.get(0)).optional()
        };
        Ok(self.file.name.sql(id())?)
    }

    fn each_event<E: From<LogError>>(
        &self,
        source: &str,
        sql: &str,
        parameters: impl Params,
        mut on_event: impl FnMut(LoggedEvent) -> Result<(), E>,
    ) -> Result<(), E> {
        let name = &self.file.name;
        let mut statement = name.sql(self.file.connection.prepare_cached(sql)).map_err(LogError::from)?;
        let mut rows = name.sql(statement.query(parameters)).map_err(LogError::from)?;
        let mut checksum = Checksum::default();
        while let Some(row) = name.sql(rows.next()).map_err(LogError::from)? {
            let event: StoredEvent = name.sql(row.try_into()).map_err(LogError::from)?;
            on_event(event.logged(name, source, &mut checksum)?)?;
        }
        Ok(())
    }

    /// The error of a `record` whose JSON is not what was written.
    pub(super) fn damaged(&self, record: String, source: serde_json::Error) -> LogError {
        LogError::Record { path: self.path().to_owned(), record, source }
    }
}
