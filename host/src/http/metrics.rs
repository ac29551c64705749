//! What is counted and timed, in the text format of Prometheus.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::refusal::Cause;
use super::routes::App;
use crate::time::{Clock, SystemClock};

/// Upper bounds of the buckets of times, in seconds.
const SECONDS: [f64; 17] = [
    0.000_025, 0.000_05, 0.000_1, 0.000_2, 0.000_3, 0.000_5, 0.001, 0.002, 0.003, 0.005, 0.01, 0.03, 0.1, 0.3, 1.0,
    3.0, 10.0,
];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteStatus {
    route: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    route: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Refused {
    cause: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct View {
    view: String,
}

/// Makes the histograms of a family.
#[derive(Clone)]
struct Times;

impl MetricConstructor<Histogram> for Times {
    fn new_metric(&self) -> Histogram {
        Histogram::new(SECONDS)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Source {
    source: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Feature {
    service: String,
    feature: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Field {
    source: String,
    field: String,
}

type Seconds = Gauge<f64, AtomicU64>;

/// A part of a whole, from 0 to 1.
type Share = Gauge<f64, AtomicU64>;

/// The metrics of one server.
pub(super) struct Metrics {
    registry: Registry,
    requests: Family<RouteStatus, Counter>,
    times: Family<Route, Histogram, Times>,
    refusals: Family<Refused, Counter>,
    pub(super) in_flight: Gauge,
    connections: Gauge,
    made_room: Counter,
    pub(super) entities: Counter,
    pub(super) replays: Counter,
    replaying: Gauge,
    replays_waiting: Gauge,
    pub(super) evaluation: Histogram,
    pub(super) events: Counter,
    pub(super) duplicates: Counter,
    offset: Gauge,
    stored_offset: Gauge,
    states: Gauge,
    state_bytes: Gauge,
    logged: Counter,
    queued: Gauge,
    dropped: Counter,
    expired: Counter,
    failing: Gauge,
    lag: Seconds,
    clock_step: Seconds,
    repeats: Counter,
    repeats_forgiven: Counter,
    quarantined: Family<View, Gauge>,
    unproved: Family<View, Gauge>,
    newest: Family<View, Seconds>,
    age: Family<View, Seconds>,
    promised: Family<View, Seconds>,
    materialized: Family<Source, Seconds>,
    late_after: Family<Source, Seconds>,
    feature_null_share: Family<Feature, Share>,
    feature_psi: Family<Feature, Gauge<f64, AtomicU64>>,
    bad_events: Family<Field, Counter>,
    dead_letters: Family<Field, Counter>,
    null_share: Family<Field, Share>,
    null_share_max: Family<Field, Share>,
}

impl Metrics {
    pub(super) fn new() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("onepath"),
            requests: Family::default(),
            times: Family::new_with_constructor(Times),
            refusals: Family::default(),
            in_flight: Gauge::default(),
            connections: Gauge::default(),
            made_room: Counter::default(),
            entities: Counter::default(),
            replays: Counter::default(),
            replaying: Gauge::default(),
            replays_waiting: Gauge::default(),
            evaluation: Histogram::new(SECONDS),
            events: Counter::default(),
            duplicates: Counter::default(),
            offset: Gauge::default(),
            stored_offset: Gauge::default(),
            states: Gauge::default(),
            state_bytes: Gauge::default(),
            logged: Counter::default(),
            queued: Gauge::default(),
            dropped: Counter::default(),
            expired: Counter::default(),
            failing: Gauge::default(),
            lag: Gauge::default(),
            clock_step: Seconds::default(),
            repeats: Counter::default(),
            repeats_forgiven: Counter::default(),
            quarantined: Family::default(),
            unproved: Family::default(),
            newest: Family::default(),
            age: Family::default(),
            promised: Family::default(),
            materialized: Family::default(),
            late_after: Family::default(),
            feature_null_share: Family::default(),
            feature_psi: Family::default(),
            bad_events: Family::default(),
            dead_letters: Family::default(),
            null_share: Family::default(),
            null_share_max: Family::default(),
        };
        metrics.register();
        metrics
    }

    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register("http_requests", "Requests by route and status", self.requests.clone());
        let help = "From the head of a request to the head of its answer";
        registry.register_with_unit("http_request", help, Unit::Seconds, self.times.clone());
        registry.register("http_refusals", "Requests that were refused, by cause", self.refusals.clone());
        registry.register("http_in_flight", "Requests being worked on", self.in_flight.clone());
        registry.register("http_connections", "Open connections", self.connections.clone());
        let help = "Idle connections that ended because a new one needed their place";
        registry.register("http_connections_made_room", help, self.made_room.clone());
        registry.register("entities", "Entities whose features were served", self.entities.clone());
        let help = "Questions about a moment that the states have passed, answered by replay";
        registry.register("replayed_questions", help, self.replays.clone());
        registry.register("replays_running", "Questions about the past being replayed", self.replaying.clone());
        let help = "Questions about the past that wait for their turn to be replayed";
        registry.register("replays_waiting", help, self.replays_waiting.clone());
        let help = "From a request's columns to the features' columns";
        registry.register_with_unit("evaluation", help, Unit::Seconds, self.evaluation.clone());
        registry.register("events", "Pushed events that are in the log", self.events.clone());
        registry.register("duplicate_events", "Pushed events that the log had", self.duplicates.clone());
        registry.register("log_offset", "The newest offset of the event log", self.offset.clone());
        let help = "The newest offset that the online store includes; the rest is in memory, and in the log";
        registry.register("stored_offset", help, self.stored_offset.clone());
        registry.register("states_cached", "Entities whose states are in memory", self.states.clone());
        registry.register_with_unit("states_cached", "Size of these states", Unit::Bytes, self.state_bytes.clone());
        registry.register("served_logged", "Served vectors that are recorded for verify", self.logged.clone());
        registry.register("served_queued", "Served vectors that wait to be recorded", self.queued.clone());
        let help = "Served vectors that were not recorded: too many waited, or the disk failed";
        registry.register("served_dropped", help, self.dropped.clone());
        let help = "Recorded vectors, the oldest, that made room for newer ones";
        registry.register("served_expired", help, self.expired.clone());
        let help = "1 where something that no request was told of has failed; /v1/status says what";
        registry.register("failing", help, self.failing.clone());
        let help = "How far behind now a question without an as-of is answered: more than moments where the log's disk is slow";
        registry.register_with_unit("as_of_lag", help, Unit::Seconds, self.lag.clone());
        let help =
            "How far the machine's clock has stepped away from the time that is gone on with; 0 where it has not";
        registry.register_with_unit("clock_step", help, Unit::Seconds, self.clock_step.clone());
        let help = "Calls of components that were repeated, cut differently, and gave the same";
        registry.register("repeated_calls", help, self.repeats.clone());
        let help = "Repeated calls that were given up because they took too long";
        registry.register("repeated_calls_forgiven", help, self.repeats_forgiven.clone());
        let help =
            "1 for a view in quarantine: its component gave two answers to the same rows, and gives errors alone";
        registry.register("view_quarantined", help, self.quarantined.clone());
        let help = "Vectors that were served of a view in quarantine since a repeat of its calls passed last";
        registry.register("view_unproved_vectors", help, self.unproved.clone());
        let help = "When the newest applied event of a view happened, since the Unix epoch";
        registry.register_with_unit("view_newest_event", help, Unit::Seconds, self.newest.clone());
        let help = "How long ago the newest applied event of a view happened";
        registry.register_with_unit("view_age", help, Unit::Seconds, self.age.clone());
        let help = "How old the newest event of a view may be before people are told, as the project says";
        registry.register_with_unit("view_freshness", help, Unit::Seconds, self.promised.clone());
        let help = "How long ago the files of a source were materialized";
        registry.register_with_unit("materialization_age", help, Unit::Seconds, self.materialized.clone());
        let help = "From what age on that is late: twice as often as the project says, or as its last runs were";
        registry.register_with_unit("materialization_late_after", help, Unit::Seconds, self.late_after.clone());
        let help = "Share of the recorded vectors of the last ten minutes in which a feature is null; of a thousand features at most";
        registry.register("feature_null_share", help, self.feature_null_share.clone());
        let help = "Population stability index of the recorded vectors of the last ten minutes, against the training set that is pinned";
        registry.register("feature_psi", help, self.feature_psi.clone());
        let help = "Pushed values that were not as their source expects";
        registry.register("bad_events", help, self.bad_events.clone());
        registry.register("dead_letters", "Pushed events that were set aside", self.dead_letters.clone());
        let help = "Share of the events of the last ten minutes without a value of a field of which the source expects something";
        registry.register("source_null_share", help, self.null_share.clone());
        let help = "The greatest such share that the source expects";
        registry.register("source_null_share_max", help, self.null_share_max.clone());
    }

    /// Counts an answered request.
    pub(super) fn answered(&self, route: &str, status: u16, seconds: f64) {
        self.requests.get_or_create(&RouteStatus { route: route.to_owned(), status }).inc();
        self.times.get_or_create(&Route { route: route.to_owned() }).observe(seconds);
    }

    /// Counts a connection that ended for another.
    pub(super) fn made_room(&self) {
        self.made_room.inc();
    }

    /// Counts a refusal.
    pub(super) fn refused(&self, cause: Cause) {
        self.refusals.get_or_create(&Refused { cause: cause.as_str() }).inc();
    }
}

/// `GET /metrics`
pub(super) async fn show(State(app): State<Arc<App>>) -> Response {
    let (status, now) = (app.server.status(), SystemClock.now());
    let metrics = &app.metrics;
    let whole = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    metrics.connections.set(whole(app.connections.count() as u64));
    metrics.offset.set(whole(status.offset));
    metrics.stored_offset.set(whole(status.stored_offset));
    metrics.states.set(whole(status.states_cached));
    metrics.state_bytes.set(whole(status.cached_bytes));
    metrics.replaying.set(whole(status.replays_running));
    metrics.replays_waiting.set(whole(status.replays_waiting));
    metrics.logged.inner().store(status.served_logged, Ordering::Relaxed);
    metrics.queued.set(whole(status.served_queued));
    metrics.dropped.inner().store(status.served_dropped, Ordering::Relaxed);
    metrics.expired.inner().store(status.served_expired, Ordering::Relaxed);
    metrics.failing.set(i64::from(status.failure.is_some() || status.ended.is_some()));
    metrics.lag.set(status.lag.as_secs_f64());
    let seconds = |micros: i64| micros as f64 / 1e6;
    metrics.clock_step.set(seconds(status.clock_step_us.unwrap_or(0)));
    metrics.repeats.inner().store(status.repeats_passed, Ordering::Relaxed);
    metrics.repeats_forgiven.inner().store(status.repeats_forgiven, Ordering::Relaxed);
    for view in &status.views {
        metrics.quarantined.get_or_create(&View { view: view.label.clone() }).set(0);
    }
    for quarantined in &status.quarantined {
        let view = View { view: quarantined.view.clone() };
        metrics.quarantined.get_or_create(&view).set(1);
        metrics.unproved.get_or_create(&view).set(whole(quarantined.unproved_vectors));
    }
    for (view, newest) in &status.newest_events {
        if let Some(newest) = newest {
            let view = View { view: view.clone() };
            metrics.newest.get_or_create(&view).set(seconds(newest.micros()));
            metrics.age.get_or_create(&view).set(seconds(now.saturating_sub(newest.micros())));
        }
    }
    for view in &app.server.project().views {
        if let Some(freshness) = view.freshness {
            metrics.promised.get_or_create(&View { view: view.label() }).set(seconds(freshness.0));
        }
    }
    for materialization in &status.materializations {
        let source = Source { source: materialization.source.clone() };
        if let Some(up_to) = materialization.up_to_us {
            metrics.materialized.get_or_create(&source).set(seconds(now.saturating_sub(up_to)));
        }
        if let Some(late_after) = materialization.late_after_s {
            metrics.late_after.get_or_create(&source).set(late_after);
        }
    }
    for seen in &status.seen {
        let feature = Feature { service: seen.service.clone().unwrap_or_default(), feature: seen.feature.clone() };
        let share = if seen.vectors == 0 { f64::NAN } else { seen.nulls as f64 / seen.vectors as f64 };
        metrics.feature_null_share.get_or_create(&feature).set(share);
        // Once it was known it has no value where there are too few, rather than the last one.
        if seen.psi.is_some() || metrics.feature_psi.get(&feature).is_some() {
            metrics.feature_psi.get_or_create(&feature).set(seen.psi.unwrap_or(f64::NAN));
        }
    }
    for expected in &status.expectations {
        let field = Field { source: expected.source.clone(), field: expected.field.clone() };
        metrics.bad_events.get_or_create(&field).inner().store(expected.bad_events, Ordering::Relaxed);
        metrics.dead_letters.get_or_create(&field).inner().store(expected.dead_letters, Ordering::Relaxed);
        // Of no events there is no share.
        metrics.null_share.get_or_create(&field).set(expected.null_share.unwrap_or(f64::NAN));
        if let Some(most) = expected.null_share_max {
            metrics.null_share_max.get_or_create(&field).set(most);
        }
    }
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &metrics.registry).expect("a text takes all writes");
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}
