//! A Feast repository, to what a project declares.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::model::{Facts, Projection, Repository, View};
use super::names::{self, Names, Place};
use super::sources::{Draft, SourceTable};
use super::types;
use crate::entity::KeyType;
use crate::time::Length;

/// How a repository is imported.
#[derive(Clone, Debug)]
pub struct ImportOptions {
    /// The project's folder, absolute: files are named relative to it.
    pub dir: PathBuf,
    /// Whether events are available when they were created, rather than when they happened.
    pub arrival: bool,
}

/// What a project declares that has the features of a Feast repository.
#[derive(Clone, Debug, Default)]
pub struct Imported {
    /// The project's name.
    pub name: String,
    /// What stands at the top.
    pub(super) head: Vec<String>,
    pub(super) entities: Vec<EntityTable>,
    pub(super) sources: Vec<SourceTable>,
    /// The views, in the order of the repository.
    pub views: Vec<ImportedView>,
    /// The services.
    pub services: Vec<ImportedService>,
    /// What is left to do by hand.
    pub(super) todo: Vec<Todo>,
    /// What was carried over in another way than it is in Feast.
    pub otherwise: Vec<Told>,
    /// What was not carried over.
    pub left: Vec<Told>,
}

/// A thing, and what is to be told of it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Told {
    /// The thing.
    pub what: String,
    /// What is to be told, in one line.
    pub why: String,
}

#[derive(Clone, Debug)]
pub(super) struct EntityTable {
    pub name: String,
    pub keys: BTreeMap<String, KeyType>,
    pub description: String,
}

/// A view of the project.
#[derive(Clone, Debug)]
pub struct ImportedView {
    /// Its name.
    pub name: String,
    /// Its entity.
    pub entity: String,
    /// The view of Feast's, with the names that entity rows have there.
    pub feast: FeastView,
    /// Its features: the name here, and that in Feast.
    pub features: Vec<(String, String)>,
    /// The column of event times, as Feast calls it.
    pub(super) time: String,
    pub(super) source: usize,
    pub(super) tie_break: Option<String>,
    /// Its time to live.
    pub ttl: Option<Length>,
    pub(super) facts: Facts,
    /// What is said of features.
    pub(super) of_features: Vec<(String, String, BTreeMap<String, String>)>,
}

/// A view of Feast's, as a service or by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeastView {
    /// The view.
    pub view: String,
    /// What a service calls it.
    pub alias: Option<String>,
    /// Its key columns, and what entity rows call them, where that differs.
    pub join_key_map: BTreeMap<String, String>,
    /// Its key columns: in its source, and in entity rows here.
    pub keys: Vec<(String, String)>,
}

/// A service of the project.
#[derive(Clone, Debug)]
pub struct ImportedService {
    /// Its name.
    pub name: String,
    /// Its name in Feast.
    pub feast: String,
    /// Views by their places among those of the project, and features by their places in the view.
    pub features: Vec<(usize, Vec<usize>)>,
    pub(super) facts: Facts,
    /// What it has in Feast and not here.
    pub(super) without: Vec<String>,
}

/// What is left to do by hand.
#[derive(Clone, Debug)]
pub(super) struct Todo {
    pub title: String,
    pub text: String,
}

/// The project that has the features of `repository`.
pub fn import(repository: &Repository, options: &ImportOptions) -> Imported {
    let mut importing = Importing { repository, options, ..Importing::new(repository, options) };
    importing.variants();
    let variants: Vec<_> = std::mem::take(&mut importing.variants);
    // First the keys of all: a field of one view may be a key of another.
    let begun: Vec<_> = variants.iter().map(|variant| importing.begin(variant)).collect();
    for (variant, begun) in variants.iter().zip(begun) {
        if let Err(why) = begun.and_then(|(keys, at)| importing.view(variant, &keys, at)) {
            importing.leave(format!("{} {:?}", kind_of(variant.view), variant.view.name), why);
        }
    }
    repository.services.iter().for_each(|service| importing.service(service, &variants));
    repository.on_demand.iter().for_each(|view| importing.on_demand(view));
    importing.rest();
    importing.finish()
}

