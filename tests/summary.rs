//! What backfill, materialize and ingest tell of what they saw: counts in a few lines, in the manifest and as JSON, and warnings
//! where times are hardly what was meant.

use expect_test::{Expect, expect};
use serde_json::Value;

use crate::support::{Project, Ran, at, churn_toml};

const BACKFILL: &str = "backfill --service churn_v1 --spine spine.csv --out out.csv";

/// A project of one source with these settings, its events as CSV and its spine.
fn project(settings: &str, events: &str, spine: &str) -> Project {
    let project = Project::churn(&["data/e.csv"], settings, "");
    project.write("data/e.csv", csv("customer_id,event_type,amount,event_timestamp,created", events));
    project.write("spine.csv", csv("customer_id,as_of", spine));
    project
}

/// Rows as words, one a line; a row may end early.
fn csv(header: &str, rows: &str) -> String {
    let columns = header.split(',').count();
    let mut text = format!("{header}\n");
    for row in rows.lines().map(str::trim).filter(|row| !row.is_empty()) {
        let mut cells: Vec<&str> = row.split_whitespace().collect();
        cells.resize(columns, "");
        text += &format!("{}\n", cells.join(","));
    }
    text
}

/// The lines about what was seen, and the warnings.
fn told(ran: &Ran) -> String {
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    let is_seen = |line: &&str| {
        ["source ", "  row ", "spine:", "nulls:", "activity@", "trace@"].iter().any(|start| line.starts_with(start))
    };
    let seen = ran.stdout.lines().filter(is_seen).map(|line| format!("{line}\n")).collect::<String>();
    seen + &ran.stderr
}

fn check(project: &Project, words: &str, expected: Expect) {
    expected.assert_eq(&told(&project.run(words)));
}

/// The summary in the manifest of `out.csv`.
fn summary(project: &Project) -> Value {
    let manifest = std::fs::read_to_string(project.path("out.csv.manifest.json")).expect("a manifest");
    serde_json::from_str::<Value>(&manifest).expect("JSON")["summary"].clone()
}

const EVENTS: &str = "
    a purchase 1 2024-01-01
    a purchase 2 2024-01-05
    b purchase 3 2024-01-01
    c purchase 4 2024-01-20
    d purchase 5 2024-03-01";

