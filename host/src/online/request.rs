//! The inputs of a request, given by name and checked: the one way to them for the library, the command line and HTTP.

use std::fmt;
use std::sync::Arc;

use serde_json::value::RawValue;

use super::{PreparedRequest, RequestInput};
use crate::batch::Column;
use crate::events::exact_floats;
use crate::files::{self, InputFault, Nulls, Wanted};
use crate::schema::ValueType;
use crate::time::{AsOf, TimeForm, TimeUnit};

/// A question: entities and request fields, a row each, and a cut-off.
#[derive(Clone, Debug)]
pub struct Request {
    pub(super) prepared: Arc<PreparedRequest>,
    /// A column per input, in the order of [`PreparedRequest::inputs`].
    pub(super) inputs: Vec<Column>,
    pub(super) rows: usize,
    pub(super) as_of: Option<AsOf>,
}

impl Request {
    /// What it was built for.
    pub fn prepared(&self) -> &Arc<PreparedRequest> {
        &self.prepared
    }

    /// Its columns, in the order of [`PreparedRequest::inputs`].
    pub fn inputs(&self) -> &[Column] {
        &self.inputs
    }

    /// How many entities it asks about.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The cut-off; now, where it declares none.
    pub fn as_of(&self) -> Option<AsOf> {
        self.as_of
    }
}

/// Takes the inputs of a request by name. A name that is both a key and a request field gives both.
#[derive(Clone, Debug)]
pub struct RequestBuilder {
    prepared: Arc<PreparedRequest>,
    inputs: Vec<Option<Column>>,
    /// The name that was given first, and its rows: all others must have as many.
    first: Option<(String, usize)>,
    rows_max: usize,
    as_of: Option<AsOf>,
}

/// An input of a request that does not fit.
#[derive(Debug, PartialEq, thiserror::Error)]
#[error("{kind} {name}{}: {fault}", row.map_or_else(String::new, |row| format!(", row {}", row + 1)))]
pub struct RequestError {
    /// What it is taken for.
    pub kind: InputKind,
    /// The name of the input.
    pub name: String,
    /// The row at fault, from 0, where it is one.
    pub row: Option<usize>,
    /// What is wrong.
    pub fault: RequestFault,
}

/// What an input is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputKind {
    /// A key of an entity.
    Key,
    /// A request field.
    Field,
    /// Either, whichever has the name.
    Any,
}

/// What is wrong with an input.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RequestFault {
    /// No view that takes part reads it.
    #[error("is not read by the features asked for; they read: {}", .known.join(", "))]
    Unknown {
        /// What they read.
        known: Vec<String>,
    },
    /// It was given before.
    #[error("is given twice")]
    Twice,
    /// It was not given, and must be.
    #[error("is missing; it is {value_type}")]
    Missing {
        /// Its type.
        value_type: ValueType,
    },
    /// A text that is not a list of values.
    #[error("is not an array of values")]
    NotAnArray,
    /// Nobody is asked about.
    #[error("has no values: ask for at least one entity")]
    Empty,
    /// More entities than one request may have.
    #[error("{rows} entities are over the limit of {limit}: ask in parts")]
    TooMany {
        /// How many there are.
        rows: usize,
        /// How many there may be.
        limit: usize,
    },
    /// Other rows than the input that was given first.
    #[error("has {rows} values where {first} has {expected}")]
    Rows {
        /// How many there are.
        rows: usize,
        /// The input that was given first.
        first: String,
        /// How many that has.
        expected: usize,
    },
    /// More or fewer columns than there are inputs.
    #[error("{given} where the request takes {}: {}", .takes.len(), .takes.join(", "))]
    Columns {
        /// How many were given.
        given: usize,
        /// The inputs.
        takes: Vec<String>,
    },
    /// A column of another type.
    #[error("is {found} where {expected} is expected")]
    Type {
        /// Its type.
        found: ValueType,
        /// The type of the input.
        expected: ValueType,
    },
    /// A value that is none of its type, or null where it must not be.
    #[error("{0}")]
    Value(String),
}

impl fmt::Display for InputKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Key => "entity key",
            Self::Field => "request field",
            Self::Any => "input",
        })
    }
}

impl InputKind {
    fn is_of(self, input: &RequestInput) -> bool {
        match self {
            Self::Key => input.is_key,
            Self::Field => !input.is_key,
            Self::Any => true,
        }
    }
}

/// The rows of an input that are read, or the row at fault, from 0, and what is wrong there.
type Read = Result<Column, (Option<usize>, RequestFault)>;

impl RequestBuilder {
    pub(super) fn new(prepared: Arc<PreparedRequest>) -> Self {
        let inputs = vec![None; prepared.inputs().len()];
        Self { prepared, inputs, first: None, rows_max: usize::MAX, as_of: None }
    }

    /// The same with a limit for the entities; there is none without this.
    pub fn with_rows_max(self, rows_max: usize) -> Self {
        Self { rows_max, ..self }
    }

    /// The cut-off; without it, now.
    pub fn as_of(self, as_of: Option<AsOf>) -> Self {
        Self { as_of, ..self }
    }

    /// The values of the input `name`, a row per entity. Whole numbers may stand for float64.
    pub fn input(mut self, name: &str, values: impl Into<Column>) -> Result<Self, RequestError> {
        let values = values.into();
        self.take(InputKind::Any, name, values.len(), |input| typed(&values, input))?;
        Ok(self)
    }

