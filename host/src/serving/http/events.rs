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
use crate::events::{Arrival, PushedRows, pushed_columns};
use crate::files::{Fields, Nulls};
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

    /// Refuses a field that neither the source nor a view that reads it has: a misspelt one is not overlooked.
    pub(super) fn refuse_unknown(&self, schema: &EventSchema) -> Result<(), Refusal> {
        let EventSchema { source, keys, fields } = schema;
        let optional: Vec<String> = fields.iter().map(|field| field.name.clone()).collect();
        let known = pushed_columns(source, keys, fields, &Arrival::Now, &optional);
        let mut known: Vec<&str> = known.iter().map(|wanted| wanted.name.as_str()).collect();
        known.extend(source.arrival_time.as_deref().filter(|name| !known.contains(name)));
        match self.names.iter().position(|name| !known.contains(&&**name)) {
            None => Ok(()),
            Some(at) => {
                let message = format!("is not a field of source {}; they are: {}", source.name, known.join(", "));
                Err(self.fault(&self.names[at], self.first_rows[at], &message))
            }
        }
    }

    /// The events, each value of the type that its source and the views that read it give it.
    pub(super) fn into_events(self, schema: &EventSchema) -> Result<Vec<NewEvent>, Refusal> {
        let names: Vec<String> = self.names.iter().map(ToString::to_string).collect();
        let wanted = pushed_columns(&schema.source, &schema.keys, &schema.fields, &Arrival::Now, &names);
        let mut columns = Vec::with_capacity(wanted.len());
        for wanted in &wanted {
            let Some(at) = names.iter().position(|name| *name == wanted.name) else {
                // An empty push has no fields, and nothing to miss.
                if wanted.nulls == Nulls::Refused && self.rows > 0 {
                    return Err(self.missing(&wanted.name, wanted.value_type));
                }
                columns.push(crate::batch::Column::new(wanted.value_type));
                continue;
            };
            let fault = |row: usize, message: &dyn Display| self.fault(&wanted.name, row, message);
            columns.push(columns::column(&self.columns[at], wanted, &fault)?);
        }
        let rest: Vec<usize> =
            (0..names.len()).filter(|at| !wanted.iter().any(|wanted| wanted.name == names[*at])).collect();
        let rows = PushedRows {
            source: &schema.source,
            keys: schema.keys.len(),
            arrival: &Arrival::Now,
            wanted: &wanted,
            columns: &columns,
        };
        let mut events = Vec::with_capacity(self.rows);
        for row in 0..self.rows {
            let mut others = Vec::with_capacity(rest.len());
            for at in &rest {
                if let Some(value) = self.other(*at, row)? {
                    others.push((names[*at].clone(), value));
                }
            }
            events.push(rows.event(row, self.number(row), |fields| fields.extend(others)));
        }
        Ok(events)
    }

    /// A value that no view reads yet: kept as it is, if it is one value; `None` for null.
    fn other(&self, at: usize, row: usize) -> Result<Option<serde_json::Value>, Refusal> {
        let name = &self.names[at];
        let value = columns::json(self.columns[at][row]).map_err(|fault| self.fault(name, row, &fault))?;
        match value {
            serde_json::Value::Null => Ok(None),
            serde_json::Value::Array(_) | serde_json::Value::Object(_) => {
                let message =
                    "holds an array or an object, and no view reads it; only booleans, numbers and texts are kept";
                Err(self.fault(name, row, &message))
            }
            value => Ok(Some(value)),
        }
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
