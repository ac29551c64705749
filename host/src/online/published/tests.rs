//! What questions see, with a clock that the tests set.

use std::sync::atomic::AtomicUsize;

use super::*;
use crate::entity::{EntityKey, KeyValue};
use crate::log::{NewEvent, SqliteLog};

/// How long those wait that are answered in the end, and how far behind they may be.
const PATIENT: Limits = Limits { staleness: Duration::from_secs(5), wait: Duration::from_secs(60) };

/// Nobody waits for what does not come.
const HURRIED: Limits = Limits { wait: Duration::from_millis(5), ..PATIENT };

struct At(AtomicI64);

impl Clock for At {
    fn now(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

struct World {
    dir: tempfile::TempDir,
    log: LogWriter,
    clock: Arc<At>,
    shared: Shared,
}

fn world() -> World {
    let mut world = world_with(PATIENT);
    world.reserve(1_000_000);
    world
}

fn world_with(limits: Limits) -> World {
    World::open(tempfile::tempdir().expect("a directory"), 1_000, limits)
}

/// What is answered at once, or once something turns.
fn take(shared: &Shared, declared: Option<i64>) -> Result<Moment, ServerError> {
    let taken = shared.take(declared.map(AsOf::from_micros), Patience::Waits, &|| {}, |_| ());
    taken.map(|taken| taken.expect("a question that waits is answered").0)
}

/// The as-of and offset of a question.
fn ask(shared: &Shared, declared: Option<i64>) -> (i64, u64) {
    let moment = take(shared, declared).expect("is answered");
    (moment.as_of.micros(), moment.offset)
}

impl World {
    fn open(dir: tempfile::TempDir, now: i64, limits: Limits) -> Self {
        let log = SqliteLog::open(&dir.path().join("log")).expect("opens");
        let log = LogWriter::new(Arc::new(log)).expect("begins");
        let clock = Arc::new(At(AtomicI64::new(now)));
        let cache = StateCache::new(1, 1 << 20);
        let shared = Shared::new(&log, cache, vec![None], Arc::clone(&clock) as Arc<dyn Clock>, limits);
        Self { dir, log, clock, shared }
    }

    /// As the writer does.
    fn reserve(&mut self, until: i64) -> i64 {
        let until = self.log.reserve(AsOf::from_micros(until)).expect("reserves");
        self.shared.reserved(until);
        until.micros()
    }

    /// The lag of a question in milliseconds, or what it is told.
    fn lag(&self, declared: Option<i64>) -> Result<u128, String> {
        take(&self.shared, declared).map(|moment| moment.lag.as_millis()).map_err(|error| error.to_string())
    }

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
    let moment = take(&world.shared, Some(500)).expect("is answered");
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
fn the_first_answer_waits_for_a_reservation_and_the_next_ones_do_not() {
    let world = world_with(PATIENT);
    let shared = &world.shared;
    let woken = AtomicUsize::new(0);
    let wake = || {
        woken.fetch_add(1, Ordering::Relaxed);
    };
    assert!(shared.take(None, Patience::Nothing, &wake, |_| ()).expect("no error").is_none());
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| shared.take(None, Patience::Waits, &wake, |_| ()));
        shared.reserved(AsOf::from_micros(1_000 + RESERVED_US));
        let (moment, ()) = asking.join().expect("no panic").expect("is answered").expect("waits");
        assert_eq!((moment.as_of.micros(), moment.lag), (1_000, Duration::ZERO));
    });
    // Asked for once, as long as it is not made.
    assert_eq!((woken.load(Ordering::Relaxed), shared.wanted_for()), (1, None));
    // Half of it is left: the next one is asked for, and nobody waits.
    world.at(1_000 + RESERVED_US / 2 + 1);
    assert_eq!(world.ask(None).0, 1_000 + RESERVED_US / 2 + 1);
    assert!(shared.wanted_for().is_some());
}

#[test]
fn without_a_new_reservation_answers_go_on_at_the_old_one_and_then_end() {
    let mut world = world_with(HURRIED);
    world.reserve(1_000_000);
    assert_eq!(world.lag(None), Ok(0));
    for (now, lag_ms) in [(1_000_000, 0), (1_200_000, 200), (6_000_000, 5_000)] {
        world.at(now);
        assert_eq!((world.ask(None).0, world.lag(None), world.shared.lag().1.is_ok()), (1_000_000, Ok(lag_ms), true));
    }
    world.at(6_000_001);
    let refused = world.lag(None).expect_err("too old");
    assert!(refused.contains("is 5000 ms behind now, and at most 5000 may be"), "{refused}");
    assert!(refused.contains("the event log's disk has not taken a reservation of as-ofs for"), "{refused}");
    assert_eq!(world.shared.lag().0, Duration::from_micros(5_000_001));
    assert!(world.shared.lag().1.is_err());
    // A declared as-of is no staler than it was, and one that is not reserved is not answered.
    assert_eq!(world.lag(Some(1_000_000)), Ok(0));
    let refused = world.lag(Some(1_000_001)).expect_err("is not reserved");
    assert!(refused.starts_with("the as-of 1970-01-01T00:00:01.000001Z cannot be answered yet: "), "{refused}");
    assert_eq!(world.reserve(7_000_001), 7_000_001);
    assert_eq!((world.ask(None).0, world.lag(None)), (6_000_001, Ok(0)));
}

