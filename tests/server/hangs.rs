//! The server over a log whose writes hang, fail, are slow, or panic: nobody waits without an end, and no answer is wrong.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use onepath::feature_store::{OpenOptions, Stores};
use onepath::log::Log;
use onepath::testing::twin_log::TwinLog;
use onepath::testing::twin_sink::TwinSink;
use onepath::testing::twin_store::TwinStore;
use onepath::testing::{Disk, Faults, Writes};
use onepath::time::{AsOf, Clock, SystemClock, visible};
use onepath::{ErrorKind, OnlineFeatures, PreparedRequest, Server, ServerError, ServerOptions};

use super::{TWO_VIEWS, ask, event, prepare, push, row, texts};
use crate::support::{Project, Random, SECOND, at};

/// What no test waits for.
const LONG: Duration = Duration::from_secs(60);

/// A server over a log on a disk, with both disk and clock at the hand of the test.
struct World {
    project: Project,
    /// The disk of the log.
    disk: Disk,
    sink: TwinSink,
    server: Server,
    all: Arc<PreparedRequest>,
}

impl World {
    fn new() -> Self {
        Self::with(TwinSink::new(Faults::none(3), None), 20)
    }

    fn with(sink: TwinSink, wait_ms_max: u64) -> Self {
        let (project, disk) = (Project::new(TWO_VIEWS), Disk::default());
        let log = TwinLog::new(Faults::none(1), None).on(&disk);
        let options = ServerOptions {
            open: project.options(),
            wait_ms_max,
            push_ms_max: 50,
            close_ms_max: 200,
            ..ServerOptions::default()
        };
        let online = Arc::new(TwinStore::new(Faults::none(2), None));
        let stores = Stores { log: Arc::new(log), online, served: Box::new(sink.clone()) };
        let server = Server::open_over_stores(project.dir(), options, stores).expect("opens");
        let all = prepare(&server, "all");
        push(&server, &[event("1", "a", "w", 1.0, at("2029-12-01"))]).expect("is taken");
        Self { project, disk, sink, server, all }
    }

    fn wait(&self, seconds: i64) {
        self.project.clock.set(at("2030-01-01") + seconds * SECOND);
    }

    fn ask(&self, as_of: Option<i64>) -> Result<OnlineFeatures, ServerError> {
        ask(&self.server, &self.all, &[texts(["a"])], as_of.map(AsOf::from_micros))
    }

    fn push(&self, id: &str) -> Result<onepath::Applied, ServerError> {
        push(&self.server, &[event(id, "a", "w", 2.0, at("2029-12-01"))])
    }

    /// What a question without an as-of is told: its offset and lag in milliseconds.
    fn told(&self) -> Result<(u64, u128), String> {
        self.ask(None).map(|answer| (answer.offset, answer.lag.as_millis())).map_err(|error| error.to_string())
    }

    /// Until it is as it should be; others work meanwhile.
    fn until(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let end = Instant::now() + LONG;
        while !is_so(self) {
            assert!(Instant::now() < end, "{what} never came");
            std::thread::park_timeout(Duration::from_millis(1));
        }
    }
}

fn unavailable(error: &ServerError) -> String {
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    error.to_string()
}

#[test]
fn while_the_disk_hangs_answers_go_on_and_nobody_waits_without_an_end() {
    let world = World::new();
    assert_eq!((world.told(), world.server.unready()), (Ok((1, 0)), None));
    world.disk.set(Writes::Hang);
    let late = unavailable(&world.push("2").expect_err("is not on disk"));
    assert!(late.contains("the push was not on disk within 50 ms (push_ms_max) and may yet be taken"), "{late}");
    world.wait(2);
    // Just before the group that hangs, which arrived when the clock stood at 0.
    let (offset, lag_ms) = world.told().expect("is answered");
    assert!(offset == 1 && (2_000..2_010).contains(&lag_ms), "{lag_ms}");
    assert_eq!(world.server.status().lag.as_millis(), lag_ms);
    let refused = unavailable(&world.ask(Some(at("2030-01-01T00:00:01"))).expect_err("lies in the group"));
    assert!(refused.contains("a push has been written to the event log for"), "{refused}");
    assert_eq!(world.ask(Some(at("2029-12-31"))).expect("is answered").offset, 0);
    world.wait(6);
    let stale = unavailable(&world.ask(None).expect_err("is too old"));
    assert!(stale.contains("is 6000 ms behind now, and at most 5000 may be"), "{stale}");
    assert!(world.server.unready().is_some_and(|why| why.contains("behind now")));
    // What was taken is there as soon as the disk answers, once.
    world.disk.set(Writes::Made);
    world.until("the push", |world| world.told() == Ok((2, 0)));
    assert_eq!(world.server.unready(), None);
    assert_eq!(world.push("2").expect("is known").duplicates, 1);
    world.server.close().expect("closes");
}

