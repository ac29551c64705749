//! What components print (`--show-output`), each line with its row, and that showing it changes nothing; and what their states hold.

mod check;
mod state;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use expect_test::{Expect, expect};
use onepath::batch::Kind;
use onepath::evaluate::{OutputSink, RowOutput};
use onepath::feature_store::{BackfillRequest, FeatureSelection, FeatureStore, SpineSource};

use crate::support::{Event, Format, HOUR, Project, Ran, Random, at, component, write_events};

/// Two views of one component over one source: one of customers, and one of customers in shops; and a view of both.
fn project(events: &str) -> Project {
    let [says, echo] =
        ["says", "echo"].map(|name| component(&format!("tests/transforms/{name}")).display().to_string());
    let project = Project::new(&format!(
        "[project]\nname = \"says\"\n[entities.customer]\nkeys = {{ customer_id = \"text\" }}\n\
         [entities.pair]\nkeys = {{ shop_id = \"int64\", customer_id = \"text\" }}\n\
         [sources.events]\nentities = [\"customer\", \"pair\"]\nfiles = [\"events.csv\"]\nevent_time = \"at\"\n\
         [sources.events.fields]\namount = \"float64\"\n\
         [views.customers]\nentity = \"customer\"\nsources = [\"events\"]\ntransform = \"{says}\"\n\
         [views.pairs]\nentity = \"pair\"\nsources = [\"events\"]\ntransform = \"{says}\"\n\
         [views.both]\ninputs = [\"customers:events as one\", \"pairs:events as other\"]\ntransform = \"{echo}\"\n\
         [services.both]\nfeatures = [\"both:both\"]\n\
         [services.one]\nfeatures = [\"customers:*\"]\n\
         [services.all]\nfeatures = [\"customers:*\", \"pairs:*\"]\n"
    ));
    let lines = |text: &str| text.lines().map(|line| format!("{}\n", line.trim())).collect::<String>();
    project.write("events.csv", lines(&format!("customer_id,shop_id,at,amount\n{events}")));
    project.write("spine.csv", lines("customer_id,shop_id,as_of\nc1,7,2024-02-03\nc2,7,2024-02-03\nc3,9,2024-02-04"));
    project
}

const EVENTS: &str = "c1,7,2024-02-01T12:00:00Z,1.5
    c2,7,2024-02-02T12:00:00Z,2.5
    c1,8,2024-02-03T00:00:00Z,3.5";

const BACKFILL: &str = "backfill --spine spine.csv --full-feature-names --proof-seed 1";

/// A command that is good, with `--show-output`: what it printed on standard error.
fn shown(project: &Project, command: &str) -> String {
    let ran = project.run(&format!("{command} --show-output"));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    ran.stderr
}

/// Lines with what was printed alone where it is longer than a screen.
fn short(text: &str) -> String {
    text.lines().map(|line| format!("{}\n", if line.chars().count() > 200 { &line[..60] } else { line })).collect()
}

fn assert_text(found: &str, expected: Expect) {
    expected.assert_eq(&short(found));
}

