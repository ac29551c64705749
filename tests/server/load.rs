//! The headline: pushes and questions at random from many threads, and then every vector that was served is replayed.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use onepath::batch::Column;
use onepath::evaluate::Status;
use onepath::time::AsOf;
use onepath::{Server, ServerError};

use super::{Pushed, TWO_VIEWS, ask, event, open_now, prepare, push, texts};
use crate::support::{Ask, Project, Random, assert_same, offline};

/// Threads that push, and threads that ask.
const THREADS: u64 = 4;

/// How long the load lasts, in seconds; the environment may ask for more.
fn seconds() -> u64 {
    std::env::var("ONEPATH_LOAD_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(2)
}

fn seed() -> u64 {
    std::env::var("ONEPATH_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(0x5eed)
}

/// Microseconds now, for event times that have passed.
fn now() -> i64 {
    use onepath::time::{Clock, SystemClock};
    SystemClock.now()
}

fn pushes(server: &Server, seed: u64, until: Instant) -> u64 {
    let mut random = Random::new(seed);
    let (mut events, mut number, mut sent) = (0, 0_u64, HashMap::new());
    while Instant::now() < until {
        let count = 1 + random.below(60);
        let mut pushed = Vec::with_capacity(count);
        for _ in 0..count {
            number += 1;
            // Some events come again, some are late, a few of the future or refused.
            if let Some(again) = sent.get(&(number / 2)).filter(|_| random.once_in(10)) {
                pushed.push(Pushed::clone(again));
                continue;
            }
            let kind = random.pick::<&str>(&["purchase", "view", "return", "w"]);
            let late = if random.once_in(5) { random.below(200 * 86_400) as i64 * 1_000_000 } else { 0 };
            let at = now() - late - 1;
            let entity = format!("c{}", random.below(300));
            let event = event(&format!("{seed}-{number}"), &entity, kind, random.below(10_000) as f64 / 64.0, at);
            sent.insert(number, event.clone());
            pushed.push(event);
        }
        let last = pushed.last_mut().expect("one at least");
        let is_bad = match random.below(60) {
            0 => {
                last.at = now() + 3_600_000_000;
                true
            }
            1 => {
                last.kind = "refuse".to_owned();
                last.id = format!("{seed}-bad-{number}");
                true
            }
            _ => false,
        };
        match push(server, &pushed) {
            Ok(applied) => events += applied.appended,
            Err(error) => assert!(is_bad, "{error}"),
        }
    }
    events
}

fn questions(server: &Server, seed: u64, until: Instant, vectors: &AtomicU64) -> Vec<Ask> {
    let mut random = Random::new(seed);
    let (all, checkout) = (prepare(server, "all"), prepare(server, "checkout"));
    let mut asked = Vec::new();
    while Instant::now() < until {
        let rows = if random.once_in(8) { 1 + random.below(60) } else { 1 };
        let entities: Vec<String> = (0..rows).map(|_| format!("c{}", random.below(320))).collect();
        let keys = texts(entities.iter().map(String::as_str));
        let carts: Vec<f64> = (0..rows).map(|_| random.below(1_000) as f64 / 16.0).collect();
        let carts = Column::from_parts(onepath::batch::Values::Float64s(carts), None);
        // Mostly now; sometimes just before, where a group of pushes may be on its way; rarely long before, by replay.
        let as_of = match random.below(400) {
            0 => Some(AsOf::from_micros(now() - 500_000)),
            1..40 => Some(AsOf::from_micros(now() - random.below(2_000) as i64)),
            _ => None,
        };
        let answer = match random.once_in(3) {
            true => ask(server, &checkout, &[keys, carts], as_of),
            false => ask(server, &all, &[keys], as_of),
        };
        let answer = answer.unwrap_or_else(|error: ServerError| panic!("seed {seed}: {error}"));
        vectors.fetch_add(rows as u64, Ordering::Relaxed);
        if random.once_in(50) {
            let entity = entities[0].clone();
            asked.push(Ask { entity, as_of: answer.as_of.micros(), cart_value: 0.0 });
        }
    }
    asked
}

#[test]
fn whatever_was_served_under_load_is_what_a_backfill_gives() {
    let (seed, seconds) = (seed(), seconds());
    println!("seed {seed}, {seconds} s");
    let project = Project::new(TWO_VIEWS);
    let server = open_now(&project);
    let (until, vectors) = (Instant::now() + Duration::from_secs(seconds), AtomicU64::new(0));
    let (events, asked) = std::thread::scope(|scope| {
        let pushing: Vec<_> = (0..THREADS)
            .map(|at| {
                scope.spawn({
                    let server = &server;
                    move || pushes(server, seed * 100 + at, until)
                })
            })
            .collect();
        let asking: Vec<_> = (0..THREADS)
            .map(|at| {
                scope.spawn({
                    let (server, vectors) = (&server, &vectors);
                    move || questions(server, seed * 100 + 50 + at, until, vectors)
                })
            })
            .collect();
        let events: u64 = pushing.into_iter().map(|thread| thread.join().expect("no panic")).sum();
        let asked: Vec<Ask> = asking.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect();
        (events, asked)
    });
    // A last look at everything, so that what was pushed last was served too.
    let entities: Vec<String> = (0..320).map(|number| format!("c{number}")).collect();
    let inputs = [texts(entities.iter().map(String::as_str))];
    let last = ask(&server, &prepare(&server, "all"), &inputs, None).expect("answers");
    assert_eq!(last.offset, events);
    server.flush();
    let (vectors, status) = (vectors.into_inner() + 320, server.status());
    assert_eq!((status.offset, status.failure), (events, None));
    assert_eq!(status.served_logged + status.served_dropped, vectors);

    // While it still serves, another process may verify.
    let ran = project.run("verify");
    assert_eq!(ran.code, 0, "seed {seed}\n{}{}", ran.stdout, ran.stderr);
    server.close().expect("closes");
    let mut store = project.open();
    let report = store.verify(None).expect("verifies");
    assert!(report.is_equal(), "seed {seed}: {:#?} {:?}", report.first, report.reasons);
    // Two views have a state of each entity that has events.
    let seen = last.statuses[0].iter().filter(|status| **status != Status::NotFound).count() as u64;
    assert_eq!((report.vectors, report.states), (status.served_logged, 2 * seen));
    println!(
        "{seconds} s, {events} events pushed by {THREADS} threads, {} vectors served to {THREADS} threads ({} not recorded), \
         {} values compared: {} differences; {} states: {} differences",
        vectors, status.served_dropped, report.values, report.differences, report.states, report.state_differences
    );

    // A backfill of its own, by the path of training sets, gives the last answers too.
    let plan = store.plan(&onepath::feature_store::FeatureSelection::Service("all".to_owned())).expect("plans");
    let mut asks: Vec<Ask> = entities
        .iter()
        .map(|entity| Ask { entity: entity.clone(), as_of: last.as_of.micros(), cart_value: 0.0 })
        .collect();
    asks.extend(asked.into_iter().take(50));
    let answers = offline(&store, &plan, &asks, &[]);
    for (at, (ask, answer)) in asks.iter().zip(&answers).take(320).enumerate() {
        let served =
            last.features.iter().zip(&last.statuses).map(|(feature, statuses)| (feature.value(at), statuses[at]));
        assert_same(&served.collect(), answer, ask, "served last and backfilled");
    }
}
