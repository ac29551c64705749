//! How to open a server: what it may take, and how long it waits.

use std::path::PathBuf;

use crate::feature_store::OpenOptions;

/// How to open a server.
#[derive(Clone)]
pub struct ServerOptions {
    /// How to open the project.
    pub open: OpenOptions,
    /// The manifest of a training set (`FILE.manifest.json`); what differs from what made it is not served.
    pub pin: Option<PathBuf>,
    /// What becomes of a project whose sources have files of which nothing was materialized.
    pub unmaterialized: Unmaterialized,
    /// Bytes of states that are kept in memory. Default 64 MiB. States that the store does not hold yet may exceed it.
    pub cache_bytes_max: usize,
    /// Pushes that may wait to be written. Default 1,024. Beyond, a push is refused with [`ServerError::Busy`](super::ServerError::Busy).
    pub waiting_pushes_max: usize,
    /// Bytes of pushes that may wait to be written. Default 64 MiB; a single push may exceed it.
    pub waiting_bytes_max: usize,
    /// Served vectors that may wait to be recorded. Default 100,000. Beyond, they are dropped, and counted.
    pub waiting_vectors_max: usize,
    /// Bytes of served vectors that may wait to be recorded. Default 32 MiB; a single request may exceed it. Beyond, they are
    /// dropped, and counted.
    pub waiting_vectors_bytes_max: usize,
    /// Prepared requests that are kept. Default 256.
    pub prepared_max: usize,
    /// Questions about a past that states cannot answer which are replayed at once. Default 2.
    pub replays_max: usize,
    /// Whether their threads give way to all others of the machine. Default true.
    pub replays_give_way: bool,
    /// Such questions that may wait for their turn. Default 64. Beyond, one is refused with
    /// [`ServerError::PastBusy`](super::ServerError::PastBusy).
    pub waiting_replays_max: usize,
    /// Milliseconds that such a question may take, with its time in the queue. Default 10,000. Beyond, it is given up, with
    /// [`ServerError::PastTimeout`](super::ServerError::PastTimeout).
    pub replay_ms_max: u64,
    /// Milliseconds that the as-of of an answer may be behind now, which it is while the disk of the event log does not answer.
    /// Default 5,000. Beyond, questions are refused with [`ServerError::Stale`](super::ServerError::Stale).
    pub staleness_ms_max: u64,
    /// Milliseconds that a question waits, for a push that is being written or for its as-of to be reserved on disk. Default 3,000.
    /// Beyond, it is refused with [`ServerError::NotYet`](super::ServerError::NotYet).
    pub wait_ms_max: u64,
    /// Milliseconds that a push waits to be on disk. Default 30,000. Beyond, it fails with
    /// [`ServerError::PushLate`](super::ServerError::PushLate) and may yet be taken.
    pub push_ms_max: u64,
    /// Milliseconds that closing waits until all that was taken is written. Default 15,000. Beyond, it fails with
    /// [`ServerError::Hung`](super::ServerError::Hung).
    pub close_ms_max: u64,
    /// When as-ofs are reserved on disk for the first time.
    pub first_reservation: FirstReservation,
}

/// What becomes of a project whose sources have files of which nothing was materialized.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unmaterialized {
    /// It is not opened: questions about what the files hold would be answered with `NOT_FOUND`.
    #[default]
    Refuse,
    /// It is opened: for pushes that are asked about later, or for answers from what is pushed alone.
    Allow,
}

/// When as-ofs are reserved on disk for the first time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FirstReservation {
    /// While the server opens, so that no question waits for it.
    AtOpen,
    /// With the first question. Where a process that asks nothing dies, declared arrivals of a later one need not be after it.
    AtQuestion,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            open: OpenOptions::default(),
            pin: None,
            unmaterialized: Unmaterialized::default(),
            cache_bytes_max: 64 << 20,
            waiting_pushes_max: 1_024,
            waiting_bytes_max: 64 << 20,
            waiting_vectors_max: 100_000,
            waiting_vectors_bytes_max: 32 << 20,
            prepared_max: 256,
            replays_max: 2,
            replays_give_way: true,
            waiting_replays_max: 64,
            replay_ms_max: 10_000,
            staleness_ms_max: 5_000,
            wait_ms_max: 3_000,
            push_ms_max: 30_000,
            close_ms_max: 15_000,
            first_reservation: FirstReservation::AtOpen,
        }
    }
}
