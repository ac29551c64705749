//! What is late: events older than promised, of views and of entities, and files that are not materialized in time.

use onepath::events::Arrival;
use onepath::monitor::EntitiesTold;

use crate::support::{Project, at};

fn project(settings: &str) -> Project {
    let project = Project::new(&format!(
        r#"[project]
name = "late"
[entities.customer]
keys = {{ customer_id = "text" }}
[sources.events]
entity = "customer"
files = ["events.csv"]
event_time = "event_timestamp"
{settings}
[sources.pushes]
entity = "customer"
event_time = "event_timestamp"
[views.activity]
sources = ["events"]
transform = "CHURN"
freshness = "24h"
[views.activity.features.days_since_last_purchase]
freshness = "1h"
[views.quiet]
sources = ["pushes"]
freshness = "1h"
[views.quiet.features]
pushed = {{ count = "*" }}
[views.free]
sources = ["events"]
[views.free.features]
seen = {{ count = "*" }}
"#
    ));
    let rows = (1..=9).map(|day| format!("c{day},2024-01-0{day}T00:00:00Z,purchase,1\n"));
    let rows: String = rows.collect();
    project.write("events.csv", format!("customer_id,event_timestamp,event_type,amount\n{rows}"));
    project
}

#[test]
fn broken_promises_are_listed_with_their_entities() {
    let project = project("");
    project.clock.set(at("2024-01-09T12:00:00Z"));
    let mut store = project.open();
    let told = |store: &crate::support::Session| {
        let report = store.freshness(EntitiesTold::Oldest(2)).expect("reads");
        let line = |promise: &onepath::monitor::Freshness| {
            let entities = promise.entities.as_ref().map(|of| (of.all, of.stale, of.oldest.len()));
            format!("{} {:?} {:?} {:?} {entities:?}", promise.view, promise.features, promise.promised, promise.is_kept)
        };
        report.promises.iter().map(line).collect::<Vec<_>>().join("\n")
    };
    // Before anything was materialized no view has an event.
    expect_test::expect![[r#"
        activity@v1 [] Some("1d") Some(false) Some((0, 0, 0))
        activity@v1 ["days_since_last_purchase"] Some("1h") Some(false) Some((0, 0, 0))
        quiet@v1 [] Some("1h") Some(false) Some((0, 0, 0))
        free@v1 [] None None None"#]]
    .assert_eq(&told(&store));
    store.materialize(&[], None).expect("materializes");
    expect_test::expect![[r#"
        activity@v1 [] Some("1d") Some(true) Some((9, 8, 2))
        activity@v1 ["days_since_last_purchase"] Some("1h") Some(false) Some((9, 9, 2))
        quiet@v1 [] Some("1h") Some(false) Some((0, 0, 0))
        free@v1 [] None None None"#]]
    .assert_eq(&told(&store));
    let report = store.freshness(EntitiesTold::Oldest(2)).expect("reads");
    let oldest = &report.promises[0].entities.as_ref().expect("were asked for").oldest;
    assert_eq!((oldest[0].entity.as_str(), oldest[0].age_s), ("c1", 8.5 * 86_400.0));
    assert_eq!(oldest[1].entity, "c2");
    // An event of now keeps every promise of its view, and leaves the entities that have none.
    project.write("push.csv", "customer_id,event_timestamp\nc1,2024-01-09T11:30:00Z\n");
    store.ingest("pushes", &project.path("push.csv"), &Arrival::Now).expect("pushes");
    store.close();
    let report = store.freshness(EntitiesTold::None).expect("reads");
    let quiet = report.promises.iter().find(|promise| promise.view == "quiet@v1").expect("is there");
    assert_eq!((quiet.is_kept, quiet.age_s), (Some(true), Some(1_800.0)));
    assert!(report.is_broken(), "activity promises an hour for one feature");
}

#[test]
fn files_that_are_not_materialized_in_time_are_late() {
    let project = project("materialize_every = \"1d\"");
    let late = |store: &crate::support::Session| {
        let report = store.materializations().expect("reads");
        assert_eq!(report.sources.len(), 1, "only one source has files");
        report.sources[0].clone()
    };
    project.clock.set(at("2024-01-10"));
    let mut store = project.open();
    assert_eq!((late(&store).is_late, late(&store).up_to), (Some(true), None), "it never was");
    store.materialize(&[], None).expect("materializes");
    for (now, expected) in [("2024-01-10", false), ("2024-01-12", false), ("2024-01-12T00:00:01Z", true)] {
        project.clock.set(at(now));
        assert_eq!(late(&store).is_late, Some(expected), "{now}");
    }
}

#[test]
fn the_last_runs_tell_how_often_files_are_materialized() {
    let project = project("");
    let mut store = project.open();
    for day in ["2024-01-10", "2024-01-11", "2024-01-13"] {
        project.clock.set(at(day));
        store.materialize(&[], None).expect("materializes");
    }
    let told = |store: &crate::support::Session| store.materializations().expect("reads").sources[0].clone();
    assert_eq!((told(&store).runs, told(&store).every_s), (3, Some(86_400.0)));
    project.clock.set(at("2024-01-15"));
    assert_eq!(told(&store).is_late, Some(false));
    project.clock.set(at("2024-01-16"));
    assert_eq!(told(&store).is_late, Some(true));
}

#[test]
fn the_command_line_tells_what_is_late() {
    let project = project("materialize_every = \"1d\"");
    assert_eq!(project.run("materialize --up-to 2024-01-10").code, 0);
    let ran = project.run("monitor freshness --entities --most 1");
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(ran.stdout.contains("3 of 3 promises are broken"), "{}", ran.stdout);
    assert!(ran.stdout.contains("9 of 9"), "{}", ran.stdout);
    assert!(ran.stdout.contains("activity@v1: days_since_last_purchase"), "{}", ran.stdout);
    assert_eq!(project.run("monitor freshness --fail-on never").code, 0);
    let json = project.run("monitor freshness --format json");
    let json: serde_json::Value = serde_json::from_str(&json.stdout).expect("is JSON");
    assert_eq!(json["promises"][0]["promised_s"], serde_json::json!(86_400.0));
    let ran = project.run("monitor materialization");
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(ran.stdout.contains("LATE") && ran.stdout.contains("24 h, by materialize_every"), "{}", ran.stdout);
}
