//! The online half: pushed events move states, questions are answered from them; from any thread, at the same time. Whatever asks or
//! pushes, the command line and HTTP as well as an embedder, does it through a [`Server`].
//!
//! The event log is the truth; online states are derived from it and carry the offset that they include, so that a process that
//! died goes on where its log ends.
//!
//! - `prepared`: a selection, planned once; `plans`: those that are kept; `request`: its inputs, by name.
//! - `read`: the answer to a request; `answer`: the questions of one view; `readers`: connections for states that are not in memory.
//! - `replays`: questions about a past that states cannot answer, with a queue, threads and limits of their own.
//! - `published`: what questions see, and the clock that makes it a prefix of the log; `cache`: states in memory.
//! - `options`: what a server may take and how long it waits; `end`: how it is closed, and what it says when a thread of it failed.
//! - `writer`: the one thread that writes, pushes become durable in groups; `apply`: events move states, pushed ones and the tail of
//!   the log; `marks`: what the states are of that a server finds; `backlog`: what waits for it and what it could not do;
//!   `history_ids`: events that the materialized history has. - `expected`: what sources expect of pushes, and what is set aside.
//! - `recorder`: what was served is recorded off the path of requests; `share`: of which entities. - `seen`: what of it is null, and how
//!   far it is from a training set; `minutes`: counts of the last minutes.
//! - `watch`: steps of the machine's clock are told, and accepted where an operator says so.
//! - `status`: what it runs and has done; `kind`: what kind of failure an error is; `lost`: whether its files were taken away;
//!   `pin`: refuses to serve what differs from what trained the model.
//!
//! A push never waits for a question. No lock is held while a transform runs, and none while the disk works, but by the thread that
//! writes and by pushes that set events aside. It knows nothing of HTTP and of the command line.
//!
//! # What waits, and for how long
//!
//! The disk may be slow, be full, fail, or never answer. Whoever asks or pushes waits here:
//!
//! | what waits | for what | at most |
//! |---|---|---|
//! | a question | a reservation that has just run out | 50 ms, then it is answered a little behind now, and says so |
//! | a question | a group of pushes, or a reservation, without which it has no answer, or one behind `staleness_ms_max` | `wait_ms_max`, counted from when that began; then 503 |
//! | a question | states that are not in memory: the disk, and 10 s of SQLite's locks | as long as the disk takes; HTTP does it in room of its own and gives up after `request_ms_max` |
//! | a question about the past | a thread that replays, and its replay; without room in the queue it is 503 at once | `replay_ms_max`; then its replay is told to stop, and does with the next read |
//! | a push | its commit | `push_ms_max`; before that, room in the queue: none is 503 at once |
//! | a record of an answer | nothing: without room in the queue it is dropped and counted | |
//! | `flush`, `close`, dropping a server | what was taken to be written, replays to stop (5 s), and the stores to close, on a thread of its own | `close_ms_max` |
//! | the locks of `published`, `plans`, `recorder`, `readers`, `backlog` | what other threads do in memory | moments |
//! | a push with events to be set aside | the file that they go to, and others that write to it | as long as the disk takes |
//!
//! The thread that writes, and the one that records, wait for the disk as long as it takes: that they do is seen by the lag of
//! answers, by `Server::unready`, and by the queue of the recorder. A thread that panics is caught: those who wait are woken and told,
//! and so is [`Server::ended`].

mod answer;
mod apply;
mod backlog;
mod cache;
mod catalog;
mod costs;
mod end;
mod error;
mod expected;
mod history_ids;
mod kind;
mod lost;
mod marks;
mod minutes;
mod options;
mod pin;
mod plans;
mod prepared;
mod published;
mod push_error;
mod read;
mod readers;
mod recorder;
mod replays;
mod request;
mod seen;
mod share;
mod status;
mod watch;
mod writer;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

pub use answer::GetError;
pub use apply::Applied;
use backlog::Backlog;
use cache::StateCache;
pub use error::ServerError;
pub use expected::ExpectationStatus;
use expected::Expectations;
use history_ids::HistoryIds;
pub use kind::ErrorKind;
use lost::Lost;
pub use options::{FirstReservation, ServerOptions, Unmaterialized};
pub(crate) use plans::Named;
use plans::Plans;
pub use prepared::{PreparedRequest, RequestInput, RequestedFeature, RequestedView};
use published::{RESERVED_US, Shared};
pub use push_error::PushError;
pub(crate) use read::{Asked, Past};
use readers::Readers;
use recorder::Recorder;
use replays::Replays;
pub use request::{InputKind, Request, RequestBuilder, RequestError, RequestFault};
use seen::Seen;
pub use seen::SeenFeature;
use share::LogShare;
pub use status::ServerStatus;
pub(crate) use watch::step_warning;
use watch::{Watch, Watched};
use writer::{Job, Pace, Push, Unwritten, Writer};