#[test]
fn a_disk_that_hangs_without_a_push_lets_answers_go_on_for_so_long() {
    let world = World::new();
    world.disk.set(Writes::Hang);
    for (seconds, lag_ms) in [(1, 0), (2, 1_000), (6, 5_000)] {
        world.wait(seconds);
        assert_eq!((world.told(), world.server.unready()), (Ok((1, lag_ms)), None), "{seconds} s");
    }
    world.wait(7);
    let stale = unavailable(&world.ask(None).expect_err("is too old"));
    assert!(stale.contains("the event log's disk has not taken a reservation of as-ofs for"), "{stale}");
    world.disk.set(Writes::Made);
    world.until("an answer", |world| world.told() == Ok((1, 0)));
    world.server.close().expect("closes");
}

#[test]
fn a_disk_that_fails_is_as_one_that_hangs() {
    let world = World::new();
    world.disk.set(Writes::Fail);
    let error = world.push("2").expect_err("fails");
    assert!(matches!(error, ServerError::NotTaken(_)), "{error}");
    // Whether the push is on disk is not known, so answers stay before it.
    world.wait(3);
    assert_eq!(world.told(), Ok((1, 3_000)));
    assert!(world.server.status().failure.is_some_and(|failure| failure.contains("the disk was told to fail")));
    world.wait(6);
    assert!(unavailable(&world.ask(None).expect_err("is too old")).contains("behind now"));
    assert!(world.server.unready().is_some());
    world.disk.set(Writes::Made);
    world.until("an answer", |world| world.told() == Ok((1, 0)));
    assert_eq!((world.server.unready(), world.server.status().failure), (None, None));
    assert_eq!(world.push("2").expect("is taken").offset, 2);
    world.server.close().expect("nothing is left to be told");
}

/// A commit that is said to have failed and is on disk all the same: answers stay before it until that is known, nothing else is taken,
/// and then it counts, once.
#[test]
fn a_commit_that_failed_and_is_on_disk_is_found_out() {
    let world = World::new();
    world.disk.set(Writes::Lie);
    let error = world.push("2").expect_err("is said to have failed");
    assert!(matches!(error, ServerError::NotTaken(_)), "{error}");
    world.wait(3);
    assert_eq!(world.told(), Ok((1, 3_000)));
    let refused = unavailable(&world.push("3").expect_err("what is on disk is not known"));
    assert!(refused.contains("an earlier commit failed, and it is not known yet whether it is on disk"), "{refused}");
    world.disk.set(Writes::Made);
    world.until("the event", |world| world.told() == Ok((2, 0)));
    assert_eq!(world.push("2").expect("is known").duplicates, 1);
    assert_eq!(world.push("3").expect("is taken").offset, 3);
    world.server.close().expect("closes");
}

/// The writer tries again by itself, also where nobody asks any more: who does not get answers may have gone elsewhere.
#[test]
fn a_reservation_that_failed_is_tried_again() {
    let world = World::new();
    world.disk.set(Writes::Fail);
    world.wait(7);
    assert!(world.ask(None).is_err());
    let writes = world.disk.begun();
    world.until("another try", |world| world.disk.begun() > writes + 2);
    world.disk.set(Writes::Made);
    world.until("readiness", |world| world.server.unready().is_none());
    world.server.close().expect("closes");
}

