//! The answer to a request: the states of one moment, one call per view, and a record of it.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use super::answer::has_passed;
use super::published::{Moment, Patience, Published};
use super::readers::Readers;
use super::replays::Replaying;
use super::writer::Job;
use super::{OnlineFeatures, PreparedRequest, Request, Server, ServerError};
use crate::batch::Column;
use crate::entity::{EntityState, write_key_bytes};
use crate::evaluate::ViewAnswers;
use crate::log::LogReader;
use crate::time::AsOf;

/// How often a request is tried whose states change while they are read from the store.
const ATTEMPTS_MAX: usize = 100;

/// What became of reading states from the store.
enum Reread {
    /// They are read.
    Done,
    /// It would have to wait.
    Waits,
    /// One of them is newer than the moment.
    Newer,
}

/// The states of a request: per view, one per row.
type States = Vec<Vec<Option<Arc<EntityState>>>>;

/// How far a request is answered from states.
pub(crate) enum Asked {
    /// It is answered.
    Answered(OnlineFeatures),
    /// The states have passed its as-of.
    Past(Past),
}

/// The moment of a request.
#[derive(Clone, Copy)]
pub(crate) struct Past {
    moment: Moment,
    /// The newest offset that was visible then.
    offset: u64,
}

/// What the views of a request about the past gave.
pub(crate) struct PastAnswers(Vec<ViewAnswers>);

impl Server {
    /// Answers a request: a row for each entity asked about, and an entity may be asked about twice. Without an as-of the cut-off
    /// is now.
    ///
    /// The answer is recorded, off the path of the request.
    pub fn get_online_features(&self, request: &Request) -> Result<OnlineFeatures, ServerError> {
        let past = match self.ask(request)? {
            Asked::Answered(answer) => return Ok(answer),
            Asked::Past(past) => past,
        };
        let (send, answered) = sync_channel(1);
        // Dropped at the end of this function, whatever that is: then nobody waits.
        let _replaying = self.replay(request, past, move |answers| drop(send.send(answers)))?;
        let limit_ms = self.options.replay_ms_max;
        let answers = answered.recv_timeout(Duration::from_millis(limit_ms)).map_err(|error| match error {
            RecvTimeoutError::Timeout => ServerError::PastTimeout { limit_ms },
            RecvTimeoutError::Disconnected => ServerError::PastLost,
        })?;
        self.replayed(request, past, answers?)
    }

    /// As [`Server::get_online_features`]; `None` where the answer is not to be had without waiting, for a disk or anything else.
    pub(crate) fn online_features_in_memory(&self, request: &Request) -> Result<Option<OnlineFeatures>, ServerError> {
        if request.as_of.is_some() {
            return Ok(None);
        }
        Ok(match self.answered(request, Patience::Nothing)? {
            Some(Asked::Answered(answer)) => Some(answer),
            Some(Asked::Past(_)) | None => None,
        })
    }

    /// Whether as-ofs are about to be reserved, which takes a moment where the disk is well.
    pub(crate) fn is_renewing(&self) -> bool {
        self.shared.is_renewing()
    }

    /// Answers a request from states, where that can be done; else it is one about the past, to be [replayed](Self::replay).
    pub(crate) fn ask(&self, request: &Request) -> Result<Asked, ServerError> {
        let asked = self.answered(request, Patience::Waits)?;
        // A question that waits is answered or refused.
        asked.ok_or(ServerError::Moving { attempts: ATTEMPTS_MAX })
    }

    fn answered(&self, request: &Request, patience: Patience) -> Result<Option<Asked>, ServerError> {
        self.lost.check()?;
        self.answer(request, patience).inspect_err(|error| self.lost.note(error))
    }

