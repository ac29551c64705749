//! Appending pushes: each is stamped, evaluated by the caller and then written; one commit puts all of them on disk.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior};

use super::checksum::Checksum;
use super::clock::{LogClock, SourceId};
use super::file::{FileName, SqliteFile, from_sql, to_sql};
use super::read::{EVENT_COLUMNS, StoredEvent, event_checksum};
use super::{EventContent, EventLog, IdHolder, LogError, LoggedEvent};
use crate::entity::{EntityKey, KeyValue};
use crate::time::{AsOf, AvailableAt, EventTime, visible};

/// How many events one push may hold.
pub const EVENTS_PER_PUSH_MAX: usize = 1_000_000;
/// How many bytes the fields of one event may have, as JSON.
pub const FIELDS_BYTES_MAX: usize = 1 << 20;
/// How many bytes the key of an event's entity may have, as JSON.
pub const KEY_BYTES_MAX: usize = 4 << 10;
/// How many bytes an event id may have.
pub const EVENT_ID_BYTES_MAX: usize = 1 << 10;

/// The counter of events that were refused because they were dated in the future.
const REFUSED_FUTURE: &str = "refused_future";

/// An event to append.
#[derive(Clone, Debug)]
pub struct NewEvent {
    /// Names the event within its source, so that a push can be sent again; the event of an id is appended once.
    pub event_id: Option<String>,
    /// The entity that it is about.
    pub key: EntityKey,
    /// When it happened.
    pub event_time: EventTime,
    /// When it arrived, in microseconds, where past data is lived through again; `None`: now.
    pub arrival: Option<i64>,
    /// Its fields: one JSON object, checked by the caller.
    pub fields: String,
    /// Its row in the push, from 1, for messages and for the order of equal arrivals.
    pub row: u64,
    /// Its place in the push, from 0: where the caller has its fields in columns.
    pub place: u32,
}

impl NewEvent {
    /// What of it is compared with an event of the same id.
    pub fn content(&self) -> EventContent<'_> {
        EventContent { key: &self.key, event_time: self.event_time, fields: &self.fields }
    }
}

/// Whether two events of one source and id have the same content.
pub type SameContent<'a> = &'a dyn Fn(EventContent<'_>, EventContent<'_>) -> bool;

/// Pushes that become part of the log together. Dropping it undoes them, and the clock with them.
#[derive(Debug)]
pub struct Appending<'log> {
    pub(super) transaction: Transaction<'log>,
    pub(super) name: &'log FileName,
    clock: &'log mut LogClock,
    clock_after: LogClock,
    reserved: Option<i64>,
    last_offset: u64,
    is_changed: bool,
}

/// A push with the stamps and offsets that it gets if it is accepted. Nothing of it is written yet.
#[derive(Debug)]
pub struct Stamped {
    /// The new events with their offsets and stamps, in order.
    pub events: Vec<LoggedEvent>,
    /// The place in the push of each of them.
    pub places: Vec<u32>,
    /// How many events were left out because their source has the event of that id.
    pub duplicates: usize,
    /// How many events are stamped later than they were declared to have arrived.
    pub adjusted: usize,
    source_id: SourceId,
    clock_after: LogClock,
}

/// What was decided about each event of a push, in the order of the log.
struct Decision {
    /// The stamp of each event; `None` for a duplicate.
    stamps: Vec<Option<i64>>,
    duplicates: usize,
    adjusted: usize,
    clock_after: LogClock,
}

impl EventLog {
    /// Begins to append pushes, which one commit will put on disk together.
    pub fn begin(&mut self) -> Result<Appending<'_>, LogError> {
        self.writable()?;
        let Self { file: SqliteFile { connection, name, .. }, clock, reserved, .. } = self;
        let name: &FileName = name;
        let transaction = name.sql(connection.transaction_with_behavior(TransactionBehavior::Immediate))?;
        let last_offset = name.sql(last_position(&transaction))?;
        let (clock_after, reserved) = (*clock, *reserved);
        Ok(Appending { transaction, name, clock, clock_after, reserved, last_offset, is_changed: false })
    }

    /// How many events were refused because they were dated in the future, since the log began.
    pub fn refused_future(&self) -> Result<u64, LogError> {
        let sql = "SELECT value FROM counters WHERE name = ?1";
        let value = self.file.connection.query_row(sql, [REFUSED_FUTURE], |row| row.get(0)).optional();
        Ok(self.file.name.sql(value)?.map_or(0, from_sql))
    }
}

