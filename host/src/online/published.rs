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
//! As-ofs that were answered must be known to the next process too, for its arrivals are stamped after them. The writer puts
//! a time a little ahead on disk, and as-ofs up to there are free.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError, RwLock};

use super::StateCache;
use crate::entity::EntityState;
use crate::log::{LogError, LogWriter};
use crate::time::{AsOf, AvailableAt, Clock, EventTime, visible};

/// How far ahead as-ofs are put on disk, in microseconds.
pub(super) const RESERVED_US: i64 = 1_000_000;

/// How long before the end of a reservation the next one is asked for, in microseconds.
const RENEW_US: i64 = RESERVED_US / 2;

/// The moment of an answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) as_of: AsOf,
    /// The newest offset that was published then. All of it is visible at the as-of, unless the as-of was declared.
    pub(super) offset: u64,
    /// Whether all of it is visible.
    pub(super) is_newest: bool,
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

/// A group of pushes that is being written.
#[derive(Clone, Copy)]
struct Announced {
    /// None of its stamps is earlier.
    first: AvailableAt,
    /// Whether its stamps are declared.
    is_declared: bool,
}

/// Shared by the threads that ask and the one that writes.
pub(super) struct Shared {
    published: RwLock<Published>,
    clock: Arc<dyn Clock>,
    /// The newest as-of that was answered.
    answered: AtomicI64,
    /// As-ofs up to here are on disk.
    reserved: AtomicI64,
    /// Whether a reservation was asked for and not made yet.
    is_reservation_wanted: AtomicBool,
    /// Rises with every publication and reservation; those who wait look again.
    turn: Mutex<u64>,
    turned: Condvar,
}

/// A new state of an entity, by view and the bytes of its key.
pub(super) type NewState = (usize, Vec<u8>, Arc<EntityState>);

impl Shared {
    pub(super) fn new(
        log: &LogWriter,
        cache: StateCache,
        offset: u64,
        newest_events: Vec<Option<EventTime>>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let last_arrival = log.last_arrival();
        let published =
            Published { cache, offset, last_arrival, stored_offset: offset, newest_events, announced: None };
        Self {
            published: RwLock::new(published),
            clock,
            answered: AtomicI64::new(log.last_as_of().map_or(i64::MIN, |as_of| as_of.micros())),
            reserved: AtomicI64::new(i64::MIN),
            is_reservation_wanted: AtomicBool::new(false),
            turn: Mutex::new(0),
            turned: Condvar::new(),
        }
    }

    /// Gives `read` what is published, and the moment of the answer. `wake` wakes the writer.
    pub(super) fn take<T>(
        &self,
        declared: Option<AsOf>,
        wake: &dyn Fn(),
        read: impl FnOnce(&Published) -> T,
    ) -> Result<(Moment, T), LogError> {
        loop {
            let now = self.clock.now();
            if let Some(as_of) = declared.filter(|declared| AsOf::from_micros(now).is_before(*declared)) {
                return Err(LogError::FutureAsOf { as_of, now });
            }
            {
                let published = self.read();
                if let Some(as_of) = published.as_of(declared, now, self.answered.load(Ordering::Relaxed)) {
                    let left = self.reserved.load(Ordering::Relaxed).saturating_sub(as_of.micros());
                    if left < RENEW_US && !self.is_reservation_wanted.swap(true, Ordering::Relaxed) {
                        wake();
                    }
                    if left >= 0 {
                        // Within the lock, so that the group that is announced next knows it.
                        self.answered.fetch_max(as_of.micros(), Ordering::Relaxed);
                        let is_newest = published.last_arrival.is_none_or(|last| visible(last, as_of));
                        let moment = Moment { as_of, offset: published.offset, is_newest };
                        return Ok((moment, read(&published)));
                    }
                }
            }
            self.wait(declared);
        }
    }

    /// Waits until the announced group is published, or the as-of is reserved.
    fn wait(&self, declared: Option<AsOf>) {
        let turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        // Whoever changes something turns afterwards, so what is seen here as not changed yet will turn.
        let as_of = self.read().as_of(declared, self.clock.now(), self.answered.load(Ordering::Relaxed));
        let is_waiting = match as_of {
            None => true,
            Some(as_of) if !AsOf::from_micros(self.reserved.load(Ordering::Relaxed)).is_before(as_of) => false,
            // Where nobody asked for a reservation yet, it is asked for first.
            Some(_) => self.is_reservation_wanted.load(Ordering::Relaxed),
        };
        if is_waiting {
            drop(self.turned.wait(turn));
        }
    }

