//! The thing that somebody means by a name.

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;

use super::entries::{Catalog, EntityEntry, FeatureEntry, ServiceEntry, SourceEntry, TrainingSetEntry, ViewEntry};
use crate::Error;
use crate::project::UnknownName;

/// One thing of a project, described. In JSON its kind stands beside what is said of it.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Described {
    /// A feature.
    Feature(Box<FeatureEntry>),
    /// A version of a view.
    View(Box<ViewEntry>),
    /// A service.
    Service(ServiceEntry),
    /// A source.
    Source(Box<SourceEntry>),
    /// An entity.
    Entity(EntityEntry),
    /// A training set.
    TrainingSet(TrainingSetEntry),
}

/// What a name can mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Meant {
    Entity(usize),
    Source(usize),
    /// A column of a source.
    Column(usize, String),
    View(usize),
    Feature(usize),
    Service(usize),
    TrainingSet(usize),
}

/// The words that say of which kind a name is.
const KINDS: [&str; 7] = ["entity", "source", "column", "view", "feature", "service", "training-set"];

impl Meant {
    fn kind(&self) -> &'static str {
        KINDS[match self {
            Self::Entity(_) => 0,
            Self::Source(_) => 1,
            Self::Column(..) => 2,
            Self::View(_) => 3,
            Self::Feature(_) => 4,
            Self::Service(_) => 5,
            Self::TrainingSet(_) => 6,
        }]
    }
}

impl Catalog {
    /// The thing of this name: an entity, a source, a view (`activity`, its highest version, or `activity@v1`), a feature
    /// (`activity:purchase_count_30d`, or its name alone where no other view has one of that name), a service, or the path of a training
    /// set. Where several things have the name, one of them is said with its kind: `view:activity`, `service:activity`.
    pub fn describe(&self, name: &str) -> Result<Described, Error> {
        Ok(self.described(&self.meant(name)?))
    }

    /// The thing of this name and kind: `entity`, `source`, `view`, `feature`, `service` or `training-set`.
    pub fn describe_as(&self, kind: &str, name: &str) -> Result<Described, Error> {
        let found = self.named(name, Some(kind));
        match found.as_slice() {
            [one] => Ok(self.described(one)),
            [] => Err(self.unknown_of(kind, name).into()),
            several => Err(Error::Request { message: self.ambiguous(name, several) }),
        }
    }

    fn described(&self, meant: &Meant) -> Described {
        match *meant {
            Meant::Entity(at) => Described::Entity(self.entities[at].clone()),
            Meant::Source(at) | Meant::Column(at, _) => Described::Source(Box::new(self.sources[at].clone())),
            Meant::View(at) => Described::View(Box::new(self.views[at].clone())),
            Meant::Feature(at) => Described::Feature(Box::new(self.features[at].clone())),
            Meant::Service(at) => Described::Service(self.services[at].clone()),
            Meant::TrainingSet(at) => Described::TrainingSet(self.training_sets[at].clone()),
        }
    }

    /// What a name means: one thing, or an error that says which there are.
    pub(super) fn meant(&self, name: &str) -> Result<Meant, Error> {
        let mut found = self.named(name, None);
        if let Some((kind, rest)) = name.split_once(':')
            && KINDS.contains(&kind)
        {
            found.extend(self.named(rest, Some(kind)));
        }
        if found.is_empty() {
            // A feature by its name alone, of the highest version of each view that has one.
            found.extend(self.features_named(name));
        }
        match found.as_slice() {
            [one] => Ok(one.clone()),
            [] => match name.split_once(':') {
                Some((kind, rest)) if KINDS.contains(&kind) => Err(self.unknown_of(kind, rest).into()),
                _ => Err(self.unknown(name).into()),
            },
            several => Err(Error::Request { message: self.ambiguous(name, several) }),
        }
    }

    /// The things of this name; of one kind, if it is given.
    fn named(&self, name: &str, kind: Option<&str>) -> Vec<Meant> {
        let mut found: Vec<Meant> = Vec::new();
        found.extend(self.entities.iter().position(|entry| entry.entity == name).map(Meant::Entity));
        found.extend(self.sources.iter().position(|entry| entry.source == name).map(Meant::Source));
        if let Some((source, column)) = name.split_once('.')
            && let Some(at) = self.sources.iter().position(|entry| entry.source == source)
            && self.sources[at].columns.iter().any(|known| known.column.name == column)
        {
            found.push(Meant::Column(at, column.to_owned()));
        }
        found.extend(self.view_named(name).map(Meant::View));
        if let Some((view, feature)) = name.split_once(':')
            && let Some(view) = self.view_named(view)
        {
            let view = &self.views[view].view;
            let at = self.features.iter().position(|entry| entry.view == *view && entry.name == feature);
            found.extend(at.map(Meant::Feature));
        }
        if kind == Some("feature") {
            found.extend(self.features_named(name));
        }
        found.extend(self.services.iter().position(|entry| entry.service == name).map(Meant::Service));
        let is_set = |entry: &TrainingSetEntry| {
            [&entry.noted.path, &entry.noted.given].iter().any(|path| path.as_os_str() == name)
        };
        found.extend(self.training_sets.iter().position(is_set).map(Meant::TrainingSet));
        found.retain(|meant| kind.is_none_or(|kind| kind == meant.kind()));
        found
    }

