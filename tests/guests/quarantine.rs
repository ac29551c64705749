//! A server of two views, one of which lies: it is in quarantine from the difference on, here and after a restart, and the other goes on.

use std::path::Path;

use onepath::batch::Value;
use onepath::events::JsonEvents;
use onepath::feature_store::{BackfillRequest, FeatureSelection, FeatureStore, OpenOptions, SpineSource};
use onepath::{ErrorKind, Server, ServerError, ServerOptions};

use crate::run::alone;
use crate::table::GUESTS;

const PROJECT: &str = r#"
[project]
name = "quarantine"
admission = "off"
[entities.user]
keys = { id = "int64" }
[sources.events]
entity = "user"
event_time = "at"
fields = { amount = "float64" }
[views.liar]
sources = ["events"]
transform = "liar.wasm"
[views.honest]
sources = ["events"]
transform = "honest.wasm"
"#;

/// The project, whose view `liar` is the guest of that name.
fn project(liar: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(dir.path().join("onepath.toml"), PROJECT).expect("writes");
    put(dir.path(), "liar", liar);
    put(dir.path(), "honest", "leaks");
    dir
}

fn put(dir: &Path, view: &str, guest: &str) {
    let guest = GUESTS.iter().find(|row| row.name == guest).expect("a row of the table");
    std::fs::write(dir.join(format!("{view}.wasm")), guest.made.bytes(guest.name)).expect("writes");
}

fn options() -> OpenOptions {
    OpenOptions { repeat_seed: Some(1), threads: 1, ..OpenOptions::default() }
}

fn open(dir: &Path) -> Server {
    Server::open(dir, ServerOptions { open: options(), ..ServerOptions::default() }).expect("opens")
}

