//! Pushed events: from the JSON in the log to columns.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::fields::as_read;
use super::{Position, Pushed, ReadError};
use crate::batch::{Column, ColumnError, Value};
use crate::entity::{EntityKey, KeyInterner, KeyValue};
use crate::files::{self, Fields, Wanted};
use crate::log::LoggedEvent;
use crate::project::{Key, Source};
use crate::schema::{Field, ValueType};

/// As many events of the log are read in order in the time in which those of one entity are found.
const OFFSETS_PER_LOOKUP: u64 = 16;

impl Pushed<'_> {
    /// Gives `take` the events of a source that come after a position, each with its own, for a view whose entity has the key
    /// columns `keys`: those of each entity in their order. Those that the source leaves out are left out. Of entities that
    /// are not `asked` for, events may be given too.
    ///
    /// Where the entities are few, and an event's key is its entity's, they are looked for one by one, which is less work than
    /// to read the whole log. Then the position has the number of the entity before the offset.
    pub(super) fn each(
        &self,
        source: &Source,
        keys: &[Key],
        asked: Option<&KeyInterner>,
        after: Position,
        take: &mut dyn FnMut(Position, LoggedEvent) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        let mut append = |group: u64, event: LoggedEvent| match source.skip_offsets.contains(&event.offset) {
            true => Ok(()),
            false => take(Position { group, at: event.offset }, event),
        };
        let is_few = |asked: &&KeyInterner| asked.len() as u64 * OFFSETS_PER_LOOKUP <= self.up_to;
        match asked.filter(is_few).filter(|_| source.keys == keys && !keys.is_empty()) {
            Some(asked) => (after.group..asked.len() as u64).try_for_each(|group| {
                let after = if group == after.group { after.at } else { 0 };
                let key = asked.key(group as u32);
                self.log.each_of_entity(&source.name, &key, after, self.up_to, |event| append(group, event))
            }),
            None => self.log.each(&source.name, after.at, self.up_to, |event| append(0, event)),
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
