//! The definition of a declared view: what `onepath build` lowers a declaration to, and what the standard component runs.
//!
//! Plain data. The host makes it of `onepath.toml`, writes it as bytes into a copy of the standard component, and knows nothing of
//! how it is run; the component reads it and knows nothing of SQL or of project files. So everything is resolved here: names are
//! indexes, texts of SQL are [`Node`]s of one type each, windows are microseconds.
//!
//! | part | says |
//! |---|---|
//! | [`Definition::event`] | what is computed of each event: filters and values, as columns over the events of a batch |
//! | [`Definition::stores`] | what is kept of the events of an entity |
//! | [`Definition::reads`] | what a question reads of the stores |
//! | [`Definition::question`] | what is computed of each question: of its request, its inputs, its as-of and the reads |
//! | [`Definition::features`] | which of these are the features |
//!
//! # Bytes
//!
//! [`to_bytes`](Definition::to_bytes) writes [`VERSION`] and then the fields in the order of their declaration, in postcard's format:
//! varints, and an enum's variant by its place. So variants are only ever added at the end of their enum, and whatever else changes
//! raises [`VERSION`]; a component runs definitions of its own version alone.

mod check;
mod function;
mod keep;
mod slot;
#[path = "../../sdk/src/sql/parse_time.rs"]
mod time;

pub use check::{Checked, Wrong};
pub use function::{Function, TimePart};
pub use keep::{Aggregate, Answer, Keep, Read, SessionRule, Span, Store};
pub use slot::{CAPACITY, MARKER, Slot, SlotError, find_slot};
pub use time::parse_time;

use serde::{Deserialize, Serialize};

/// The version of the bytes.
pub const VERSION: u8 = 1;

/// The type of a value: those of the component contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
    /// A list of float64.
    Float64List,
}

/// One field of an event or a request, or a feature of another view.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// The type of every value that is not null.
    pub value_type: ValueType,
    /// Whether a value may be null.
    pub nullable: bool,
}

/// A declared view.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Definition {
    /// The fields of an event that are read.
    pub event_fields: Vec<Field>,
    /// The fields that a question brings with it.
    pub request_fields: Vec<Field>,
    /// The features of other views that a question brings with it.
    pub input_features: Vec<Field>,
    /// What is computed of an event.
    pub event: Program,
    /// What is kept of the events of an entity. None for a view without events.
    pub stores: Vec<Store>,
    /// What a question reads of the stores.
    pub reads: Vec<Read>,
    /// What is computed of a question.
    pub question: Program,
    /// What the view gives, in order.
    pub features: Vec<Feature>,
}

/// Expressions over one row, each a [`Node`] that names those that it is computed of by their place; they stand before it. So a
/// node that two expressions share is computed once.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Program {
    /// The nodes.
    pub nodes: Vec<Node>,
}

/// The place of a node in its program.
pub type NodeIndex = u32;

/// One value of a row: read, constant, or computed of others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Node {
    /// A field of the event, by its place. In the program of events alone.
    Event(u32),
    /// A field of the request, by its place. In the program of questions alone.
    Request(u32),
    /// A feature of another view, by its place. In the program of questions alone.
    Input(u32),
    /// A read of a store, by its place. In the program of questions alone.
    Read(u32),
    /// The event time of an event, the as-of of a question.
    Time,
    /// A constant.
    Literal(Literal),
    /// A null of this type.
    Null(ValueType),
    /// A function of other nodes.
    Call {
        /// The function.
        function: Function,
        /// What it is applied to.
        arguments: Vec<NodeIndex>,
    },
}

/// A constant that is not null.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Literal {
    /// True or false.
    Boolean(bool),
    /// An integer.
    Int64(i64),
    /// A number.
    Float64(f64),
    /// A text.
    Text(String),
    /// A time, in microseconds since the Unix epoch.
    Time(i64),
    /// A list of numbers.
    Float64List(Vec<f64>),
}

impl Literal {
    /// Its type.
    pub fn value_type(&self) -> ValueType {
        match self {
            Literal::Boolean(_) => ValueType::Boolean,
            Literal::Int64(_) => ValueType::Int64,
            Literal::Float64(_) => ValueType::Float64,
            Literal::Text(_) => ValueType::Text,
            Literal::Time(_) => ValueType::Time,
            Literal::Float64List(_) => ValueType::Float64List,
        }
    }
}

/// One feature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Feature {
    /// Its name.
    pub name: String,
    /// Whether it may be null.
    pub nullable: bool,
    /// What it means, for people.
    pub documentation: String,
    /// The node of [`Definition::question`] that it is.
    pub node: NodeIndex,
}

impl Definition {
    /// Its bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let bytes = postcard::to_extend(self, vec![VERSION]);
        bytes.expect("plain data has bytes")
    }

    /// The definition of these bytes, checked: every index leads somewhere, and every function has arguments that it takes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Checked, Wrong> {
        let Some((&version, rest)) = bytes.split_first() else { return Err(Wrong::new("it has no bytes")) };
        if version != VERSION {
            return Err(Wrong::new(format!("its version is {version}, and this component runs version {VERSION}")));
        }
        match postcard::take_from_bytes::<Definition>(rest) {
            Ok((definition, [])) => Checked::new(definition),
            Ok((_, rest)) => Err(Wrong::new(format!("{} bytes follow its end", rest.len()))),
            Err(error) => Err(Wrong::new(format!("its bytes are damaged: {error}"))),
        }
    }
}

#[cfg(test)]
mod tests;
