//! The one thread that writes: pushes become part of the log in groups, one commit each, and their states follow.
//!
//! A push is acknowledged when it is in the log on disk and its states are published. The online store is written behind
//! that: its states carry the offset that they include, and the tail of the log is replayed at the next start. So states of
//! the same entity are written once for many pushes, and a group costs one commit that waits for the disk.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::Duration;

use super::apply::{self, Moved, StateReader, push_into};
use super::backlog::{Backlog, Unasked};
use super::history_ids::HistoryIds;
use super::lost::Lost;
use super::published::{NewState, RESERVED_US, Shared};
use super::{Applied, PushError, ServerError};
use crate::entity::{EntityKey, EntityState};
use crate::events::PushedEvents;
use crate::feature_store::PlannedView;
use crate::log::{LogError, LogWriter, Settled};
use crate::project::Source;
use crate::store::{OnlineStore, StoreError, StoreReader, ViewMark};
use crate::time::{AsOf, Clock, EventTime, Stopwatch};

/// Events of one commit, unless a single push has more.
const GROUP_EVENTS_MAX: usize = 16_384;

/// Bytes of events of one commit, unless a single push has more.
const GROUP_BYTES_MAX: usize = 16 << 20;

/// Bytes of states that the store is behind at most, where it can be written: what a group waits for while they are written.
const UNWRITTEN_BYTES: usize = 2 << 20;

/// Events that the store is behind at most, where it can be written: what is replayed at the start after a crash.
const UNWRITTEN_EVENTS: u64 = 65_536;

/// How long the store stays behind where nothing else is to be done.
const IDLE: Duration = Duration::from_millis(200);

/// How often a reservation is renewed where nobody asks, so that it is known whether the disk answers.
const RENEWED: Duration = Duration::from_secs(2);

/// How soon a reservation that failed is tried again.
const RETRIED: Duration = Duration::from_millis(100);

/// Bytes of states that the store may be behind while it cannot be written. Then no more pushes are taken.
const UNWRITTEN_BYTES_MAX: usize = 64 << 20;

/// What the writer is asked to do.
pub(super) enum Job {
    /// Take a push.
    Push(Push),
    /// Reserve as-ofs.
    Wake,
}

/// A push that waits for its answer.
pub(super) struct Push {
    pub(super) source: Arc<Source>,
    pub(super) events: PushedEvents,
    pub(super) bytes: usize,
    pub(super) answer: SyncSender<Result<Applied, ServerError>>,
}

/// The writer's state.
pub(super) struct Writer {
    pub(super) log: LogWriter,
    pub(super) store: Arc<dyn OnlineStore>,
    /// Reads the states that are not in memory.
    pub(super) reader: Box<dyn StoreReader>,
    pub(super) term: u64,
    pub(super) views: Vec<PlannedView>,
    /// Per view, the mark that its states go on from.
    pub(super) marks: Vec<ViewMark>,
    pub(super) history_ids: HistoryIds,
    pub(super) shared: Arc<Shared>,
    pub(super) backlog: Arc<Backlog>,
    pub(super) lost: Arc<Lost>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) unwritten: Unwritten,
    pub(super) pace: Pace,
    /// The group whose commit failed last, until it is known whether it is on disk.
    pub(super) failed: Option<Group>,
}

/// What the writer does by the time that has passed.
#[derive(Clone, Copy)]
pub(super) struct Pace {
    /// The last push, or the last time that states were written.
    idle: Stopwatch,
    /// The last time that as-ofs were to be reserved.
    reserving: Stopwatch,
    /// Whether that failed.
    has_failed: bool,
}

impl Default for Pace {
    fn default() -> Self {
        Self { idle: Stopwatch::start(), reserving: Stopwatch::start(), has_failed: false }
    }
}

/// The states after the events of a group, and its last offset.
pub(super) struct Group {
    moved: Moved,
    offset: u64,
}

/// States that are published and not in the online store yet.
#[derive(Default)]
pub(super) struct Unwritten {
    states: Vec<HashMap<EntityKey, Arc<EntityState>>>,
    bytes: usize,
    /// The newest offset that is published, and the newest that the store has.
    offset: u64,
    stored_offset: u64,
}

