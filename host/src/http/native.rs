//! The native API, under `/v1`: typed, with as-of and offset in and out, and the components that answered.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use axum::response::Response;
use serde_json::json;

use super::ask::{Answer, Planning, lag_ms};
use super::body::{self, Document};
use super::events::Pushed;
use super::refusal::Refusal;
use super::routes::{self, App};
use super::{events as pushes, json as write};
use crate::feature_store::QuarantinedView;
use crate::files::{Fields, Name};
use crate::online::Named;
use crate::time::{AsOf, parse_time};
use crate::{OnlineFeatures, Request};

/// The dialect of refusals.
const DIALECT: &str = "/v1";

/// The media type of one JSON object a line.
const NDJSON: &str = "application/x-ndjson";

/// `POST /v1/features`
pub(super) async fn features(State(app): State<Arc<App>>, body: Body) -> Response {
    match answered(&app, body).await {
        Ok(answer) => routes::json(answer.body),
        Err(refusal) => refusal.answer(DIALECT),
    }
}

async fn answered(app: &Arc<App>, body: Body) -> Result<Answer, Refusal> {
    let body = body::read(body).await?;
    app.in_time(async {
        let request = app.read(body, question).await?;
        app.answer(request, response).await
    })
    .await
}

fn question(app: &App, body: &[u8], planning: Planning) -> Result<Option<Request>, Refusal> {
    let mut document = Document::parse(body)?;
    let inputs: Fields<'_> = document
        .take("inputs")?
        .ok_or_else(|| Refusal::field(&["inputs"], "is missing: give each key and request field a list of values"))?;
    let (service, features) = (document.take::<Name<'_>>("service")?, document.take::<Vec<Name<'_>>>("features")?);
    let as_of = document.take::<serde_json::Value>("as_of")?.map(|as_of| moment(&as_of)).transpose()?;
    document.finish("service, features, inputs, as_of")?;
    let selected = match (&service, &features) {
        (Some(service), None) => Named::Service(&service.0),
        (None, Some(features)) if !features.is_empty() => {
            Named::Features(features.iter().map(|name| &*name.0).collect())
        }
        (Some(_), Some(_)) => return Err(Refusal::field(&["features"], "is given beside service: give one of them")),
        (None, _) => return Err(Refusal::field(&["service"], "is missing: name a service, or give `features`")),
    };
    let Some(prepared) = app.prepared(&selected, planning)? else { return Ok(None) };
    app.request(&prepared, &inputs, "inputs", None, as_of).map(Some)
}

fn moment(as_of: &serde_json::Value) -> Result<AsOf, Refusal> {
    let told = |message: &dyn std::fmt::Display| Refusal::field(&["as_of"], message);
    match as_of {
        serde_json::Value::String(text) => parse_time(text).map(AsOf::from_micros).map_err(|error| told(&error)),
        other => Err(told(&format!("{other} is not an ISO 8601 time such as \"2024-02-29T12:30:00.000001Z\""))),
    }
}

fn response(request: &Request, answer: &OnlineFeatures) -> Vec<u8> {
    let prepared = request.prepared();
    let mut out = Vec::with_capacity(512 + 64 * request.rows() * prepared.features().len());
    out.extend_from_slice(b"{\"as_of\":");
    write::time(&mut out, answer.as_of.micros());
    out.extend_from_slice(
        format!(
            ",\"lag_ms\":{},\"offset\":{},\"replayed\":{},\"views\":",
            lag_ms(answer),
            answer.offset,
            answer.replayed
        )
        .as_bytes(),
    );
    let views = prepared.views().iter().zip(&answer.newest_events);
    write::array(&mut out, views, |out, (view, newest)| {
        out.extend_from_slice(b"{\"view\":");
        write::text(out, &view.label);
        out.extend_from_slice(b",\"component\":");
        write::text(out, &view.component);
        out.extend_from_slice(b",\"newest_events\":");
        write::array(out, newest, |out, newest| match newest {
            Some(newest) => write::time(out, newest.micros()),
            None => out.extend_from_slice(b"null"),
        });
        out.push(b'}');
    });
    out.extend_from_slice(b",\"features\":");
    let features = prepared.features().iter().zip(&answer.features).zip(&answer.statuses);
    write::array(&mut out, features, |out, ((feature, column), statuses)| {
        out.extend_from_slice(b"{\"feature\":");
        write::text(out, &feature.reference);
        out.extend_from_slice(b",\"type\":");
        write::text(out, &feature.value_type.to_string());
        out.extend_from_slice(b",\"values\":");
        write::column(out, column);
        out.extend_from_slice(b",\"statuses\":");
        write::array(out, statuses, |out, status| write::text(out, status.as_str()));
        out.push(b'}');
    });
    out.push(b'}');
    out
}

