//! Reads a view's parameters: TOML's values as onepath's.

use toml::Spanned;

use crate::batch::{Value, canonical};
use crate::project::fault::Fault;
use crate::project::names;
use crate::project::raw::{Table, in_order};
use crate::time::parse_time;

/// The parameters in the order of the document.
pub(super) fn parameters(raw: Table<Spanned<toml::Value>>) -> Result<Vec<(String, Value)>, Fault> {
    let read = |(name, value): (Spanned<String>, Spanned<toml::Value>)| {
        let name = names::identifier(&name, "a parameter")?;
        let wrong = || {
            Fault::new(value.span(), format!("parameter {name:?} is not a value that a transform can take"))
                .help("write true or false, a number, a text, a date with or without a time, or a list of numbers")
        };
        let value = scalar(value.get_ref()).ok_or_else(wrong)?;
        Ok((name, value))
    };
    in_order(raw).into_iter().map(read).collect()
}

/// A value of TOML as onepath's; `None` for what is none.
pub(super) fn scalar(value: &toml::Value) -> Option<Value> {
    Some(match value {
        toml::Value::Boolean(value) => Value::Bool(*value),
        toml::Value::Integer(value) => Value::Int64(*value),
        toml::Value::Float(value) => Value::Float64(canonical(*value)),
        toml::Value::String(value) => Value::Text(value.clone()),
        toml::Value::Datetime(value) => Value::Time(parse_time(&value.to_string()).ok()?),
        toml::Value::Array(values) => Value::Float64List(values.iter().map(number).collect::<Option<_>>()?),
        toml::Value::Table(_) => return None,
    })
}

fn number(value: &toml::Value) -> Option<f64> {
    match value {
        toml::Value::Integer(value) => Some(*value as f64),
        toml::Value::Float(value) => Some(canonical(*value)),
        _ => None,
    }
}
