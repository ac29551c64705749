//! States that are not where their log is.

use std::path::Path;

use expect_test::expect;

use super::{BY_ID, ask, assert_verified, lines, plan, push, pushed_project, toml, trail};
use crate::support::{Project, at};

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
    let plan = plan(&store);
    let error = store.get_online_features(&plan, &ask("a", None)).expect_err("the history is missing");
    expect!["view activity@v1 has no states on top of the materialized history: run `onepath materialize`"]
        .assert_eq(&error.to_string());
    store.materialize(&[], None).expect("materializes");
    assert_eq!(trail(&mut store, "a"), "w1;");
}

/// A log that was replaced by an older one is told before anything is answered from it, or added to it.
#[test]
fn states_that_are_ahead_of_the_log_are_refused() {
    let project = pushed_project("");
    let mut store = project.open();
    push(&project, &mut store, "1 a w 1 2024-01-01").expect("is taken");
    drop(store);
    let log = project.path(".onepath/log.sqlite");
    let older = std::fs::read(&log).expect("reads");
    let mut store = project.open();
    push(&project, &mut store, "2 a w 2 2024-01-02").expect("is taken");
    drop(store);
    assert!(!project.path(".onepath/log.sqlite-wal").exists(), "a log that is closed is one file");
    std::fs::write(&log, older).expect("writes");
    let mut store = project.open();
    let plan = plan(&store);
    let error = store.get_online_features(&plan, &ask("a", None)).expect_err("the log is another one");
    assert!(error.to_string().contains("it was replaced or cut"), "{error}");
    let error = push(&project, &mut store, "3 b w 3 2024-01-03").expect_err("the log is another one");
    assert!(error.contains("it was replaced or cut"), "{error}");
}

/// A copy of a log has its name. Where it has gone on by itself, states of the other one are not taken for its own.
#[test]
fn states_of_a_log_are_not_those_of_its_copy() {
    let (one, copy) = (pushed_project(""), pushed_project(""));
    push(&one, &mut one.open(), "1 a w 1 2024-01-01").expect("is taken");
    for store in ["log", "online", "served"] {
        let store = format!(".onepath/{store}.sqlite");
        std::fs::create_dir_all(copy.path(".onepath")).expect("makes a folder");
        std::fs::copy(one.path(&store), copy.path(&store)).expect("copies");
    }
    push(&one, &mut one.open(), "2 a w 2 2024-01-02").expect("is taken");
    push(&copy, &mut copy.open(), "2 a w 3 2024-01-02").expect("is taken");
    // Each goes on with its own.
    assert_eq!((trail(&mut one.open(), "a").as_str(), trail(&mut copy.open(), "a").as_str()), ("w1;w2;", "w1;w3;"));
    std::fs::copy(copy.path(".onepath/log.sqlite"), one.path(".onepath/log.sqlite")).expect("copies");
    let mut store = one.open();
    let plan = plan(&store);
    let error = store.get_online_features(&plan, &ask("a", None)).expect_err("the log is another one").to_string();
    assert!(error.contains("were made from another log than"), "{error}");
    let report = store.verify(None).expect("verifies");
    assert!(
        report.unproved_views > 0
            && report.reasons.iter().any(|reason| reason.contains("is not the log that was served from")),
        "{report:#?}"
    );
    drop(store);
    one.open().materialize(&[], None).expect("materializes");
    assert_eq!(trail(&mut one.open(), "a"), "w1;w3;");
}
