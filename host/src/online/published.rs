//! What questions see: the states of one moment, the newest offset, and the clock that keeps the two together.
//!
//! What is visible at an as-of is always a prefix of the log, for the answer and for every later backfill:
//!
//! - Before a group of pushes is stamped it is announced: from then on its first stamp is known, and answers get an as-of
//!   before it. Its stamps are after every as-of that was answered.
//! - Once it is on disk it is published: states, offset and the end of the announcement in one step. From then on answers get
//!   an as-of at or after its last stamp.
//! - A question that declares an as-of at or after the first stamp of an announced group waits for the group. So does every
//!   question while a group is announced whose stamps are declared, for they may lie anywhere before now.
//!
//! As-ofs that were answered must be known to the next process too, for its arrivals are stamped after them. The writer keeps a
//! *reservation* on disk, a time a little ahead, and as-ofs up to there are free. Where the disk is slow, full, or hangs, the reservation
//! is not renewed: answers go on at its end, and say how far that is behind now (the *lag*). Beyond a bound they are refused.
//!
//! Nothing here waits without a deadline, and nothing here holds a lock while the disk works.

mod as_of;

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use as_of::{Announced, Found, Hold, Known};

use super::{ServerError, StateCache};
use crate::entity::EntityState;
use crate::log::{LogError, LogWriter};
use crate::time::{AsOf, AvailableAt, Clock, EventTime, Stopwatch, visible};

/// How far ahead as-ofs are put on disk, in microseconds.
pub(super) const RESERVED_US: i64 = 1_000_000;

/// How long before the end of a reservation the next one is asked for, in microseconds.
const RENEW_US: i64 = RESERVED_US / 2;

/// How long a question waits for a reservation that has run out, where it could be answered a little behind now.
const GRACE: Duration = Duration::from_millis(50);

/// The moment of an answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) as_of: AsOf,
    /// The newest offset that was published then. All of it is visible at the as-of, unless the as-of was declared.
    pub(super) offset: u64,
    /// Whether all of it is visible.
    pub(super) is_newest: bool,
    /// How far the as-of is behind now; nothing where it was declared.
    pub(super) lag: Duration,
}

/// Whether a question waits where it has to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Patience {
    /// It does not.
    Nothing,
    /// It waits for as long as questions may.
    Waits,
}

/// How long questions wait, and how old answers may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) staleness: Duration,
    pub(super) wait: Duration,
}

/// The state of the world between two publications.
pub(super) struct Published {
    pub(super) cache: StateCache,
    pub(super) offset: u64,
    pub(super) last_arrival: Option<AvailableAt>,
    /// Offsets up to here are in the online store.
    pub(super) stored_offset: u64,
    /// Per view, the newest event that was applied.
    pub(super) newest_events: Vec<Option<EventTime>>,
    announced: Option<Announced>,
}

/// Shared by the threads that ask and the one that writes.
pub(super) struct Shared {
    published: RwLock<Published>,
    clock: Arc<dyn Clock>,
    limits: Limits,
    /// The newest as-of that was answered.
    answered: AtomicI64,
    /// As-ofs up to here are on disk; the least number before the first reservation.
    reserved: AtomicI64,
    /// When a reservation was asked for that is not made yet, in microseconds since `started`; 0 where none was.
    wanted_us: AtomicU64,
    started: Stopwatch,
    /// Rises with every publication and reservation; those who wait look again.
    turn: AtomicU64,
    turning: Mutex<()>,
    turned: Condvar,
    has_ended: AtomicBool,
    /// Why the writer has ended.
    ended: Mutex<Option<String>>,
}

/// A new state of an entity, by view and the bytes of its key.
pub(super) type NewState = (usize, Vec<u8>, Arc<EntityState>);

