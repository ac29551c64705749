//! A replay that goes on where another ended: from the states that it left, as from the events themselves.

use std::sync::atomic::AtomicBool;

use onepath::batch::{Column, FieldLane, Texts, Values};
use onepath::entity::{KeyInterner, KeyRows};
use onepath::events::{EventChunk, EventSet};
use onepath::feature_store::FeatureSelection;
use onepath::replay::{Carry, OnError, Questions, ReplayOptions, ReplayTimes, ViewEvents, replay};
use onepath::schema::ValueType;
use onepath::time::AsOf;

use crate::support::{DAY, Project, at, churn_toml};

const ENTITIES: u32 = 2_000;
const EVENTS: i64 = 400;

fn texts(texts: impl Iterator<Item = String>) -> Column {
    let mut all = Texts::default();
    for text in texts {
        all.bytes.extend(text.bytes());
        all.ends.push(all.bytes.len() as u32);
    }
    Column::from_parts(Values::Texts(all), None)
}

/// Many entities, all asked at once, whose states together are more than the memory of the component holds: it is called with
/// as many as fit. The answers are those of a replay of all their events.
#[test]
fn states_of_many_entities_are_carried_within_the_memory_of_a_component() {
    let limits = "[limits]\nmemory_bytes_max = 25_165_824\n";
    let project = Project::new(&format!("{}{limits}", churn_toml(&["events.csv"], "", "")));
    let plan = project.open().plan(&FeatureSelection::Service("churn_v1".to_owned())).expect("plans");
    let program = &plan.views[0].program;

    let mut keys = KeyInterner::new();
    let names = texts((0..ENTITIES).map(|entity| format!("c{entity}")));
    let rows = KeyRows::of_columns([&names]);
    keys.intern_all(&rows, ENTITIES as usize, &mut Vec::new()).expect("few");
    let entities: Vec<u32> = (0..ENTITIES).flat_map(|entity| [entity; EVENTS as usize]).collect();
    let times: Vec<i64> =
        (0..ENTITIES as i64).flat_map(|_| (0..EVENTS).map(|event| at("2024-01-01") + event * DAY / 10)).collect();
    let kinds = texts(entities.iter().map(|_| "purchase".to_owned()));
    let amounts =
        Column::from_parts(Values::Float64s(entities.iter().map(|entity| f64::from(*entity) / 7.0).collect()), None);
    let gather =
        |rows: &[u32]| [&kinds, &amounts].into_iter().map(|column| Ok(FieldLane::Column(column.take(rows)?))).collect();
    let chunk = EventChunk::new(0, &entities, &times, None, gather).expect("small");
    let none = EventSet::new(0, vec![ValueType::Text, ValueType::Float64]);
    let mut events = none.clone();
    events.push(chunk).expect("few");
    let (asked, as_of) =
        ((0..ENTITIES).collect::<Vec<u32>>(), vec![AsOf::from_micros(at("2024-03-01")); ENTITIES as usize]);
    let questions = Questions { entities: &asked, as_of: &as_of, ..Questions::none(program.description()) };

    let (stop, times) = (AtomicBool::new(false), ReplayTimes::default());
    let options = ReplayOptions {
        threads: 1,
        batch_rows: 8_192,
        on_error: OnError::Stop,
        proving: None,
        state_bytes_max: usize::MAX,
        asked: None,
        progress: &|_| {},
        stop: &stop,
        times: &times,
    };
    let run = |events, questions: &Questions<'_>, carry| {
        replay(program, ViewEvents::all(events), questions, &keys, carry, options).expect("the component has room")
    };
    let before = run(&events, &Questions::none(program.description()), Carry::AFTER).states;
    let bytes: usize = before.iter().map(|state| state.state.bytes.len()).sum();
    assert!(bytes > 12 << 20, "{bytes} bytes of states, which a component holds several times over");
    let whole = run(&events, &questions, Carry::default());
    let carried = run(&none, &questions, Carry { before: &before, want_after: true });
    assert_eq!(whole.statuses, carried.statuses);
    for (whole, carried) in whole.features.iter().zip(&carried.features) {
        (0..whole.len()).for_each(|row| assert!(whole.value(row).same_bits(&carried.value(row)), "row {row}"));
    }
    assert_eq!(before, carried.states, "without an event a state stays as it is");
}