#[test]
fn closing_while_the_disk_hangs_ends_and_says_so() {
    let world = World::new();
    world.disk.set(Writes::Hang);
    world.push("2").expect_err("is not on disk");
    let started = Instant::now();
    let error = world.server.close().expect_err("cannot write");
    assert!(started.elapsed() < LONG);
    assert_eq!(
        error.to_string(),
        "the server did not end within 200 ms (close_ms_max), because its disk does not answer; pushes that were \
         acknowledged are in the log"
    );
    world.disk.set(Writes::Made);
}

#[test]
fn a_writer_that_panics_is_told_to_everybody() {
    let world = World::new();
    world.disk.set(Writes::Panic);
    let error = world.push("2").expect_err("the writer panics");
    assert!(matches!(error, ServerError::Closed), "{error}");
    unavailable(&error);
    world.until("the end", |world| world.server.ended().is_some());
    let why = "the thread onepath-writer has panicked: the disk was told to panic";
    assert_eq!((world.server.ended().as_deref(), world.server.unready().as_deref()), (Some(why), Some(why)));
    world.wait(1);
    // What is before its last group is right for a while, and then no more.
    assert!(world.told().is_ok_and(|(offset, _)| offset == 1));
    assert!(unavailable(&world.ask(Some(at("2030-01-01T00:00:01"))).expect_err("nobody writes it")).contains(why));
    world.wait(6);
    assert!(unavailable(&world.ask(None).expect_err("is too old")).contains(why));
    unavailable(&world.push("3").expect_err("there is no writer"));
    world.server.close().expect("there is nothing to wait for");
}

#[test]
fn a_writer_that_panics_wakes_those_who_wait() {
    let world = World::with(TwinSink::new(Faults::none(3), None), 10 * LONG.as_millis() as u64);
    world.disk.set(Writes::Hang);
    world.push("2").expect_err("is not on disk");
    world.wait(1);
    let started = Instant::now();
    std::thread::scope(|scope| {
        let asking: Vec<_> =
            (0..4).map(|_| scope.spawn(|| world.ask(Some(at("2030-01-01T00:00:01"))).map(|_| ()))).collect();
        world.disk.set(Writes::Panic);
        for asking in asking {
            unavailable(&asking.join().expect("no panic").expect_err("nobody writes it"));
        }
    });
    assert!(started.elapsed() < LONG);
}

#[test]
fn a_recorder_that_panics_is_told_and_its_vectors_are_counted() {
    let disk = Disk::default();
    let world = World::with(TwinSink::new(Faults::none(3), None).on(&disk), 20);
    world.ask(None).expect("is answered");
    world.server.flush();
    disk.set(Writes::Panic);
    world.ask(None).expect("is answered");
    world.until("the end", |world| world.server.ended().is_some());
    let why = "the thread onepath-recorder has panicked: the disk was told to panic";
    assert_eq!(world.server.unready().as_deref(), Some(why));
    world.ask(None).expect("is answered");
    world.server.flush();
    let status = world.server.status();
    assert_eq!((status.served_logged, status.served_queued, status.served_dropped), (1, 0, 2));
    assert_eq!(world.push("2").expect("is taken").offset, 2);
    world.server.close().expect("closes");
}

/// A recorder whose disk hangs costs records, and neither answers nor an end without an end.
#[test]
fn a_recorder_that_hangs_keeps_nobody() {
    let disk = Disk::default();
    let world = World::with(TwinSink::new(Faults::none(3), None).on(&disk), 20);
    disk.set(Writes::Hang);
    for _ in 0..10 {
        world.ask(None).expect("is answered");
    }
    world.server.flush();
    assert_eq!(world.server.status().served_queued, 10);
    let error = world.server.close().expect_err("cannot write");
    assert!(matches!(error, ServerError::Hung { waited_ms: 200 }), "{error}");
    disk.set(Writes::Made);
    drop(world.sink);
}

/// What one question was told.
struct Answered {
    as_of: AsOf,
    offset: u64,
    events: String,
}

