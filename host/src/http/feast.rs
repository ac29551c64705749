//! The routes of Feast's feature server, in its JSON, so that a Feast client works unchanged.
//!
//! Source: Feast 0.67, `feature_server.py` and `infra/online_stores/remote.py`. Where onepath differs: an entity that was never
//! seen has the values that its transform gives for no events, as in a training set, with the status `NOT_FOUND`; results come
//! in the order asked for; times are ISO 8601; and an event that is pushed is in every later training set too, whatever `to` says.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;
use serde_json::value::RawValue;

use super::ask::{Answer, Planning};
use super::body::{self, Document, from_python};
use super::events::Pushed;
use super::refusal::{Cause, Refusal};
use super::routes::{self, App};
use super::{events, json};
use crate::ErrorKind;
use crate::evaluate::Status;
use crate::files::{Fields, Name};
use crate::online::Named;
use crate::project::{Source, UnknownName};
use crate::time::{EventTime, TimeUnit};
use crate::{OnlineFeatures, Request};

/// Any path of Feast's, for the dialect of refusals.
const DIALECT: &str = "/";

/// Feast's time of what has no event.
const EPOCH: EventTime = EventTime::from_micros(0);

/// Milliseconds that the as-of of an answer is behind now.
const LAG: HeaderName = HeaderName::from_static("x-onepath-lag-ms");

/// What Feast's client calls the time at which it made a row.
const CREATED: &str = "created";

/// `POST /get-online-features`
pub(super) async fn get_online_features(State(app): State<Arc<App>>, body: Body) -> Response {
    match answered(&app, body).await {
        Ok(answer) => {
            let mut response = routes::json(answer.body);
            response.headers_mut().insert(LAG, HeaderValue::from(answer.lag_ms));
            response
        }
        Err(refusal) => refusal.answer(DIALECT),
    }
}

async fn answered(app: &Arc<App>, body: Body) -> Result<Answer, Refusal> {
    let body = body::read(body).await?;
    app.in_time(async {
        let read = app.read(body, |app, body, planning| {
            // Python's numbers are looked for only where the body is no JSON without it.
            match question(app, body, planning) {
                Err(refusal) if refusal.at.is_empty() => match from_python(body) {
                    std::borrow::Cow::Owned(json) => question(app, &json, planning),
                    std::borrow::Cow::Borrowed(_) => Err(refusal),
                },
                read => read,
            }
        });
        let (request, shape) = read.await?;
        app.answer(request, move |request, features| response(request, features, shape)).await
    })
    .await
}

/// What the answer should look like.
#[derive(Clone, Copy)]
struct Shape {
    full_names: bool,
    versions: bool,
}

fn question(app: &App, body: &[u8], planning: Planning) -> Result<Option<(Request, Shape)>, Refusal> {
    let mut document = Document::parse(body)?;
    let entities: Fields<'_> = document
        .take("entities")?
        .ok_or_else(|| Refusal::field(&["entities"], "is missing: give each key a list of values, one per entity"))?;
    let features: Option<Vec<Name<'_>>> = document.take("features")?;
    let shape = Shape {
        full_names: document.take("full_feature_names")?.unwrap_or(false),
        versions: document.take("include_feature_view_version_metadata")?.unwrap_or(false),
    };
    let service: Option<Name<'_>> = document.take("feature_service")?;
    let selected = match (&service, &features) {
        (Some(service), None) => Named::Service(&service.0),
        (None, Some(features)) if !features.is_empty() => {
            Named::Features(features.iter().map(|name| &*name.0).collect())
        }
        (Some(_), Some(_)) => {
            return Err(Refusal::field(&["features"], "is given beside feature_service: give one of them"));
        }
        (None, _) => {
            return Err(Refusal::field(
                &["features"],
                "is missing: give \"view:feature\" references, or feature_service",
            ));
        }
    };
    let Some(prepared) = app.prepared(&selected, planning)? else { return Ok(None) };
    refuse_equal_names(&prepared, shape.full_names)?;
    // Feast writes times as seconds since the epoch.
    let request = app.request(&prepared, &entities, "entities", Some(TimeUnit::Seconds), None)?;
    Ok(Some((request, shape)))
}

fn refuse_equal_names(prepared: &crate::PreparedRequest, full_names: bool) -> Result<(), Refusal> {
    let names: Vec<String> = prepared.features().iter().map(|feature| answered_name(feature, full_names)).collect();
    for (at, name) in names.iter().enumerate() {
        if names[..at].contains(name) {
            let help = if full_names { "ask for one of them" } else { "set full_feature_names" };
            return Err(Refusal::field(&["features"], format!("two of them are named {name}: {help}")));
        }
    }
    Ok(())
}

/// The name of a feature in an answer, as in a training set: its own, or with the view before it; `view@v2__feature` where
/// the version was named, so that two versions of one view are told apart.
fn answered_name(feature: &crate::RequestedFeature, full_names: bool) -> String {
    match full_names {
        true => feature.reference.replacen(':', "__", 1),
        false => feature.name.clone(),
    }
}