    /// Every input, in the order of [`PreparedRequest::inputs`].
    pub fn columns(mut self, columns: Vec<Column>) -> Result<Self, RequestError> {
        let names: Vec<(String, bool)> =
            self.prepared.inputs().iter().map(|input| (input.name.clone(), input.is_key)).collect();
        if columns.len() != names.len() {
            let takes = names.into_iter().map(|(name, _)| name).collect();
            let (kind, name, fault) =
                (InputKind::Any, "columns".to_owned(), RequestFault::Columns { given: columns.len(), takes });
            return Err(RequestError { kind, name, row: None, fault });
        }
        for ((name, is_key), values) in names.into_iter().zip(columns) {
            let kind = if is_key { InputKind::Key } else { InputKind::Field };
            self.take(kind, &name, values.len(), |input| typed(&values, input))?;
        }
        Ok(self)
    }

    /// The value of an input as text, for one entity.
    pub fn text(mut self, kind: InputKind, name: &str, text: &str) -> Result<Self, RequestError> {
        self.take(kind, name, 1, |input| {
            let value = files::text_value(text, &wanted(input, None)).map_err(|fault| of_row(0, &fault))?;
            let mut column = Column::new(input.value_type);
            column.push(&value).map_err(|error| of_row(0, &error))?;
            Ok(column)
        })?;
        Ok(self)
    }

    /// The values of an input as a JSON array, a row per entity. `unit` is that of times that are numbers.
    pub fn json(mut self, name: &str, array: &RawValue, unit: Option<TimeUnit>) -> Result<Self, RequestError> {
        let cells: Result<Vec<&RawValue>, _> = serde_json::from_str(array.get());
        let wrong = |fault| RequestError { kind: InputKind::Any, name: name.to_owned(), row: None, fault };
        let cells = cells.map_err(|_| wrong(RequestFault::NotAnArray))?;
        self.take(InputKind::Any, name, cells.len(), |input| {
            files::column_of_json(&cells, &wanted(input, unit)).map_err(|(row, fault)| of_row(row, &fault))
        })?;
        Ok(self)
    }

    /// Takes an input of so many rows, which `read` reads as each of the inputs that have the name.
    fn take(
        &mut self,
        kind: InputKind,
        name: &str,
        rows: usize,
        read: impl Fn(&RequestInput) -> Read,
    ) -> Result<(), RequestError> {
        let wrong = |(row, fault)| RequestError { kind, name: name.to_owned(), row, fault };
        let (_, expected) = self.first.get_or_insert_with(|| (name.to_owned(), rows));
        if rows == 0 {
            return Err(wrong((None, RequestFault::Empty)));
        }
        if rows > self.rows_max {
            return Err(wrong((None, RequestFault::TooMany { rows, limit: self.rows_max })));
        }
        let mut is_known = false;
        for (input, place) in self.prepared.inputs().iter().zip(&mut self.inputs) {
            if input.name != name || !kind.is_of(input) {
                continue;
            }
            is_known = true;
            if place.is_some() {
                return Err(wrong((None, RequestFault::Twice)));
            }
            if rows != *expected {
                let (first, expected) = self.first.clone().unwrap_or_default();
                return Err(wrong((None, RequestFault::Rows { rows, first, expected })));
            }
            *place = Some(read(input).map_err(wrong)?);
        }
        if !is_known {
            let known = self.prepared.inputs().iter().filter(|input| kind.is_of(input));
            let known = known.map(|input| input.name.clone()).collect();
            return Err(wrong((None, RequestFault::Unknown { known })));
        }
        Ok(())
    }

    /// The request. Request fields that may be null, and were not given, are null.
    pub fn build(self) -> Result<Request, RequestError> {
        // A view without keys and request fields answers one row.
        let rows = self.first.map_or(1, |(_, rows)| rows);
        let mut inputs = Vec::with_capacity(self.inputs.len());
        for (input, given) in self.prepared.inputs().iter().zip(self.inputs) {
            let column = match given {
                Some(column) => column,
                None if input.nullable => Column::of_nulls(input.value_type, rows),
                None => {
                    let kind = if input.is_key { InputKind::Key } else { InputKind::Field };
                    let fault = RequestFault::Missing { value_type: input.value_type };
                    return Err(RequestError { kind, name: input.name.clone(), row: None, fault });
                }
            };
            inputs.push(column);
        }
        Ok(Request { prepared: self.prepared, inputs, rows, as_of: self.as_of })
    }
}

/// A typed column as an input.
fn typed(values: &Column, input: &RequestInput) -> Read {
    let null = (0..values.len()).find(|row| values.is_null(*row)).filter(|_| !input.nullable);
    if let Some(row) = null {
        return Err((Some(row), RequestFault::Value(InputFault::Null.to_string())));
    }
    match (values.value_type(), input.value_type) {
        (found, expected) if found == expected => Ok(values.clone().with_canonical_nans()),
        (ValueType::Int64, ValueType::Float64) => exact_floats(values).map_err(|(row, fault)| of_row(row, &fault)),
        (found, expected) => Err((None, RequestFault::Type { found, expected })),
    }
}

/// How an input is read of text.
fn wanted(input: &RequestInput, unit: Option<TimeUnit>) -> Wanted {
    let nulls = if input.nullable { Nulls::Allowed } else { Nulls::Refused };
    let time = TimeForm { unit, ..TimeForm::default() };
    Wanted { time, ..Wanted::new(&input.name, input.value_type, nulls) }
}

fn of_row(row: usize, fault: &dyn fmt::Display) -> (Option<usize>, RequestFault) {
    (Some(row), RequestFault::Value(fault.to_string()))
}
