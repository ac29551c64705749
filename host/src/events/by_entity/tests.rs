//! Events come back as they went in, whatever memory held; and what is damaged is told.

use std::path::Path;

use super::*;
use crate::batch::{Column, Lane, Value, short_text};
use crate::entity::{EntityKey, KeyInterner, KeyRows, KeyType, KeyValue};
use crate::events::{EventBatch, EventSource, Position, ReadError};
use crate::project::{Key, Source};
use crate::schema::{Field, ValueType};

/// Numbers that are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        (self.0 >> 33) % limit
    }
}

/// An event: key, when it happened, when it was known, its fields.
#[derive(Clone, Debug, PartialEq)]
struct Event {
    key: String,
    at: i64,
    known: i64,
    kind: String,
    amount: Option<f64>,
}

fn events(seed: u64, count: usize) -> Vec<Event> {
    let mut numbers = Numbers(seed);
    let event = |_| {
        // One entity has many; keys are short and long.
        let key = match numbers.below(3) {
            0 => "hot".to_owned(),
            1 => format!("c{}", numbers.below(300)),
            _ => format!("a customer of a long name {}", numbers.below(40)),
        };
        let at = numbers.below(50) as i64;
        let amount = (numbers.below(9) > 0).then(|| numbers.below(1_000) as f64 / 7.0);
        let kind = format!("kind {}", numbers.below(40));
        Event { key, at, known: at + numbers.below(5) as i64, kind, amount }
    };
    (0..count).map(event).collect()
}

fn source() -> Source {
    Source {
        name: "events".to_owned(),
        entities: vec!["customer".to_owned()],
        keys: keys(),
        files: Vec::new(),
        event_time: "at".to_owned(),
        event_time_unit: None,
        arrival_time: Some("known".to_owned()),
        arrival_time_unit: None,
        time_format: None,
        event_id: None,
        columns: Vec::new(),
        fields: Vec::new(),
        derived: Vec::new(),
        skip_offsets: Default::default(),
        description: None,
        owner: None,
        expectations: Vec::new(),
        materialize_every: None,
        on_bad_event: crate::project::OnBadEvent::RejectPush,
        tags: Default::default(),
    }
}

fn keys() -> Vec<Key> {
    vec![Key { name: "customer_id".to_owned(), key_type: KeyType::Text }]
}

fn field(name: &str, value_type: ValueType, nullable: bool) -> Field {
    Field { name: name.to_owned(), value_type, nullable, documentation: String::new() }
}

fn fields() -> Vec<Field> {
    vec![field("amount", ValueType::Float64, true), field("kind", ValueType::Text, false)]
}

/// Texts as one of the forms in which files give them.
fn texts(values: Vec<&str>, form: u64) -> Lane {
    let is_short = values.iter().all(|text| text.len() <= 12);
    match form {
        0 if is_short => Lane::Short(values.iter().map(|text| short_text(text.as_bytes())).collect()),
        1 => {
            let mut distinct: Vec<&str> = values.clone();
            distinct.sort_unstable();
            distinct.dedup();
            let code = |text: &&str| distinct.binary_search(text).expect("is one of them") as u32;
            Lane::coded(values.iter().map(code).collect(), Column::from(distinct.clone()))
        }
        _ => Lane::Column(Column::from(values)),
    }
}

fn batch(events: &[Event], rows_before: usize, form: u64) -> EventBatch {
    let mut amounts = Column::new(ValueType::Float64);
    for event in events {
        amounts.push(&event.amount.map_or(Value::Null, Value::Float64)).expect("a number");
    }
    EventBatch {
        rows: events.len(),
        keys: vec![texts(events.iter().map(|event| event.key.as_str()).collect(), form)],
        event_times: events.iter().map(|event| event.at).collect(),
        available_at: Some(events.iter().map(|event| event.known).collect()),
        arrivals: None,
        log_offsets: None,
        // In another order than the index wants them.
        fields: vec![texts(events.iter().map(|event| event.kind.as_str()).collect(), form), Lane::Column(amounts)],
        rounded: 0,
        until: Position { group: 0, at: (rows_before + events.len()) as u64 },
    }
}

