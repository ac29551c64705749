//! A question, from a request's columns to the features.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;

use super::refusal::{Cause, Refusal};
use super::routes::App;
use crate::ErrorKind;
use crate::files::Fields;
use crate::online::Named;
use crate::project::FeatureReference;
use crate::time::{AsOf, Stopwatch, TimeUnit};
use crate::{OnlineFeatures, PreparedRequest, Request, RequestError, RequestFault};

/// Entities of a question that is evaluated on the thread that read it.
const INLINE_ROWS_MAX: usize = 1_000;

/// Microseconds that such a question may have taken the last time.
const INLINE_US_MAX: u64 = 2_000;

/// Bytes of a body that is parsed on the thread that read it.
const INLINE_BYTES_MAX: usize = 128 << 10;

impl App {
    /// The plan of a selection.
    pub(super) fn prepared(&self, named: &Named<'_>) -> Result<Arc<PreparedRequest>, Refusal> {
        if let Some(prepared) = self.server.prepared(named) {
            return Ok(prepared);
        }
        if let Named::Features(names) = named {
            for (at, name) in names.iter().enumerate() {
                name.parse::<FeatureReference>().map_err(|error| Refusal::item(&["features"], at, error))?;
            }
        }
        // Components may have to be compiled first.
        Ok(tokio::task::block_in_place(|| self.server.prepare_named(named))?)
    }

    /// The question of a planned request, with the inputs in the field `path` of a body.
    pub(super) fn request(
        &self,
        prepared: &Arc<PreparedRequest>,
        fields: &Fields<'_>,
        path: &str,
        unit: Option<TimeUnit>,
        as_of: Option<AsOf>,
    ) -> Result<Request, Refusal> {
        if fields.0.is_empty() {
            return Err(Refusal::field(&[path], "is empty: give each key a list of values, one per entity"));
        }
        let mut request = prepared.request().as_of(as_of).with_rows_max(self.limits.entities_max);
        for (name, array) in &fields.0 {
            request = request.json(name, array, unit).map_err(|error| refused(&error, path))?;
        }
        request.build().map_err(|error| refused(&error, path))
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
        request: Request,
        write: impl FnOnce(&Request, &OnlineFeatures) -> Vec<u8> + Send + 'static,
    ) -> Result<Vec<u8>, Refusal> {
        let is_short = request.rows() <= INLINE_ROWS_MAX
            && request.as_of().is_none()
            && request.prepared().last_us() <= INLINE_US_MAX;
        if is_short {
            return self.ask(&request).map(|features| write(&request, &features));
        }
        let milliseconds = self.limits.request_ms_max;
        let app = Arc::clone(self);
        let answered = async move {
            let room = Arc::clone(&app.slow).acquire_owned().await.expect("the semaphore is never closed");
            let work = tokio::task::spawn_blocking(move || {
                // The room is taken until the work ends, also when nobody waits for it any more.
                let _room = room;
                app.ask(&request).map(|features| write(&request, &features))
            });
            work.await.map_err(|error| {
                Refusal::new(Cause::Of(ErrorKind::Failed), format!("the question was not finished: {error}"))
            })?
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

    fn ask(&self, request: &Request) -> Result<OnlineFeatures, Refusal> {
        let started = Stopwatch::start();
        let features = self.server.get_online_features(request);
        self.metrics.evaluation.observe(started.elapsed().as_secs_f64());
        let features = features?;
        self.metrics.entities.inc_by(request.rows() as u64);
        if features.replayed {
            self.metrics.replays.inc();
        }
        Ok(features)
    }
}

/// The refusal of an input in the field `path` of a body.
fn refused(error: &RequestError, path: &str) -> Refusal {
    let here = [path, error.name.as_str()];
    let refusal = match error.row {
        Some(row) => Refusal::cell(&here, row, &error.fault),
        None => Refusal::field(&here, &error.fault),
    };
    match error.fault {
        RequestFault::TooMany { .. } => Refusal { cause: Cause::Of(ErrorKind::TooManyRows), ..refusal },
        _ => refusal,
    }
}