/// The states that a group goes on from: those in memory, then those of the store.
struct Current<'a> {
    shared: &'a Shared,
    reader: &'a dyn StoreReader,
    views: &'a [PlannedView],
}

impl StateReader for Current<'_> {
    fn state(&self, view: usize, key: &EntityKey) -> Result<Option<Arc<EntityState>>, StoreError> {
        let mut bytes = Vec::with_capacity(64);
        key.write_bytes(&mut bytes);
        if let Some(known) = self.shared.read().cache.get(view, &bytes) {
            return Ok(known);
        }
        Ok(self.reader.get(self.views[view].program.id(), key)?.map(Arc::new))
    }
}

impl Writer {
    /// Takes jobs until nobody can send one any more.
    pub(super) fn run(mut self, jobs: &Receiver<Job>) {
        loop {
            let mut next = match jobs.recv_timeout(self.pause()) {
                Ok(job) => Some(job),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => break,
            };
            let (mut group, mut events, mut bytes) = (Vec::new(), 0, 0);
            while let Some(job) = next {
                if let Job::Push(push) = job {
                    events += push.events.len();
                    bytes += push.bytes;
                    group.push(push);
                }
                let is_full = events >= GROUP_EVENTS_MAX || bytes >= GROUP_BYTES_MAX;
                next = if is_full { None } else { jobs.try_recv().ok() };
            }
            if !group.is_empty() {
                self.backlog.bytes.fetch_sub(bytes, Ordering::Relaxed);
                self.take(group);
                self.pace.idle = Stopwatch::start();
            } else {
                // Where a file was taken away, pushes and questions are refused from here on.
                let _ = self.lost.look();
            }
            // After the group, whose commit renews the reservation.
            if self.until_reserving().is_zero() {
                self.renew();
            }
            let is_idle = !self.unwritten.is_empty() && self.pace.idle.elapsed() >= IDLE;
            if is_idle || self.unwritten.bytes >= UNWRITTEN_BYTES || self.unwritten.events() >= UNWRITTEN_EVENTS {
                self.store();
            }
        }
        self.close();
    }

    /// How long to wait for a job before something else is to be done.
    fn pause(&self) -> Duration {
        let storing = if self.unwritten.is_empty() { RENEWED } else { IDLE.saturating_sub(self.pace.idle.elapsed()) };
        storing.min(self.until_reserving())
    }

    /// How long until as-ofs are to be reserved.
    fn until_reserving(&self) -> Duration {
        let since = self.pace.reserving.elapsed();
        match self.shared.wanted_for() {
            Some(_) if self.pace.has_failed => RETRIED.saturating_sub(since),
            Some(_) => Duration::ZERO,
            None if self.shared.is_renewable(self.clock.now()) => RENEWED.saturating_sub(since),
            None => RENEWED,
        }
    }

    /// Puts as-ofs of the near future on disk. Where that fails, answers go on at the earlier reservation, and it is tried again.
    fn renew(&mut self) {
        self.pace.reserving = Stopwatch::start();
        // Known to those who ask, should the disk not answer.
        self.shared.want(&|| {});
        let reserved = self.settle().and_then(|_| {
            let until = AsOf::from_micros(self.clock.now().saturating_add(RESERVED_US));
            self.log.reserve(until)
        });
        self.pace.has_failed = reserved.is_err();
        if let Some(until) = self.backlog.note(Unasked::Reservation, reserved) {
            self.shared.reserved(until);
        }
    }

    /// Finds out what became of a group whose commit failed. Until it is known, answers stay before it, and nothing else is taken.
    fn settle(&mut self) -> Result<Settled, LogError> {
        if !self.log.is_unsettled() {
            return Ok(Settled::Gone);
        }
        let settled = self.log.settle()?;
        match (settled, self.failed.take()) {
            (Settled::Kept, Some(group)) => self.publish(group),
            _ => self.shared.withdraw(),
        }
        Ok(settled)
    }

    /// Notes what keeps a group from being settled, and tries again soon.
    fn retry(&mut self, error: LogError) {
        self.pace = Pace { reserving: Stopwatch::start(), has_failed: true, ..self.pace };
        self.shared.want(&|| {});
        self.backlog.note(Unasked::Reservation, Err::<(), _>(error));
    }