#[test]
fn a_group_that_is_not_written_holds_answers_for_so_long_and_no_longer() {
    let mut world = world_with(HURRIED);
    world.reserve(20_000_000);
    assert_eq!(world.ask(None), (1_000, 0));
    world.shared.announce(&mut world.log, 1_000, false);
    world.at(5_001_000);
    // The group's first stamp is just after what was answered: the clock went on, answers do not.
    assert_eq!((world.ask(None), world.lag(None)), ((1_000, 0), Ok(5_000)));
    let refused = world.lag(Some(1_001)).expect_err("lies in the group");
    assert!(refused.contains("a push has been written to the event log for"), "{refused}");
    world.at(5_001_001);
    assert!(world.lag(None).expect_err("too old").contains("a push has been written to the event log for"));
    world.shared.withdraw();
    assert_eq!(world.ask(None), (5_001_001, 0));
}

#[test]
fn a_group_of_declared_arrivals_holds_answers_for_so_long_and_no_longer() {
    let mut world = world_with(HURRIED);
    world.reserve(20_000_000);
    world.shared.announce(&mut world.log, 1_000, true);
    assert!(world.lag(None).is_err(), "its arrivals may be any");
    assert_eq!(world.append(1_000, &[Some(700)]), [700]);
    world.shared.publish(&world.log, 1, &[], &[None]);
    world.shared.announce(&mut world.log, 1_000, true);
    assert!(world.lag(None).is_err(), "one may equal the last");
    world.shared.withdraw();
    assert_eq!(world.ask(None), (1_000, 1));
    world.shared.announce(&mut world.log, 1_000, true);
    world.at(2_001_000);
    assert_eq!((world.ask(None), world.lag(None)), ((1_000, 1), Ok(2_000)));
}

#[test]
fn a_commit_renews_the_reservation_and_holds_its_own_arrivals() {
    let mut world = world();
    let mut appending = world.log.begin();
    appending.renew(AsOf::from_micros(500));
    drop(appending);
    assert_eq!(world.log.reserved().map(AsOf::micros), Some(1_000_000), "never shortened");
    world.at(3_000_000);
    assert_eq!(world.append(3_000_000, &[None, None]), [3_000_000, 3_000_001]);
    world.shared.publish(&world.log, 2, &[], &[None]);
    // Its arrivals were not reserved before. They are on disk, and so is the as-of that sees them.
    assert_eq!((world.ask(None), world.lag(None)), ((3_000_001, 2), Ok(0)));
    let World { dir, log, shared, .. } = world;
    drop((log, shared));
    let again = World::open(dir, 3_000_000, PATIENT);
    assert!(again.log.next_declared_arrival().is_by(AvailableAt::from_micros(3_000_002)));
    assert!(!again.log.next_declared_arrival().is_by(AvailableAt::from_micros(3_000_001)));
}

/// A process that dies leaves its reservation, and the next one goes on from there: no further ahead of the clock than one of them.
#[test]
fn the_lead_of_many_processes_that_die_is_one_reservation() {
    let (mut now, mut last, mut dir) = (5_000_000, 0, tempfile::tempdir().expect("a directory"));
    for life in 0..20 {
        let mut world = World::open(dir, now, PATIENT);
        let reserved = world.reserve(now + RESERVED_US);
        assert!(reserved - now <= RESERVED_US, "life {life}: {reserved} at {now}");
        assert!(world.log.next_arrival(now).is_by(AvailableAt::from_micros(reserved + 1)), "life {life}");
        let (as_of, _) = world.ask(None);
        assert!(last <= as_of && as_of - now <= RESERVED_US, "life {life}: {as_of} after {last} at {now}");
        (now, last) = (now + 10_000, as_of);
        let World { dir: kept, log, shared, .. } = world;
        drop((log, shared));
        dir = kept;
    }
    let next = World::open(dir, now, PATIENT).log.next_arrival(now);
    assert!(!next.is_by(AvailableAt::from_micros(last)), "{next} after {last}");
}

#[test]
fn those_who_wait_are_told_when_the_writer_ends() {
    let mut world = world();
    world.shared.announce(&mut world.log, 1_000, false);
    world.at(900_000);
    let shared = &world.shared;
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| take(shared, Some(2_000)));
        shared.end("the writer was told to fail".to_owned());
        let error = asking.join().expect("no panic").expect_err("nobody publishes it");
        assert!(error.to_string().contains("cannot be answered yet: the writer was told to fail"), "{error}");
        assert_eq!(error.kind(), crate::ErrorKind::Unavailable);
    });
    // What is on disk is answered for a while.
    assert_eq!((world.ask(None), world.shared.ended().as_deref()), ((999, 0), Some("the writer was told to fail")));
    world.at(6_000_001);
    assert!(world.lag(None).expect_err("too old").contains("the writer was told to fail"));
}

#[test]
fn states_that_a_panic_left_half_changed_are_not_answered_from() {
    let world = world();
    let moment = take(&world.shared, None).expect("is answered");
    let shared = &world.shared;
    let panicked = std::thread::scope(|scope| {
        scope.spawn(|| shared.keep(moment, std::iter::from_fn(|| panic!("was told to")))).join().is_err()
    });
    assert!(panicked && take(shared, None).is_err() && shared.lag().1.is_err());
    assert_eq!(shared.ended().as_deref(), Some("a thread panicked while it changed the states in memory"));
}
