//! Online features: push and get, from the project's log and states.

use std::sync::Arc;

use super::request::inputs_of_request;
use super::schema::{event_schema, with_inferred};
use super::skips::check_skips;
use super::warnings::warnings_of_push;
use super::{FeaturePlan, FeatureStore, HistoryIds, OnlineRequest, PlannedView, PreparedRequest};
use crate::Error;
use crate::batch::Value;
use crate::evaluate::Status;
use crate::events::{Arrival, read_push, unknown_columns};
use crate::files;
use crate::log::{EventLog, FeatureLog, NewEvent};
use crate::project::{FeatureReference, Source};
use crate::serving::{self, Applied, LogShare, ServedView, has_passed};
use crate::store::{OnlineStore, SqliteStore};
use crate::time::AsOf;

/// The project's stores, open for writing by this process alone.
pub(crate) struct Stores {
    pub(crate) log: EventLog,
    pub(crate) store: SqliteStore,
    pub(crate) served: FeatureLog,
    pub(crate) history_ids: HistoryIds,
}

/// One served feature vector.
#[derive(Clone, Debug)]
pub struct OnlineVector {
    /// The cut-off that was used.
    pub as_of: AsOf,
    /// The features, as they were asked for.
    pub references: Vec<String>,
    /// One value per feature.
    pub values: Vec<Value>,
    /// One status per feature.
    pub statuses: Vec<Status>,
    /// The newest offset of the log that was visible at the as-of.
    pub offset: u64,
    /// Whether the as-of lay before the newest event, so that the answer was replayed from history and log.
    pub replayed: bool,
}

impl FeatureStore {
    /// Appends the events of a file to the log of a source and applies them.
    pub fn ingest(&mut self, source: &str, path: &std::path::Path, arrival: &Arrival) -> Result<Applied, Error> {
        let source = self.project().source(source)?.clone();
        let views = self.served_views()?;
        let mut schema = event_schema(self.project(), &source, &views)?;
        let names = files::column_names(path)?;
        if !unknown_columns(&schema, &names, arrival).is_empty() {
            schema = with_inferred(self.project(), schema)?;
        }
        let events = read_push(&schema, path, &names, arrival)?;
        for warning in warnings_of_push(self.project(), &source, path, &events) {
            (self.options().warning)(&warning);
        }
        self.push_to(&source, &views, events)
    }

    /// Appends events to the log of a source and applies them.
    pub fn push(&mut self, source: &str, events: Vec<NewEvent>) -> Result<Applied, Error> {
        let source = self.project().source(source)?.clone();
        let views = self.served_views()?;
        self.push_to(&source, &views, events)
    }

    fn push_to(&mut self, source: &Source, views: &[ServedView], mut events: Vec<NewEvent>) -> Result<Applied, Error> {
        let clock = Arc::clone(&self.options().clock);
        let mut stores = self.take_stores()?;
        let Stores { log, store, history_ids, .. } = &mut stores;
        let known = history_ids.leave_out(log, source, &mut events);
        let applied = known.and_then(|known| {
            let applied = serving::push(log, store, views, source, events, &*clock)?;
            Ok(Applied { duplicates: applied.duplicates + known, ..applied })
        });
        self.put_stores(stores);
        applied
    }

    /// Answers one question and records what was served.
    pub fn get_online_features(&mut self, plan: &FeaturePlan, request: &OnlineRequest) -> Result<OnlineVector, Error> {
        for view in &plan.views {
            self.keep_component(&view.view, view.program.digest())?;
        }
        let mut stores = self.take_stores()?;
        let answered = self.answer_and_record(&mut stores, plan, request);
        self.put_stores(stores);
        answered
    }

