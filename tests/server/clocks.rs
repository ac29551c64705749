//! Clocks that jump, drift, stand still and sleep, by a seed: a server goes on, nothing freezes, and all that was served is proved.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use onepath::batch::{Column, Value};
use onepath::feature_store::{FeatureSelection, FeatureStore, OpenOptions, Spine};
use onepath::log::{Log, LogError, SqliteLog};
use onepath::time::{AsOf, Clock, SteadyClock, format_time};
use onepath::{OnlineFeatures, PushError, Server, ServerError, ServerOptions};

use super::{Pushed, TWO_VIEWS, ask, event, prepare, push, row, texts};
use crate::support::{HOUR, Project, Random, SECOND, at};

/// One clock of the machine.
#[derive(Clone)]
pub(super) struct Twin(Arc<AtomicI64>);

impl Twin {
    pub(super) fn new(at: i64) -> Self {
        Self(Arc::new(AtomicI64::new(at)))
    }

    /// It goes on by so much, or back.
    pub(super) fn go(&self, micros: i64) {
        self.0.fetch_add(micros, Ordering::SeqCst);
    }
}

impl Clock for Twin {
    fn now(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// A machine whose clock somebody sets, and a project on it.
struct Machine {
    project: Project,
    wall: Twin,
    boot: Twin,
    /// What was told.
    told: Arc<Mutex<Vec<String>>>,
}

const ENTITIES: [&str; 3] = ["a", "b", "c"];

impl Machine {
    fn new(toml: &str, now: i64) -> Self {
        let (wall, boot) = (Twin::new(now), Twin::new(77 * SECOND));
        Self { project: Project::new(toml), wall, boot, told: Arc::default() }
    }

    /// So much time goes by on each clock.
    fn go(&self, wall: i64, boot: i64) {
        self.boot.go(boot);
        self.wall.go(wall);
    }

    /// A process that starts now.
    fn options(&self) -> OpenOptions {
        let told = Arc::clone(&self.told);
        let told = move |text: &str| told.lock().unwrap_or_else(PoisonError::into_inner).push(text.to_owned());
        OpenOptions {
            threads: 1,
            clock: Arc::new(SteadyClock::new(Box::new(self.wall.clone()), Box::new(self.boot.clone()))),
            warning: Arc::new(told),
            ..OpenOptions::default()
        }
    }

    fn serve(&self) -> Result<Server, ServerError> {
        Server::open(self.project.dir(), ServerOptions { open: self.options(), ..ServerOptions::default() })
    }

    fn store(&self) -> FeatureStore {
        FeatureStore::open(self.project.dir(), self.options()).expect("opens")
    }

    fn now(&self) -> i64 {
        self.wall.now()
    }
}

/// The error of a log that is ahead.
pub(super) fn is_behind(error: &ServerError) -> bool {
    matches!(error.log(), Some(LogError::ClockBehind { .. }))
}

fn push_one(server: &Server, id: &str, entity: &str, at: i64) {
    push(server, &[event(id, entity, "w", 1.0, at)]).expect("is taken");
}

/// The answer for all entities.
fn ask_all(server: &Server, as_of: Option<i64>) -> OnlineFeatures {
    let inputs = [texts(ENTITIES)];
    ask(server, &prepare(server, "all"), &inputs, as_of.map(AsOf::from_micros)).expect("answers")
}

fn assert_verified(machine: &Machine, vectors: u64, what: &str) {
    let report = machine.store().verify(None).expect("verifies");
    assert!(report.is_equal(), "{what}: {:#?} {:?}", report.first, report.reasons);
    assert_eq!(report.vectors, vectors, "{what}");
}

#[test]
fn a_log_that_is_ahead_is_refused_until_it_is_repaired() {
    let start = at("2030-01-01");
    // A clock that is an hour ahead: events are pushed and questions answered.
    let machine = Machine::new(TWO_VIEWS, start + HOUR);
    let server = machine.serve().expect("opens");
    push_one(&server, "1", "a", start - SECOND);
    machine.go(SECOND, SECOND);
    push_one(&server, "2", "b", start + HOUR);
    let served = ask_all(&server, None);
    assert_eq!((served.as_of.micros(), served.offset), (start + HOUR + SECOND, 2));
    server.close().expect("closes");
    // It is set right, and a process starts.
    machine.wall.0.store(start, Ordering::SeqCst);
    let error = machine.serve().err().expect("is refused");
    assert_eq!(
        error.to_string().replace(&machine.project.dir().display().to_string(), "DIR"),
        "the event log DIR/.onepath/log.sqlite is 3601s ahead of this machine's clock: its newest time is 2030-01-01T01:00:01Z, and the \
         clock says 2030-01-01T00:00:00Z; stamps and answers would stand still until then. If the machine's clock is wrong, set it; if \
         it was ahead when the log was written, run `onepath clock repair` (`onepath clock` tells more)"
    );
    let materialized = machine.store().materialize(&[], None).expect_err("writes the log too");
    assert_eq!(materialized.to_string(), error.to_string());
    // What needs no clock goes on.
    assert_verified(&machine, 3, "before the repair");
    // Up to ten seconds are waited for.
    for (ahead, is_refused) in [(10 * SECOND, false), (10 * SECOND + 1, true)] {
        machine.wall.0.store(start + HOUR + SECOND - ahead, Ordering::SeqCst);
        assert_eq!(machine.serve().is_err(), is_refused, "{ahead} us ahead");
    }
    machine.wall.0.store(start, Ordering::SeqCst);
    let report = machine.store().clock_report().expect("looks");
    assert_eq!(
        (report.is_ahead, report.ahead_us, report.events_ahead, report.epoch),
        (true, Some(HOUR + SECOND), 2, 0)
    );
    let repair = machine.store().repair_clock().expect("repairs").expect("was ahead");
    assert_eq!((repair.epoch, repair.events, repair.first_offset, repair.last_offset), (1, 2, 1, 2));
    assert_eq!(machine.store().repair_clock().expect("looks"), None, "once");
    // Both events are available from now on, in their order, and so is what comes.
    let server = machine.serve().expect("opens");
    machine.go(SECOND, SECOND);
    let again = ask_all(&server, None);
    assert_eq!((again.as_of.micros(), again.offset), (start + SECOND, 2));
    push_one(&server, "3", "a", start);
    let between = ask_all(&server, Some(start));
    assert_eq!(
        (between.offset, between.replayed),
        (1, true),
        "the first is there from the repair on, the second after it"
    );
    assert_eq!(ask_all(&server, Some(start - SECOND)).offset, 0, "before it, nothing of the stretch");
    // A push of before that is sent again is known, though its time is in the future now.
    let told = push(&server, &[event("2", "b", "w", 1.0, start + HOUR)]).expect("is known");
    assert_eq!((told.appended, told.duplicates), (0, 1));
    server.close().expect("closes");
    assert_verified(&machine, 12, "after the repair");
}

#[test]
fn a_running_server_does_not_follow_a_step_until_it_is_accepted() {
    let start = at("2030-01-01");
    let machine = Machine::new(TWO_VIEWS, start);
    let server = machine.serve().expect("opens");
    push_one(&server, "1", "a", start);
    let as_of = |server: &Server| ask_all(server, None).as_of.micros() - start;
    machine.go(SECOND, SECOND);
    assert_eq!((as_of(&server), server.clock_step(), server.status().clock_step_us), (SECOND, None, None));
    // Ahead: time goes on as before, for pushes too.
    machine.go(HOUR, 0);
    assert_eq!((as_of(&server), server.clock_step()), (SECOND, Some(HOUR)));
    let ahead =
        push(&server, &[event("2", "a", "w", 1.0, start + HOUR)]).expect_err("is in the future of the old time");
    assert!(matches!(ahead.push(), Some(PushError::Log(LogError::FutureEvent { .. }))), "{ahead}");
    machine.go(SECOND, SECOND);
    assert_eq!((as_of(&server), server.status().clock_step_us), (2 * SECOND, Some(HOUR)));
    // Right again by itself.
    machine.go(-HOUR, 0);
    assert_eq!((as_of(&server), server.clock_step()), (2 * SECOND, None));
    // Ahead, and accepted.
    machine.go(HOUR, 0);
    assert_eq!(server.accept_clock().expect("is accepted"), Some(HOUR));
    assert_eq!((as_of(&server), server.clock_step()), (HOUR + 2 * SECOND, None));
    assert_eq!(server.accept_clock().expect("nothing to do"), None);
    // Back: the log would be ahead, so it is refused, and so is a restart.
    machine.go(SECOND - HOUR, SECOND);
    assert_eq!((as_of(&server), server.clock_step()), (HOUR + 3 * SECOND, Some(-HOUR)));
    let error = server.accept_clock().expect_err("the log is ahead");
    assert!(is_behind(&error), "{error}");
    machine.go(SECOND, SECOND);
    assert_eq!(as_of(&server), HOUR + 4 * SECOND);
    server.close().expect("closes");
    assert!(is_behind(&machine.serve().err().expect("the log is ahead")));
    // What is small is followed, and a suspended machine does not matter.
    machine.go(HOUR, 0);
    let server = machine.serve().expect("opens");
    for (wall, boot, expected) in [(9 * SECOND, 0, 13), (-9 * SECOND, 0, 13), (HOUR, HOUR, 3_604)] {
        machine.go(wall, boot);
        assert_eq!((as_of(&server), server.clock_step()), (HOUR + expected * SECOND, None));
    }
    server.close().expect("closes");
    assert_verified(&machine, 30, "all of it");
}

/// A server over a clock that stands still goes on with the other one.
#[test]
fn answers_do_not_freeze_with_a_clock_that_stands_still() {
    let start = at("2030-01-01");
    let machine = Machine::new(TWO_VIEWS, start);
    let server = machine.serve().expect("opens");
    for _ in 0..60 {
        machine.go(0, SECOND);
        ask_all(&server, None);
    }
    let frozen = start + 60 * SECOND - ask_all(&server, None).as_of.micros();
    assert!((10 * SECOND..13 * SECOND).contains(&frozen), "{frozen} us");
    assert!(server.clock_step().is_some_and(|step| step < -45 * SECOND));
}

/// States that hold a history that was materialized in the bad stretch are folded again from its files.
#[test]
fn a_history_of_the_bad_stretch_is_folded_again_up_to_the_repair() {
    let start = at("2030-01-01");
    let toml = TWO_VIEWS.replace("event_time =", "files = [\"history.csv\"]\nevent_time =");
    let machine = Machine::new(&toml, start + HOUR);
    let time = |at: i64| format_time(start + at);
    let csv = format!(
        "event_id,customer_id,event_type,amount,event_timestamp,note\nh1,a,h,1.0,{},\nh2,a,h,2.0,{},\n",
        time(-HOUR),
        time(HOUR / 2)
    );
    machine.project.write("history.csv", csv);
    machine.store().materialize(&[], None).expect("materializes");
    let server = machine.serve().expect("opens");
    push_one(&server, "1", "a", start);
    let trail = |answer: &OnlineFeatures| row(answer, 0)[5].clone();
    assert_eq!(trail(&ask_all(&server, None)), "h1;h2;w1;");
    server.close().expect("closes");
    machine.wall.0.store(start, Ordering::SeqCst);
    assert!(machine.serve().is_err());
    machine.store().repair_clock().expect("repairs").expect("was ahead");
    let error = machine.serve().err().expect("states of before");
    assert!(matches!(error.push(), Some(PushError::EarlierEpoch { .. })), "{error}");
    machine.store().fold_again().expect("folds").expect("there was something to fold");
    assert!(machine.store().fold_again().expect("looks").is_none(), "once");
    let server = machine.serve().expect("opens");
    machine.go(SECOND, SECOND);
    // The second event of the file has not happened yet; it is there with the next history.
    assert_eq!(trail(&ask_all(&server, None)), "h1;w1;");
    server.close().expect("closes");
    assert_verified(&machine, 6, "of both epochs");
    machine.go(HOUR, HOUR);
    machine.store().materialize(&[], None).expect("materializes");
    assert_eq!(trail(&ask_all(&machine.serve().expect("opens"), None)), "h1;w1;h2;");
}

/// What is known of one event of the log, beside the server.
#[derive(Clone)]
struct Known {
    entity: String,
    word: String,
    amount: f64,
    /// Its stamps: in the epoch in which it was pushed, and in each one after.
    stamps: Vec<(u64, i64)>,
}

/// The rule, naively: the events, and what every repair did to their stamps.
#[derive(Default)]
struct Rule {
    events: Vec<Known>,
    epoch: u64,
}

impl Rule {
    fn stamp(&self, event: &Known) -> i64 {
        event.stamps.last().expect("it was stamped").1
    }

    /// The trace of an entity as of a moment, by the stamps of the epoch.
    fn trace(&self, entity: &str, as_of: i64) -> (usize, String, String) {
        let seen: Vec<&Known> = self.events.iter().filter(|event| self.stamp(event) <= as_of).collect();
        let count = seen.len();
        assert!(self.events[..count].iter().all(|event| self.stamp(event) <= as_of), "what is visible is a prefix");
        let own: Vec<&&Known> = seen.iter().filter(|event| event.entity == entity).collect();
        let words: Vec<String> = own.iter().map(|event| format!("{}{};", event.word, event.amount)).collect();
        let running = own.iter().fold(0.0, |running: f64, event| running / 3.0 + event.amount);
        (count, words[words.len().saturating_sub(6)..].concat(), format!("{running:?}"))
    }

    fn repair(&mut self, now: i64) {
        self.epoch += 1;
        let mut next = now;
        for at in 0..self.events.len() {
            if self.stamp(&self.events[at]) >= now {
                self.events[at].stamps.push((self.epoch, next));
                next += 1;
            }
        }
    }
}

/// A random history of one machine.
struct Story {
    machine: Machine,
    server: Option<Server>,
    random: Random,
    rule: Rule,
    vectors: u64,
    /// The newest as-of that was not declared, in this epoch.
    answered: i64,
    /// What was served in this epoch: as-ofs, and the rows of each.
    served: Vec<(i64, Vec<Vec<Value>>)>,
    /// How often something happened: refused starts, repairs, steps that were accepted, and that were not.
    counts: [usize; 4],
}

impl Story {
    fn new(seed: u64) -> Self {
        let machine = Machine::new(TWO_VIEWS, at("2030-01-01"));
        Self {
            server: Some(machine.serve().expect("opens")),
            machine,
            random: Random::new(seed),
            rule: Rule::default(),
            vectors: 0,
            answered: i64::MIN,
            served: Vec::new(),
            counts: [0; 4],
        }
    }

    fn server(&self) -> &Server {
        self.server.as_ref().expect("it is open")
    }

    fn push(&mut self) {
        let now = self.machine.now();
        let events: Vec<Pushed> = (0..1 + self.random.below(3))
            .map(|number| {
                let id = format!("{} {number}", self.rule.events.len());
                // Some happened just now, by a clock that may be wrong.
                let at = now - [0, SECOND, 40 * 24 * HOUR][self.random.below(3)];
                let word = ["v", "w", "purchase"][self.random.below(3)];
                event(&id, ENTITIES[self.random.below(3)], word, self.random.below(100) as f64, at)
            })
            .collect();
        match push(self.server(), &events) {
            Ok(applied) => {
                assert_eq!(applied.appended, events.len() as u64);
                self.learn(&events);
            }
            // The machine's clock has stepped ahead, and the server's has not.
            Err(error) => {
                let is_future = matches!(error.push(), Some(PushError::Log(LogError::FutureEvent { .. })));
                assert!(is_future && self.server().clock_step().is_some_and(|step| step > 0), "{error}");
            }
        }
    }

    /// Takes the stamps of new events from the log, as they are stored.
    fn learn(&mut self, events: &[Pushed]) {
        let log = SqliteLog::open_read_only(&self.machine.project.path(".onepath/log.sqlite"));
        let log = log.expect("opens").expect("is there").stamped_reader().expect("opens");
        let mut last = self.rule.events.last().map(|event| self.rule.stamp(event));
        for event in events {
            let offset = self.rule.events.len() as u64 + 1;
            let logged = log.event_at(offset).expect("reads").expect("was pushed");
            let stamp = logged.available_at.micros();
            assert!(
                last.is_none_or(|last| last < stamp) && self.answered < stamp,
                "stamps grow, after what was answered"
            );
            last = Some(stamp);
            let (entity, word, amount) = (event.entity.clone(), event.kind.clone(), event.amount);
            self.rule.events.push(Known { entity, word, amount, stamps: vec![(self.rule.epoch, stamp)] });
        }
    }

    fn ask(&mut self, declared: Option<i64>) {
        let answer = ask_all(self.server(), declared);
        let as_of = answer.as_of.micros();
        if declared.is_none() {
            assert!(as_of >= self.answered, "answers do not go back");
        }
        self.answered = self.answered.max(as_of);
        for (at, entity) in ENTITIES.iter().enumerate() {
            let (count, trail, running) = self.rule.trace(entity, as_of);
            let found = row(&answer, at);
            let found = &found[found.len() - 2..];
            let trail = if trail.is_empty() { "null".to_owned() } else { trail };
            assert_eq!(
                (answer.offset, found),
                (count as u64, &[trail, running][..]),
                "{entity} as of {}",
                answer.as_of
            );
        }
        let rows = (0..3).map(|at| answer.features.iter().map(|feature| feature.value(at)).collect());
        self.served.push((as_of, rows.collect()));
        self.vectors += 3;
    }

    fn accept(&mut self) {
        match self.server().accept_clock() {
            Ok(step) => self.counts[2] += usize::from(step.is_some()),
            Err(error) => {
                assert!(is_behind(&error), "{error}");
                self.counts[3] += 1;
            }
        }
    }

    fn restart(&mut self, what: &str) {
        self.server.take().expect("it is open").close().expect("closes");
        if self.random.once_in(3) {
            assert_verified(&self.machine, self.vectors, what);
        }
        let error = match self.machine.serve() {
            Ok(server) => {
                self.server = Some(server);
                return;
            }
            Err(error) => error,
        };
        assert!(is_behind(&error), "{what}: {error}");
        self.counts[0] += 1;
        if self.random.once_in(2) {
            // The machine's clock was wrong, and is set.
            self.machine.wall.0.store(self.answered.max(self.newest_stamp()) + SECOND, Ordering::SeqCst);
        } else {
            self.assert_backfill(what);
            let repair = self.machine.store().repair_clock().expect("repairs").expect("was ahead");
            self.rule.repair(self.machine.now());
            assert_eq!(repair.epoch, self.rule.epoch, "{what}");
            self.counts[1] += 1;
            (self.answered, self.served) = (i64::MIN, Vec::new());
        }
        self.server = Some(self.machine.serve().expect("opens"));
    }

    fn newest_stamp(&self) -> i64 {
        self.rule.events.last().map_or(i64::MIN, |event| self.rule.stamp(event))
    }

    /// A training set of what was served in this epoch has the same values.
    fn assert_backfill(&self, what: &str) {
        let store = self.machine.store();
        let plan = store.plan(&FeatureSelection::Service("all".to_owned())).expect("plans");
        let mut spine = Spine::default();
        let mut keys = Vec::new();
        for (as_of, _) in &self.served {
            spine.as_of.extend([AsOf::from_micros(*as_of); 3]);
            keys.extend(ENTITIES);
        }
        spine.keys.push(("customer_id".to_owned(), Column::from(keys)));
        let again = store.get_historical_features(&plan, &spine, &[]).expect("is computed");
        for (at, (as_of, rows)) in self.served.iter().enumerate() {
            for (entity, served) in rows.iter().enumerate() {
                for (feature, value) in served.iter().enumerate() {
                    let again = again.features[feature].value(3 * at + entity);
                    assert!(value.same_bits(&again), "{what}: {value} was served as of {as_of}, backfilled {again}");
                }
            }
        }
    }

    fn step(&mut self, what: &str) {
        let pause = self.random.below(2 * SECOND as usize) as i64;
        self.machine.go(pause, pause);
        match self.random.below(100) {
            0..30 => self.push(),
            30..60 => self.ask(None),
            60..70 => {
                let now = self.answered.max(at("2029-12-31"));
                let back = self.random.below(90 * 60) as i64 * SECOND;
                self.ask(Some(now - back));
            }
            70..78 => {
                let steps = [HOUR, -HOUR, 9 * SECOND, -9 * SECOND, 20 * SECOND, -15 * SECOND, 24 * HOUR];
                let step = *self.random.pick(&steps);
                self.machine.go(step, 0);
            }
            78..82 => {
                let asleep = self.random.below(3_600) as i64 * SECOND;
                self.machine.go(asleep, asleep);
            }
            82..84 => self.machine.go(11 * SECOND / 20, SECOND / 2),
            84..86 => self.machine.go(0, 15 * SECOND),
            86..91 => self.accept(),
            _ => self.restart(what),
        }
    }
}

#[test]
fn whatever_clocks_do_all_that_was_served_is_proved() {
    let seeds: Vec<u64> = match std::env::var("ONEPATH_SEED").ok().and_then(|text| text.parse().ok()) {
        Some(seed) => vec![seed],
        None => (1..=6).collect(),
    };
    let mut counts = [0; 4];
    for seed in seeds.iter().copied() {
        println!("seed {seed}");
        let mut story = Story::new(seed);
        for number in 0..150 {
            story.step(&format!("seed {seed}, step {number}"));
        }
        let what = format!("seed {seed}, the end");
        story.restart(&what);
        story.assert_backfill(&what);
        story.server.take().expect("is open").close().expect("closes");
        assert_verified(&story.machine, story.vectors, &what);
        counts.iter_mut().zip(story.counts).for_each(|(all, count)| *all += count);
    }
    println!("refused starts, repairs, accepted steps, refused steps: {counts:?}");
    assert!(seeds.len() == 1 || counts.iter().all(|count| *count > 3), "{counts:?}");
}
