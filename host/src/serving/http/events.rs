//! A push: from a body to the events of the log.

use std::borrow::Cow;
use std::fmt::Display;
use std::sync::Arc;

use serde_json::value::RawValue;

use super::HttpLimits;
use super::columns;
use super::refusal::{Cause, Refusal};
use super::routes::App;
use crate::EventSchema;
use crate::batch::Column;
use crate::events::{Arrival, PushedRows, pushed_columns};
use crate::files::{self, Fields, Nature, Nulls};
use crate::log::NewEvent;
use crate::serving::Applied;

/// How a body holds its events; decides how a message names a place.
enum Layout {
    /// A list of values per field.
    Columns(&'static str),
    /// An object per event.
    Rows(&'static str),
    /// An object per line, and the number of each from 1.
    Lines(Vec<usize>),
}

/// The events of a body: a cell per field and event, unread.
pub(super) struct Pushed<'a> {
    layout: Layout,
    names: Vec<Cow<'a, str>>,
    columns: Vec<Vec<&'a RawValue>>,
    /// Per name, the first row that has it.
    first_rows: Vec<usize>,
    rows: usize,
}

/// Reads events on a thread of its own, and takes them. Returns once they are durable and applied; a push that was begun is
/// always finished.
pub(super) async fn push(
    app: &Arc<App>,
    read: impl FnOnce(&App) -> Result<(String, Vec<NewEvent>), Refusal> + Send + 'static,
) -> Result<Applied, Refusal> {
    let pushing = Arc::clone(app);
    let pushed = tokio::task::spawn_blocking(move || {
        let (source, events) = read(&pushing)?;
        let applied = pushing.server.push(&source, events)?;
        pushing.metrics.events.inc_by(applied.appended);
        pushing.metrics.duplicates.inc_by(applied.duplicates);
        Ok(applied)
    });
    pushed.await.map_err(|error| Refusal::new(Cause::Failed, format!("the push was not finished: {error}")))?
}

impl<'a> Pushed<'a> {
    /// Events as a list of values per field.
    pub(super) fn from_columns(fields: &Fields<'a>, path: &'static str, limits: &HttpLimits) -> Result<Self, Refusal> {
        if fields.0.is_empty() {
            return Err(Refusal::field(&[path], "is empty: give each field a list of values, one per event"));
        }
        let mut pushed = Self::empty(Layout::Columns(path), 0);
        for (at, (name, array)) in fields.0.iter().enumerate() {
            let cells = columns::cells(array, &[path, name])?;
            if at == 0 {
                pushed.rows = cells.len();
                refuse_too_many(cells.len(), path, limits)?;
            } else if cells.len() != pushed.rows {
                let values = if cells.len() == 1 { "value" } else { "values" };
                let message =
                    format!("has {} {values} where {path}.{} has {}", cells.len(), pushed.names[0], pushed.rows);
                return Err(Refusal::field(&[path, name], message));
            }
            pushed.names.push(name.clone());
            pushed.first_rows.push(0);
            pushed.columns.push(cells);
        }
        Ok(pushed)
    }

    /// Events as objects. A field that an event does not have is null there.
    pub(super) fn from_rows(rows: Vec<Fields<'a>>, path: &'static str, limits: &HttpLimits) -> Result<Self, Refusal> {
        refuse_too_many(rows.len(), path, limits)?;
        Ok(Self::of_objects(rows, Layout::Rows(path)))
    }

    /// Events as one object a line, on the lines of these numbers.
    pub(super) fn from_lines(rows: Vec<Fields<'a>>, lines: Vec<usize>, limits: &HttpLimits) -> Result<Self, Refusal> {
        refuse_too_many(rows.len(), "events", limits)?;
        Ok(Self::of_objects(rows, Layout::Lines(lines)))
    }

    fn empty(layout: Layout, rows: usize) -> Self {
        Self { layout, names: Vec::new(), columns: Vec::new(), first_rows: Vec::new(), rows }
    }

    fn of_objects(rows: Vec<Fields<'a>>, layout: Layout) -> Self {
        let mut places = std::collections::HashMap::new();
        let mut pushed = Self::empty(layout, rows.len());
        for (row, fields) in rows.into_iter().enumerate() {
            for (name, value) in fields.0 {
                let place = *places.entry(name.clone()).or_insert_with(|| {
                    pushed.names.push(name);
                    pushed.columns.push(vec![RawValue::NULL; pushed.rows]);
                    pushed.first_rows.push(row);
                    pushed.columns.len() - 1
                });
                pushed.columns[place][row] = value;
            }
        }
        pushed
    }

