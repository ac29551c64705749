//! Values of any type, one by one: of an event, and kept of one.

use onepath_definition::ValueType;
use onepath_sdk::aggregate::{Kept as Keepable, Key};
use onepath_sdk::batch::Values;
use onepath_sdk::state::{State, StateError};

use super::{booleans, floats, integers, texts};
use crate::column::{TextCells, Writer};

/// The value of an event.
#[derive(Clone, Copy, Debug)]
pub(super) enum Item<'a> {
    Nothing,
    Boolean(bool),
    Integer(i64),
    Float(f64),
    Text(&'a str),
}

/// The values of a call.
#[derive(Clone, Copy)]
pub(super) enum Items<'a> {
    Nothing,
    Booleans(&'a [u8]),
    Integers(&'a [i64]),
    Floats(&'a [f64]),
    Texts(TextCells<'a>),
}

impl<'a> Items<'a> {
    pub(super) fn new(value_type: Option<ValueType>, values: Option<&'a Values>) -> Self {
        match value_type {
            None | Some(ValueType::Float64List) => Items::Nothing,
            Some(ValueType::Boolean) => Items::Booleans(booleans(values)),
            Some(ValueType::Int64 | ValueType::Time) => Items::Integers(integers(values)),
            Some(ValueType::Float64) => Items::Floats(floats(values)),
            Some(ValueType::Text) => Items::Texts(texts(values)),
        }
    }

    #[inline]
    pub(super) fn get(&self, event: usize) -> Item<'a> {
        match self {
            Items::Nothing => Item::Nothing,
            Items::Booleans(values) => Item::Boolean(values[event] != 0),
            Items::Integers(values) => Item::Integer(values[event]),
            Items::Floats(values) => Item::Float(values[event]),
            Items::Texts(texts) => Item::Text(texts.get(event)),
        }
    }
}

/// A value that is kept of any type.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Nothing,
    Boolean(bool),
    Integer(i64),
    Float(f64),
    Text(String),
}

impl Keepable for Value {
    type Item<'a> = Item<'a>;

    fn keep(item: Item<'_>) -> Self {
        match item {
            Item::Nothing => Value::Nothing,
            Item::Boolean(value) => Value::Boolean(value),
            Item::Integer(value) => Value::Integer(value),
            Item::Float(value) => Value::Float(value),
            Item::Text(value) => Value::Text(value.to_owned()),
        }
    }
}

/// A byte for the type, then the value.
impl State for Value {
    fn encode(&self, bytes: &mut Vec<u8>) {
        bytes.push(match self {
            Value::Nothing => 0,
            Value::Boolean(_) => 1,
            Value::Integer(_) => 2,
            Value::Float(_) => 3,
            Value::Text(_) => 4,
        });
        self.encode_bare(bytes);
    }

    fn decode(bytes: &mut &[u8]) -> Result<Self, StateError> {
        let value_type = match u8::decode(bytes)? {
            0 => return Ok(Value::Nothing),
            1 => ValueType::Boolean,
            2 => ValueType::Int64,
            3 => ValueType::Float64,
            4 => ValueType::Text,
            _ => return Err(StateError::new("a value is of no known type")),
        };
        Value::decode_bare(bytes, value_type)
    }
}

impl Value {
    /// Appends the value alone.
    pub(super) fn encode_bare(&self, bytes: &mut Vec<u8>) {
        match self {
            Value::Nothing => {}
            Value::Boolean(value) => value.encode(bytes),
            Value::Integer(value) => value.encode(bytes),
            Value::Float(value) => value.encode(bytes),
            Value::Text(value) => value.encode_key(bytes),
        }
    }

    /// Takes a value of a known type.
    pub(super) fn decode_bare(bytes: &mut &[u8], value_type: ValueType) -> Result<Self, StateError> {
        Ok(match value_type {
            ValueType::Boolean => Value::Boolean(bool::decode(bytes)?),
            ValueType::Int64 | ValueType::Time => Value::Integer(i64::decode(bytes)?),
            ValueType::Float64 => Value::Float(f64::decode(bytes)?),
            ValueType::Text => Value::Text(String::decode_key(bytes)?),
            ValueType::Float64List => Value::Nothing,
        })
    }
}

/// Appends a value that was kept, or a null.
pub(super) fn put(value: Option<&Value>, value_type: Option<ValueType>, column: &mut Writer) {
    match (value, value_type) {
        (Some(Value::Boolean(value)), _) => column.boolean(Some(*value)),
        (Some(Value::Integer(value)), _) => column.integer(Some(*value)),
        (Some(Value::Float(value)), _) => column.float(Some(*value)),
        (Some(Value::Text(value)), _) => column.text(Some(value)),
        (_, Some(ValueType::Boolean)) => column.boolean(None),
        (_, Some(ValueType::Float64)) => column.float(None),
        (_, Some(ValueType::Text)) => column.text(None),
        _ => column.integer(None),
    }
}