/// A view of Feast's as it is or as a service has it, with what it becomes.
pub(super) struct Variant<'r> {
    pub view: &'r View,
    pub alias: Option<String>,
    pub join_key_map: BTreeMap<String, String>,
    pub name: String,
}

impl Variant<'_> {
    /// Whether it is the view as it is.
    fn is_plain(&self) -> bool {
        self.alias.is_none() && self.join_key_map.is_empty()
    }

    pub fn is(&self, projection: &Projection) -> bool {
        let (alias, map) = own(projection);
        self.view.name == projection.view && self.alias == alias && self.join_key_map == map
    }
}

/// The alias and the keys of a projection, where they are not those of its view.
fn own(projection: &Projection) -> (Option<String>, BTreeMap<String, String>) {
    let alias = projection.alias.clone().filter(|alias| !alias.is_empty() && *alias != projection.view);
    let map = projection.join_key_map.iter().filter(|(own, asked)| own != asked);
    (alias, map.map(|(own, asked)| (own.clone(), asked.clone())).collect())
}

pub(super) struct Importing<'r> {
    pub repository: &'r Repository,
    pub options: &'r ImportOptions,
    variants: Vec<Variant<'r>>,
    pub made: Imported,
    pub drafts: Vec<Draft<'r>>,
    /// The key columns of entity rows.
    pub keys: Names,
    tables: [Names; 4],
}

/// Which of the names of tables.
#[derive(Clone, Copy)]
pub(super) enum Of {
    Entities,
    Sources,
    Views,
    Services,
}

impl<'r> Importing<'r> {
    fn new(repository: &'r Repository, options: &'r ImportOptions) -> Self {
        let made = Imported { name: names::project(&repository.project), ..Imported::default() };
        let (variants, drafts) = (Vec::new(), Vec::new());
        Self { repository, options, variants, made, drafts, keys: Names::default(), tables: Default::default() }
    }

    pub fn table(&mut self, of: Of, key: &str, wanted: &str) -> String {
        self.tables[of as usize].name_as(key, wanted, Place::Table)
    }

    pub fn leave(&mut self, what: impl Into<String>, why: impl Into<String>) {
        push(&mut self.made.left, what.into(), why.into());
    }

    pub fn tell(&mut self, what: impl Into<String>, why: impl Into<String>) {
        push(&mut self.made.otherwise, what.into(), why.into());
    }

    /// Every view as it is, and as services call it.
    fn variants(&mut self) {
        let repository = self.repository;
        for view in &repository.views {
            let name = self.table(Of::Views, &view.name, &view.name);
            self.variants.push(Variant { view, alias: None, join_key_map: BTreeMap::new(), name });
        }
        for projection in repository.services.iter().flat_map(|service| &service.projections) {
            let known = self.variants.iter().any(|variant| variant.is(projection));
            let Some(view) = repository.views.iter().find(|view| view.name == projection.view).filter(|_| !known)
            else {
                continue;
            };
            let (alias, join_key_map) = own(projection);
            let asked: Vec<&str> = join_key_map.values().map(String::as_str).collect();
            let wanted = alias.clone().unwrap_or_else(|| format!("{}_by_{}", view.name, asked.join("_")));
            let name = self.table(Of::Views, &format!("{}\n{alias:?}\n{join_key_map:?}", view.name), &wanted);
            self.variants.push(Variant { view, alias, join_key_map, name });
        }
    }

    /// The keys of a view, and the place of its source.
    fn begin(&mut self, variant: &Variant<'r>) -> Result<(Vec<Key>, usize), String> {
        check_kind(variant.view)?;
        let keys = self.keys_of(variant)?;
        let at = self.draft(variant, &keys)?;
        Ok((keys, at))
    }

