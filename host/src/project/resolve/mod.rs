//! From what is written to what is meant: names checked, references resolved, lengths and paths read.
//!
//! The first fault in the order project, limits, serving, entities, sources, views, services, request is the one that is reported.
//!
//! It touches no file and knows nothing of components: what a transform reads is not checked here.

mod declared;
mod entries;
mod expectations;
mod features;
mod fields;
mod limits;
mod parameters;
mod sources;
mod transform;
mod views;
mod windows;

pub(crate) use fields::unknown_name_help;

use std::collections::HashMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use toml::Spanned;

use super::fault::Fault;
use super::graph;
use super::names;
use super::raw::{RawEntity, RawHead, RawProject, RawRequest, RawService, in_order};
use super::text::ProjectText;
use super::{DeclaredField, Entity, Key, Project, Selection, Service, View};
use crate::entity::KeyType;
use crate::time::Length;

/// What to write where an entity has no keys.
pub(super) const KEYS_HELP: &str = "name the columns that tell one from another: keys = { customer_id = \"text\" }";

/// The project that `raw` describes, with the folder `root`.
pub(super) fn project(raw: RawProject, root: PathBuf) -> Result<Project, Fault> {
    let name = project_name(&raw.project)?;
    let repeat_every = limits::repeat_every(raw.project.repeat_share)?;
    let (admission, isolation) = (raw.project.admission, raw.project.isolation);
    let component_store = component_store(raw.project.component_store, &root)?;
    let limits = limits::limits(raw.limits)?;
    let serving = limits::serving(raw.serving)?;
    let entities = entities(in_order(raw.entities))?;
    let sources = sources::sources(in_order(raw.sources), &entities)?;
    let (views, order) = views::views(in_order(raw.views), &entities, &sources, &root)?;
    sources.iter().try_for_each(|source| fields::check_columns(source, &views))?;
    let services =
        in_order(raw.services).into_iter().map(|(name, raw)| service(&name, raw, &views)).collect::<Result<_, _>>()?;
    let request_fields = request_fields(raw.request)?;
    // The text is the caller's.
    let text = Arc::new(ProjectText::new(Path::new(""), ""));
    Ok(Project {
        root,
        name,
        entities,
        sources,
        views,
        services,
        request_fields,
        limits,
        repeat_every,
        admission,
        isolation,
        component_store,
        serving,
        include: raw.include,
        order,
        text,
    })
}

/// The project's name, which unlike the others may have hyphens, as folders do.
fn project_name(head: &RawHead) -> Result<String, Fault> {
    let name = head.name.get_ref();
    if names::is_identifier(&name.replace('-', "_")) && !name.starts_with('-') {
        return Ok(name.clone());
    }
    Err(Fault::new(head.name.span(), format!("{name:?} is not a name for a project"))
        .help("a project's name is a letter or _, then letters, digits, _ and -"))
}

/// The folder of components, relative to the project's or absolute.
fn component_store(path: Option<Spanned<String>>, root: &Path) -> Result<Option<PathBuf>, Fault> {
    match path {
        Some(path) if path.get_ref().is_empty() => Err(Fault::new(path.span(), "component_store names no folder")
            .help("name a folder in the project or a shared one, such as \"components\", or leave it out")),
        path => Ok(path.map(|path| root.join(path.get_ref()))),
    }
}

fn entities(raw: Vec<(Spanned<String>, RawEntity)>) -> Result<Vec<Entity>, Fault> {
    let mut seen: HashMap<String, (KeyType, Range<usize>)> = HashMap::new();
    let mut entities = Vec::with_capacity(raw.len());
    for (name, raw) in raw {
        let name = names::identifier(&name, "an entity")?;
        if raw.keys.get_ref().is_empty() {
            return Err(Fault::new(raw.keys.span(), format!("entity {name:?} has no keys")).help(KEYS_HELP));
        }
        let mut keys = Vec::new();
        for (column, key_type) in in_order(raw.keys.into_inner()) {
            let key = Key {
                name: names::column(column.get_ref(), column.span(), "a key column")?,
                key_type: *key_type.get_ref(),
            };
            let (first_type, first) = seen.entry(key.name.clone()).or_insert((key.key_type, key_type.span()));
            if *first_type != key.key_type {
                return Err(Fault::new(key_type.span(), format!("key column {:?} has two types", key.name))
                    .also(first.clone(), "it has another type here")
                    .help("entities that share a key column must agree on its type: change one of them, or rename the column"));
            }
            keys.push(key);
        }
        keys.sort_by(|a: &Key, b: &Key| a.name.cmp(&b.name));
        entities.push(Entity { name, keys, description: raw.description });
    }
    Ok(entities)
}

