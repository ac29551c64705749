//! `onepath reset`, and answers before anything was materialized.

use super::{BY_ID, lines, pushed_project, toml};
use crate::support::{Project, Ran};

const GET: &str = "get --service all --entity customer_id=a --as-of 2024-02-01 --format json";

/// A project of which two events were pushed and one question was answered.
fn used() -> Project {
    let project = pushed_project(BY_ID);
    project.write("push.ndjson", lines("1 a purchase 5 2024-01-01\n2 b purchase 6 2024-01-02"));
    good(&project, "ingest --source events push.ndjson --arrived-at event-time");
    good(&project, GET);
    project
}

fn good(project: &Project, words: &str) -> Ran {
    let ran = project.run(words);
    assert_eq!(ran.code, 0, "{words}: {}{}", ran.stdout, ran.stderr);
    ran
}

/// The stores that there are.
fn stores(project: &Project) -> Vec<&'static str> {
    let stores = ["log.sqlite", "online.sqlite", "served.sqlite"];
    stores.into_iter().filter(|name| project.path(&format!(".onepath/{name}")).exists()).collect()
}

#[test]
fn a_reset_says_what_it_removes_and_removes_no_more() {
    let project = used();
    let all = ["log.sqlite", "online.sqlite", "served.sqlite"];
    let ran = good(&project, "reset --dry-run");
    for words in [
        "./.onepath/online.sqlite: the states of entities (",
        "./.onepath/served.sqlite: what was served, which `onepath verify` proves (",
        "./.onepath/log.sqlite: the event log: 2 events that were pushed, and are nowhere else (",
        "nothing was removed (--dry-run)",
    ] {
        assert!(ran.stdout.contains(words), "{words} is not in {}", ran.stdout);
    }
    assert_eq!(stores(&project), all);
    // Nobody is asked where there is no terminal, and nothing goes without an answer.
    let ran = project.run("reset");
    assert_eq!(ran.code, 2);
    assert_eq!(ran.stderr, "error: nothing was removed: pass --yes to remove it, or --dry-run to see what would be\n");
    assert_eq!(stores(&project), all);
    assert_eq!(project.run("reset --keep-served --yes").code, 2, "what was served is proved by the log");

    let before = good(&project, GET).stdout;
    good(&project, "reset --keep-log --keep-served --yes");
    assert_eq!(stores(&project), ["log.sqlite", "served.sqlite"]);
    assert_eq!(good(&project, GET).stdout, before, "states are made again from the log");
    assert!(
        good(&project, "verify").stdout.starts_with("verified 3 served vectors"),
        "what was served is still proved"
    );

    good(&project, "reset --keep-log --yes");
    assert_eq!(stores(&project), ["log.sqlite"]);
    assert_eq!(good(&project, GET).stdout, before);

    let ran = good(&project, "reset --yes --format json");
    let told: serde_json::Value = serde_json::from_str(&ran.stdout).expect("is JSON");
    assert_eq!((told["removed"].as_bool(), told["files"].as_array().map(Vec::len)), (Some(true), Some(3)));
    assert_eq!(stores(&project), [""; 0]);
    assert!(!project.path(".onepath/log.sqlite-wal").exists());
    assert!(good(&project, GET).stdout.contains("NOT_FOUND"), "the project begins anew");
    good(&project, "reset --yes");
    assert_eq!(good(&project, "reset").stdout, "there is nothing to remove\n");
}

/// A process that died between two files of a reset: the next command says what to do, or goes on.
#[test]
fn a_reset_that_was_cut_short_is_gone_on_with() {
    for removed in [&["online.sqlite"][..], &["online.sqlite", "served.sqlite"], &["online.sqlite", "log.sqlite"]] {
        let project = used();
        for name in removed {
            std::fs::remove_file(project.path(&format!(".onepath/{name}"))).expect("removes");
        }
        if !removed.contains(&"log.sqlite") {
            good(&project, GET);
        }
        good(&project, "reset --yes");
        good(&project, GET);
    }
}

/// Without states of its files, a project whose sources have some answers nothing.
#[test]
fn nobody_is_unknown_because_nothing_was_materialized() {
    let project = Project::new(&toml("[\"events.csv\"]", BY_ID, "TRACE"));
    project.write("events.csv", "id,customer_id,event_type,amount,event_timestamp\n1,a,purchase,5,2024-01-01\n");
    project.write("push.ndjson", lines("2 b purchase 6 2024-01-02"));
    for words in [GET, "serve --listen 127.0.0.1:0"] {
        let ran = project.run(words);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{words}");
        let expected = "error: the history of events is not materialized, so all that its files hold would be NOT_FOUND: run \
                        `onepath materialize`, or pass --allow-unmaterialized to answer from what is pushed alone\n";
        assert_eq!(ran.stderr, expected, "{words}");
    }
    good(&project, "ingest --source events push.ndjson --arrived-at event-time");
    assert_eq!(project.run(GET).code, 2, "what is pushed does not stand for the files");
    let ran = good(&project, &format!("{GET} --allow-unmaterialized"));
    assert!(ran.stdout.contains("NOT_FOUND"), "{}", ran.stdout);
    good(&project, "materialize");
    let ran = good(&project, GET);
    assert!(!ran.stdout.contains("NOT_FOUND"), "{}", ran.stdout);
    // And with a reset it begins anew, with what was pushed and without.
    good(&project, "reset --keep-log --yes");
    assert_ne!(project.run(GET).code, 0, "the states of the files are gone");
    good(&project, "materialize");
    good(&project, GET);
    good(&project, "reset --yes");
    assert_eq!(project.run(GET).code, 2);
}