    fn turn(&self) {
        *self.turn.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.turned.notify_all();
    }

    pub(super) fn read(&self) -> std::sync::RwLockReadGuard<'_, Published> {
        self.published.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, Published> {
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
        published.announced = Some(Announced { first, is_declared });
    }

    /// Takes an announcement back: the group was not written.
    pub(super) fn withdraw(&self) {
        self.write().announced = None;
        self.turn();
    }

    /// Publishes a group that is on disk.
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
        }
        self.turn();
    }

    /// Notes that the online store holds all states up to `offset`.
    pub(super) fn stored(&self, offset: u64) {
        let mut published = self.write();
        published.stored_offset = offset;
        published.cache.shrink(offset);
    }

    /// Whether a reservation was asked for since this was asked last.
    pub(super) fn wants_reservation(&self) -> bool {
        self.is_reservation_wanted.swap(false, Ordering::Relaxed)
    }

    /// Notes that as-ofs up to `until` are on disk.
    pub(super) fn reserved(&self, until: AsOf) {
        self.reserved.fetch_max(until.micros(), Ordering::Relaxed);
        self.turn();
    }

    /// The newest as-of that was answered.
    pub(super) fn answered(&self) -> Option<AsOf> {
        Some(self.answered.load(Ordering::Relaxed)).filter(|answered| *answered != i64::MIN).map(AsOf::from_micros)
    }
}