    fn answer_and_record(
        &self,
        stores: &mut Stores,
        plan: &FeaturePlan,
        request: &OnlineRequest,
    ) -> Result<OnlineVector, Error> {
        let Stores { log, store, served, .. } = stores;
        let views: Vec<ServedView> =
            plan.views.iter().filter(|view| view.program.has_sources()).map(served_view).collect();
        serving::catch_up(log, store, &views)?;
        // The request itself is checked before the clock moves.
        let history = log.latest_history()?.map(|(id, _)| id);
        let prepared = PreparedRequest::new(plan.clone(), history, log.identity())?;
        let inputs = inputs_of_request(&prepared, request)?;
        let as_of = log.stamp_as_of(request.as_of, self.options().clock.now())?;
        let offset = log.offset_at(as_of)?;
        let mut states = Vec::with_capacity(plan.views.len());
        for (at, view) in plan.views.iter().enumerate() {
            let stored = if view.program.has_sources() {
                store.get(view.program.id(), &prepared.key(at, &inputs, 0))?.map(Arc::new)
            } else {
                None
            };
            states.push(vec![stored]);
        }
        let replayed = states.iter().any(|states| has_passed(states, as_of));
        let answers = match replayed {
            false => prepared.answer(&inputs, &states, as_of)?,
            true => self.answer_by_replay(&prepared, &inputs, as_of, log, offset)?,
        };
        let (values, statuses) = prepared.select(&answers);
        let told = (as_of, offset, replayed);
        let share = LogShare::new(self.project().serving.log_share);
        if let Some(batch) = prepared.served(&inputs, told, (&values, &statuses), &answers, share)? {
            served.record(&[batch])?;
        }
        Ok(OnlineVector {
            as_of,
            references: plan.features.iter().map(|feature| feature.reference.to_string()).collect(),
            values: values.iter().map(|column| column.value(0)).collect(),
            statuses: statuses.iter().map(|statuses| statuses[0]).collect(),
            offset,
            replayed,
        })
    }

    /// Every view that keeps states, for pushes.
    pub(crate) fn served_views(&mut self) -> Result<Vec<ServedView>, Error> {
        let planned = self.plan_stateful_views()?;
        for view in &planned {
            self.keep_component(&view.view, view.program.digest())?;
        }
        Ok(planned.iter().map(served_view).collect())
    }

    /// The stores; opened on first use, which makes this process the project's one writer.
    pub(crate) fn take_stores(&mut self) -> Result<Stores, Error> {
        match self.online.take() {
            Some(stores) => Ok(stores),
            None => {
                let log = EventLog::open(&self.log_path())?;
                check_skips(self.project(), Some(&log))?;
                let store = SqliteStore::open(&self.online_path())?;
                let store = store.with_state_bytes_max(self.runtime.limits().state_bytes_max);
                let bytes_max = self.project().serving.served_bytes_max;
                let served = FeatureLog::open(&self.served_path())?.with_bytes_max(bytes_max);
                Ok(Stores { log, store, served, history_ids: HistoryIds::new(self.ids_dir()) })
            }
        }
    }

    pub(crate) fn put_stores(&mut self, stores: Stores) {
        self.online = Some(stores);
    }
}

impl FeaturePlan {
    /// The reference of a planned feature with the version that was chosen.
    pub(crate) fn resolved(&self, feature: &super::PlannedFeature) -> FeatureReference {
        FeatureReference { version: Some(self.views[feature.view].view.version), ..feature.reference.clone() }
    }

    /// The same views, with all features of each, in order.
    pub(crate) fn with_every_feature(&self) -> Self {
        let mut features = Vec::new();
        for (at, view) in self.views.iter().enumerate() {
            for (feature, field) in view.program.description().output_features.iter().enumerate() {
                let reference = FeatureReference {
                    view: view.view.name.clone(),
                    version: Some(view.view.version),
                    feature: field.name.clone(),
                };
                features.push(super::PlannedFeature { reference, view: at, feature });
            }
        }
        Self { features, ..self.clone() }
    }
}

fn served_view(view: &PlannedView) -> ServedView {
    let keys = view.entity.as_ref().map_or_else(Vec::new, |entity| entity.keys.clone());
    let meaning = view.meaning.clone();
    ServedView { program: Arc::clone(&view.program), keys, sources: view.sources.clone(), meaning }
}
