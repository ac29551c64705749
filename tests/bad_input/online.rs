//! Pushes and requests that are refused.

use expect_test::expect;

use super::{BACKFILL, EVENTS, cart_project, check, check_online, project};
use crate::support::churn_toml;

#[test]
fn requests_that_do_not_fit() {
    let project = cart_project();
    let get = "get --allow-unmaterialized --service checkout --entity customer_id=c1";
    check_online(
        &project,
        get,
        expect![[r#"
            error: request field cart_value: is missing; it is float64
        "#]],
    );
    check_online(
        &project,
        &format!("{get} --request cart_value=much"),
        expect![[r#"
            error: request field cart_value, row 1: "much" is not a float64 number
        "#]],
    );
    check_online(
        &project,
        &format!("{get} --request cart_value=1 --request basket=1"),
        expect![[r#"
            error: request field basket: is not read by the features asked for; they read: cart_value
        "#]],
    );
    check_online(
        &project,
        &format!("{get} --request cart_value=1 --entity shop=s1"),
        expect![[r#"
            error: entity key shop: is not read by the features asked for; they read: customer_id
        "#]],
    );
    check_online(
        &project,
        "get --allow-unmaterialized --service checkout --request cart_value=1",
        expect![[r#"
            error: entity key customer_id: is missing; it is text
        "#]],
    );
    check_online(
        &project,
        &format!("{get} --request cart_value=1 --as-of 2999-01-01"),
        expect![[r#"
        error: as-of 2999-01-01T00:00:00Z is in the future, it is NOW; ask for a time that has passed, or for none
    "#]],
    );
    // None of them was served.
    let ran = project.run("verify");
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    assert!(ran.stdout.starts_with("nothing was served yet"), "{}", ran.stdout);
    let ran = project.run(&format!("{get} --request cart_value=1"));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
}

#[test]
fn a_request_that_says_a_thing_twice() {
    let project = project();
    let words = "get --allow-unmaterialized --service churn_v1 --entity customer_id=c1 --entity customer_id=c2";
    check_online(
        &project,
        words,
        expect![[r#"
            error: entity key customer_id: is given twice
        "#]],
    );
}

#[test]
fn a_push_with_a_damaged_line() {
    let project = project();
    let good = r#"{"customer_id": "c1", "event_type": "view", "amount": 0, "event_timestamp": "2024-01-08"}"#;
    for (bad, expected) in [
        (
            r#"{"customer_id": "c1", "event_type": "vi"#,
            expect![[r#"
            error: push.ndjson, row 3: is not JSON: EOF while parsing a string at byte 39
        "#]],
        ),
        (
            r#"["c1", "view"]"#,
            expect![[r#"
            error: push.ndjson, row 3: is not a JSON object
        "#]],
        ),
        (
            r#"{"customer_id": null, "event_type": "view", "amount": 0, "event_timestamp": "2024-01-08"}"#,
            expect![[r#"
            error: push.ndjson, row 3, column customer_id: is null
        "#]],
        ),
        (
            r#"{"customer_id": "c1", "event_type": "view", "amount": 0, "event_timestamp": "soon"}"#,
            expect![[r#"
            error: push.ndjson, row 3, column event_timestamp: "soon" is not an ISO 8601 time such as 2024-02-29T12:30:00.000001Z
        "#]],
        ),
        (
            r#"{"customer_id": "c1", "event_type": "view", "amount": 0, "event_timestamp": "2999-01-01"}"#,
            expect![[r#"
            error: row 3: event time 2999-01-01T00:00:00Z is after its arrival NOW; events dated in the future are refused (1 of 3)
        "#]],
        ),
    ] {
        project.write("push.ndjson", format!("{good}\n{good}\n{bad}\n"));
        check_online(&project, "ingest --source events push.ndjson", expected);
    }
    let ran = project.run_with(&["ingest", "--source", "events", "-"], &format!("{good}\n"));
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    // What was refused is not in the log: this is its first event.
    assert_eq!(ran.stdout, "events: 1 event appended, 0 duplicates; the log ends at offset 1\n");
}

#[test]
fn a_transform_that_refuses_or_traps() {
    let project = project();
    project.configure(&churn_toml(&["events.csv"], "", "").replace("CHURN", "TRACE"));
    project.write("events.csv", EVENTS.replace("c1,return", "c1,refuse"));
    check(
        &project,
        BACKFILL,
        expect![[r#"
        error: view activity@v1, entity c1, event of 2024-01-04T00:00:00Z: the transform refused its input: this event is refused
    "#]],
    );
    project.write("events.csv", EVENTS.replace("c1,return", "c1,trap"));
    let before = project.files();
    let ran = project.run(BACKFILL);
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""));
    let place = "error: view activity@v1, entity c1, event of 2024-01-04T00:00:00Z: the transform trapped: ";
    assert!(ran.stderr.starts_with(place), "{}", ran.stderr);
    assert!(ran.stderr.contains("it wrote:") && ran.stderr.contains("this event traps"), "{}", ran.stderr);
    assert_eq!(project.files(), before);
}

#[test]
fn history_in_the_future_cannot_be_materialized() {
    check_online(
        &project(),
        "materialize --up-to 2999-01-01",
        expect![[r#"
        error: cannot materialize up to 2999-01-01T00:00:00Z: it is in the future
    "#]],
    );
}

#[test]
fn nothing_was_served() {
    let ran = project().run("verify");
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    expect![[r#"
        nothing was served yet: `onepath get` records what it serves
    "#]]
    .assert_eq(&ran.stdout);
}
