//! Pushes, crashes and `verify`: what serving keeps, and how it is proved.

mod changes;
mod drift;
mod flips;
mod format;
mod late;
#[cfg(unix)]
mod places;
mod push;
mod readers;
mod report;
mod reset;
mod states;
mod steps;
mod verify;

use onepath::batch::Value;
use onepath::events::Arrival;
use onepath::feature_store::{FeaturePlan, FeatureSelection, FeatureStore};
use onepath::time::AsOf;

use crate::support::{OnlineRequest, OnlineVector, Project, Session, at};

/// A project whose events are pushed: the churn view, and the trace view, which shows the order of application.
fn pushed_project(source: &str) -> Project {
    Project::new(&toml("[]", source, "TRACE"))
}

fn toml(files: &str, source: &str, trace: &str) -> String {
    format!(
        "[project]\nname = \"online\"\n[entities.customer]\nkeys = {{ customer_id = \"text\" }}\n[sources.events]\n\
         entity = \"customer\"\nfiles = {files}\nevent_time = \"event_timestamp\"\n{source}\n\
         [sources.events.fields]\nid = \"text\"\ningested_at = \"time\"\n\
         [views.activity]\nsources = [\"events\"]\ntransform = \"CHURN\"\n\
         [views.trace]\nsources = [\"events\"]\ntransform = \"{trace}\"\n\
         [services.all]\nfeatures = [\"activity:*\", \"trace:*\"]\n"
    )
}

const BY_ID: &str = "event_id = \"id\"";

fn plan(store: &FeatureStore) -> FeaturePlan {
    store.plan(&FeatureSelection::Service("all".to_owned())).expect("plans")
}

fn ask(entity: &str, as_of: Option<i64>) -> OnlineRequest {
    let inputs = vec![("customer_id".to_owned(), Value::Text(entity.to_owned()))];
    OnlineRequest { inputs, as_of: as_of.map(AsOf::from_micros) }
}

fn get(store: &mut Session, entity: &str, as_of: Option<i64>) -> OnlineVector {
    let plan = plan(store);
    store.get_online_features(&plan, &ask(entity, as_of)).expect("answers")
}

/// The trail of an entity: its events in the order of application.
fn trail(store: &mut Session, entity: &str) -> String {
    let vector = get(store, entity, None);
    let at = vector.references.iter().position(|reference| reference.ends_with("trail")).expect("is served");
    vector.values[at].to_string()
}

/// Lines `id customer type amount time` as NDJSON.
fn lines(text: &str) -> String {
    let line = |line: &str| {
        let cells: Vec<&str> = line.split_whitespace().collect();
        let amount: f64 = cells[3].parse().expect("a number");
        format!(
            "{{\"id\": \"{}\", \"customer_id\": \"{}\", \"event_type\": \"{}\", \"amount\": {amount:?}, \
             \"event_timestamp\": \"{}\"}}\n",
            cells[0], cells[1], cells[2], cells[4]
        )
    };
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(line).collect()
}

fn push(project: &Project, store: &mut Session, text: &str) -> Result<(u64, u64, u64), String> {
    let path = project.write("push.ndjson", lines(text));
    let applied = store.ingest("events", &path, &Arrival::EventTime).map_err(|error| error.to_string())?;
    Ok((applied.appended, applied.duplicates, applied.offset))
}

fn assert_verified(store: &mut Session, vectors: u64) {
    let report = store.verify(None).expect("verifies");
    assert!(report.is_equal(), "{:#?}", report.first);
    assert_eq!(report.vectors, vectors);
}

/// A project that served one vector.
fn served_one() -> Project {
    let project = pushed_project("");
    let mut store = project.open();
    push(&project, &mut store, "1 a purchase 10.1 2024-01-01\n2 a purchase 20.2 2024-01-02").expect("is taken");
    push(&project, &mut store, "3 b purchase 5 2024-01-02").expect("is taken");
    get(&mut store, "a", Some(at("2024-01-03")));
    assert_verified(&mut store, 1);
    project
}
