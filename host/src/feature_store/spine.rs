//! The spine: rows of entity keys, as-of and request fields.

use crate::Error;
use crate::batch::Column;
use crate::events::exact_floats;
use crate::project::Entity;
use crate::schema::{Field, ValueType};
use crate::time::AsOf;

/// Rows that ask for features: whose, as of when, with which request fields. Columns are found by name.
#[derive(Clone, Debug, Default)]
pub struct Spine {
    /// The key columns, without nulls.
    pub keys: Vec<(String, Column)>,
    /// Per row, the cut-off.
    pub as_of: Vec<AsOf>,
    /// The request fields.
    pub request_fields: Vec<(String, Column)>,
}

impl Spine {
    /// How many rows.
    pub fn rows(&self) -> usize {
        self.as_of.len()
    }

    /// The key columns of an entity, in its order.
    pub(crate) fn key_columns(&self, entity: &Entity) -> Result<Vec<&Column>, Error> {
        let column = |key: &crate::project::Key| {
            self.key(&key.name).ok_or_else(|| Error::Request {
                message: format!("the key {} of entity {} is missing", key.name, entity.name),
            })
        };
        entity.keys.iter().map(column).collect()
    }

    /// The column of a key, if there is one.
    pub(crate) fn key(&self, name: &str) -> Option<&Column> {
        self.keys.iter().find(|(known, _)| known == name).map(|(_, column)| column)
    }

    /// The column of a request field, as a transform reads it.
    pub(crate) fn request_column(&self, field: &Field) -> Result<Column, Error> {
        let found = self.request_fields.iter().find(|(name, _)| *name == field.name);
        let (_, column) = found.ok_or_else(|| Error::Request {
            message: format!("the request field {} ({}) is missing", field.name, field.value_type),
        })?;
        if field.value_type != ValueType::Float64 {
            return Ok(column.clone());
        }
        exact_floats(column).map_err(|(row, fault)| Error::Request {
            message: format!("the request field {}, row {}: {fault}", field.name, row + 1),
        })
    }
}