    fn answer(&self, request: &Request, patience: Patience) -> Result<Option<Asked>, ServerError> {
        let Request { prepared, inputs, rows, as_of } = request;
        let state_views = prepared.state_views(self.number).ok_or(ServerError::OtherServer)?;
        let asked = (*as_of, patience);
        let Some((moment, states)) = self.states(prepared, state_views, inputs, *rows, asked)? else {
            return Ok(None);
        };
        let replayed = states.iter().any(|states| has_passed(states, moment.as_of));
        if patience == Patience::Nothing && (replayed || !moment.is_newest) {
            return Ok(None);
        }
        let offset = if moment.is_newest { moment.offset } else { self.offset_at(moment.as_of)? };
        let past = Past { moment, offset };
        if replayed {
            return Ok(Some(Asked::Past(past)));
        }
        let answers = prepared.answer(inputs, &states, moment.as_of)?;
        Ok(Some(Asked::Answered(self.told(request, past, replayed, answers)?)))
    }

    /// Has a request about the past replayed, by another thread: `done` gets what comes of it, unless what this gives is dropped
    /// before. Refused where too many are replayed and wait already.
    pub(crate) fn replay(
        &self,
        request: &Request,
        Past { moment, offset }: Past,
        done: impl FnOnce(Result<PastAnswers, ServerError>) + Send + 'static,
    ) -> Result<Replaying, ServerError> {
        let readers = Arc::clone(self.readers.as_ref().ok_or(ServerError::Closed)?);
        let (store, request) = (Arc::clone(&self.store), request.clone());
        let work = move |stop: &Arc<AtomicBool>| {
            let (prepared, at) = (&request.prepared, (moment.as_of, request.rows));
            let replay = |log: &dyn LogReader| prepared.replay(&store, &request.inputs, at, (log, offset), stop);
            let answers = readers.log(replay).map(PastAnswers);
            // Whoever is told may close the server at once.
            drop((store, readers));
            done(answers);
        };
        self.replays.as_ref().ok_or(ServerError::Closed)?.submit(work)
    }

    /// The answer to a request about the past from what its replay gave; it is recorded.
    pub(crate) fn replayed(
        &self,
        request: &Request,
        past: Past,
        PastAnswers(answers): PastAnswers,
    ) -> Result<OnlineFeatures, ServerError> {
        self.told(request, past, true, answers)
    }

    /// Milliseconds that a question about the past may take, with its time in the queue.
    pub(crate) fn replay_ms_max(&self) -> u64 {
        self.options.replay_ms_max
    }

    /// The answer of a request from those of its views; it is recorded.
    fn told(
        &self,
        &Request { ref prepared, ref inputs, rows, .. }: &Request,
        Past { moment, offset }: Past,
        replayed: bool,
        answers: Vec<ViewAnswers>,
    ) -> Result<OnlineFeatures, ServerError> {
        let (features, statuses) = prepared.select(&answers);
        let Moment { as_of, lag, .. } = moment;
        let told = (as_of, offset, replayed);
        if let Some(recorder) = &self.recorder
            && let Some(batch) = prepared.served(inputs, told, (&features, &statuses), &answers, self.share)?
        {
            recorder.record(batch);
        }
        prepared.note_served(rows, as_of);
        let newest_events = answers.into_iter().map(|view| view.newest_events).collect();
        Ok(OnlineFeatures { as_of, offset, features, statuses, newest_events, replayed, lag })
    }

    fn readers(&self) -> Result<&Readers, ServerError> {
        self.readers.as_deref().ok_or(ServerError::Closed)
    }

    /// The states of a request's entities, all of one moment; `None` where it does not wait and would have to.
    fn states(
        &self,
        prepared: &PreparedRequest,
        state_views: &[Option<usize>],
        inputs: &[Column],
        rows: usize,
        (as_of, patience): (Option<AsOf>, Patience),
    ) -> Result<Option<(Moment, States)>, ServerError> {
        let wake = || {
            if let Some(jobs) = &self.jobs {
                // A full queue wakes the writer as well.
                let _ = jobs.try_send(Job::Wake);
            }
        };
        let keys = Keys::new(prepared, state_views, inputs, rows);
        for _ in 0..ATTEMPTS_MAX {
            let taken = self.shared.take(as_of, patience, &wake, |published| keys.known(published))?;
            let Some((moment, (mut states, missing))) = taken else { return Ok(None) };
            if missing.iter().all(Vec::is_empty) {
                return Ok(Some((moment, states)));
            }
            match self.read_missing(prepared, &keys, &missing, (moment, patience), &mut states)? {
                Reread::Done => return Ok(Some((moment, states))),
                Reread::Waits => return Ok(None),
                Reread::Newer => {}
            }
        }
        Err(ServerError::Moving { attempts: ATTEMPTS_MAX })
    }

