//! Pushed events: from the JSON in the log to columns.

use std::borrow::Cow;

use super::ReadError;
use crate::batch::{Column, ColumnError, Value};
use crate::entity::{EntityKey, KeyValue};
use crate::files::{self, Nulls, Wanted};
use crate::log::LoggedEvent;
use crate::project::{Key, Source};
use crate::schema::{Field, ValueType};

/// Appends the fields of a pushed event, one value per column of `fields`.
pub(crate) fn append_fields(
    columns: &mut [Column],
    source: &Source,
    fields: &[Field],
    event: &LoggedEvent,
) -> Result<(), ReadError> {
    let wrong = |field: &str, message: String| ReadError::Logged {
        offset: event.offset,
        source_name: event.source.clone(),
        entity: event.key.clone(),
        field: field.to_owned(),
        message,
    };
    let object: serde_json::Value =
        serde_json::from_str(&event.fields).map_err(|error| wrong("(all)", format!("is not JSON: {error}")))?;
    for (column, field) in columns.iter_mut().zip(fields) {
        let value = object.get(&field.name).unwrap_or(&serde_json::Value::Null);
        let value = files::json_value(value, &field_wanted(source, field));
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

/// How to read one event field. A field that is the event time or arrival time column shares its unit.
pub(super) fn field_wanted(source: &Source, field: &Field) -> Wanted {
    let nulls = if field.nullable { Nulls::Allowed } else { Nulls::Refused };
    let unit = match &field.name {
        name if *name == source.event_time => source.event_time_unit,
        name if source.arrival_time.as_ref() == Some(name) => source.arrival_time_unit,
        _ => None,
    };
    Wanted { name: field.name.clone(), value_type: field.value_type, nulls, unit }
}