    /// Takes a group of pushes and answers each.
    fn take(&mut self, mut group: Vec<Push>) {
        // The log looks after its own file when it commits; here is where the other stores are looked after.
        if self.lost.look().is_err() {
            for push in group {
                let _ = push.answer.send(self.lost.check().map(|()| Applied::default()));
            }
            return;
        }
        if self.unwritten.bytes >= UNWRITTEN_BYTES_MAX {
            self.store();
        }
        if self.unwritten.bytes >= UNWRITTEN_BYTES_MAX {
            let (waiting, limit) = (self.unwritten.bytes, UNWRITTEN_BYTES_MAX);
            for push in group {
                let _ = push.answer.send(Err(ServerError::Busy { what: "bytes of states", waiting, limit }));
            }
            return;
        }
        if let Err(error) = self.settle() {
            self.retry(error);
            let failure = self.backlog.failure().unwrap_or_default();
            return not_taken(group.into_iter().map(|push| push.answer), PushError::Unsettled { failure });
        }
        let mut known = Vec::with_capacity(group.len());
        // A push that claims an id of another event is refused by itself.
        group.retain_mut(|push| {
            match self.history_ids.leave_out(self.log.reader(), &push.source, &mut push.events.events) {
                Ok(events) => {
                    known.push(events);
                    true
                }
                Err(error) => {
                    let _ = push.answer.send(Err(error));
                    false
                }
            }
        });
        if group.is_empty() {
            return;
        }
        let now = self.clock.now();
        let is_declared = group.iter().flat_map(|push| &push.events.events).any(|event| event.arrival.is_some());
        self.shared.announce(&mut self.log, now, is_declared);
        let (pushes, waiting): (Vec<_>, Vec<_>) =
            group.into_iter().map(|push| ((push.source, push.events), push.answer)).unzip();
        match self.appended(pushes, now) {
            Ok(answers) => {
                for ((waiting, answer), known) in waiting.into_iter().zip(answers).zip(known) {
                    let count = |applied: Applied| Applied { duplicates: applied.duplicates + known, ..applied };
                    // Who no longer waits is not told.
                    let _ = waiting.send(answer.map(count).map_err(ServerError::from));
                }
            }
            Err(error) => {
                self.lost.note(&error);
                not_taken(waiting, error);
            }
        }
    }

    /// Appends an announced group and publishes it.
    fn appended(
        &mut self,
        pushes: Vec<(Arc<Source>, PushedEvents)>,
        now: i64,
    ) -> Result<Vec<Result<Applied, PushError>>, PushError> {
        let (answers, group, committed) = match self.append(pushes, now) {
            Ok(appended) => appended,
            Err(error) => {
                self.shared.withdraw();
                return Err(error);
            }
        };
        match committed {
            Ok(()) => self.publish(group),
            Err(error) => {
                self.failed = Some(group);
                match self.settle() {
                    Ok(Settled::Kept) => {}
                    Ok(Settled::Gone) => return Err(error.into()),
                    Err(unknown) => {
                        self.retry(unknown);
                        return Err(error.into());
                    }
                }
            }
        }
        Ok(answers)
    }

    /// Evaluates the pushes one after the other and commits those that were not refused. What could not be evaluated is an error, what
    /// could not be committed is told beside the rest.
    #[allow(clippy::type_complexity, reason = "three results of one step, taken apart by its only caller")]
    fn append(
        &mut self,
        pushes: Vec<(Arc<Source>, PushedEvents)>,
        now: i64,
    ) -> Result<(Vec<Result<Applied, PushError>>, Group, Result<(), LogError>), PushError> {
        let Self { log, reader, views, shared, clock, .. } = self;
        let states = Current { shared, reader: &**reader, views };
        let mut moved: Moved = views.iter().map(|_| HashMap::new()).collect();
        let mut answers = Vec::with_capacity(pushes.len());
        let mut appending = log.begin();
        for (source, events) in pushes {
            let answer = push_into(&mut appending, &mut moved, views, &states, &source, events, now);
            match answer {
                Err(error) if !error.is_refusal() => return Err(error),
                answer => answers.push(answer),
            }
        }
        let offset = appending.last_offset();
        appending.renew(AsOf::from_micros(clock.now().saturating_add(RESERVED_US)));
        Ok((answers, Group { moved, offset }, appending.commit()))
    }