    fn view(&mut self, variant: &Variant<'r>, keys: &[Key], at: usize) -> Result<(), String> {
        let view = variant.view;
        self.check_types(keys)?;
        let (features, of_features) = self.features(variant, keys, at)?;
        let entity = self.entity(variant, keys);
        let draft = &mut self.drafts[at];
        draft.describe(&entity, keys);
        let tie_break = draft.tie_break()?;
        self.tell_name(variant);
        if !view.online && variant.is_plain() {
            self.tell(
                format!("feature view {:?}", view.name),
                "online = False in Feast: every view can be served here",
            );
        }
        let feast = FeastView {
            view: view.name.clone(),
            alias: variant.alias.clone(),
            join_key_map: variant.join_key_map.clone(),
            keys: keys.iter().map(|key| (key.own.clone(), key.name.clone())).collect(),
        };
        self.made.views.push(ImportedView {
            name: variant.name.clone(),
            entity,
            feast,
            features,
            time: self.drafts[at].time(),
            source: at,
            tie_break,
            ttl: Some(Length(view.ttl_us)).filter(|ttl| ttl.0 > 0),
            facts: view.facts.clone(),
            of_features,
        });
        Ok(())
    }

    /// Tells what a view is called, where that is not its name in Feast.
    fn tell_name(&mut self, variant: &Variant<'r>) {
        let (view, name) = (variant.view, &variant.name);
        if !variant.is_plain() {
            let asked: Vec<&str> = variant.join_key_map.values().map(String::as_str).collect();
            let keys = if asked.is_empty() { String::new() } else { format!(", with the keys {}", asked.join(", ")) };
            let called = variant.alias.as_deref().unwrap_or(&view.name);
            let what = format!("feature view {:?}, called {called:?} in services", view.name);
            self.tell(what, format!("a view of its own, {name}{keys}"));
        } else if *name != view.name {
            self.tell(format!("feature view {:?}", view.name), format!("{name} here"));
        }
    }

    /// The key columns of a view: those of its entities.
    fn keys_of(&mut self, variant: &Variant<'r>) -> Result<Vec<Key>, String> {
        let (view, mut keys) = (variant.view, Vec::new());
        for name in &view.entities {
            let entity = self.repository.entities.iter().find(|entity| entity.name == *name);
            let entity = entity.ok_or_else(|| format!("its entity {name:?} is not in the repository"))?;
            let own = entity.join_key.clone();
            let declared = view.entity_columns.iter().chain(&view.schema).find(|field| field.name == own);
            let declared = declared.map(|field| field.feast_type.as_str()).unwrap_or(&entity.key_type);
            let key_type = types::key(Some(declared), held(view, &own)).map_err(|why| format!("{own}: {why}"))?;
            let asked = variant.join_key_map.get(&own).unwrap_or(&own);
            let name = self.keys.name(asked, Place::Key);
            if name != *asked {
                self.tell(format!("join key {asked:?}"), format!("{name} here, and in entity rows"));
            }
            keys.push(Key { own, name, key_type });
        }
        if keys.is_empty() {
            return Err(
                "it has no entity, and features here are of one: add a key column that is the same in each row"
                    .to_owned(),
            );
        }
        Ok(keys)
    }

    /// Refuses keys that have another type in a view before.
    fn check_types(&self, keys: &[Key]) -> Result<(), String> {
        for (name, other) in self.made.entities.iter().flat_map(|entity| &entity.keys) {
            if let Some(key) = keys.iter().find(|key| key.name == *name && key.key_type != *other) {
                let (is, other) = (key.key_type.value_type(), other.value_type());
                return Err(format!("its key {name} holds {is}, and that of another view {other}: they must agree"));
            }
        }
        Ok(())
    }

