//! Entities: what features describe, the keys that name them, and the state that a view keeps of one.
//!
//! - `keys`: keys as rows of columns, and as bytes. - `intern`: keys as dense numbers. - `state`: the state of one entity.
//!
//! Knows nothing of files, projects or components: a state is bytes here.

mod intern;
mod keys;
mod state;

use std::fmt;

pub use intern::{KeyInterner, TooManyEntities};
pub use keys::KeyRows;
pub(crate) use keys::{hash_bytes, short_bytes};
pub use state::EntityState;

use crate::batch::{Column, Value, Values};
use crate::schema::ValueType;

/// The type of one key column of an entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyType {
    /// UTF-8 text.
    Text,
    /// A signed 64-bit integer.
    Int64,
}

impl KeyType {
    /// The type of the key's column.
    pub fn value_type(self) -> ValueType {
        match self {
            Self::Text => ValueType::Text,
            Self::Int64 => ValueType::Int64,
        }
    }
}

/// One value of a key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(untagged)]
pub enum KeyValue {
    /// An integer.
    Int64(i64),
    /// A text.
    Text(String),
}

/// The key of one entity: one value per key column, in the entity's order.
///
/// Stored as a JSON array (`["c1"]`, `[7]`), which is canonical: one spelling per key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct EntityKey(pub Vec<KeyValue>);

impl EntityKey {
    /// The key in `row` of key columns, or `None` where one of them is null.
    pub fn from_columns<'a>(columns: impl IntoIterator<Item = &'a Column>, row: usize) -> Option<Self> {
        let value = |column: &Column| match column.value(row) {
            Value::Int64(value) => Some(KeyValue::Int64(value)),
            Value::Text(value) => Some(KeyValue::Text(value)),
            _ => None,
        };
        columns.into_iter().map(value).collect::<Option<Vec<_>>>().map(Self)
    }

    /// Appends the key as [`write_key_bytes`] does.
    pub(crate) fn write_bytes(&self, bytes: &mut Vec<u8>) {
        for value in &self.0 {
            match value {
                KeyValue::Int64(value) => bytes.extend_from_slice(&value.to_le_bytes()),
                KeyValue::Text(text) => write_text_bytes(text.as_bytes(), bytes),
            }
        }
    }

    /// The canonical text of the key.
    pub fn encode(&self) -> String {
        serde_json::to_string(self).expect("a list of texts and integers is always JSON")
    }

    /// The key whose canonical text is `text`.
    pub fn decode(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }
}

impl fmt::Display for KeyValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int64(value) => write!(f, "{value}"),
            Self::Text(value) => f.write_str(value),
        }
    }
}

impl fmt::Display for EntityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, value) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str(", ")?;
            }
            write!(f, "{value}")?;
        }
        Ok(())
    }
}

/// Appends the key in `row` of key columns as bytes that no other key of the entity has: texts after their length, integers
/// as eight bytes.
pub(crate) fn write_key_bytes<'a>(columns: impl Iterator<Item = &'a Column>, row: usize, bytes: &mut Vec<u8>) {
    for column in columns {
        match column.values() {
            Values::Int64s(values) => bytes.extend_from_slice(&values[row].to_le_bytes()),
            _ => write_text_bytes(column.text(row).unwrap_or_default(), bytes),
        }
    }
}

fn write_text_bytes(text: &[u8], bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(&(text.len() as u64).to_le_bytes());
    bytes.extend_from_slice(text);
}
