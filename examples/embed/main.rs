//! A serving process of its own: requests come in as lines of JSON, answers go out as lines of JSON, and the features are
//! evaluated in process. `README.md` beside this file shows it at work.

use std::io::{BufRead, Write};
use std::path::Path;
use std::sync::{Mutex, mpsc};

use anyhow::{Context, bail};
use onepath::batch::{Column, Value};
use onepath::entity::{EntityKey, KeyType, KeyValue};
use onepath::feature_store::FeatureSelection;
use onepath::log::NewEvent;
use onepath::time::{EventTime, parse_time};
use onepath::{EventSchema, Server, ServerOptions};
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
    let mut inputs = Vec::new();
    for input in prepared.inputs() {
        let mut column = Column::new(input.value_type);
        let value = match &request[&input.name] {
            Json::Null if input.nullable => Value::Null,
            Json::String(text) => Value::Text(text.clone()),
            Json::Number(number) => {
                number.as_i64().map(Value::Int64).or(number.as_f64().map(Value::Float64)).unwrap_or(Value::Null)
            }
            _ => bail!("{} ({}) is missing", input.name, input.value_type),
        };
        column.push(&value).with_context(|| input.name.clone())?;
        inputs.push(column);
    }
    let answer = server.get_online_features(&prepared, &inputs, None)?;
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
    let schema = server.event_schema(source)?;
    let events = request["events"].as_array().context("`events` is not a list")?;
    let events =
        (1..).zip(events).map(|(row, event)| new_event(&schema, row, event).with_context(|| format!("event {row}")));
    let applied = server.push(source, events.collect::<Result<_, _>>()?)?;
    Ok(json!({ "appended": applied.appended, "duplicates": applied.duplicates, "offset": applied.offset }))
}

fn new_event(schema: &EventSchema, row: u64, event: &Json) -> anyhow::Result<NewEvent> {
    let text = |name: &str| event[name].as_str().with_context(|| format!("{name} is not a text"));
    let mut key = Vec::new();
    for column in &schema.keys {
        key.push(match column.key_type {
            KeyType::Text => KeyValue::Text(text(&column.name)?.to_owned()),
            KeyType::Int64 => KeyValue::Int64(event[&column.name].as_i64().with_context(|| column.name.clone())?),
        });
    }
    Ok(NewEvent {
        event_id: schema.source.event_id.as_ref().map(|name| text(name).map(str::to_owned)).transpose()?,
        key: EntityKey(key),
        event_time: EventTime(parse_time(text(&schema.source.event_time)?)?),
        arrival: None,
        fields: event.to_string(),
        row,
    })
}