use crate::Error;
use crate::batch::Column;
use crate::evaluate::Status;
use crate::events::{Arrival, EventSchema, JsonEvents, PushedEvents, read_push, unknown_columns};
use crate::feature_store::{
    Behind, FeatureStore, Locking, OpenOptions, PlannedView, Stores, WhereStale, event_schema, warnings_of_push,
    with_inferred,
};
use crate::files;
use crate::log::LogReader;
use crate::monitor::{Materialization, reference_deciles};
use crate::project::{Project, Source};
use crate::threads::OnceMap;
use crate::time::{AsOf, EventTime};

/// The answer to a request.
#[derive(Clone, Debug)]
pub struct OnlineFeatures {
    /// The cut-off that was used.
    pub as_of: AsOf,
    /// The newest offset of the log that was visible at the as-of.
    pub offset: u64,
    /// One column per feature, in the order of [`PreparedRequest::features`]; a row per row of the inputs.
    pub features: Vec<Column>,
    /// Per feature, the status of each row.
    pub statuses: Vec<Vec<Status>>,
    /// Per view, in the order of [`PreparedRequest::views`], the newest event that each row's answer includes. `None` where
    /// there is none.
    pub newest_events: Vec<Vec<Option<EventTime>>>,
    /// Whether the as-of lay before a newest event, so that the answer was replayed from history and log.
    pub replayed: bool,
    /// How far the as-of is behind now: more than moments where the disk of the event log is slow or fails. Nothing where the as-of
    /// was declared.
    pub lag: Duration,
}

/// A feature store that answers and takes events from any thread.
///
/// Dropping it waits until all that was taken is written, at most for `close_ms_max`.
pub struct Server {
    /// Plans requests, and replays those that states have passed.
    store: Arc<FeatureStore>,
    /// The requests that were planned, by what they select.
    plans: Plans,
    views: Vec<PlannedView>,
    sources: HashMap<String, Arc<Source>>,
    schemas: HashMap<String, Arc<EventSchema>>,
    /// The schemas with what the files hold, of the sources that were asked for it.
    whole_schemas: OnceMap<String, Arc<EventSchema>>,
    history: Option<i64>,
    /// The identity of the log.
    identity: String,
    number: u64,
    shared: Arc<Shared>,
    /// `None` once it is closing, as the four below.
    readers: Option<Arc<Readers>>,
    replays: Option<Replays>,
    recorder: Option<Recorder>,
    seen: Arc<Seen>,
    share: LogShare,
    jobs: Option<SyncSender<Job>>,
    backlog: Arc<Backlog>,
    writer: Option<JoinHandle<()>>,
    /// Ends when it is dropped.
    watch: Option<Watch>,
    lost: Arc<Lost>,
    expectations: Expectations,
    /// How the materializations of its sources kept time when it was opened.
    materializations: Vec<Materialization>,
    options: ServerOptions,
    warnings: Vec<String>,
    behind: Option<String>,
}

impl Server {
    /// Opens the project in `dir` and applies the events of the log that its states do not include yet.
    ///
    /// It becomes the one process that writes the project's stores.
    pub fn open(dir: &Path, options: ServerOptions) -> Result<Self, ServerError> {
        Self::open_over(dir, options, |store| store.open_stores())
    }

    /// As [`Server::open`], over stores elsewhere than in the project's folder. They must be of this project, and no other server may
    /// be open over them. `FeatureStore` does not read them: it verifies and backfills from the project's folder.
    pub fn open_over_stores(dir: &Path, options: ServerOptions, stores: Stores) -> Result<Self, ServerError> {
        Self::open_over(dir, options, |_| Ok(stores))
    }