    /// The events as the schema of `source` has them. What the files of the source hold is looked at only where an event has a
    /// field that is neither declared nor read by a view.
    pub(super) fn checked(self, app: &App, source: &str) -> Result<Vec<NewEvent>, Refusal> {
        let schema = app.server.event_schema(source)?;
        if self.unknown(&schema).is_none() {
            return self.into_events(&schema);
        }
        // Files that cannot be read hold nothing that an event could have.
        let schema = app.server.whole_event_schema(source).unwrap_or(schema);
        match self.unknown(&schema) {
            Some(unknown) => Err(self.refuse_unknown(&schema, unknown)),
            None => self.into_events(&schema),
        }
    }

    /// The first field that the schema does not have.
    fn unknown(&self, schema: &EventSchema) -> Option<usize> {
        self.names.iter().position(|name| !schema.knows(schema.source.own_name(name)))
    }

    /// Refuses the field at `at`, which the schema does not have: a misspelt one is not overlooked, and none is dropped.
    fn refuse_unknown(&self, schema: &EventSchema, at: usize) -> Refusal {
        let name = &self.names[at];
        let nature = files::nature_of_json(self.columns[at].iter().copied());
        let source = &schema.source.name;
        let message = match &nature {
            Nature::Foreign(found) => {
                format!("holds {found}, which is no type of a field, and source {source} has no such field")
            }
            _ => {
                let lines = schema.missing_lines(&[(schema.source.own_name(name), nature.or_text())]);
                format!("is not a field of source {source}; they are: {}; {lines}", schema.names().join(", "))
            }
        };
        self.fault(name, self.first_rows[at], &message)
    }

    /// The events, each value of the type that the schema gives it, all fields by our names.
    fn into_events(self, schema: &EventSchema) -> Result<Vec<NewEvent>, Refusal> {
        let own: Vec<&str> = self.names.iter().map(|name| schema.source.own_name(name)).collect();
        let has = |column: &str| self.names.iter().any(|name| name == column);
        let wanted = pushed_columns(schema, &Arrival::Now, |name| own.contains(&name));
        let mut columns = Vec::with_capacity(wanted.len());
        for wanted in &wanted {
            let column = schema.source.incoming(&wanted.name, has);
            let column = column.map_err(|ambiguous| self.fault(ambiguous.name(), 0, &ambiguous))?;
            let Some(at) = self.names.iter().position(|name| name == column) else {
                // An empty push has no fields, and nothing to miss.
                if wanted.nulls == Nulls::Refused && self.rows > 0 {
                    return Err(self.missing(column, wanted.value_type));
                }
                columns.push(Column::of_nulls(wanted.value_type, self.rows));
                continue;
            };
            let fault = |row: usize, message: &dyn Display| self.fault(column, row, message);
            let values = columns::column(&self.columns[at], wanted, &fault)?;
            if let Some((row, misfit)) = schema.misfit(&wanted.name, &values) {
                return Err(fault(row, &misfit));
            }
            columns.push(values);
        }
        let rows = PushedRows { schema, arrival: &Arrival::Now, wanted: &wanted, columns: &columns };
        Ok((0..self.rows).map(|row| rows.event(row, self.number(row))).collect())
    }

    /// What messages call a row.
    fn number(&self, row: usize) -> u64 {
        match &self.layout {
            Layout::Lines(lines) => lines[row] as u64,
            Layout::Columns(_) | Layout::Rows(_) => row as u64 + 1,
        }
    }

    fn missing(&self, name: &str, value_type: crate::schema::ValueType) -> Refusal {
        let message = format!("is missing; it is {value_type}");
        match self.layout {
            Layout::Columns(path) => Refusal::field(&[path, name], message),
            Layout::Rows(_) | Layout::Lines(_) => self.fault(name, 0, &message),
        }
    }

    fn fault(&self, name: &str, row: usize, message: &dyn Display) -> Refusal {
        match &self.layout {
            Layout::Columns(path) => Refusal::cell(&[path, name], row, message),
            Layout::Rows(path) => Refusal::row(path, row, name, message),
            Layout::Lines(lines) => Refusal::line(lines[row], name, message),
        }
    }
}

fn refuse_too_many(rows: usize, path: &str, limits: &HttpLimits) -> Result<(), Refusal> {
    if rows <= limits.events_max {
        return Ok(());
    }
    let message = format!("{rows} events are over the limit of {}: push them in parts", limits.events_max);
    Err(Refusal { cause: Cause::TooManyRows, ..Refusal::field(&[path], message) })
}
