//! The stages of a plan, and the columns that each has on disk.

use crate::events::SourceInput;
use crate::feature_store::feeds::Feed;
use crate::feature_store::{FeaturePlan, PlannedView};
use crate::project::Entity;
use crate::schema::{Field, ValueType};

/// Consecutive views of a plan that one division of the spine serves.
pub(super) struct Stage {
    pub(super) entity: Option<Entity>,
    pub(super) views: std::ops::Range<usize>,
    /// The features of earlier stages that its views take, by view and feature.
    pub(super) inputs: Vec<(usize, usize)>,
    /// The features that it keeps: those asked for, and those that a later stage takes.
    pub(super) kept: Vec<(usize, usize)>,
    /// The request fields of its views, each once.
    pub(super) request_fields: Vec<Field>,
}

impl Stage {
    /// The columns of a divided spine: row, keys, as-of, request fields, inputs of earlier stages.
    pub(super) fn spine_types(&self, plan: &FeaturePlan) -> Vec<ValueType> {
        let keys = self.entity.iter().flat_map(|entity| &entity.keys).map(|key| key.key_type.value_type());
        let requests = self.request_fields.iter().map(|field| field.value_type);
        let inputs = self.inputs.iter().map(|input| feature_type(plan, *input));
        let types = [ValueType::Int64].into_iter().chain(keys).chain([ValueType::Time]);
        types.chain(requests).chain(inputs).collect()
    }
}

/// Which columns the events of a feed have beside event time, keys and fields.
#[derive(Clone, Copy)]
pub(in crate::feature_store) struct Layout {
    pub(in crate::feature_store) has_available: bool,
    pub(in crate::feature_store) has_offsets: bool,
}

impl Layout {
    pub(in crate::feature_store) fn of(sources: &[SourceInput<'_>]) -> Self {
        let has_offsets = sources.iter().any(|source| source.pushed.is_some());
        let has_arrivals = sources.iter().any(|source| source.source.arrival_time.is_some());
        Self { has_available: has_offsets || has_arrivals, has_offsets }
    }

    pub(in crate::feature_store) fn columns(self) -> usize {
        1 + usize::from(self.has_available) + usize::from(self.has_offsets)
    }
}

/// The columns of divided events: event time, availability, offset, keys, fields.
pub(in crate::feature_store) fn event_types(layout: Layout, view: &PlannedView, feed: &Feed) -> Vec<ValueType> {
    let mut types = vec![ValueType::Time];
    types.extend(layout.has_available.then_some(ValueType::Time));
    types.extend(layout.has_offsets.then_some(ValueType::Int64));
    types.extend(view.entity.iter().flat_map(|entity| &entity.keys).map(|key| key.key_type.value_type()));
    types.extend(feed.fields.iter().map(|field| field.value_type));
    types
}

/// The type of a feature, by view and feature.
pub(super) fn feature_type(plan: &FeaturePlan, (view, feature): (usize, usize)) -> ValueType {
    plan.views[view].program.description().output_features[feature].value_type
}

/// The stages of a plan, in order.
pub(super) fn stages(plan: &FeaturePlan) -> Vec<Stage> {
    let mut stages: Vec<Stage> = Vec::new();
    for (at, view) in plan.views.iter().enumerate() {
        let is_other = |stage: &Stage| match (&stage.entity, &view.entity) {
            (Some(one), Some(other)) => one.name != other.name,
            _ => false,
        };
        if stages.last().is_none_or(is_other) {
            let (entity, views) = (view.entity.clone(), at..at);
            stages.push(Stage { entity, views, inputs: Vec::new(), kept: Vec::new(), request_fields: Vec::new() });
        }
        let stage = stages.last_mut().expect("one was just appended");
        stage.entity = stage.entity.take().or_else(|| view.entity.clone());
        stage.views.end = at + 1;
        for field in &view.program.description().request_fields {
            let planned = plan.request_fields().iter().find(|planned| planned.name == field.name);
            let planned = planned.filter(|_| stage.request_fields.iter().all(|known| known.name != field.name));
            stage.request_fields.extend(planned.cloned());
        }
        let inputs: Vec<(usize, usize)> =
            view.inputs.iter().filter(|(producer, _)| *producer < stage.views.start).copied().collect();
        for input in inputs {
            if !stage.inputs.contains(&input) {
                stage.inputs.push(input);
            }
        }
    }
    let mut wanted: Vec<(usize, usize)> = plan.features.iter().map(|f| (f.view, f.feature)).collect();
    wanted.extend(stages.iter().flat_map(|stage| stage.inputs.clone()));
    for stage in &mut stages {
        for feature in wanted.iter().filter(|(view, _)| stage.views.contains(view)) {
            if !stage.kept.contains(feature) {
                stage.kept.push(*feature);
            }
        }
    }
    stages
}