/// `POST /v1/events/{source}`: JSON `{"events": [{...}, ...]}`, or one object a line.
pub(super) async fn events(
    State(app): State<Arc<App>>,
    Path(source): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let is_ndjson =
        headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(NDJSON.as_bytes()));
    match pushed(&app, source, is_ndjson, body).await {
        Ok(applied) => routes::json(json!(applied).to_string()),
        Err(refusal) => refusal.answer(DIALECT),
    }
}

async fn pushed(app: &Arc<App>, source: String, is_ndjson: bool, body: Body) -> Result<crate::Applied, Refusal> {
    let body: Bytes = body::read(body).await?;
    pushes::push(app, move |app| {
        app.server.project().source(&source).map_err(crate::ServerError::from)?;
        let pushed = match is_ndjson {
            true => {
                let (numbers, rows) = lines(&body)?;
                Pushed::from_lines(rows, numbers, &app.limits)?
            }
            false => {
                let mut document = Document::parse(&body)?;
                let missing = || Refusal::field(&["events"], "is missing: give a list of objects, one per event");
                let rows: Vec<Fields<'_>> = document.take("events")?.ok_or_else(missing)?;
                document.finish("events")?;
                Pushed::from_rows(rows, "events", &app.limits)?
            }
        };
        let events = pushed.checked(app, &source)?;
        Ok((source, events))
    })
    .await
}

/// The objects of a body of one a line, and the numbers of their lines from 1; blank lines hold none.
fn lines(body: &[u8]) -> Result<(Vec<usize>, Vec<Fields<'_>>), Refusal> {
    let lines = body.split(|byte| *byte == b'\n').enumerate();
    let lines = lines.map(|(at, line)| (at, line.trim_ascii())).filter(|(_, line)| !line.is_empty());
    lines
        .map(|(at, line)| {
            let fields = body::parse(line).map_err(|refusal: Refusal| Refusal {
                message: format!("line {}: {}", at + 1, refusal.message),
                ..refusal
            })?;
            Ok((at + 1, fields))
        })
        .collect()
}

/// A view in quarantine, and what was served of it since a repeat passed last.
fn quarantined(view: &QuarantinedView) -> serde_json::Value {
    json!({
        "view": view.view,
        "component": view.component,
        "difference": view.difference,
        "unproved_vectors": view.unproved_vectors,
        "first_as_of": view.as_ofs.map(|(first, _)| first.to_string()),
        "last_as_of": view.as_ofs.map(|(_, last)| last.to_string()),
    })
}

/// `GET /v1/status`
pub(super) async fn status(State(app): State<Arc<App>>) -> Response {
    let status = app.server.status();
    let body = json!({
        "project": app.server.project().name,
        "version": env!("CARGO_PKG_VERSION"),
        "offset": status.offset,
        "stored_offset": status.stored_offset,
        "states_cached": status.states_cached,
        "cached_bytes": status.cached_bytes,
        "replays_running": status.replays_running,
        "replays_waiting": status.replays_waiting,
        "served_logged": status.served_logged,
        "served_queued": status.served_queued,
        "served_dropped": status.served_dropped,
        "served_expired": status.served_expired,
        "lag_ms": u64::try_from(status.lag.as_millis()).unwrap_or(u64::MAX),
        "ended": status.ended,
        "failure": status.failure,
        "clock_step_us": status.clock_step_us,
        "behind": status.behind,
        "quarantined": status.quarantined.iter().map(quarantined).collect::<Vec<_>>(),
        "repeats_passed": status.repeats_passed,
        "repeats_forgiven": status.repeats_forgiven,
        "served_lately": status.seen,
        "materializations": status.materializations,
        "expectations": status.expectations,
        "warnings": status.warnings,
    });
    routes::json(body.to_string())
}
