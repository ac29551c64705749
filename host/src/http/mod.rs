//! The HTTP of a [`Server`]: Feast's feature-server routes, a typed native API under `/v1`, health and metrics.
//!
//! The only room that names axum and hyper. It reads requests into columns, asks the [`Server`], and writes the answer's columns
//! straight to bytes; what a feature is, it does not know. Nor does it know the command line.
//!
//! - `listen`: connections are accepted, and end gracefully; `connections`: how many, and who makes room.
//! - `shares`: how what is limited is shared among clients and views; `repeated`: log lines that say the same.
//! - `routes`: which path is answered by what; `observe`: what happens around every request.
//! - `feast`, `native`: the two dialects; `openapi`: what they are, for machines.
//! - `catalog`: what there is, and who reads it.
//! - `ask`: a question, from JSON to the server and back; `inline`: where it is evaluated; `events`: a push.
//! - `body`, `json`: JSON in and out.
//! - `refusal`: what is answered instead; `metrics`.
//!
//! Small questions that memory answers are evaluated on the thread that read them, because they take microseconds. What takes long,
//! waits or reads from a disk goes to threads of its own, within room of its own, so that nothing of it stops the rest.
//! `online/mod.rs` lists what waits, and for how long.

mod ask;
mod body;
mod catalog;
mod connections;
mod events;
mod feast;
mod inline;
mod json;
mod listen;
mod metrics;
mod native;
mod observe;
mod openapi;
mod refusal;
mod repeated;
mod routes;
mod shares;
mod token;

use std::net::SocketAddr;
use std::sync::Arc;

pub use listen::ListenError;
pub use token::Token;

use crate::{Server, usage};

/// How a server is reached, and what a request may take.
#[derive(Clone, Debug)]
pub struct HttpOptions {
    /// Where to listen. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// What every request but those for health must bring, if anything.
    pub token: Option<Token>,
    /// Threads that read, evaluate and answer; `None` for one per core. There is one more that evaluates nothing, so that somebody
    /// always reads.
    pub threads: Option<usize>,
    /// The limits.
    pub limits: HttpLimits,
    /// Ends it, as a signal does.
    pub stop: StopHandle,
}

/// Tells a server to stop from another thread.
#[derive(Clone, Debug, Default)]
pub struct StopHandle {
    told: Arc<tokio::sync::Notify>,
    is_alone: bool,
}

impl StopHandle {
    /// The only one that ends the server: signals are left to the program that it is part of.
    pub fn alone() -> Self {
        Self { is_alone: true, ..Self::default() }
    }

    /// Tells the server to stop, now or as soon as it has started.
    pub fn stop(&self) {
        self.told.notify_one();
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
    /// Requests that are worked on at once. Beyond: 503, at once. Questions, pushes and other requests share it, and so do
    /// clients: one gets half of it, two a third each.
    pub requests_max: usize,
    /// Of these, those of one client (an address; of IPv6 its network of 64 bits). Beyond: 429.
    pub client_requests_max: usize,
    /// Questions of one view that are evaluated or wait, where they take longer than 2 milliseconds or it is not yet known what they
    /// take. Beyond: 503.
    pub view_requests_max: usize,
    /// Threads for such questions; `None` for eight per core. One view gets half of them. Others wait.
    pub long_questions_max: Option<usize>,
    /// Pushes that are read and written at once, each on a thread; one client gets half. Others wait.
    pub pushes_max: usize,
    /// Bytes of the bodies of all requests that arrive or are worked on; one client gets half. Beyond: 503. The first 16 KiB of a
    /// body count for nothing.
    pub bodies_bytes_max: usize,
    /// Open connections; `None` for 10,000, or as many as the process may have files for. Beyond, the connection that has waited
    /// longest for a request makes room; where none waits: 503.
    pub connections_max: Option<usize>,
    /// Of these, those of one client; `None` for three quarters. Beyond: the same, and 429.
    pub client_connections_max: Option<usize>,
    /// Milliseconds that a client may take to send the head of a request, from its first byte. Beyond, its connection ends.
    pub head_ms_max: u64,
    /// Milliseconds that a connection may stay idle. Beyond, it ends.
    pub idle_ms_max: u64,
    /// Milliseconds that a client may take to send a body. Beyond: 408.
    pub body_ms_max: u64,
    /// Milliseconds that a question may take to be answered. Beyond: 503.
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
            requests_max: 8_192,
            client_requests_max: 4_096,
            view_requests_max: 2_048,
            pushes_max: 256,
            long_questions_max: None,
            bodies_bytes_max: 256 << 20,
            connections_max: None,
            client_connections_max: None,
            head_ms_max: 10_000,
            idle_ms_max: 60_000,
            body_ms_max: 10_000,
            request_ms_max: 10_000,
            write_ms_max: 30_000,
            drain_ms_max: 10_000,
        }
    }
}

impl HttpLimits {
    /// Threads for questions that take longer than a moment.
    fn long_questions(&self) -> usize {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        self.long_questions_max.unwrap_or(8 * cores).max(1)
    }
}

/// Lets the process open as many files as it may, and tells whether these are enough for `limits`; best called before anything
/// is opened.
pub fn open_files(limits: &HttpLimits) -> Result<(), ListenError> {
    connections::most(limits, usage::raise_files_max()).map(|_| ())
}

/// Serves until it or the process is told to stop ([`StopHandle::stop`], SIGTERM, SIGINT), or the server cannot go on
/// ([`Server::ended`] says why), then lets the requests in flight finish.
///
/// `listening` is told the address once requests are answered.
pub fn serve(server: Arc<Server>, options: HttpOptions, listening: impl FnOnce(SocketAddr)) -> Result<(), ListenError> {
    listen::serve(server, options, listening)
}
