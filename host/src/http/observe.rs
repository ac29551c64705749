//! What happens around every request: its id, the token, room for it, and what is counted and logged.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::Response;

use super::body;
use super::connections::{Full, Peer};
use super::refusal::{Cause, Limit, Refusal};
use super::routes::App;
use super::shares::{Kind, Lack, Party};
use crate::time::Stopwatch;

/// Names a request, in logs and in the answer.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Bytes of a request id that a client may bring; a longer one is replaced.
const REQUEST_ID_BYTES_MAX: usize = 128;

/// Paths that need neither token nor room: an overloaded server is still alive.
const ALWAYS: [&str; 2] = ["/health", "/ready"];

tokio::task_local! {
    /// The client of the request that is being answered.
    static CLIENT: IpAddr;
}

/// The client of the request that is being answered.
pub(super) fn current_client() -> IpAddr {
    CLIENT.try_with(|client| *client).unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))
}

pub(super) async fn around(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let started = Stopwatch::start();
    let id = request_id(&app, &request);
    let matched = request.extensions().get::<MatchedPath>().cloned();
    let route = matched.as_ref().map_or("unmatched", MatchedPath::as_str);
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let mut response = match admitted(&app, request, next).await {
        Ok(response) => response,
        Err(refusal) => refusal.answer(&path),
    };
    let (status, seconds) = (response.status().as_u16(), started.elapsed().as_secs_f64());
    app.metrics.answered(route, status, seconds);
    let shown = id.to_str().unwrap_or_default();
    match response.extensions().get::<Refusal>() {
        None => tracing::debug!(id = shown, %method, path, status, seconds, "answered"),
        Some(Refusal { cause, message, .. }) => {
            app.metrics.refused(*cause);
            let is_new = app.repeated.is_new(cause.as_str(), route);
            let cause = cause.as_str();
            match (is_new, status >= 500) {
                (false, _) => {
                    tracing::debug!(id = shown, %method, path, status, seconds, cause, reason = message, "refused")
                }
                (true, true) => {
                    tracing::warn!(id = shown, %method, path, status, seconds, cause, reason = message, "refused")
                }
                (true, false) => {
                    tracing::info!(id = shown, %method, path, status, seconds, cause, reason = message, "refused")
                }
            }
        }
    }
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

/// The answer to a request, once its body is whole and there is room for it. What a client sends slowly takes no room of others.
async fn admitted(app: &App, request: Request, next: Next) -> Result<Response, Refusal> {
    let Peer { client, full } = request.extensions().get::<Peer>().copied().unwrap_or_default();
    if ALWAYS.contains(&request.uri().path()) {
        return Ok(next.run(request).await);
    }
    if let Some(full) = full {
        return Err(crowded(client, full));
    }
    check_token(app, &request)?;
    let kind = kind(&request);
    let (mut parts, body) = request.into_parts();
    let (body, _bytes) = match parts.extensions.get::<MatchedPath>().is_some() && parts.method == Method::POST {
        true => body::arrive(app, client, kind, body).await?,
        false => (Bytes::new(), None),
    };
    let parties = [Party::Client(client, kind), Party::All(kind)];
    let _room = app.requests.take(parties, 1).map_err(|lack| busy(app, client, kind, &lack))?;
    let _in_flight = InFlight::new(app);
    parts.extensions.remove::<Peer>();
    Ok(CLIENT.scope(client, next.run(Request::from_parts(parts, Body::from(body)))).await)
}

/// What a request is about, by its route.
fn kind(request: &Request) -> Kind {
    match request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str) {
        "/get-online-features" | "/v1/features" if request.method() == Method::POST => Kind::Question,
        "/push" | "/write-to-online-store" | "/v1/events/{source}" => Kind::Push,
        _ => Kind::Other,
    }
}

fn busy(app: &App, client: IpAddr, kind: Kind, lack: &Lack) -> Refusal {
    let what = match kind {
        Kind::Question => "questions",
        Kind::Push => "pushes",
        Kind::Other => "requests",
    };
    let most = app.requests.max();
    match lack {
        Lack::All => Refusal::new(
            Cause::Full(Limit::Requests),
            format!("{most} requests are being worked on, the most that may be (--requests-max): try again"),
        ),
        Lack::Party(Party::Client(..), has) => Refusal::new(
            Cause::Full(Limit::ClientRequests),
            format!(
                "{has} {what} of the client {client} are being worked on, its part of the {most} requests that may be \
                 (--client-requests-max, --requests-max): try again"
            ),
        ),
        Lack::Party(_, has) => Refusal::new(
            Cause::Full(Limit::Requests),
            format!(
                "{has} {what} are being worked on, their part of the {most} requests that may be (--requests-max): try again"
            ),
        ),
    }
}

/// What a connection in a spare place is told.
fn crowded(client: IpAddr, full: Full) -> Refusal {
    match full {
        Full::All(count) => {
            let message = format!(
                "{count} connections are open, the most that may be (--connections-max, ulimit -n), and none of them is idle: \
                 try again"
            );
            Refusal::new(Cause::Full(Limit::Connections), message)
        }
        Full::Client(count) => {
            let message = format!(
                "{count} connections of the client {client} are open, the most that one may have (--client-connections-max), \
                 and none of them is idle: try again"
            );
            Refusal::new(Cause::Full(Limit::ClientConnections), message)
        }
    }
}

/// The id that the client gave, or a new one.
fn request_id(app: &App, request: &Request) -> HeaderValue {
    match request.headers().get(REQUEST_ID) {
        Some(id) if id.len() <= REQUEST_ID_BYTES_MAX && id.to_str().is_ok_and(|id| !id.is_empty()) => id.clone(),
        _ => HeaderValue::try_from(app.new_request_id()).expect("hexadecimal digits make a header"),
    }
}

fn check_token(app: &App, request: &Request) -> Result<(), Refusal> {
    let Some(token) = &app.token else { return Ok(()) };
    let offered = request.headers().get(header::AUTHORIZATION).map(HeaderValue::as_bytes);
    let offered = offered.and_then(|value| value.split_first_chunk::<7>());
    let offered = offered.filter(|(scheme, _)| scheme.eq_ignore_ascii_case(b"bearer "));
    match offered.is_some_and(|(_, offered)| token.is(offered)) {
        true => Ok(()),
        false => {
            let message = "this server asks for its token: send the header `Authorization: Bearer TOKEN`";
            Err(Refusal::new(Cause::Token, message))
        }
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