    /// The view of a label, or the highest version of a name.
    fn view_named(&self, name: &str) -> Option<usize> {
        let of_name = self.views.iter().enumerate().filter(|(_, entry)| entry.view == name || entry.name == name);
        of_name.max_by_key(|(_, entry)| entry.version).map(|(at, _)| at)
    }

    /// The features of this name alone, of the highest version of each view that has one.
    fn features_named(&self, name: &str) -> Vec<Meant> {
        let mut found: Vec<(usize, &ViewEntry)> = Vec::new();
        for (at, feature) in self.features.iter().enumerate().filter(|(_, feature)| feature.name == name) {
            let Some(view) = self.views.iter().find(|view| view.view == feature.view) else { continue };
            match found.iter_mut().find(|(_, known)| known.name == view.name) {
                Some(known) if known.1.version < view.version => *known = (at, view),
                Some(_) => {}
                None => found.push((at, view)),
            }
        }
        found.into_iter().map(|(at, _)| Meant::Feature(at)).collect()
    }

    /// What to write for one of several things.
    fn full_name(&self, meant: &Meant) -> String {
        let name: &dyn fmt::Display = match meant {
            Meant::Entity(at) => &self.entities[*at].entity,
            Meant::Source(at) => &self.sources[*at].source,
            Meant::Column(at, column) => &format!("{}.{column}", self.sources[*at].source),
            Meant::View(at) => &self.views[*at].name,
            Meant::Feature(at) => &self.features[*at].feature,
            Meant::Service(at) => &self.services[*at].service,
            Meant::TrainingSet(at) => &self.training_sets[*at].noted.path.display(),
        };
        match meant {
            // The reference of a feature says what it is.
            Meant::Feature(_) => name.to_string(),
            meant => format!("{}:{name}", meant.kind()),
        }
    }

    fn ambiguous(&self, name: &str, several: &[Meant]) -> String {
        let kinds: Vec<String> = several.iter().map(|meant| format!("a {}", meant.kind().replace('-', " "))).collect();
        let names: Vec<String> = several.iter().map(|meant| self.full_name(meant)).collect();
        let same = kinds.windows(2).all(|pair| pair[0] == pair[1]);
        let what = match same {
            true => format!("{} {}s", several.len(), several[0].kind().replace('-', " ")),
            false => kinds.join(" and ").replace("a entity", "an entity"),
        };
        format!("{name:?} is the name of {what}: write {}", names.join(" or "))
    }

    /// A name that nothing of a kind has.
    fn unknown_of(&self, kind: &str, name: &str) -> UnknownName {
        let known = match kind {
            "entity" => self.entities.iter().map(|entry| entry.entity.clone()).collect(),
            "source" => self.sources.iter().map(|entry| entry.source.clone()).collect(),
            "column" => {
                let of = |entry: &SourceEntry| {
                    entry
                        .columns
                        .iter()
                        .map(|known| format!("{}.{}", entry.source, known.column.name))
                        .collect::<Vec<_>>()
                };
                self.sources.iter().flat_map(of).collect()
            }
            "view" => self.views.iter().map(|entry| entry.name.clone()).collect::<BTreeSet<_>>().into_iter().collect(),
            "feature" => self.features.iter().map(|entry| self.short_reference(entry)).collect(),
            "service" => self.services.iter().map(|entry| entry.service.clone()).collect(),
            _ => self.training_sets.iter().map(|entry| entry.noted.path.display().to_string()).collect(),
        };
        let kind = KINDS.into_iter().find(|known| *known == kind).unwrap_or("name");
        UnknownName { kind, name: name.to_owned(), known }
    }

    /// The reference of a feature: without the version, where its view has one alone.
    pub fn short_reference(&self, feature: &FeatureEntry) -> String {
        let view = self.views.iter().find(|view| view.view == feature.view);
        match view.filter(|view| view.versions.len() == 1) {
            Some(view) => format!("{}:{}", view.name, feature.name),
            None => feature.feature.clone(),
        }
    }

    fn unknown(&self, name: &str) -> UnknownName {
        let mut known: Vec<String> = Vec::new();
        known.extend(self.views.iter().map(|entry| entry.name.clone()));
        known.extend(self.services.iter().map(|entry| entry.service.clone()));
        known.extend(self.sources.iter().map(|entry| entry.source.clone()));
        known.extend(self.entities.iter().map(|entry| entry.entity.clone()));
        // A name with a colon was to be a feature.
        if name.contains(':') {
            known.extend(
                self.views.iter().filter(|view| view.versions.last() == Some(&view.version)).flat_map(|view| {
                    view.features.iter().map(move |feature| format!("{}:{}", view.name, feature.name))
                }),
            );
        } else {
            known.extend(self.features.iter().map(|entry| entry.name.clone()));
        }
        known.extend(self.training_sets.iter().map(|entry| entry.noted.path.display().to_string()));
        let mut seen = BTreeSet::new();
        known.retain(|name| seen.insert(name.clone()));
        UnknownName { kind: "name", name: name.to_owned(), known }
    }
}
