//! How a server ends: closed, within a deadline, or because one of its threads has failed.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use super::writer::{Job, Writer};
use super::{Server, ServerError};
use crate::feature_store::QuarantinedView;

/// The name of the thread that writes.
const WRITER: &str = "onepath-writer";

/// The name of the thread that closes the others.
const CLOSER: &str = "onepath-closer";

/// Starts the thread that writes. However it ends, those who wait for it are woken and told.
pub(super) fn start(writer: Writer, jobs: Receiver<Job>) -> Result<JoinHandle<()>, ServerError> {
    let shared = Arc::clone(&writer.shared);
    let run = move || {
        // Writer and queue are gone when this returns, and with them whatever waited in the queue.
        let ended = catch_unwind(AssertUnwindSafe(move || writer.run(&jobs)));
        shared.end(told(WRITER, ended));
    };
    let started = std::thread::Builder::new().name(WRITER.to_owned()).spawn(run);
    started.map_err(|source| ServerError::Thread { name: WRITER, source })
}

/// What is said of a thread that has ended.
pub(super) fn told(thread: &str, ended: std::thread::Result<()>) -> String {
    match ended {
        Ok(()) => format!("the thread {thread} has ended"),
        Err(panic) => {
            let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
            let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
            format!("the thread {thread} has panicked: {text}")
        }
    }
}

impl Server {
    /// Waits until all that was served is recorded, at most as long as closing does.
    pub fn flush(&self) {
        if let Some(recorder) = &self.recorder {
            recorder.flush(Duration::from_millis(self.options.close_ms_max));
        }
    }

    /// Writes all that was taken and ends, within a deadline. Dropping it does the same; this tells what could not be written.
    pub fn close(mut self) -> Result<(), ServerError> {
        self.end()?;
        self.lost.check()?;
        match self.backlog.failure() {
            Some(failure) => Err(ServerError::Unwritten { failure }),
            None => Ok(()),
        }
    }

    /// Ends the threads and closes the stores. All of it may wait for the disk, so another thread does it.
    fn end(&mut self) -> Result<(), ServerError> {
        let Some(writer) = self.writer.take() else { return Ok(()) };
        let parts =
            (self.jobs.take(), self.recorder.take(), self.readers.take(), self.replays.take(), self.watch.take());
        let (done, closed) = sync_channel(1);
        let close = move || {
            let (jobs, recorder, readers, replays, watch) = parts;
            drop(watch);
            // The writer ends when nobody can send to it any more.
            drop(jobs);
            // How it ended is told by `Server::ended`.
            let _ = writer.join();
            // After it, for it looks whether the files of the stores are where they were.
            drop(recorder);
            // Replays that run are told to stop; until they have, they use the readers.
            drop(replays);
            drop(readers);
            // Who no longer waits is not told.
            let _ = done.send(());
        };
        let started = std::thread::Builder::new().name(CLOSER.to_owned()).spawn(close);
        started.map_err(|source| ServerError::Thread { name: CLOSER, source })?;
        let waited_ms = self.options.close_ms_max;
        match closed.recv_timeout(Duration::from_millis(waited_ms)) {
            Err(RecvTimeoutError::Timeout) => Err(ServerError::Hung { waited_ms }),
            Ok(()) | Err(RecvTimeoutError::Disconnected) => Ok(()),
        }
    }

    /// Why the server cannot go on, where one of its threads has failed, which only a fault of onepath does: restart it. The status
    /// tells it too.
    pub fn ended(&self) -> Option<String> {
        self.shared.ended().or_else(|| self.recorder.as_ref()?.ended())
    }

    /// Why requests are not welcome now: a thread has failed, a file of the stores was taken away, or answers would be too far behind now.
    pub fn unready(&self) -> Option<String> {
        let lost = || self.lost.check().err().map(|error| error.to_string());
        let all_quarantined = || {
            let quarantined = self.quarantined();
            let is_all = !quarantined.is_empty() && quarantined.len() == self.project().views.len();
            is_all.then(|| quarantined.iter().map(QuarantinedView::told).collect::<Vec<_>>().join("; "))
        };
        let late = || self.shared.lag().1.err().map(|error| error.to_string());
        self.ended().or_else(lost).or_else(late).or_else(all_quarantined)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // What could not be written is told by `Server::close`.
        let _ = self.end();
    }
}
