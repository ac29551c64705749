//! Pushed events as JSON: objects or lists of values, from a request to the columns of the schema.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::value::RawValue;

use super::{EventSchema, PushedEvents, PushedFieldError};
use crate::files::{self, Fields, Nature};

/// Events as JSON: a value per field and event, unread. A field that an event does not have is null there.
#[derive(Debug)]
pub struct JsonEvents<'a> {
    names: Vec<Cow<'a, str>>,
    columns: Vec<Vec<&'a RawValue>>,
    /// Per name, the first row that has it.
    first_rows: Vec<usize>,
    rows: usize,
    /// What messages of the log call each row; from 1 where it is not given.
    numbers: Option<Vec<u64>>,
}

impl<'a> JsonEvents<'a> {
    /// The events of a JSON array of objects.
    pub fn parse(json: &'a str) -> Result<Self, serde_json::Error> {
        Ok(Self::from_objects(serde_json::from_str(json)?))
    }

    pub(crate) fn from_objects(objects: Vec<Fields<'a>>) -> Self {
        let mut places = HashMap::new();
        let mut events = Self::empty(objects.len());
        for (row, fields) in objects.into_iter().enumerate() {
            for (name, value) in fields.0 {
                let place = *places.entry(name.clone()).or_insert_with(|| {
                    events.names.push(name);
                    events.columns.push(vec![RawValue::NULL; events.rows]);
                    events.first_rows.push(row);
                    events.columns.len() - 1
                });
                events.columns[place][row] = value;
            }
        }
        events
    }

    /// The events of a list of values per field.
    pub(crate) fn from_lists(fields: &Fields<'a>) -> Result<Self, PushedFieldError> {
        let mut events = Self::empty(0);
        for (at, (name, array)) in fields.0.iter().enumerate() {
            let wrong = |message: String| PushedFieldError { field: name.to_string(), row: None, message };
            let cells: Vec<&RawValue> =
                serde_json::from_str(array.get()).map_err(|_| wrong("is not an array of values".to_owned()))?;
            if at == 0 {
                events.rows = cells.len();
            } else if cells.len() != events.rows {
                let values = if cells.len() == 1 { "value" } else { "values" };
                let (first, expected) = (&events.names[0], events.rows);
                return Err(wrong(format!("has {} {values} where {first} has {expected}", cells.len())));
            }
            events.names.push(name.clone());
            events.first_rows.push(0);
            events.columns.push(cells);
        }
        Ok(events)
    }

    fn empty(rows: usize) -> Self {
        Self { names: Vec::new(), columns: Vec::new(), first_rows: Vec::new(), rows, numbers: None }
    }

    /// The same with other numbers of the rows than 1, 2, 3 and so on.
    pub(crate) fn numbered(self, numbers: Vec<u64>) -> Self {
        Self { numbers: Some(numbers), ..self }
    }

    /// How many events.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// Whether the schema has every field.
    pub(crate) fn is_known(&self, schema: &EventSchema) -> bool {
        self.unknown(schema).is_none()
    }

    fn unknown(&self, schema: &EventSchema) -> Option<usize> {
        self.names.iter().position(|name| !schema.knows(schema.source.own_name(name)))
    }

    /// The events, each value of the type that the schema gives it, all fields by our names. A field that the schema does not have is
    /// refused: a misspelt one is not overlooked, and none is dropped.
    pub fn into_events(self, schema: &EventSchema) -> Result<PushedEvents, PushedFieldError> {
        let fault = |name: &str, row, message| PushedFieldError { field: name.to_owned(), row, message };
        if let Some(at) = self.unknown(schema) {
            return Err(fault(&self.names[at], Some(self.first_rows[at]), self.told_unknown(schema, at)));
        }
        let number = |row: usize| self.numbers.as_ref().map_or(row as u64 + 1, |numbers| numbers[row]);
        let read = |at: usize, wanted: &_| {
            files::column_of_json(&self.columns[at], wanted).map_err(|(row, message)| (Some(row), message))
        };
        PushedEvents::checked(schema, &self.names, self.rows, &number, read, fault)
    }

    /// What is wrong with a field that the schema does not have.
    fn told_unknown(&self, schema: &EventSchema, at: usize) -> String {
        let source = &schema.source.name;
        match files::nature_of_json(self.columns[at].iter().copied()) {
            Nature::Foreign(found) => {
                format!("holds {found}, which is no type of a field, and source {source} has no such field")
            }
            nature => {
                let lines = schema.missing_lines(&[(schema.source.own_name(&self.names[at]), nature.or_text())]);
                format!("is not a field of source {source}; they are: {}; {lines}", schema.names().join(", "))
            }
        }
    }
}
