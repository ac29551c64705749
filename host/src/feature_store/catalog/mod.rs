//! The catalog: what a project has, who answers for it, what it means, how fresh it is, and who reads it.
//!
//! - `entries`: what is said of each thing; every door shows these. - `views`, `sources`, `readers`: they are made.
//! - `reads`: what a declared feature is made of. - `name`: the thing that somebody means. - `filter`: those that are looked for.
//! - `lineage`: from columns of sources to services and training sets. - `measured`: what is measured of one view.
//!
//! It reads the project, what components say of themselves, the newest events of the online states, and notes of training sets. It
//! changes nothing, and lists also what cannot be used: a view that was not built has a problem instead of types.

mod entries;
mod filter;
mod lineage;
mod measured;
mod name;
mod readers;
mod reads;
mod sources;
mod views;

use std::collections::{BTreeMap, BTreeSet};

pub use entries::{
    Catalog, Column, EntityEntry, FeatureEntry, Freshness, Measured, Readers, Reads, ServiceEntry, ServiceFeature,
    ServiceInput, ServiceView, SourceColumn, SourceEntry, TrainingSetEntry, ViewEntry, ViewFeature,
};
pub use filter::{Filter, Kind, Listing};
pub use lineage::{Lineage, LineageEdge, LineageKind, LineageNode};
pub use name::Described;

use super::FeatureStore;
use crate::Error;
use crate::time::EventTime;

/// The newest event of each view, and what time it is.
pub(crate) struct NewestEvents {
    by_view: BTreeMap<String, EventTime>,
    now: i64,
}

impl NewestEvents {
    /// The newest events by view at `now`, in microseconds.
    pub(crate) fn new(newest: impl IntoIterator<Item = (String, Option<EventTime>)>, now: i64) -> Self {
        Self { by_view: newest.into_iter().filter_map(|(view, newest)| Some((view, newest?))).collect(), now }
    }

    fn of(&self, view: &str) -> Option<EventTime> {
        self.by_view.get(view).copied()
    }
}

impl FeatureStore {
    /// What the project has. Newest events are those of the online states, where a server in another process writes them a moment later.
    pub fn catalog(&self) -> Result<Catalog, Error> {
        Ok(self.catalog_with(&self.newest_events()?))
    }

    /// One thing of the project by its name: see [`Catalog::describe`]. What is measured of a view is told too.
    pub fn describe(&self, name: &str) -> Result<Described, Error> {
        self.measured(self.catalog()?.describe(name)?)
    }

    /// The newest events of the online states.
    fn newest_events(&self) -> Result<NewestEvents, Error> {
        let online = self.online_for_reading()?;
        let mut newest = Vec::new();
        if let Some(online) = online {
            for view in self.project().views.iter().filter(|view| !view.sources.is_empty()) {
                newest.push((view.label(), online.newest_event(&view.label())?));
            }
        }
        Ok(NewestEvents::new(newest, self.options().clock.now()))
    }

    /// What the project has, with these newest events.
    pub(crate) fn catalog_with(&self, newest: &NewestEvents) -> Catalog {
        let project = self.project();
        let mut catalog = Catalog { project: project.name.clone(), ..Catalog::default() };
        for view in &project.views {
            let (entry, features) = views::entries(self, view, newest);
            catalog.views.push(entry);
            catalog.features.extend(features);
        }
        // What is in quarantine shows once components are loaded.
        let quarantined: BTreeSet<String> = self.quarantined_views().into_iter().map(|view| view.view).collect();
        for view in &mut catalog.views {
            view.quarantined = quarantined.contains(&view.view);
        }
        catalog.entities =
            project.entities.iter().map(|entity| sources::entity(entity, project, &catalog.views)).collect();
        catalog.sources = project.sources.iter().map(|source| sources::source(source, &catalog.views)).collect();
        catalog.services =
            project.services.iter().map(|service| readers::service(service, project, &catalog)).collect();
        catalog.training_sets = self
            .training_sets()
            .into_iter()
            .map(|noted| readers::training_set(noted, &project.root, &catalog))
            .collect();
        readers::connect(&mut catalog);
        catalog
    }
}