/// Pushes and asks from threads of their own while writes are slow and fail by a seed.
fn life(server: &Server, seed: u64, life: usize) -> Vec<Answered> {
    let all = prepare(server, "all");
    let events = all.features().iter().position(|feature| feature.reference == "trace:events").expect("is one");
    let asked = Mutex::new(Vec::new());
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut last = None;
                while !is_over.load(Ordering::Relaxed) {
                    let now = SystemClock.now();
                    let Ok(answer) = ask(server, &all, &[texts(["a"])], None) else { continue };
                    let lead = answer.as_of.micros() - SystemClock.now();
                    assert!(lead <= SECOND, "seed {seed}: {lead} us ahead");
                    let behind = now - answer.as_of.micros() - answer.lag.as_micros() as i64;
                    assert!(behind <= 0, "seed {seed}: {behind} us more behind than was told");
                    assert!(last.is_none_or(|last| !answer.as_of.is_before(last)), "seed {seed}: as-ofs went back");
                    last = Some(answer.as_of);
                    let events = row(&answer, 0)[events].clone();
                    asked.lock().expect("no panic").push(Answered {
                        as_of: answer.as_of,
                        offset: answer.offset,
                        events,
                    });
                }
            });
        }
        for number in 0..25 {
            let id = format!("{life}-{number}");
            let _ = push(server, &[event(&id, "a", "w", 1.0, at("2024-01-01"))]);
        }
        is_over.store(true, Ordering::Relaxed);
    });
    asked.into_inner().expect("no panic")
}

/// Through slow and failing writes and processes that die, what an answer saw is the prefix of the log at its as-of, and as-ofs are
/// never further ahead of the clock than one reservation.
#[test]
fn answers_are_prefixes_while_writes_are_slow_and_fail_and_processes_die() {
    let seed = std::env::var("ONEPATH_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(11);
    println!("seed {seed}");
    let (project, disk) = (Project::new(TWO_VIEWS), Disk::default());
    let waits = Mutex::new(Random::new(seed));
    let faults = Faults::none(seed).delaying(3, move || {
        let ms = waits.lock().expect("no panic").below(16) as u64;
        std::thread::park_timeout(Duration::from_millis(ms));
    });
    let log = TwinLog::new(faults, None).on(&disk);
    let online = Arc::new(TwinStore::new(Faults::none(seed + 1), None));
    let (mut answered, mut before, mut lives) = (Vec::new(), None, Vec::new());
    for number in 0..7 {
        disk.set(Writes::Made);
        let open = OpenOptions { threads: 1, ..OpenOptions::default() };
        let stores = Stores {
            log: Arc::new(log.clone()),
            online: Arc::clone(&online) as _,
            served: Box::new(TwinSink::new(Faults::none(seed + 2), None)),
        };
        let options = ServerOptions { open, ..ServerOptions::default() };
        let server = Server::open_over_stores(project.dir(), options, stores).expect("opens");
        disk.set(Writes::FailOneOf(5));
        let answers = life(&server, seed, number);
        let first = answers.first().map(|answer: &Answered| answer.as_of);
        assert!(before.zip(first).is_none_or(|(before, first): (AsOf, AsOf)| !first.is_before(before)), "seed {seed}");
        before = answers.iter().map(|answer| answer.as_of).max_by_key(|as_of| as_of.micros()).or(before);
        answered.extend(answers);
        // As if it were killed: what it still writes is of a term that is over.
        lives.push(server);
    }
    let reader = log.reader().expect("reads");
    let events = reader.last_offset().expect("reads");
    // Each once: reading is as slow as writing, and there are thousands of answers.
    let all: Vec<_> = (1..=events + 1)
        .map(|offset| reader.event_at(offset).expect("reads").map(|event| event.available_at))
        .collect();
    let available = |offset: u64| offset.checked_sub(1).and_then(|at| all[at as usize]);
    for Answered { as_of, offset, events } in &answered {
        assert_eq!(*events, offset.to_string(), "seed {seed}: the states of an answer are those of its offset");
        let is_seen = *offset == 0 || available(*offset).is_some_and(|last| visible(last, *as_of));
        let is_all = available(offset + 1).is_none_or(|next| !visible(next, *as_of));
        assert!(is_seen && is_all, "seed {seed}: offset {offset} at {as_of}, {:?} then", available(offset + 1));
    }
    println!("{} answers over {events} events of 7 processes that died", answered.len());
    assert!(answered.len() > 100 && events > 60, "{} {events}", answered.len());
}
