//! A request that was planned once: which inputs it takes, which views answer it, and what is recorded of its answers.

use std::sync::Arc;

use super::history::Events;
use super::{FeaturePlan, FeatureStore, Spine};
use crate::Error;
use crate::batch::Column;
use crate::entity::EntityKey;
use crate::evaluate::Status;
use crate::log::{EventLog, ServedBatch, ServedPlan, ServedProgram, encode_values};
use crate::schema::ValueType;
use crate::serving::{self, LogShare, Questions, ViewAnswers};
use crate::store::StoredState;
use crate::time::AsOf;

/// One input of a request: a column with a row per question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestInput {
    /// Its name.
    pub name: String,
    /// Its type.
    pub value_type: ValueType,
    /// Whether it may be null.
    pub nullable: bool,
    /// Whether it is a key of an entity rather than a request field.
    pub is_key: bool,
}

/// One feature of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestedFeature {
    /// As it was asked for.
    pub reference: String,
    /// Its bare name.
    pub name: String,
    /// The name of its view.
    pub view: String,
    /// The position of its view among [`PreparedRequest::views`].
    pub view_at: usize,
    /// Its type.
    pub value_type: ValueType,
}

/// One view that takes part in an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestedView {
    /// Name and version, such as `activity@v1`.
    pub label: String,
    /// The digest of its component.
    pub component: String,
}

/// A request that was planned once and may be asked any number of times, by any thread.
#[derive(Debug)]
pub struct PreparedRequest {
    plan: FeaturePlan,
    every_feature: FeaturePlan,
    inputs: Vec<RequestInput>,
    key_count: usize,
    features: Vec<RequestedFeature>,
    views: Vec<RequestedView>,
    /// Per view, the inputs that are its entity's key.
    keys: Vec<Vec<usize>>,
    /// Per view, the inputs that are its request fields.
    request_fields: Vec<Vec<usize>>,
    served: Arc<ServedPlan>,
    /// The server that it was prepared by, and per view where that keeps its states.
    server: u64,
    state_views: Vec<Option<usize>>,
}

impl PreparedRequest {
    /// `history` and `log` are what it will be answered from: the newest history, and the identity of the log.
    pub(crate) fn new(plan: FeaturePlan, history: Option<i64>, log: &str) -> Result<Self, Error> {
        let keys = plan.keys();
        let (key_count, fields) = (keys.len(), plan.request_fields().to_vec());
        let mut inputs: Vec<RequestInput> = Vec::with_capacity(key_count + fields.len());
        inputs.extend(keys.into_iter().map(|key| RequestInput {
            name: key.name,
            value_type: key.key_type.value_type(),
            nullable: false,
            is_key: true,
        }));
        for field in fields {
            let (name, value_type, nullable) = (field.name, field.value_type, field.nullable);
            inputs.push(RequestInput { name, value_type, nullable, is_key: false });
        }
        // A key and a request field may have one name: they are inputs of their own.
        let at = |name: &str, is_key: bool| {
            let at = inputs.iter().position(|input| input.name == name && input.is_key == is_key);
            at.expect("the plan named every input")
        };
        let key_inputs = |view: &super::PlannedView| {
            let keys = view.entity.iter().flat_map(|entity| &entity.keys);
            keys.map(|key| at(&key.name, true)).collect()
        };
        let field_inputs = |view: &super::PlannedView| {
            view.program.description().request_fields.iter().map(|field| at(&field.name, false)).collect()
        };
        let features = plan.features.iter().zip(plan.types()).map(|(feature, value_type)| RequestedFeature {
            reference: feature.reference.to_string(),
            name: feature.reference.feature.clone(),
            view: feature.reference.view.clone(),
            view_at: feature.view,
            value_type,
        });
        let views = plan.views.iter().map(|view| RequestedView {
            label: view.program.id().to_owned(),
            component: view.program.digest().to_owned(),
        });
        Ok(Self {
            every_feature: plan.with_every_feature(),
            key_count,
            features: features.collect(),
            views: views.collect(),
            keys: plan.views.iter().map(key_inputs).collect(),
            request_fields: plan.views.iter().map(field_inputs).collect(),
            served: Arc::new(served_plan(&plan, &inputs, history, log)),
            server: 0,
            state_views: Vec::new(),
            inputs,
            plan,
        })
    }

    /// The same request for the server of this number, which keeps the states of its views there.
    pub(crate) fn for_server(self, server: u64, state_views: Vec<Option<usize>>) -> Self {
        Self { server, state_views, ..self }
    }

