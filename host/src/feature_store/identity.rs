//! The identity of a view: everything in project and component that decides its values, part by part.
//!
//! The project's structs are taken apart without `..`: a new field does not compile until it is decided here whether it
//! belongs to the identity.

use std::fmt::Display;

use crate::batch::Value;
use crate::evaluate::ViewProgram;
use crate::events::{is_read_nullable, read_type};
use crate::files::CONVERSIONS_VERSION;
use crate::log::{FEATURE_DEFAULT, FEATURE_TTL, Parts, SOURCES, ViewIdentity};
use crate::project::{Entity, Key, MappedColumn, Source, View};
use crate::schema::Field;
use crate::time::TimeUnit;

/// A feature of another view that a view reads.
pub(super) struct ReadFeature {
    /// What the transform calls it.
    pub(super) name: String,
    /// The label of the view that gives it.
    pub(super) view: String,
    /// What that view calls it.
    pub(super) feature: String,
    /// The digest of that view's identity.
    pub(super) identity: String,
}

/// The identity of a view that is run as `program`, with its entity, its sources in their order, and the features that it reads.
pub(super) fn view_identity(
    view: &View,
    program: &ViewProgram,
    entity: Option<&Entity>,
    sources: &[Source],
    inputs: &[ReadFeature],
) -> ViewIdentity {
    let View {
        ttl,
        // By the component and by the parameters that the program has.
        transform: _,
        parameters: _,
        // By the entity, the sources and the inputs that were found under these names.
        entity: _,
        sources: _,
        inputs: _,
        // Who it is, and what is said about it.
        name: _,
        version: _,
        owner: _,
        description: _,
        freshness: _,
        tags: _,
        // By the rules that the program has of them.
        features: _,
        spans: _,
    } = view;
    let description = program.description();
    let mut parts = Parts::new();
    let mut add = |name: String, part: String| drop(parts.insert(name, part));
    add("component".to_owned(), program.digest().to_owned());
    add("state version".to_owned(), description.state_version.to_string());
    for (field, column) in description.parameters.iter().zip(program.parameters()) {
        add(format!("parameter {}", field.name), written(&column.value(0)));
    }
    add("ttl".to_owned(), or_none(ttl.as_ref()));
    for (feature, default) in program.defaults() {
        add(format!("{FEATURE_DEFAULT}{feature}"), written(&default));
    }
    for (feature, ttl) in program.own_ttls() {
        add(format!("{FEATURE_TTL}{feature}"), ttl.to_string());
    }
    add("keys".to_owned(), entity.map_or_else(|| "none".to_owned(), entity_keys));
    for ReadFeature { name, view, feature, identity } in inputs {
        add(format!("input {name}"), format!("{view}:{feature}"));
        add(format!("view {view}"), identity.clone());
    }
    add(SOURCES.to_owned(), listed(sources.iter().map(|source| source.name.clone())));
    for source in sources {
        for (name, part) in source_parts(source).into_iter().chain(read_parts(source, &description.event_fields)) {
            add(format!("{name} of source {}", source.name), part);
        }
    }
    if !sources.is_empty() {
        add("conversions of files and log".to_owned(), format!("version {CONVERSIONS_VERSION}"));
    }
    parts.into()
}

/// What a source says whoever reads it: keys, times, event id, and the offsets that are left out.
pub(crate) fn source_parts(source: &Source) -> Parts {
    let Source {
        keys,
        event_time,
        event_time_unit,
        arrival_time,
        arrival_time_unit,
        time_format,
        event_id,
        skip_offsets,
        // By what each view reads of it.
        columns: _,
        fields: _,
        // By the components of the views that use them.
        derived: _,
        // By the keys.
        entities: _,
        // What was pushed is in the log, whatever was expected of it.
        expectations: _,
        on_bad_event: _,
        materialize_every: _,
        // Which events there are, not what they mean: histories and manifests have the files by their digests.
        files: _,
        // The list of sources has the name.
        name: _,
        // What is said about it.
        description: _,
        owner: _,
        tags: _,
    } = source;
    let parts = [
        ("keys", key_list(keys)),
        ("event time", time_column(event_time, *event_time_unit)),
        ("arrival time", arrival_time.as_ref().map_or("none".to_owned(), |name| time_column(name, *arrival_time_unit))),
        ("time format", time_format.as_ref().map_or("none".to_owned(), |format| quoted(format.pattern()))),
        ("event id", event_id.as_ref().map_or("none".to_owned(), |name| named(name))),
        ("skip_offsets", listed(skip_offsets.iter().map(u64::to_string))),
    ];
    parts.into_iter().map(|(name, part)| (name.to_owned(), part)).collect()
}

/// What a source says of the fields that a view reads: as what, and from which columns.
pub(super) fn read_parts(source: &Source, fields: &[Field]) -> Parts {
    let read = fields.iter().map(|field| {
        let nullable = if is_read_nullable(source, field) { " or null" } else { "" };
        format!("{} {}{nullable}", named(&field.name), read_type(source, field))
    });
    // A mapping of what the view does not read decides nothing.
    let is_read = |name: &str| source.role_type(name).is_some() || fields.iter().any(|field| field.name == name);
    let mut columns: Vec<String> = Vec::new();
    for MappedColumn { name, column, span: _ } in &source.columns {
        if name != column && (is_read(name) || is_read(column)) {
            columns.push(format!("{} in {}", named(name), named(column)));
        }
    }
    columns.sort();
    [("fields".to_owned(), listed(read)), ("columns".to_owned(), listed(columns.into_iter()))].into()
}

/// The key columns of an entity, which is known by nothing else.
fn entity_keys(entity: &Entity) -> String {
    let Entity { keys, name: _, description: _ } = entity;
    key_list(keys)
}

/// Key columns in words: `item int64, user text`.
pub(super) fn key_list(keys: &[Key]) -> String {
    listed(keys.iter().map(|Key { name, key_type }| format!("{} {}", named(name), key_type.value_type())))
}

fn time_column(name: &str, unit: Option<TimeUnit>) -> String {
    match unit {
        Some(unit) => format!("{} in {}", named(name), unit.name()),
        None => named(name),
    }
}

/// A value so that no other is written alike: texts in quotes.
fn written(value: &Value) -> String {
    match value {
        Value::Text(text) => quoted(text),
        value => value.to_string(),
    }
}

/// A name so that no other part is written alike: one that is more than letters, digits, `_` and `-`, or is `none`, in quotes.
fn named(name: &str) -> String {
    let is_bare = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    if is_bare && name != "none" { name.to_owned() } else { quoted(name) }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn or_none(part: Option<&impl Display>) -> String {
    part.map_or_else(|| "none".to_owned(), ToString::to_string)
}

fn listed(parts: impl Iterator<Item = String>) -> String {
    let parts = parts.collect::<Vec<_>>().join(", ");
    if parts.is_empty() { "none".to_owned() } else { parts }
}
