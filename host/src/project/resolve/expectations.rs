//! Reads what a source expects of its events.

use toml::Spanned;

use super::parameters::scalar;
use crate::batch::Value;
use crate::project::fault::Fault;
use crate::project::names::closest;
use crate::project::raw::{RawExpectation, Table, in_order};
use crate::project::{DeclaredField, Expectation};
use crate::schema::ValueType;
use crate::time::parse_time;

/// The expectations in the order of the document, each of one of the declared `fields`.
pub(super) fn expectations(
    raw: Table<Spanned<RawExpectation>>,
    fields: &[DeclaredField],
    source: &str,
) -> Result<Vec<Expectation>, Fault> {
    in_order(raw).into_iter().map(|(name, raw)| expectation(&name, raw, fields, source)).collect()
}

fn expectation(
    name: &Spanned<String>,
    raw: Spanned<RawExpectation>,
    fields: &[DeclaredField],
    source: &str,
) -> Result<Expectation, Fault> {
    let Some(field) = fields.iter().find(|field| field.name == *name.get_ref()) else {
        return Err(unknown(name, fields, source));
    };
    let (span, raw) = (raw.span(), raw.into_inner());
    let value = |value: &Spanned<toml::Value>| typed(value, field);
    let read = Expectation {
        field: field.name.clone(),
        min: raw.min.as_ref().map(value).transpose()?,
        max: raw.max.as_ref().map(value).transpose()?,
        values: raw.values.iter().map(value).collect::<Result<_, _>>()?,
        null_share_max: raw.null_share_max.as_ref().map(|share| *share.get_ref()),
    };
    if let Some(share) = raw.null_share_max.filter(|share| !(0.0..=1.0).contains(share.get_ref())) {
        return Err(Fault::new(share.span(), format!("{} is no share of events", share.get_ref()))
            .help("write a number from 0, for no nulls at all, to 1"));
    }
    if read.min.is_some() && read.max.as_ref().is_some_and(|max| read.broken_by(max).is_some()) {
        return Err(Fault::new(span, format!("no value of field {:?} is expected", field.name))
            .help("let min be at most max, and values be between them"));
    }
    if !read.is_of_events() && read.null_share_max.is_none() {
        return Err(Fault::new(span, format!("nothing is expected of field {:?}", field.name))
            .help("write any of min, max, values and null_share_max"));
    }
    Ok(read)
}

fn unknown(name: &Spanned<String>, fields: &[DeclaredField], source: &str) -> Fault {
    let message = format!("source {source:?} declares no field {:?}", name.get_ref());
    let meant = match closest(name.get_ref(), fields.iter().map(|field| field.name.as_str())) {
        Some(meant) => format!("did you mean {meant:?}? "),
        None => String::new(),
    };
    Fault::new(name.span(), message).help(format!(
        "{meant}what is expected of a field needs its type: write it under [sources.{source}.fields], such as amount = \"float64\""
    ))
}

/// A value of the type of a field.
fn typed(value: &Spanned<toml::Value>, field: &DeclaredField) -> Result<Value, Fault> {
    let read = match (scalar(value.get_ref()), field.value_type) {
        (Some(Value::Int64(value)), ValueType::Float64) => Some(Value::Float64(value as f64)),
        (Some(Value::Text(text)), ValueType::Time) => parse_time(&text).ok().map(Value::Time),
        (Some(Value::Float64(value)), ValueType::Float64) if value.is_nan() => None,
        (read, ValueType::Int64 | ValueType::Float64 | ValueType::Text | ValueType::Time | ValueType::Bool) => {
            read.filter(|read| read.value_type() == Some(field.value_type))
        }
        (_, ValueType::Float64List) => None,
    };
    read.ok_or_else(|| {
        let message = format!("field {:?} is {}, and this is no value of it", field.name, field.value_type);
        let help = match field.value_type {
            ValueType::Float64List => "of lists only a null_share_max can be expected",
            _ => "write a value of the field's type; a time as a date, with or without a time of day",
        };
        Fault::new(value.span(), message).help(help)
    })
}
