//! A question, from a request's columns to the features.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;

use super::observe::current_client;
use super::refusal::{Cause, Limit, Refusal};
use super::routes::App;
use super::shares::{Kind, Lack, Party, Room, Share};
use crate::ErrorKind;
use crate::files::Fields;
use crate::online::{Asked, Named, Past};
use crate::project::FeatureReference;
use crate::time::{AsOf, Stopwatch, TimeUnit};
use crate::usage::ThreadTime;
use crate::{OnlineFeatures, PreparedRequest, Request, RequestError, RequestFault, ServerError};

/// Entities of a question that is evaluated on the thread that read it.
const INLINE_ROWS_MAX: usize = 1_000;

/// Microseconds that such a question may take, as far as is known.
const INLINE_US_MAX: u64 = 2_000;

/// How often it is looked whether a reservation was made.
const RENEWING: Duration = Duration::from_millis(1);

/// Bytes of a body that is parsed on the thread that read it.
const INLINE_BYTES_MAX: usize = 128 << 10;

/// Planning gets no more than its part of the threads.
pub(super) const PLANNING: [Party; 1] = [Party::All(Kind::Other)];

/// Whether a question may be planned where it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Planning {
    /// Plans that were made before are used, and no other is made.
    Kept,
    /// Components may be compiled and files be read.
    Full,
}

/// An answer as it is sent.
pub(super) struct Answer {
    pub(super) body: Vec<u8>,
    /// Milliseconds that its as-of is behind now, rounded up.
    pub(super) lag_ms: u64,
}

/// Milliseconds that an answer's as-of is behind now, rounded up.
pub(super) fn lag_ms(answer: &OnlineFeatures) -> u64 {
    u64::try_from(answer.lag.as_micros().div_ceil(1_000)).unwrap_or(u64::MAX)
}

impl App {
    /// The plan of a selection; `None` where it was not made before and may not be now.
    pub(super) fn prepared(
        &self,
        named: &Named<'_>,
        planning: Planning,
    ) -> Result<Option<Arc<PreparedRequest>>, Refusal> {
        if let Some(prepared) = self.server.prepared(named) {
            return Ok(Some(prepared));
        }
        if planning == Planning::Kept {
            return Ok(None);
        }
        if let Named::Features(names) = named {
            for (at, name) in names.iter().enumerate() {
                name.parse::<FeatureReference>().map_err(|error| Refusal::item(&["features"], at, error))?;
            }
        }
        Ok(Some(self.server.prepare_named(named)?))
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

    /// Reads a question from a body: here if it is small and its plan is kept, else on another thread.
    pub(super) async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        body: Bytes,
        read: impl Fn(&Self, &[u8], Planning) -> Result<Option<T>, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        if body.len() <= INLINE_BYTES_MAX
            && let Some(read) = read(self, &body, Planning::Kept)?
        {
            return Ok(read);
        }
        let app = Arc::clone(self);
        let planned = work(&self.disk, parties(&PLANNING), move || read(&app, &body, Planning::Full)).await?;
        planned.ok_or_else(|| Refusal::new(Cause::Of(ErrorKind::Failed), "the question was not planned"))
    }

    /// Answers a question: at once where that takes microseconds, else on another thread. What has to wait or to read from the disk
    /// has room of its own, so that a disk that hangs stops nothing else.
    pub(super) async fn answer<W>(self: &Arc<Self>, request: Request, write: W) -> Result<Answer, Refusal>
    where
        W: FnOnce(&Request, &OnlineFeatures) -> Vec<u8> + Send + 'static,
    {
        // A declared as-of is not looked for in memory, which takes no time. What takes long, and that of which nothing is known, does
        // not keep a thread from reading.
        let rows = request.rows();
        let is_short = request.as_of().is_some()
            || (rows <= INLINE_ROWS_MAX && request.prepared().expected_us(rows).is_some_and(|us| us <= INLINE_US_MAX));
        let views: Vec<Party> = request.prepared().top_views().map(|view| Party::View(view.to_owned())).collect();
        let mut asked = (request, write);
        let (request, write) = loop {
            let (app, (request, write)) = (Arc::clone(self), asked);
            let in_memory = move || match app.ask_in_memory(&request)? {
                Some(features) => Ok(Ok(Answer { body: write(&request, &features), lag_ms: lag_ms(&features) })),
                None => Ok(Err((request, write))),
            };
            let inline = if is_short { self.inline.take() } else { None };
            let answered = match &inline {
                Some(_) => in_memory()?,
                None => {
                    let place = self.place(&views)?;
                    work(&self.threads, parties(&views), move || {
                        let _place = place;
                        in_memory()
                    })
                    .await?
                }
            };
            drop(inline);
            asked = match answered {
                Ok(answer) => return Ok(answer),
                Err(asked) => asked,
            };
            // A reservation is made in a moment, and no thread waits for it.
            if asked.0.as_of().is_some() || !self.server.is_renewing() {
                break asked;
            }
            tokio::time::sleep(RENEWING).await;
        };
        let (place, app) = (self.place(&views)?, Arc::clone(self));
        let asked = work(&self.disk, parties(&views), move || {
            // It is taken until the work ends, also when nobody waits for it any more.
            let _place = place;
            Ok(match app.ask(&request)? {
                Asked::Answered(features) => Ok(Answer { body: write(&request, &features), lag_ms: lag_ms(&features) }),
                Asked::Past(past) => Err((request, past, write)),
            })
        });
        match asked.await? {
            Ok(answer) => Ok(answer),
            Err((request, past, write)) => self.replayed(request, &views, past, write).await,
        }
    }

