//! Sources have a schema, and it is law: for files, for what is ingested, and for what is pushed over HTTP.

mod columns;
mod declared;
mod identity;
mod newer;
mod push;
mod skips;
mod written;

use onepath::log::Log;
use serde_json::{Value as Json, json};

use crate::support::http::{Client, Reply};
use crate::support::{Project, Ran, Served, component};

/// A project of one source of users with `lines` in its table, read by a view that counts and sums an optional `amount`.
fn project(lines: &str) -> Project {
    Project::new(&toml(lines))
}

fn toml(lines: &str) -> String {
    format!(
        "{}\n[views.tally]\nsources = [\"events\"]\ntransform = \"{}\"\n[services.all]\nfeatures = [\"tally:*\"]\n",
        unread(lines),
        component("tests/transforms/tally").display()
    )
}

/// The same without a view.
fn unread(lines: &str) -> String {
    format!(
        "[project]\nname = \"p\"\n[entities.user]\nkeys = {{ user_id = \"text\" }}\n[sources.events]\nentity = \"user\"\n\
         event_time = \"ts\"\n{lines}\n"
    )
}

/// The features of user `a` in June: events, nulls, total, last.
fn backfilled(project: &Project, options: &str) -> String {
    project.write("spine.csv", "user_id,as_of\na,2024-06-01\n");
    good(project, &format!("backfill --service all --spine spine.csv --out out.csv {options}"));
    let text = std::fs::read_to_string(project.path("out.csv")).expect("was written");
    let row = text.lines().nth(1).expect("a row");
    row.split_once("Z,").map_or(row, |(_, features)| features).to_owned()
}

/// What is served of user `a`, now.
fn served(project: &Project) -> String {
    let answer: Json = serde_json::from_str(
        &good(project, "get --allow-unmaterialized --service all --entity user_id=a --format json").stdout,
    )
    .expect("JSON");
    let features = answer["features"].as_array().expect("features").iter();
    features.map(|feature| feature["value"].to_string()).collect::<Vec<_>>().join(",")
}

/// The command succeeds.
#[track_caller]
fn good(project: &Project, words: &str) -> Ran {
    let ran = project.run(words);
    assert_eq!(ran.code, 0, "{words}\n{}{}", ran.stdout, ran.stderr);
    ran
}

/// The command fails with a message that contains `expected`.
#[track_caller]
fn bad(project: &Project, words: &str, expected: &str) {
    let ran = project.run(words);
    assert_eq!(ran.code, 2, "{words}\n{}{}", ran.stdout, ran.stderr);
    assert!(ran.stderr.contains(expected), "{words}\n{}\nhas no\n{expected}", ran.stderr);
}

/// What the log holds of the events, in order.
fn logged(project: &Project) -> Vec<Json> {
    let log = onepath::log::SqliteLog::open_read_only(&project.path(".onepath/log.sqlite")).expect("opens");
    let mut events = Vec::new();
    if let Some(log) = log {
        let keep = |event: onepath::log::LoggedEvent| {
            events.push(serde_json::from_str(&event.fields).expect("JSON"));
            Ok::<(), onepath::log::LogError>(())
        };
        log.reader().expect("opens").each("events", 0, u64::MAX, keep).expect("reads");
    }
    events
}

/// Pushes one event by the typed API.
fn push(client: &mut Client, event: &Json) -> Reply {
    client.post("/v1/events/events", json!({ "events": [event] }).to_string()).expect("answers")
}

/// Pushes one event as Feast's client does.
fn push_feast(client: &mut Client, event: &Json) -> Reply {
    let columns = event.as_object().expect("an object").iter();
    let df: serde_json::Map<String, Json> = columns.map(|(name, value)| (name.clone(), json!([value]))).collect();
    client.post("/push", json!({ "push_source_name": "events", "df": df }).to_string()).expect("answers")
}

/// A server upon the project, and a connection to it.
fn start(project: &Project) -> (Served, Client) {
    let served = Served::start(project, "--allow-unmaterialized");
    let client = served.client();
    (served, client)
}