    /// Where the server of this number keeps the states of its views; `None` where another one prepared it.
    pub(crate) fn state_views(&self, server: u64) -> Option<&[Option<usize>]> {
        (self.server == server).then_some(&self.state_views)
    }

    /// What it takes, in order: the key columns, then the request fields.
    pub fn inputs(&self) -> &[RequestInput] {
        &self.inputs
    }

    /// The features that it gives, in the order asked for.
    pub fn features(&self) -> &[RequestedFeature] {
        &self.features
    }

    /// The views that answer it, each after those whose features it reads.
    pub fn views(&self) -> &[RequestedView] {
        &self.views
    }

    /// The feature service that it asks for, if one was named.
    pub fn service(&self) -> Option<&str> {
        self.plan.service.as_deref()
    }

    /// The columns of the key of a view's entity; none where the view has no entity.
    pub(crate) fn key_columns<'a>(&'a self, view: usize, inputs: &'a [Column]) -> impl Iterator<Item = &'a Column> {
        self.keys[view].iter().map(|at| &inputs[*at])
    }

    /// The key of a view's entity in `row`. The inputs were checked.
    pub(crate) fn key(&self, view: usize, inputs: &[Column], row: usize) -> EntityKey {
        EntityKey::from_columns(self.key_columns(view, inputs), row).expect("a request's keys are never null")
    }

    /// Checks that the inputs are what it takes; gives their rows.
    pub(crate) fn check(&self, inputs: &[Column]) -> Result<usize, Error> {
        let wrong = |message: String| Error::Request { message };
        if inputs.len() != self.inputs.len() {
            let names: Vec<&str> = self.inputs.iter().map(|input| input.name.as_str()).collect();
            let message =
                format!("{} columns where the request takes {}: {}", inputs.len(), names.len(), names.join(", "));
            return Err(wrong(message));
        }
        let rows = inputs.first().map_or(1, Column::len);
        for (input, column) in self.inputs.iter().zip(inputs) {
            let what = if input.is_key { "entity key" } else { "request field" };
            let name = &input.name;
            if column.value_type() != input.value_type {
                let (found, expected) = (column.value_type(), input.value_type);
                return Err(wrong(format!("the {what} {name} is {found} where {expected} is expected")));
            }
            if column.len() != rows {
                return Err(wrong(format!("the {what} {name} has {} rows where others have {rows}", column.len())));
            }
            if !input.nullable && column.null_count() > 0 {
                let row = (0..rows).find(|row| column.is_null(*row)).unwrap_or_default() + 1;
                return Err(wrong(format!("the {what} {name} is null in row {row}, and it must have a value")));
            }
        }
        Ok(rows)
    }

    /// The answers of every view from the states of its entities, which are in the order of views and rows.
    pub(crate) fn answer(
        &self,
        inputs: &[Column],
        states: &[Vec<Option<Arc<StoredState>>>],
        as_of: AsOf,
    ) -> Result<Vec<ViewAnswers>, Error> {
        let mut answers: Vec<ViewAnswers> = Vec::with_capacity(self.plan.views.len());
        for (at, view) in self.plan.views.iter().enumerate() {
            let input_features =
                view.inputs.iter().map(|(producer, feature)| answers[*producer].features[*feature].clone());
            let questions = Questions {
                states: &states[at],
                as_of,
                request_fields: self.request_columns(at, view, inputs)?,
                input_features: input_features.collect(),
            };
            let name = |row: usize| self.key(at, inputs, row).to_string();
            answers.push(serving::answer(&view.program, questions, &name)?);
        }
        Ok(answers)
    }

    /// The request fields of a view, as its transform reads them.
    fn request_columns(&self, at: usize, view: &super::PlannedView, inputs: &[Column]) -> Result<Vec<Column>, Error> {
        let fields = self.request_fields[at].iter().zip(&view.program.description().request_fields);
        fields.map(|(input, field)| super::request::as_read(&inputs[*input], field)).collect()
    }

    /// The features that were asked for, and their statuses, out of the answers of the views.
    pub(crate) fn select(&self, answers: &[ViewAnswers]) -> (Vec<Column>, Vec<Vec<Status>>) {
        let wanted = self.plan.features.iter();
        wanted
            .map(|feature| {
                let view = &answers[feature.view];
                (view.features[feature.feature].clone(), view.statuses_of(feature.feature))
            })
            .unzip()
    }