/// One result per name, keys first, columns over the entities.
fn response(request: &Request, answer: &OnlineFeatures, shape: Shape) -> Vec<u8> {
    let (prepared, rows) = (request.prepared(), request.rows());
    let keys = || prepared.inputs().iter().zip(request.inputs()).filter(|(input, _)| input.is_key);
    let mut out = Vec::with_capacity(512 + 96 * rows * (prepared.features().len() + 1));
    out.extend_from_slice(b"{\"results\":");
    let mut results = Vec::new();
    for (_, column) in keys() {
        results.push((column, None, None));
    }
    // Every feature of a view has the same newest event: its times are written once.
    let newest: Vec<Vec<u8>> = answer.newest_events.iter().map(|newest| times(newest)).collect();
    for (at, feature) in prepared.features().iter().enumerate() {
        results.push((&answer.features[at], Some(&answer.statuses[at]), Some(&newest[feature.view_at])));
    }
    let of_keys = times(&vec![Some(EPOCH); rows]);
    json::array(&mut out, results, |out, (column, statuses, times)| {
        out.extend_from_slice(b"{\"values\":");
        json::column(out, column);
        out.extend_from_slice(b",\"statuses\":");
        json::array(out, 0..rows, |out, row| {
            let status = statuses.map_or(Status::Present, |statuses| statuses[row]);
            json::text(out, status.as_str());
        });
        out.extend_from_slice(b",\"event_timestamps\":");
        out.extend_from_slice(times.unwrap_or(&of_keys));
        out.push(b'}');
    });
    out.extend_from_slice(b",\"metadata\":{\"feature_names\":");
    let keys = keys().map(|(input, _)| input.name.clone());
    let features = prepared.features().iter().map(|feature| answered_name(feature, shape.full_names));
    json::array(&mut out, keys.chain(features), |out, name| json::text(out, &name));
    if shape.versions {
        out.extend_from_slice(b",\"feature_view_metadata\":");
        json::array(&mut out, prepared.views(), |out, view| {
            let (name, version) = view.label.split_once("@v").unwrap_or((&view.label, "0"));
            out.extend_from_slice(b"{\"name\":");
            json::text(out, name);
            out.extend_from_slice(b",\"version\":");
            out.extend_from_slice(version.as_bytes());
            out.push(b'}');
        });
    }
    out.extend_from_slice(b"}}");
    out
}

fn times(newest: &[Option<EventTime>]) -> Vec<u8> {
    let mut out = Vec::with_capacity(24 * newest.len() + 2);
    json::array(&mut out, newest, |out, time| json::time(out, time.unwrap_or(EPOCH).micros()));
    out
}

/// `POST /push`: 200 once the events are durable and applied.
pub(super) async fn push(State(app): State<Arc<App>>, body: Body) -> Response {
    let pushed = take(&app, body, |app, document| {
        let source: Name<'_> = document
            .take("push_source_name")?
            .ok_or_else(|| Refusal::field(&["push_source_name"], "is missing: name the source of the events"))?;
        let to: Option<Name<'_>> = document.take("to")?;
        if to.as_ref().is_some_and(|to| !["online", "offline", "online_and_offline"].contains(&&*to.0)) {
            return Err(Refusal::field(&["to"], "is not online, offline or online_and_offline"));
        }
        known_source(app, &source.0)
    });
    match pushed.await {
        Ok(_) => routes::json(Body::empty()),
        Err(refusal) => refusal.answer(DIALECT),
    }
}

/// `POST /write-to-online-store`: what Feast's `remote` online store sends for a push and for a write. The name is of a source,
/// or of a view that has one source.
pub(super) async fn write_to_online_store(State(app): State<Arc<App>>, body: Body) -> Response {
    let pushed = take(&app, body, |app, document| {
        let name: Name<'_> = document.take("feature_view_name")?.ok_or_else(|| {
            Refusal::field(&["feature_view_name"], "is missing: name a source, or a view of one source")
        })?;
        let project = app.server.project();
        if let Ok(source) = project.source(&name.0) {
            return Ok(source.clone());
        }
        let view =
            project.view_version(&name.0, None).map_err(|unknown: UnknownName| crate::ServerError::from(unknown))?;
        match view.sources.as_slice() {
            [source] => known_source(app, source),
            sources => {
                let message =
                    format!("has {} sources: write to one of them by its name ({})", sources.len(), sources.join(", "));
                Err(Refusal { cause: Cause::Of(ErrorKind::Invalid), ..Refusal::field(&["feature_view_name"], message) })
            }
        }
    });
    match pushed.await {
        Ok(_) => routes::json("null"),
        Err(refusal) => refusal.answer(DIALECT),
    }
}

fn known_source(app: &App, name: &str) -> Result<Source, Refusal> {
    Ok(app.server.project().source(name).map_err(crate::ServerError::from)?.clone())
}

/// Reads the columns `df` of a body and pushes their rows to the source that `target` finds.
async fn take(
    app: &Arc<App>,
    body: Body,
    target: impl Fn(&App, &mut Document<'_>) -> Result<Source, Refusal> + Send + 'static,
) -> Result<crate::Applied, Refusal> {
    let body: Bytes = body::read(body).await?;
    events::push(app, move |app| {
        let json = from_python(&body);
        let mut document = Document::parse(&json)?;
        let source = target(app, &mut document)?;
        let mut columns: Fields<'_> = document
            .take("df")?
            .ok_or_else(|| Refusal::field(&["df"], "is missing: give each field a list of values, one per event"))?;
        // What Feast's client calls the time of an event, whatever the column was called.
        let is_given = columns.0.iter().any(|(given, _)| source.own_name(given) == source.event_time);
        if !is_given {
            for (name, _) in columns.0.iter_mut().filter(|(name, _)| name == "event_timestamp") {
                *name = source.event_time.clone().into();
            }
        }
        // Feast's client always sends its own column, which most sources do not have; a value in it is not dropped.
        if !app.server.event_schema(&source.name)?.knows(source.own_name(CREATED)) {
            columns.0.retain(|(name, values)| name != CREATED || !is_null(values));
        }
        let events = Pushed::from_columns(&columns, "df", &app.limits)?.checked(app, &source.name)?;
        Ok((source.name, events))
    })
    .await
}

/// Whether there is nothing but nulls in a list of values.
fn is_null(values: &RawValue) -> bool {
    serde_json::from_str::<Vec<()>>(values.get()).is_ok()
}
