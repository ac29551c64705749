//! What a running host finds: guests that are right when they are tried, and lie when they run. Each is driven through the calls that
//! backfills and servers make, and must be in quarantine within so many of them, by almost every seed.
//!
//! `ONEPATH_REPEAT_SEEDS` says how many seeds each guest is driven by, `ONEPATH_SEED` where they begin.

use std::sync::Arc;

use onepath::batch::{Column, Kind, Rows, Shape, States, Values};
use onepath::evaluate::{ViewProgram, evaluate};
use onepath::wasm::{CallError, Isolation, Limits, Repeats, Runtime, Variant};

use crate::run::{alone, view};
use crate::table::GUESTS;

/// Calls within which a liar must be found.
const CALLS: u64 = 20_000;

/// Those that the laws, or some of them, let pass.
const LIARS: [&str; 10] = [
    "honest_on_a_beat",
    "honest_to_newcomers",
    "lies_to_many_entities",
    "lies_to_many_rows",
    "lies_to_one_question",
    "lies_without_events",
    "loops_in_company",
    "loops_when_repeated",
    "loses_pushes",
    "memory_when_repeated",
];

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().and_then(|text| text.parse().ok())
}

/// The seeds, of which a test by itself takes a few.
fn seeds() -> std::ops::Range<u64> {
    let first = number("ONEPATH_SEED").unwrap_or(1);
    first..first + number("ONEPATH_REPEAT_SEEDS").unwrap_or(3)
}

/// Numbers by a seed (SplitMix64).
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}

/// Rows of so many entities, each of which had some events before or none.
fn rows(random: &mut Random, kinds: &[Kind], entities: u64, want_states: bool) -> Rows {
    let mut states = States::default();
    for _ in 0..entities {
        let count = random.below(100) as i64;
        let state = count.to_le_bytes();
        states.push(if count == 0 { &[] } else { &state }).expect("short");
    }
    let mut rows = Rows { states, want_states, ..Rows::default() };
    for (second, kind) in kinds.iter().enumerate() {
        rows.push(*kind, random.below(entities) as u32, second as i64 * 1_000_000);
    }
    let events = kinds.iter().filter(|kind| **kind == Kind::Event).count();
    rows.event_fields = vec![Column::from_parts(Values::Float64s(vec![2.5; events]), None)];
    rows
}

/// A call that a host makes.
fn call(random: &mut Random) -> Rows {
    use Kind::{Event, Question};
    match random.below(100) {
        0..60 => rows(random, &[Question], 1, false),
        60..80 => rows(random, &[Event], 1, true),
        80..90 => {
            let entities = 2 + random.below(19);
            let mut asked = rows(random, &vec![Question; entities as usize], entities, false);
            asked.groups = (0..entities as u32).collect();
            asked
        }
        90..98 => {
            let (events, entities) = (2 + random.below(49), 1 + random.below(10));
            rows(random, &vec![Event; events as usize], entities, true)
        }
        _ => {
            let entities = 1 + random.below(60);
            let kinds: Vec<Kind> =
                (0..500 + random.below(1_000)).map(|_| if random.below(4) == 0 { Question } else { Event }).collect();
            rows(random, &kinds, entities, true)
        }
    }
}

/// What became of a component.
#[derive(Debug)]
struct Driven {
    calls: u64,
    /// What was found, if anything.
    found: Option<String>,
}

fn driven(view: &ViewProgram, seed: u64, calls_max: u64) -> Driven {
    let mut random = Random(seed);
    for calls in 1..=calls_max {
        let rows = call(&mut random);
        let mut newest = vec![None; rows.states.len()];
        let Err(error) = evaluate(view, Shape::ReplayFull, &rows, &mut newest, &|group| format!("c{group}")) else {
            continue;
        };
        let CallError::Differs { difference, .. } = &error.source else { panic!("seed {seed}, call {calls}: {error}") };
        // From now on there are errors alone.
        for _ in 0..50 {
            let rows = call(&mut random);
            let again = evaluate(view, Shape::ReplayFull, &rows, &mut vec![None; rows.states.len()], &|group| {
                format!("c{group}")
            });
            let is_quarantine = again.is_err_and(|error| matches!(error.source, CallError::Quarantined { .. }));
            assert!(is_quarantine, "seed {seed}: a component in quarantine was called");
        }
        return Driven { calls, found: Some(difference.clone()) };
    }
    Driven { calls: calls_max, found: None }
}

fn load(bytes: &[u8], seed: u64, every: u64, cache: &std::path::Path) -> ViewProgram {
    load_isolated(bytes, seed, every, cache, Isolation::Shared)
}

