//! Pushes, crashes and `verify`: what serving keeps, and how it is proved.

use std::path::Path;

use expect_test::{Expect, expect};
use onepath::batch::Value;
use onepath::entity::KeyValue;
use onepath::events::Arrival;
use onepath::feature_store::{FeaturePlan, FeatureSelection, FeatureStore, OnlineRequest, OnlineVector};
use onepath::time::{AsOf, AvailableAt, format_time};
use rusqlite::Connection;

use crate::support::{
    Ask, Event, Format, HOUR, Project, Random, SECOND, assert_same, at, components, offline, online, write_events,
};

/// A project whose events are pushed: the churn view, and the trace view, which shows the order of application.
fn pushed_project(source: &str) -> Project {
    Project::new(&toml("[]", source, "TRACE"))
}

fn toml(files: &str, source: &str, trace: &str) -> String {
    format!(
        "[project]\nname = \"online\"\n[entities.customer]\nkeys = {{ customer_id = \"text\" }}\n[sources.events]\n\
         entity = \"customer\"\nfiles = {files}\nevent_time = \"event_timestamp\"\n{source}\n\
         [views.activity]\nsources = [\"events\"]\ntransform = \"CHURN\"\n\
         [views.trace]\nsources = [\"events\"]\ntransform = \"{trace}\"\n\
         [services.all]\nfeatures = [\"activity:*\", \"trace:*\"]\n"
    )
}

const BY_ID: &str = "event_id = \"id\"";

fn plan(store: &mut FeatureStore) -> FeaturePlan {
    store.plan(&FeatureSelection::Service("all".to_owned())).expect("plans")
}

fn ask(entity: &str, as_of: Option<i64>) -> OnlineRequest {
    let entities = vec![("customer_id".to_owned(), KeyValue::Text(entity.to_owned()))];
    OnlineRequest { entities, as_of: as_of.map(AsOf), ..OnlineRequest::default() }
}

fn get(store: &mut FeatureStore, entity: &str, as_of: Option<i64>) -> OnlineVector {
    let plan = plan(store);
    store.get_online_features(&plan, &ask(entity, as_of)).expect("answers")
}

/// The trail of an entity: its events in the order of application.
fn trail(store: &mut FeatureStore, entity: &str) -> String {
    let vector = get(store, entity, None);
    let at = vector.references.iter().position(|reference| reference.ends_with("trail")).expect("is served");
    vector.values[at].to_string()
}

/// Lines `id customer type amount time` as NDJSON.
fn lines(text: &str) -> String {
    let line = |line: &str| {
        let cells: Vec<&str> = line.split_whitespace().collect();
        let amount: f64 = cells[3].parse().expect("a number");
        format!(
            "{{\"id\": \"{}\", \"customer_id\": \"{}\", \"event_type\": \"{}\", \"amount\": {amount:?}, \
             \"event_timestamp\": \"{}\"}}\n",
            cells[0], cells[1], cells[2], cells[4]
        )
    };
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(line).collect()
}

fn push(project: &Project, store: &mut FeatureStore, text: &str) -> Result<(u64, u64, u64), String> {
    let path = project.write("push.ndjson", lines(text));
    let applied = store.ingest("events", &path, &Arrival::EventTime).map_err(|error| error.to_string())?;
    Ok((applied.appended, applied.duplicates, applied.offset))
}

fn assert_verified(store: &mut FeatureStore, vectors: u64) {
    let report = store.verify(None).expect("verifies");
    assert!(report.is_equal(), "{:#?}", report.first);
    assert_eq!(report.vectors, vectors);
}

#[test]
fn an_event_that_is_pushed_twice_is_acknowledged_twice_and_applied_once() {
    let project = pushed_project(BY_ID);
    let mut store = project.open();
    assert_eq!(push(&project, &mut store, "1 a w 1 2024-01-01\n2 a w 2 2024-01-02"), Ok((2, 0, 2)));
    assert_eq!(push(&project, &mut store, "1 a w 1 2024-01-01\n2 a w 2 2024-01-02"), Ok((0, 2, 2)));
    // In a later process, beside a new one, and twice in one push.
    drop(store);
    let mut store = project.open();
    assert_eq!(push(&project, &mut store, "2 a w 2 2024-01-02\n3 a w 3 2024-01-03\n3 a w 3 2024-01-03"), Ok((1, 2, 3)));
    assert_eq!(trail(&mut store, "a"), "w1;w2;w3;");
    assert_verified(&mut store, 1);
}

