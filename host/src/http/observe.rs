//! What happens around every request: its id, the token, room for it, and what is counted and logged.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;

use super::refusal::{Cause, Refusal};
use super::routes::App;
use crate::ErrorKind;
use crate::time::Stopwatch;

/// Names a request, in logs and in the answer.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Bytes of a request id that a client may bring; a longer one is replaced.
const REQUEST_ID_BYTES_MAX: usize = 128;

/// Paths that need neither token nor room: an overloaded server is still alive.
const ALWAYS: [&str; 2] = ["/health", "/ready"];

pub(super) async fn around(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let started = Stopwatch::start();
    let id = request_id(&app, &request);
    let matched = request.extensions().get::<MatchedPath>().cloned();
    let route = matched.as_ref().map_or("unmatched", MatchedPath::as_str);
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let mut response = match admit(&app, &request) {
        Ok(_room) => {
            let _in_flight = InFlight::new(&app);
            next.run(request).await
        }
        Err(refusal) => refusal.answer(&path),
    };
    let (status, seconds) = (response.status().as_u16(), started.elapsed().as_secs_f64());
    app.metrics.answered(route, status, seconds);
    let shown = id.to_str().unwrap_or_default();
    match response.extensions().get::<Refusal>() {
        None => tracing::debug!(id = shown, %method, path, status, seconds, "answered"),
        Some(Refusal { cause, message, .. }) => {
            app.metrics.refused(*cause);
            let cause = cause.as_str();
            if status >= 500 {
                tracing::warn!(id = shown, %method, path, status, seconds, cause, reason = message, "refused");
            } else {
                tracing::info!(id = shown, %method, path, status, seconds, cause, reason = message, "refused");
            }
        }
    }
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

/// The id that the client gave, or a new one.
fn request_id(app: &App, request: &Request) -> HeaderValue {
    match request.headers().get(REQUEST_ID) {
        Some(id) if id.len() <= REQUEST_ID_BYTES_MAX && id.to_str().is_ok_and(|id| !id.is_empty()) => id.clone(),
        _ => HeaderValue::try_from(app.new_request_id()).expect("hexadecimal digits make a header"),
    }
}

/// Whether the request may go on; it holds its room until it is answered.
fn admit<'a>(app: &'a App, request: &Request) -> Result<Option<tokio::sync::SemaphorePermit<'a>>, Refusal> {
    if ALWAYS.contains(&request.uri().path()) {
        return Ok(None);
    }
    if let Some(token) = &app.token {
        let offered = request.headers().get(header::AUTHORIZATION).map(HeaderValue::as_bytes);
        let offered = offered.and_then(|value| value.split_first_chunk::<7>());
        let offered = offered.filter(|(scheme, _)| scheme.eq_ignore_ascii_case(b"bearer "));
        if !offered.is_some_and(|(_, offered)| token.is(offered)) {
            let message = "this server asks for its token: send the header `Authorization: Bearer TOKEN`";
            return Err(Refusal::new(Cause::Token, message));
        }
    }
    match app.requests.try_acquire() {
        Ok(room) => Ok(Some(room)),
        Err(_) => Err(Refusal::new(
            Cause::Of(ErrorKind::Busy),
            format!("{} requests are being worked on, the most that may be: try again", app.limits.requests_max),
        )),
    }
}

/// Counts a request as in flight for as long as it lives, also when its client goes away.
struct InFlight<'a>(&'a prometheus_client::metrics::gauge::Gauge);

impl<'a> InFlight<'a> {
    fn new(app: &'a App) -> Self {
        app.metrics.in_flight.inc();
        Self(&app.metrics.in_flight)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.dec();
    }
}