/// Builds the index of some events, of which every seventh is left out.
fn build(dir: &Path, all: &[Event], memory_bytes: u64, threads: usize) {
    let builder = HistoryIndexBuilder::new(&source(), &keys(), fields(), memory_bytes, &dir.join("spill"));
    builder.begin();
    let mut before = 0;
    for (nth, events) in all.chunks(397).enumerate() {
        let dropped: Vec<bool> = (0..events.len()).map(|row| (before + row).is_multiple_of(7)).collect();
        let batch = batch(events, before, nth as u64 % 3);
        builder.push(builder.divide(&batch, &dropped, &[1, 0]).expect("divides"));
        before += events.len();
    }
    builder.finish(dir, "digest", "as read".to_owned(), threads).expect("is written");
}

/// The events of some entities by the index, in order.
fn found(dir: &Path, entities: &[&str]) -> Result<Vec<Event>, ReadError> {
    let index = HistoryIndex::open(dir, "digest")?;
    assert_eq!(index.meaning(), "as read");
    let mut asked = KeyInterner::new();
    let columns = [Column::from(entities.to_vec())];
    asked.intern_all(&KeyRows::of_columns(&columns), entities.len(), &mut Vec::new()).expect("few");
    // One of its fields twice, and in another order.
    let wanted = [&fields()[1], &fields()[0], &fields()[1]].map(Clone::clone);
    let source = index.events(&keys(), &wanted, &asked).expect("it has these columns");
    let mut events = Vec::new();
    for part in 0..source.parts().len() {
        source.read(part, Position::START, &mut |batch| {
            assert_eq!(source.parts()[part].rows, Some(batch.rows as u64));
            let [key, kind, amount, again] = [&batch.keys[0], &batch.fields[0], &batch.fields[1], &batch.fields[2]]
                .map(|lane| {
                    let column = lane.clone().into_column().expect("small");
                    (0..batch.rows).map(|row| column.value(row)).collect::<Vec<_>>()
                });
            for row in 0..batch.rows {
                let Value::Text(key) = &key[row] else { panic!("{:?}", key[row]) };
                if entities.contains(&key.as_str()) {
                    assert!(kind[row].same_bits(&again[row]));
                    events.push(Event {
                        key: key.clone(),
                        at: batch.event_times[row],
                        known: batch.available()[row],
                        kind: kind[row].to_string(),
                        amount: if let Value::Float64(amount) = amount[row] { Some(amount) } else { None },
                    });
                }
            }
            Ok(())
        })?;
    }
    Ok(events)
}

/// What is expected of an entity.
fn of<'a>(all: &'a [Event], entity: &'a str) -> Vec<&'a Event> {
    let kept = all.iter().enumerate().filter(|(at, _)| !at.is_multiple_of(7)).map(|(_, event)| event);
    kept.filter(|event| event.key == entity).collect()
}

#[test]
fn events_come_back_by_entity_and_in_order_whatever_memory_held() {
    for (seed, count) in [(1, 0), (2, 1), (3, 400), (4, 6_000)] {
        let all = events(seed, count);
        let mut entities: Vec<&str> = all.iter().map(|event| event.key.as_str()).collect();
        entities.sort_unstable();
        entities.dedup();
        // Where memory holds nothing, every entity is sorted by itself: a few of them will do.
        let memory = [(u64::MAX, 1), (u64::MAX, 2), (if count > 1_000 { 500_000 } else { 1 }, 2)];
        for (memory_bytes, threads) in memory {
            let dir = tempfile::tempdir().expect("a folder");
            build(dir.path(), &all, memory_bytes, threads);
            let what = format!("seed {seed}, {count} events, {memory_bytes} bytes, {threads} threads");
            for entity in entities.iter().copied().step_by(1 + entities.len() / 20).chain(["hot", "nobody"]) {
                let one = found(dir.path(), &[entity]).expect("reads");
                assert_eq!(one.iter().collect::<Vec<_>>(), of(&all, entity), "{what}, {entity}");
            }
            let many = found(dir.path(), &entities).expect("reads");
            for entity in &entities {
                let one: Vec<&Event> = many.iter().filter(|event| event.key == *entity).collect();
                assert_eq!(one, of(&all, entity), "{what}, {entity} among all");
            }
            let left: Vec<_> = std::fs::read_dir(dir.path().join("spill")).into_iter().flatten().collect();
            assert!(left.is_empty(), "{what}: {left:?}");
        }
    }
}

