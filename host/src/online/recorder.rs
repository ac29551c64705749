//! Records served vectors off the path of requests: a bounded queue, one thread, many requests to a commit.
//!
//! What waits is bounded in vectors and in bytes, so that a disk that does not keep up costs records, which are counted, and
//! neither memory nor answers.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::ServerError;
use super::end::told;
use super::lost::Lost;
use super::seen::Seen;
use crate::log::{ServedBatch, ServedSink, ServedWriter};

/// How long the first vector of a commit waits for others.
const LINGER: Duration = Duration::from_millis(50);

/// Vectors that are enough for a commit.
const VECTORS_PER_COMMIT: usize = 4_096;

/// The name of the thread that records.
pub(super) const RECORDER: &str = "onepath-recorder";

/// The thread that records, and its queue.
pub(super) struct Recorder {
    queue: Arc<Queue>,
    thread: Option<JoinHandle<()>>,
}

/// What was recorded so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Recorded {
    pub(super) written: u64,
    pub(super) queued: u64,
    pub(super) dropped: u64,
    pub(super) expired: u64,
    pub(super) failure: Option<String>,
}

struct Queue {
    waiting: Mutex<Waiting>,
    /// Something waits, or the queue is closing.
    filled: Condvar,
    /// All that waited is written.
    emptied: Condvar,
    limits: Limits,
    lost: Arc<Lost>,
    seen: Arc<Seen>,
    written: AtomicU64,
    dropped: AtomicU64,
    expired: AtomicU64,
}

/// How much may wait; a single request may exceed it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) vectors_max: usize,
    pub(super) bytes_max: usize,
}

#[derive(Default)]
struct Waiting {
    batches: Vec<ServedBatch>,
    vectors: usize,
    bytes: usize,
    /// Vectors that the thread has taken and not written yet.
    taken: usize,
    /// Whether they should not wait for others.
    is_hurried: bool,
    is_closing: bool,
    failure: Option<String>,
    /// Why the thread has ended.
    ended: Option<String>,
}

impl Recorder {
    /// Records into `sink`; at most so much waits. What is recorded is counted by `seen`.
    pub(super) fn start(
        sink: Box<dyn ServedSink>,
        limits: Limits,
        lost: Arc<Lost>,
        seen: Arc<Seen>,
    ) -> Result<Self, ServerError> {
        let queue = Arc::new(Queue {
            waiting: Mutex::default(),
            filled: Condvar::new(),
            emptied: Condvar::new(),
            limits,
            lost,
            seen,
            written: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            expired: AtomicU64::new(0),
        });
        let of_thread = Arc::clone(&queue);
        let thread = std::thread::Builder::new().name(RECORDER.to_owned());
        let thread = thread.spawn(move || {
            let writer = ServedWriter::new(sink);
            let ended = catch_unwind(AssertUnwindSafe(|| of_thread.run(writer)));
            of_thread.end(told(RECORDER, ended));
        });
        let thread = thread.map_err(|source| ServerError::Thread { name: RECORDER, source })?;
        Ok(Self { queue, thread: Some(thread) })
    }

    /// Queues the vectors of a request. Where the queue is full they are dropped, and counted.
    pub(super) fn record(&self, batch: ServedBatch) {
        let (vectors, bytes) = (batch.vectors(), batch.memory_bytes());
        let Limits { vectors_max, bytes_max } = self.queue.limits;
        let mut waiting = self.queue.lock();
        let is_full = waiting.vectors + vectors > vectors_max || waiting.bytes + bytes > bytes_max;
        if waiting.ended.is_some() || (waiting.vectors > 0 && is_full) {
            drop(waiting);
            self.queue.dropped.fetch_add(vectors as u64, Ordering::Relaxed);
            return;
        }
        let before = waiting.vectors;
        waiting.batches.push(batch);
        waiting.vectors += vectors;
        waiting.bytes += bytes;
        // The thread is woken by the first vector of a commit and by the last, not by those between.
        let is_filled = before == 0 || (before < VECTORS_PER_COMMIT && waiting.vectors >= VECTORS_PER_COMMIT);
        drop(waiting);
        if is_filled {
            self.queue.filled.notify_one();
        }
    }

