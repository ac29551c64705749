//! A question to the online store: what it must bring, typed and checked before anything else happens.

use super::{FeaturePlan, PreparedRequest};
use crate::Error;
use crate::batch::{Column, ColumnError, Value, Values};
use crate::entity::{KeyType, KeyValue};
use crate::files::{self, Nulls, Wanted};
use crate::schema::{Field, ValueType};
use crate::time::AsOf;

/// One question to the online store.
#[derive(Clone, Debug, Default)]
pub struct OnlineRequest {
    /// Key column and value of each entity.
    pub entities: Vec<(String, KeyValue)>,
    /// Request fields.
    pub request: Vec<(String, Value)>,
    /// The cut-off; now, where it is not given.
    pub as_of: Option<AsOf>,
}

impl OnlineRequest {
    /// A request whose values are texts, as on a command line: each is read by the type that the plan gives it.
    pub fn from_text(
        plan: &FeaturePlan,
        entities: &[(String, String)],
        request: &[(String, String)],
        as_of: Option<AsOf>,
    ) -> Result<Self, Error> {
        let keys = plan.keys();
        let key = |(name, text): &(String, String)| {
            let value = match keys.iter().find(|key| key.name == *name).map(|key| key.key_type) {
                Some(KeyType::Int64) => KeyValue::Int64(
                    text.parse().map_err(|_| wrong(format!("the entity key {name}: {text:?} is not an integer")))?,
                ),
                _ => KeyValue::Text(text.clone()),
            };
            Ok((name.clone(), value))
        };
        let fields = plan.request_fields();
        let field = |(name, text): &(String, String)| {
            let Some(field) = fields.iter().find(|field| field.name == *name) else {
                return Ok((name.clone(), Value::Text(text.clone())));
            };
            let wanted = Wanted::new(name, field.value_type, Nulls::Allowed);
            let value = files::text_value(text, &wanted);
            Ok((name.clone(), value.map_err(|fault| wrong(format!("the request field {name}: {fault}")))?))
        };
        Ok(Self {
            entities: entities.iter().map(key).collect::<Result<_, Error>>()?,
            request: request.iter().map(field).collect::<Result<_, Error>>()?,
            as_of,
        })
    }
}

/// The inputs of a request as columns of one row: every key and request field, typed and checked.
pub(super) fn inputs_of_request(prepared: &PreparedRequest, request: &OnlineRequest) -> Result<Vec<Column>, Error> {
    let (keys, fields): (Vec<_>, Vec<_>) = prepared.inputs().iter().partition(|input| input.is_key);
    if let Some(name) = twice(request.entities.iter().map(|(name, _)| name)) {
        return Err(wrong(format!("the entity key {name} is given twice: ask for one entity at a time")));
    }
    if let Some(name) = twice(request.request.iter().map(|(name, _)| name)) {
        return Err(wrong(format!("the request field {name} is given twice")));
    }
    if let Some((unknown, _)) = request.entities.iter().find(|(name, _)| !keys.iter().any(|key| key.name == *name)) {
        let known: Vec<&str> = keys.iter().map(|key| key.name.as_str()).collect();
        return Err(wrong(format!(
            "no view asked for has the entity key {unknown}; the keys are: {}",
            known.join(", ")
        )));
    }
    let mut inputs = Vec::with_capacity(prepared.inputs().len());
    for key in &keys {
        let given = request.entities.iter().find(|(name, _)| *name == key.name);
        let (_, value) =
            given.ok_or_else(|| wrong(format!("the entity key {} ({}) is missing", key.name, key.value_type)))?;
        let value = match value {
            KeyValue::Int64(value) => Value::Int64(*value),
            KeyValue::Text(value) => Value::Text(value.clone()),
        };
        inputs
            .push(one(key.value_type, &value).map_err(|error| wrong(format!("the entity key {}: {error}", key.name)))?);
    }
    for field in &fields {
        let given = request.request.iter().find(|(name, _)| *name == field.name);
        let value = match given {
            Some((_, value)) => value,
            None if field.nullable => &Value::Null,
            None => return Err(wrong(format!("the request field {} ({}) is missing", field.name, field.value_type))),
        };
        let column = one(field.value_type, value);
        inputs.push(column.map_err(|error| wrong(format!("the request field {}: {error}", field.name)))?);
    }
    if let Some((unknown, _)) = request.request.iter().find(|(name, _)| !fields.iter().any(|f| f.name == *name)) {
        let known: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        return Err(wrong(format!("no view asked for has the request field {unknown}; the fields are: {known}")));
    }
    prepared.check(&inputs)?;
    Ok(inputs)
}

/// A request field as a transform reads it: whole numbers as float64, where that is exact.
pub(super) fn as_read(column: &Column, field: &Field) -> Result<Column, Error> {
    let Values::Int64s(values) = column.values() else { return Ok(column.clone()) };
    if field.value_type != ValueType::Float64 {
        return Ok(column.clone());
    }
    let float = |(row, value): (usize, &i64)| {
        files::exact_float64(*value)
            .map_err(|fault| wrong(format!("the request field {}, row {}: {fault}", field.name, row + 1)))
    };
    let floats = values.iter().enumerate().map(float).collect::<Result<Vec<f64>, _>>()?;
    Ok(Column::from_parts(Values::Float64s(floats), column.nulls().map(<[u8]>::to_vec)))
}

/// A column of one row.
fn one(value_type: ValueType, value: &Value) -> Result<Column, ColumnError> {
    let mut column = Column::new(value_type);
    column.push(value)?;
    Ok(column)
}

/// The first name that occurs twice.
fn twice<'a>(names: impl Iterator<Item = &'a String>) -> Option<&'a String> {
    let mut seen = std::collections::HashSet::new();
    names.into_iter().find(|name| !seen.insert(*name))
}

fn wrong(message: String) -> Error {
    Error::Request { message }
}
