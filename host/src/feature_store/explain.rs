//! What a view gives and what it keeps for that, in words.

use serde::Serialize;

use super::FeatureStore;
use crate::Error;
use crate::admission::{Sample, StateGrowth, state_growth};
use crate::declare;
use crate::project::View;
use crate::schema::ValueType;

/// A view, explained.
#[derive(Clone, Debug, Serialize)]
pub struct ExplainedView {
    /// Its name and version.
    pub view: String,
    /// Whether its features are declared; those of a transform are explained by its author.
    pub is_declared: bool,
    /// Its features, in order.
    pub features: Vec<ExplainedFeature>,
    /// What is kept of each entity's events; of a transform nothing is known.
    pub stores: Vec<ExplainedStore>,
    /// How the state of an entity grows; `None` where there is none, or none could be made.
    pub growth: Option<StateGrowth>,
    /// How long a state may be, in bytes.
    pub state_bytes_max: usize,
    /// After how many events a state is that long; `None` where it does not grow.
    pub events_max: Option<u64>,
}

/// A feature, explained.
#[derive(Clone, Debug, Serialize)]
pub struct ExplainedFeature {
    /// Its name.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub value_type: ValueType,
    /// Whether it may be null.
    pub nullable: bool,
    /// What it is.
    pub words: String,
    /// The stores that it is read of, from 1.
    pub stores: Vec<usize>,
}

/// A store, explained.
#[derive(Clone, Debug, Serialize)]
pub struct ExplainedStore {
    /// What is kept.
    pub kept: String,
    /// The features that are read of it.
    pub features: Vec<String>,
}

impl FeatureStore {
    /// What a view gives, and what it keeps for that.
    pub fn explain(&self, view: &View) -> Result<ExplainedView, Error> {
        let program = self.program(view)?;
        let fields = &program.description().output_features;
        let definition = self.definition(view)?;
        let growth = if program.has_sources() { self.state_growth(view)? } else { None };
        let state_bytes_max = self.limits().state_bytes_max;
        let (mut stores, mut words) = (Vec::new(), fields.iter().map(|field| field.documentation.clone()).collect());
        if let (Some(definition), Some(declaration)) = (&definition, view.transform.declaration()) {
            stores = declare::store_words(definition);
            words = (0..fields.len())
                .map(|at| declare::feature_words(declaration, at, definition, &view.sources))
                .collect::<Vec<String>>();
        }
        let read = |feature: usize| {
            stores
                .iter()
                .enumerate()
                .filter(|(_, store)| store.features.contains(&feature))
                .map(|(at, _)| at + 1)
                .collect()
        };
        let feature = |(at, (field, words)): (usize, (&crate::schema::Field, String))| ExplainedFeature {
            name: field.name.clone(),
            value_type: field.value_type,
            nullable: field.nullable,
            words,
            stores: read(at),
        };
        let name = |at: &usize| fields.get(*at).map_or_else(String::new, |field| field.name.clone());
        Ok(ExplainedView {
            view: view.label(),
            is_declared: definition.is_some(),
            features: fields.iter().zip(words).enumerate().map(feature).collect(),
            stores: stores
                .iter()
                .map(|store| ExplainedStore {
                    kept: store.kept.clone(),
                    features: store.features.iter().map(name).collect(),
                })
                .collect(),
            growth,
            state_bytes_max,
            events_max: growth.and_then(|growth| growth.events_of(state_bytes_max)),
        })
    }

    /// How the states of a view grow; `None` where its component makes none of ordinary events.
    pub(super) fn state_growth(&self, view: &View) -> Result<Option<StateGrowth>, Error> {
        const SEED: u64 = 1;
        let program = self.program(view)?;
        let Some(component) = self.components.get(&self.component_path(view)) else { return Ok(None) };
        let sample = self.sample_of_definition(view);
        Ok(state_growth(&component, program.parameters(), &sample, SEED))
    }

    /// Events that the filters of a declared view are about; none of other views.
    pub(super) fn sample_of_definition(&self, view: &View) -> Sample {
        // A declaration at fault is told by others.
        let definition = self.definition(view).ok().flatten();
        let events = definition.map_or_else(Vec::new, |definition| declare::sample_events(&definition));
        Sample { events, times: Vec::new() }
    }
}
