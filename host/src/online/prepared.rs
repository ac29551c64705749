//! A request that was planned once: which inputs it takes, which views answer it, and what is recorded of its answers.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::costs::Costs;
use super::request::{InputKind, RequestBuilder, RequestError, RequestFault};
use super::{GetError, LogShare, ServerError};
use crate::batch::Column;
use crate::entity::{EntityKey, EntityState};
use crate::evaluate::{Names, StateQuestions, Status, ViewAnswers, answer_from_states};
use crate::events::exact_floats;
use crate::feature_store::{FeaturePlan, FeatureStore, PastEvents, PlannedView, Spine, recorded_rules, run_views};
use crate::log::{LogReader, ServedBatch, ServedField, ServedPlan, ServedProgram, encode_values};
use crate::schema::{Field, ValueType};
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
    costs: Costs,
}

impl PreparedRequest {
    /// `history` and `log` are what it will be answered from: the newest history, and the identity of the log.
    pub(super) fn new(plan: FeaturePlan, history: Option<i64>, log: &str) -> Self {
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
        let key_inputs = |view: &PlannedView| view.keys().iter().map(|key| at(&key.name, true)).collect();
        let field_inputs = |view: &PlannedView| {
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
        Self {
            key_count,
            features: features.collect(),
            views: views.collect(),
            keys: plan.views.iter().map(key_inputs).collect(),
            request_fields: plan.views.iter().map(field_inputs).collect(),
            served: Arc::new(served_plan(&plan, &inputs, history, log)),
            server: 0,
            state_views: Vec::new(),
            costs: Costs::default(),
            inputs,
            plan,
        }
    }

    /// A question of it, to be given its inputs.
    pub fn request(self: &Arc<Self>) -> RequestBuilder {
        RequestBuilder::new(Arc::clone(self))
    }

    /// The views that no other view of this request reads: their questions are why the others run.
    pub(crate) fn top_views(&self) -> impl Iterator<Item = &str> {
        let is_read = |at: usize| self.plan.views.iter().any(|view| view.inputs.iter().any(|(of, _)| *of == at));
        self.views.iter().enumerate().filter(move |(at, _)| !is_read(*at)).map(|(_, view)| view.label.as_str())
    }

    /// Microseconds that a question of so many entities as of now will take, as far as is known.
    pub(crate) fn expected_us(&self, rows: usize) -> Option<u64> {
        self.costs.expected_us(rows)
    }

    /// Takes note of what a question as of now took.
    pub(crate) fn took(&self, rows: usize, duration: Duration) {
        self.costs.took(rows, duration);
    }

    /// The same request for the server of this number, which keeps the states of its views there.
    pub(super) fn for_server(self, server: u64, state_views: Vec<Option<usize>>) -> Self {
        Self { server, state_views, ..self }
    }

    /// Where the server of this number keeps the states of its views; `None` where another one prepared it.
    pub(super) fn state_views(&self, server: u64) -> Option<&[Option<usize>]> {
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
    pub(super) fn key_columns<'a>(&'a self, view: usize, inputs: &'a [Column]) -> impl Iterator<Item = &'a Column> {
        self.keys[view].iter().map(|at| &inputs[*at])
    }

    /// The key of a view's entity in `row`. The inputs were checked.
    pub(super) fn key(&self, view: usize, inputs: &[Column], row: usize) -> EntityKey {
        EntityKey::from_columns(self.key_columns(view, inputs), row).expect("a request's keys are never null")
    }

    /// The answers of every view from the states of its entities, which are in the order of views and rows.
    pub(super) fn answer(
        &self,
        inputs: &[Column],
        states: &[Vec<Option<Arc<EntityState>>>],
        as_of: AsOf,
    ) -> Result<Vec<ViewAnswers>, ServerError> {
        let input = |answers: &[ViewAnswers], (producer, feature): (usize, usize)| -> Column {
            answers[producer].features[feature].clone()
        };
        let column = |name: &str| {
            let place = self.inputs.iter().position(|input| input.is_key && input.name == name);
            place.map(|place| &inputs[place])
        };
        run_views(&self.plan.views, input, |at, view, input_features| {
            let request_fields = self.request_columns(at, view, inputs)?;
            let questions = StateQuestions { states: &states[at], as_of, request_fields, input_features };
            let entity = |row: u32| match &view.entity {
                Some(_) => self.key(at, inputs, row as usize).to_string(),
                None => String::new(),
            };
            let asked = |row: u32| self.plan.asked_keys(at, row as usize, u64::from(row), column);
            let names = Names { entity: &entity, asked: Some(&asked) };
            let answered = answer_from_states(&view.program, questions, names).map_err(GetError::from);
            Ok(answered.map_err(|error| match error {
                GetError::Evaluate(error) => GetError::Evaluate(self.plan.locate_asked(at, error, column)),
                error => error,
            })?)
        })
    }

    /// The request fields of a view, as its transform reads them.
    fn request_columns(&self, at: usize, view: &PlannedView, inputs: &[Column]) -> Result<Vec<Column>, ServerError> {
        let fields = self.request_fields[at].iter().zip(&view.program.description().request_fields);
        fields.map(|(input, field)| as_read(&inputs[*input], field)).collect()
    }

    /// Notes with every view that so many vectors were served.
    pub(super) fn note_served(&self, vectors: usize, as_of: AsOf) {
        self.plan.views.iter().for_each(|view| view.program.served(vectors as u64, as_of));
    }

    /// The features that were asked for, and their statuses, out of the answers of the views.
    pub(super) fn select(&self, answers: &[ViewAnswers]) -> (Vec<Column>, Vec<Vec<Status>>) {
        let wanted = self.plan.features.iter();
        wanted
            .map(|feature| {
                let view = &answers[feature.view];
                (view.features[feature.feature].clone(), view.statuses_of(feature.feature))
            })
            .unzip()
    }

    /// What is recorded of an answer.
    pub(super) fn served(
        &self,
        inputs: &[Column],
        (as_of, offset, replayed): (AsOf, u64, bool),
        (values, statuses): (&[Column], &[Vec<Status>]),
        answers: &[ViewAnswers],
        share: LogShare,
    ) -> Result<Option<ServedBatch>, ServerError> {
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
            request_id: None,
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

/// A request field as a transform reads it: whole numbers as float64, where that is exact.
fn as_read(column: &Column, field: &Field) -> Result<Column, ServerError> {
    if field.value_type != ValueType::Float64 {
        return Ok(column.clone());
    }
    exact_floats(column).map_err(|(row, fault)| {
        let (kind, name, fault) = (InputKind::Field, field.name.clone(), RequestFault::Value(fault.to_string()));
        RequestError { kind, name, row: Some(row), fault }.into()
    })
}

impl PreparedRequest {
    /// The answers of all views as of a moment that the states have passed, from history and the log up to an offset. It ends
    /// early once `stop` is set.
    pub(super) fn replay(
        &self,
        store: &FeatureStore,
        inputs: &[Column],
        (as_of, rows): (AsOf, usize),
        (log, up_to): (&dyn LogReader, u64),
        stop: &Arc<AtomicBool>,
    ) -> Result<Vec<ViewAnswers>, ServerError> {
        let (keys, request) = inputs.split_at(self.key_count);
        let named = |inputs: &[RequestInput], columns: &[Column]| {
            inputs.iter().map(|input| input.name.clone()).zip(columns.iter().cloned()).collect()
        };
        let spine = Spine {
            keys: named(&self.inputs[..self.key_count], keys),
            as_of: vec![as_of; rows],
            request_fields: named(&self.inputs[self.key_count..], request),
        };
        let past = PastEvents { history: self.served.history, log, up_to };
        let (replayed, newest) = store.replay_at(&self.plan, &spine, as_of, past, stop)?;
        let answers = replayed.into_iter().zip(newest).map(|(view, newest_events)| ViewAnswers {
            features: view.features,
            statuses: view.statuses,
            ruled: view.ruled,
            newest_events,
            offsets: view.offsets.unwrap_or_else(|| vec![0; rows]),
        });
        Ok(answers.collect())
    }
}

fn served_plan(plan: &FeaturePlan, inputs: &[RequestInput], history: Option<i64>, log: &str) -> ServedPlan {
    let fields = |is_key: bool| {
        let inputs = inputs.iter().filter(|input| input.is_key == is_key);
        inputs.map(|input| ServedField::new(&input.name, input.value_type)).collect()
    };
    let features = plan.features.iter().zip(plan.types());
    let views = plan.views.iter().map(|view| {
        let read = view.program.description().input_features.iter().zip(&view.inputs);
        let inputs = read.map(|(field, (producer, feature))| {
            let producer = &plan.views[*producer].program;
            let feature = &producer.description().output_features[*feature];
            (field.name.clone(), format!("{}:{}", producer.id(), feature.name))
        });
        let (defaults, feature_ttls_us) = recorded_rules(&view.view);
        let program = ServedProgram {
            inputs: inputs.collect(),
            digest: view.program.digest().to_owned(),
            ttl_us: view.view.ttl.map(|ttl| ttl.0),
            defaults,
            feature_ttls_us,
            parameters: encode_values(&view.view.parameters),
            identity: view.identity.clone(),
        };
        (view.program.id().to_owned(), program)
    });
    ServedPlan {
        service: plan.service.clone(),
        log: log.to_owned(),
        history,
        keys: fields(true),
        request: fields(false),
        features: features.map(|(feature, of)| ServedField::new(plan.resolved(feature).to_string(), of)).collect(),
        views: views.collect(),
    }
}
