//! Records served vectors off the path of requests: a bounded queue, one thread, many requests to a commit.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::ServerError;
use crate::log::{FeatureLog, ServedBatch};

/// How long the first vector of a commit waits for others.
const LINGER: Duration = Duration::from_millis(50);

/// Vectors that are enough for a commit.
const VECTORS_PER_COMMIT: usize = 4_096;

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
    pub(super) failure: Option<String>,
}

struct Queue {
    waiting: Mutex<Waiting>,
    /// Something waits, or the queue is closing.
    filled: Condvar,
    /// All that waited is written.
    emptied: Condvar,
    vectors_max: usize,
    written: AtomicU64,
    dropped: AtomicU64,
}

#[derive(Default)]
struct Waiting {
    batches: Vec<ServedBatch>,
    vectors: usize,
    /// Vectors that the thread has taken and not written yet.
    taken: usize,
    /// Whether they should not wait for others.
    is_hurried: bool,
    is_closing: bool,
    failure: Option<String>,
}

impl Recorder {
    /// Records into `log`; at most `vectors_max` vectors wait.
    pub(super) fn start(log: FeatureLog, vectors_max: usize) -> Result<Self, ServerError> {
        let queue = Arc::new(Queue {
            waiting: Mutex::default(),
            filled: Condvar::new(),
            emptied: Condvar::new(),
            vectors_max,
            written: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
        });
        let of_thread = Arc::clone(&queue);
        let thread = std::thread::Builder::new().name("onepath-recorder".to_owned());
        let thread = thread.spawn(move || of_thread.run(log));
        let thread = thread.map_err(|source| ServerError::Thread { name: "onepath-recorder", source })?;
        Ok(Self { queue, thread: Some(thread) })
    }

    /// Queues the vectors of a request. Where the queue is full they are dropped, and counted.
    pub(super) fn record(&self, batch: ServedBatch) {
        let vectors = batch.vectors();
        let mut waiting = self.queue.lock();
        if waiting.vectors > 0 && waiting.vectors + vectors > self.queue.vectors_max {
            drop(waiting);
            self.queue.dropped.fetch_add(vectors as u64, Ordering::Relaxed);
            return;
        }
        let before = waiting.vectors;
        waiting.batches.push(batch);
        waiting.vectors += vectors;
        // The thread is woken by the first vector of a commit and by the last, not by those between.
        let is_filled = before == 0 || (before < VECTORS_PER_COMMIT && waiting.vectors >= VECTORS_PER_COMMIT);
        drop(waiting);
        if is_filled {
            self.queue.filled.notify_one();
        }
    }

    /// Waits until all that was queued is written, or dropped.
    pub(super) fn flush(&self) {
        let mut waiting = self.queue.lock();
        waiting.is_hurried = true;
        self.queue.filled.notify_one();
        while waiting.vectors + waiting.taken > 0 {
            waiting = self.queue.emptied.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        waiting.is_hurried = false;
    }

    pub(super) fn recorded(&self) -> Recorded {
        let waiting = self.queue.lock();
        Recorded {
            written: self.queue.written.load(Ordering::Relaxed),
            queued: (waiting.vectors + waiting.taken) as u64,
            dropped: self.queue.dropped.load(Ordering::Relaxed),
            failure: waiting.failure.clone(),
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.queue.lock().is_closing = true;
        self.queue.filled.notify_one();
        if let Some(thread) = self.thread.take() {
            // A recorder that panicked has nothing left to write.
            let _ = thread.join();
        }
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self, mut log: FeatureLog) {
        while let Some(batches) = self.next() {
            let vectors: usize = batches.iter().map(ServedBatch::vectors).sum();
            let recorded = log.record(&batches);
            let mut waiting = self.lock();
            waiting.taken = 0;
            match recorded {
                Ok(_) => self.written.fetch_add(vectors as u64, Ordering::Relaxed),
                Err(error) => {
                    waiting.failure = Some(crate::error::chain(&error));
                    self.dropped.fetch_add(vectors as u64, Ordering::Relaxed)
                }
            };
            if waiting.vectors == 0 {
                self.emptied.notify_all();
            }
        }
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
        let batches = std::mem::take(&mut waiting.batches);
        if batches.is_empty() { None } else { Some(batches) }
    }
}