#[test]
fn a_backfill_tells_the_view_the_entity_and_the_time_of_each_line() {
    let project = project(EVENTS);
    assert_text(
        &shown(&project, &format!("{BACKFILL} --service all --out out.csv")),
        expect![[r#"
            customers@v1 customer_id=c1 event 2024-02-01T12:00:00Z | amount = 1.5
            customers@v1 customer_id=c1 event 2024-02-01T12:00:00Z | [tests/transforms/says/src/lib.rs:46:9] self.events = 0
            customers@v1 customer_id=c1 event 2024-02-03T00:00:00Z | amount = 3.5
            customers@v1 customer_id=c1 event 2024-02-03T00:00:00Z | [tests/transforms/says/src/lib.rs:46:9] self.events = 1
            customers@v1 customer_id=c1 question 2024-02-03T00:00:00Z | asked after 2 events
            customers@v1 customer_id=c1 question 2024-02-03T00:00:00Z | the last: Some(3.5)
            customers@v1 customer_id=c2 event 2024-02-02T12:00:00Z | amount = 2.5
            customers@v1 customer_id=c2 event 2024-02-02T12:00:00Z | [tests/transforms/says/src/lib.rs:46:9] self.events = 0
            customers@v1 customer_id=c2 question 2024-02-03T00:00:00Z | asked after 1 events
            customers@v1 customer_id=c2 question 2024-02-03T00:00:00Z | the last: Some(2.5)
            customers@v1 customer_id=c3 question 2024-02-04T00:00:00Z | asked after 0 events
            customers@v1 customer_id=c3 question 2024-02-04T00:00:00Z | the last: None
            pairs@v1 customer_id=c1 shop_id=7 event 2024-02-01T12:00:00Z | amount = 1.5
            pairs@v1 customer_id=c1 shop_id=7 event 2024-02-01T12:00:00Z | [tests/transforms/says/src/lib.rs:46:9] self.events = 0
            pairs@v1 customer_id=c1 shop_id=7 question 2024-02-03T00:00:00Z | asked after 1 events
            pairs@v1 customer_id=c1 shop_id=7 question 2024-02-03T00:00:00Z | the last: Some(1.5)
            pairs@v1 customer_id=c2 shop_id=7 event 2024-02-02T12:00:00Z | amount = 2.5
            pairs@v1 customer_id=c2 shop_id=7 event 2024-02-02T12:00:00Z | [tests/transforms/says/src/lib.rs:46:9] self.events = 0
            pairs@v1 customer_id=c2 shop_id=7 question 2024-02-03T00:00:00Z | asked after 1 events
            pairs@v1 customer_id=c2 shop_id=7 question 2024-02-03T00:00:00Z | the last: Some(2.5)
            pairs@v1 customer_id=c3 shop_id=9 question 2024-02-04T00:00:00Z | asked after 0 events
            pairs@v1 customer_id=c3 shop_id=9 question 2024-02-04T00:00:00Z | the last: None
        "#]],
    );
}

#[test]
fn a_batch_of_any_size_and_any_threads_have_the_same_lines() {
    let project = project(EVENTS);
    let lines = |options: &str| {
        let text = shown(&project, &format!("{BACKFILL} --service all --out out.csv {options}"));
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    let all = lines("");
    assert_eq!(all.len(), 22);
    for options in ["--batch-rows 1", "--batch-rows 2 --threads 2", "--threads 3", "--interpret"] {
        assert_eq!(lines(options), all, "{options}");
    }
}

/// What a run wrote: the output and its manifest, without where the output lies.
fn written(project: &Project, command: &str, out: &str) -> (Ran, String, String) {
    let ran = project.run(&format!("{command} --out {out}"));
    let read = |name: &str| std::fs::read_to_string(project.path(name)).unwrap_or_default();
    (ran, read(out), read(&format!("{out}.manifest.json")).replace(out, "OUT"))
}

#[test]
fn showing_it_changes_no_byte() {
    let mut random = Random::new(77);
    let mut events = String::new();
    for hour in 0..600 {
        let at = onepath::time::format_time(at("2024-01-01") + hour * HOUR);
        let amount = if random.once_in(40) { -7e77 } else { random.below(1_000) as f64 / 8.0 };
        events += &format!("c{},{},{at},{amount:?}\n", random.below(5), random.below(3));
    }
    let project = project(&events);
    let mut spine = "customer_id,shop_id,as_of\n".to_owned();
    for row in 0..300 {
        let as_of = onepath::time::format_time(at("2024-01-01") + row * 2 * HOUR);
        spine += &format!("c{},{},{as_of}\n", random.below(6), random.below(4));
    }
    project.write("spine.csv", spine);
    for options in ["--on-error null", "--on-error null --memory 1KiB --threads 2", "--on-error null --batch-rows 7"] {
        let command = format!("{BACKFILL} --service all {options}");
        let (ran, silent, manifest) = written(&project, &command, "silent.csv");
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{}", ran.stderr);
        let (ran, shown, manifest_shown) = written(&project, &format!("{command} --show-output"), "shown.csv");
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        assert!(ran.stderr.contains("such an amount") && silent.lines().count() == 301, "{options}");
        assert!(manifest.contains("such an amount"), "the first messages are in it");
        assert_eq!((shown, manifest_shown), (silent, manifest), "{options}");
    }
}

#[test]
fn a_panic_is_shown_with_its_row() {
    let project =
        project("c1,7,2024-02-01T12:00:00Z,1.5\nc1,7,2024-02-01T13:00:00Z,-7e77\nc2,7,2024-02-01T14:00:00Z,2.5");
    let ran = project.run(&format!("{BACKFILL} --service one --out out.csv --show-output"));
    assert_eq!(ran.code, 2);
    assert_text(
        &ran.stderr,
        expect![[r#"
            customers@v1 customer_id=c1 event 2024-02-01T12:00:00Z | amount = 1.5
            customers@v1 customer_id=c1 event 2024-02-01T12:00:00Z | [tests/transforms/says/src/lib.rs:46:9] self.events = 0
            customers@v1 customer_id=c1 event 2024-02-01T13:00:00Z | amount = -7e77
            customers@v1 customer_id=c1 event 2024-02-01T13:00:00Z | [tests/transforms/says/src/lib.rs:46:9] self.events = 1
            customers@v1 customer_id=c1 event 2024-02-01T13:00:00Z | 
            customers@v1 customer_id=c1 event 2024-02-01T13:00:00Z | thread '<unnamed>' (1) panicked at tests/transforms/says/src/lib.rs:47:9:
            customers@v1 customer_id=c1 event 2024-02-01T13:00:00Z | such an amount
            error: view customers@v1, entity c1, event of 2024-02-01T13:00:00Z: the transform trapped: it panicked; it wrote:
            amount = -7e77
            [tests/transforms/says/src/lib.rs:46:9] self.events = 1

            thread '<unnamed>' (1) panicked at tests/transforms/says/src/lib.rs:47:9:
            such an amount
        "#]],
    );
}

#[test]
fn the_output_of_a_row_is_bounded() {
    let project = project("c1,7,2024-02-01T12:00:00Z,7e77\nc1,7,2024-02-01T13:00:00Z,2.5");
    let text = shown(&project, &format!("{BACKFILL} --service one --out out.csv"));
    let long = text.lines().map(str::len).max().expect("has lines");
    assert!((60_000..66_000).contains(&long), "{long}");
    assert_text(
        &text,
        expect![[r#"
            customers@v1 customer_id=c1 event 2024-02-01T12:00:00Z | amount = 7e77
            customers@v1 customer_id=c1 event 2024-02-01T12:00:00Z | [tests/transforms/says/src/lib.rs:46:9] self.events = 0
            customers@v1 customer_id=c1 event 2024-02-01T12:00:00Z | lon
            customers@v1 customer_id=c1 event 2024-02-01T12:00:00Z | ... 4535 more bytes
            customers@v1 customer_id=c1 event 2024-02-01T13:00:00Z | amount = 2.5
            customers@v1 customer_id=c1 event 2024-02-01T13:00:00Z | [tests/transforms/says/src/lib.rs:46:9] self.events = 1
            customers@v1 customer_id=c1 question 2024-02-03T00:00:00Z | asked after 2 events
            customers@v1 customer_id=c1 question 2024-02-03T00:00:00Z | the last: Some(2.5)
            customers@v1 customer_id=c2 question 2024-02-03T00:00:00Z | asked after 0 events
            customers@v1 customer_id=c2 question 2024-02-03T00:00:00Z | the last: None
            customers@v1 customer_id=c3 question 2024-02-04T00:00:00Z | asked after 0 events
            customers@v1 customer_id=c3 question 2024-02-04T00:00:00Z | the last: None
        "#]],
    );
}

#[test]
fn json_on_standard_output_stays_clean() {
    let project = project(EVENTS);
    let ran = project.run(&format!("{BACKFILL} --service all --out out.csv --show-output --format json"));
    assert!(ran.stderr.lines().count() == 22 && ran.code == 0, "{}", ran.stderr);
    let report: serde_json::Value = serde_json::from_str(&ran.stdout).expect("one document");
    assert_eq!(report["rows"], 3);
}

/// The lines of one view.
fn of_view(text: &str, view: &str) -> String {
    text.lines().filter(|line| line.starts_with(view)).map(|line| format!("{line}\n")).collect()
}

#[test]
fn a_view_without_an_entity_has_the_keys_of_its_question() {
    let project = project(EVENTS);
    let text = shown(&project, &format!("{BACKFILL} --service both --out out.csv"));
    assert_text(
        &of_view(&text, "both@v1"),
        expect![[r#"
        both@v1 customer_id=c1 shop_id=7 question 2024-02-03T00:00:00Z | 2 and 1
        both@v1 customer_id=c2 shop_id=7 question 2024-02-03T00:00:00Z | 1 and 1
        both@v1 customer_id=c3 shop_id=9 question 2024-02-04T00:00:00Z | 0 and 0
    "#]],
    );
    // Divided on disk it is in the order of the partitions.
    let text = shown(&project, &format!("{BACKFILL} --service both --out out.csv --memory 1KiB"));
    assert_text(
        &of_view(&text, "both@v1"),
        expect![[r#"
        both@v1 customer_id=c3 shop_id=9 question 2024-02-04T00:00:00Z | 0 and 0
        both@v1 customer_id=c2 shop_id=7 question 2024-02-03T00:00:00Z | 1 and 1
        both@v1 customer_id=c1 shop_id=7 question 2024-02-03T00:00:00Z | 2 and 1
    "#]],
    );
    assert_eq!(project.run("materialize").code, 0);
    let get = "get --service both --entity customer_id=c1 --entity shop_id=7";
    let text = without_now(&shown(&project, get));
    assert_text(
        &of_view(&text, "both@v1"),
        expect![[r#"
        both@v1 customer_id=c1 shop_id=7 question NOW | 2 and 1
    "#]],
    );
}

/// A time that no test can know.
fn without_now(text: &str) -> String {
    let hide = |line: &str| match line.split_once("question 20") {
        Some((before, after)) if !after.starts_with("24-") => {
            format!("{before}question NOW{}\n", &after[after.find(" |").unwrap_or(0)..])
        }
        _ => format!("{line}\n"),
    };
    text.lines().map(hide).collect()
}

#[test]
fn a_question_shows_what_the_command_evaluates() {
    let project = project(EVENTS);
    assert_eq!(project.run("materialize").code, 0);
    let get = "get --service all --entity customer_id=c1 --entity shop_id=7";
    assert_text(
        &without_now(&shown(&project, get)),
        expect![[r#"
        customers@v1 customer_id=c1 question NOW | asked after 2 events
        customers@v1 customer_id=c1 question NOW | the last: Some(3.5)
        pairs@v1 customer_id=c1 shop_id=7 question NOW | asked after 1 events
        pairs@v1 customer_id=c1 shop_id=7 question NOW | the last: Some(1.5)
    "#]],
    );
    // In the past it is a replay, with the events that are seen.
    assert_text(
        &shown(&project, &format!("{get} --as-of 2024-02-02")),
        expect![[r#"
            customers@v1 customer_id=c1 event 2024-02-01T12:00:00Z | amount = 1.5
            customers@v1 customer_id=c1 event 2024-02-01T12:00:00Z | [tests/transforms/says/src/lib.rs:46:9] self.events = 0
            customers@v1 customer_id=c1 question 2024-02-02T00:00:00Z | asked after 1 events
            customers@v1 customer_id=c1 question 2024-02-02T00:00:00Z | the last: Some(1.5)
            pairs@v1 customer_id=c1 shop_id=7 event 2024-02-01T12:00:00Z | amount = 1.5
            pairs@v1 customer_id=c1 shop_id=7 event 2024-02-01T12:00:00Z | [tests/transforms/says/src/lib.rs:46:9] self.events = 0
            pairs@v1 customer_id=c1 shop_id=7 question 2024-02-02T00:00:00Z | asked after 1 events
            pairs@v1 customer_id=c1 shop_id=7 question 2024-02-02T00:00:00Z | the last: Some(1.5)
        "#]],
    );
    let silent = project.run(&format!("{get} --as-of 2024-02-02 --format json"));
    let loud = project.run(&format!("{get} --as-of 2024-02-02 --format json --show-output"));
    assert_eq!((silent.stdout, silent.stderr.as_str()), (loud.stdout, ""));
}

/// Views of the same batch of a program that opens the store itself, and pushes.
#[test]
fn a_program_is_given_each_row() {
    let project = project(EVENTS);
    let seen: Arc<Mutex<Vec<RowOutput>>> = Arc::default();
    let sink = {
        let seen = Arc::clone(&seen);
        OutputSink::new(move |output| seen.lock().expect("no test panicked").push(output.clone()))
    };
    let mut options = project.options();
    options.show_output = Some(sink.clone());
    let store = FeatureStore::open(project.dir(), options).expect("opens");
    let request = BackfillRequest {
        selection: FeatureSelection::Service("one".to_owned()),
        spine: SpineSource::File { path: project.path("spine.csv"), as_of_column: None, as_of_unit: None },
        out: project.path("out.csv"),
        overrides: Vec::new(),
        full_feature_names: false,
        resume: false,
    };
    store.backfill(&request).expect("is good");
    let rows = std::mem::take(&mut *seen.lock().expect("no test panicked"));
    let expected = RowOutput {
        view: "customers@v1".to_owned(),
        entity: "customer_id=c2".to_owned(),
        kind: Kind::Question,
        time: at("2024-02-03"),
        lines: vec!["asked after 1 events".to_owned(), "the last: Some(2.5)".to_owned()],
    };
    assert_eq!((rows.len(), rows.iter().filter(|row| **row == expected).count()), (6, 1));

    // Many events in one push, of several entities: each line is of its own.
    let mut session = project.open_with(|options| options.show_output = Some(sink.clone()));
    session.materialize(&[], None).expect("materializes");
    seen.lock().expect("no test panicked").clear();
    project.clock.set(at("2030-01-02"));
    let mut random = Random::new(5);
    let mut expected: BTreeMap<(String, i64), String> = BTreeMap::new();
    let mut lines = String::new();
    for number in 0..200 {
        let (customer, time) = (format!("c{}", random.below(7)), at("2029-01-01") + number * HOUR);
        let text = onepath::time::format_time(time);
        lines +=
            &format!("{{\"customer_id\": {customer:?}, \"shop_id\": 1, \"at\": {text:?}, \"amount\": {number}.5}}\n");
        expected.insert((format!("customer_id={customer}"), time), format!("amount = {number}.5"));
    }
    let path = project.write("push.ndjson", lines);
    session.ingest("events", &path, &onepath::events::Arrival::EventTime).expect("is taken");
    let rows = seen.lock().expect("no test panicked");
    let of_customers = rows.iter().filter(|row| row.view == "customers@v1");
    let found: BTreeMap<_, _> =
        of_customers.map(|row| ((row.entity.clone(), row.time), row.lines[0].clone())).collect();
    assert_eq!((found, rows.len()), (expected, 400));
}

#[test]
fn a_component_that_prints_nothing_shows_nothing() {
    let project = Project::churn(&["events.csv"], "", "");
    let event = |entity: &str, hour: i64| Event {
        source: 0,
        entity: entity.to_owned(),
        kind: "purchase",
        amount: 1.5,
        at: at("2024-02-01") + hour * HOUR,
        arrived: None,
    };
    write_events(&project.path("events.csv"), &[event("c1", 1), event("c2", 2), event("c1", 3)], Format::Csv);
    project.write("spine.csv", "customer_id,as_of\nc1,2024-02-03\nc2,2024-02-02\n");
    let command = "backfill --service churn_v1 --spine spine.csv --proof-seed 1";
    let (ran, silent, _) = written(&project, command, "silent.csv");
    let (loud, shown, _) = written(&project, &format!("{command} --show-output"), "shown.csv");
    assert_eq!((ran.code, loud.code, loud.stderr.as_str(), shown), (0, 0, "", silent));
}