    /// Makes a committed group visible, and remembers what of it the store lacks.
    fn publish(&mut self, Group { moved, offset }: Group) {
        let mut states: Vec<NewState> = Vec::with_capacity(moved.iter().map(HashMap::len).sum());
        let mut newest: Vec<Option<EventTime>> = Vec::with_capacity(moved.len());
        for (view, moved) in moved.iter().enumerate() {
            let events = moved.values().map(|state| Some(state.newest_event));
            newest.push(events.fold(None, EventTime::newer_of));
            for (key, state) in moved {
                let mut bytes = Vec::with_capacity(64);
                key.write_bytes(&mut bytes);
                states.push((view, bytes, Arc::clone(state)));
            }
        }
        self.shared.publish(&self.log, offset, &states, &newest);
        self.unwritten.add(moved, offset);
    }

    /// Brings the online store to the newest offset. What cannot be written waits for the next time.
    fn store(&mut self) {
        let offset = self.unwritten.offset;
        let applied_event = match self.log.reader().fingerprint_at(offset) {
            Ok(fingerprint) => fingerprint,
            Err(error) => {
                self.pace.idle = Stopwatch::start();
                self.backlog.note::<(), _>(Unasked::States, Err(error));
                return;
            }
        };
        // The states of a view in quarantine stay as they were stored last, with the mark that says so.
        let goes_on: Vec<bool> = self.views.iter().map(|view| !view.program.is_quarantined()).collect();
        let mark = |(mark, goes_on): (&ViewMark, &bool)| match goes_on {
            true => ViewMark { applied_offset: offset, applied_event, ..mark.clone() },
            false => mark.clone(),
        };
        let marks: Vec<ViewMark> = self.marks.iter().zip(&goes_on).map(mark).collect();
        let moved = self.views.iter().zip(&self.unwritten.states).zip(&marks).zip(&goes_on);
        let moved = moved.filter(|(_, goes_on)| **goes_on).map(|(((view, states), mark), _)| (view, states, mark));
        let written = apply::write(&*self.store, self.term, moved);
        self.pace.idle = Stopwatch::start();
        if self.backlog.note(Unasked::States, written).is_none() {
            return;
        }
        self.marks = marks;
        self.unwritten.clear();
        self.shared.stored(offset);
    }

    fn close(&mut self) {
        let settled = self.settle();
        let is_settled = self.backlog.note(Unasked::Reservation, settled).is_some();
        if !self.unwritten.is_empty() {
            self.store();
        }
        // What was reserved and not answered is given back.
        if is_settled && self.log.reserved().is_some() {
            if let Some(answered) = self.shared.answered() {
                self.log.pass(answered);
            }
            self.backlog.note(Unasked::Reservation, self.log.release());
        }
    }
}

/// Tells those who wait for pushes that were not taken, or of which that is not known.
fn not_taken(waiting: impl IntoIterator<Item = SyncSender<Result<Applied, ServerError>>>, error: PushError) {
    let error = Arc::new(error);
    for waiting in waiting {
        // Who no longer waits is not told.
        let _ = waiting.send(Err(ServerError::NotTaken(Arc::clone(&error))));
    }
}

impl Unwritten {
    pub(super) fn new(views: usize, offset: u64) -> Self {
        Self { states: (0..views).map(|_| HashMap::new()).collect(), bytes: 0, offset, stored_offset: offset }
    }

    fn add(&mut self, moved: Moved, offset: u64) {
        self.offset = offset;
        for (states, moved) in self.states.iter_mut().zip(moved) {
            for (key, state) in moved {
                self.bytes += state.bytes.len() + 256;
                if let Some(before) = states.insert(key, state) {
                    self.bytes -= before.bytes.len() + 256;
                }
            }
        }
    }

    fn clear(&mut self) {
        self.states.iter_mut().for_each(HashMap::clear);
        self.bytes = 0;
        self.stored_offset = self.offset;
    }

    fn events(&self) -> u64 {
        self.offset - self.stored_offset
    }

    fn is_empty(&self) -> bool {
        self.events() == 0
    }
}