#[test]
fn without_ids_every_push_is_new() {
    let project = pushed_project("");
    let mut store = project.open();
    assert_eq!(push(&project, &mut store, "1 a w 1 2024-01-01"), Ok((1, 0, 1)));
    assert_eq!(push(&project, &mut store, "1 a w 1 2024-01-01"), Ok((1, 0, 2)));
    assert_eq!(trail(&mut store, "a"), "w1;w1;");
}

/// A file that holds what was pushed already, as the next day's export does.
#[test]
fn an_event_that_was_pushed_and_is_then_in_a_file_counts_once() {
    let project = pushed_project(BY_ID);
    let mut store = project.open();
    push(&project, &mut store, "2 a w 2 2024-01-02\n3 a w 3 2024-01-03").expect("is taken");
    assert_eq!(trail(&mut store, "a"), "w2;w3;");
    drop(store);
    project.write("all.ndjson", lines("1 a w 1 2024-01-01\n2 a w 2 2024-01-02\n3 a w 3 2024-01-03"));
    project.configure(&toml("[\"all.ndjson\"]", BY_ID, "TRACE"));
    let mut store = project.open();
    let plan = plan(&mut store);
    let question = Ask { entity: "a".to_owned(), as_of: at("2024-01-03"), cart_value: 0.0 };
    let answers = offline(&store, &plan, std::slice::from_ref(&question), &[]);
    assert_eq!(answers[0][5].0.to_string(), "w1;w2;w3;");
    store.materialize(&[], None).expect("materializes");
    assert_eq!(trail(&mut store, "a"), "w1;w2;w3;");
    assert_same(&online(&mut store, &plan, &question).0, &answers[0], &question, "served");
    assert_verified(&mut store, 3);
}

/// The other way round: history was folded, and a producer sends again what it holds.
#[test]
fn an_event_of_the_materialized_history_that_is_then_pushed_counts_once() {
    let project = Project::new(&toml("[\"history.ndjson\"]", BY_ID, "TRACE"));
    project.write("history.ndjson", lines("1 a w 1 2024-01-01\n2 a w 2 2024-01-02\n9 a w 9 2024-03-01"));
    let mut store = project.open();
    store.materialize(&[], Some(AvailableAt(at("2024-02-01")))).expect("materializes");
    assert_eq!(trail(&mut store, "a"), "w1;w2;");
    project.clock.set(at("2031-01-01"));
    // The ninth lies after the cut: the states do not have it yet.
    assert_eq!(push(&project, &mut store, "2 a w 2 2024-01-02\n3 a w 3 2024-02-03\n9 a w 9 2024-03-01"), Ok((2, 1, 2)));
    assert_eq!(trail(&mut store, "a"), "w1;w2;w3;w9;");
    let plan = plan(&mut store);
    let question = Ask { entity: "a".to_owned(), as_of: at("2031-01-01"), cart_value: 0.0 };
    let answers = offline(&store, &plan, std::slice::from_ref(&question), &[]);
    assert_same(&online(&mut store, &plan, &question).0, &answers[0], &question, "served");
    assert_verified(&mut store, 3);
}

#[test]
fn a_push_that_a_transform_refuses_leaves_nothing() {
    let project = pushed_project(BY_ID);
    let mut store = project.open();
    push(&project, &mut store, "1 a w 1 2024-01-01").expect("is taken");
    let refused = |text: &str, store: &mut FeatureStore| push(&project, store, text).expect_err("is refused");
    expect![
        "view trace@v1, entity b, event of 2024-01-03T00:00:00Z: the transform refused its input: this event is refused"
    ]
    .assert_eq(&refused("2 a w 2 2024-01-02\n3 b refuse 3 2024-01-03", &mut store));
    let trapped = refused("2 a w 2 2024-01-02\n3 b trap 3 2024-01-03", &mut store);
    assert!(trapped.contains("entity b, event of 2024-01-03T00:00:00Z: the transform trapped"), "{trapped}");
    assert!(trapped.contains("this event traps"), "{trapped}");
    assert_eq!(trail(&mut store, "a"), "w1;");
    assert_eq!(trail(&mut store, "b"), "null");
    // The same events without the bad one go in, and take the next offsets.
    assert_eq!(push(&project, &mut store, "2 a w 2 2024-01-02"), Ok((1, 0, 2)));
    assert_eq!(trail(&mut store, "a"), "w1;w2;");
    assert_verified(&mut store, 3);
}

