//! Which path is answered by what.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};

use super::connections::Connections;
use super::inline::Inline;
use super::metrics::Metrics;
use super::refusal::{Cause, Refusal};
use super::repeated::Repeated;
use super::shares::Share;
use super::{HttpLimits, Token, catalog, feast, metrics, native, observe, openapi};
use crate::Server;
use crate::online::step_warning;
use crate::time::{Clock, SystemClock};

/// What every request shares.
pub(super) struct App {
    pub(super) server: Arc<Server>,
    pub(super) limits: HttpLimits,
    pub(super) token: Option<Token>,
    pub(super) metrics: Metrics,
    /// Room for requests that are worked on at once, by client and by what they are about.
    pub(super) requests: Arc<Share>,
    /// Bytes of the bodies of requests that arrive or are worked on.
    pub(super) bodies: Arc<Share>,
    /// Room for long questions that wait or are worked on, by view.
    pub(super) long: Arc<Share>,
    /// Threads for long questions, by view and client.
    pub(super) threads: Arc<Share>,
    /// Threads for questions that wait or read from the disk, and for planning.
    pub(super) disk: Arc<Share>,
    /// Threads for pushes, by client.
    pub(super) pushes: Arc<Share>,
    /// Questions that may be evaluated at once on the threads that read.
    pub(super) inline: Inline,
    pub(super) repeated: Repeated,
    pub(super) connections: Arc<Connections>,
    stopping: AtomicBool,
    /// Request ids are the moment of the start and a number.
    started: i64,
    numbers: AtomicU64,
}

impl App {
    pub(super) fn new(
        server: Arc<Server>,
        limits: HttpLimits,
        token: Option<Token>,
        connections: Arc<Connections>,
        reading: usize,
    ) -> Self {
        let threads = limits.long_questions();
        Self {
            server,
            requests: Share::new(limits.requests_max, limits.client_requests_max),
            bodies: Share::new(limits.bodies_bytes_max, limits.bodies_bytes_max),
            long: Share::new(limits.requests_max, limits.view_requests_max),
            threads: Share::new(threads, threads),
            disk: Share::new(threads, threads),
            pushes: Share::new(limits.pushes_max, limits.pushes_max),
            inline: Inline::new(reading),
            repeated: Repeated::default(),
            connections,
            limits,
            token,
            metrics: Metrics::new(),
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
        ("/v1/features", Method::GET, get(catalog::features)),
        ("/v1/features/{feature}", Method::GET, get(catalog::feature)),
        ("/v1/views", Method::GET, get(catalog::views)),
        ("/v1/views/{view}", Method::GET, get(catalog::view)),
        ("/v1/services", Method::GET, get(catalog::services)),
        ("/v1/services/{service}", Method::GET, get(catalog::service)),
        ("/v1/sources", Method::GET, get(catalog::sources)),
        ("/v1/sources/{source}", Method::GET, get(catalog::source)),
        ("/v1/entities", Method::GET, get(catalog::entities)),
        ("/v1/entities/{entity}", Method::GET, get(catalog::entity)),
        ("/v1/training-sets", Method::GET, get(catalog::training_sets)),
        ("/v1/training-sets/{path}", Method::GET, get(catalog::training_set)),
        ("/v1/lineage/{name}", Method::GET, get(catalog::lineage)),
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
    let refused = |why: String| (StatusCode::SERVICE_UNAVAILABLE, why).into_response();
    if app.stopping.load(Ordering::Relaxed) {
        return refused("the server is stopping".to_owned());
    }
    match app.server.unready() {
        // It goes on: people are told, and no balancer takes it away.
        None => {
            let step = app.server.clock_step().map(|step| format!("warning: {}\n", step_warning(step)));
            let behind = app.server.behind().map(|behind| format!("warning: {behind}\n"));
            let quarantined = app.server.quarantined();
            let quarantined = quarantined.iter().map(|view| format!("warning: {}\n", view.told()));
            (StatusCode::OK, step.into_iter().chain(behind).chain(quarantined).collect::<String>()).into_response()
        }
        Some(why) => refused(why),
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

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::batch::{Column, Values};
    use crate::events::PushedEvents;
    use crate::feature_store::OpenOptions;
    use crate::{ServerError, ServerOptions};

    /// A clock that fails whoever asks it next, when it is told to.
    struct FailingClock(AtomicBool);

    impl Clock for FailingClock {
        fn now(&self) -> i64 {
            assert!(!self.0.swap(false, Ordering::SeqCst), "the clock was told to fail");
            1_000_000
        }
    }

    fn answered(app: &Arc<App>) -> StatusCode {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("starts");
        runtime.block_on(ready(State(Arc::clone(app)))).status()
    }

    #[test]
    fn requests_are_not_welcome_once_the_writer_has_ended_or_the_server_stops() {
        let project = tempfile::tempdir().expect("a folder");
        let toml = "[project]\nname = \"p\"\n[entities.user]\nkeys = { id = \"int64\" }\n[sources.events]\nentity = \"user\"\n\
                    event_time = \"at\"\n";
        std::fs::write(project.path().join("onepath.toml"), toml).expect("writes");
        let clock = Arc::new(FailingClock(false.into()));
        let open = OpenOptions { clock: Arc::clone(&clock) as _, ..OpenOptions::default() };
        let server = Server::open(project.path(), ServerOptions { open, ..ServerOptions::default() }).expect("opens");
        let app = Arc::new(App::new(Arc::new(server), HttpLimits::default(), None, Connections::new(1, 1), 1));
        assert_eq!(answered(&app), StatusCode::OK);
        clock.0.store(true, Ordering::SeqCst);
        let at = Column::from_parts(Values::Times(vec![1]), None);
        let columns = vec![("id".to_owned(), Column::from([1_i64])), ("at".to_owned(), at)];
        let schema = app.server.event_schema("events").expect("is a source");
        let event = PushedEvents::from_columns(&schema, columns).expect("fits");
        let pushed = app.server.push("events", event).expect_err("the writer fails");
        assert!(matches!(pushed, ServerError::Closed), "{pushed}");
        let until = Instant::now() + Duration::from_secs(20);
        while app.server.ended().is_none() && Instant::now() < until {
            std::thread::yield_now();
        }
        assert_eq!(answered(&app), StatusCode::SERVICE_UNAVAILABLE);
        app.stop();
        assert_eq!(answered(&app), StatusCode::SERVICE_UNAVAILABLE);
    }
}
