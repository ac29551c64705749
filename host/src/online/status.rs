//! What a server runs and has done.

use std::time::Duration;

use super::expected::ExpectationStatus;
use super::recorder::Recorder;
use super::seen::SeenFeature;
use super::{RequestedView, Server};
use crate::feature_store::QuarantinedView;
use crate::monitor::Materialization;
use crate::time::EventTime;

/// What a server runs and has done.
#[derive(Clone, Debug)]
pub struct ServerStatus {
    /// The newest offset of the log that answers see.
    pub offset: u64,
    /// The newest offset that the online store includes. The rest is in memory, and replayed after a crash.
    pub stored_offset: u64,
    /// Entities whose states are in memory.
    pub states_cached: u64,
    /// Bytes of these states.
    pub cached_bytes: u64,
    /// The views with events, and the digests of their components.
    pub views: Vec<RequestedView>,
    /// Per view with events, its label and the newest event applied.
    pub newest_events: Vec<(String, Option<EventTime>)>,
    /// Questions about the past that are being replayed.
    pub replays_running: u64,
    /// Questions about the past that wait for their turn.
    pub replays_waiting: u64,
    /// Served vectors that were recorded.
    pub served_logged: u64,
    /// Served vectors that wait to be recorded.
    pub served_queued: u64,
    /// Served vectors that were not recorded: too many waited, or the feature log could not be written.
    pub served_dropped: u64,
    /// Recorded vectors, the oldest, that made room for newer ones.
    pub served_expired: u64,
    /// How far behind now a question without an as-of would be answered.
    pub lag: Duration,
    /// Why the server cannot go on, which only a fault of onepath makes it do: restart it. Answers may still come for a while, and
    /// are not what they should be: not recorded, or without later pushes.
    pub ended: Option<String>,
    /// The last failure that no request was told of, such as a feature log or an online store that cannot be written.
    pub failure: Option<String>,
    /// By how many microseconds the machine's clock has stepped away from the time that arrivals and answers have.
    pub clock_step_us: Option<i64>,
    /// Why what is served is not what project and log say now, and what to do; `None` where it is.
    pub behind: Option<String>,
    /// The views whose components are in quarantine: they give errors alone, and the other views go on.
    pub quarantined: Vec<QuarantinedView>,
    /// Calls of components that were repeated and gave the same.
    pub repeats_passed: u64,
    /// Repeats that were given up for they took too long.
    pub repeats_forgiven: u64,
    /// What was served of each feature in the last ten minutes, and recorded; of a thousand features at most.
    pub seen: Vec<SeenFeature>,
    /// When the files of sources were materialized, and when that is late: as it was when the server was opened.
    pub materializations: Vec<Materialization>,
    /// How the events that came compare with what their sources expect.
    pub expectations: Vec<ExpectationStatus>,
    /// What differs from the pinned manifest and should change no bit.
    pub warnings: Vec<String>,
}

impl Server {
    /// What it runs and has done.
    pub fn status(&self) -> ServerStatus {
        let recorded = self.recorder.as_ref().map(Recorder::recorded).unwrap_or_default();
        let (failure, lag) = (self.backlog.failure(), self.shared.lag().0);
        let (replays_running, replays_waiting) = self.replays.as_ref().map_or((0, 0), |replays| replays.count());
        let (repeats_passed, repeats_forgiven) = self.store.repeated_calls();
        let published = self.shared.read();
        let labels = self.views.iter().map(|view| view.program.id().to_owned());
        ServerStatus {
            offset: published.offset,
            stored_offset: published.stored_offset,
            states_cached: published.cache.len() as u64,
            cached_bytes: published.cache.bytes() as u64,
            views: self
                .views
                .iter()
                .map(|view| RequestedView {
                    label: view.program.id().to_owned(),
                    component: view.program.digest().to_owned(),
                })
                .collect(),
            newest_events: labels.zip(published.newest_events.iter().copied()).collect(),
            replays_running: replays_running as u64,
            replays_waiting: replays_waiting as u64,
            served_logged: recorded.written,
            served_queued: recorded.queued,
            served_dropped: recorded.dropped,
            served_expired: recorded.expired,
            lag,
            ended: self.ended(),
            failure: self.lost.check().err().map(|lost| lost.to_string()).or(failure).or(recorded.failure),
            clock_step_us: self.clock_step(),
            behind: self.behind.clone(),
            quarantined: self.quarantined(),
            repeats_passed,
            repeats_forgiven,
            seen: self.seen.features(),
            materializations: self.materializations.clone(),
            expectations: self.expectations.status(&self.project().sources),
            warnings: self.warnings.clone(),
        }
    }

    /// The views whose components are in quarantine: the status tells them too.
    pub fn quarantined(&self) -> Vec<QuarantinedView> {
        self.store.quarantined_views()
    }

    /// Why what is served is not what project and log say now: the status tells it too.
    pub fn behind(&self) -> Option<&str> {
        self.behind.as_deref()
    }
}
