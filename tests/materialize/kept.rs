//! After the project has changed, the last materialized one is served as a whole until it is materialized anew.

use std::sync::Arc;

use onepath::Server;
use onepath::ServerOptions;
use onepath::batch::Column;
use onepath::feature_store::FeatureSelection;
use onepath::log::{History, LogWriter, SqliteLog};
use onepath::time::AvailableAt;

use super::{PROJECT, events, history, open, states};
use crate::support::{Project, components};

const NOTICE: &str = "the project is served as it was last materialized, for it has changed since (";

/// A project whose states are made, with components in its own folder.
fn project() -> Project {
    let project = Project::new("");
    for (name, component) in [("churn", &components().churn), ("trace", &components().trace)] {
        std::fs::copy(component, project.path(&format!("{name}.wasm"))).expect("copies");
    }
    project.configure(&toml());
    project.write("events.csv", events(0, 300, 7));
    open(&project).materialize(&[], None).expect("materializes");
    project
}

fn toml() -> String {
    PROJECT.replace("CHURN", "churn.wasm").replace("TRACE", "trace.wasm")
}

#[allow(clippy::result_large_err, reason = "the library's error, as it is")]
fn server(project: &Project) -> Result<Server, onepath::ServerError> {
    project.at_machines_time();
    Server::open(project.dir(), ServerOptions { open: project.options(), ..ServerOptions::default() })
}

/// What is answered of some customers by a service, and the notice of the server.
fn answers(project: &Project, service: &str) -> (Vec<String>, Option<String>) {
    let server = server(project).expect("opens");
    let prepared = server.prepare(&FeatureSelection::Service(service.to_owned())).expect("plans");
    let customers = Column::from(vec!["c1", "c2", "only-0", "new"]);
    let request = prepared.request().input("customer_id", customers).expect("fits").build().expect("is whole");
    let answer = server.get_online_features(&request).expect("answers");
    let row = |row| answer.features.iter().map(|feature| feature.value(row).to_string()).collect::<Vec<_>>().join(" ");
    let notice = server.status().behind;
    server.close().expect("closes");
    ((0..4).map(row).collect(), notice)
}

fn push(project: &Project, id: &str) {
    project.write(
        "push.csv",
        format!("event_id,customer_id,event_type,amount,event_timestamp\n{id},new,purchase,5.0,2024-07-01\n"),
    );
    let ran = project.run("ingest --source events push.csv");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
}

#[test]
fn a_changed_project_is_served_as_it_was_until_it_is_materialized() {
    for (from, to, view, part) in [
        ("transform = \"trace.wasm\"\n", "transform = \"trace.wasm\"\nttl = \"1d\"\n", "trace", "ttl"),
        (
            "sources = [\"events\"]\ntransform = \"trace.wasm\"",
            "sources = [\"more\", \"events\"]\ntransform = \"trace.wasm\"",
            "trace",
            "sources",
        ),
    ] {
        let project = project();
        let (before, notice) = answers(&project, "all");
        assert_eq!(notice, None);
        let more =
            "[sources.more]\nentity = \"customer\"\nfiles = [\"events.csv\"]\nevent_time = \"event_timestamp\"\n";
        let changed = toml().replace(from, to) + if part == "sources" { more } else { "" };
        assert_ne!(changed, toml());
        project.configure(&changed);
        let (after, notice) = answers(&project, "all");
        assert_eq!(after, before, "{view}: {part}");
        let notice = notice.expect("it is said");
        assert!(notice.starts_with(&format!("{NOTICE}view {view}@v1: {part} was ")), "{notice}");
        assert!(notice.contains("run `onepath materialize`"), "{notice}");
        // The command line says it too, and what is pushed goes to the same states.
        let ran = project.run("get --service all --entity customer_id=c1");
        assert!(ran.code == 0 && ran.stderr.contains(NOTICE), "{}", ran.stderr);
        push(&project, "p1");
        assert_ne!(answers(&project, "all").0[3], before[3], "the pushed event counts");
        assert!(open(&project).verify(None).expect("verifies").is_equal());
        let pushed = answers(&project, "all").0;
        // A training set is of the project as it is now.
        project.write("spine.csv", "customer_id,as_of\nc1,2024-12-31\n");
        let backfill = "backfill --service all --spine spine.csv --out out.csv";
        let ran = project.run(backfill);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        let ran = project.run("serve --listen 127.0.0.1:0 --pin out.csv.manifest.json");
        assert!(
            ran.code == 2 && ran.stderr.contains(&format!("view {view}@v1, {part}: trained with")),
            "{}",
            ran.stderr
        );
        open(&project).materialize(&[], None).expect("materializes");
        let (new, notice) = answers(&project, "all");
        assert_eq!(notice, None);
        assert_ne!(new, pushed, "{view}: {part}");
    }
}

