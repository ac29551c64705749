//! What a push leaves: once, whole, or not at all.

use expect_test::expect;
use onepath::events::Arrival;
use onepath::time::{AvailableAt, format_time};

use super::{BY_ID, assert_verified, get, lines, plan, push, pushed_project, served_one, toml, trail};
use crate::support::{Ask, Project, Session, assert_same, at, offline, online};

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

/// An id that another event has refuses the whole push: by the command, with the exit code of data at fault.
#[test]
fn an_id_of_another_event_refuses_the_push() {
    let project = pushed_project(BY_ID);
    project.write("push.ndjson", lines("1 a w 1 2024-01-01\n2 a w 2 2024-01-02"));
    let ran = project.run("ingest --source events push.ndjson");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    project.write("push.ndjson", lines("3 a w 3 2024-01-03\n2 a w 7 2024-01-02\n1 b w 1 2024-01-01"));
    let ran = project.run("ingest --source events push.ndjson");
    expect![[r#"
        error: row 2: event id "2" is already that of another event: that of entity a at 2024-01-02T00:00:00Z, offset 2 of the log; give each event an id of its own, and send an event again as it was (2 of 3)
    "#]]
    .assert_eq(&ran.stderr);
    assert_eq!((ran.code, ran.stdout.as_str()), (3, ""));
    let mut store = project.open();
    assert_eq!(trail(&mut store, "a"), "w1;w2;");
    assert_eq!(trail(&mut store, "b"), "null");
    assert_verified(&mut store, 2);
}

/// What no view reads is compared too, by what it says.
#[test]
fn events_of_one_id_are_compared_by_what_they_say() {
    let unread = "[sources.events.fields]\nnote = \"text\"\nseen = \"time\"\nn = \"float64\"\nnone = \"text\"";
    let project = Project::new(&toml("[]", BY_ID, "TRACE").replace("[sources.events.fields]", unread));
    let mut store = project.open();
    let event = |rest: &str| {
        format!(
            "{{\"id\": \"1\", \"customer_id\": \"a\", \"event_type\": \"w\", \"event_timestamp\": \"2024-01-01\"{rest}}}\n"
        )
    };
    let mut push = |rest: &str| {
        let path = project.write("push.ndjson", event(rest));
        store.ingest("events", &path, &Arrival::EventTime).map(|applied| applied.duplicates).map_err(|e| e.to_string())
    };
    assert_eq!(push(", \"amount\": 1, \"note\": \"x\", \"seen\": \"2024-01-01T00:00:00Z\", \"n\": 1"), Ok(0));
    for same in [
        ", \"n\": 1.0, \"amount\": 1.0, \"note\": \"x\", \"seen\": \"2024-01-01\"",
        ", \"amount\": 1e0, \"note\": \"x\", \"seen\": \"2024-01-01 00:00\", \"n\": 1, \"none\": null",
    ] {
        assert_eq!(push(same), Ok(1), "{same}");
    }
    for other in [
        ", \"amount\": 1, \"note\": \"y\", \"seen\": \"2024-01-01\", \"n\": 1",
        ", \"amount\": 1, \"seen\": \"2024-01-01\", \"n\": 1",
        ", \"amount\": 1, \"note\": \"x\", \"seen\": \"2024-01-02\", \"n\": 1",
        ", \"amount\": 1, \"note\": \"x\", \"seen\": \"2024-01-01\", \"n\": 2",
    ] {
        assert!(push(other).is_err_and(|error| error.contains("event id \"1\"")), "{other}");
    }
}

/// The ids of a history are in a file of their own, and a push says so where it cannot look.
#[test]
fn a_push_needs_the_ids_of_the_history() {
    let project = Project::new(&toml("[\"history.ndjson\"]", BY_ID, "TRACE"));
    project.write("history.ndjson", lines("1 a w 1 2024-01-01\n1 a w 5 2024-01-01\n1 a w 1 2024-01-01"));
    let ran = project.run("materialize");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    for line in [
        "trace@v1: 1 event of files left out as repeats of others, by their ids\n",
        "  row 2 of ./history.ndjson is left out: its event id \"1\" is that of row 1 of ./history.ndjson, and its content is not\n",
    ] {
        assert!(ran.stdout.contains(line), "{}", ran.stdout);
    }
    let ids = || project.files().into_iter().filter(|name| name.starts_with(".onepath/ids/")).collect::<Vec<_>>();
    let [kept] = &ids()[..] else { panic!("one file: {:?}", ids()) };
    // The files themselves are not needed.
    let history = std::fs::read(project.path("history.ndjson")).expect("reads");
    std::fs::remove_file(project.path("history.ndjson")).expect("removes");
    assert_eq!(push(&project, &mut project.open(), "1 a w 1 2024-01-01"), Ok((0, 1, 0)));
    std::fs::write(project.path("history.ndjson"), history).expect("writes");
    let bytes = std::fs::read(project.path(kept)).expect("reads");
    for damage in [0, 40, 4_065, 4_073, bytes.len() - 50, bytes.len() - 20, bytes.len() - 1] {
        let mut damaged = bytes.clone();
        damaged[damage] ^= 1;
        std::fs::write(project.path(kept), damaged).expect("writes");
        let error = push(&project, &mut project.open(), "2 a w 2 2024-01-02").expect_err("is damaged");
        assert!(error.contains("of source events") && error.contains("run `onepath materialize`"), "{damage}: {error}");
    }
    std::fs::write(project.path(kept), &bytes[..bytes.len() - 1]).expect("writes");
    push(&project, &mut project.open(), "2 a w 2 2024-01-02").expect_err("is cut");
    std::fs::remove_file(project.path(kept)).expect("removes");
    let ran = project.run("ingest --source events push.ndjson");
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("the ids of the materialized history of source events cannot be read"),
        "{}",
        ran.stderr
    );
    std::fs::write(project.path(kept), &bytes).expect("writes");
    assert_eq!(trail(&mut project.open(), "a"), "w1;", "nothing was half taken");

    project.write("history.ndjson", lines("1 a w 1 2024-01-01\n3 a w 3 2024-01-03"));
    project.open().materialize(&[], None).expect("materializes");
    assert!(ids().len() == 1 && ids()[0] != *kept, "the old ids are gone: {:?}", ids());
    assert_eq!(push(&project, &mut project.open(), "3 a w 3 2024-01-03\n4 a w 4 2024-01-04"), Ok((1, 1, 1)));
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
    let plan = plan(&store);
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
    store.materialize(&[], Some(AvailableAt::from_micros(at("2024-02-01")))).expect("materializes");
    assert_eq!(trail(&mut store, "a"), "w1;w2;");
    project.clock.set(at("2031-01-01"));
    // The ninth lies after the cut: the states do not have it yet.
    assert_eq!(push(&project, &mut store, "2 a w 2 2024-01-02\n3 a w 3 2024-02-03\n9 a w 9 2024-03-01"), Ok((2, 1, 2)));
    assert_eq!(trail(&mut store, "a"), "w1;w2;w3;w9;");
    let plan = plan(&store);
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
    let refused = |text: &str, store: &mut Session| push(&project, store, text).expect_err("is refused");
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
            expect![
                "push.ndjson, row 2, column amount: is missing; the line has: customer_id, event_type, event_timestamp"
            ],
        ),
        (
            "{\"customer_id\": \"a\", \"amount\": 1, \"event_timestamp\": \"2024-01-02\"}",
            expect![
                "push.ndjson, row 2, column event_type: is missing; the line has: customer_id, amount, event_timestamp"
            ],
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

#[test]
fn one_process_writes_at_a_time_and_readers_are_free() {
    let project = served_one();
    // The command line has the machine's clock, which must not be behind what this one writes.
    project.clock.set(at("2024-12-01"));
    let mut store = project.open();
    get(&mut store, "a", None);
    project.write("push.ndjson", lines("9 a w 1 2024-01-05"));
    for words in ["ingest --source events push.ndjson", "get --service all --entity customer_id=a", "materialize"] {
        let ran = project.run(words);
        assert_eq!(ran.code, 4, "{words}: {}", ran.stdout);
        let expected = "error: another onepath process is writing ./.onepath; one process writes a project's \
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