impl Appending<'_> {
    /// Stamps a push of `source` that arrives at `now` (microseconds): evaluate [`Stamped::events`], then
    /// [`Appending::accept`] it, or drop it and go on with the next push.
    ///
    /// Events without a declared arrival are in the order of the push. Those with one come before them, in the order of
    /// (declared arrival, row), so that a shuffled file gives the log that the sorted one gives. An event that happened
    /// after it arrived, or is declared to arrive later than `now`, refuses the whole push and is counted. So does one whose id
    /// an event has that is not the `same`; an event that was pushed before is left out.
    pub fn stamp(
        &mut self,
        source: &str,
        mut events: Vec<NewEvent>,
        now: i64,
        same: SameContent<'_>,
    ) -> Result<Stamped, LogError> {
        check_limits(&events)?;
        events.sort_by_key(|event| (event.arrival.is_none(), event.arrival, event.row));
        let source_id = self.name.sql(add_source(&self.transaction, source))?;
        let seen = self.duplicates((source_id, source), &events, same)?;
        let decision = decide(self.clock_after, source_id, &events, &seen, now);
        if let Err(LogError::FutureEvent { refused, .. } | LogError::FutureArrival { refused, .. }) = &decision {
            self.name.sql(count(&self.transaction, REFUSED_FUTURE, *refused))?;
            self.is_changed = true;
        }
        let Decision { stamps, duplicates, adjusted, clock_after } = decision?;
        let mut logged = Vec::with_capacity(events.len() - duplicates);
        let mut places = Vec::with_capacity(logged.capacity());
        let stamped = events.into_iter().zip(stamps).filter_map(|(event, stamp)| Some((event, stamp?)));
        for (offset, (NewEvent { event_id, key, event_time, fields, place, .. }, stamp)) in
            (self.last_offset + 1..).zip(stamped)
        {
            places.push(place);
            let (source, available_at) = (source.to_owned(), AvailableAt::new(event_time, stamp));
            logged.push(LoggedEvent { offset, source, key, event_time, available_at, event_id, fields });
        }
        Ok(Stamped { events: logged, places, duplicates, adjusted, source_id, clock_after })
    }

    /// Per event, whether its event is in the log or was earlier in the push; ids of other events refuse the push.
    fn duplicates(
        &self,
        (source_id, source): (SourceId, &str),
        events: &[NewEvent],
        same: SameContent<'_>,
    ) -> Result<Vec<bool>, LogError> {
        let sql = format!("SELECT {EVENT_COLUMNS} FROM events WHERE source = ?1 AND event_id = ?2");
        let mut logged = self.name.sql(self.transaction.prepare_cached(&sql))?;
        let mut checksum = Checksum::default();
        let mut pushed: HashMap<&str, &NewEvent> = HashMap::new();
        let (mut duplicates, mut refused) = (Vec::with_capacity(events.len()), 0);
        let mut first: Option<(&NewEvent, &str, IdHolder)> = None;
        for event in events {
            let Some(id) = event.event_id.as_deref() else {
                duplicates.push(false);
                continue;
            };
            let holder = match pushed.entry(id) {
                Entry::Occupied(earlier) => {
                    let is_same = same(earlier.get().content(), event.content());
                    Some((is_same, IdHolder::Pushed { row: earlier.get().row }))
                }
                Entry::Vacant(new) => {
                    new.insert(event);
                    let found = logged.query_row((source_id, id), |row| row.try_into()).optional();
                    let found: Option<StoredEvent> = self.name.sql(found)?;
                    let found = found.map(|found| found.logged(self.name, source, &mut checksum)).transpose()?;
                    found.map(|found| holder(&found, event, same))
                }
            };
            duplicates.push(holder.is_some());
            if let Some((false, holder)) = holder {
                refused += 1;
                if first.as_ref().is_none_or(|(first, ..)| event.row < first.row) {
                    first = Some((event, id, holder));
                }
            }
        }
        let Some((NewEvent { row, .. }, id, holder)) = first else { return Ok(duplicates) };
        let (row, event_id, events) = (*row, id.to_owned(), events.len() as u64);
        Err(LogError::EventIdConflict { row, event_id, holder, refused, events })
    }

    /// Writes a stamped push after those that were accepted before. It must be the one that was stamped last.
    pub fn accept(&mut self, push: &Stamped) -> Result<(), LogError> {
        self.name.sql(insert(&self.transaction, push))?;
        self.clock_after = push.clock_after;
        if let Some(last) = push.events.last() {
            self.last_offset = last.offset;
            self.is_changed = true;
        }
        Ok(())
    }

    /// The newest offset, with what was accepted.
    pub fn last_offset(&self) -> u64 {
        self.last_offset
    }

    /// Commits what was accepted. When this returns it is on disk and may be acknowledged.
    pub fn commit(self) -> Result<(), LogError> {
        if !self.is_changed {
            return Ok(());
        }
        self.name.sql(self.clock_after.save(self.reserved, &self.transaction))?;
        self.name.sql(self.transaction.commit())?;
        *self.clock = self.clock_after;
        Ok(())
    }
}

/// The event of the log that has the id of `event`, and whether it is the same.
fn holder(found: &LoggedEvent, event: &NewEvent, same: SameContent<'_>) -> (bool, IdHolder) {
    let holder = IdHolder::Logged { offset: found.offset, key: found.key.clone(), event_time: found.event_time };
    (same(found.content(), event.content()), holder)
}