    /// Waits for the replay of a question about the past. When the client leaves, this is dropped, and the replay ends.
    async fn replayed<W>(
        self: &Arc<Self>,
        request: Request,
        views: &[Party],
        past: Past,
        write: W,
    ) -> Result<Answer, Refusal>
    where
        W: FnOnce(&Request, &OnlineFeatures) -> Vec<u8> + Send + 'static,
    {
        let (started, is_short) = (Stopwatch::start(), request.rows() <= INLINE_ROWS_MAX);
        let (send, answered) = tokio::sync::oneshot::channel();
        let _replaying = self.server.replay(&request, past, move |answers| drop(send.send(answers)))?;
        let limit_ms = self.server.replay_ms_max();
        let answers = match tokio::time::timeout(Duration::from_millis(limit_ms), answered).await {
            Ok(answered) => answered.unwrap_or(Err(ServerError::PastLost))?,
            Err(_) => return Err(ServerError::PastTimeout { limit_ms }.into()),
        };
        let app = Arc::clone(self);
        let finish = move || {
            let features = app.server.replayed(&request, past, answers)?;
            app.metrics.evaluation.observe(started.elapsed().as_secs_f64());
            app.metrics.entities.inc_by(request.rows() as u64);
            app.metrics.replays.inc();
            Ok(Answer { body: write(&request, &features), lag_ms: lag_ms(&features) })
        };
        if is_short { finish() } else { work(&self.threads, parties(views), finish).await }
    }

    /// Gives up what does not end within the limit.
    pub(super) async fn in_time<T>(&self, answering: impl Future<Output = Result<T, Refusal>>) -> Result<T, Refusal> {
        let milliseconds = self.limits.request_ms_max;
        let answered = tokio::time::timeout(Duration::from_millis(milliseconds), answering).await;
        answered.unwrap_or_else(|_| {
            Err(Refusal::new(
                Cause::Timeout,
                format!(
                    "no answer within {milliseconds} milliseconds: ask for fewer entities, or again when there is less load"
                ),
            ))
        })
    }

    /// A place among the long questions of these views.
    fn place(&self, views: &[Party]) -> Result<Room, Refusal> {
        let (limit, message) = match self.long.take(views, 1) {
            Ok(place) => return Ok(place),
            Err(Lack::Party(Party::View(view), has)) => (
                Limit::ViewRequests,
                format!(
                    "{has} long questions of the view {view} wait or are evaluated, the most that may be \
                     (--view-requests-max): try again"
                ),
            ),
            Err(_) => {
                let most = self.long.max();
                let message = format!(
                    "{most} long questions wait or are evaluated, the most that may be (--requests-max): try again"
                );
                (Limit::Requests, message)
            }
        };
        Err(Refusal::new(Cause::Full(limit), message))
    }

    /// The answer to a question, where it is in memory.
    fn ask_in_memory(&self, request: &Request) -> Result<Option<OnlineFeatures>, Refusal> {
        let (started, spent) = (Stopwatch::start(), ThreadTime::start());
        let features = self.server.online_features_in_memory(request);
        if !matches!(features, Ok(None)) {
            self.evaluated(request, &started, &spent);
        }
        let Some(features) = features? else { return Ok(None) };
        self.metrics.entities.inc_by(request.rows() as u64);
        Ok(Some(features))
    }

    /// The answer to a question, unless it is one about the past.
    fn ask(&self, request: &Request) -> Result<Asked, Refusal> {
        let (started, spent) = (Stopwatch::start(), ThreadTime::start());
        let asked = self.server.ask(request);
        if !matches!(asked, Ok(Asked::Past(_))) {
            self.evaluated(request, &started, &spent);
        }
        if let Ok(Asked::Answered(_)) = asked {
            self.metrics.entities.inc_by(request.rows() as u64);
        }
        Ok(asked?)
    }

    /// Takes note of what a question took.
    fn evaluated(&self, request: &Request, started: &Stopwatch, spent: &ThreadTime) {
        let whole = started.elapsed();
        self.metrics.evaluation.observe(whole.as_secs_f64());
        if request.as_of().is_none() {
            request.prepared().took(request.rows(), spent.of(whole));
        }
    }
}

/// Those who share the threads on which a question about these views works.
pub(super) fn parties(views: &[Party]) -> Vec<Party> {
    views.iter().cloned().chain(Some(Party::Turn(current_client()))).collect()
}

/// Does work on a thread of its own, as soon as there is one for all of `parties`.
pub(super) async fn work<T: Send + 'static>(
    threads: &Arc<Share>,
    parties: impl Into<Arc<[Party]>>,
    work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    let thread = threads.turn(parties).await;
    let work = tokio::task::spawn_blocking(move || {
        // It is taken until the work ends, also when nobody waits for it any more.
        let _thread = thread;
        work()
    });
    work.await.map_err(|error| {
        Refusal::new(Cause::Of(ErrorKind::Failed), format!("the question was not finished: {error}"))
    })?
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
