//! `onepath.toml` as it is written: every field as TOML has it, with its place in the text, nothing checked yet.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de};
use toml::Spanned;

use super::{Admission, Isolation, OnBadEvent};
use crate::entity::KeyType;
use crate::schema::ValueType;
use crate::time::TimeUnit;

/// A table whose keys are names.
pub(super) type Table<T> = BTreeMap<Spanned<String>, T>;

type Tags = BTreeMap<String, String>;

/// The entries of `table` in the order of the document.
pub(super) fn in_order<T>(table: Table<T>) -> Vec<(Spanned<String>, T)> {
    let mut entries: Vec<_> = table.into_iter().collect();
    entries.sort_by_key(|(name, _)| name.span().start);
    entries
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawProject {
    #[serde(default)]
    pub include: Vec<String>,
    pub project: RawHead,
    #[serde(default)]
    pub entities: Table<RawEntity>,
    #[serde(default)]
    pub sources: Table<RawSource>,
    #[serde(default)]
    pub views: Table<RawView>,
    #[serde(default)]
    pub services: Table<RawService>,
    #[serde(default)]
    pub request: RawRequest,
    #[serde(default)]
    pub limits: RawLimits,
    #[serde(default)]
    pub serving: RawServing,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawHead {
    pub name: Spanned<String>,
    pub repeat_share: Option<Spanned<f64>>,
    pub admission: Option<Admission>,
    pub isolation: Option<Isolation>,
    pub component_store: Option<Spanned<String>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawServing {
    pub log_share: Option<Spanned<f64>>,
    pub served_bytes_max: Option<Spanned<i64>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLimits {
    pub component_bytes_max: Option<Spanned<i64>>,
    pub function_bytes_max: Option<Spanned<i64>>,
    pub compile_ms_max: Option<Spanned<i64>>,
    pub admission_ms_max: Option<Spanned<i64>>,
    pub admission_bytes_max: Option<Spanned<i64>>,
    pub memory_bytes_max: Option<Spanned<i64>>,
    pub table_elements_max: Option<Spanned<i64>>,
    pub stack_bytes_max: Option<Spanned<i64>>,
    pub call_ms_max: Option<Spanned<i64>>,
    pub output_bytes_max: Option<Spanned<i64>>,
    pub description_bytes_max: Option<Spanned<i64>>,
    pub state_bytes_max: Option<Spanned<i64>>,
    pub stderr_bytes_max: Option<Spanned<i64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawEntity {
    pub keys: Spanned<Table<Spanned<KeyType>>>,
    pub description: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSource {
    pub entity: Option<Spanned<String>>,
    #[serde(default)]
    pub entities: Vec<Spanned<String>>,
    #[serde(default)]
    pub files: Vec<Spanned<String>>,
    pub event_time: Spanned<String>,
    pub event_time_unit: Option<TimeUnit>,
    pub arrival_time: Option<Spanned<String>>,
    pub arrival_time_unit: Option<Spanned<TimeUnit>>,
    pub time_format: Option<Spanned<String>>,
    pub event_id: Option<Spanned<String>>,
    #[serde(default)]
    pub columns: Table<Spanned<String>>,
    #[serde(default)]
    pub skip_offsets: Vec<Spanned<i64>>,
    #[serde(default)]
    pub fields: Table<Spanned<RawField>>,
    #[serde(default)]
    pub derived: Table<Spanned<String>>,
    #[serde(default)]
    pub expect: Table<Spanned<RawExpectation>>,
    pub on_bad_event: Option<Spanned<OnBadEvent>>,
    pub materialize_every: Option<Spanned<String>>,
    pub description: Option<String>,
    pub owner: Option<String>,
    #[serde(default)]
    pub tags: Tags,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawExpectation {
    pub min: Option<Spanned<toml::Value>>,
    pub max: Option<Spanned<toml::Value>>,
    #[serde(default)]
    pub values: Vec<Spanned<toml::Value>>,
    pub null_share_max: Option<Spanned<f64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawView {
    pub version: Option<Spanned<i64>>,
    pub entity: Option<Spanned<String>>,
    #[serde(default)]
    pub sources: Vec<Spanned<String>>,
    #[serde(default)]
    pub inputs: Vec<Spanned<String>>,
    #[serde(default)]
    pub parameters: Table<Spanned<toml::Value>>,
    pub transform: Option<Spanned<String>>,
    #[serde(default)]
    pub latest: Vec<Spanned<String>>,
    pub tie_break: Option<Spanned<String>>,
    #[serde(default)]
    pub request: Table<Spanned<RawField>>,
    pub owner: Option<String>,
    pub description: Option<String>,
    pub ttl: Option<Spanned<String>>,
    pub freshness: Option<Spanned<String>>,
    #[serde(default)]
    pub tags: Tags,
    #[serde(default)]
    pub features: Table<RawFeature>,
}

/// What is said about a feature, and what makes it in a declared view.
#[derive(Default)]
pub(super) struct RawFeature {
    pub owner: Option<String>,
    pub description: Option<String>,
    pub default: Option<Spanned<toml::Value>>,
    pub ttl: Option<Spanned<String>>,
    pub freshness: Option<Spanned<String>>,
    pub profile_values: bool,
    pub tags: Tags,
    /// All other entries, in the order of the document: they say how the feature is made.
    pub making: Vec<(Spanned<String>, Spanned<RawValue>)>,
}

/// The entries of a feature that say nothing of how it is made.
pub(super) const FEATURE_FACTS: [&str; 7] =
    ["owner", "description", "default", "ttl", "freshness", "profile_values", "tags"];

impl<'de> Deserialize<'de> for RawFeature {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = RawFeature;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table, such as { count = \"*\", window = \"30d\" }")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<RawFeature, M::Error> {
                let mut feature = RawFeature::default();
                while let Some(name) = map.next_key::<Spanned<String>>()? {
                    match name.get_ref().as_str() {
                        "owner" => feature.owner = map.next_value()?,
                        "description" => feature.description = map.next_value()?,
                        "default" => feature.default = map.next_value()?,
                        "ttl" => feature.ttl = map.next_value()?,
                        "freshness" => feature.freshness = map.next_value()?,
                        "profile_values" => feature.profile_values = map.next_value()?,
                        "tags" => feature.tags = map.next_value()?,
                        _ => feature.making.push((name, map.next_value()?)),
                    }
                }
                feature.making.sort_by_key(|(name, _)| name.span().start);
                Ok(feature)
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

/// A value of TOML; the entries of a list with their places.
pub(super) enum RawValue {
    One(toml::Value),
    List(Vec<Spanned<toml::Value>>),
}

impl<'de> Deserialize<'de> for RawValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = RawValue;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }

            fn visit_bool<E: de::Error>(self, value: bool) -> Result<RawValue, E> {
                Ok(RawValue::One(value.into()))
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<RawValue, E> {
                Ok(RawValue::One(value.into()))
            }

            fn visit_f64<E: de::Error>(self, value: f64) -> Result<RawValue, E> {
                Ok(RawValue::One(value.into()))
            }

            fn visit_str<E: de::Error>(self, value: &str) -> Result<RawValue, E> {
                Ok(RawValue::One(value.into()))
            }

            fn visit_seq<S: SeqAccess<'de>>(self, mut list: S) -> Result<RawValue, S::Error> {
                let mut values = Vec::new();
                while let Some(value) = list.next_element()? {
                    values.push(value);
                }
                Ok(RawValue::List(values))
            }

            // A table, or a time, which TOML gives as a table.
            fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<RawValue, M::Error> {
                toml::Value::deserialize(MapAccessDeserializer::new(map)).map(RawValue::One)
            }
        }
        deserializer.deserialize_any(Any)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawService {
    #[serde(default)]
    pub features: Vec<Spanned<String>>,
    pub owner: Option<String>,
    pub description: Option<String>,
    #[serde(default)]
    pub tags: Tags,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRequest {
    #[serde(default)]
    pub fields: Table<Spanned<RawField>>,
}

/// A field's type, `"float64"`, or a table of it and more, `{ type = "float64", nullable = false }`.
pub(super) struct RawField {
    pub value_type: ValueType,
    pub nullable: Option<bool>,
    pub description: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFieldTable {
    #[serde(rename = "type")]
    value_type: ValueType,
    nullable: Option<bool>,
    description: Option<String>,
}

impl<'de> Deserialize<'de> for RawField {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TypeOrTable;
        impl<'de> Visitor<'de> for TypeOrTable {
            type Value = RawField;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a type, such as \"float64\", or a table with one")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<RawField, E> {
                let value_type = ValueType::deserialize(StrDeserializer::new(name))?;
                Ok(RawField { value_type, nullable: None, description: None })
            }

            fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<RawField, M::Error> {
                let RawFieldTable { value_type, nullable, description } =
                    RawFieldTable::deserialize(MapAccessDeserializer::new(map))?;
                Ok(RawField { value_type, nullable, description })
            }
        }
        deserializer.deserialize_any(TypeOrTable)
    }
}