/// The newest offset of the log.
fn last_position(transaction: &Transaction<'_>) -> rusqlite::Result<u64> {
    let mut last = transaction.prepare_cached("SELECT max(position) FROM events")?;
    last.query_row([], |row| row.get::<_, Option<i64>>(0)).map(|last| last.map_or(0, from_sql))
}

fn check_limits(events: &[NewEvent]) -> Result<(), LogError> {
    if events.len() > EVENTS_PER_PUSH_MAX {
        return Err(LogError::TooManyEvents { events: events.len(), limit: EVENTS_PER_PUSH_MAX });
    }
    for event in events {
        let id_bytes = event.event_id.as_ref().map_or(0, String::len);
        // A byte of a text has at most six in JSON: most keys are known to be small without being written.
        let texts = event.key.0.iter().map(|value| if let KeyValue::Text(text) = value { text.len() } else { 0 });
        let is_small = 6 * texts.sum::<usize>() + 32 * (event.key.0.len() + 1) <= KEY_BYTES_MAX;
        let key_bytes = if is_small { 0 } else { event.key.encode().len() };
        for (what, bytes, limit) in [
            ("fields", event.fields.len(), FIELDS_BYTES_MAX),
            ("an entity key", key_bytes, KEY_BYTES_MAX),
            ("an event id", id_bytes, EVENT_ID_BYTES_MAX),
        ] {
            if bytes > limit {
                return Err(LogError::TooLarge { row: event.row, what, bytes, limit });
            }
        }
    }
    Ok(())
}

/// The number of `source`, a new one where the log does not have it.
fn add_source(transaction: &Transaction<'_>, source: &str) -> rusqlite::Result<SourceId> {
    let mut add = transaction.prepare_cached("INSERT INTO sources (name) VALUES (?1) ON CONFLICT DO NOTHING")?;
    add.execute([source])?;
    transaction.prepare_cached("SELECT id FROM sources WHERE name = ?1")?.query_row([source], |row| row.get(0))
}

/// Stamps the events, or refuses them where one is dated in the future.
fn decide(
    mut clock: LogClock,
    source: SourceId,
    events: &[NewEvent],
    duplicates: &[bool],
    now: i64,
) -> Result<Decision, LogError> {
    let mut stamps = Vec::with_capacity(events.len());
    let mut adjusted = 0;
    let mut refused = 0;
    let mut first: Option<(&NewEvent, i64)> = None;
    for (event, is_duplicate) in events.iter().zip(duplicates) {
        if *is_duplicate {
            stamps.push(None);
            continue;
        }
        let stamp = match event.arrival {
            Some(declared) => clock.arrive_declared(source, declared),
            None => clock.arrive(source, now),
        };
        adjusted += usize::from(event.arrival.is_some_and(|declared| declared != stamp));
        stamps.push(Some(stamp));
        // What is dated in the future is so by the arrival that was declared, wherever its stamp was moved to.
        let arrival = event.arrival.unwrap_or(stamp);
        let arrives_later = event.arrival.is_some_and(|declared| !is_past(declared, now));
        if arrives_later || !is_past(event.event_time.0, arrival) {
            refused += 1;
            if first.is_none_or(|(first, _)| event.row < first.row) {
                first = Some((event, arrival));
            }
        }
    }
    let Some((event, arrival)) = first else {
        let duplicates = duplicates.iter().filter(|is_duplicate| **is_duplicate).count();
        return Ok(Decision { stamps, duplicates, adjusted, clock_after: clock });
    };
    let (row, events) = (event.row, events.len() as u64);
    if is_past(event.event_time.0, arrival) {
        return Err(LogError::FutureArrival { row, arrival, now, refused, events });
    }
    Err(LogError::FutureEvent { row, event_time: event.event_time, arrival, refused, events })
}

/// Whether `time` is not after `at`.
fn is_past(time: i64, at: i64) -> bool {
    visible(AvailableAt(time), AsOf(at))
}

/// Writes the events at their offsets.
fn insert(transaction: &Transaction<'_>, push: &Stamped) -> rusqlite::Result<()> {
    let sql = "INSERT INTO events (position, source, entity, event_time, available_at, event_id, fields, checksum)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    let mut add = transaction.prepare_cached(sql)?;
    let mut checksum = Checksum::default();
    for event in &push.events {
        let LoggedEvent { offset, event_time, available_at, event_id, fields, .. } = event;
        let entity = event.key.encode();
        let sum = event_checksum(&mut checksum, event, &entity);
        let times = (event_time.0, available_at.0);
        add.execute((to_sql(*offset), push.source_id, &entity, times.0, times.1, event_id, fields, sum))?;
    }
    Ok(())
}

/// Adds to a counter.
fn count(connection: &Connection, counter: &str, by: u64) -> rusqlite::Result<()> {
    let sql = "INSERT INTO counters (name, value) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = value + ?2";
    connection.execute(sql, (counter, to_sql(by))).map(|_| ())
}
