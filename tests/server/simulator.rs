//! What a machine does to a server, by a seed: disks that hang, are full, lie or lose power, processes that are killed at any moment,
//! and a clock that jumps, stands still and drifts. A server lives upon twins of its stores; whatever happens, it answers or refuses
//! within its deadlines, and what it answered and recorded is what the log holds at the end.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::panic::AssertUnwindSafe;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use onepath::feature_store::{OpenOptions, Stores};
use onepath::log::{Log, LogError, LogWriter, LoggedEvent, ServedSink};
use onepath::testing::twin_log::{LogDefect, TwinLog};
use onepath::testing::twin_sink::TwinSink;
use onepath::testing::twin_store::{StoreDefect, TwinStore};
use onepath::testing::{Disk, Faults, Writes, log, online_store, served_sink};
use onepath::time::{AsOf, Clock, SteadyClock};
use onepath::{ErrorKind, PreparedRequest, Server, ServerError, ServerOptions};
use serde_json::Value as Json;

use super::clocks::{Twin, is_behind};
use super::{Pushed, TWO_VIEWS, ask, event, prepare, push, row, texts};
use crate::support::{HOUR, Project, Random, at};

/// How many seeds are tried; the environment may ask for more.
fn seeds() -> u64 {
    std::env::var("ONEPATH_SIMULATOR_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(24)
}

/// The first of them.
fn first_seed() -> u64 {
    std::env::var("ONEPATH_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1)
}

/// What a step may take in real time, whatever the machine does: it is there to tell a server that hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// How far behind now an answer may be, by the clock of its server.
const STALENESS_MS: u64 = 5_000;

const ENTITIES: usize = 5;

/// Worlds that live at once: most of their time they wait.
const WORLDS: usize = 8;

/// What happens in one world.
const STEPS: usize = 120;

const SECOND: i64 = 1_000_000;

/// An answer, as it was given.
struct Answer {
    entity: String,
    as_of: i64,
    epoch: u64,
    offset: u64,
    is_declared: bool,
    found: [String; 3],
}

/// What happened in a life, counted.
#[derive(Debug, Default)]
struct Counts {
    lives: usize,
    repairs: usize,
    acknowledged: usize,
    refused: usize,
    answered: usize,
    late: usize,
    unanswered: usize,
    vectors: usize,
}

impl Counts {
    fn add(&mut self, other: &Self) {
        let Self { lives, repairs, acknowledged, refused, answered, late, unanswered, vectors } = other;
        self.lives += lives;
        self.repairs += repairs;
        self.acknowledged += acknowledged;
        self.refused += refused;
        self.answered += answered;
        self.late += late;
        self.unanswered += unanswered;
        self.vectors += vectors;
    }
}

struct World {
    project: Project,
    random: Random,
    log: TwinLog,
    online: TwinStore,
    served: TwinSink,
    /// The disk of the process that runs.
    disk: Disk,
    wall: Twin,
    boot: Twin,
    /// The latest that the time of a server can be.
    latest: i64,
    /// How often the log's clock was repaired.
    epoch: u64,
    server: Option<(Server, Arc<PreparedRequest>)>,
    number: usize,
    /// Events whose pushes were acknowledged.
    acknowledged: BTreeSet<String>,
    /// Events whose pushes failed in a way that does not tell whether they were taken.
    unsure: BTreeMap<String, Pushed>,
    /// The newest as-of of an answer about now.
    newest: i64,
    answers: Vec<Answer>,
    counts: Counts,
}

impl World {
    fn new(seed: u64, defects: Defects) -> Self {
        let faults = |at: u64| Faults::none(seed * 3 + at).failing(60).delaying(9, std::thread::yield_now);
        let now = at("2030-01-01");
        Self {
            project: Project::new(TWO_VIEWS),
            random: Random::new(seed),
            log: TwinLog::new(faults(0), defects.0),
            online: TwinStore::new(faults(1), defects.1),
            served: TwinSink::new(faults(2), None),
            disk: Disk::default(),
            wall: Twin::new(now),
            boot: Twin::new(77 * SECOND),
            latest: now,
            epoch: 0,
            server: None,
            number: 0,
            acknowledged: BTreeSet::new(),
            unsure: BTreeMap::new(),
            newest: i64::MIN,
            answers: Vec::new(),
            counts: Counts::default(),
        }
    }

    /// Less than so much time goes by.
    fn go(&mut self, micros: usize) {
        let micros = self.random.below(micros) as i64;
        self.wall.go(micros);
        self.boot.go(micros);
        self.latest = (self.latest + micros).max(self.wall.now());
    }

    /// Somebody sets the clock, by less than so much.
    fn step(&mut self, micros: i64) {
        self.wall.go(micros.signum() * self.random.below(micros.unsigned_abs() as usize) as i64);
        self.latest = self.latest.max(self.wall.now());
    }

    /// A new process over what is on the disk, as soon as one starts. Where the log is ahead of the clock, it is repaired first.
    fn start(&mut self) {
        self.disk = Disk::default();
        let clock = SteadyClock::new(Box::new(self.wall.clone()), Box::new(self.boot.clone()));
        // What waits for a disk waits by the machine's clock, so not for long.
        let options = ServerOptions {
            open: OpenOptions { threads: 1, clock: Arc::new(clock), ..OpenOptions::default() },
            staleness_ms_max: STALENESS_MS,
            wait_ms_max: 20,
            push_ms_max: 30,
            close_ms_max: 200,
            ..ServerOptions::default()
        };
        for _ in 0..1_000 {
            let log: Arc<dyn Log> = Arc::new(self.log.on(&self.disk));
            let online = Arc::new(self.online.on(&self.disk));
            let stores = Stores { log: Arc::clone(&log), online, served: Box::new(self.served.on(&self.disk)) };
            match Server::open_over_stores(self.project.dir(), options.clone(), stores) {
                Ok(server) => {
                    let prepared = prepare(&server, "all");
                    self.server = Some((server, prepared));
                    self.counts.lives += 1;
                    return;
                }
                Err(error) if is_behind(&error) => self.repair(log),
                Err(_) => {}
            }
        }
        panic!("no server opens");
    }

    /// Opens a new epoch, if the log's disk takes it.
    fn repair(&mut self, log: Arc<dyn Log>) {
        let now = self.wall.now();
        if LogWriter::new(log).and_then(|log| log.open_epoch(now)).is_ok() {
            self.epoch += 1;
            self.counts.repairs += 1;
            (self.newest, self.latest) = (i64::MIN, now);
        }
    }

    /// The process ends: killed, with or without the machine, or closed.
    fn end(&mut self) {
        let how = self.random.below(3);
        if how > 0 {
            self.disk.set(Writes::Killed);
        }
        if let Some((server, prepared)) = self.server.take() {
            drop(prepared);
            let _ = server.close();
        }
        self.disk.set(Writes::Killed);
        if how == 2 {
            log::Stand::lose_power(&self.log);
            online_store::Stand::lose_power(&self.online);
            served_sink::Stand::lose_power(&self.served);
        }
    }

    fn push(&mut self) -> Result<(), String> {
        // What may have been taken is pushed again: it counts once.
        let mut events: Vec<Pushed> = match self.random.once_in(3) {
            true => self.unsure.values().take(3).cloned().collect(),
            false => Vec::new(),
        };
        for _ in 0..1 + self.random.below(3) {
            self.number += 1;
            let entity = format!("c{}", self.random.below(ENTITIES));
            let amount = self.random.below(100) as f64;
            events.push(event(&self.number.to_string(), &entity, "purchase", amount, at("2029-12-20")));
        }
        let (server, _) = self.server.as_ref().expect("runs");
        match push(server, &events) {
            Ok(_) => {
                for event in events {
                    self.unsure.remove(&event.id);
                    self.acknowledged.insert(event.id);
                }
                self.counts.acknowledged = self.acknowledged.len();
            }
            Err(_) => {
                self.unsure.extend(events.into_iter().map(|event| (event.id.clone(), event)));
                self.counts.refused += 1;
            }
        }
        Ok(())
    }

    fn ask(&mut self) -> Result<(), String> {
        let entities: Vec<String> = (0..2).map(|_| format!("c{}", self.random.below(ENTITIES + 1))).collect();
        let past = (self.newest > i64::MIN && self.random.once_in(4))
            .then(|| self.newest - self.random.below(20_000_000) as i64);
        let (server, prepared) = self.server.as_ref().expect("runs");
        let asked = ask(server, prepared, &[texts(entities.iter().map(String::as_str))], past.map(AsOf::from_micros));
        let answer = match asked {
            Ok(answer) => answer,
            Err(error) => return self.unanswered(&error),
        };
        let as_of = answer.as_of.micros();
        if let Some(past) = past {
            assert_eq!(as_of, past, "what was declared is what is answered");
        } else {
            if as_of < self.newest {
                return Err(format!("an as-of went back from {} to {as_of}", self.newest));
            }
            // One reservation, and the stamps of events that follow each other at once.
            if as_of > self.latest + SECOND + self.number as i64 {
                return Err(format!("an as-of is {} µs ahead of all clocks", as_of - self.latest));
            }
            if answer.lag > Duration::from_millis(STALENESS_MS) {
                return Err(format!("an answer is {:?} behind now", answer.lag));
            }
            if (answer.offset as usize) < self.acknowledged.len() {
                return Err(format!("an answer at offset {} after {} events", answer.offset, self.acknowledged.len()));
            }
            self.newest = as_of;
            self.counts.late += usize::from(answer.lag > Duration::ZERO);
        }
        let names: Vec<&str> = prepared.features().iter().map(|feature| feature.reference.as_str()).collect();
        let places = super::twins::places(&names);
        for (at, entity) in entities.into_iter().enumerate() {
            let found = places.map(|place| row(&answer, at)[place].clone());
            let (offset, is_declared) = (answer.offset, past.is_some());
            self.answers.push(Answer { entity, as_of, epoch: self.epoch, offset, is_declared, found });
        }
        self.counts.answered += 1;
        Ok(())
    }

    /// A question that has no answer has a reason that may pass.
    fn unanswered(&mut self, error: &ServerError) -> Result<(), String> {
        self.counts.unanswered += 1;
        match error.kind() {
            ErrorKind::Busy | ErrorKind::Failed | ErrorKind::Unavailable => Ok(()),
            kind => Err(format!("a question got {kind:?}: {error}")),
        }
    }

    /// Something happens to the machine, or to those who use it.
    fn happen(&mut self) -> Result<(), String> {
        match self.random.below(40) {
            0 => {
                self.end();
                self.start();
            }
            1 => self.disk.set(Writes::Hang),
            2 => self.disk.set(Writes::Fail),
            3 => self.disk.set(Writes::Lie),
            4..9 => self.disk.set(Writes::Made),
            9 => self.step(-9 * SECOND),
            10 => self.step(9 * SECOND),
            11 => self.step(-HOUR),
            12 => self.step(HOUR),
            13..25 => self.push()?,
            _ => self.ask()?,
        }
        if self.random.once_in(2) {
            self.go(400_000);
        }
        Ok(())
    }

    /// All that was answered and recorded is what the log holds, by the stamps of the epoch in which it was.
    fn check(&mut self) -> Result<(), String> {
        let epochs: Vec<Vec<LoggedEvent>> = (0..=self.epoch).map(|epoch| self.logged(epoch)).collect();
        let events = epochs.last().expect("is one at least");
        let ids: BTreeSet<&str> = events.iter().filter_map(|event| event.event_id.as_deref()).collect();
        if ids.len() != events.len() {
            return Err("an event is in the log twice".into());
        }
        if let Some(lost) = self.acknowledged.iter().find(|id| !ids.contains(id.as_str())) {
            return Err(format!("event {lost} was acknowledged and is not in the log"));
        }
        for Answer { entity, as_of, epoch, offset, is_declared, found } in &self.answers {
            let events = &epochs[*epoch as usize];
            let seen = visible(events, *as_of);
            if !is_declared && seen as u64 != *offset {
                return Err(format!("an answer at {as_of} saw {offset} events, now {seen}"));
            }
            let expected = trace(&events[..seen], entity);
            if *found != expected {
                return Err(format!("{entity} at {as_of} was answered {found:?} instead of {expected:?}"));
            }
        }
        self.check_served(&epochs)
    }

    fn check_served(&mut self, epochs: &[Vec<LoggedEvent>]) -> Result<(), String> {
        let batches = (0..1_000).find_map(|_| self.served.batches(1, None).collect::<Result<Vec<_>, _>>().ok());
        for batch in batches.ok_or("nothing is read")? {
            let names: Vec<&str> = batch.plan.features.iter().map(|feature| feature.name.as_str()).collect();
            let places = super::twins::places(&names);
            let epoch = batch.plan.log.rsplit_once('@').map_or(0, |(_, epoch)| epoch.parse().expect("a number"));
            let events: &Vec<LoggedEvent> = &epochs[epoch];
            for vector in batch.decode().map_err(|error| error.to_string())?.vectors() {
                let entity = vector.keys[0].to_string();
                let expected = trace(&events[..visible(events, vector.as_of.micros())], &entity);
                let found = places.map(|place| vector.values[place].to_string());
                if found != expected {
                    return Err(format!("{found:?} was served to {entity} instead of {expected:?}"));
                }
                self.counts.vectors += 1;
            }
        }
        Ok(())
    }

    /// The events as they were in an epoch.
    fn logged(&self, epoch: u64) -> Vec<LoggedEvent> {
        let read = || {
            let (reader, mut events) = (self.log.reader_of(epoch)?, Vec::new());
            reader.each("events", 0, u64::MAX, |event| {
                events.push(event);
                Ok::<(), LogError>(())
            })?;
            Ok::<_, LogError>(events)
        };
        (0..1_000).find_map(|_| read().ok()).expect("is read")
    }
}

/// How many events are visible at an as-of: all of them are before those that are not.
fn visible(events: &[LoggedEvent], as_of: i64) -> usize {
    let is_seen = |event: &LoggedEvent| event.available_at.micros() <= as_of;
    let seen = events.iter().filter(|event| is_seen(event)).count();
    assert!(events[..seen].iter().all(is_seen), "what is visible is a prefix of the log");
    seen
}

/// The features of an entity after events.
fn trace(events: &[LoggedEvent], entity: &str) -> [String; 3] {
    let (mut words, mut running) = (Vec::new(), 0.0);
    for event in events.iter().filter(|event| event.key.to_string() == entity) {
        let fields: Json = serde_json::from_str(&event.fields).expect("is JSON");
        let (kind, amount) =
            (fields["event_type"].as_str().expect("a kind"), fields["amount"].as_f64().expect("a number"));
        words.push(format!("{kind}{amount};"));
        running = running / 3.0 + amount;
    }
    let trail = if words.is_empty() { "null".to_owned() } else { words[words.len().saturating_sub(6)..].concat() };
    [words.len().to_string(), trail, format!("{running:?}")]
}

/// What stores do wrong.
type Defects = (Option<LogDefect>, Option<StoreDefect>);

/// One world by a seed.
fn simulate(seed: u64, defects: Defects, is_alive: &dyn Fn()) -> Result<Counts, String> {
    let mut world = World::new(seed, defects);
    world.start();
    for _ in 0..STEPS {
        world.happen()?;
        is_alive();
    }
    world.end();
    world.check()?;
    Ok(world.counts)
}

#[test]
fn whatever_a_machine_does_what_was_answered_stays_true() {
    let seeds = first_seed()..first_seed() + seeds();
    println!("seeds {seeds:?}");
    let queue = Arc::new(Mutex::new(seeds));
    let (told, heard) = channel();
    for _ in 0..WORLDS {
        let (queue, told) = (Arc::clone(&queue), told.clone());
        std::thread::spawn(move || {
            while let Some(seed) = next(&queue) {
                let is_alive = || drop(told.send((seed, None)));
                let ran = std::panic::catch_unwind(AssertUnwindSafe(|| simulate(seed, (None, None), &is_alive)));
                let _ = told.send((seed, Some(ran.unwrap_or_else(|_| Err("it panicked".into())))));
            }
        });
    }
    drop(told);
    let (mut running, mut all) = (BTreeSet::new(), Counts::default());
    loop {
        match heard.recv_timeout(PATIENCE) {
            Ok((seed, None)) => drop(running.insert(seed)),
            Ok((seed, Some(ran))) => {
                running.remove(&seed);
                all.add(&ran.unwrap_or_else(|wrong| panic!("ONEPATH_SEED={seed}: {wrong}")));
            }
            Err(RecvTimeoutError::Timeout) => panic!("one of the seeds {running:?} hangs"),
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    println!("{all:?}");
    let Counts { lives, repairs, acknowledged, refused, answered, late, unanswered, vectors } = all;
    assert!(
        [lives, repairs, acknowledged, refused, answered, late, unanswered, vectors].iter().all(|count| *count > 5)
    );
}

/// The next seed that nobody has.
fn next(queue: &Mutex<Range<u64>>) -> Option<u64> {
    queue.lock().expect("is whole").next()
}

/// The same finds stores that forget what they acknowledged.
#[test]
fn a_disk_that_forgets_is_found_out() {
    for defects in [
        (Some(LogDefect::LostWrite), None),
        (Some(LogDefect::LostClock), None),
        (None, Some(StoreDefect::LostWrite)),
        (None, Some(StoreDefect::SwappedOrder)),
    ] {
        let wrong = (0..40).find_map(|seed| simulate(seed, defects, &|| {}).err());
        println!("{defects:?}: {wrong:?}");
        assert!(wrong.is_some(), "{defects:?}");
    }
}
