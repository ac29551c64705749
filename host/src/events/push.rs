//! From a pushed file to the events of the log.

use std::path::Path;

use super::logged::field_wanted;
use crate::batch::{Column, Value};
use crate::entity::EntityKey;
use crate::files::{self, InputError, Nulls, Rest, Wanted};
use crate::log::NewEvent;
use crate::project::{Key, Source};
use crate::schema::{Field, ValueType};
use crate::time::{EventTime, TimeForm};

/// Where the arrival times of a push come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// The clock of the log, now.
    Now,
    /// Each event arrived when it happened: past data is lived through again.
    EventTime,
    /// A column says when each event arrived.
    Column(String),
}

/// Reads the events of a file for the log. Every column of the file is kept, also those that no transform reads yet.
///
/// `fields` are the event fields of the views that read the source; they fix the types of their columns.
pub fn read_push(
    source: &Source,
    fields: &[Field],
    path: &Path,
    arrival: &Arrival,
) -> Result<Vec<NewEvent>, InputError> {
    let keys = &source.keys;
    let names = files::column_names(path)?;
    let wanted = pushed_columns(source, keys, fields, arrival, &names);
    let mut events = Vec::new();
    for table in files::open(path, &wanted, Rest::Keep)? {
        let table = table?;
        let rest = match &table.rest {
            Some(rest) => files::scalar_columns(path, rest, table.rows_before)?,
            None => Vec::new(),
        };
        let first_row = events.len() as u64 + 1;
        let pushed = PushedRows { source, keys: keys.len(), arrival, wanted: &wanted, columns: &table.columns };
        events.extend((0..table.rows).map(|row| {
            pushed.event(row, first_row + row as u64, |fields| {
                for (name, column) in rest.iter().filter(|(_, column)| !column.is_null(row)) {
                    fields.insert(name.clone(), files::to_json(&column.value(row)));
                }
            })
        }));
    }
    Ok(events)
}

/// Rows of a push: the columns of [`pushed_columns`], read.
pub(crate) struct PushedRows<'a> {
    pub(crate) source: &'a Source,
    /// How many key columns its entity has.
    pub(crate) keys: usize,
    pub(crate) arrival: &'a Arrival,
    pub(crate) wanted: &'a [Wanted],
    pub(crate) columns: &'a [Column],
}

impl PushedRows<'_> {
    /// The event in `row`, which messages call row `number`; `rest` adds the fields that no column holds.
    pub(crate) fn event(
        &self,
        row: usize,
        number: u64,
        rest: impl FnOnce(&mut serde_json::Map<String, serde_json::Value>),
    ) -> NewEvent {
        let Self { source, keys, arrival, wanted, columns } = self;
        let named = wanted.iter().zip(*columns).filter(|(_, column)| !column.is_null(row));
        let mut fields: serde_json::Map<String, serde_json::Value> =
            named.map(|(wanted, column)| (wanted.name.clone(), files::to_json(&column.value(row)))).collect();
        rest(&mut fields);
        let event_time = time(&columns[*keys], row);
        NewEvent {
            event_id: named_value(wanted, columns, source.event_id.as_deref(), row).map(|id| id.to_string()),
            key: EntityKey::from_columns(&columns[..*keys], row).expect("readers refuse null keys"),
            event_time: EventTime(event_time),
            arrival: match arrival {
                Arrival::Now => None,
                Arrival::EventTime => Some(event_time),
                Arrival::Column(_) => Some(time(&columns[*keys + 1], row)),
            },
            fields: serde_json::Value::Object(fields).to_string(),
            row: number,
        }
    }
}

/// What is read of a push that has columns of these `names`: keys, event time, arrival time, event id, then every event field
/// that is none of these.
pub(crate) fn pushed_columns(
    source: &Source,
    keys: &[Key],
    fields: &[Field],
    arrival: &Arrival,
    names: &[String],
) -> Vec<Wanted> {
    let mut wanted: Vec<Wanted> =
        keys.iter().map(|key| Wanted::new(&key.name, key.key_type.value_type(), Nulls::Refused)).collect();
    wanted.push(Wanted::time(&source.event_time, Nulls::Refused, source.event_time_form()));
    if let Arrival::Column(name) = arrival {
        let form = match source.arrival_time.as_ref() == Some(name) {
            true => source.arrival_time_form(),
            false => TimeForm::of_events(None, source.time_format.clone()),
        };
        wanted.push(Wanted::time(name, Nulls::Refused, form));
    }
    if let Some(id) = &source.event_id {
        wanted.push(Wanted::new(id, ValueType::Text, Nulls::Refused));
    }
    // An optional field that no event of the push has is null in all of them.
    for field in fields.iter().filter(|field| !field.nullable || names.contains(&field.name)) {
        if !wanted.iter().any(|wanted| wanted.name == field.name) {
            wanted.push(field_wanted(source, field));
        }
    }
    wanted
}

/// The value of a named column.
fn named_value(wanted: &[Wanted], columns: &[Column], name: Option<&str>, row: usize) -> Option<Value> {
    let at = wanted.iter().position(|wanted| Some(wanted.name.as_str()) == name)?;
    Some(columns[at].value(row)).filter(|value| !matches!(value, Value::Null))
}

fn time(column: &Column, row: usize) -> i64 {
    match column.value(row) {
        Value::Time(time) => time,
        _ => 0,
    }
}