fn push(server: &Server, second: u64) {
    let event =
        format!(r#"[{{"id": 1, "at": "2024-01-01T00:{:02}:{:02}Z", "amount": 1.5}}]"#, second / 60, second % 60);
    let events = server.checked("events", JsonEvents::parse(&event).expect("is JSON")).expect("fits");
    server.push("events", events).expect("is taken");
}

fn ask(server: &Server, view: &str) -> Result<Value, ServerError> {
    let feature = format!("{view}:value").parse().expect("a reference");
    let prepared = server.prepare(&FeatureSelection::References(vec![feature])).expect("is planned");
    let request = prepared.request().input("id", [1_i64])?.build()?;
    Ok(server.get_online_features(&request)?.features[0].value(0))
}

/// Asks until the component is in quarantine; gives how many answers came before.
fn ask_until_found(server: &Server) -> u64 {
    for answered in 0..20_000 {
        let Err(error) = ask(server, "liar") else { continue };
        assert_eq!(error.kind(), ErrorKind::TransformQuarantined, "{error}");
        assert!(error.to_string().contains("gave two answers to the same rows"), "{error}");
        return answered;
    }
    panic!("seed 1: it was not found within 20,000 questions");
}

#[test]
fn a_liar_gives_errors_alone_and_the_other_view_goes_on() {
    let _alone = alone();
    let dir = project("lies_to_one_question");
    let server = open(dir.path());
    (0..3).for_each(|second| push(&server, second));
    let answered = ask_until_found(&server);
    let status = server.status();
    let [quarantined] = status.quarantined.as_slice() else { panic!("{status:?}") };
    assert_eq!((quarantined.view.as_str(), quarantined.unproved_vectors), ("liar@v1", answered));
    assert_eq!(quarantined.as_ofs.is_some(), answered > 0);
    assert!(server.unready().is_none(), "the other view goes on");
    assert!(quarantined.told().contains("Change the transform"), "{}", quarantined.told());
    // Events go on to the log and to the other view.
    push(&server, 3);
    assert!(ask(&server, "honest").expect("is answered").same_bits(&Value::Int64(4)));
    server.close().expect("closes");

    // It outlasts the process.
    let server = open(dir.path());
    assert_eq!(ask(&server, "liar").expect_err("in quarantine").kind(), ErrorKind::TransformQuarantined);
    push(&server, 4);
    assert!(ask(&server, "honest").expect("is answered").same_bits(&Value::Int64(5)));
    server.close().expect("closes");
    let store = FeatureStore::open(dir.path(), options()).expect("opens");
    let error = store.materialize(&[], None).expect_err("in quarantine").to_string();
    assert!(error.contains("is quarantined since it gave two answers"), "{error}");

    // What it served is listed, and not proved; the rest is.
    let report = FeatureStore::open(dir.path(), options()).expect("opens").verify(None).expect("verifies");
    let [found] = report.quarantined.as_slice() else { panic!("{report:?}") };
    assert_eq!((found.vectors, found.shown.len() as u64), (answered, answered.min(20)), "{report:?}");
    assert_eq!((report.vectors, report.differences, report.unproved), (2, 0, answered), "{report:?}");
    assert!(!report.is_equal(), "{report:?}");

    // A component with another digest is tried anew.
    put(dir.path(), "liar", "leaks");
    FeatureStore::open(dir.path(), options()).expect("opens").materialize(&[], None).expect("folds");
    let server = open(dir.path());
    assert!(server.status().quarantined.is_empty());
    assert!(ask(&server, "liar").expect("is answered").same_bits(&Value::Int64(5)));
    server.close().expect("closes");
}

/// A backfill finds it while a server runs: the server looks once a second.
#[test]
fn what_another_process_finds_holds_for_a_server_that_runs() {
    let _alone = alone();
    let dir = project("lies_to_one_question");
    let server = open(dir.path());
    push(&server, 0);
    // One that no server of this process has loaded.
    let other = FeatureStore::open(dir.path(), options()).expect("opens");
    let digest = server.status().views.iter().find(|view| view.label == "liar@v1").expect("a view").component.clone();
    let folder = dir.path().join(".onepath/quarantine");
    std::fs::create_dir_all(&folder).expect("is made");
    std::fs::write(folder.join(format!("{digest}.json")), "not what it was").expect("writes");
    let until = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while server.status().quarantined.is_empty() {
        assert!(std::time::Instant::now() < until, "nobody looked");
        std::thread::yield_now();
    }
    assert_eq!(ask(&server, "liar").expect_err("in quarantine").kind(), ErrorKind::TransformQuarantined);
    assert!(ask(&server, "honest").expect("is answered").same_bits(&Value::Int64(1)));
    server.close().expect("closes");
    let error = other.materialize(&[], None).expect_err("in quarantine").to_string();
    assert!(error.contains("is no longer to be read"), "{error}");
}

#[test]
fn where_every_view_is_in_quarantine_the_server_is_not_ready() {
    let _alone = alone();
    let dir = project("lies_to_one_question");
    std::fs::write(dir.path().join("onepath.toml"), PROJECT.split("[views.honest]").next().expect("a part"))
        .expect("writes");
    let server = open(dir.path());
    push(&server, 0);
    ask_until_found(&server);
    assert!(server.unready().is_some_and(|why| why.contains("view liar@v1 is in quarantine")));
    server.close().expect("closes");
}

/// Where no repeat passed in the process that found it, what an earlier one served is not proved either.
#[test]
fn what_an_earlier_process_served_is_listed_too() {
    let _alone = alone();
    let dir = project("lies_to_one_question");
    let mut served = 0;
    let server = open(dir.path());
    push(&server, 0);
    while server.status().quarantined.is_empty() && served < 5 {
        served += u64::from(ask(&server, "liar").is_ok());
    }
    assert!(server.status().quarantined.is_empty(), "seed 1 finds it later");
    server.close().expect("closes");
    let server = open(dir.path());
    served += ask_until_found(&server);
    server.close().expect("closes");
    let report = FeatureStore::open(dir.path(), options()).expect("opens").verify(None).expect("verifies");
    let [found] = report.quarantined.as_slice() else { panic!("{report:?}") };
    assert_eq!(found.vectors, served, "{report:?}");
}

#[test]
fn a_backfill_with_a_liar_makes_no_file() {
    let _alone = alone();
    let dir = project("lies_to_many_rows");
    let rows = |rows: u32, with: &str| {
        (0..rows).map(|row| format!("1,2024-01-01T00:{:02}:{:02}Z{with}\n", row / 60, row % 60)).collect::<String>()
    };
    std::fs::write(dir.path().join("events.csv"), format!("id,at,amount\n{}", rows(1_000, ",1.5"))).expect("writes");
    std::fs::write(dir.path().join("spine.csv"), format!("id,as_of\n{}", rows(1_000, ""))).expect("writes");
    let toml = PROJECT.replace("event_time = \"at\"", "event_time = \"at\"\nfiles = [\"events.csv\"]");
    std::fs::write(dir.path().join("onepath.toml"), toml.replace("admission", "repeat_share = 1.0\nadmission"))
        .expect("writes");
    let store = FeatureStore::open(dir.path(), options()).expect("opens");
    let out = dir.path().join("training.csv");
    let request = BackfillRequest {
        selection: FeatureSelection::References(vec!["liar:value".parse().expect("a reference")]),
        spine: SpineSource::File { path: dir.path().join("spine.csv"), as_of_column: None, as_of_unit: None },
        out: out.clone(),
        overrides: Vec::new(),
        full_feature_names: false,
        resume: false,
    };
    let error = store.backfill(&request).expect_err("a liar").to_string();
    assert!(error.contains("gave two answers to the same rows") && !out.exists(), "{error}");
    assert_eq!(store.quarantined_views().len(), 1);
}
