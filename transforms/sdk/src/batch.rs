//! The component contract as plain Rust types: what a transform takes and gives.
//!
//! These mirror the `onepath:feature/types` interface item by item. Everything is a vector of plain numbers, so crossing
//! the boundary moves vectors and never looks at a cell.

use std::fmt;

/// The type of a field or a feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueType {
    /// True or false.
    Boolean,
    /// A signed 64-bit integer.
    Int64,
    /// An IEEE 754 binary64 number.
    Float64,
    /// UTF-8 text.
    Text,
    /// A point in time: microseconds since the Unix epoch, UTC.
    Time,
    /// A list of float64, such as an embedding.
    Float64List,
}

/// One field of an event, a request or a parameter, or one feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// The column's name in files and requests.
    pub name: &'static str,
    /// The type of every value that is not null.
    pub value_type: ValueType,
    /// Whether a value may be null.
    pub nullable: bool,
    /// What it means, for people.
    pub documentation: &'static str,
}

/// What a transform takes and gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Description {
    /// Constants that a feature view gives its transform.
    pub parameters: &'static [Field],
    /// The columns of the events that it reads. Empty for a stateless transform, and for one that only counts events.
    pub event_fields: &'static [Field],
    /// The fields that each question must bring with it.
    pub request_fields: &'static [Field],
    /// The features of other views that each question must bring with it.
    pub input_features: &'static [Field],
    /// The features that it gives, in order.
    pub output_features: &'static [Field],
    /// The version of the state format.
    pub state_version: u32,
    /// The author's version of the transform, for people.
    pub author_version: &'static str,
}

/// Texts of many rows, one after the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Texts {
    /// Per row, the offset just after the last byte of its text.
    pub ends: Vec<u32>,
    /// The UTF-8 of all rows.
    pub bytes: Vec<u8>,
}

/// Float64 lists of many rows, one after the other.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Float64Lists {
    /// Per row, the offset just after its last number.
    pub ends: Vec<u32>,
    /// The numbers of all rows.
    pub values: Vec<f64>,
}

/// The values of one column, one per row. A null row holds 0, an empty text or an empty list.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// One byte per row: 0 false, 1 true.
    Booleans(Vec<u8>),
    /// One integer per row.
    Int64s(Vec<i64>),
    /// One number per row.
    Float64s(Vec<f64>),
    /// One text per row.
    Texts(Texts),
    /// One time per row, in microseconds since the Unix epoch, UTC.
    Times(Vec<i64>),
    /// One list of numbers per row.
    Float64Lists(Float64Lists),
}

impl Values {
    /// The type of the values.
    pub fn value_type(&self) -> ValueType {
        match self {
            Values::Booleans(_) => ValueType::Boolean,
            Values::Int64s(_) => ValueType::Int64,
            Values::Float64s(_) => ValueType::Float64,
            Values::Texts(_) => ValueType::Text,
            Values::Times(_) => ValueType::Time,
            Values::Float64Lists(_) => ValueType::Float64List,
        }
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        match self {
            Values::Booleans(values) => values.len(),
            Values::Int64s(values) | Values::Times(values) => values.len(),
            Values::Float64s(values) => values.len(),
            Values::Texts(texts) => texts.ends.len(),
            Values::Float64Lists(lists) => lists.ends.len(),
        }
    }
}

/// One column: a value or a null per row.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// The values.
    pub values: Values,
    /// One byte per row: 0 a value, 1 a null. Absent where no row is null.
    pub nulls: Option<Vec<u8>>,
}

/// The states of the groups of a batch, one after the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct States {
    /// Per group, the offset just after the last byte of its state.
    pub ends: Vec<u32>,
    /// The bytes of all states. A state of no bytes is that of an entity without events.
    pub bytes: Vec<u8>,
}

impl States {
    /// The states of so many entities without events.
    pub fn without_events(groups: usize) -> Self {
        States { ends: vec![0; groups], bytes: Vec::new() }
    }

    /// The bytes of one group's state, if there is such a group and its ends are in order.
    pub fn get(&self, group: usize) -> Option<&[u8]> {
        let end = *self.ends.get(group)? as usize;
        let start = if group == 0 { 0 } else { self.ends[group - 1] as usize };
        self.bytes.get(start..end)
    }
}

/// [`Rows::kinds`] of an event.
pub const EVENT: u8 = 0;

/// [`Rows::kinds`] of a question.
pub const QUESTION: u8 = 1;

/// A batch: events to apply and questions to answer, for one or more entities, in the order in which they happen.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    /// Per row, microseconds since the Unix epoch, UTC: the event time of an event, the as-of of a question.
    pub times: Vec<i64>,
    /// Per row, which entity of this batch it belongs to: an index into `states`.
    pub groups: Vec<u32>,
    /// Per row: [`EVENT`] or [`QUESTION`].
    pub kinds: Vec<u8>,
    /// The event fields, over the event rows only.
    pub event_fields: Vec<Column>,
    /// The request fields, over the question rows only.
    pub request_fields: Vec<Column>,
    /// The input features, over the question rows only.
    pub input_features: Vec<Column>,
    /// The state of each group before its first row.
    pub states: States,
    /// Whether the final states are wanted back.
    pub want_states: bool,
}

/// The answers to a batch.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// One column per output feature, over the question rows only.
    pub features: Vec<Column>,
    /// The state of each group after its last row, if it was wanted.
    pub states: Option<States>,
}

/// The transform's own refusal of its input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The row of the batch that it could not process, if it was one.
    pub row: Option<u32>,
    /// What was wrong, for people.
    pub message: String,
}

impl Failure {
    /// A failure of the batch as a whole.
    pub fn new(message: impl Into<String>) -> Self {
        Failure { row: None, message: message.into() }
    }

    /// A failure of one row of the batch.
    pub fn at(row: usize, message: impl Into<String>) -> Self {
        Failure { row: u32::try_from(row).ok(), message: message.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.row {
            Some(row) => write!(f, "row {row}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for Failure {}