impl Shared {
    pub(super) fn new(
        log: &LogWriter,
        cache: StateCache,
        newest_events: Vec<Option<EventTime>>,
        clock: Arc<dyn Clock>,
        limits: Limits,
    ) -> Self {
        let (offset, last_arrival) = (log.last_offset(), log.last_arrival());
        let published =
            Published { cache, offset, last_arrival, stored_offset: offset, newest_events, announced: None };
        let or_least = |as_of: Option<AsOf>| as_of.map_or(i64::MIN, AsOf::micros);
        Self {
            published: RwLock::new(published),
            clock,
            limits,
            answered: AtomicI64::new(or_least(log.last_as_of())),
            reserved: AtomicI64::new(or_least(log.reserved())),
            wanted_us: AtomicU64::new(0),
            started: Stopwatch::start(),
            turn: AtomicU64::new(0),
            turning: Mutex::default(),
            turned: Condvar::new(),
            has_ended: AtomicBool::new(false),
            ended: Mutex::default(),
        }
    }

    /// Gives `read` what is published, and the moment of the answer; `None` where the question has to wait and does not. `wake` wakes
    /// the writer.
    pub(super) fn take<T>(
        &self,
        declared: Option<AsOf>,
        patience: Patience,
        wake: &dyn Fn(),
        read: impl FnOnce(&Published) -> T,
    ) -> Result<Option<(Moment, T)>, ServerError> {
        let mut waited: Option<Stopwatch> = None;
        loop {
            // Whoever changes something turns afterwards, so what is not seen here as changed will turn.
            let turn = self.turn.load(Ordering::Acquire);
            let now = self.clock.now();
            // What was answered has passed, also where that was ahead of the clock.
            let passed = AsOf::from_micros(now.max(self.answered.load(Ordering::Relaxed)));
            if let Some(as_of) = declared.filter(|declared| passed.is_before(*declared)) {
                return Err(LogError::FutureAsOf { as_of, now }.into());
            }
            let held_for = {
                let published = self.whole()?;
                let reserved = self.reserved.load(Ordering::Relaxed);
                if reserved.saturating_sub(now) < RENEW_US {
                    self.want(wake);
                }
                let found = self.known(&published, now, reserved).find(declared);
                let lag = found.as_of.filter(|_| declared.is_none()).map_or(Duration::ZERO, |as_of| behind(as_of, now));
                let age = self.age(found.hold, published.announced.as_ref());
                let age = waited.as_ref().map_or(age, |waited| age.max(waited.elapsed()));
                let left = self.patience(found, lag).saturating_sub(age);
                if left.is_zero() || self.has_ended() {
                    let as_of = self.allowed(found, declared, lag, age)?;
                    // Within the lock, so that the group that is announced next knows it.
                    self.answered.fetch_max(as_of.micros(), Ordering::Relaxed);
                    let is_newest = published.last_arrival.is_none_or(|last| visible(last, as_of));
                    let moment = Moment { as_of, offset: published.offset, is_newest, lag };
                    return Ok(Some((moment, read(&published))));
                }
                left
            };
            if patience == Patience::Nothing {
                return Ok(None);
            }
            waited.get_or_insert_with(Stopwatch::start);
            self.wait(turn, held_for);
        }
    }

    fn known(&self, published: &Published, now: i64, reserved: i64) -> Known {
        let answered = self.answered.load(Ordering::Relaxed);
        let Published { last_arrival, announced, .. } = *published;
        Known { now, answered, reserved, last_arrival, announced }
    }

    /// How long a question waits for a better as-of, from when what holds it began.
    fn patience(&self, found: Found, lag: Duration) -> Duration {
        match found.hold {
            None => Duration::ZERO,
            Some(Hold::DeclaredGroup) => self.limits.wait,
            Some(_) if found.as_of.is_none() || lag > self.limits.staleness => self.limits.wait,
            Some(Hold::Reservation) => GRACE.min(self.limits.wait),
            Some(Hold::Group) => Duration::ZERO,
        }
    }

    /// How long the hold has lasted.
    fn age(&self, hold: Option<Hold>, announced: Option<&Announced>) -> Duration {
        match (hold, announced) {
            (Some(Hold::Group | Hold::DeclaredGroup), Some(group)) => group.since.elapsed(),
            (Some(Hold::Reservation), _) => self.wanted_for().unwrap_or_default(),
            _ => Duration::ZERO,
        }
    }

