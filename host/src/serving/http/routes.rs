//! Which path is answered by what.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use tokio::sync::Semaphore;

use super::ask::AskedCache;
use super::metrics::Metrics;
use super::refusal::{Cause, Refusal};
use super::{HttpLimits, Token, feast, metrics, native, observe, openapi};
use crate::Server;
use crate::time::{Clock, SystemClock};

/// What every request shares.
pub(super) struct App {
    pub(super) server: Arc<Server>,
    pub(super) limits: HttpLimits,
    pub(super) token: Option<Token>,
    pub(super) metrics: Metrics,
    /// Room for requests that are worked on at once.
    pub(super) requests: Semaphore,
    /// Room for questions that take long.
    pub(super) slow: Arc<Semaphore>,
    pub(super) asked: AskedCache,
    stopping: AtomicBool,
    /// Request ids are the moment of the start and a number.
    started: i64,
    numbers: AtomicU64,
}

impl App {
    pub(super) fn new(server: Arc<Server>, limits: HttpLimits, token: Option<Token>) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            server,
            requests: Semaphore::new(limits.requests_max.max(1)),
            slow: Arc::new(Semaphore::new((4 * cores).min(limits.requests_max.max(2) / 2))),
            limits,
            token,
            metrics: Metrics::new(),
            asked: AskedCache::default(),
            stopping: AtomicBool::new(false),
            started: SystemClock.now(),
            numbers: AtomicU64::new(0),
        }
    }

    /// From now on it is not ready for more.
    pub(super) fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// An id for a request that brought none.
    pub(super) fn new_request_id(&self) -> String {
        format!("{:x}-{:x}", self.started, self.numbers.fetch_add(1, Ordering::Relaxed))
    }
}

/// The routes, with their methods.
pub(super) fn routes() -> Vec<(&'static str, Method, MethodRouter<Arc<App>>)> {
    vec![
        ("/get-online-features", Method::POST, post(feast::get_online_features)),
        ("/push", Method::POST, post(feast::push)),
        ("/write-to-online-store", Method::POST, post(feast::write_to_online_store)),
        ("/v1/features", Method::POST, post(native::features)),
        ("/v1/events/{source}", Method::POST, post(native::events)),
        ("/v1/services", Method::GET, get(native::services)),
        ("/v1/services/{service}", Method::GET, get(native::service)),
        ("/v1/views", Method::GET, get(native::views)),
        ("/v1/status", Method::GET, get(native::status)),
        ("/health", Method::GET, get(health)),
        ("/ready", Method::GET, get(ready)),
        ("/metrics", Method::GET, get(metrics::show)),
        ("/openapi.json", Method::GET, get(openapi::show)),
    ]
}

pub(super) fn router(app: Arc<App>) -> Router {
    let mut router = Router::new();
    for (path, _, answer) in routes() {
        router = router.route(path, answer);
    }
    router
        .fallback(no_route)
        .method_not_allowed_fallback(wrong_method)
        .layer(axum::middleware::from_fn_with_state(Arc::clone(&app), observe::around))
        .with_state(app)
}

/// The process answers.
async fn health() -> StatusCode {
    StatusCode::OK
}

/// Requests are welcome.
async fn ready(State(app): State<Arc<App>>) -> Response {
    match app.stopping.load(Ordering::Relaxed) {
        false => StatusCode::OK.into_response(),
        true => (StatusCode::SERVICE_UNAVAILABLE, "the server is stopping").into_response(),
    }
}

async fn no_route(request: Request) -> Response {
    let message = format!("there is nothing at {}: GET /openapi.json names every path", request.uri().path());
    Refusal::new(Cause::NoRoute, message).answer(request.uri().path())
}

async fn wrong_method(request: Request) -> Response {
    let path = request.uri().path();
    let message = format!("{} is not a method of {path}: GET /openapi.json names those that it has", request.method());
    Refusal::new(Cause::Method, message).answer(path)
}

/// A JSON body.
pub(super) fn json(body: impl Into<axum::body::Body>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body.into()).into_response()
}
