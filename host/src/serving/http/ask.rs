//! A question, from a request's columns to the features.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::body::Bytes;

use super::columns;
use super::refusal::{Cause, Refusal};
use super::routes::App;
use crate::batch::Column;
use crate::feature_store::FeatureSelection;
use crate::files::{Fields, Name};
use crate::files::{Nulls, Wanted};
use crate::project::FeatureReference;
use crate::time::{AsOf, Stopwatch, TimeForm, TimeUnit};
use crate::{OnlineFeatures, PreparedRequest};

/// Selections that are remembered; beyond, all are forgotten and planned anew.
const ASKED_MAX: usize = 1_024;

/// Entities of a question that is evaluated on the thread that read it.
const INLINE_ROWS_MAX: usize = 1_000;

/// Microseconds that such a question may have taken the last time.
const INLINE_US_MAX: u64 = 2_000;

/// Bytes of a body that is parsed on the thread that read it.
const INLINE_BYTES_MAX: usize = 128 << 10;

/// What a request selects.
pub(super) enum Selected<'a> {
    Service(Name<'a>),
    Features(Vec<Name<'a>>),
}

/// A selection that was asked for before, planned.
pub(super) struct Asked {
    pub(super) prepared: Arc<PreparedRequest>,
    /// Microseconds that the last question took.
    cost_us: AtomicU64,
}

/// The selections that were asked for, by what the requests said.
#[derive(Default)]
pub(super) struct AskedCache(RwLock<HashMap<String, Arc<Asked>>>);

/// A question, typed and checked.
pub(super) struct Question {
    pub(super) asked: Arc<Asked>,
    pub(super) inputs: Vec<Column>,
    pub(super) as_of: Option<AsOf>,
}

impl Question {
    /// How many entities.
    pub(super) fn rows(&self) -> usize {
        self.inputs.first().map_or(0, Column::len)
    }
}

impl App {
    /// The plan of a selection.
    pub(super) fn asked(&self, selected: &Selected<'_>) -> Result<Arc<Asked>, Refusal> {
        let key = match selected {
            Selected::Service(name) => name.0.to_string(),
            // No service has such a name.
            Selected::Features(names) => names.iter().fold(":".to_owned(), |key, name| key + &name.0 + "\n"),
        };
        let cache = &self.asked.0;
        if let Some(asked) = cache.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(Arc::clone(asked));
        }
        let selection = match selected {
            Selected::Service(name) => FeatureSelection::Service(name.0.to_string()),
            Selected::Features(names) => FeatureSelection::References(references(names)?),
        };
        // Components may have to be compiled first.
        let prepared = tokio::task::block_in_place(|| self.server.prepare(&selection))?;
        let asked = Arc::new(Asked { prepared, cost_us: AtomicU64::new(0) });
        let mut cache = cache.write().unwrap_or_else(PoisonError::into_inner);
        if cache.len() >= ASKED_MAX {
            cache.clear();
        }
        cache.insert(key, Arc::clone(&asked));
        Ok(asked)
    }

    /// The columns that a planned request needs, from those of the field `path` of a body.
    pub(super) fn inputs(
        &self,
        asked: &Asked,
        fields: &Fields<'_>,
        path: &str,
        unit: Option<TimeUnit>,
    ) -> Result<Vec<Column>, Refusal> {
        let wanted = asked.prepared.inputs();
        if let Some((unknown, _)) = fields.0.iter().find(|(name, _)| !wanted.iter().any(|input| input.name == **name)) {
            let known: Vec<&str> = wanted.iter().map(|input| input.name.as_str()).collect();
            let message = format!("is not read by the features asked for; they read: {}", known.join(", "));
            return Err(Refusal::field(&[path, unknown], message));
        }
        let Some((first, array)) = fields.0.first() else {
            return Err(Refusal::field(&[path], "is empty: give each key a list of values, one per entity"));
        };
        let rows = columns::cells(array, &[path, first])?.len();
        if rows == 0 {
            return Err(Refusal::field(&[path, first], "has no values: ask for at least one entity"));
        }
        if rows > self.limits.entities_max {
            let message = format!("{rows} entities are over the limit of {}: ask in parts", self.limits.entities_max);
            return Err(Refusal { cause: Cause::TooManyRows, ..Refusal::field(&[path, first], message) });
        }
        let mut inputs = Vec::with_capacity(wanted.len());
        for input in wanted {
            let here = [path, input.name.as_str()];
            let Some((_, array)) = fields.0.iter().find(|(name, _)| *name == input.name) else {
                if !input.nullable {
                    return Err(Refusal::field(&here, format!("is missing; it is {}", input.value_type)));
                }
                inputs.push(Column::of_nulls(input.value_type, rows));
                continue;
            };
            let cells = columns::cells(array, &here)?;
            if cells.len() != rows {
                let message = format!("has {} values where {path}.{first} has {rows}", cells.len());
                return Err(Refusal::field(&here, message));
            }
            let nulls = if input.nullable { Nulls::Allowed } else { Nulls::Refused };
            let time = TimeForm { unit, ..TimeForm::default() };
            let wanted = Wanted { time, ..Wanted::new(&input.name, input.value_type, nulls) };
            inputs.push(columns::column(&cells, &wanted, &|row, message| Refusal::cell(&here, row, message))?);
        }
        Ok(inputs)
    }

    /// Reads a question from a body.
    pub(super) fn read<T>(&self, body: &Bytes, read: impl FnOnce(&[u8]) -> Result<T, Refusal>) -> Result<T, Refusal> {
        match body.len() <= INLINE_BYTES_MAX {
            true => read(body),
            false => tokio::task::block_in_place(|| read(body)),
        }
    }

    /// Answers a question: at once where that takes microseconds, else on another thread, and not for longer than the limit.
    pub(super) async fn answer(
        self: &Arc<Self>,
        question: Question,
        write: impl FnOnce(&Question, &OnlineFeatures) -> Vec<u8> + Send + 'static,
    ) -> Result<Vec<u8>, Refusal> {
        let is_short = question.rows() <= INLINE_ROWS_MAX
            && question.as_of.is_none()
            && question.asked.cost_us.load(Ordering::Relaxed) <= INLINE_US_MAX;
        if is_short {
            return self.evaluate(&question).map(|features| write(&question, &features));
        }
        let milliseconds = self.limits.request_ms_max;
        let app = Arc::clone(self);
        let answered = async move {
            let room = Arc::clone(&app.slow).acquire_owned().await.expect("the semaphore is never closed");
            let work = tokio::task::spawn_blocking(move || {
                // The room is taken until the work ends, also when nobody waits for it any more.
                let _room = room;
                app.evaluate(&question).map(|features| write(&question, &features))
            });
            work.await
                .map_err(|error| Refusal::new(Cause::Failed, format!("the question was not finished: {error}")))?
        };
        match tokio::time::timeout(Duration::from_millis(milliseconds), answered).await {
            Ok(answered) => answered,
            Err(_) => Err(Refusal::new(
                Cause::Timeout,
                format!(
                    "no answer within {milliseconds} milliseconds: ask for fewer entities, or again when there is less load"
                ),
            )),
        }
    }

    fn evaluate(&self, question: &Question) -> Result<OnlineFeatures, Refusal> {
        let started = Stopwatch::start();
        let features = self.server.get_online_features(&question.asked.prepared, &question.inputs, question.as_of);
        let took = started.elapsed();
        if question.as_of.is_none() {
            question.asked.cost_us.store(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
        }
        self.metrics.evaluation.observe(took.as_secs_f64());
        let features = features?;
        self.metrics.entities.inc_by(question.rows() as u64);
        if features.replayed {
            self.metrics.replays.inc();
        }
        Ok(features)
    }
}

fn references(names: &[Name<'_>]) -> Result<Vec<FeatureReference>, Refusal> {
    let parse =
        |(at, name): (usize, &Name<'_>)| name.0.parse().map_err(|error| Refusal::item(&["features"], at, error));
    names.iter().enumerate().map(parse).collect()
}