fn request_fields(raw: RawRequest) -> Result<Vec<DeclaredField>, Fault> {
    let fields = fields::fields(raw.fields, "request")?;
    for field in &fields {
        names::column(&field.name, field.span.clone(), "a request field")?;
    }
    Ok(fields)
}

fn service(name: &Spanned<String>, raw: RawService, views: &[View]) -> Result<Service, Fault> {
    let span = name.span();
    let name = names::identifier(name, "a service")?;
    if raw.features.is_empty() {
        return Err(Fault::new(span, format!("service {name:?} has no features"))
            .help("list the features that the model reads: features = [\"view:feature\", \"other_view:*\"]"));
    }
    let mut features: Vec<Selection> = Vec::with_capacity(raw.features.len());
    let mut seen: Vec<(usize, Option<&str>, Range<usize>)> = Vec::with_capacity(raw.features.len());
    for text in &raw.features {
        let selection: Selection = text.get_ref().parse().map_err(|wrong| not_a_reference(text.span(), &wrong))?;
        let found = graph::find(views, selection.view(), selection.version());
        let view = found.map_err(|unknown| Fault::unknown(text.span(), &unknown))?;
        let feature = text.get_ref().split_once(':').map(|(_, feature)| feature).filter(|feature| *feature != "*");
        let overlaps = |other: &Option<&str>| other.is_none() || feature.is_none() || *other == feature;
        if let Some((.., first)) = seen.iter().find(|(at, other, _)| *at == view && overlaps(other)) {
            return Err(twice(text, format!("service {name:?}"), first.clone()));
        }
        seen.push((view, feature, text.span()));
        features.push(selection);
    }
    let spans = raw.features.iter().map(Spanned::span).collect();
    Ok(Service { name, features, owner: raw.owner, description: raw.description, tags: raw.tags, spans })
}

fn not_a_reference(span: Range<usize>, wrong: &super::ReferenceError) -> Fault {
    Fault::new(span, wrong.message()).help(format!("write {}", wrong.forms()))
}

/// An entry of a list of `owner` that says again what stands at `first`.
fn twice(text: &Spanned<String>, owner: String, first: Range<usize>) -> Fault {
    Fault::new(text.span(), format!("{owner} has {:?} already", text.get_ref()))
        .also(first, "here")
        .help("remove one of them")
}

fn length(text: Option<Spanned<String>>) -> Result<Option<Length>, Fault> {
    let parse = |text: Spanned<String>| text.get_ref().parse().map_err(|_| not_a_length(&text));
    text.map(parse).transpose()
}

/// The time to live of a view or a feature, which `owner` names, in a view that has sources or none.
fn ttl(text: Option<Spanned<String>>, owner: impl Fn() -> String, has_sources: bool) -> Result<Option<Length>, Fault> {
    let Some(text) = text else { return Ok(None) };
    if !has_sources {
        let owner = owner();
        return Err(Fault::new(text.span(), format!("{owner} has a ttl, but no sources")).help(
            "a ttl counts from the newest event of the view's own sources: remove it, or give it to the views whose features this one reads",
        ));
    }
    let span = text.span();
    match length(Some(text))? {
        Some(Length(0)) => Err(Fault::new(span, format!("{} has a ttl of nothing", owner())).help(
            "its features would be null but at the very moment of an event: give it a length, such as \"30d\", or leave it out",
        )),
        ttl => Ok(ttl),
    }
}

fn not_a_length(text: &Spanned<String>) -> Fault {
    Fault::new(text.span(), format!("{:?} is not a length of time", text.get_ref()))
        .help("write a whole number and a unit (us, ms, s, m, h, d or w), such as \"90s\", \"24h\" or \"180d\"")
}
