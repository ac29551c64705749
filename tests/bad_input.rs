//! What a person reads when something is wrong, word for word: the whole of standard error, exit code 2, and nothing
//! written, neither an output nor a part of one.

use expect_test::{Expect, expect};

use crate::support::{Project, churn_toml, components};

const EVENTS: &str = "\
customer_id,event_type,amount,event_timestamp
c1,purchase,10,2024-01-01
c1,purchase,20,2024-01-02
c2,view,0,2024-01-03
c1,return,5,2024-01-04
c2,purchase,7,2024-01-05
c1,purchase,30,2024-01-06
c1,purchase,40,2024-01-07
";

const LABELS: &str = "customer_id,label_date,churned\nc1,2024-02-01,0\nc2,2024-02-01,1\n";

const BACKFILL: &str = "backfill --service churn_v1 --spine labels.csv --as-of-column label_date --out out.csv";

/// A good project, which each test spoils.
fn project() -> Project {
    let project = Project::churn(&["events.csv"], "", "");
    project.write("events.csv", EVENTS);
    project.write("labels.csv", LABELS);
    project
}

/// The command fails with this message, and leaves the project's files as they were.
fn check(project: &Project, words: &str, expected: Expect) {
    let before = project.files();
    let ran = project.run(words);
    assert_eq!(ran.code, 2, "{words}\n{}{}", ran.stdout, ran.stderr);
    assert_eq!(ran.stdout, "");
    expected.assert_eq(&ran.stderr);
    assert_eq!(project.files(), before, "{words}: files were left behind");
}

/// The same, where the command may have made the stores before it failed.
fn check_online(project: &Project, words: &str, expected: Expect) {
    let ran = project.run(words);
    assert_eq!(ran.code, 2, "{words}\n{}{}", ran.stdout, ran.stderr);
    assert_eq!(ran.stdout, "");
    expected.assert_eq(&masked(&ran.stderr));
    let is_store = |file: &String| file.starts_with(".onepath/");
    let strays: Vec<String> = project.files().into_iter().filter(|file| !is_store(file)).collect();
    let known = ["events.csv", "labels.csv", "onepath.toml", "push.ndjson"];
    assert!(strays.iter().all(|file| known.contains(&file.as_str())), "{strays:?}");
}

