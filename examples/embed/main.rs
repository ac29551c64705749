//! A serving process of its own: requests come in as lines of JSON, answers go out as lines of JSON, and the features are
//! evaluated in process. `README.md` beside this file shows it at work.

use std::io::{BufRead, Write};
use std::path::Path;
use std::sync::{Mutex, mpsc};

use anyhow::Context;
use onepath::batch::Value;
use onepath::events::JsonEvents;
use onepath::feature_store::FeatureSelection;
use onepath::{Server, ServerOptions};
use serde_json::value::to_raw_value;
use serde_json::{Value as Json, json};

/// Threads that answer. A push waits for the disk, and pushes that wait together are written together.
const THREADS: usize = 8;

/// Requests that wait for a thread.
const WAITING_MAX: usize = 64;

fn main() -> anyhow::Result<()> {
    let project = std::env::args().nth(1).context("name the project's folder: embed examples/churn")?;
    let server = Server::open(Path::new(&project), ServerOptions::default())?;
    let (requests, waiting) = mpsc::sync_channel::<String>(WAITING_MAX);
    let (waiting, out) = (Mutex::new(waiting), Mutex::new(std::io::stdout()));
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while let Ok(line) = { waiting.lock().expect("no thread panics").recv() } {
                    let answer = answer(&server, &line);
                    let mut out = out.lock().expect("no thread panics");
                    // Who no longer listens is not told.
                    let _ = writeln!(out, "{answer}").and_then(|()| out.flush());
                }
            });
        }
        for line in std::io::stdin().lock().lines() {
            requests.send(line?)?;
        }
        drop(requests);
        anyhow::Ok(())
    })?;
    server.close().context("closing")
}

/// The answer to a line. It carries the `id` of the request, for answers come in any order.
fn answer(server: &Server, line: &str) -> Json {
    let request: Json = serde_json::from_str(line).unwrap_or_default();
    let answer = match (request["get"].as_str(), request["push"].as_str()) {
        (Some(service), None) => get(server, service, &request),
        (None, Some(source)) => push(server, source, &request),
        _ => Err(anyhow::anyhow!("a line is a JSON object with `get` or `push`")),
    };
    let mut answer = answer.unwrap_or_else(|error| json!({ "error": format!("{error:#}") }));
    answer["id"] = request["id"].clone();
    answer
}

/// The features of one entity: `{"id": 1, "get": "churn_v1", "customer_id": "c1"}`.
fn get(server: &Server, service: &str, request: &Json) -> anyhow::Result<Json> {
    // Planned once; afterwards this is a look-up.
    let prepared = server.prepare(&FeatureSelection::Service(service.to_owned()))?;
    let mut asked = prepared.request();
    for input in prepared.inputs() {
        if let Some(value) = request.get(&input.name) {
            // A list of one value: the request may ask about many entities.
            asked = asked.json(&input.name, &to_raw_value(&[value])?, None)?;
        }
    }
    let answer = server.get_online_features(&asked.build()?)?;
    let mut features = serde_json::Map::new();
    for (feature, column) in prepared.features().iter().zip(&answer.features) {
        let value = match column.value(0) {
            Value::Int64(number) => json!(number),
            Value::Float64(number) => json!(number),
            Value::Bool(value) => json!(value),
            Value::Null => Json::Null,
            value => json!(value.to_string()),
        };
        features.insert(feature.reference.clone(), value);
    }
    Ok(json!({ "as_of": answer.as_of.to_string(), "offset": answer.offset, "features": features }))
}

/// Events that are on disk and applied when the answer comes: `{"id": 2, "push": "events", "events": [{...}]}`.
fn push(server: &Server, source: &str, request: &Json) -> anyhow::Result<Json> {
    let events = request["events"].to_string();
    let events = JsonEvents::parse(&events).context("`events` is not a list of objects")?;
    let applied = server.push(source, server.checked(source, events)?)?;
    Ok(json!({ "appended": applied.appended, "duplicates": applied.duplicates, "offset": applied.offset }))
}
