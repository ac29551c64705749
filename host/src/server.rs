//! A project's feature store as a service: shared by threads, planned once, pushed to and asked at the same time.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::Error;
use crate::batch::{Column, Value};
use crate::entity::KeyValue;
use crate::evaluate::Status;
use crate::feature_store::{FeaturePlan, FeatureSelection, FeatureStore, OnlineRequest, OpenOptions};
use crate::log::NewEvent;
use crate::project::{Key, Project, Source};
use crate::schema::{Field, ValueType};
use crate::serving::Applied;
use crate::time::{AsOf, EventTime};

/// How to open a server.
#[derive(Clone, Default)]
pub struct ServerOptions {
    /// How to open the project.
    pub open: OpenOptions,
    /// The manifest that what runs must agree with.
    pub pin: Option<PathBuf>,
}

/// A feature store that answers and takes events from any thread.
pub struct Server {
    project: Project,
    store: Mutex<FeatureStore>,
    offset: AtomicU64,
    served: AtomicU64,
}

/// One input of a request.
#[derive(Clone, Debug)]
pub struct RequestInput {
    /// Its name.
    pub name: String,
    /// Its type.
    pub value_type: ValueType,
    /// Whether it may be null or left out.
    pub nullable: bool,
    /// Whether it is a key of an entity rather than a request field.
    pub is_key: bool,
}

/// One feature of an answer.
#[derive(Clone, Debug)]
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

/// One view of a request.
#[derive(Clone, Debug)]
pub struct RequestedView {
    /// Name and version.
    pub label: String,
    /// The digest of its component.
    pub component: String,
}

/// A planned request.
pub struct PreparedRequest {
    plan: FeaturePlan,
    inputs: Vec<RequestInput>,
    features: Vec<RequestedFeature>,
    views: Vec<RequestedView>,
}

impl PreparedRequest {
    /// Keys, then request fields.
    pub fn inputs(&self) -> &[RequestInput] {
        &self.inputs
    }

    /// The features, in the order asked for.
    pub fn features(&self) -> &[RequestedFeature] {
        &self.features
    }

    /// The views that answer.
    pub fn views(&self) -> &[RequestedView] {
        &self.views
    }
}

/// The answer to a request.
#[derive(Clone, Debug)]
pub struct OnlineFeatures {
    /// The cut-off.
    pub as_of: AsOf,
    /// The newest visible offset.
    pub offset: u64,
    /// One column per feature.
    pub features: Vec<Column>,
    /// Per feature, one status per row.
    pub statuses: Vec<Vec<Status>>,
    /// Per view, the newest event of each row.
    pub newest_events: Vec<Vec<Option<EventTime>>>,
    /// Whether it was replayed.
    pub replayed: bool,
}

/// What an event of a source must have.
#[derive(Clone, Debug)]
pub struct EventSchema {
    /// The source.
    pub source: Source,
    /// The key columns of its entity.
    pub keys: Vec<Key>,
    /// The fields that the views of the source read.
    pub fields: Vec<Field>,
}

/// What a server has done.
#[derive(Clone, Debug, Default)]
pub struct ServerStatus {
    /// The newest offset of the log.
    pub offset: u64,
    /// States in memory.
    pub states_cached: u64,
    /// Served vectors that were recorded.
    pub served_logged: u64,
    /// Served vectors that were not recorded, under pressure.
    pub served_dropped: u64,
    /// Per view, its label and the newest event applied.
    pub newest_events: Vec<(String, Option<EventTime>)>,
}

impl Server {
    /// Opens the project in `dir`.
    pub fn open(dir: &Path, options: ServerOptions) -> Result<Self, Error> {
        let store = FeatureStore::open(dir, options.open)?;
        let project = store.project().clone();
        let (offset, served) = (AtomicU64::new(0), AtomicU64::new(0));
        Ok(Self { project, store: Mutex::new(store), offset, served })
    }

    fn store(&self) -> MutexGuard<'_, FeatureStore> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The project.
    pub fn project(&self) -> &Project {
        &self.project
    }

    /// Plans a request.
    pub fn prepare(&self, selection: &FeatureSelection) -> Result<Arc<PreparedRequest>, Error> {
        let plan = self.store().plan(selection)?;
        let keys = plan.keys().into_iter().map(|key| RequestInput {
            name: key.name,
            value_type: key.key_type.value_type(),
            nullable: false,
            is_key: true,
        });
        let fields = plan.request_fields()?.into_iter().map(|field| RequestInput {
            name: field.name,
            value_type: field.value_type,
            nullable: field.nullable,
            is_key: false,
        });
        let inputs = keys.chain(fields).collect();
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
        let (features, views) = (features.collect(), views.collect());
        Ok(Arc::new(PreparedRequest { inputs, features, views, plan }))
    }

    /// Answers a request of any number of rows.
    pub fn get_online_features(
        &self,
        prepared: &PreparedRequest,
        inputs: &[Column],
        as_of: Option<AsOf>,
    ) -> Result<OnlineFeatures, Error> {
        let rows = inputs.first().map_or(0, Column::len);
        let mut store = self.store();
        let mut answer = OnlineFeatures {
            as_of: AsOf(0),
            offset: 0,
            features: prepared.features.iter().map(|f| Column::new(f.value_type)).collect(),
            statuses: vec![Vec::new(); prepared.features.len()],
            newest_events: vec![vec![None; rows]; prepared.views.len()],
            replayed: false,
        };
        for row in 0..rows {
            let mut request = OnlineRequest { as_of, ..OnlineRequest::default() };
            for (input, column) in prepared.inputs.iter().zip(inputs) {
                match (input.is_key, column.value(row)) {
                    (true, Value::Int64(value)) => request.entities.push((input.name.clone(), KeyValue::Int64(value))),
                    (true, value) => request.entities.push((input.name.clone(), KeyValue::Text(value.to_string()))),
                    (false, value) => request.request.push((input.name.clone(), value)),
                }
            }
            let vector = store.get_online_features(&prepared.plan, &request)?;
            for (at, (value, status)) in vector.values.iter().zip(vector.statuses).enumerate() {
                answer.features[at].push(value)?;
                answer.statuses[at].push(status);
            }
            (answer.as_of, answer.offset) = (vector.as_of, vector.offset);
            answer.replayed |= vector.replayed;
            self.served.fetch_add(1, Ordering::Relaxed);
        }
        Ok(answer)
    }

    /// What an event of `source` must have.
    pub fn event_schema(&self, source: &str) -> Result<EventSchema, Error> {
        let source = self.project.source(source)?.clone();
        let keys = self.project.entity(&source.entity)?.keys.clone();
        let mut store = self.store();
        let views = store.plan_stateful_views()?;
        let reads = views.iter().filter(|view| view.sources.iter().any(|s| s.name == source.name));
        let fields = reads.flat_map(|view| view.program.description().event_fields.iter().cloned()).collect();
        Ok(EventSchema { source, keys, fields })
    }

    /// Takes events; returns once they are durable and applied.
    pub fn push(&self, source: &str, events: Vec<NewEvent>) -> Result<Applied, Error> {
        let applied = self.store().push(source, events)?;
        self.offset.store(applied.offset, Ordering::Relaxed);
        Ok(applied)
    }

    /// What it has done.
    pub fn status(&self) -> ServerStatus {
        ServerStatus {
            offset: self.offset.load(Ordering::Relaxed),
            served_logged: self.served.load(Ordering::Relaxed),
            ..ServerStatus::default()
        }
    }
}
