//! Those that are looked for: by text, owner, tag and staleness.

use std::collections::BTreeMap;

use serde::Serialize;

use super::entries::{
    Catalog, Column, EntityEntry, FeatureEntry, ServiceEntry, SourceEntry, TrainingSetEntry, ViewEntry,
};
use crate::Error;

/// What a catalog lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Features.
    Features,
    /// Views.
    Views,
    /// Services.
    Services,
    /// Sources.
    Sources,
    /// Entities.
    Entities,
    /// Training sets.
    TrainingSets,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Features, Self::Views, Self::Services, Self::Sources, Self::Entities, Self::TrainingSets];

    /// Its name on the command line and in addresses.
    pub fn name(self) -> &'static str {
        match self {
            Self::Features => "features",
            Self::Views => "views",
            Self::Services => "services",
            Self::Sources => "sources",
            Self::Entities => "entities",
            Self::TrainingSets => "training-sets",
        }
    }
}

/// Which entries are wanted: those that meet all of it.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Words that each stand somewhere in what is said of it, in whatever case.
    pub search: Option<String>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// A label: `model`, or `model=churn`.
    pub tag: Option<String>,
    /// Only what is stale: its newest event is older than promised, or it reads events and never had one.
    pub stale: bool,
}

/// The entries of one kind.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Listing {
    /// Features.
    Features(Vec<FeatureEntry>),
    /// Views.
    Views(Vec<ViewEntry>),
    /// Services.
    Services(Vec<ServiceEntry>),
    /// Sources.
    Sources(Vec<SourceEntry>),
    /// Entities.
    Entities(Vec<EntityEntry>),
    /// Training sets.
    TrainingSets(Vec<TrainingSetEntry>),
}

impl Catalog {
    /// The entries of a kind that meet a filter, in the order of the project.
    pub fn list(self, kind: Kind, filter: &Filter) -> Result<Listing, Error> {
        filter.check(kind)?;
        Ok(match kind {
            Kind::Features => Listing::Features(filter.of(self.features)),
            Kind::Views => Listing::Views(filter.of(self.views)),
            Kind::Services => Listing::Services(filter.of(self.services)),
            Kind::Sources => Listing::Sources(filter.of(self.sources)),
            Kind::Entities => Listing::Entities(filter.of(self.entities)),
            Kind::TrainingSets => Listing::TrainingSets(filter.of(self.training_sets)),
        })
    }
}

impl Filter {
    /// Refuses what a kind does not have.
    fn check(&self, kind: Kind) -> Result<(), Error> {
        let refused = |what: &str, kinds: &str| {
            let those = kind.name().replace('-', " ");
            Err(Error::Request { message: format!("{those} {what}: {kinds} do") })
        };
        match kind {
            Kind::Entities | Kind::TrainingSets if self.owner.is_some() => {
                refused("have no owner", "features, views, services and sources")
            }
            Kind::Entities | Kind::TrainingSets if self.tag.is_some() => {
                refused("have no tags", "features, views, services and sources")
            }
            Kind::Entities | Kind::Sources | Kind::TrainingSets if self.stale => {
                refused("promise no freshness", "features, views and services")
            }
            _ => Ok(()),
        }
    }

    fn of<E: Entry>(&self, entries: Vec<E>) -> Vec<E> {
        let words: Vec<String> =
            self.search.iter().flat_map(|text| text.split_whitespace()).map(str::to_lowercase).collect();
        let is_wanted = |entry: &E| {
            let facts = entry.facts();
            let is_owned = self.owner.as_deref().is_none_or(|owner| facts.owner == Some(owner));
            let has_tag = self.tag.as_deref().is_none_or(|tag| {
                let (name, value) = tag.split_once('=').map_or((tag, None), |(name, value)| (name, Some(value)));
                let found = facts.tags.and_then(|tags| tags.get(name));
                found.is_some_and(|found| value.is_none_or(|value| found == value))
            });
            let is_stale = !self.stale || facts.is_stale;
            is_owned && has_tag && is_stale && {
                let text = facts.text();
                words.iter().all(|word| text.contains(word))
            }
        };
        entries.into_iter().filter(is_wanted).collect()
    }
}