#[test]
fn a_push_without_a_field_that_a_transform_reads_leaves_nothing() {
    let project = pushed_project("");
    let mut store = project.open();
    let good = lines("1 a w 1 2024-01-01");
    for (bad, expected) in [
        (
            "{\"customer_id\": \"a\", \"event_type\": \"w\", \"event_timestamp\": \"2024-01-02\"}",
            expect!["push.ndjson, row 2, column amount: is null"],
        ),
        (
            "{\"customer_id\": \"a\", \"amount\": 1, \"event_timestamp\": \"2024-01-02\"}",
            expect!["push.ndjson, row 2, column event_type: is null"],
        ),
        (
            "{\"customer_id\": \"a\", \"event_type\": \"w\", \"amount\": \"much\", \"event_timestamp\": \"2024-01-02\"}",
            expect![[
                r#"push.ndjson, row 2, column amount: "much" is not a float64 number, "NaN", "Infinity" or "-Infinity""#
            ]],
        ),
    ] {
        let path = project.write("push.ndjson", format!("{good}{bad}\n"));
        let error = store.ingest("events", &path, &Arrival::EventTime).expect_err("is refused").to_string();
        expected.assert_eq(&error.replace(&path.display().to_string(), "push.ndjson"));
    }
    assert_eq!(trail(&mut store, "a"), "null");
    assert_eq!(push(&project, &mut store, "1 a w 1 2024-01-01"), Ok((1, 0, 1)));
}

/// Copies the online store as a process that died would have left it: older than the log.
fn roll_back(project: &Project, from: &Path) {
    for suffix in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(project.path(&format!(".onepath/online.sqlite{suffix}")));
    }
    std::fs::copy(from, project.path(".onepath/online.sqlite")).expect("copies");
}

#[test]
fn states_that_are_behind_the_log_catch_up() {
    let project = pushed_project(BY_ID);
    let mut store = project.open();
    push(&project, &mut store, "1 a w 1 2024-01-01\n2 b w 2 2024-01-01").expect("is taken");
    drop(store);
    let older = project.path("older.sqlite");
    std::fs::copy(project.path(".onepath/online.sqlite"), &older).expect("copies");

    let mut store = project.open();
    push(&project, &mut store, "3 a w 3 2024-01-02\n4 c w 4 2024-01-02").expect("is taken");
    push(&project, &mut store, "5 a w 5 2024-01-03").expect("is taken");
    drop(store);

    // By the next question.
    roll_back(&project, &older);
    let mut store = project.open();
    assert_eq!(trail(&mut store, "a"), "w1;w3;w5;");
    assert_eq!(trail(&mut store, "c"), "w4;");
    assert_verified(&mut store, 2);
    drop(store);

    // By the next push, also where it brings nothing new.
    for (text, expected) in [("5 a w 5 2024-01-03", "w1;w3;w5;"), ("6 a w 6 2029-12-31", "w1;w3;w5;w6;")] {
        roll_back(&project, &older);
        let mut store = project.open();
        project.clock.set(at("2031-01-01"));
        push(&project, &mut store, text).expect("is taken");
        assert_eq!(trail(&mut store, "a"), expected);
        assert!(store.verify(None).expect("verifies").is_equal());
    }

    // Where a single event is missing.
    let mut store = project.open();
    std::fs::copy(project.path(".onepath/online.sqlite"), &older).expect("copies");
    push(&project, &mut store, "7 a w 7 2030-12-31").expect("is taken");
    drop(store);
    roll_back(&project, &older);
    let mut store = project.open();
    assert_eq!(trail(&mut store, "a"), "w1;w3;w5;w6;w7;");
    drop(store);

    // Where the states are gone altogether, too.
    std::fs::remove_file(project.path(".onepath/online.sqlite")).expect("removes");
    let mut store = project.open();
    assert_eq!(trail(&mut store, "a"), "w1;w3;w5;w6;w7;");
    assert!(store.verify(None).expect("verifies").is_equal());
}

