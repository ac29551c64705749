//! What `verify` proves, and what it finds.

use expect_test::{Expect, expect};
use onepath::events::Arrival;
use onepath::time::AsOf;
use rusqlite::Connection;

use super::{ask, assert_verified, get, lines, plan, pushed_project, served_one, toml};
use crate::support::{Ask, Event, Format, HOUR, Project, Random, SECOND, assert_same, at, offline, seal, write_events};

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
    let plan = plan(&store);
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
        .map(|(entity, vector)| Ask { entity: entity.clone(), as_of: vector.as_of.micros(), cart_value: 0.0 })
        .collect();
    for ((answer, (_, vector)), ask) in offline(&store, &plan, &asks, &[]).iter().zip(&served).zip(&asks) {
        let vector = vector.values.iter().cloned().zip(vector.statuses.iter().copied()).collect();
        assert_same(&vector, answer, ask, "served and backfilled");
    }
    let later = store.verify(Some(AsOf::from_micros(day + 30 * HOUR))).expect("verifies").vectors;
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

/// `verify` says no, in these words.
fn check_told(project: &Project, expected: Expect) {
    let ran = project.run("verify");
    assert_eq!((ran.code, ran.stderr.as_str()), (1, ""));
    expected.assert_eq(&ran.stdout);
}

fn check_found(project: &Project, expected: Expect) {
    check_told(project, expected);
    let json = project.run("verify --format json");
    assert_eq!(json.code, 1);
    let report: serde_json::Value = serde_json::from_str(&json.stdout).expect("is JSON");
    assert_ne!(report["differences"].as_u64().zip(report["state_differences"].as_u64()), Some((0, 0)));
}

fn sql(project: &Project, file: &str, statement: &str) {
    let connection = Connection::open(project.path(file)).expect("opens");
    assert_eq!(connection.execute(statement, []).expect("runs"), 1);
}