    fn open_over(
        dir: &Path,
        options: ServerOptions,
        open: impl FnOnce(&FeatureStore) -> Result<Stores, Error>,
    ) -> Result<Self, ServerError> {
        static OPENED: AtomicU64 = AtomicU64::new(1);
        // What it serves is what was built: it says so itself.
        let store = FeatureStore::open(dir, OpenOptions { stale: WhereStale::Use, ..options.open.clone() })?;
        if options.open.locking == Locking::Enforced {
            // All of them now, so that no request meets a component that is not pinned.
            store.lock_file()?;
        }
        // Now, and not at the first question.
        store.plan_project()?;
        let views = store.plan_stateful_views()?;
        let stale = store.stale_notice()?;
        let Stores { log: events, online, served } = open(&store)?;
        let lost = Arc::new(Lost::of(&events, &online, served.look()));
        let reader = online.reader()?;
        let (store, views, behind) = match store.as_materialized(&views, &*reader)? {
            Some(Behind { store, views, notice }) => (store, views, Some(notice)),
            None => (store, views, None),
        };
        let store = Arc::new(store);
        let project = store.project();
        let (warnings, reference) = match &options.pin {
            Some(manifest) => (pin::check(&store, manifest)?, reference_deciles(manifest)),
            None => (Vec::new(), HashMap::new()),
        };
        let mut schemas = HashMap::new();
        for source in &project.sources {
            schemas.insert(source.name.clone(), Arc::new(event_schema(project, source, &views)?));
        }
        let mut log = store.begin_log(&events)?;
        let materializations = store.materializations_of(Some(log.reader()))?.sources;
        let history = marks::history_of(log.reader(), &*reader, &views)?;
        if options.unmaterialized == Unmaterialized::Refuse && history.is_none() {
            store.check_materialized(&views)?;
        }
        let term = online.begin_term()?;
        let marks = apply::catch_up(log.reader(), &*online, term, &views, history)?;
        let newest = views.iter().map(|view| reader.newest_event(view.program.id())).collect::<Result<_, _>>()?;
        // Read now, so that no push and no answer waits for it.
        let recorded = history.map(|id| log.reader().history(id)).transpose()?.flatten();
        let behind = match behind {
            None => unfinished(log.reader(), history)?,
            behind => behind,
        };
        let notices: Vec<String> = behind.into_iter().chain(stale).collect();
        let behind = (!notices.is_empty()).then(|| notices.join("; "));
        behind.iter().for_each(|notice| (store.options().warning)(notice));
        let mut history_ids = HistoryIds::new(store.ids_dir(), recorded);
        for source in &project.sources {
            history_ids.leave_out(log.reader(), source, &mut Vec::new())?;
        }
        let clock = Arc::clone(&store.options().clock);
        let cache = StateCache::new(views.len(), options.cache_bytes_max);
        let offset = log.last_offset();
        if options.first_reservation == FirstReservation::AtOpen {
            // The last step, so that it is not over when the first question comes.
            log.reserve(AsOf::from_micros(clock.now().saturating_add(RESERVED_US)))?;
        }
        let limits = published::Limits {
            staleness: Duration::from_millis(options.staleness_ms_max),
            wait: Duration::from_millis(options.wait_ms_max),
        };
        let shared = Arc::new(Shared::new(&log, cache, newest, Arc::clone(&clock), limits));
        let backlog = Arc::new(Backlog::default());
        let identity = log.identity().to_owned();
        let watched = Watched { clock: Arc::clone(&clock), shared: Arc::clone(&shared), log: store.log_path() };
        let writer = Writer {
            log,
            store: Arc::clone(&online),
            reader,
            term,
            views: views.clone(),
            marks,
            history_ids,
            shared: Arc::clone(&shared),
            backlog: Arc::clone(&backlog),
            lost: Arc::clone(&lost),
            clock,
            unwritten: Unwritten::new(views.len(), offset),
            pace: Pace::default(),
            failed: None,
        };
        let (jobs, taken) = sync_channel(options.waiting_pushes_max.max(1));
        let (vectors_max, bytes_max) = (options.waiting_vectors_max, options.waiting_vectors_bytes_max);
        let seen = Arc::new(Seen::new(reference));
        let limits = recorder::Limits { vectors_max, bytes_max };
        let recorder = Recorder::start(served, limits, Arc::clone(&lost), Arc::clone(&seen))?;
        Ok(Self {
            sources: project.sources.iter().map(|source| (source.name.clone(), Arc::new(source.clone()))).collect(),
            schemas,
            whole_schemas: OnceMap::default(),
            share: LogShare::new(project.serving.log_share),
            plans: Plans::default(),
            views,
            history,
            identity,
            number: OPENED.fetch_add(1, Ordering::Relaxed),
            shared,
            readers: Some(Arc::new(Readers::new(online, events))),
            replays: Some(Replays::new(replays::Limits {
                running_max: options.replays_max,
                waiting_max: options.waiting_replays_max,
                give_way: options.replays_give_way,
            })),
            recorder: Some(recorder),
            seen,
            jobs: Some(jobs),
            backlog,
            writer: Some(end::start(writer, taken)?),
            watch: watch::start(watched, project.data_dir(), Arc::clone(&store), Arc::clone(&store.options().warning))?,
            lost,
            materializations,
            expectations: Expectations::new(project.data_dir().join("dead_letters")),
            options,
            warnings,
            behind,
            store,
        })
    }

    /// The project.
    pub fn project(&self) -> &Project {
        self.store.project()
    }

    /// Milliseconds that a push waits to be on disk.
    pub fn push_ms_max(&self) -> u64 {
        self.options.push_ms_max
    }

    /// What an event of `source` must have: the fields that the project declares, and those that its views read.
    pub fn event_schema(&self, source: &str) -> Result<Arc<EventSchema>, ServerError> {
        Ok(Arc::clone(&self.schemas[&self.project().source(source)?.name]))
    }

