//! The content of events: key, event time, and the fields that are read, as columns; and whether two pushed events are the same.

use serde_json::Value as Json;
use serde_json::value::RawValue;

use super::hash::{RowHash, add_lane, add_times};
use crate::batch::{Column, Lane, Value};
use crate::entity::{EntityKey, KeyValue};
use crate::events::ReadError;
use crate::events::fields::field_wanted;
use crate::files::{self, Fields, Nulls, Wanted};
use crate::log::EventContent;
use crate::project::Source;
use crate::schema::Field;
use crate::time::parse_time;

/// What the content of the events of a source is made of, beside the event time.
pub(crate) struct ContentFields<'a> {
    source: &'a Source,
    /// By name and type.
    fields: Vec<Field>,
}

impl<'a> ContentFields<'a> {
    /// The key columns of the source, and those of `fields` that are neither of these, nor a time or the id of the event.
    pub(crate) fn new(source: &'a Source, fields: &[Field]) -> Self {
        let mut fields: Vec<Field> = fields.iter().filter(|field| !is_apart(source, &field.name)).cloned().collect();
        fields.sort_by(|one, other| (&one.name, one.value_type as u8).cmp(&(&other.name, other.value_type as u8)));
        fields.dedup_by(|one, other| one.name == other.name && one.value_type == other.value_type);
        Self { source, fields }
    }

    /// The fields, in order.
    pub(crate) fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// The fields as columns of files.
    pub(super) fn wanted(&self) -> impl Iterator<Item = Wanted> + '_ {
        self.fields.iter().map(|field| field_wanted(self.source, field))
    }

    /// The key columns and the fields of pushed events. What an event does not have, or has in another type, is null.
    pub(super) fn lanes<'e>(
        &self,
        events: impl Iterator<Item = (&'e EntityKey, &'e str)>,
    ) -> Result<Vec<Lane>, ReadError> {
        let mut keys: Vec<Column> = self.source.keys.iter().map(|key| Column::new(key.key_type.value_type())).collect();
        let wanted: Vec<Wanted> = self.wanted().map(|wanted| Wanted { nulls: Nulls::Allowed, ..wanted }).collect();
        let mut columns: Vec<Column> = wanted.iter().map(|wanted| Column::new(wanted.value_type)).collect();
        for (key, fields) in events {
            for (at, column) in keys.iter_mut().enumerate() {
                let pushed = column.push(&match key.0.get(at) {
                    Some(KeyValue::Int64(value)) => Value::Int64(*value),
                    Some(KeyValue::Text(value)) => Value::Text(value.clone()),
                    None => Value::Null,
                });
                // A key column whose type has changed since.
                pushed.or_else(|_| column.push(&Value::Null))?;
            }
            let fields: Fields<'_> = serde_json::from_str(fields).unwrap_or_default();
            for (column, wanted) in columns.iter_mut().zip(&wanted) {
                let value = fields.find(&wanted.name, &mut 0).map(|value| files::raw_value(value, wanted));
                column.push(&value.and_then(Result::ok).unwrap_or(Value::Null))?;
            }
        }
        Ok(keys.into_iter().chain(columns).map(Lane::Column).collect())
    }

    /// The hash of the content of a pushed event: that of a row of a file with the same content.
    pub(crate) fn hash(&self, event: EventContent<'_>) -> Result<u128, ReadError> {
        let EventContent { key, event_time, fields } = event;
        let mut hash = [RowHash::new()];
        add_times(&mut hash, &[event_time.micros()]);
        self.lanes(std::iter::once((key, fields)))?.iter().for_each(|lane| add_lane(&mut hash, lane));
        Ok(hash[0].finish())
    }
}

/// Whether a column is no field of the content: it is compared by itself, or tells how the event came.
fn is_apart(source: &Source, name: &str) -> bool {
    source.keys.iter().any(|key| key.name == name)
        || source.event_time == name
        || source.arrival_time.as_deref() == Some(name)
        || source.event_id.as_deref() == Some(name)
}

/// Whether two events of a source that were pushed with one id have the same content. Fields that views read, of which `fields` are
/// some, are compared as values of their types; others as what they say: 1 and 1.0 are one number, and two spellings of one
/// moment one time.
pub(crate) fn same_content(source: &Source, fields: &[Field], one: EventContent<'_>, other: EventContent<'_>) -> bool {
    if one.key != other.key || one.event_time != other.event_time {
        return false;
    }
    if one.fields == other.fields {
        return true;
    }
    let parse = |text| serde_json::from_str::<Fields<'_>>(text).unwrap_or_default();
    let (one, other) = (parse(one.fields), parse(other.fields));
    let wanted: Vec<Wanted> = ContentFields::new(source, fields).wanted().collect();
    let mut names = one.0.iter().chain(&other.0).map(|(name, _)| name).filter(|name| !is_apart(source, name));
    names.all(|name| {
        let [a, b] = [&one, &other].map(|fields| fields.find(name, &mut 0).unwrap_or(RawValue::NULL));
        let read = |wanted: &&Wanted| wanted.name == *name;
        a.get() == b.get()
            || says_the_same(a, b)
            || wanted.iter().find(read).is_some_and(|wanted| is_same_value(a, b, wanted))
    })
}

fn is_same_value(one: &RawValue, other: &RawValue, wanted: &Wanted) -> bool {
    let values = [one, other].map(|json| files::raw_value(json, wanted));
    matches!(&values, [Ok(one), Ok(other)] if one.same_bits(other))
}

fn says_the_same(one: &RawValue, other: &RawValue) -> bool {
    let values = [one, other].map(|json| serde_json::from_str::<Json>(json.get()).ok());
    match values {
        [Some(Json::Number(a)), Some(Json::Number(b))] => {
            a == b || (a.is_f64() || b.is_f64()) && a.as_f64() == b.as_f64()
        }
        [Some(Json::String(a)), Some(Json::String(b))] => {
            a == b || matches!((parse_time(&a), parse_time(&b)), (Ok(a), Ok(b)) if a == b)
        }
        [one, other] => one == other,
    }
}
