//! The HTTP of a [`Server`]: Feast's feature-server routes, a typed native API under `/v1`, health and metrics.
//!
//! The only room that names axum and hyper. It reads requests into columns, asks the [`Server`], and writes the answer's columns
//! straight to bytes; what a feature is, it does not know. Nor does it know the command line.
//!
//! - `listen`: connections, their limits, and the graceful end.
//! - `routes`: which path is answered by what; `observe`: what happens around every request.
//! - `feast`, `native`: the two dialects; `openapi`: what they are, for machines.
//! - `ask`: a question, from JSON to the server and back; `events`: a push.
//! - `body`, `json`: JSON in and out.
//! - `refusal`: what is answered instead; `metrics`.
//!
//! Small questions that memory answers are evaluated on the thread that read them, because they take microseconds. What takes long,
//! waits or reads from a disk goes to threads of its own, within room of its own, so that nothing of it stops the rest.
//! `online/mod.rs` lists what waits, and for how long.

mod ask;
mod body;
mod events;
mod feast;
mod json;
mod listen;
mod metrics;
mod native;
mod observe;
mod openapi;
mod refusal;
mod routes;
mod token;

use std::net::SocketAddr;
use std::sync::Arc;

pub use listen::ListenError;
pub use token::Token;

use crate::Server;

/// How a server is reached, and what a request may take.
#[derive(Clone, Debug)]
pub struct HttpOptions {
    /// Where to listen. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// What every request but those for health must bring, if anything.
    pub token: Option<Token>,
    /// Threads that read, evaluate and answer; `None` for one per core.
    pub threads: Option<usize>,
    /// The limits.
    pub limits: HttpLimits,
    /// Ends it, as a signal does.
    pub stop: StopHandle,
}

/// Tells a server to stop from another thread.
#[derive(Clone, Debug, Default)]
pub struct StopHandle(Arc<tokio::sync::Notify>);

impl StopHandle {
    /// Tells the server to stop, now or as soon as it has started.
    pub fn stop(&self) {
        self.0.notify_one();
    }
}

/// What requests may take. Whatever is beyond is refused, and counted by its cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpLimits {
    /// Bytes of a request's body. Beyond: 413.
    pub body_bytes_max: usize,
    /// Entities of one request. Beyond: 422.
    pub entities_max: usize,
    /// Events of one push. Beyond: 422.
    pub events_max: usize,
    /// Requests that are worked on at once, at most half of them pushes. Beyond: 503, at once.
    pub requests_max: usize,
    /// Open connections. Beyond, new ones wait in the queue of the operating system.
    pub connections_max: usize,
    /// Milliseconds that a client may take to send the head of a request, and that a connection may stay idle.
    pub head_ms_max: u64,
    /// Milliseconds that a client may take to send a body (408), and that a question may take to be answered (503).
    pub request_ms_max: u64,
    /// Milliseconds in which a client must read something of its answer. Beyond, its connection ends.
    pub write_ms_max: u64,
    /// Milliseconds that requests may take to finish once the server was told to stop.
    pub drain_ms_max: u64,
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self {
            body_bytes_max: 16 << 20,
            entities_max: 10_000,
            events_max: 100_000,
            requests_max: 256,
            connections_max: 1_024,
            head_ms_max: 30_000,
            request_ms_max: 10_000,
            write_ms_max: 30_000,
            drain_ms_max: 10_000,
        }
    }
}

/// Serves until it or the process is told to stop ([`StopHandle::stop`], SIGTERM, SIGINT), or the server cannot go on
/// ([`Server::ended`] says why), then lets the requests in flight finish.
///
/// `listening` is told the address once requests are answered.
pub fn serve(server: Arc<Server>, options: HttpOptions, listening: impl FnOnce(SocketAddr)) -> Result<(), ListenError> {
    listen::serve(server, options, listening)
}
