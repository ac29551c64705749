//! Resolves sources.

use toml::Spanned;

use super::{expectations, fields, length};
use crate::project::fault::Fault;
use crate::project::names;
use crate::project::raw::RawSource;
use crate::project::{Entity, Expectation, Key, Source, UnknownName};
use crate::time::{TimeError, TimeFormat};

/// The sources that `raw` describes, of the entities that there are.
pub(super) fn sources(raw: Vec<(Spanned<String>, RawSource)>, entities: &[Entity]) -> Result<Vec<Source>, Fault> {
    raw.into_iter().map(|(name, raw)| source(&name, raw, entities)).collect()
}

fn source(table: &Spanned<String>, raw: RawSource, entities: &[Entity]) -> Result<Source, Fault> {
    let name = names::identifier(table, "a source")?;
    let of = entities_of(table, &raw, entities)?;
    for (field, column) in [("event_time", Some(&raw.event_time)), ("arrival_time", raw.arrival_time.as_ref())] {
        let Some(column) = column else { continue };
        if let Some(entity) = of.iter().find(|entity| entity.keys.iter().any(|key| key.name == *column.get_ref())) {
            let message = format!("{field} {:?} is a key column of entity {:?}", column.get_ref(), entity.name);
            return Err(Fault::new(column.span(), message).help("name the column that holds a time"));
        }
    }
    if let (Some(unit), None) = (&raw.arrival_time_unit, &raw.arrival_time) {
        return Err(Fault::new(
            unit.span(),
            format!("source {name:?} has a unit for arrival_time, but no arrival_time"),
        )
        .help("name the column that says when an event arrived: arrival_time = \"...\", or remove the unit"));
    }
    let empty = |text: &&Spanned<String>| text.get_ref().is_empty();
    if let Some(text) = raw.files.iter().find(empty) {
        return Err(Fault::new(text.span(), format!("source {name:?} has an empty file name"))
            .help("write a path or a pattern relative to the project's folder, such as \"data/events-*.parquet\""));
    }
    let columns = [Some(&raw.event_time), raw.arrival_time.as_ref(), raw.event_id.as_ref()];
    if let Some(column) = columns.into_iter().flatten().find(empty) {
        return Err(Fault::new(column.span(), format!("source {name:?} has an empty column name"))
            .help("write a column's name as it is in the files"));
    }
    let time_format = raw.time_format.as_ref().map(time_format).transpose()?;
    if let (Some(every), true) = (&raw.materialize_every, raw.files.is_empty()) {
        return Err(Fault::new(every.span(), format!("source {name:?} has no files to be materialized"))
            .help("remove materialize_every: what is pushed is in the states at once"));
    }
    let materialize_every = length(raw.materialize_every)?;
    let (columns, skip_offsets) =
        (fields::columns(raw.columns, &name)?, fields::skip_offsets(&raw.skip_offsets, &name)?);
    let derived = fields::derived(raw.derived, &name)?;
    let fields = fields::fields(raw.fields, &format!("source {name:?}"))?;
    let expectations = expectations::expectations(raw.expect, &fields, &name)?;
    if let Some(setting) = raw.on_bad_event.as_ref().filter(|_| !expectations.iter().any(Expectation::is_of_events)) {
        return Err(Fault::new(
            setting.span(),
            format!("source {name:?} says what becomes of bad events, and not which are"),
        )
        .help("say what is expected: expect = { amount = { min = 0 } }"));
    }
    let source = Source {
        derived,
        fields,
        expectations,
        materialize_every,
        on_bad_event: raw.on_bad_event.map(Spanned::into_inner).unwrap_or_default(),
        columns,
        skip_offsets,
        name,
        keys: keys(&of),
        entities: of.into_iter().map(|entity| entity.name.clone()).collect(),
        files: raw.files.into_iter().map(Spanned::into_inner).collect(),
        event_time: raw.event_time.into_inner(),
        event_time_unit: raw.event_time_unit,
        arrival_time: raw.arrival_time.map(Spanned::into_inner),
        arrival_time_unit: raw.arrival_time_unit.map(Spanned::into_inner),
        time_format,
        event_id: raw.event_id.map(Spanned::into_inner),
        description: raw.description,
        owner: raw.owner,
        tags: raw.tags,
    };
    fields::check_roles(&source)?;
    fields::check_derived(&source)?;
    Ok(source)
}

/// The format of a source's times.
fn time_format(text: &Spanned<String>) -> Result<TimeFormat, Fault> {
    text.get_ref().parse().map_err(|wrong: TimeError| {
        Fault::new(text.span(), wrong.to_string())
            .help("write it as strftime does: time_format = \"%b %d %Y\" reads Jan 1 2000")
    })
}

/// The entities that a source names, with `entity` or `entities`.
fn entities_of<'e>(table: &Spanned<String>, raw: &RawSource, entities: &'e [Entity]) -> Result<Vec<&'e Entity>, Fault> {
    if let (Some(one), Some(first)) = (&raw.entity, raw.entities.first()) {
        return Err(Fault::new(first.span(), format!("source {:?} has both entity and entities", table.get_ref()))
            .also(one.span(), "entity here")
            .help("keep one of them: entities = [\"user\", \"item\"] where each event is about several"));
    }
    let mut of: Vec<&Entity> = Vec::new();
    for name in raw.entity.iter().chain(&raw.entities) {
        let named = entity(name, entities)?;
        if of.iter().any(|other| other.name == named.name) {
            return Err(Fault::new(name.span(), format!("source {:?} has {:?} already", table.get_ref(), named.name))
                .help("remove one of them"));
        }
        of.push(named);
    }
    if of.is_empty() {
        return Err(Fault::new(table.span(), format!("source {:?} has no entity", table.get_ref()))
            .help("say what its events are about: entity = \"customer\", or entities = [\"user\", \"item\"]"));
    }
    Ok(of)
}

/// The key columns of all of `entities`, each once, by name. The project has checked that columns of one name have one type.
fn keys(entities: &[&Entity]) -> Vec<Key> {
    let mut keys: Vec<Key> = Vec::new();
    for key in entities.iter().flat_map(|entity| &entity.keys) {
        if !keys.contains(key) {
            keys.push(key.clone());
        }
    }
    keys.sort_by(|a, b| a.name.cmp(&b.name));
    keys
}

/// The entity that `name` refers to.
pub(super) fn entity<'e>(name: &Spanned<String>, entities: &'e [Entity]) -> Result<&'e Entity, Fault> {
    entities.iter().find(|entity| entity.name == *name.get_ref()).ok_or_else(|| {
        let known = entities.iter().map(|entity| &entity.name);
        Fault::unknown(name.span(), &UnknownName::new("entity", name.get_ref(), known))
    })
}