#[test]
fn a_question_of_one_entity_reads_few_batches() {
    let all = events(5, 40_000);
    let dir = tempfile::tempdir().expect("a folder");
    build(dir.path(), &all, u64::MAX, 1);
    let index = HistoryIndex::open(dir.path(), "digest").expect("opens");
    let parts = |entity: &str| {
        let mut asked = KeyInterner::new();
        asked.intern_all(&KeyRows::of_columns(&[Column::from([entity])]), 1, &mut Vec::new()).expect("one");
        assert_eq!(asked.key(0), EntityKey(vec![KeyValue::Text(entity.to_owned())]));
        index.events(&keys(), &fields(), &asked).expect("has them").parts().len()
    };
    assert!(parts("c17") <= 2 && parts("hot") >= 5, "{} and {}", parts("c17"), parts("hot"));
    let mut asked = KeyInterner::new();
    asked.intern_all(&KeyRows::of_columns(&[Column::from(["c17"])]), 1, &mut Vec::new()).expect("one");
    // Columns that it does not have.
    let other = [
        field("amount", ValueType::Float64, false),
        field("amount", ValueType::Int64, true),
        field("x", ValueType::Text, true),
    ];
    assert!(other.iter().all(|other| index.events(&keys(), std::slice::from_ref(other), &asked).is_none()));
    let number = [Key { name: "customer_id".to_owned(), key_type: KeyType::Int64 }];
    assert!(index.events(&number, &fields(), &asked).is_none());
}

/// Every byte that changes, and every length that it is cut to, is noticed; or the events are what they were.
#[test]
fn damage_is_told_and_never_another_event() {
    let all = events(6, 60);
    let dir = tempfile::tempdir().expect("a folder");
    build(dir.path(), &all, u64::MAX, 1);
    let path = dir.path().join("digest.events");
    let whole = std::fs::read(&path).expect("is there");
    let entities: Vec<&str> = all.iter().map(|event| event.key.as_str()).collect();
    let expected = found(dir.path(), &entities).expect("reads");
    let is_told = |what: &str| match found(dir.path(), &entities) {
        Err(ReadError::HistoryIndex(error)) => assert!(error.to_string().contains("digest.events"), "{error}"),
        Ok(events) => panic!("{what}: {} events, the same: {}", events.len(), events == expected),
        Err(other) => panic!("{what}: {other}"),
    };
    for at in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 1 << (at % 8);
        std::fs::write(&path, &damaged).expect("writes");
        is_told(&format!("a bit of byte {at} of {}", whole.len()));
    }
    for length in (0..whole.len()).step_by(13) {
        std::fs::write(&path, &whole[..length]).expect("writes");
        is_told(&format!("cut to {length} bytes"));
    }
    // That of something else, under its name.
    std::fs::write(&path, &whole).expect("writes");
    std::fs::rename(&path, dir.path().join("other.events")).expect("renames");
    assert!(matches!(HistoryIndex::open(dir.path(), "other"), Err(HistoryIndexError::Damaged { .. })));
    assert!(matches!(HistoryIndex::open(dir.path(), "digest"), Err(HistoryIndexError::Read { .. })));
}
