//! Online features: push and get, from the project's log and states.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use super::history::Events;
use super::request::spine_of_request;
use super::{FeaturePlan, FeatureStore, OnlineRequest, PlannedView, Spine};
use crate::Error;
use crate::batch::Value;
use crate::entity::EntityKey;
use crate::evaluate::Status;
use crate::events::{Arrival, event_ids_of_files, read_push};
use crate::log::{EventLog, History, ServedProgram, ServedVector, ServedView as RecordedView, encode_values};
use crate::project::{FeatureReference, Source};
use crate::serving::{self, Answered, Applied, Question, ServedView, ViewAnswer};
use crate::store::SqliteStore;
use crate::time::{AsOf, AvailableAt};

/// The project's stores, open for writing by this process alone.
pub(crate) struct Stores {
    pub(crate) log: EventLog,
    pub(crate) store: SqliteStore,
    /// Ids of the events that the newest history holds, by history and source, read on the first push that needs them.
    ids_of_history: HashMap<(i64, String), HashSet<String>>,
}

impl Stores {
    /// The ids of the events of `source` that the states began from. Such an event is not applied again when it is pushed.
    fn ids_of_history(&mut self, source: &Source) -> Result<&HashSet<String>, Error> {
        let latest = match source.event_id {
            Some(_) => self.log.latest_history()?,
            None => None,
        };
        let (id, mut history) = latest.unwrap_or((0, History { up_to: AvailableAt(i64::MIN), sources: Vec::new() }));
        history.sources.retain(|folded| folded.source == source.name);
        Ok(match self.ids_of_history.entry((id, source.name.clone())) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => {
                super::check_history(&history)?;
                let files = history.sources.iter().flat_map(|folded| &folded.files).map(|file| file.path.as_path());
                unknown.insert(event_ids_of_files(source, files, history.up_to)?)
            }
        })
    }
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
        let mut fields = Vec::new();
        for view in views.iter().filter(|view| view.sources.iter().any(|s| s.name == source.name)) {
            fields.extend(view.program.description().event_fields.iter().cloned());
        }
        let mut events = read_push(&source, &fields, path, arrival)?;
        let clock = std::sync::Arc::clone(&self.options().clock);
        let mut stores = self.take_stores()?;
        let pushed = events.len();
        let known = stores.ids_of_history(&source).map(|ids| {
            events.retain(|event| event.event_id.as_ref().is_none_or(|id| !ids.contains(id)));
            pushed - events.len()
        });
        let applied = known.and_then(|known| {
            let applied = serving::push(&mut stores.log, &mut stores.store, &views, &source, events, &*clock)
                .map_err(Error::from)?;
            Ok(Applied { duplicates: applied.duplicates + known as u64, ..applied })
        });
        self.put_stores(stores);
        applied
    }

    /// Answers one question and records what was served.
    pub fn get_online_features(&mut self, plan: &FeaturePlan, request: &OnlineRequest) -> Result<OnlineVector, Error> {
        let views: Vec<ServedView> = plan.views.iter().filter(|view| view.program.has_sources()).map(served).collect();
        for view in &plan.views {
            self.keep_component(&view.view, view.program.digest())?;
        }
        let mut stores = self.take_stores()?;
        let answered = self.answer_and_record(&mut stores, plan, &views, request);
        self.put_stores(stores);
        answered
    }

    fn answer_and_record(
        &self,
        stores: &mut Stores,
        plan: &FeaturePlan,
        views: &[ServedView],
        request: &OnlineRequest,
    ) -> Result<OnlineVector, Error> {
        serving::catch_up(&stores.log, &mut stores.store, views)?;
        // Everything about the request is checked before the clock moves.
        let mut spine = spine_of_request(plan, request)?;
        let as_of = stores.log.stamp_as_of_unsaved(request.as_of, self.options().clock.now())?;
        spine.as_of = vec![as_of];
        let offset = stores.log.offset_at(as_of)?;
        let (answers, replayed) = match answer_views(stores, plan, &spine)? {
            Some(answers) => (answers, false),
            None => (self.answer_by_replay(stores, plan, &spine, offset)?, true),
        };
        let vector = OnlineVector {
            as_of,
            references: plan.features.iter().map(|feature| feature.reference.to_string()).collect(),
            values: plan.features.iter().map(|f| answers[f.view].values[f.feature].clone()).collect(),
            statuses: plan.features.iter().map(|f| answers[f.view].statuses[f.feature]).collect(),
            offset,
            replayed,
        };
        let history = stores.log.latest_history()?.map(|(id, _)| id);
        stores.log.record_served(&[served_vector(plan, request, &vector, &answers, history)])?;
        Ok(vector)
    }

    /// The answers of all views as of a moment that the states have passed.
    fn answer_by_replay(
        &self,
        stores: &Stores,
        plan: &FeaturePlan,
        spine: &Spine,
        up_to: u64,
    ) -> Result<Vec<ViewAnswer>, Error> {
        let history = stores.log.latest_history()?.map(|(_, history)| history);
        if let Some(history) = &history {
            super::check_history(history)?;
        }
        // Every feature of every view, so that the answers have one shape whichever way they were made.
        let every = plan.with_every_feature();
        let events = Events::Recorded { history: history.as_ref(), log: &stores.log, up_to };
        let replayed = self.historical(&every, spine, events)?;
        let mut answers = Vec::with_capacity(plan.views.len());
        let mut at = 0;
        for (view, offsets) in plan.views.iter().zip(&replayed.offsets) {
            let features = at..at + view.program.description().output_features.len();
            at = features.end;
            answers.push(ViewAnswer {
                values: replayed.features[features.clone()].iter().map(|feature| feature.value(0)).collect(),
                statuses: replayed.statuses[features.clone()].iter().map(|statuses| statuses[0]).collect(),
                features: replayed.features[features].to_vec(),
                offset: offsets[0],
            });
        }
        Ok(answers)
    }

    /// Every view that keeps states, for pushes.
    fn served_views(&mut self) -> Result<Vec<ServedView>, Error> {
        let planned = self.plan_stateful_views()?;
        for view in &planned {
            self.keep_component(&view.view, view.program.digest())?;
        }
        Ok(planned.iter().map(served).collect())
    }

    /// The stores; opened on first use, which makes this process the project's one writer.
    pub(crate) fn take_stores(&mut self) -> Result<Stores, Error> {
        match self.online.take() {
            Some(stores) => Ok(stores),
            None => {
                let (log, store) = (EventLog::open(&self.log_path())?, SqliteStore::open(&self.online_path())?);
                let store = store.with_state_bytes_max(self.runtime.limits().state_bytes_max);
                Ok(Stores { log, store, ids_of_history: HashMap::new() })
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
        Self { service: self.service.clone(), views: self.views.clone(), features }
    }
}

fn served(view: &PlannedView) -> ServedView {
    let keys = view.entity.as_ref().map_or_else(Vec::new, |entity| entity.keys.clone());
    ServedView { program: std::sync::Arc::clone(&view.program), keys, sources: view.sources.clone() }
}

/// Answers every view from states; `None` where one of them has passed the as-of.
fn answer_views(stores: &Stores, plan: &FeaturePlan, spine: &Spine) -> Result<Option<Vec<ViewAnswer>>, Error> {
    let mut answers: Vec<ViewAnswer> = Vec::with_capacity(plan.views.len());
    for view in &plan.views {
        let keys = match &view.entity {
            Some(entity) => spine.key_columns(entity)?,
            None => Vec::new(),
        };
        let mut request_fields = Vec::new();
        for field in &view.program.description().request_fields {
            request_fields.push(spine.request_column(field)?.clone());
        }
        let inputs = view.inputs.iter().map(|(producer, feature)| answers[*producer].features[*feature].clone());
        let question = Question {
            key: EntityKey::from_columns(&keys, 0).expect("a request's keys are never null"),
            as_of: spine.as_of[0],
            request_fields,
            input_features: inputs.collect(),
        };
        match serving::answer(&stores.store, &served(view), question)? {
            Answered::FromState(answer) => answers.push(answer),
            Answered::NeedsReplay => return Ok(None),
        }
    }
    Ok(Some(answers))
}

fn served_vector(
    plan: &FeaturePlan,
    request: &OnlineRequest,
    vector: &OnlineVector,
    answers: &[ViewAnswer],
    history: Option<i64>,
) -> ServedVector {
    let views = plan.views.iter().zip(answers).map(|(view, answer)| RecordedView {
        view: view.program.id().to_owned(),
        program: ServedProgram {
            digest: view.program.digest().to_owned(),
            ttl_us: view.view.ttl.map(|ttl| ttl.0),
            parameters: encode_values(&view.view.parameters),
        },
        offset: answer.offset,
    });
    ServedVector {
        id: 0,
        as_of: vector.as_of,
        service: plan.service.clone(),
        features: plan.features.iter().map(|feature| plan.resolved(feature).to_string()).collect(),
        entities: request.entities.clone(),
        request: request.request.clone(),
        history,
        offset: vector.offset,
        views: views.collect(),
        values: vector.values.clone(),
        statuses: vector.statuses.iter().map(|status| status.as_str().to_owned()).collect(),
        replayed: vector.replayed,
    }
}