    /// The entity with these keys.
    fn entity(&mut self, variant: &Variant<'r>, keys: &[Key]) -> String {
        let of: BTreeMap<String, KeyType> = keys.iter().map(|key| (key.name.clone(), key.key_type)).collect();
        if let Some(known) = self.made.entities.iter().find(|entity| entity.keys == of) {
            return known.name.clone();
        }
        // The entity of Feast's that has the key, be it the view's own or the one that a service maps it to.
        let named = |key: &Key| {
            let is = |join_key: &str| self.keys.known(join_key) == Some(key.name.as_str());
            self.repository.entities.iter().find(|entity| is(&entity.join_key))
        };
        let (wanted, description) = match keys {
            [one] => match named(one) {
                Some(entity) => (entity.name.clone(), entity.facts.description.clone()),
                None => (variant.alias.clone().unwrap_or_else(|| one.name.clone()), String::new()),
            },
            _ => {
                let names: Vec<&str> =
                    keys.iter().map(|key| named(key).map_or(key.name.as_str(), |known| &known.name)).collect();
                (names.join("_"), String::new())
            }
        };
        let name = self.table(Of::Entities, &format!("{of:?}"), &wanted);
        if name != wanted {
            self.tell(format!("entity {wanted:?}"), format!("{name} here"));
        }
        self.made.entities.push(EntityTable { name: name.clone(), keys: of, description });
        name
    }

    /// What nothing here stands for.
    fn rest(&mut self) {
        let repository = self.repository;
        for entity in &repository.entities {
            let name = format!("entity {:?}", entity.name);
            if !repository.views.iter().any(|view| view.entities.contains(&entity.name)) {
                self.leave(name, "no view has it");
            } else if !entity.facts.tags.is_empty() || !entity.facts.owner.is_empty() {
                self.leave(format!("owner and tags of {name}"), "an entity has a description alone here");
            }
        }
        for label in &repository.labels {
            let why =
                "labels are part of the spine: give them to `onepath backfill --spine`, whose columns pass through";
            self.leave(format!("label view {label:?}"), why);
        }
        for permission in &repository.permissions {
            self.leave(format!("permission {permission:?}"), "`onepath serve` has tokens instead");
        }
        if !repository.facts.owner.is_empty() || !repository.facts.tags.is_empty() {
            self.leave("owner and tags of the project", "a project has a name alone here");
        }
    }

    fn finish(mut self) -> Imported {
        let Repository { feast, project, came_from, .. } = self.repository;
        self.made
            .head
            .push(format!("The features of the Feast repository {project:?}, as feast {feast} reads its {came_from}."));
        self.made.head.push("Written by `onepath import-feast`; from here on it is yours.".to_owned());
        self.made.head.push(self.repository.facts.description.clone());
        if self.made.name != *project {
            self.tell(format!("project {project:?}"), format!("{} here", self.made.name));
        }
        self.made.sources = self.drafts.into_iter().map(Draft::finish).collect();
        self.made
    }
}

/// A key column of a view.
pub(super) struct Key {
    /// In its source, after `field_mapping`.
    pub own: String,
    /// In entity rows here.
    pub name: String,
    pub key_type: KeyType,
}

/// Refuses what is more than the newest row of a source.
fn check_kind(view: &View) -> Result<(), String> {
    if !view.of_views.is_empty() {
        return Err(format!(
            "it is computed of other views ({}): declare its features over their sources",
            view.of_views.join(", ")
        ));
    }
    if view.aggregations > 0 {
        return Err(
            "it has aggregations of Feast's: declare them as features, such as { sum = \"amount\", window = \"1d\" }"
                .to_owned(),
        );
    }
    if view.python.is_some() {
        return Err("it has a transformation in Python: declare its features in SQL, or write it in Rust".to_owned());
    }
    Ok(())
}

/// What the file of a view's source holds in a column that Feast calls `name`.
pub(super) fn held<'v>(view: &'v View, name: &str) -> Option<&'v str> {
    let source = view.batch.as_ref()?;
    let columns = source.file.as_ref()?.columns.as_ref()?;
    columns.iter().find(|(raw, _)| source.feast_name(raw) == name).map(|(_, held)| held.as_str())
}

fn kind_of(view: &View) -> &'static str {
    match view.kind.as_str() {
        "StreamFeatureView" => "stream feature view",
        "BatchFeatureView" => "batch feature view",
        _ => "feature view",
    }
}

fn push(list: &mut Vec<Told>, what: String, why: String) {
    let told = Told { what, why };
    if !list.contains(&told) {
        list.push(told);
    }
}
