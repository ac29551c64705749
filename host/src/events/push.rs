//! From a pushed file to the events of the log.

use std::path::Path;

use super::fields::{ambiguous, exact_floats, incoming};
use super::{EventSchema, Expected};
use crate::batch::{Column, ColumnError, Value};
use crate::entity::EntityKey;
use crate::files::{self, InputError, InputFault, Nature, Nulls, Rest, Storage, Wanted};
use crate::log::NewEvent;
use crate::schema::{Field, ValueType};
use crate::time::{EventTime, TimeForm};

/// Where the arrival times of a push come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// The clock of the log, now.
    Now,
    /// Each event arrived when it happened: historical data is replayed.
    EventTime,
    /// A column says when each event arrived.
    Column(String),
}

/// The events of one push, checked by the schema of their source: what the log keeps of each, and their fields as columns, so
/// that no view has to parse them.
#[derive(Clone, Debug)]
pub struct PushedEvents {
    pub(crate) events: Vec<NewEvent>,
    pub(crate) fields: PushedFields,
    /// What became of what the source expects of them.
    pub(crate) expected: Expected,
}

/// The fields of pushed events by our names: a row per [`NewEvent::place`].
#[derive(Clone, Debug)]
pub(crate) struct PushedFields {
    names: Vec<String>,
    columns: Vec<Column>,
}

/// A column of a push that does not fit the schema.
#[derive(Debug, thiserror::Error)]
#[error("{field}{}: {message}", row.map_or_else(String::new, |row| format!(", row {}", row + 1)))]
pub struct PushedFieldError {
    /// Its name.
    pub field: String,
    /// The row at fault, from 0, where it is one.
    pub row: Option<usize>,
    /// What is wrong with it.
    pub message: String,
}

impl PushedEvents {
    /// Events as columns by the names that the source gives them, a row per event: keys, event time, event id and every other field.
    /// They arrive when they are pushed.
    ///
    /// Refused are a name that the schema does not have, a column that is missing or has other rows, another type (whole
    /// numbers may stand for float64), and a null where there must be none.
    pub fn from_columns(schema: &EventSchema, columns: Vec<(String, Column)>) -> Result<Self, PushedFieldError> {
        let names: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
        let rows = columns.first().map_or(0, |(_, column)| column.len());
        let fault = |name: &str, row, message: String| PushedFieldError { field: name.to_owned(), row, message };
        if let Some(unknown) = unknown_columns(schema, &names, &Arrival::Now).first() {
            let message =
                format!("is not a field of source {}; they are: {}", schema.source.name, schema.names().join(", "));
            return Err(fault(unknown, None, message));
        }
        Self::checked(
            schema,
            &names,
            rows,
            &|row| row as u64 + 1,
            |at, wanted| typed(&columns[at].1, wanted, rows),
            fault,
        )
    }

    /// Events of `rows` rows that have columns of these `names`, as the source calls them. `read` gives the column in a place as it is wanted, `number`
    /// what messages call a row; `fault` makes an error of a name, a row and what is wrong.
    pub(crate) fn checked<E>(
        schema: &EventSchema,
        names: &[impl AsRef<str>],
        rows: usize,
        number: &dyn Fn(usize) -> u64,
        read: impl Fn(usize, &Wanted) -> Result<Column, (Option<usize>, String)>,
        fault: impl Fn(&str, Option<usize>, String) -> E,
    ) -> Result<Self, E> {
        let own: Vec<&str> = names.iter().map(|name| schema.source.own_name(name.as_ref())).collect();
        let has = |column: &str| names.iter().any(|name| name.as_ref() == column);
        let wanted = pushed_columns(schema, &Arrival::Now, |name| own.contains(&name));
        let mut columns = Vec::with_capacity(wanted.len());
        for wanted in &wanted {
            let column = schema.source.incoming(&wanted.name, has);
            let column = column.map_err(|ambiguous| fault(ambiguous.name(), None, ambiguous.to_string()))?;
            let Some(at) = names.iter().position(|name| name.as_ref() == column) else {
                // An empty push has no fields, and nothing to miss.
                if wanted.nulls == Nulls::Refused && rows > 0 {
                    return Err(fault(column, None, format!("is missing; it is {}", wanted.value_type)));
                }
                columns.push(Column::of_nulls(wanted.value_type, rows));
                continue;
            };
            let values = read(at, wanted).map_err(|(row, message)| fault(column, row, message))?;
            if let Some((row, misfit)) = schema.misfit(&wanted.name, &values) {
                return Err(fault(column, Some(row), misfit.to_string()));
            }
            columns.push(values);
        }
        if let Some(bad) = schema.refused_by_expectation(&wanted, &columns) {
            let name = &bad.expectation.field;
            let column = schema.source.incoming(name, has).unwrap_or(name);
            return Err(fault(column, Some(bad.row), bad.message));
        }
        Ok(Self::of(schema, &Arrival::Now, &wanted, columns, number))
    }