fn load_isolated(bytes: &[u8], seed: u64, every: u64, cache: &std::path::Path, isolation: Isolation) -> ViewProgram {
    let limits = Limits { memory_bytes_max: 32 << 20, ..Limits::default() };
    let repeats = Repeats { seed: Some(seed), ..Repeats::every(every) };
    let runtime = Runtime::start(Variant::Serving, limits, Some(cache.to_owned()), repeats, isolation)
        .expect("the engine starts");
    view(Arc::clone(&runtime).load_bytes("guest", bytes).expect("it loads"))
}

#[test]
fn a_guest_that_lies_while_it_runs_is_quarantined() {
    let _alone = alone();
    let cache = tempfile::tempdir().expect("a temporary folder");
    let mut wrong = Vec::new();
    println!("guest | seeds | quarantined | calls until then: median, most | what was found, by the first seed");
    for name in LIARS {
        let guest = GUESTS.iter().find(|guest| guest.name == name).expect("a row of the table");
        let bytes = guest.made.bytes(name);
        let driven: Vec<(u64, Driven)> =
            seeds().map(|seed| (seed, driven(&load(&bytes, seed, 1_000, cache.path()), seed, CALLS))).collect();
        let mut calls: Vec<u64> = driven.iter().filter(|(_, d)| d.found.is_some()).map(|(_, d)| d.calls).collect();
        calls.sort_unstable();
        let missed: Vec<u64> = driven.iter().filter(|(_, d)| d.found.is_none()).map(|(seed, _)| *seed).collect();
        let (median, most) = (calls.get(calls.len() / 2).copied(), calls.last().copied());
        let found = driven.iter().find_map(|(_, d)| d.found.as_deref()).unwrap_or("nothing");
        println!("{name} | {} | {} | {median:?}, {most:?} | {found}", driven.len(), calls.len());
        // One seed in a hundred may miss it.
        if missed.len() * 100 > driven.len() {
            wrong.push(format!("{name} is not found by the seeds {missed:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Nothing but time is forgiven, and that not three times in a row: a guest that gives the host nothing to compare is found soon where
/// every call is repeated, before it lies at all.
#[test]
fn a_guest_that_cannot_be_repeated_is_quarantined() {
    let _alone = alone();
    let cache = tempfile::tempdir().expect("a temporary folder");
    for (name, words) in [("memory_when_repeated", "memory of"), ("loops_when_repeated", "3 repeats in a row")] {
        let guest = GUESTS.iter().find(|guest| guest.name == name).expect("a row of the table");
        let bytes = guest.made.bytes(name);
        for seed in seeds() {
            let driven = driven(&load(&bytes, seed, 1, cache.path()), seed, 40);
            assert!(
                driven.found.as_ref().is_some_and(|found| found.contains(words)),
                "{name} by seed {seed}: {driven:?}"
            );
        }
    }
}

/// What remembers cannot where each call has an instance of its own; what minds the cut is found as ever.
#[test]
fn in_an_instance_for_each_call_nothing_is_remembered() {
    let _alone = alone();
    let cache = tempfile::tempdir().expect("a temporary folder");
    let bytes = |name: &str| GUESTS.iter().find(|guest| guest.name == name).expect("a row").made.bytes(name);
    let load = |name, seed, every| load_isolated(&bytes(name), seed, every, cache.path(), Isolation::Call);
    for seed in seeds() {
        let counter = load("hidden_counter", seed, 0);
        let asked = rows(&mut Random(seed), &[Kind::Question], 1, false);
        for _ in 0..100 {
            let answer =
                evaluate(&counter, Shape::QuestionOne, &asked, &mut [None], &|_| String::new()).expect("is answered");
            assert!(answer.features[0].value(0).same_bits(&onepath::batch::Value::Int64(0)), "it remembers a call");
        }
        let driven = driven(&load("lies_to_one_question", seed, 20), seed, CALLS / 20);
        assert!(driven.found.is_some(), "seed {seed}");
    }
}

#[test]
fn a_pure_component_is_never_quarantined() {
    let _alone = alone();
    let cache = tempfile::tempdir().expect("a temporary folder");
    for name in ["leaks", "nan_payload", "file"] {
        let guest = GUESTS.iter().find(|guest| guest.name == name).expect("a row of the table");
        let bytes = guest.made.bytes(name);
        for seed in seeds() {
            // Every other call, so that this sees as many repeats as a server does in a long time.
            let driven = driven(&load(&bytes, seed, 2, cache.path()), seed, CALLS / 20);
            assert!(driven.found.is_none(), "{name} by seed {seed}: {driven:?}");
        }
    }
}