    /// Reads the states that are not in the cache.
    fn read_missing(
        &self,
        prepared: &PreparedRequest,
        keys: &Keys<'_>,
        missing: &[Vec<usize>],
        (moment, patience): (Moment, Patience),
        states: &mut States,
    ) -> Result<Reread, ServerError> {
        let mut kept = Vec::new();
        for (at, rows) in missing.iter().enumerate().filter(|(_, rows)| !rows.is_empty()) {
            let Some(view) = keys.state_views[at] else { continue };
            let id = self.views[view].program.id();
            let entities: Vec<_> = rows.iter().map(|row| prepared.key(at, keys.inputs, *row)).collect();
            let read = match patience {
                Patience::Waits => Some(self.readers()?.store(|store| Ok(store.get_many(id, &entities)?))?),
                Patience::Nothing => {
                    self.readers()?.store_in_memory(|store| Ok(store.get_many_in_memory(id, &entities)?))?
                }
            };
            let Some(read) = read else { return Ok(Reread::Waits) };
            for (row, state) in rows.iter().zip(read) {
                if state.as_ref().is_some_and(|state| state.offset > moment.offset) {
                    return Ok(Reread::Newer);
                }
                let state = state.map(Arc::new);
                kept.push((view, keys.bytes(at, *row).to_vec(), state.clone()));
                states[at][*row] = state;
            }
        }
        self.shared.keep(moment, kept.into_iter());
        Ok(Reread::Done)
    }

    fn offset_at(&self, as_of: AsOf) -> Result<u64, ServerError> {
        self.readers()?.log(|log| Ok(log.offset_at(as_of)?))
    }
}

/// The keys of a request's entities as bytes, one after the other, by view and row.
struct Keys<'a> {
    state_views: &'a [Option<usize>],
    inputs: &'a [Column],
    rows: usize,
    bytes: Vec<u8>,
    /// By view and row, where the key ends. A view without states has keys without bytes.
    ends: Vec<usize>,
}

impl<'a> Keys<'a> {
    fn new(prepared: &'a PreparedRequest, state_views: &'a [Option<usize>], inputs: &'a [Column], rows: usize) -> Self {
        let mut bytes = Vec::with_capacity(32 * rows);
        let mut ends = Vec::with_capacity(state_views.len() * rows);
        for (at, view) in state_views.iter().enumerate() {
            for row in 0..rows {
                if view.is_some() {
                    write_key_bytes(prepared.key_columns(at, inputs), row, &mut bytes);
                }
                ends.push(bytes.len());
            }
        }
        Self { state_views, inputs, rows, bytes, ends }
    }

    fn bytes(&self, view: usize, row: usize) -> &[u8] {
        let at = view * self.rows + row;
        let start = if at == 0 { 0 } else { self.ends[at - 1] };
        &self.bytes[start..self.ends[at]]
    }

    /// The states that are in memory, and per view the rows whose states are not.
    fn known(&self, published: &Published) -> (States, Vec<Vec<usize>>) {
        let mut missing = vec![Vec::new(); self.state_views.len()];
        let mut states = Vec::with_capacity(self.state_views.len());
        for (at, view) in self.state_views.iter().enumerate() {
            let mut of_view = Vec::with_capacity(self.rows);
            for row in 0..self.rows {
                let known = match view {
                    Some(view) => published.cache.get(*view, self.bytes(at, row)),
                    None => Some(None),
                };
                if known.is_none() {
                    missing[at].push(row);
                }
                of_view.push(known.flatten());
            }
            states.push(of_view);
        }
        (states, missing)
    }
}