    /// Waits until all that was queued is written, or dropped, at most so long.
    pub(super) fn flush(&self, at_most: Duration) {
        let mut waiting = self.queue.lock();
        waiting.is_hurried = true;
        self.queue.filled.notify_one();
        let is_waiting = |waiting: &mut Waiting| waiting.vectors + waiting.taken > 0;
        let waited = self.queue.emptied.wait_timeout_while(waiting, at_most, is_waiting);
        waited.unwrap_or_else(PoisonError::into_inner).0.is_hurried = false;
    }

    /// Why its thread has ended, which only a fault of onepath makes it do.
    pub(super) fn ended(&self) -> Option<String> {
        self.queue.lock().ended.clone()
    }

    pub(super) fn recorded(&self) -> Recorded {
        let waiting = self.queue.lock();
        Recorded {
            written: self.queue.written.load(Ordering::Relaxed),
            queued: (waiting.vectors + waiting.taken) as u64,
            dropped: self.queue.dropped.load(Ordering::Relaxed),
            expired: self.queue.expired.load(Ordering::Relaxed),
            failure: waiting.failure.clone(),
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.queue.lock().is_closing = true;
        self.queue.filled.notify_one();
        if let Some(thread) = self.thread.take() {
            // How it ended is known.
            let _ = thread.join();
        }
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self, mut writer: ServedWriter) {
        while let Some(batches) = self.next() {
            let vectors: usize = batches.iter().map(ServedBatch::vectors).sum();
            let recorded = writer.record(&batches);
            self.seen.count(&batches);
            drop(batches);
            let mut waiting = self.lock();
            waiting.taken = 0;
            match recorded {
                Ok(recorded) => {
                    self.written.fetch_add(vectors as u64, Ordering::Relaxed);
                    self.expired.fetch_add(recorded.expired, Ordering::Relaxed);
                }
                Err(error) => {
                    self.lost.note(&error);
                    waiting.failure = Some(crate::error::chain(&error));
                    self.dropped.fetch_add(vectors as u64, Ordering::Relaxed);
                }
            }
            if waiting.vectors == 0 {
                self.emptied.notify_all();
            }
        }
    }

    /// Drops and counts what nobody will write, and tells those who wait.
    fn end(&self, why: String) {
        let mut waiting = self.lock();
        let vectors = std::mem::take(&mut waiting.vectors) + std::mem::take(&mut waiting.taken);
        self.dropped.fetch_add(vectors as u64, Ordering::Relaxed);
        waiting.batches.clear();
        waiting.bytes = 0;
        waiting.ended = Some(why);
        drop(waiting);
        self.emptied.notify_all();
    }

    /// What waits, as soon as it is enough or has waited for long enough; `None` when the queue is closed and empty.
    fn next(&self) -> Option<Vec<ServedBatch>> {
        let mut waiting = self.lock();
        while waiting.vectors == 0 && !waiting.is_closing {
            waiting = self.filled.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        let is_enough =
            |waiting: &mut Waiting| waiting.vectors >= VECTORS_PER_COMMIT || waiting.is_closing || waiting.is_hurried;
        if !is_enough(&mut waiting) {
            let lingered = self.filled.wait_timeout_while(waiting, LINGER, |waiting| !is_enough(waiting));
            waiting = lingered.unwrap_or_else(PoisonError::into_inner).0;
        }
        waiting.taken = std::mem::take(&mut waiting.vectors);
        waiting.bytes = 0;
        let batches = std::mem::take(&mut waiting.batches);
        if batches.is_empty() { None } else { Some(batches) }
    }
}