#[test]
fn states_on_a_history_are_not_made_up_from_the_log_alone() {
    let project = Project::new(&toml("[\"history.ndjson\"]", BY_ID, "TRACE"));
    project.write("history.ndjson", lines("1 a w 1 2024-01-01"));
    let mut store = project.open();
    store.materialize(&[], None).expect("materializes");
    drop(store);
    std::fs::remove_file(project.path(".onepath/online.sqlite")).expect("removes");
    let mut store = project.open();
    let plan = plan(&mut store);
    let error = store.get_online_features(&plan, &ask("a", None)).expect_err("the history is missing");
    expect!["view activity@v1 has no states on top of the newest materialized history: run `onepath materialize`"]
        .assert_eq(&error.to_string());
    store.materialize(&[], None).expect("materializes");
    assert_eq!(trail(&mut store, "a"), "w1;");
}

/// A day of a shop: events in ten pushes, out of order, and a thousand questions meanwhile.
#[test]
fn a_day_is_served_and_verified() {
    let project = pushed_project("");
    let mut random = Random::new(7);
    let day = at("2024-05-01");
    let mut events: Vec<Event> = (0..600)
        .map(|_| Event {
            source: 0,
            entity: format!("c{}", random.below(40)),
            kind: random.pick::<&str>(&["purchase", "view", "return"]),
            amount: random.below(10_000) as f64 / 100.0,
            at: day + random.below(24 * 3_600) as i64 * SECOND,
            arrived: None,
        })
        .collect();
    random.shuffle(&mut events);
    project.clock.set(day + 24 * HOUR);
    let mut store = project.open();
    let plan = plan(&mut store);
    let (mut replayed, mut served) = (0, Vec::new());
    for (number, part) in events.chunks(60).enumerate() {
        project.clock.set(day + (24 + number as i64) * HOUR);
        let path = project.path("push.ndjson");
        write_events(&path, part, Format::Ndjson);
        assert_eq!(store.ingest("events", &path, &Arrival::Now).expect("is taken").appended, 60);
        for question in 0..100 {
            project.clock.set(day + (24 + number as i64) * HOUR + question * 10 * SECOND + HOUR / 2);
            // Mostly now; sometimes a moment that has passed, which the states may have passed too.
            let as_of = random.once_in(10).then(|| day + random.below(24 + number) as i64 * HOUR);
            let entity = format!("c{}", random.below(45));
            let vector = store.get_online_features(&plan, &ask(&entity, as_of)).expect("answers");
            replayed += usize::from(vector.replayed);
            served.push((entity, vector));
        }
    }
    assert!(replayed > 10, "{replayed} of them were replayed");
    let report = store.verify(None).expect("verifies");
    assert_eq!((report.vectors, report.differences), (1_000, 0), "{:#?}", report.first);
    assert_eq!((report.states, report.state_differences), (80, 0), "{:#?}", report.first);

    // A plain backfill over the log gives the same vectors.
    let asks: Vec<Ask> = served
        .iter()
        .map(|(entity, vector)| Ask { entity: entity.clone(), as_of: vector.as_of.0, cart_value: 0.0 })
        .collect();
    for ((answer, (_, vector)), ask) in offline(&store, &plan, &asks, &[]).iter().zip(&served).zip(&asks) {
        let vector = vector.values.iter().cloned().zip(vector.statuses.iter().copied()).collect();
        assert_same(&vector, answer, ask, "served and backfilled");
    }
    let later = store.verify(Some(AsOf(day + 30 * HOUR))).expect("verifies").vectors;
    assert!(0 < later && later < 1_000, "{later}");
    drop(store);
    let ran = project.run("verify");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    expect![[r#"
        verified 1,000 served vectors (7,000 values): 0 differences
        verified 80 online states: 0 differences
    "#]]
    .assert_eq(&ran.stdout);
}

/// A project that served one vector.
fn served_one() -> Project {
    let project = pushed_project("");
    let mut store = project.open();
    push(&project, &mut store, "1 a purchase 10.1 2024-01-01\n2 a purchase 20.2 2024-01-02").expect("is taken");
    push(&project, &mut store, "3 b purchase 5 2024-01-02").expect("is taken");
    get(&mut store, "a", Some(at("2024-01-03")));
    assert_verified(&mut store, 1);
    project
}

fn check_found(project: &Project, expected: Expect) {
    let ran = project.run("verify");
    assert_eq!((ran.code, ran.stderr.as_str()), (1, ""));
    expected.assert_eq(&ran.stdout);
    let json = project.run("verify --format json");
    assert_eq!(json.code, 1);
    let report: serde_json::Value = serde_json::from_str(&json.stdout).expect("is JSON");
    assert_ne!(report["differences"].as_u64().zip(report["state_differences"].as_u64()), Some((0, 0)));
}

fn sql(project: &Project, file: &str, statement: &str) {
    let connection = Connection::open(project.path(file)).expect("opens");
    assert_eq!(connection.execute(statement, []).expect("runs"), 1);
}

#[test]
fn verify_finds_a_state_with_one_wrong_bit() {
    let project = served_one();
    let path = project.path(".onepath/online.sqlite");
    let connection = Connection::open(&path).expect("opens");
    let query = "SELECT states.rowid, bytes FROM states JOIN views ON views.id = view \
                 WHERE entity = '[\"a\"]' AND name = 'activity@v1'";
    let (row, mut bytes): (i64, Vec<u8>) =
        connection.query_row(query, [], |row| Ok((row.get(0)?, row.get(1)?))).expect("the state is there");
    // The lowest bit of the first amount.
    let amount = 10.1_f64.to_le_bytes();
    let place = bytes.windows(8).position(|window| window == amount).expect("the amount is there");
    bytes[place] ^= 1;
    connection.execute("UPDATE states SET bytes = ?1 WHERE rowid = ?2", (bytes, row)).expect("updates");
    drop(connection);
    check_found(
        &project,
        expect![[r#"
            verified 1 served vectors (7 values): 0 differences
            verified 4 online states: 1 differences

            state of view activity@v1, a
              served   65 bytes, newest event 2024-01-02T00:00:00Z, offset 2  0x00202110d70d06000080f82deb0d06003233333333332440333333333333344000806ffb240e000000000000010080f82deb0d0600 (from byte 12 of 65)
              replayed 65 bytes, newest event 2024-01-02T00:00:00Z, offset 2  0x00202110d70d06000080f82deb0d06003333333333332440333333333333344000806ffb240e000000000000010080f82deb0d0600 (from byte 12 of 65)
        "#]],
    );
}

#[test]
fn verify_finds_a_state_that_is_missing_and_one_that_should_not_be() {
    let project = served_one();
    let which = "entity = '[\"b\"]' AND view = (SELECT id FROM views WHERE name = 'trace@v1')";
    sql(&project, ".onepath/online.sqlite", &format!("UPDATE states SET entity = '[\"x\"]' WHERE {which}"));
    check_found(
        &project,
        expect![[r#"
            verified 1 served vectors (7 values): 0 differences
            verified 5 online states: 2 differences

            state of view trace@v1, x
              served   30 bytes, newest event 2024-01-02T00:00:00Z, offset 3  0x0a0000007075726368617365353b01000000000000000000000000001440
              replayed none  

            state of view trace@v1, b
              served   none  
              replayed 30 bytes, newest event 2024-01-02T00:00:00Z, offset 3  0x0a0000007075726368617365353b01000000000000000000000000001440
        "#]],
    );
}

#[test]
fn verify_finds_a_served_value_with_one_wrong_bit() {
    let project = served_one();
    let mean: f64 = (10.1 + 20.2) / 2.0;
    let (bits, wrong) = (format!("{:016x}", mean.to_bits()), format!("{:016x}", mean.to_bits() ^ 1));
    let statement =
        format!("UPDATE served SET body = replace(body, '{bits}', '{wrong}') WHERE instr(body, '{bits}') > 0");
    sql(&project, ".onepath/served.sqlite", &statement);
    check_found(
        &project,
        expect![[r#"
        verified 1 served vectors (7 values): 1 differences
        verified 4 online states: 0 differences

        activity@v1:avg_purchase_value_90d, customer_id=a as of 2024-01-03T00:00:00Z
          served   15.15  0x402e4ccccccccccd
          replayed 15.149999999999999  0x402e4ccccccccccc
    "#]],
    );
}

#[test]
fn verify_finds_a_status_an_offset_and_an_event_that_changed() {
    let project = served_one();
    sql(&project, ".onepath/served.sqlite", "UPDATE served SET body = replace(body, 'PRESENT', 'NULL_VALUE')");
    let report = project.open().verify(None).expect("verifies");
    assert_eq!((report.differences, report.first[0].what.as_str()), (7, "status of activity@v1:purchase_count_30d"));

    let project = served_one();
    sql(&project, ".onepath/served.sqlite", "UPDATE served SET body = replace(body, '[[2],[2]]', '[[1],[1]]')");
    let report = project.open().verify(None).expect("verifies");
    assert_eq!((report.differences, report.first[0].what.as_str()), (2, "newest log offset seen by view activity@v1"));

    let project = served_one();
    let later = at("2024-01-02") + 1;
    sql(&project, ".onepath/log.sqlite", &format!("UPDATE events SET event_time = {later} WHERE position = 2"));
    let report = project.open().verify(None).expect("verifies");
    // A microsecond later it is no whole day ago. The trace view keeps no time, but its newest event differs.
    assert_eq!((report.differences, report.state_differences), (1, 2), "{:#?}", report.first);
}

#[test]
fn a_history_file_that_changed_is_named() {
    let project = Project::new(&toml("[\"history.ndjson\"]", "", "TRACE"));
    project.write("history.ndjson", lines("1 a w 1 2024-01-01"));
    let mut store = project.open();
    store.materialize(&[], None).expect("materializes");
    get(&mut store, "a", None);
    assert_verified(&mut store, 1);
    drop(store);
    project.write("history.ndjson", lines("1 a w 2 2024-01-01"));
    let ran = project.run("verify");
    expect![[r#"
        verified 0 served vectors (0 values): 0 differences
        verified 0 online states: 0 differences
        NOT verified: 1 served vectors and the states of 2 views, because what served is no longer there:
          the history file DIR/history.ndjson is not the one that was materialized: its bytes differ; put the old file back to verify what was served from it
          `onepath verify --since TIME` leaves out older vectors
    "#]].assert_eq(&ran.stdout);
    assert_eq!(ran.code, 1);
    std::fs::remove_file(project.path("history.ndjson")).expect("removes");
    let ran = project.run("verify");
    expect![[r#"
        verified 0 served vectors (0 values): 0 differences
        verified 0 online states: 0 differences
        NOT verified: 1 served vectors and the states of 2 views, because what served is no longer there:
          the history file DIR/history.ndjson is not the one that was materialized: it is gone; put it back, or serve and verify after `onepath materialize` with the new files
          `onepath verify --since TIME` leaves out older vectors
    "#]].assert_eq(&ran.stdout);
    assert_eq!(ran.code, 1);
}

/// What served is kept: after the component has changed, old vectors are still replayed by the old one.
#[test]
fn vectors_are_verified_with_the_component_that_served_them() {
    let project = Project::new(&toml("[]", "", "trace.wasm"));
    std::fs::copy(&components().trace, project.path("trace.wasm")).expect("copies");
    let mut store = project.open();
    push(&project, &mut store, "1 a w 1 2024-01-01\n2 a w 2 2024-01-02").expect("is taken");
    get(&mut store, "a", None);
    get(&mut store, "a", Some(at("2024-01-01")));
    assert_verified(&mut store, 2);
    drop(store);

    // The same features in another order, one of them under another name.
    std::fs::copy(&components().retrace, project.path("trace.wasm")).expect("copies");
    let mut store = project.open();
    assert_verified(&mut store, 2);
    let now = plan(&mut store);
    let error = store.get_online_features(&now, &ask("a", None)).expect_err("the states are the old one's");
    let digest = |view: usize| now.views[view].program.digest().to_owned();
    assert!(error.to_string().contains(&format!("but the view now runs {}", digest(1))), "{error}");

    store.materialize(&[], None).expect("materializes");
    let vector = get(&mut store, "a", None);
    assert_eq!(vector.references.last().map(String::as_str), Some("trace:events"));
    assert_eq!(vector.values.last().map(Value::to_string).as_deref(), Some("2"));
    assert_verified(&mut store, 3);
    drop(store);

    // Without the old bytes there is no proof, and verify says so.
    let served = project.files().into_iter().filter(|file| file.starts_with(".onepath/components/served/"));
    for file in served.filter(|file| !file.contains(&digest(0)) && !file.contains(&digest(1))) {
        std::fs::remove_file(project.path(&file)).expect("removes");
    }
    let ran = project.run("verify");
    assert_eq!(ran.code, 1, "{}", ran.stdout);
    assert!(ran.stdout.contains("verified 1 served vectors (7 values): 0 differences"), "{}", ran.stdout);
    assert!(ran.stdout.contains("NOT verified: 2 served vectors"), "{}", ran.stdout);
    assert!(ran.stdout.contains("which is not kept at ./.onepath/components/served/"), "{}", ran.stdout);
}

/// A log that was replaced by an older one is told before anything is answered from it, or added to it.
#[test]
fn states_that_are_ahead_of_the_log_are_refused() {
    let project = pushed_project("");
    let mut store = project.open();
    push(&project, &mut store, "1 a w 1 2024-01-01\n2 a w 2 2024-01-02").expect("is taken");
    drop(store);
    for file in ["log.sqlite", "log.sqlite-wal", "log.sqlite-shm"] {
        let _ = std::fs::remove_file(project.path(".onepath").join(file));
    }
    let mut store = project.open();
    let plan = plan(&mut store);
    let error = store.get_online_features(&plan, &ask("a", None)).expect_err("the log is another one");
    assert!(error.to_string().contains("it was replaced or cut"), "{error}");
    let error = push(&project, &mut store, "3 b w 3 2024-01-03").expect_err("the log is another one");
    assert!(error.contains("it was replaced or cut"), "{error}");
}

/// So is the time to live: what was served fresh stays right after the project says that it is stale.
#[test]
fn vectors_are_verified_with_the_time_to_live_that_served_them() {
    let fresh = toml("[]", "", "TRACE");
    let stale = fresh.replace("[views.activity]\n", "[views.activity]\nttl = \"1d\"\n");
    assert_ne!(fresh, stale);
    let project = Project::new(&fresh);
    let mut store = project.open();
    push(&project, &mut store, "1 a purchase 1 2024-01-01").expect("is taken");
    assert_eq!(get(&mut store, "a", Some(at("2024-01-05"))).statuses[0].as_str(), "PRESENT");
    drop(store);

    project.configure(&stale);
    let mut store = project.open();
    assert_verified(&mut store, 1);
    assert_eq!(get(&mut store, "a", Some(at("2024-01-05"))).statuses[0].as_str(), "OUTSIDE_MAX_AGE");
    assert_verified(&mut store, 2);
}

/// A parameter goes into states, so states of another value of it are refused, and what was served with it stays provable.
#[test]
fn a_changed_parameter_is_a_changed_view() {
    let project_file = |factor: &str| {
        format!(
            "[project]\nname = \"scaled\"\n[entities.customer]\nkeys = {{ customer_id = \"text\" }}\n[sources.events]\n\
             entity = \"customer\"\nevent_time = \"event_timestamp\"\n[views.scaled]\nsources = [\"events\"]\n\
             transform = \"SCALED\"\nparameters = {{ factor = {factor} }}\n[services.all]\nfeatures = [\"scaled:*\"]\n"
        )
    };
    let project = Project::new(&project_file("2"));
    let mut store = project.open();
    push(&project, &mut store, "1 a w 1.5 2024-01-01").expect("is taken");
    assert_eq!(get(&mut store, "a", None).values[0].to_string(), "3.0");
    assert_verified(&mut store, 1);
    drop(store);

    project.configure(&project_file("10.0"));
    let mut store = project.open();
    let now = plan(&mut store);
    let error = store.get_online_features(&now, &ask("a", None)).expect_err("the states are of the old factor");
    assert!(error.to_string().contains("run `onepath materialize` to rebuild them"), "{error}");
    let ran = project.run("verify");
    assert_eq!(ran.code, 1);
    assert!(ran.stdout.contains("verified 1 served vectors (1 values): 0 differences"), "{}", ran.stdout);
    assert!(ran.stdout.contains("made with other parameters"), "{}", ran.stdout);

    store.materialize(&[], None).expect("materializes");
    assert_eq!(get(&mut store, "a", None).values[0].to_string(), "15.0");
    assert_verified(&mut store, 2);
}

#[test]
fn vectors_are_verified_with_the_views_that_they_read() {
    let base = "[project]\nname = \"wired\"\n[entities.customer]\nkeys = { customer_id = \"text\" }\n\
                [sources.events]\nentity = \"customer\"\nevent_time = \"event_timestamp\"\n\
                [sources.others]\nentity = \"customer\"\nevent_time = \"event_timestamp\"\n\
                [views.activity]\nsources = [\"events\"]\ntransform = \"CHURN\"\n\
                [views.cart]\ninputs = [\"activity:purchase_count_30d\", \"request:cart_value\"]\ntransform = \"CART\"\n";
    let project = Project::new(base);
    let mut store = project.open();
    let path = project.write("push.ndjson", lines("1 a purchase 1 2024-01-01"));
    store.ingest("events", &path, &Arrival::EventTime).expect("is pushed");
    let cart = FeatureSelection::References(vec!["cart:cart_per_purchase".parse().expect("a reference")]);
    let plan = store.plan(&cart).expect("plans");
    let ask = |store: &mut FeatureStore, plan: &FeaturePlan, at_text| {
        let mut request = ask("a", Some(at(at_text)));
        request.request = vec![("cart_value".to_owned(), Value::Float64(6.0))];
        store.get_online_features(plan, &request).expect("is answered").values[0].clone()
    };
    assert!(ask(&mut store, &plan, "2024-01-02").same_bits(&Value::Float64(6.0)));
    drop(store);
    // A newer version of the view takes its place among the inputs: it reads other events, of which there are none.
    project.configure(&format!("{base}[views.\"activity@v2\"]\nsources = [\"others\"]\ntransform = \"CHURN\"\n"));
    let mut store = project.open();
    let plan = store.plan(&cart).expect("plans");
    assert!(ask(&mut store, &plan, "2024-01-03").same_bits(&Value::Null));
    assert_verified(&mut store, 2);
}

#[test]
fn a_component_without_events_is_kept_as_well() {
    let cart = "[views.cart]\ninputs = [\"activity:purchase_count_30d\", \"request:cart_value\"]\n\
                transform = \"cart.wasm\"\n[services.checkout]\nfeatures = [\"cart:*\"]\n";
    let project = Project::new(&format!("{}{cart}", toml("[]", "", "TRACE")));
    let bytes = std::fs::read(&components().cart).expect("was built");
    project.write("cart.wasm", &bytes);
    let mut store = project.open();
    push(&project, &mut store, "1 a purchase 1 2024-01-01\n2 a purchase 2 2024-01-02").expect("is taken");
    let plan = store.plan(&FeatureSelection::Service("checkout".to_owned())).expect("plans");
    let question = Ask { entity: "a".to_owned(), as_of: at("2024-01-03"), cart_value: 5.0 };
    let (answer, _) = online(&mut store, &plan, &question);
    assert_eq!(answer[0].0.to_string(), "2.5");
    drop(store);
    // The same component with a note at its end: other bytes, another digest.
    project.write("cart.wasm", [&bytes[..], b"\0\x05\x04note"].concat());
    let mut store = project.open();
    let changed = store.plan(&FeatureSelection::Service("checkout".to_owned())).expect("plans");
    assert_ne!(changed.views[1].program.digest(), plan.views[1].program.digest());
    assert_verified(&mut store, 1);
}

#[test]
fn one_process_writes_at_a_time_and_readers_are_free() {
    let project = served_one();
    let mut store = project.open();
    get(&mut store, "a", None);
    project.write("push.ndjson", lines("9 a w 1 2024-01-05"));
    for words in ["ingest --source events push.ndjson", "get --service all --entity customer_id=a", "materialize"] {
        let ran = project.run(words);
        assert_eq!(ran.code, 2, "{words}: {}", ran.stdout);
        let expected = "error: another onepath process is writing ./.onepath/log.sqlite; one process writes a project's \
                        stores at a time\n";
        assert_eq!(ran.stderr, expected, "{words}");
    }
    let ran = project.run("verify");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    drop(store);
    let ran = project.run("ingest --source events push.ndjson --arrived-at event-time");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let mut store = project.open();
    assert!(trail(&mut store, "a").ends_with("w1;"), "pushed by the command {}", format_time(at("2024-01-05")));
}
