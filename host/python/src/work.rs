//! Long work: without the interpreter's lock, ended by an interrupt, and told of as it goes on.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use onepath::feature_store::OpenOptions;
use pyo3::prelude::*;

/// How often is looked for signals.
const LOOK: Duration = Duration::from_millis(50);

/// What goes on while work is done.
#[derive(Clone, Default)]
pub(crate) struct Going {
    /// Set when it is to end early.
    pub(crate) stop: Arc<AtomicBool>,
    rows: Arc<AtomicU64>,
    expected: Arc<AtomicU64>,
    warnings: Arc<Mutex<Vec<String>>>,
}

impl Going {
    /// Options that tell it.
    pub(crate) fn told(&self, options: OpenOptions) -> OpenOptions {
        let (rows, expected, warnings) =
            (Arc::clone(&self.rows), Arc::clone(&self.expected), Arc::clone(&self.warnings));
        OpenOptions {
            stop: Arc::clone(&self.stop),
            progress: Arc::new(move |more| {
                rows.fetch_add(more, Ordering::Relaxed);
            }),
            expect_rows: Arc::new(move |rows| expected.store(rows, Ordering::Relaxed)),
            warning: Arc::new(move |text| {
                warnings.lock().unwrap_or_else(PoisonError::into_inner).push(text.to_owned())
            }),
            ..options
        }
    }

    /// What was to be told since this was asked last.
    pub(crate) fn warnings(&self) -> Vec<String> {
        std::mem::take(&mut *self.warnings.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Does the work on a thread of its own, so that this one hears signals. `progress` is called with the rows evaluated so far, and
    /// those that there will be at most, or 0. Whatever it raises ends the work, as what a signal raises does.
    pub(crate) fn run<T: Send>(
        &self,
        py: Python<'_>,
        progress: Option<&Bound<'_, PyAny>>,
        work: impl FnOnce() -> T + Send,
    ) -> PyResult<T> {
        let waiting = std::thread::current();
        std::thread::scope(|scope| {
            let work = move || {
                let done = work();
                waiting.unpark();
                done
            };
            let started = std::thread::Builder::new().name("onepath-work".to_owned()).spawn_scoped(scope, work);
            let worker = started.map_err(|error| crate::fault::Fault::io("cannot start a thread", &error))?;
            let mut raised = None;
            while !worker.is_finished() {
                py.detach(|| std::thread::park_timeout(LOOK));
                if raised.is_none() {
                    raised = self.look(py, progress).err();
                    self.stop.store(raised.is_some(), Ordering::Relaxed);
                }
            }
            let done = py.detach(|| worker.join());
            let raised = raised.map_or_else(|| self.look(py, progress), Err);
            match done {
                Ok(done) => raised.map(|()| done),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })
    }

    fn look(&self, py: Python<'_>, progress: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        py.check_signals()?;
        if let Some(progress) = progress {
            progress.call1((self.rows.load(Ordering::Relaxed), self.expected.load(Ordering::Relaxed)))?;
        }
        Ok(())
    }
}