/// Puts other bytes in place of some in the one batch that was served.
fn change(project: &Project, from: &[u8], to: &[u8]) {
    let path = project.path(".onepath/served.sqlite");
    assert_eq!(seal::change_batches(&path, |body| seal::replace(body, from, to)), 1);
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
    check_told(
        &project,
        expect![[r#"
        verified 1 served vector (7 values): 0 differences
        verified 2 online states: 0 differences
        NOT verified: 0 served vectors and the states of 1 view, because what served is no longer there:
          the state of ["a"] in view activity@v1 of the online store ./.onepath/online.sqlite is not as it was written, its checksum differs: run `onepath reset --keep-log --keep-served`, then `onepath materialize`
          `onepath verify --since TIME` leaves out older vectors
    "#]],
    );
    // With the checksum of the wrong bit, it is found by the proof itself.
    seal::seal_states(&path);
    check_found(
        &project,
        expect![[r#"
            verified 1 served vector (7 values): 0 differences
            verified 4 online states: 1 difference

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
    seal::seal_states(&project.path(".onepath/online.sqlite"));
    check_found(
        &project,
        expect![[r#"
            verified 1 served vector (7 values): 0 differences
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
    let wrong = f64::from_bits(mean.to_bits() ^ 1);
    change(&project, &mean.to_le_bytes(), &wrong.to_le_bytes());
    check_found(
        &project,
        expect![[r#"
        verified 1 served vector (7 values): 1 difference
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
    // The statuses of seven features: form, length, code.
    change(&project, &[0, 1, 0, 0, 0, 0].repeat(7), &[0, 1, 0, 0, 0, 1].repeat(7));
    let report = project.open().verify(None).expect("verifies");
    assert_eq!((report.differences, report.first[0].what.as_str()), (7, "status of activity@v1:purchase_count_30d"));

    let project = served_one();
    let offsets = |offset: u8| [0, 8, 0, 0, 0, offset, 0, 0, 0, 0, 0, 0, 0].repeat(2);
    change(&project, &offsets(2), &offsets(1));
    let report = project.open().verify(None).expect("verifies");
    assert_eq!((report.differences, report.first[0].what.as_str()), (2, "newest log offset seen by view activity@v1"));

    let project = served_one();
    let later = at("2024-01-02") + 1;
    let change = format!("UPDATE events SET event_time = {later}, available_at = {later} WHERE position = 2");
    sql(&project, ".onepath/log.sqlite", &change);
    seal::seal_events(&project.path(".onepath/log.sqlite"));
    let report = project.open().verify(None).expect("verifies");
    // A microsecond later it is no whole day ago. The trace view keeps no time, but its newest event differs.
    assert_eq!((report.differences, report.state_differences), (1, 2), "{:#?}", report.first);
}

/// Batches and events that are not what was written are told, and the others are proved.
#[test]
fn what_is_missing_or_damaged_is_told() {
    let project = served_one();
    // Each by a server of its own, so that each is a batch of its own.
    ["a", "b", "a"].iter().for_each(|entity| drop(get(&mut project.open(), entity, None)));
    sql(&project, ".onepath/served.sqlite", "DELETE FROM batches WHERE number = 2");
    sql(&project, ".onepath/served.sqlite", "UPDATE batches SET body = zeroblob(length(body)) WHERE number = 3");
    check_told(
        &project,
        expect![[r#"
            verified 2 served vectors (14 values): 0 differences
            verified 4 online states: 0 differences
            NOT verified: 2 served vectors and the states of 0 views, because what served is no longer there:
              batch 2 of the feature log ./.onepath/served.sqlite is missing, and nothing in it says why: 1 served vector cannot be verified; restore it from a copy, or move it away to begin a new one
              batch 3 of the feature log ./.onepath/served.sqlite is not as it was written, its checksum differs: 1 served vector cannot be verified; restore it from a copy, or move it away to begin a new one
              `onepath verify --since TIME` leaves out older vectors
        "#]],
    );
    sql(&project, ".onepath/log.sqlite", "UPDATE events SET fields = replace(fields, '1', '2') WHERE position = 1");
    check_told(
        &project,
        expect![[r#"
        verified 0 served vectors (0 values): 0 differences
        verified 0 online states: 0 differences
        NOT verified: 4 served vectors and the states of 2 views, because what served is no longer there:
          batch 2 of the feature log ./.onepath/served.sqlite is missing, and nothing in it says why: 1 served vector cannot be verified; restore it from a copy, or move it away to begin a new one
          batch 3 of the feature log ./.onepath/served.sqlite is not as it was written, its checksum differs: 1 served vector cannot be verified; restore it from a copy, or move it away to begin a new one
          event 1 of the event log ./.onepath/log.sqlite is not as it was written, its checksum differs: restore it from a copy
          `onepath verify --since TIME` leaves out older vectors
    "#]],
    );
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
        NOT verified: 1 served vector and the states of 2 views, because what served is no longer there:
          the history file ./history.ndjson is not the one that was materialized: its bytes differ; put the old file back to verify what was served from it
          `onepath verify --since TIME` leaves out older vectors
    "#]].assert_eq(&ran.stdout);
    assert_eq!(ran.code, 1);
    std::fs::remove_file(project.path("history.ndjson")).expect("removes");
    let ran = project.run("verify");
    expect![[r#"
        verified 0 served vectors (0 values): 0 differences
        verified 0 online states: 0 differences
        NOT verified: 1 served vector and the states of 2 views, because what served is no longer there:
          the history file ./history.ndjson is not the one that was materialized: it is gone; put it back, or serve and verify after `onepath materialize` with the new files
          `onepath verify --since TIME` leaves out older vectors
    "#]].assert_eq(&ran.stdout);
    assert_eq!(ran.code, 1);
}

/// Without the whole log nothing is proved, and nothing goes on as if there had been no events.
#[test]
fn a_log_that_is_gone_short_or_not_whole_is_told() {
    let project = served_one();
    sql(&project, ".onepath/log.sqlite", "DELETE FROM events WHERE position = 1");
    check_told(
        &project,
        expect![[r#"
        verified 0 served vectors (0 values): 0 differences
        verified 0 online states: 0 differences
        NOT verified: 1 served vector and the states of 2 views, because what served is no longer there:
          1 of the 3 events of the event log ./.onepath/log.sqlite are missing: restore it from a copy
          `onepath verify --since TIME` leaves out older vectors
    "#]],
    );

    let project = served_one();
    sql(&project, ".onepath/log.sqlite", "DELETE FROM events WHERE position = (SELECT max(position) FROM events)");
    check_told(
        &project,
        expect![[r#"
        verified 0 served vectors (0 values): 0 differences
        verified 0 online states: 0 differences
        NOT verified: 1 served vector and the states of 2 views, because what served is no longer there:
          the event log ./.onepath/log.sqlite ends at offset 2, and offset 3 was there once: restore the newer log from a copy
          `onepath verify --since TIME` leaves out older vectors
    "#]],
    );

    let project = served_one();
    std::fs::remove_file(project.path(".onepath/log.sqlite")).expect("is there");
    check_told(
        &project,
        expect![[r#"
        verified 0 served vectors (0 values): 0 differences
        verified 0 online states: 0 differences
        NOT verified: 1 served vector and the states of 2 views, because what served is no longer there:
          the event log ./.onepath/log.sqlite is gone: restore it from a copy, or run `onepath reset` to begin without the events that were pushed
          `onepath verify --since TIME` leaves out older vectors
    "#]],
    );
    project.write("gone.csv", "customer_id,as_of\na,2024-01-03\n");
    let backfill = "backfill --service all --spine gone.csv --out gone-out.csv";
    for words in ["get --service all --entity customer_id=a", "materialize", backfill] {
        let ran = project.run(words);
        assert!(ran.code == 3 && ran.stderr.contains("is gone: restore it from a copy"), "{words}: {}", ran.stderr);
        assert!(!project.path(".onepath/log.sqlite").exists(), "{words} began another log");
    }
}