    /// The as-of that was found, unless there is none or it is too old.
    fn allowed(
        &self,
        found: Found,
        declared: Option<AsOf>,
        lag: Duration,
        held: Duration,
    ) -> Result<AsOf, ServerError> {
        let why = || match (self.ended(), found.hold) {
            (Some(ended), _) => ended,
            (None, Some(Hold::Group | Hold::DeclaredGroup)) => {
                format!("a push has been written to the event log for {} ms and is not on disk yet", held.as_millis())
            }
            (None, _) => {
                format!("the event log's disk has not taken a reservation of as-ofs for {} ms", held.as_millis())
            }
        };
        match found.as_of {
            Some(as_of) if lag <= self.limits.staleness => Ok(as_of),
            Some(as_of) => {
                let (lag_ms, limit_ms) = (whole_ms(lag), whole_ms(self.limits.staleness));
                Err(ServerError::Stale { as_of, lag_ms, limit_ms, why: why() })
            }
            None => Err(ServerError::NotYet { as_of: declared, why: why() }),
        }
    }

    /// Waits until something turns after `turn`, at most so long.
    fn wait(&self, turn: u64, left: Duration) {
        let turning = self.turning.lock().unwrap_or_else(PoisonError::into_inner);
        let is_same = |(): &mut ()| self.turn.load(Ordering::Acquire) == turn && !self.has_ended();
        drop(self.turned.wait_timeout_while(turning, left, is_same));
    }

    fn turn(&self) {
        let turning = self.turning.lock().unwrap_or_else(PoisonError::into_inner);
        self.turn.fetch_add(1, Ordering::Release);
        drop(turning);
        self.turned.notify_all();
    }