#[test]
fn the_good_project_is_good() {
    let project = project();
    let ran = project.run(BACKFILL);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    let out = std::fs::read_to_string(project.path("out.csv")).expect("was written");
    expect![[r#"
        customer_id,label_date,churned,purchase_count_30d,avg_purchase_value_90d,days_since_last_purchase,return_rate_180d
        c1,2024-02-01T00:00:00Z,0,3,25.0,25,0.2
        c2,2024-02-01T00:00:00Z,1,1,7.0,27,0.0
    "#]].assert_eq(&out);
}

#[test]
fn a_removed_column() {
    let project = project();
    project.write("events.csv", "customer_id,event_type,event_timestamp\nc1,purchase,2024-01-01\n");
    check(
        &project,
        BACKFILL,
        expect![[r#"
        error: ./events.csv: no column "amount"; it has: customer_id, event_type, event_timestamp
    "#]],
    );
}

#[test]
fn a_time_in_row_7_that_is_none() {
    let project = project();
    project.write("events.csv", EVENTS.replace("2024-01-07", "yesterday"));
    check(
        &project,
        BACKFILL,
        expect![[r#"
        error: ./events.csv, row 7, column event_timestamp: "yesterday" is not an ISO 8601 time such as 2024-02-29T12:30:00.000001Z
    "#]],
    );
}

#[test]
fn a_number_that_is_none() {
    let project = project();
    project.write("events.csv", EVENTS.replace(",30,", ",thirty,"));
    check(
        &project,
        BACKFILL,
        expect![[r#"
        error: ./events.csv, row 6, column amount: "thirty" is not a float64 number
    "#]],
    );
}

#[test]
fn a_null_key() {
    let project = project();
    project.write("events.csv", EVENTS.replace("c2,view", ",view"));
    check(
        &project,
        BACKFILL,
        expect![[r#"
        error: ./events.csv, row 3, column customer_id: is null
    "#]],
    );
}

#[test]
fn a_null_where_the_transform_reads_none() {
    let project = project();
    project.write("events.csv", EVENTS.replace(",30,", ",,"));
    check(
        &project,
        BACKFILL,
        expect![[r#"
        error: ./events.csv, row 6, column amount: is null
    "#]],
    );
}

#[test]
fn a_row_with_too_many_fields() {
    let project = project();
    project.write("events.csv", EVENTS.replace("c1,return,5", "c1,return,5,5"));
    check(
        &project,
        BACKFILL,
        expect![[r#"
        error: ./events.csv, row 4: the number of fields is 5, but the header has 4
    "#]],
    );
}

#[test]
fn a_truncated_parquet_file() {
    let project = project();
    let good = project.run(&BACKFILL.replace("out.csv", "events.parquet"));
    assert_eq!(good.code, 0, "{}", good.stderr);
    let bytes = std::fs::read(project.path("events.parquet")).expect("was written");
    std::fs::remove_file(project.path("events.parquet.manifest.json")).expect("was written");
    project.configure(&churn_toml(&["events.parquet"], "", ""));
    for length in [bytes.len() - 1, bytes.len() / 2, 3] {
        project.write("events.parquet", &bytes[..length]);
        let before = project.files();
        let ran = project.run(BACKFILL);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""));
        let named = "error: DIR/events.parquet: is not a readable Parquet file: ";
        let named = [named, &named.replace("DIR", ".")];
        assert!(named.iter().any(|named| ran.stderr.starts_with(named)), "{length} bytes: {}", ran.stderr);
        assert_eq!(project.files(), before);
    }
}

#[test]
fn an_unknown_feature() {
    let words =
        "backfill --features activity:purchase_count_31d --spine labels.csv --as-of-column label_date --out o.csv";
    check(
        &project(),
        words,
        expect![[r#"
        error: view activity@v1 has no feature purchase_count_31d; it has: purchase_count_30d, avg_purchase_value_90d, days_since_last_purchase, return_rate_180d
    "#]],
    );
}

#[test]
fn an_unknown_view() {
    let words =
        "backfill --features activty:purchase_count_30d --spine labels.csv --as-of-column label_date --out o.csv";
    check(
        &project(),
        words,
        expect![[r#"
        error: unknown view "activty": did you mean "activity"? known views: activity
    "#]],
    );
}

#[test]
fn a_feature_reference_that_is_none() {
    let words = "backfill --features purchase_count_30d --spine labels.csv --as-of-column label_date --out o.csv";
    check(
        &project(),
        words,
        expect![[r#"
        error: invalid value 'purchase_count_30d' for '--features <REFERENCES>': "purchase_count_30d" is not a feature reference: write view:feature or view@v2:feature

        For more information, try '--help'.
    "#]],
    );
}

#[test]
fn an_unknown_service() {
    check(
        &project(),
        &BACKFILL.replace("churn_v1", "chrun_v1"),
        expect![[r#"
        error: unknown service "chrun_v1": did you mean "churn_v1"? known services: churn_v1
    "#]],
    );
}

#[test]
fn a_component_that_is_none() {
    let project = project();
    project.configure(&churn_toml(&["events.csv"], "", "").replace("CHURN", "bad.wasm"));
    check(
        &project,
        BACKFILL,
        expect![[r#"
        error: the component of view activity@v1 is missing: no file ./bad.wasm
    "#]],
    );
    project.write("bad.wasm", "this is text");
    check(
        &project,
        BACKFILL,
        expect![[r#"
            error: ./bad.wasm is not a WebAssembly component that runs here: its first bytes are not those of WebAssembly; give a .wasm file or the folder of a cargo package
        "#]],
    );
    // The smallest core module.
    project.write("bad.wasm", b"\0asm\x01\0\0\0");
    check(
        &project,
        BACKFILL,
        expect![[r#"
            error: ./bad.wasm is not a WebAssembly component that runs here: it is a core module; build it for wasm32-wasip2 (`onepath build` does), or wrap it with `wasm-tools component new`
        "#]],
    );
    let whole = std::fs::read(&components().churn).expect("was built");
    for length in [whole.len() - 1, whole.len() / 2, 100, 9] {
        project.write("bad.wasm", &whole[..length]);
        let before = project.files();
        let ran = project.run(BACKFILL);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""));
        assert!(
            ran.stderr.starts_with("error: ./bad.wasm is not a WebAssembly component that runs here: "),
            "{}",
            ran.stderr
        );
        assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
        assert_eq!(project.files(), before);
    }
    // The smallest component.
    project.write("bad.wasm", b"\0asm\x0d\0\x01\0");
    check(
        &project,
        BACKFILL,
        expect![[r#"
            error: ./bad.wasm is a component, but not a feature transform of onepath:feature@0.1.0: it exports nothing: no exported instance named `onepath:feature/transform@0.1.0`
        "#]],
    );
}

#[test]
fn a_component_that_is_not_built() {
    let project = project();
    project.write("transform/Cargo.toml", "");
    project.configure(&churn_toml(&["events.csv"], "", "").replace("CHURN", "transform"));
    check(
        &project,
        BACKFILL,
        expect![[r#"
        error: the transform of view activity@v1 is not built: run `onepath build` (package ./transform)
    "#]],
    );
}

#[test]
fn a_spine_without_a_key_column() {
    let project = project();
    project.write("labels.csv", "customer,label_date\nc1,2024-02-01\n");
    check(
        &project,
        BACKFILL,
        expect![[r#"
        error: labels.csv: no column "customer_id"; it has: customer, label_date
    "#]],
    );
}

#[test]
fn a_spine_without_an_as_of_column() {
    check(
        &project(),
        "backfill --service churn_v1 --spine labels.csv --out out.csv",
        expect![[r#"
        error: labels.csv has neither as_of nor event_timestamp: name the column of the cut-off with --as-of-column; it has: customer_id, label_date, churned
    "#]],
    );
    check(
        &project(),
        &BACKFILL.replace("label_date", "labeldate"),
        expect![[r#"
        error: labels.csv: no column "labeldate"; it has: customer_id, label_date, churned
    "#]],
    );
}

#[test]
fn a_spine_with_a_null_as_of() {
    let project = project();
    project.write("labels.csv", "customer_id,label_date\nc1,2024-02-01\nc2,\n");
    check(
        &project,
        BACKFILL,
        expect![[r#"
        error: labels.csv, row 2, column label_date: is null
    "#]],
    );
}

#[test]
fn a_spine_without_a_request_field() {
    let project = cart_project();
    check(
        &project,
        &BACKFILL.replace("churn_v1", "checkout"),
        expect![[r#"
        error: labels.csv: no column "cart_value"; it has: customer_id, label_date, churned
    "#]],
    );
}

#[test]
fn a_spine_with_a_column_of_a_features_name() {
    let project = project();
    project.write("labels.csv", "customer_id,label_date,purchase_count_30d\nc1,2024-02-01,1\n");
    check(
        &project,
        BACKFILL,
        expect![[r#"
        error: the spine already has a column purchase_count_30d: give --full-feature-names, or rename the spine's column
    "#]],
    );
}

#[test]
fn two_features_of_one_name() {
    let project = project();
    let second = "[views.again]\nsources = [\"events\"]\ntransform = \"CHURN\"\n";
    project.configure(&format!("{}{second}", churn_toml(&["events.csv"], "", "")));
    let words = "backfill --features activity:purchase_count_30d,again:purchase_count_30d --spine labels.csv \
                 --as-of-column label_date --out out.csv";
    check(
        &project,
        words,
        expect![[r#"
        error: two of the features asked for would be in one column purchase_count_30d: give --full-feature-names, or name it once
    "#]],
    );
    let ran = project.run(&format!("{words} --full-feature-names"));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
}

#[test]
fn an_output_with_an_unknown_extension() {
    check(
        &project(),
        &BACKFILL.replace("out.csv", "out.xlsx"),
        expect![[r#"
        error: out.xlsx: the output must end in .parquet, .csv or .ndjson
    "#]],
    );
}

#[test]
fn an_output_where_none_can_be() {
    // A folder that is not there, and a file where a folder should be: as root, permissions refuse nothing.
    check(
        &project(),
        &BACKFILL.replace("out.csv", "missing/out.csv"),
        expect![[r#"
        error: missing/out.csv: cannot make a file in missing: there is no such folder
    "#]],
    );
    check(
        &project(),
        &BACKFILL.replace("out.csv", "labels.csv/out.csv"),
        expect![[r#"
        error: labels.csv/out.csv: cannot make a file in labels.csv: there is no such folder
    "#]],
    );
    let project = project();
    std::fs::create_dir(project.path("out.csv")).expect("makes a folder");
    check(
        &project,
        BACKFILL,
        expect![[r#"
        error: out.csv: is a directory
    "#]],
    );
}

#[test]
fn a_bad_run_leaves_an_older_output_alone() {
    let project = project();
    project.write("out.csv", "older\n");
    project.write("events.csv", EVENTS.replace("2024-01-07", "yesterday"));
    let ran = project.run(BACKFILL);
    assert_eq!(ran.code, 2);
    assert_eq!(std::fs::read_to_string(project.path("out.csv")).expect("is there"), "older\n");
}

#[test]
fn a_missing_file() {
    check(
        &project(),
        &BACKFILL.replace("labels.csv", "lables.csv"),
        expect![[r#"
        error: lables.csv: cannot be opened: No such file or directory (os error 2)
    "#]],
    );
    let project = project();
    std::fs::remove_file(project.path("events.csv")).expect("removes");
    check(
        &project,
        BACKFILL,
        expect![[r#"
        error: source "events": no file matches "events.csv" in .
    "#]],
    );
    check(
        &project,
        &format!("{BACKFILL} --source events=evnets.csv"),
        expect![[r#"
        error: evnets.csv: cannot be opened: No such file or directory (os error 2)
    "#]],
    );
}

#[test]
fn an_unknown_source() {
    check(
        &project(),
        &format!("{BACKFILL} --source event=events.csv"),
        expect![[r#"
        error: unknown source "event": did you mean "events"? known sources: events
    "#]],
    );
    check_online(
        &project(),
        "ingest --source event events.csv",
        expect![[r#"
        error: unknown source "event": did you mean "events"? known sources: events
    "#]],
    );
    check_online(
        &project(),
        "materialize --source event=events.csv",
        expect![[r#"
        error: unknown source "event": did you mean "events"? known sources: events
    "#]],
    );
}

#[test]
fn a_project_file_that_is_malformed() {
    let project = project();
    for (toml, expected) in [
        (
            "[project\nname = \"x\"\n".to_owned(),
            expect![[r#"
            error: onepath.toml:1:9: unclosed table, expected `]`
              |
            1 | [project
              |         ^
        "#]],
        ),
        (
            churn_toml(&["events.csv"], "", "").replace("event_time =", "event_tme ="),
            expect![[r#"
                error: onepath.toml:10:1: unknown field "event_tme"
                   |
                10 | event_tme = "event_timestamp"
                   | ^^^^^^^^^
                   |
                   = help: did you mean "event_time"? the fields of this table are entity, entities, files, event_time, event_time_unit, arrival_time, arrival_time_unit, event_id, description, owner, tags
            "#]],
        ),
        (
            churn_toml(&["events.csv"], "", "ttl = \"soon\""),
            expect![[r#"
            error: onepath.toml:16:7: "soon" is not a length of time
               |
            16 | ttl = "soon"
               |       ^^^^^^
               |
               = help: write a whole number and a unit (us, ms, s, m, h, d or w), such as "90s", "24h" or "180d"
        "#]],
        ),
        (
            churn_toml(&["events.csv"], "", "").replace("sources = [\"events\"]", "sources = [\"evnts\"]"),
            expect![[r#"
            error: onepath.toml:14:12: unknown source "evnts"
               |
            14 | sources = ["evnts"]
               |            ^^^^^^^
               |
               = help: did you mean "events"? known sources: events
        "#]],
        ),
    ] {
        project.configure(&toml);
        check(&project, BACKFILL, expected);
    }
    std::fs::remove_file(project.path("onepath.toml")).expect("removes");
    check(
        &project,
        BACKFILL,
        expect![[r#"
        error: no onepath.toml in DIR; run the command in a project folder or give --project DIR
    "#]],
    );
}

/// The churn project with a view that reads a request field.
fn cart_project() -> Project {
    let project = project();
    let cart = "[views.cart]\ninputs = [\"activity:purchase_count_30d\", \"request:cart_value\"]\ntransform = \"CART\"\n\
                [services.checkout]\nfeatures = [\"cart:*\"]\n";
    project.configure(&format!("{}{cart}", churn_toml(&["events.csv"], "", "")));
    project
}

#[test]
fn requests_that_do_not_fit() {
    let project = cart_project();
    let get = "get --service checkout --entity customer_id=c1";
    check_online(
        &project,
        get,
        expect![[r#"
        error: the request field cart_value (float64) is missing
    "#]],
    );
    check_online(
        &project,
        &format!("{get} --request cart_value=much"),
        expect![[r#"
        error: the request field cart_value: "much" is not a float64 number
    "#]],
    );
    check_online(
        &project,
        &format!("{get} --request cart_value=1 --request basket=1"),
        expect![[r#"
        error: no view asked for has the request field basket; the fields are: cart_value
    "#]],
    );
    check_online(
        &project,
        &format!("{get} --request cart_value=1 --entity shop=s1"),
        expect![[r#"
        error: no view asked for has the entity key shop; the keys are: customer_id
    "#]],
    );
    check_online(
        &project,
        "get --service checkout --request cart_value=1",
        expect![[r#"
            error: the entity key customer_id (text) is missing
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
    assert_eq!(ran.stdout, "events: 1 events appended, 0 duplicates; the log ends at offset 1\n");
}

/// The text with the time of the machine's clock, after `its arrival` or `it is`, as NOW.
fn masked(text: &str) -> String {
    let mut text = text.to_owned();
    for before in ["its arrival 2", "it is 2"] {
        if let Some(at) = text.find(before) {
            let start = at + before.len() - 1;
            let end = text[start..].find('Z').map_or(text.len(), |length| start + length + 1);
            text.replace_range(start..end, "NOW");
        }
    }
    text
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

#[test]
fn arguments_that_are_missing_or_contradict() {
    check(
        &project(),
        "backfill --service churn_v1 --out out.csv",
        expect![[r#"
        error: the following required arguments were not provided:
          --spine <FILE>

        Usage: onepath backfill --out <FILE> --spine <FILE> <--service <NAME>|--features <REFERENCES>>

        For more information, try '--help'.
    "#]],
    );
    check(
        &project(),
        "backfill --spine labels.csv --out out.csv",
        expect![[r#"
        error: the following required arguments were not provided:
          <--service <NAME>|--features <REFERENCES>>

        Usage: onepath backfill --out <FILE> --spine <FILE> <--service <NAME>|--features <REFERENCES>>

        For more information, try '--help'.
    "#]],
    );
    check(
        &project(),
        &format!("{BACKFILL} --threads 0"),
        expect![[r#"
        error: invalid value '0' for '--threads <N>': 0 is not in 1..=65535

        For more information, try '--help'.
    "#]],
    );
    check(
        &project(),
        &format!("{BACKFILL} --at events"),
        expect![[r#"
        error: the argument '--spine <FILE>' cannot be used with '--at <WHAT>'

        Usage: onepath backfill --out <FILE> --spine <FILE> --as-of-column <COLUMN> <--service <NAME>|--features <REFERENCES>>

        For more information, try '--help'.
    "#]],
    );
    check(
        &project(),
        "backfill --service churn_v1 --every 1d --out out.csv",
        expect![[r#"
        error: the following required arguments were not provided:
          --from <TIME>
          --to <TIME>

        Usage: onepath backfill --out <FILE> --every <LENGTH> --from <TIME> --to <TIME> <--service <NAME>|--features <REFERENCES>>

        For more information, try '--help'.
    "#]],
    );
    check(
        &project(),
        &format!("{BACKFILL} --source events"),
        expect![[r#"
        error: invalid value 'events' for '--source <NAME=FILE>': give it as NAME=FILE, such as events=data/events.parquet

        For more information, try '--help'.
    "#]],
    );
}

#[test]
fn an_output_that_is_an_input() {
    let project = project();
    for out in ["events.csv", "labels.csv", "./labels.csv"] {
        let words = BACKFILL.replace("out.csv", out);
        let before = project.files();
        let ran = project.run(&words);
        assert_eq!(ran.code, 2, "{words}");
        assert!(ran.stderr.contains("would be replaced, but the run reads"), "{}", ran.stderr);
        assert_eq!(project.files(), before);
    }
}

#[test]
fn a_grid_that_is_none() {
    let project = project();
    let grid = "backfill --service churn_v1 --out out.csv";
    check(
        &project,
        &format!("{grid} --every 0s --from 2024-01-01 --to 2024-01-02"),
        expect![[r#"
        error: --every must be longer than nothing, such as 1d
    "#]],
    );
    check(
        &project,
        &format!("{grid} --every 1d --from 2024-01-02 --to 2024-01-01"),
        expect![[r#"
        error: the grid begins at 2024-01-02T00:00:00Z, which is after its end 2024-01-01T00:00:00Z
    "#]],
    );
    check(
        &project,
        &format!("{grid} --every 1us --from 2024-01-01 --to 2024-02-01"),
        expect![[r#"
        error: the grid has 2678400000001 moments for 2 entities; at most 20000000 rows are made at once: take a longer --every, or fewer days at a time
    "#]],
    );
}

#[test]
fn a_request_that_says_a_thing_twice() {
    let project = project();
    let words = "get --service churn_v1 --entity customer_id=c1 --entity customer_id=c2";
    check_online(
        &project,
        words,
        expect![[r#"
        error: the entity key customer_id is given twice: ask for one entity at a time
    "#]],
    );
}
