//! Entities and sources, as the project has them, with what the views read of them.

use super::entries::{Column, EntityEntry, SourceColumn, SourceEntry, ViewEntry};
use crate::project::{Entity, Expectation, Key, MappedColumn, Project, Source};

/// The entry of an entity.
pub(super) fn entity(entity: &Entity, project: &Project, views: &[ViewEntry]) -> EntityEntry {
    let Entity { name, keys, description } = entity;
    let sources = project.sources.iter().filter(|source| source.entities.contains(name));
    let views = views.iter().filter(|view| view.entity.as_ref() == Some(name));
    EntityEntry {
        entity: name.clone(),
        description: description.clone(),
        keys: keys.iter().map(key).collect(),
        sources: sources.map(|source| source.name.clone()).collect(),
        views: views.map(|view| view.view.clone()).collect(),
    }
}

fn key(key: &Key) -> Column {
    let Key { name, key_type } = key;
    Column { name: name.clone(), value_type: Some(key_type.value_type()), nullable: false, description: None }
}

/// The entry of a source.
pub(super) fn source(source: &Source, views: &[ViewEntry]) -> SourceEntry {
    let readers: Vec<&ViewEntry> = views.iter().filter(|view| view.sources.contains(&source.name)).collect();
    let columns = columns(source, &readers);
    // Taken apart without `..`: what is new in a project is shown, or it does not compile.
    let Source {
        name,
        entities,
        // By the columns.
        keys: _,
        columns: _,
        fields: _,
        files,
        event_time,
        event_time_unit,
        arrival_time,
        arrival_time_unit,
        time_format,
        event_id,
        derived,
        expectations,
        on_bad_event,
        materialize_every,
        skip_offsets,
        description,
        owner,
        tags,
    } = source;
    let is_of_events = expectations.iter().any(Expectation::is_of_events);
    SourceEntry {
        source: name.clone(),
        owner: owner.clone(),
        description: description.clone(),
        tags: tags.clone(),
        entities: entities.clone(),
        files: files.clone(),
        event_time: event_time.clone(),
        event_time_unit: event_time_unit.map(|unit| unit.name()),
        arrival_time: arrival_time.clone(),
        arrival_time_unit: arrival_time_unit.map(|unit| unit.name()),
        time_format: time_format.as_ref().map(|format| format.pattern().to_owned()),
        event_id: event_id.clone(),
        materialize_every: materialize_every.map(|length| length.to_string()),
        expect: expectations.iter().map(|expected| (expected.field.clone(), expected.words())).collect(),
        on_bad_event: is_of_events.then(|| on_bad_event.as_str()),
        skip_offsets: skip_offsets.iter().copied().collect(),
        columns,
        derived: derived.iter().map(|(name, sql)| (name.clone(), sql.text.clone())).collect(),
        views: readers.iter().map(|view| view.view.clone()).collect(),
    }
}

/// Its columns: keys, times, id, the declared fields in their order, what views read beside them, and what else is mapped.
fn columns(source: &Source, readers: &[&ViewEntry]) -> Vec<SourceColumn> {
    let mut columns: Vec<SourceColumn> = Vec::new();
    let mut add = |column: Column, role: &'static str| {
        if columns.iter().any(|known| known.column.name == column.name) {
            return;
        }
        let mapped = source.columns.iter().find(|mapped| mapped.name == column.name && mapped.column != column.name);
        let reads = |view: &&&ViewEntry| view.event_fields.iter().any(|field| field.name == column.name);
        columns.push(SourceColumn {
            role,
            mapped_from: mapped.map(|mapped| mapped.column.clone()),
            views: readers.iter().filter(reads).map(|view| view.view.clone()).collect(),
            column,
        });
    };
    let declared = |name: &str| source.field(name).and_then(|field| field.description.clone());
    let named = |name: &str, nullable: bool| Column {
        name: name.to_owned(),
        value_type: source.role_type(name),
        nullable,
        description: declared(name),
    };
    source.keys.iter().for_each(|key| add(named(&key.name, false), "key"));
    add(named(&source.event_time, false), "event time");
    source.arrival_time.iter().for_each(|name| add(named(name, true), "arrival time"));
    source.event_id.iter().for_each(|name| add(named(name, true), "event id"));
    source.fields.iter().for_each(|field| add(Column::from(field), "field"));
    for view in readers {
        view.event_fields.iter().for_each(|field| add(Column { nullable: true, ..field.clone() }, "field"));
    }
    for MappedColumn { name, column: _, span: _ } in &source.columns {
        add(named(name, true), "field");
    }
    columns
}
