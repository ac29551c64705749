//! Pushed events: from the JSON in the log to columns.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::fields::as_read;
use super::{EventChunk, Pushed, ReadError};
use crate::batch::{Column, ColumnError, FieldLane, Value};
use crate::entity::{EntityKey, KeyInterner, KeyValue};
use crate::files::{self, Fields, Wanted};
use crate::log::LoggedEvent;
use crate::project::{Key, Source};
use crate::schema::{Field, ValueType};

/// As many events of the log are read in order in the time in which those of one entity are found.
const OFFSETS_PER_LOOKUP: u64 = 16;

impl Pushed<'_> {
    /// Gives `take` the events of a source, for a view whose entity has the key columns `keys`: those of each entity in their
    /// order. Those that the source leaves out are left out. Of entities that are not `asked` for, events may be given too.
    ///
    /// Where the entities are few, and an event's key is its entity's, they are looked for one by one, which is less work than
    /// to read the whole log.
    pub(super) fn each(
        &self,
        source: &Source,
        keys: &[Key],
        asked: Option<&KeyInterner>,
        take: &mut dyn FnMut(LoggedEvent) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        let mut append = |event: LoggedEvent| match source.skip_offsets.contains(&event.offset) {
            true => Ok(()),
            false => take(event),
        };
        let is_few = |asked: &&KeyInterner| asked.len() as u64 * OFFSETS_PER_LOOKUP <= self.up_to;
        match asked.filter(is_few).filter(|_| source.keys == keys && !keys.is_empty()) {
            Some(asked) => (0..asked.len() as u32).try_for_each(|entity| {
                self.log.read_entity(&source.name, &asked.key(entity), 0, self.up_to, &mut append)
            }),
            None => self.log.read(&source.name, 0, self.up_to, &mut append),
        }
    }
}

/// Appends the fields of a pushed event, one value per column of `fields`; `wanted` is how each is read of its source, as
/// [`wanted_fields`](super::wanted_fields) says.
pub(crate) fn append_fields(
    columns: &mut [Column],
    fields: &[Field],
    wanted: &[Wanted],
    event: &LoggedEvent,
) -> Result<(), ReadError> {
    let wrong = |field: &str, message: String| ReadError::Logged {
        offset: event.offset,
        source_name: event.source.clone(),
        entity: event.key.clone(),
        field: field.to_owned(),
        message,
    };
    let object: Fields<'_> =
        serde_json::from_str(&event.fields).map_err(|error| wrong("(all)", format!("is not JSON: {error}")))?;
    for (at, (column, (field, wanted))) in columns.iter_mut().zip(fields.iter().zip(wanted)).enumerate() {
        let value = object.find(&field.name, &mut { at }).unwrap_or(RawValue::NULL);
        let value = files::raw_value(value, wanted).and_then(|value| as_read(value, field));
        let value = value.map_err(|error| wrong(&field.name, error.to_string()))?;
        column.push(&value)?;
    }
    Ok(())
}

/// Pushed events, on their way to a chunk.
pub(super) struct LoggedEvents {
    entities: Vec<u32>,
    event_times: Vec<i64>,
    available: Vec<i64>,
    offsets: Vec<u64>,
    /// The key columns, where they are fields too.
    keys: Vec<Column>,
    pub(super) fields: Vec<Column>,
}

impl LoggedEvents {
    pub(super) fn new(keys: &[Key], fields: &[Field]) -> Self {
        Self {
            entities: Vec::new(),
            event_times: Vec::new(),
            available: Vec::new(),
            offsets: Vec::new(),
            keys: keys.iter().map(|key| Column::new(key.key_type.value_type())).collect(),
            fields: fields.iter().map(|field| Column::new(field.value_type)).collect(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.entities.len()
    }

    /// Appends an event, whose fields were appended.
    pub(super) fn push(&mut self, entity: u32, key: &[Column], event: &LoggedEvent) -> Result<(), ReadError> {
        self.keys.iter_mut().zip(key).try_for_each(|(all, key)| all.append(key))?;
        self.entities.push(entity);
        self.event_times.push(event.event_time.0);
        self.available.push(event.available_at.0);
        self.offsets.push(event.offset);
        Ok(())
    }

    pub(super) fn into_chunk(self, bits: u32) -> Result<EventChunk, ReadError> {
        let all = self.keys.iter().chain(&self.fields);
        let gather = |rows: &[u32]| all.map(|column| Ok(FieldLane::Column(column.take(rows)?))).collect();
        let chunk = EventChunk::new(bits, &self.entities, &self.event_times, Some(&self.available), gather)?;
        Ok(chunk.with_offsets(&self.entities, &self.offsets))
    }
}

/// The key of a view's entity, which has the columns `keys`, in a pushed event.
pub(crate) fn key_of<'e>(
    source: &Source,
    keys: &[Key],
    event: &'e LoggedEvent,
) -> Result<Cow<'e, EntityKey>, ReadError> {
    source.key_of(keys, &event.key).ok_or_else(|| ReadError::NoKey {
        offset: event.offset,
        source_name: event.source.clone(),
        column: keys.iter().map(|key| key.name.as_str()).collect::<Vec<_>>().join(", "),
    })
}

/// A key as columns of one row, for the interner.
pub(crate) fn key_columns(key: &EntityKey) -> Result<Vec<Column>, ColumnError> {
    let mut columns = Vec::with_capacity(key.0.len());
    for value in &key.0 {
        let (value_type, value) = match value {
            KeyValue::Int64(value) => (ValueType::Int64, Value::Int64(*value)),
            KeyValue::Text(value) => (ValueType::Text, Value::Text(value.clone())),
        };
        let mut column = Column::new(value_type);
        column.push(&value)?;
        columns.push(column);
    }
    Ok(columns)
}