#[test]
fn a_run_with_nothing_to_say_says_how_many_events_it_read() {
    let project = project("", "a purchase 1 2024-01-01\na return 1 2024-01-02", "a 2024-01-10");
    check(
        &project,
        BACKFILL,
        expect![[r#"
        source events: 2 events
    "#]],
    );
}

#[test]
fn events_and_rows_that_do_not_meet_are_counted() {
    let spine = "a 2024-01-03\na 2024-01-10\nc 2024-01-10\nc 2024-01-02\nz 2024-01-10";
    let project = project("", EVENTS, spine);
    check(
        &project,
        BACKFILL,
        expect![[r#"
            source events: 5 events; 3 seen by no row, 2 later than the last as-of
            activity@v1: 3 of 5 rows saw no event (2 of an entity that has later ones)
            nulls: avg_purchase_value_90d 3, days_since_last_purchase 3
        "#]],
    );
    expect![[r#"
        {
          "spine": {
            "rows": 5,
            "rounded": 0,
            "first_as_of": "2024-01-02T00:00:00Z",
            "last_as_of": "2024-01-10T00:00:00Z"
          },
          "sources": [
            {
              "source": "events",
              "events": 5,
              "pushed": 0,
              "later": 2,
              "rounded": 0,
              "repeated": 0,
              "conflicting": 0,
              "oldest_event": "2024-01-01T00:00:00Z",
              "newest_event": "2024-03-01T00:00:00Z"
            }
          ],
          "views": [
            {
              "view": "activity@v1",
              "not_found": 3,
              "hidden": 2,
              "outside_max_age": 0,
              "sources": [
                {
                  "source": "events",
                  "unseen": 3
                }
              ]
            }
          ],
          "nulls": [
            {
              "feature": "purchase_count_30d",
              "nulls": 0
            },
            {
              "feature": "avg_purchase_value_90d",
              "nulls": 3
            },
            {
              "feature": "days_since_last_purchase",
              "nulls": 3
            },
            {
              "feature": "return_rate_180d",
              "nulls": 0
            }
          ],
          "warnings": []
        }
    "#]]
    .assert_eq(&format!("{:#}\n", summary(&project)));
    let ran = project.run(&format!("--format json {BACKFILL}"));
    let report: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(report["summary"], summary(&project));
}

#[test]
fn rows_outside_the_ttl_are_counted() {
    let project = Project::churn(&["data/e.csv"], "", "ttl = \"3d\"");
    project.write("data/e.csv", csv("customer_id,event_type,amount,event_timestamp", EVENTS));
    project.write("spine.csv", csv("customer_id,as_of", "a 2024-01-06\nb 2024-01-06"));
    check(
        &project,
        BACKFILL,
        expect![[r#"
            source events: 5 events; 2 seen by no row, 2 later than the last as-of
            activity@v1: 1 row outside its ttl
            nulls: purchase_count_30d 1, avg_purchase_value_90d 1, days_since_last_purchase 1, return_rate_180d 1
        "#]],
    );
}

#[test]
fn views_of_several_entities_leave_out_events_of_their_own() {
    let toml =
        churn_toml(&["data/e.csv"], "", "").replace("entity = \"customer\"\n", "entities = [\"customer\", \"kind\"]\n");
    let toml = toml.replace("[sources.events]", "[entities.kind]\nkeys = { shop = \"text\" }\n[sources.events]");
    let toml = toml.replace(
        "[services.churn_v1]",
        "[views.trace]\nentity = \"kind\"\nsources = [\"events\"]\ntransform = \"TRACE\"\n[services.churn_v1]",
    );
    let toml = toml.replace(
        "sources = [\"events\"]\ntransform = \"CHURN\"",
        "entity = \"customer\"\nsources = [\"events\"]\ntransform = \"CHURN\"",
    );
    let project =
        Project::new(&toml.replace("[\"activity:*\"]", "[\"activity:purchase_count_30d\", \"trace:events\"]"));
    project.write(
        "data/e.csv",
        csv(
            "customer_id,shop,event_type,amount,event_timestamp",
            "
        a x purchase 1 2024-01-01
        b x purchase 2 2024-01-02
        c y purchase 3 2024-01-03",
        ),
    );
    project.write("spine.csv", csv("customer_id,shop,as_of", "a x 2024-01-10\nb y 2024-01-02"));
    check(
        &project,
        BACKFILL,
        expect![[r#"
            source events: 3 events; 1 seen by no row
            trace@v1: 1 of 2 rows saw no event (1 of an entity that has later ones)
        "#]],
    );
}

/// The real case: when a row was written into a warehouse is not when the event was known.
#[test]
fn an_arrival_time_that_hides_the_history_is_told() {
    let events = "
        a purchase 1 2024-01-01 2024-06-01
        b purchase 2 2024-01-02 2024-06-01
        c purchase 3 2024-01-03 2024-01-03";
    let project = project("arrival_time = \"created\"", events, "a 2024-02-01\nb 2024-02-01\nc 2024-02-01");
    check(
        &project,
        BACKFILL,
        expect![[r#"
            source events: 3 events; 2 seen by no row, 2 later than the last as-of
            activity@v1: 2 of 3 rows saw no event (2 of an entity that has later ones)
            nulls: avg_purchase_value_90d 2, days_since_last_purchase 2
            warning: view activity@v1: 2 of 3 rows saw no event although their entity has some, all available only later: check arrival_time of source events (column created)
        "#]],
    );
    project.write("spine.csv", csv("customer_id,as_of", "a 2024-02-01\nb 2024-01-01"));
    check(
        &project,
        BACKFILL,
        expect![[r#"
            source events: 3 events; 3 seen by no row, 2 later than the last as-of
            activity@v1: 2 of 2 rows saw no event (2 of an entity that has later ones)
            nulls: avg_purchase_value_90d 2, days_since_last_purchase 2
            warning: view activity@v1: 2 of 2 rows saw no event although their entity has some, all available only later: check arrival_time of source events (column created)
        "#]],
    );
    project.write(
        "data/e.csv",
        csv(
            "customer_id,event_type,amount,event_timestamp,created",
            &events.replace("2024-01-03 2024-01-03", "2024-01-03 2024-05-03"),
        ),
    );
    check(
        &project,
        BACKFILL,
        expect![[r#"
            source events: 3 events; 3 seen by no row, 3 later than the last as-of
            activity@v1: 2 of 2 rows saw no event (2 of an entity that has later ones)
            nulls: avg_purchase_value_90d 2, days_since_last_purchase 2
            warning: source events: every event became available only after the last as-of, 2024-02-01T00:00:00Z; the newest is of 2024-01-03T00:00:00Z: check arrival_time (column created)
        "#]],
    );
}

#[test]
fn finer_digits_are_counted_apart() {
    let events =
        "a purchase 1 2024-01-01T00:00:00.0000005Z\na purchase 2 2024-01-01T00:00:00.0000009Z\na purchase 3 2024-01-02";
    let project = project("", events, "a 2024-01-03\na 2024-01-04");
    check(
        &project,
        BACKFILL,
        expect![[r#"
            source events: 3 events; 2 times with digits beyond the microsecond, rounded up
        "#]],
    );
    project.write("spine.csv", csv("customer_id,as_of", "a 2024-01-03T00:00:00.0000001Z\na 2024-01-04"));
    check(
        &project,
        BACKFILL,
        expect![[r#"
            source events: 3 events; 2 times with digits beyond the microsecond, rounded up
            spine: 1 as-of with digits beyond the microsecond, rounded down
            warning: source events and the spine have times finer than the microsecond, 2 and 1 of them: an event may be seen up to 2 us late, never early
        "#]],
    );
    check(
        &project,
        "materialize --up-to 2024-02-01",
        expect![[r#"
            source events: 3 events; 2 times with digits beyond the microsecond, rounded up
            activity@v1: 3 events up to 2024-02-01T00:00:00Z are now the states of 1 entity (81 bytes)
        "#]],
    );
}

#[test]
fn a_wrong_unit_is_told_with_the_right_one() {
    for (unit, time, expected) in [
        (
            "s",
            "1704067200123",
            expect![[r#"
                source events: 1 event; 1 seen by no row, 1 later than the last as-of
                activity@v1: 1 of 1 row saw no event (1 of an entity that has later ones)
                nulls: avg_purchase_value_90d 1, days_since_last_purchase 1
                warning: source events: event_timestamp 1704067200123 (data/e.csv, row 1) read as s is +55969-09-28T00:02:03Z; as ms it is 2024-01-01T00:00:00.123Z: check event_time_unit
                warning: source events: every event became available only after the last as-of, 2024-01-10T00:00:00Z; the newest is of +55969-09-28T00:02:03Z
            "#]],
        ),
        (
            "ms",
            "1704067200",
            expect![[r#"
                source events: 1 event
                nulls: avg_purchase_value_90d 1
                warning: source events: event_timestamp 1704067200 (data/e.csv, row 1) read as ms is 1970-01-20T17:21:07.200Z; as s it is 2024-01-01T00:00:00Z: check event_time_unit
            "#]],
        ),
        (
            "s",
            "20240101",
            expect![[r#"
                source events: 1 event
                nulls: avg_purchase_value_90d 1
                warning: source events: event_timestamp 20240101 (data/e.csv, row 1) read as s is 1970-08-23T06:15:01Z; as YYYYMMDD it is 2024-01-01T00:00:00Z: check event_time_unit
            "#]],
        ),
        (
            "us",
            "1704067200123.0",
            expect![[r#"
                source events: 1 event
                nulls: avg_purchase_value_90d 1
                warning: source events: event_timestamp 1704067200123 (data/e.csv, row 1) read as us is 1970-01-20T17:21:07.200123Z; as ms it is 2024-01-01T00:00:00.123Z: check event_time_unit
            "#]],
        ),
        (
            "ns",
            "1704067200123001",
            expect![[r#"
                source events: 1 event; 1 time with digits beyond the microsecond, rounded up
                nulls: avg_purchase_value_90d 1
                warning: source events: event_timestamp 1704067200123001 (data/e.csv, row 1) read as ns is 1970-01-20T17:21:07.200124Z; as us it is 2024-01-01T00:00:00.123001Z: check event_time_unit
            "#]],
        ),
        // Nothing else would be better; and what is no number has no unit.
        (
            "s",
            "5",
            expect![[r#"
                source events: 1 event
                nulls: avg_purchase_value_90d 1
            "#]],
        ),
        (
            "s",
            "1912-06-01",
            expect![[r#"
                source events: 1 event
                nulls: avg_purchase_value_90d 1
            "#]],
        ),
        (
            "s",
            "1704067200",
            expect![[r#"
                source events: 1 event
            "#]],
        ),
    ] {
        let settings = format!("event_time_unit = \"{unit}\"");
        let project = project(&settings, &format!("a purchase 1 {time}"), "a 2024-01-10");
        check(&project, BACKFILL, expected);
    }
}

#[test]
fn wrong_units_of_arrivals_and_as_ofs_are_told() {
    let settings = "arrival_time = \"created\"\narrival_time_unit = \"s\"";
    let events = "a purchase 1 2024-01-01 1704067200\na purchase 1 2024-01-01 1704067200123\na purchase 2 2024-01-02 1704153600123";
    let project = project(settings, events, "a 2024-01-10");
    check(
        &project,
        BACKFILL,
        expect![[r#"
            source events: 3 events; 2 seen by no row, 2 later than the last as-of
            warning: source events: created 1704067200123 (data/e.csv, row 2) read as s is +55969-09-28T00:02:03Z; as ms it is 2024-01-01T00:00:00.123Z: check arrival_time_unit
        "#]],
    );
    project.write("spine.csv", csv("customer_id,as_of", "a 1704844800\na 1704844801"));
    check(
        &project,
        &format!("{BACKFILL} --as-of-unit ms"),
        expect![[r#"
            source events: 3 events; 3 seen by no row, 3 later than the last as-of
            activity@v1: 2 of 2 rows saw no event (2 of an entity that has later ones)
            nulls: avg_purchase_value_90d 2, days_since_last_purchase 2
            warning: the spine: as_of 1704844800 (spine.csv, row 1) read as ms is 1970-01-20T17:34:04.800Z; as s it is 2024-01-10T00:00:00Z: check --as-of-unit
            warning: source events: created 1704067200123 (data/e.csv, row 2) read as s is +55969-09-28T00:02:03Z; as ms it is 2024-01-01T00:00:00.123Z: check arrival_time_unit
            warning: source events: every event became available only after the last as-of, 1970-01-20T17:34:04.801Z; the newest is of 2024-01-02T00:00:00Z: check arrival_time (column created)
        "#]],
    );
}

#[test]
fn materialize_and_ingest_tell_a_wrong_unit() {
    let settings = "event_time_unit = \"s\"";
    let project = project(settings, "a purchase 1 1704067200123\na purchase 1 1704067200124", "a 2024-01-10");
    check(
        &project,
        "materialize --up-to 2024-02-01",
        expect![[r#"
            source events: 2 events; 2 later than 2024-02-01T00:00:00Z
            activity@v1: 0 events up to 2024-02-01T00:00:00Z are now the states of 0 entities (0 bytes)
            activity@v1: 2 later events of the files are not in the states; a backfill over these files sees them
            warning: source events: event_timestamp 1704067200123 (data/e.csv, row 1) read as s is +55969-09-28T00:02:03Z; as ms it is 2024-01-01T00:00:00.123Z: check event_time_unit
            warning: source events: every event became available only after the cut, 2024-02-01T00:00:00Z; the newest is of +55969-09-28T00:02:04Z
        "#]],
    );
    project.write("data/e.csv", csv("customer_id,event_type,amount,event_timestamp", "a purchase 1 20240101"));
    check(
        &project,
        "materialize --up-to 2024-02-01",
        expect![[r#"
            source events: 1 event
            activity@v1: 1 event up to 2024-02-01T00:00:00Z are now the states of 1 entity (49 bytes)
            warning: source events: event_timestamp 20240101 (data/e.csv, row 1) read as s is 1970-08-23T06:15:01Z; as YYYYMMDD it is 2024-01-01T00:00:00Z: check event_time_unit
        "#]],
    );
    project.write("push.ndjson", r#"{"customer_id":"a","event_type":"view","amount":1.5,"event_timestamp":20240102}"#);
    check(
        &project,
        "ingest --source events push.ndjson",
        expect![[r#"
            warning: source events: event_timestamp 20240102 (push.ndjson, row 1) read as s is 1970-08-23T06:15:02Z; as YYYYMMDD it is 2024-01-02T00:00:00Z: check event_time_unit
        "#]],
    );
}

#[test]
fn events_of_another_age_are_told() {
    let project = project("", "a purchase 1 1066-10-14\na purchase 1 1899-12-30", "a 2024-01-10");
    check(
        &project,
        BACKFILL,
        expect![[r#"
            source events: 2 events
            nulls: avg_purchase_value_90d 1
            warning: source events: every event lies before the year 1900, the newest at 1899-12-30T00:00:00Z: check event_timestamp
        "#]],
    );
    project.write(
        "data/e.csv",
        csv("customer_id,event_type,amount,event_timestamp", "a purchase 1 2025-01-01\nb purchase 1 2025-01-02"),
    );
    check(
        &project,
        BACKFILL,
        expect![[r#"
            source events: 2 events; 2 seen by no row, 2 later than the last as-of
            activity@v1: 1 of 1 row saw no event (1 of an entity that has later ones)
            nulls: avg_purchase_value_90d 1, days_since_last_purchase 1
            warning: source events: every event became available only after the last as-of, 2024-01-10T00:00:00Z; the newest is of 2025-01-02T00:00:00Z
        "#]],
    );
}

#[test]
fn pushed_events_are_counted() {
    let project = project(
        "event_id = \"created\"",
        "a purchase 1 2024-01-01 e1\nz purchase 1 2024-01-01 e2",
        "a 2024-02-01\nb 2024-02-01\nb 2024-03-01",
    );
    let event = |customer: &str, time: &str, id: &str| {
        format!(
            r#"{{"customer_id":"{customer}","event_type":"purchase","amount":1.5,"event_timestamp":"{time}","created":"{id}"}}"#
        ) + "\n"
    };
    project.write(
        "push.ndjson",
        event("a", "2024-01-15", "e3") + &event("b", "2024-02-15", "e4") + &event("b", "2024-04-15", "e5"),
    );
    project.run("ingest --source events push.ndjson --arrived-at event-time");
    check(
        &project,
        BACKFILL,
        expect![[r#"
            source events: 2 events of files, 3 of the log; 2 seen by no row, 1 later than the last as-of
            activity@v1: 1 of 3 rows saw no event (1 of an entity that has later ones)
            nulls: avg_purchase_value_90d 1, days_since_last_purchase 1
        "#]],
    );
    check(
        &project,
        "backfill --service churn_v1 --at events --out out.csv",
        expect![[r#"
            source events: 2 events of files, 3 of the log
        "#]],
    );
    check(
        &project,
        &format!("{BACKFILL} --source events=data/e.csv"),
        expect![[r#"
            source events: 2 events; 1 seen by no row
            activity@v1: 2 of 3 rows saw no event
            nulls: avg_purchase_value_90d 2, days_since_last_purchase 2
        "#]],
    );
    check(
        &project,
        "materialize --up-to 2024-02-01",
        expect![[r#"
            source events: 2 events of files, 3 of the log
            activity@v1: 5 events up to 2024-02-01T00:00:00Z are now the states of 3 entities (179 bytes)
        "#]],
    );
}

#[test]
fn events_left_out_by_their_ids_are_counted() {
    let events = "
        a purchase 1 2024-01-01 e1
        a purchase 1 2024-01-01 e1
        a purchase 2 2024-01-01 e1
        z purchase 3 2024-01-02 e2
        z purchase 3 2024-01-02 e2
        a purchase 4 2024-01-03 e3";
    let project = project("event_id = \"created\"", events, "a 2024-01-02");
    let [whole, divided] = ["1GiB", "1"].map(|memory| told(&project.run(&format!("{BACKFILL} --memory {memory}"))));
    assert_eq!(whole, divided);
    expect![[r#"
        source events: 6 events; 2 seen by no row, 1 later than the last as-of, 2 repeated, 1 conflicting
          row 3 of data/e.csv is left out: its event id "e1" is that of row 1 of data/e.csv, and its content is not
    "#]]
    .assert_eq(&whole);
    check(
        &project,
        "materialize --up-to 2024-02-01",
        expect![[r#"
            source events: 6 events
            activity@v1: 3 events up to 2024-02-01T00:00:00Z are now the states of 2 entities (114 bytes)
            activity@v1: 2 events of files left out as repeats of others, by their ids
            activity@v1: 1 event of files left out: they have the id of another event of their entity, and other content
              row 3 of ./data/e.csv is left out: its event id "e1" is that of row 1 of ./data/e.csv, and its content is not
        "#]],
    );
}

#[test]
fn a_wrong_unit_is_told_by_the_name_of_the_column_in_the_file() {
    let settings = "event_time_unit = \"ms\"\ncolumns = { event_timestamp = \"ts\" }";
    let project = project(settings, "", "a 2024-01-10");
    project.write("data/e.csv", csv("customer_id,event_type,amount,ts", "a purchase 1 1704067200"));
    check(
        &project,
        BACKFILL,
        expect![[r#"
            source events: 1 event
            nulls: avg_purchase_value_90d 1
            warning: source events: ts 1704067200 (data/e.csv, row 1) read as ms is 1970-01-20T17:21:07.200Z; as s it is 2024-01-01T00:00:00Z: check event_time_unit
        "#]],
    );
}

#[test]
fn skipped_offsets_of_the_log_are_not_counted() {
    let project = project("", "a purchase 1 2024-01-01", "a 2024-02-01");
    let push =
        |time: &str| format!(r#"{{"customer_id":"a","event_type":"view","amount":1.5,"event_timestamp":"{time}"}}"#);
    project.write("push.ndjson", ["2024-01-02", "2024-01-03", "2024-03-04"].map(push).join("\n"));
    project.run("ingest --source events push.ndjson --arrived-at event-time");
    check(
        &project,
        BACKFILL,
        expect![[r#"
            source events: 1 event of files, 3 of the log; 1 seen by no row, 1 later than the last as-of
        "#]],
    );
    project.configure(&churn_toml(&["data/e.csv"], "skip_offsets = [2, 3]", ""));
    check(
        &project,
        BACKFILL,
        expect![[r#"
            source events: 1 event of files, 1 of the log
        "#]],
    );
}

/// An event as customer and when it was available, and a question as customer and as-of, in microseconds after rounding.
type Moment = (u32, i64);

/// The lines of events and of a spine, and the moments of both. One customer has most of the events.
fn busy_case() -> (String, String, Vec<Moment>, Vec<Moment>) {
    let (mut events, mut spine) = (String::new(), String::new());
    let (mut available, mut asked) = (Vec::new(), Vec::new());
    for row in 0..4_000_u32 {
        let customer = if row % 3 > 0 { 0 } else { row * 31 % 200 };
        let (day, finer) = (row * 7_919 % 300, row % 4);
        let date = |day: u32| format!("2024-{:02}-{:02}", day / 28 % 12 + 1, day % 28 + 1);
        let (happened, arrived) = (date(day), date(day + row % 5));
        events += &format!("c{customer} purchase {}.5 {happened}T00:00:00.000000{finer}Z {arrived}\n", row % 90);
        available.push((customer, (at(&happened) + i64::from(finer > 0)).max(at(&arrived))));
    }
    for row in 0..600_u32 {
        let customer = row * 17 % 260 * (row % 2);
        let (date, finer) = (format!("2024-{:02}-{:02}", row % 9 + 1, row % 27 + 1), row % 3 * 500);
        spine += &format!("c{customer} {date}T00:00:00.000000{finer:03}Z\n");
        asked.push((customer, at(&date)));
    }
    (events, spine, available, asked)
}

/// Rows that see no event, those of them whose customer has some, and events that no row sees; counted one by one.
fn counted(available: &[Moment], asked: &[Moment]) -> [usize; 3] {
    let sees = |ask: &Moment, event: &Moment| ask.0 == event.0 && event.1 <= ask.1;
    let blind: Vec<&Moment> = asked.iter().filter(|ask| !available.iter().any(|event| sees(ask, event))).collect();
    let hidden = blind.iter().filter(|ask| available.iter().any(|event| event.0 == ask.0)).count();
    let unseen = available.iter().filter(|event| !asked.iter().any(|ask| sees(ask, event))).count();
    [blind.len(), hidden, unseen]
}

/// Partitions, slices, threads and a resumed run count as one pass through memory does.
#[test]
fn counts_do_not_depend_on_how_they_were_made() {
    let (events, spine, available, asked) = busy_case();
    let project = project("arrival_time = \"created\"", &events, &spine);
    let toml = churn_toml(&["data/e.csv"], "arrival_time = \"created\"", "");
    let more = "[sources.more]\nentity = \"customer\"\nfiles = [\"data/more.csv\"]\nevent_time = \"event_timestamp\"\n\
                [views.trace]\nsources = [\"more\", \"events\"]\ntransform = \"TRACE\"\nttl = \"9d\"\n[services.churn_v1]";
    project.configure(
        &toml.replace("[services.churn_v1]", more).replace("[\"activity:*\"]", "[\"activity:*\", \"trace:*\"]"),
    );
    let half: Vec<&str> = events.lines().step_by(2).collect();
    project.write("data/more.csv", csv("customer_id,event_type,amount,event_timestamp,created", &half.join("\n")));
    let mut first = None;
    for (memory, rest) in [("4GiB", ""), ("1", ""), ("1MiB", ""), ("1", "--batch-rows 3"), ("1", "--resume")] {
        for threads in [1, 2] {
            let ran = project.run(&format!("--format json {BACKFILL} --memory {memory} --threads {threads} {rest}"));
            let report: Value = serde_json::from_str(&ran.stdout).expect("JSON");
            assert_eq!(report["partitions"].as_u64() > Some(1), memory != "4GiB", "{report}");
            assert!(report["sliced"].as_u64() > Some(0) || memory != "1", "{report}");
            let found = (summary(&project), ran.stderr, report["sha256"].clone());
            let first = first.get_or_insert_with(|| found.clone());
            assert_eq!(*first, found, "{memory} of memory, {threads} threads {rest}");
        }
    }
    let (summary, ..) = first.expect("ran");
    let activity = &summary["views"][0];
    let found = [&activity["not_found"], &activity["hidden"], &activity["sources"][0]["unseen"]];
    assert_eq!(found.map(|count| count.as_u64().map(|count| count as usize)), counted(&available, &asked).map(Some));
    expect![[r#"
        {"rows":600,"rounded":400,"first_as_of":"2024-01-01T00:00:00Z","last_as_of":"2024-09-27T00:00:00Z"}
        [{"source":"events","events":4000,"pushed":0,"later":668,"rounded":3000,"repeated":0,"conflicting":0,"oldest_event":"2024-01-01T00:00:00Z","newest_event":"2024-11-20T00:00:00.000001Z"},{"source":"more","events":2000,"pushed":0,"later":334,"rounded":1000,"repeated":0,"conflicting":0,"oldest_event":"2024-01-01T00:00:00Z","newest_event":"2024-11-19T00:00:00.000001Z"}]
        [{"view":"activity@v1","not_found":208,"hidden":139,"outside_max_age":0,"sources":[{"source":"events","unseen":1442}]},{"view":"trace@v1","not_found":208,"hidden":139,"outside_max_age":85,"sources":[{"source":"more","unseen":888},{"source":"events","unseen":1442}]}]
    "#]]
    .assert_eq(&format!("{}\n{}\n{}\n", summary["spine"], summary["sources"], summary["views"]));
}