    /// `columns` are those of [`pushed_columns`], checked.
    fn of(
        schema: &EventSchema,
        arrival: &Arrival,
        wanted: &[Wanted],
        columns: Vec<Column>,
        number: &dyn Fn(usize) -> u64,
    ) -> Self {
        let rows = PushedRows { schema, arrival, wanted, columns: &columns };
        let count = columns.first().map_or(0, Column::len);
        let mut events = (0..count).map(|row| rows.event(row, number(row))).collect();
        let expected = schema.hold(wanted, &columns, &mut events);
        let names = wanted.iter().map(|wanted| wanted.name.clone()).collect();
        Self { events, fields: PushedFields { names, columns }, expected }
    }

    /// The same events, each declared to have arrived at a time, in microseconds: past data that is replayed.
    ///
    /// # Panics
    ///
    /// If there is not one time per event.
    pub fn with_arrivals(mut self, arrivals: &[i64]) -> Self {
        let Self { events, expected, .. } = &mut self;
        assert_eq!(arrivals.len(), events.len() + expected.dead.len(), "one arrival per event");
        let all = events.iter_mut().chain(expected.dead.iter_mut().map(|dead| &mut dead.event));
        all.for_each(|event| event.arrival = Some(arrivals[event.place as usize]));
        self
    }

    /// How many events, without those that their source sets aside.
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// About how many bytes they hold in memory.
    pub(crate) fn memory_bytes(&self) -> usize {
        let texts: usize = self.events.iter().map(|event| 128 + event.fields.len()).sum();
        texts + self.fields.columns.iter().map(Column::memory_bytes).sum::<usize>()
    }
}

impl PushedFields {
    /// The values of a field of the events in these places, as a view reads it; `None` where only the log's text can tell.
    pub(crate) fn read(&self, field: &Field, places: &[u32]) -> Result<Option<Column>, ColumnError> {
        let Some(at) = self.names.iter().position(|name| *name == field.name) else {
            return Ok(field.nullable.then(|| Column::of_nulls(field.value_type, places.len())));
        };
        let column = &self.columns[at];
        if column.null_count() > 0 && !field.nullable {
            return Ok(None);
        }
        match (column.value_type(), field.value_type) {
            (pushed, read) if pushed == read => column.take(places).map(Some),
            (ValueType::Int64, ValueType::Float64) => Ok(exact_floats(&column.take(places)?).ok()),
            _ => Ok(None),
        }
    }
}

/// A column of the library's caller as it is wanted; else a row, from 0, and what is wrong.
fn typed(column: &Column, wanted: &Wanted, rows: usize) -> Result<Column, (Option<usize>, String)> {
    if column.len() != rows {
        return Err((None, format!("has {} rows where the first column has {rows}", column.len())));
    }
    let null = (0..rows).find(|row| column.is_null(*row)).filter(|_| wanted.nulls == Nulls::Refused);
    if let Some(row) = null {
        return Err((Some(row), "is null".to_owned()));
    }
    match (column.value_type(), wanted.value_type) {
        (given, expected) if given == expected => Ok(column.clone().with_canonical_nans()),
        (ValueType::Int64, ValueType::Float64) => {
            exact_floats(column).map_err(|(row, fault)| (Some(row), fault.to_string()))
        }
        (given, expected) => Err((None, format!("is {given} where {expected} is expected"))),
    }
}