    /// What is published, if no thread has left it half changed.
    fn whole(&self) -> Result<RwLockReadGuard<'_, Published>, ServerError> {
        let why = || ServerError::Ended { why: self.torn().unwrap_or_default() };
        self.published.read().map_err(|_| why())
    }

    pub(super) fn read(&self) -> RwLockReadGuard<'_, Published> {
        self.published.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Published> {
        self.published.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts states that were read from the store at `moment` into the cache, unless something was published since.
    pub(super) fn keep(
        &self,
        moment: Moment,
        states: impl Iterator<Item = (usize, Vec<u8>, Option<Arc<EntityState>>)>,
    ) {
        let mut published = self.write();
        if published.offset == moment.offset {
            states.for_each(|(view, key, state)| drop(published.cache.put(view, &key, state)));
            let stored_offset = published.stored_offset;
            published.cache.shrink(stored_offset);
        }
    }

    /// Announces a group that arrives at `now`, and tells the log what was answered until then.
    pub(super) fn announce(&self, log: &mut LogWriter, now: i64, is_declared: bool) {
        let mut published = self.write();
        let answered = self.answered.load(Ordering::Relaxed);
        if answered != i64::MIN {
            log.pass(AsOf::from_micros(answered));
        }
        let first = if is_declared { log.next_declared_arrival() } else { log.next_arrival(now) };
        published.announced = Some(Announced { first, is_declared, since: Stopwatch::start() });
    }

    /// Takes an announcement back: the group was not written.
    pub(super) fn withdraw(&self) {
        self.write().announced = None;
        self.turn();
    }

    /// Publishes a group that is on disk, and with it the reservation.
    pub(super) fn publish(&self, log: &LogWriter, offset: u64, states: &[NewState], newest: &[Option<EventTime>]) {
        let mut before = Vec::with_capacity(states.len());
        {
            let mut published = self.write();
            for (view, key, state) in states {
                before.push(published.cache.put(*view, key, Some(Arc::clone(state))));
            }
            for (known, newest) in published.newest_events.iter_mut().zip(newest) {
                *known = EventTime::newer_of(*known, *newest);
            }
            published.offset = offset;
            published.last_arrival = log.last_arrival();
            published.announced = None;
            let stored_offset = published.stored_offset;
            published.cache.shrink(stored_offset);
            if let Some(until) = log.reserved() {
                self.note_reserved(until);
            }
        }
        self.turn();
    }

    /// Notes that the online store holds all states up to `offset`.
    pub(super) fn stored(&self, offset: u64) {
        let mut published = self.write();
        published.stored_offset = offset;
        published.cache.shrink(offset);
    }

    /// Asks for a reservation, once until it is made.
    pub(super) fn want(&self, wake: &dyn Fn()) {
        if self.wanted_us.load(Ordering::Relaxed) != 0 {
            return;
        }
        let since_us = (self.started.nanoseconds() / 1_000).max(1);
        if self.wanted_us.compare_exchange(0, since_us, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            wake();
        }
    }

    /// How long ago a reservation was asked for that is not made yet.
    pub(super) fn wanted_for(&self) -> Option<Duration> {
        let since_us = Some(self.wanted_us.load(Ordering::Relaxed)).filter(|since_us| *since_us != 0)?;
        Some(self.started.elapsed().saturating_sub(Duration::from_micros(since_us)))
    }

    /// Whether a reservation was asked for just now, so that a question had better wait for it.
    pub(super) fn is_renewing(&self) -> bool {
        self.wanted_for().is_some_and(|wanted_for| wanted_for < GRACE) && !self.has_ended()
    }

    /// Whether as-ofs are reserved, and the reservation is not the one that would be made at `now`.
    pub(super) fn is_renewable(&self, now: i64) -> bool {
        let reserved = self.reserved.load(Ordering::Relaxed);
        reserved != i64::MIN && reserved < now.saturating_add(RESERVED_US)
    }

    /// Notes that as-ofs up to `until` are on disk.
    pub(super) fn reserved(&self, until: AsOf) {
        self.note_reserved(until);
        self.turn();
    }

    fn note_reserved(&self, until: AsOf) {
        self.reserved.fetch_max(until.micros(), Ordering::Relaxed);
        self.wanted_us.store(0, Ordering::Relaxed);
    }

    /// The newest time that was given to an answer or an arrival, in microseconds.
    pub(super) fn floor(&self) -> Option<i64> {
        let last_arrival = self.read().last_arrival.map(AvailableAt::micros);
        last_arrival.max(self.answered().map(AsOf::micros))
    }

    /// The newest as-of that was answered.
    pub(super) fn answered(&self) -> Option<AsOf> {
        Some(self.answered.load(Ordering::Relaxed)).filter(|answered| *answered != i64::MIN).map(AsOf::from_micros)
    }

    /// How far behind now a question would be answered, and whether that is too far.
    pub(super) fn lag(&self) -> (Duration, Result<(), ServerError>) {
        let (now, published) = (self.clock.now(), self.read());
        let reserved = self.reserved.load(Ordering::Relaxed);
        let found = self.known(&published, now, reserved).find(None);
        let held = self.age(found.hold, published.announced.as_ref());
        let lag = found.as_of.map_or(held, |as_of| behind(as_of, now));
        let is_waiting = found.as_of.is_none() && held <= self.limits.wait;
        let allowed = match self.torn() {
            Some(why) => Err(ServerError::Ended { why }),
            None if is_waiting => Ok(()),
            None => self.allowed(found, None, lag, held).map(|_| ()),
        };
        (lag, allowed)
    }

    /// Notes that the writer has ended, and wakes those who wait.
    pub(super) fn end(&self, why: String) {
        *self.ended.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
        self.has_ended.store(true, Ordering::Release);
        self.turn();
    }

    fn has_ended(&self) -> bool {
        self.has_ended.load(Ordering::Acquire)
    }

    /// Why answers come to an end, where they do: the writer has ended, or what is published is not whole.
    pub(super) fn ended(&self) -> Option<String> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).clone().or_else(|| self.torn())
    }

    fn torn(&self) -> Option<String> {
        let why = "a thread panicked while it changed the states in memory";
        self.published.is_poisoned().then(|| why.to_owned())
    }
}

fn whole_ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// How far an as-of is behind now.
fn behind(as_of: AsOf, now: i64) -> Duration {
    Duration::from_micros(u64::try_from(now.saturating_sub(as_of.micros())).unwrap_or(0))
}

#[cfg(test)]
mod tests;