/// A component that was built anew, of another shape: the old service, with the old features, goes on.
#[test]
fn another_component_waits_for_its_states() {
    let project = project();
    let before = answers(&project, "all").0;
    std::fs::copy(&components().churn, project.path("trace.wasm")).expect("copies");
    let (after, notice) = answers(&project, "all");
    assert_eq!(after, before);
    let notice = notice.expect("it is said");
    assert!(notice.contains("view trace@v1: component was "), "{notice}");
    push(&project, "p1");
    assert!(open(&project).verify(None).expect("verifies").is_equal());
    open(&project).materialize(&[], None).expect("materializes");
    let (new, notice) = answers(&project, "all");
    assert!(notice.is_none() && new != before);
}

/// A view that is new has no states: the project without it goes on.
#[test]
fn a_new_view_waits_for_its_states() {
    let project = project();
    let before = answers(&project, "all").0;
    let more = "[views.again]\nsources = [\"events\"]\ntransform = \"trace.wasm\"\n[services.again]\nfeatures = [\"again:*\"]\n";
    project.configure(&(toml() + more));
    let (after, notice) = answers(&project, "all");
    assert_eq!(after, before);
    assert!(notice.is_some_and(|notice| notice.contains("(view again@v1 has no states)")));
    let ran = project.run("get --service again --entity customer_id=c1");
    assert!(ran.code != 0 && ran.stderr.contains("again"), "{}", ran.stderr);
    open(&project).materialize(&[], None).expect("materializes");
    assert_eq!(answers(&project, "again").1, None);
}

/// What is no part of an identity is that of the project as it is now.
#[test]
fn other_words_and_services_need_no_states() {
    let project = project();
    project.configure(
        &toml().replace("[views.trace]\n", "[views.trace]\nowner = \"me\"\n").replace("services.all", "services.each"),
    );
    assert_eq!(answers(&project, "each").1, None);
}

/// What was kept is used only where it is what was kept, with the components that were kept.
#[test]
fn a_kept_project_that_is_damaged_or_of_others_is_not_used() {
    let project = project();
    let changed = toml().replace("transform = \"trace.wasm\"\n", "transform = \"trace.wasm\"\nttl = \"1d\"\n");
    let refused = |what: &str| {
        let error = server(&project).err().unwrap_or_else(|| panic!("{what}: is refused")).to_string();
        assert!(
            error.contains("the states of view trace@v1 are of another identity: ttl was none, and is now 1d"),
            "{what}: {error}"
        );
    };
    let path = project.path(&format!(".onepath/materialized/{}.json", history(&project)));
    let kept = std::fs::read(&path).expect("is kept");
    project.configure(&changed);
    answers(&project, "all");
    for at in (0..kept.len()).step_by(kept.len() / 23 + 1) {
        let mut damaged = kept.clone();
        damaged[at] ^= 4;
        std::fs::write(&path, damaged).expect("writes");
        refused(&format!("byte {at}"));
    }
    std::fs::write(&path, &kept[..kept.len() / 2]).expect("writes");
    refused("half");
    std::fs::remove_file(&path).expect("removes");
    refused("gone");
    std::fs::write(&path, &kept).expect("writes");
    answers(&project, "all");
    // The components that made the states, which the project still has: one that is damaged is written anew.
    let served = project.path(".onepath/components/served");
    for entry in std::fs::read_dir(served).expect("lists") {
        let component = entry.expect("lists").path();
        let bytes = std::fs::read(&component).expect("reads");
        std::fs::write(&component, std::fs::read(&components().cart).expect("reads")).expect("writes");
        answers(&project, "all");
        assert!(std::fs::read(&component).expect("reads") == bytes, "{}", component.display());
    }
}

/// The history of a run that died before its states were in place is there, and the states of before go on.
#[test]
fn a_history_without_states_changes_nothing_and_is_told() {
    let project = project();
    let (before, old) = (answers(&project, "all").0, states(&project));
    let recorded = history(&project);
    {
        let log = Arc::new(SqliteLog::open(&project.path(".onepath/log.sqlite")).expect("opens"));
        let mut log = LogWriter::new(log).expect("begins");
        let (_, newest) = log.reader().latest_history().expect("reads").expect("is there");
        let up_to = AvailableAt::from_micros(newest.up_to.micros() + 1);
        log.record_history(&History { up_to, sources: Vec::new() }).expect("records");
    }
    let (after, notice) = answers(&project, "all");
    assert_eq!((after, history(&project)), (before, recorded));
    let notice = notice.expect("it is said");
    assert!(notice.contains("did not come to its end") && notice.contains("run `onepath materialize`"), "{notice}");
    assert_eq!(states(&project), old);
    // An id of the history of the states is known as before.
    project.write("push.csv", events(0, 3, 7));
    let ran = project.run("ingest --source events push.csv --format json");
    assert!(ran.code == 0 && ran.stdout.contains("\"duplicates\": 4"), "{}{}", ran.stdout, ran.stderr);
    assert!(open(&project).verify(None).expect("verifies").is_equal());
    open(&project).materialize(&[], None).expect("materializes");
    assert_eq!(answers(&project, "all").1, None);
}