    /// The same with the fields that only the files of the source hold, which are looked at once.
    pub fn whole_event_schema(&self, source: &str) -> Result<Arc<EventSchema>, ServerError> {
        self.whole_schemas.get_or_make(&source.to_owned(), || {
            Ok(Arc::new(with_inferred(self.project(), self.store.storage(), (*self.event_schema(source)?).clone())?))
        })
    }

    /// Events of a source as its schema has them. What the files of the source hold is looked at only where an event has a field that
    /// is neither declared nor read by a view.
    pub fn checked(&self, source: &str, events: JsonEvents<'_>) -> Result<PushedEvents, ServerError> {
        let mut schema = self.event_schema(source)?;
        if !events.is_known(&schema) {
            // Files that cannot be read hold nothing that an event could have.
            schema = self.whole_event_schema(source).unwrap_or(schema);
        }
        Ok(events.into_events(&schema)?)
    }

    /// Takes the events of a file, all or none, as [`Server::push`] does.
    pub fn ingest(&self, source: &str, path: &Path, arrival: &Arrival) -> Result<Applied, ServerError> {
        // Its names, then its rows, then the numbers of a warning: of one state of the file.
        let _pin = self.store.pin_inputs();
        let storage = self.store.storage();
        let mut schema = self.event_schema(source)?;
        let names = files::column_names(storage, path)?;
        if !unknown_columns(&schema, &names, arrival).is_empty() {
            schema = self.whole_event_schema(source)?;
        }
        let pushed = read_push(storage, &schema, path, &names, arrival)?;
        for warning in warnings_of_push(self.project(), storage, &schema.source, path, &pushed.events) {
            (self.store.options().warning)(&warning);
        }
        self.push(source, pushed)
    }

    /// Takes events of a source. When it returns they are on disk, and later answers include them.
    ///
    /// All are taken or none, but for those that the source sets aside, which are on disk in `.onepath/dead_letters`; a push that is
    /// repeated sets them aside again. An event whose id its source has already is acknowledged again and applied once. After
    /// [`ServerError::PushLate`] it is not known whether they are: push them again.
    pub fn push(&self, source: &str, mut events: PushedEvents) -> Result<Applied, ServerError> {
        let source = Arc::clone(&self.sources[&self.project().source(source)?.name]);
        self.lost.check()?;
        let expected = std::mem::take(&mut events.expected);
        self.expectations.set_aside(&source, &expected.dead, || self.store.options().clock.now())?;
        let applied = self.take(&source, events)?;
        for told in self.expectations.count(&source, &expected.counts, &expected.dead) {
            (self.store.options().warning)(&told);
        }
        Ok(Applied { dead_letters: expected.dead.len() as u64, ..applied })
    }

    /// Has the writer take events, and waits until they are on disk.
    fn take(&self, source: &Arc<Source>, events: PushedEvents) -> Result<Applied, ServerError> {
        let source = Arc::clone(source);
        let bytes = events.memory_bytes();
        let (waiting, limit) = (self.backlog.bytes.fetch_add(bytes, Ordering::Relaxed), self.options.waiting_bytes_max);
        if waiting > 0 && waiting.saturating_add(bytes) > limit {
            self.backlog.bytes.fetch_sub(bytes, Ordering::Relaxed);
            return Err(ServerError::Busy { what: "bytes of pushes", waiting, limit });
        }
        let (answer, answered) = sync_channel(1);
        let jobs = self.jobs.as_ref().ok_or(ServerError::Closed)?;
        if let Err(error) = jobs.try_send(Job::Push(Push { source, events, bytes, answer })) {
            self.backlog.bytes.fetch_sub(bytes, Ordering::Relaxed);
            let limit = self.options.waiting_pushes_max;
            return Err(match error {
                TrySendError::Full(_) => ServerError::Busy { what: "pushes", waiting: limit, limit },
                TrySendError::Disconnected(_) => ServerError::Closed,
            });
        }
        let waited_ms = self.options.push_ms_max;
        answered.recv_timeout(Duration::from_millis(waited_ms)).map_err(|error| match error {
            RecvTimeoutError::Timeout => ServerError::PushLate { waited_ms },
            RecvTimeoutError::Disconnected => ServerError::Closed,
        })?
    }
}

/// What to tell where the log has a newer history than the states began from.
fn unfinished(log: &dyn LogReader, history: Option<i64>) -> Result<Option<String>, ServerError> {
    let newest = log.latest_history()?.map(|(id, _)| id);
    Ok((newest != history).then(|| {
        "the states of an earlier `onepath materialize` are served, for a later one did not come to its end, or older states were \
         put back: run `onepath materialize`"
            .to_owned()
    }))
}
