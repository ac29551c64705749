//! States are of one identity of their view: under another they are refused, and what they served is not proved by them. The project
//! that they are of is served as long as it is there as it was.

use onepath::log::ViewIdentity;
use onepath::store::{OnlineStore, SqliteStore, ViewMark, ViewUpdate};

use super::*;

/// Gives the states another identity.
fn with_identity(project: &Project, change: impl FnOnce(&str) -> String) {
    let store = SqliteStore::open(&project.path(".onepath/online.sqlite")).expect("opens");
    let term = store.begin_term().expect("begins");
    let mark = store.reader().expect("opens").mark("tally@v1").expect("reads").expect("is there");
    let changed = change(&serde_json::to_string(&mark.identity).expect("is JSON"));
    let identity: ViewIdentity = serde_json::from_str(&changed).expect("is an identity");
    assert_ne!(identity, mark.identity);
    let mark = ViewMark { identity, ..mark };
    store.apply(term, &[ViewUpdate { view: "tally@v1", states: &[], mark: &mark }]).expect("applies");
}

const FILES: &str = "files = [\"e.csv\"]\n";

/// A project that served a vector from states of its file.
fn served_one() -> Project {
    let project = project(FILES);
    project.write("e.csv", "user_id,amount,amt,ts,at\na,1,10,2024-01-01,2024-02-01\na,2,20,2024-01-02,2024-02-02\n");
    good(&project, "materialize");
    assert_eq!(served(&project), "2,0,3.0,2.0");
    good(&project, "verify");
    project
}

#[test]
fn another_identity_is_refused_until_it_is_folded_anew() {
    for (lines, part, expected) in [
        (
            "columns = { amount = \"spent\" }",
            "columns of source events was none, and is now amount in spent",
            "2,0,3.0,2.0",
        ),
        ("time_format = \"%Y-%m-%d\"", "time format of source events was none, and is now \"%Y-%m-%d\"", "2,0,3.0,2.0"),
        ("arrival_time = \"at\"", "arrival time of source events was none, and is now at", "2,0,3.0,2.0"),
        ("event_id = \"amt\"", "event id of source events was none, and is now amt", "2,0,3.0,2.0"),
        (
            "[sources.events.fields]\namount = \"int64\"",
            "fields of source events was amount float64 or null, and is now amount int64 or null",
            "2,0,3.0,2.0",
        ),
    ] {
        let project = served_one();
        project.configure(&toml(&format!("{FILES}{lines}")));
        // The project as it was goes on, and it is said.
        let ran = project.run("get --service all --entity user_id=a");
        assert!(
            ran.code == 0 && ran.stderr.contains(&format!("has changed since (view tally@v1: {part}")),
            "{}",
            ran.stderr
        );
        good(&project, "verify");
        std::fs::remove_dir_all(project.path(".onepath/materialized")).expect("removes");
        let refused = format!("are of another identity: {part}");
        bad(&project, "get --service all --entity user_id=a", &refused);
        bad(&project, "get --service all --entity user_id=a", "run `onepath materialize`");
        project.write("p.csv", "user_id,amount,ts,amt,at\na,4,2024-01-03,7,2024-01-03\n");
        project.write("q.csv", "user_id,amount,ts\na,4,2024-01-03\n");
        let ingested = project.run("ingest --source events p.csv");
        assert!(ingested.code != 0 && ingested.stderr.contains(&refused), "{lines}: {}", ingested.stderr);
        let serve = project.run_with(&["serve", "--listen", "127.0.0.1:0"], "");
        assert!(serve.code == 2 && serve.stderr.contains(&refused), "{}", serve.stderr);
        let verified = project.run("verify");
        assert_eq!(verified.code, 1, "{}{}", verified.stdout, verified.stderr);
        assert!(
            verified.stdout.contains("NOT verified: 2 served vectors and the states of 1 view"),
            "{}",
            verified.stdout
        );
        assert!(verified.stdout.contains(&refused), "{}", verified.stdout);
        assert!(verified.stdout.contains("0 differences"), "{}", verified.stdout);
        good(&project, "materialize");
        assert_eq!(served(&project), expected, "{lines}");
    }
}

#[test]
fn what_decides_nothing_changes_nothing() {
    let project = served_one();
    // What `build` writes, a mapping of what is not read, and words for people.
    let lines =
        "owner = \"me\"\ncolumns = { rest = \"amt\" }\n[sources.events.fields]\namount = \"float64\"\nrest = \"int64\"";
    project.configure(&toml(&format!("{FILES}{lines}")));
    assert_eq!(served(&project), "2,0,3.0,2.0");
    good(&project, "verify");
}

#[test]
fn states_without_an_identity_are_refused() {
    let project = served_one();
    with_identity(&project, |_| serde_json::to_string(&ViewIdentity::default()).expect("is JSON"));
    let refused = "no identity was recorded with it";
    bad(&project, "get --service all --entity user_id=a", refused);
    let verified = project.run("verify");
    assert!(verified.code == 1 && verified.stdout.contains(refused), "{}", verified.stdout);
    good(&project, "materialize");
    assert_eq!(served(&project), "2,0,3.0,2.0");
    good(&project, "verify");
}

#[test]
fn a_pinned_training_set_says_what_its_views_were() {
    let project = served_one();
    backfilled(&project, "");
    let pinned = ["serve", "--listen", "127.0.0.1:0", "--pin", "out.csv.manifest.json"];
    project.configure(&toml(&format!("{FILES}columns = {{ amount = \"amt\" }}")));
    project.write("e.csv", "user_id,amt,ts\na,1,2024-01-01\n");
    good(&project, "materialize");
    let ran = project.run_with(&pinned, "");
    assert!(
        ran.code == 2
            && ran.stderr.contains("view tally@v1, columns of source events: trained with none, now amount in amt"),
        "{}",
        ran.stderr
    );
}

#[test]
fn states_of_other_conversions_are_refused() {
    let project = served_one();
    with_identity(&project, |identity| identity.replace("\"version ", "\"version 0"));
    let refused = "are of another identity: conversions of files and log was version 0";
    bad(&project, "get --service all --entity user_id=a", refused);
    let verified = project.run("verify");
    assert!(verified.code == 1 && verified.stdout.contains(refused), "{}", verified.stdout);
    good(&project, "materialize");
    good(&project, "verify");
}