    /// What is recorded of an answer.
    pub(crate) fn served(
        &self,
        inputs: &[Column],
        (as_of, offset, replayed): (AsOf, u64, bool),
        (values, statuses): (&[Column], &[Vec<Status>]),
        answers: &[ViewAnswers],
        share: LogShare,
    ) -> Result<Option<ServedBatch>, Error> {
        let (keys, request) = inputs.split_at(self.key_count);
        let recorded = (!share.is_all()).then(|| share.rows(keys, statuses.first().map_or(0, Vec::len)));
        if recorded.as_ref().is_some_and(Vec::is_empty) {
            return Ok(None);
        }
        let names = |statuses: &Vec<Status>| statuses.iter().map(|status| status.as_str()).collect();
        let batch = ServedBatch {
            plan: Arc::clone(&self.served),
            as_of,
            offset,
            replayed,
            keys: keys.to_vec(),
            request: request.to_vec(),
            values: values.to_vec(),
            statuses: statuses.iter().map(names).collect(),
            offsets: answers.iter().map(|view| view.offsets.clone()).collect(),
        };
        Ok(Some(match recorded {
            Some(rows) => batch.take(&rows)?,
            None => batch,
        }))
    }
}

impl FeatureStore {
    /// The answers of all views as of a moment that the states have passed, from history and the log up to an offset.
    pub(crate) fn answer_by_replay(
        &self,
        prepared: &PreparedRequest,
        inputs: &[Column],
        as_of: AsOf,
        log: &EventLog,
        up_to: u64,
    ) -> Result<Vec<ViewAnswers>, Error> {
        let history = match prepared.served.history {
            Some(id) => log.history(id)?,
            None => None,
        };
        if let Some(history) = &history {
            super::check_history(self.project(), history)?;
        }
        let rows = prepared.check(inputs)?;
        let (keys, request) = inputs.split_at(prepared.key_count);
        let named = |inputs: &[RequestInput], columns: &[Column]| {
            inputs.iter().map(|input| input.name.clone()).zip(columns.iter().cloned()).collect()
        };
        let spine = Spine {
            keys: named(&prepared.inputs[..prepared.key_count], keys),
            as_of: vec![as_of; rows],
            request_fields: named(&prepared.inputs[prepared.key_count..], request),
        };
        // Every feature of every view, so that the answers have one shape whichever way they were made.
        let every = &prepared.every_feature;
        let events = Events::Recorded { history: history.as_ref(), log, up_to };
        let replayed = self.historical_at(every, &spine, as_of, events)?;
        let mut answers = Vec::with_capacity(every.views.len());
        let (mut features, mut statuses) = (replayed.features.into_iter(), replayed.statuses.into_iter());
        for ((view, offsets), newest_events) in every.views.iter().zip(replayed.offsets).zip(replayed.newest_events) {
            let count = view.program.description().output_features.len();
            answers.push(ViewAnswers {
                features: features.by_ref().take(count).collect(),
                // A status that tells nulls apart stays what it is when they are told apart again.
                statuses: view_statuses(statuses.by_ref().take(count), rows),
                newest_events,
                offsets,
            });
        }
        Ok(answers)
    }
}

/// How the view answered each row: a null of one feature is told by that feature, the rest is the same for all.
fn view_statuses(features: impl Iterator<Item = Vec<Status>>, rows: usize) -> Vec<Status> {
    let mut view = vec![Status::Present; rows];
    for statuses in features {
        for (view, status) in view.iter_mut().zip(statuses) {
            if !matches!(status, Status::Present | Status::NullValue) {
                *view = status;
            }
        }
    }
    view
}

fn served_plan(plan: &FeaturePlan, inputs: &[RequestInput], history: Option<i64>, log: &str) -> ServedPlan {
    let names =
        |is_key: bool| inputs.iter().filter(|input| input.is_key == is_key).map(|input| input.name.clone()).collect();
    let views = plan.views.iter().map(|view| {
        let read = view.program.description().input_features.iter().zip(&view.inputs);
        let inputs = read.map(|(field, (producer, feature))| {
            let producer = &plan.views[*producer].program;
            let feature = &producer.description().output_features[*feature];
            (field.name.clone(), format!("{}:{}", producer.id(), feature.name))
        });
        let program = ServedProgram {
            inputs: inputs.collect(),
            digest: view.program.digest().to_owned(),
            ttl_us: view.view.ttl.map(|ttl| ttl.0),
            parameters: encode_values(&view.view.parameters),
            meaning: view.meaning.clone(),
        };
        (view.program.id().to_owned(), program)
    });
    ServedPlan {
        service: plan.service.clone(),
        log: log.to_owned(),
        history,
        entities: names(true),
        request: names(false),
        features: plan.features.iter().map(|feature| plan.resolved(feature).to_string()).collect(),
        views: views.collect(),
    }
}