/// What is looked at in an entry.
#[derive(Default)]
struct Facts<'a> {
    names: Vec<&'a str>,
    texts: Vec<&'a str>,
    owner: Option<&'a str>,
    tags: Option<&'a BTreeMap<String, String>>,
    is_stale: bool,
}

impl Facts<'_> {
    /// All that is said, in lower case.
    fn text(&self) -> String {
        let tags = self.tags.iter().flat_map(|tags| tags.iter()).map(|(name, value)| format!("{name}={value}"));
        let parts = self.names.iter().chain(&self.texts).chain(&self.owner).map(|part| (*part).to_owned());
        parts.chain(tags).collect::<Vec<_>>().join("\n").to_lowercase()
    }
}

trait Entry {
    fn facts(&self) -> Facts<'_>;
}

fn texts<'a>(parts: impl IntoIterator<Item = &'a Option<String>>) -> Vec<&'a str> {
    parts.into_iter().flatten().map(String::as_str).collect()
}

fn of_columns<'a>(columns: impl IntoIterator<Item = &'a Column>) -> Vec<&'a str> {
    columns
        .into_iter()
        .flat_map(|column| std::iter::once(column.name.as_str()).chain(column.description.as_deref()))
        .collect()
}

impl Entry for FeatureEntry {
    fn facts(&self) -> Facts<'_> {
        Facts {
            names: vec![&self.feature],
            texts: texts([&self.description, &self.documentation, &self.made, &self.entity]),
            owner: self.owner.as_deref(),
            tags: Some(&self.tags),
            is_stale: self.fresh.is_stale,
        }
    }
}

impl Entry for ViewEntry {
    fn facts(&self) -> Facts<'_> {
        let features = self.features.iter().flat_map(|feature| [feature.name.as_str(), &feature.meaning]);
        Facts {
            names: std::iter::once(self.view.as_str()).chain(features).collect(),
            texts: texts([&self.description, &self.entity]),
            owner: self.owner.as_deref(),
            tags: Some(&self.tags),
            is_stale: self.fresh.is_stale,
        }
    }
}

impl Entry for ServiceEntry {
    fn facts(&self) -> Facts<'_> {
        let features = self.features.iter().map(|feature| feature.feature.as_str());
        Facts {
            names: std::iter::once(self.service.as_str()).chain(features).collect(),
            texts: texts([&self.description]),
            owner: self.owner.as_deref(),
            tags: Some(&self.tags),
            is_stale: self.is_stale,
        }
    }
}

impl Entry for SourceEntry {
    fn facts(&self) -> Facts<'_> {
        let names = self.entities.iter().chain(&self.files).map(String::as_str);
        Facts {
            names: std::iter::once(self.source.as_str()).chain(names).collect(),
            texts: texts([&self.description])
                .into_iter()
                .chain(of_columns(self.columns.iter().map(|column| &column.column)))
                .collect(),
            owner: self.owner.as_deref(),
            tags: Some(&self.tags),
            is_stale: false,
        }
    }
}

impl Entry for EntityEntry {
    fn facts(&self) -> Facts<'_> {
        let texts = texts([&self.description]).into_iter().chain(of_columns(&self.keys)).collect();
        Facts { names: vec![&self.entity], texts, ..Facts::default() }
    }
}

impl Entry for TrainingSetEntry {
    fn facts(&self) -> Facts<'_> {
        let names = self.noted.path.to_str().into_iter().chain(self.noted.service.as_deref());
        Facts { names: names.chain(self.noted.features.iter().map(String::as_str)).collect(), ..Facts::default() }
    }
}