/// Reads the events of a file, which has columns of these `names`, for the log. Every column of the file becomes a field of
/// the events, by our name; one that the schema does not have is refused, as is a value that does not fit.
pub fn read_push(
    storage: &dyn Storage,
    schema: &EventSchema,
    path: &Path,
    names: &[String],
    arrival: &Arrival,
) -> Result<PushedEvents, InputError> {
    let source = &schema.source;
    refuse_unknown(storage, schema, path, names, arrival)?;
    let own: Vec<&str> = names.iter().map(|name| source.own_name(name)).collect();
    let wanted = pushed_columns(schema, arrival, |name| own.contains(&name));
    let incoming = incoming(source, names, wanted.clone()).map_err(|error| ambiguous(path, &error))?;
    let mut all: Vec<Column> = wanted.iter().map(|wanted| Column::new(wanted.value_type)).collect();
    for table in files::open(storage, path, &incoming, Rest::Ignore)? {
        let table = table?;
        for (((wanted, incoming), column), all) in wanted.iter().zip(&incoming).zip(&table.columns).zip(&mut all) {
            if let Some((row, fault)) = schema.misfit(&wanted.name, column) {
                let row = table.rows_before + row as u64 + 1;
                return Err(InputError::new(path, fault).at_row(row).in_column(&incoming.name));
            }
            all.append(column).map_err(|error| InputError::new(path, InputFault::Value(error.to_string())))?;
        }
    }
    if let Some(bad) = schema.refused_by_expectation(&wanted, &all) {
        let at = wanted.iter().position(|wanted| wanted.name == bad.expectation.field);
        let column = at.map_or(&bad.expectation.field, |at| &incoming[at].name);
        return Err(InputError::new(path, InputFault::Value(bad.message)).at_row(bad.row as u64 + 1).in_column(column));
    }
    Ok(PushedEvents::of(schema, arrival, &wanted, all, &|row| row as u64 + 1))
}

/// The columns of these names that the schema does not have.
pub fn unknown_columns<'n>(schema: &EventSchema, names: &'n [impl AsRef<str>], arrival: &Arrival) -> Vec<&'n str> {
    let is_arrival = |name: &str| matches!(arrival, Arrival::Column(column) if column == name);
    let unknown = names.iter().map(AsRef::as_ref).filter(|name: &&str| {
        let own = schema.source.own_name(name);
        !schema.knows(own) && !is_arrival(name) && !is_arrival(own)
    });
    unknown.collect()
}

/// Refuses a file with columns that the schema does not have, and says what to do about each.
fn refuse_unknown(
    storage: &dyn Storage,
    schema: &EventSchema,
    path: &Path,
    names: &[String],
    arrival: &Arrival,
) -> Result<(), InputError> {
    let unknown = unknown_columns(schema, names, arrival);
    if unknown.is_empty() {
        return Ok(());
    }
    let mut missing = Vec::new();
    for column in files::natural_columns(storage, path, &|name| unknown.contains(&name))? {
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
struct PushedRows<'a> {
    schema: &'a EventSchema,
    arrival: &'a Arrival,
    wanted: &'a [Wanted],
    columns: &'a [Column],
}

impl PushedRows<'_> {
    /// The event in `row`, which messages call row `number`.
    fn event(&self, row: usize, number: u64) -> NewEvent {
        let Self { schema, arrival, wanted, columns } = self;
        let keys = schema.keys.len();
        let named = wanted.iter().zip(*columns).filter(|(_, column)| !column.is_null(row));
        let fields: serde_json::Map<String, serde_json::Value> =
            named.map(|(wanted, column)| (wanted.name.clone(), files::to_json(&column.value(row)))).collect();
        let event_time = time(&columns[keys], row);
        NewEvent {
            event_id: named_value(wanted, columns, schema.source.event_id.as_deref(), row).map(|id| id.to_string()),
            key: EntityKey::from_columns(&columns[..keys], row).expect("readers refuse null keys"),
            event_time: EventTime::from_micros(event_time),
            arrival: match arrival {
                Arrival::Now => None,
                Arrival::EventTime => Some(event_time),
                Arrival::Column(_) => Some(time(&columns[keys + 1], row)),
            },
            fields: serde_json::Value::Object(fields).to_string(),
            row: number,
            place: row as u32,
        }
    }
}

/// What is read of a push that has columns of certain names, by our names: keys, event time, arrival time, event id, then
/// every other field of the schema that it has or must have.
fn pushed_columns(schema: &EventSchema, arrival: &Arrival, has: impl Fn(&str) -> bool) -> Vec<Wanted> {
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