impl Published {
    /// The as-of of a question; `None` where it must wait for the group that is announced.
    fn as_of(&self, declared: Option<AsOf>, now: i64, answered: i64) -> Option<AsOf> {
        match (declared, self.announced) {
            (Some(declared), Some(group)) if visible(group.first, declared) => None,
            (Some(declared), _) => Some(declared),
            (None, Some(group)) if group.is_declared => None,
            (None, announced) => {
                let newest = AsOf::from_micros(now.max(answered));
                let newest = self.last_arrival.map_or(newest, |last| newest.that_sees(last));
                Some(announced.map_or(newest, |group| newest.that_misses(group.first)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;
    use crate::entity::{EntityKey, KeyValue};
    use crate::log::{NewEvent, SqliteLog};

    struct At(AtomicI64);

    impl Clock for At {
        fn now(&self) -> i64 {
            self.0.load(Ordering::Relaxed)
        }
    }

    struct World {
        _dir: tempfile::TempDir,
        log: LogWriter,
        clock: Arc<At>,
        shared: Shared,
    }

    fn world() -> World {
        let dir = tempfile::tempdir().expect("a directory");
        let log = SqliteLog::open(&dir.path().join("log")).expect("opens");
        let log = LogWriter::new(Arc::new(log)).expect("begins");
        let clock = Arc::new(At(AtomicI64::new(1_000)));
        let cache = StateCache::new(1, 1 << 20);
        let shared = Shared::new(&log, cache, 0, vec![None], Arc::clone(&clock) as Arc<dyn Clock>);
        World { _dir: dir, log, clock, shared }
    }

    /// The as-of and offset of a question.
    fn ask(shared: &Shared, declared: Option<i64>) -> (i64, u64) {
        let (moment, ()) = shared.take(declared.map(AsOf::from_micros), &|| {}, |_| ()).expect("is answered");
        (moment.as_of.micros(), moment.offset)
    }

    impl World {
        fn at(&self, now: i64) {
            self.clock.0.store(now, Ordering::Relaxed);
        }

        fn ask(&self, declared: Option<i64>) -> (i64, u64) {
            ask(&self.shared, declared)
        }

        /// Appends events after an announcement; gives their stamps.
        fn append(&mut self, now: i64, arrivals: &[Option<i64>]) -> Vec<i64> {
            let event = |(row, arrival): (u64, &Option<i64>)| NewEvent {
                event_id: None,
                key: EntityKey(vec![KeyValue::Int64(1)]),
                event_time: EventTime::from_micros(1),
                arrival: *arrival,
                fields: "{}".into(),
                row,
                place: 0,
            };
            let mut appending = self.log.begin();
            let stamped =
                appending.stamp("s", (1..).zip(arrivals).map(event).collect(), now, &|_, _| true).expect("stamps");
            appending.accept(stamped.clone());
            appending.commit().expect("commits");
            stamped.events.iter().map(|event| event.available_at.micros()).collect()
        }
    }

    #[test]
    fn answers_are_before_an_announced_group_and_after_a_published_one() {
        let mut world = world();
        world.shared.reserved(AsOf::from_micros(1_000_000));
        assert_eq!((world.ask(None), world.ask(Some(1_000))), ((1_000, 0), (1_000, 0)));
        world.shared.announce(&mut world.log, 1_000, false);
        world.at(5_000);
        // The group is stamped from 1,001 on, so until it is there answers stay before it, however late it is.
        assert_eq!((world.ask(None), world.ask(Some(700)), world.ask(Some(1_000))), ((1_000, 0), (700, 0), (1_000, 0)));
        assert_eq!(world.append(1_000, &[None, None]), [1_001, 1_002]);
        assert_eq!(world.ask(None), (1_000, 0));
        world.shared.publish(&world.log, 2, &[], &[Some(EventTime::from_micros(1))]);
        world.at(900);
        // The clock went back; the answer is after the group all the same, for it includes it.
        assert_eq!(world.ask(None), (1_002, 2));
        let (moment, ()) = world.shared.take(Some(AsOf::from_micros(500)), &|| {}, |_| ()).expect("is answered");
        assert!(!moment.is_newest, "not all of the log is visible then");
        // A group that was not written leaves nothing.
        world.shared.announce(&mut world.log, 900, false);
        assert_eq!(world.ask(None), (1_002, 2));
        world.shared.withdraw();
        world.at(6_000);
        assert_eq!(world.ask(None), (6_000, 2));
        // What was answered is known to the next group.
        world.at(900);
        world.shared.announce(&mut world.log, 900, false);
        assert_eq!(world.append(900, &[None]), [6_001]);
    }

    #[test]
    fn questions_wait_for_a_group_that_lies_before_them() {
        let mut world = world();
        world.shared.reserved(AsOf::from_micros(1_000_000));
        for (arrivals, is_declared, asked, expected) in [
            // Declared arrivals may lie anywhere before now, so nothing is answered until they are there.
            (vec![Some(400), Some(300)], true, None, (1_000, 2)),
            (vec![None], false, Some(2_000), (2_000, 3)),
        ] {
            world.shared.announce(&mut world.log, world.clock.now(), is_declared);
            let offset = expected.1;
            if asked.is_some() {
                world.at(2_000);
            }
            let stamps = world.append(1_000, &arrivals);
            assert!(stamps.iter().all(|stamp| *stamp <= expected.0), "{stamps:?}");
            let World { log, shared, .. } = &world;
            std::thread::scope(|scope| {
                let asking = scope.spawn(move || ask(shared, asked));
                // It has nothing to answer with until this.
                shared.publish(log, offset, &[], &[None]);
                assert_eq!(asking.join().expect("no panic"), expected);
            });
        }
    }

    #[test]
    fn an_answer_waits_until_its_as_of_is_on_disk() {
        let world = world();
        let shared = &world.shared;
        let asked = AtomicUsize::new(0);
        let wake = || {
            asked.fetch_add(1, Ordering::Relaxed);
        };
        std::thread::scope(|scope| {
            let asking = scope.spawn(|| shared.take(None, &wake, |_| ()).map(|(moment, ())| moment.as_of.micros()));
            while asked.load(Ordering::Relaxed) == 0 {
                std::thread::yield_now();
            }
            shared.reserved(AsOf::from_micros(1_000 + RESERVED_US));
            assert_eq!(asking.join().expect("no panic").expect("is answered"), 1_000);
        });
        // Asked for once, as long as the one who was asked has not taken it up.
        assert_eq!(asked.load(Ordering::Relaxed), 1);
        assert!(shared.wants_reservation());
        // Half of it is left: the next one is asked for, and nobody waits.
        world.at(1_000 + RESERVED_US / 2 + 1);
        assert_eq!(world.ask(None).0, 1_000 + RESERVED_US / 2 + 1);
        assert!(world.shared.wants_reservation() && !world.shared.wants_reservation());
    }
}
