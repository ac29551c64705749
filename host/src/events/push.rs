//! From a pushed file to the events of the log.

use std::path::Path;

use super::EventSchema;
use super::fields::{ambiguous, incoming};
use crate::batch::{Column, Value};
use crate::entity::EntityKey;
use crate::files::{self, InputError, InputFault, Nature, Nulls, Rest, Wanted};
use crate::log::NewEvent;
use crate::schema::ValueType;
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

/// Reads the events of a file, which has columns of these `names`, for the log. Every column of the file becomes a field of
/// the events, by our name; one that the schema does not have is refused, as is a value that does not fit.
pub fn read_push(
    schema: &EventSchema,
    path: &Path,
    names: &[String],
    arrival: &Arrival,
) -> Result<Vec<NewEvent>, InputError> {
    let source = &schema.source;
    refuse_unknown(schema, path, names, arrival)?;
    let own: Vec<&str> = names.iter().map(|name| source.own_name(name)).collect();
    let wanted = pushed_columns(schema, arrival, |name| own.contains(&name));
    let incoming = incoming(source, names, wanted.clone()).map_err(|error| ambiguous(path, &error))?;
    let mut events = Vec::new();
    for table in files::open(path, &incoming, Rest::Ignore)? {
        let table = table?;
        for ((wanted, incoming), column) in wanted.iter().zip(&incoming).zip(&table.columns) {
            if let Some((row, fault)) = schema.misfit(&wanted.name, column) {
                let row = table.rows_before + row as u64 + 1;
                return Err(InputError::new(path, fault).at_row(row).in_column(&incoming.name));
            }
        }
        let first_row = events.len() as u64 + 1;
        let pushed = PushedRows { schema, arrival, wanted: &wanted, columns: &table.columns };
        events.extend((0..table.rows).map(|row| pushed.event(row, first_row + row as u64)));
    }
    Ok(events)
}

/// The columns of these names that the schema does not have.
pub fn unknown_columns<'n>(schema: &EventSchema, names: &'n [String], arrival: &Arrival) -> Vec<&'n str> {
    let is_arrival = |name: &str| matches!(arrival, Arrival::Column(column) if column == name);
    let unknown = names.iter().map(String::as_str).filter(|name| {
        let own = schema.source.own_name(name);
        !schema.knows(own) && !is_arrival(name) && !is_arrival(own)
    });
    unknown.collect()
}

/// Refuses a file with columns that the schema does not have, and says what to do about each.
fn refuse_unknown(schema: &EventSchema, path: &Path, names: &[String], arrival: &Arrival) -> Result<(), InputError> {
    let unknown = unknown_columns(schema, names, arrival);
    if unknown.is_empty() {
        return Ok(());
    }
    let mut missing = Vec::new();
    for column in files::natural_columns(path, &|name| unknown.contains(&name))? {
        match column.nature {
            // Of a column without values nobody knows the type.
            Nature::Type(_) | Nature::Empty => missing.push((column.name, column.nature.or_text())),
            Nature::Foreign(found) => {
                let fault = InputFault::Foreign { found };
                return Err(InputError::new(path, fault).in_column(&column.name));
            }
        }
    }
    let fields: Vec<(&str, ValueType)> =
        missing.iter().map(|(name, value_type)| (schema.source.own_name(name), *value_type)).collect();
    let s = if unknown.len() == 1 { "" } else { "s" };
    let message = format!(
        "source {} has no field{s} {}: {}",
        schema.source.name,
        unknown.join(", "),
        schema.missing_lines(&fields)
    );
    Err(InputError::new(path, InputFault::Value(message)))
}

/// Rows of a push: the columns of [`pushed_columns`], read.
pub(crate) struct PushedRows<'a> {
    pub(crate) schema: &'a EventSchema,
    pub(crate) arrival: &'a Arrival,
    pub(crate) wanted: &'a [Wanted],
    pub(crate) columns: &'a [Column],
}

impl PushedRows<'_> {
    /// The event in `row`, which messages call row `number`.
    pub(crate) fn event(&self, row: usize, number: u64) -> NewEvent {
        let Self { schema, arrival, wanted, columns } = self;
        let keys = schema.keys.len();
        let named = wanted.iter().zip(*columns).filter(|(_, column)| !column.is_null(row));
        let fields: serde_json::Map<String, serde_json::Value> =
            named.map(|(wanted, column)| (wanted.name.clone(), files::to_json(&column.value(row)))).collect();
        let event_time = time(&columns[keys], row);
        NewEvent {
            event_id: named_value(wanted, columns, schema.source.event_id.as_deref(), row).map(|id| id.to_string()),
            key: EntityKey::from_columns(&columns[..keys], row).expect("readers refuse null keys"),
            event_time: EventTime(event_time),
            arrival: match arrival {
                Arrival::Now => None,
                Arrival::EventTime => Some(event_time),
                Arrival::Column(_) => Some(time(&columns[keys + 1], row)),
            },
            fields: serde_json::Value::Object(fields).to_string(),
            row: number,
        }
    }
}

/// What is read of a push that has columns of certain names, by our names: keys, event time, arrival time, event id, then
/// every other field of the schema that it has or must have.
pub(crate) fn pushed_columns(schema: &EventSchema, arrival: &Arrival, has: impl Fn(&str) -> bool) -> Vec<Wanted> {
    let EventSchema { source, keys, .. } = schema;
    let mut wanted: Vec<Wanted> =
        keys.iter().map(|key| Wanted::new(&key.name, key.key_type.value_type(), Nulls::Refused)).collect();
    wanted.push(Wanted::time(&source.event_time, Nulls::Refused, source.event_time_form()));
    if let Arrival::Column(name) = arrival {
        let name = source.own_name(name);
        let form = match source.arrival_time.as_deref() == Some(name) {
            true => source.arrival_time_form(),
            false => TimeForm::of_events(None, source.time_format.clone()),
        };
        wanted.push(Wanted::time(name, Nulls::Refused, form));
    }
    if let Some(id) = &source.event_id {
        wanted.push(Wanted::new(id, ValueType::Text, Nulls::Refused));
    }
    let arrival_time = source.arrival_time.as_ref().filter(|name| has(name));
    if let Some(name) = arrival_time.filter(|name| wanted.iter().all(|wanted| wanted.name != **name)) {
        wanted.push(Wanted::time(name, Nulls::Allowed, source.arrival_time_form()));
    }
    // An optional field that no event of the push has is null in all of them.
    for field in schema.fields() {
        let column = schema.wanted(field);
        let is_read = has(&field.name) || column.nulls == Nulls::Refused;
        if is_read && !wanted.iter().any(|wanted| wanted.name == field.name) {
            wanted.push(column);
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
