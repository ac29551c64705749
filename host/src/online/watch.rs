//! The machine's clock is looked at once a second, so that a step is told where nobody asks, and accepted where an operator asks; and
//! so are the components that other processes have found to give two answers.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use super::published::Shared;
use super::{Server, ServerError};
use crate::error::chain;
use crate::feature_store::{FeatureStore, answer_accept};
use crate::log::{LogError, is_ahead};
use crate::time::{Clock, step_in_words};

/// How often the clock is looked at.
const INTERVAL: Duration = Duration::from_secs(1);

/// The name of the thread that looks.
const WATCH: &str = "onepath-clock";

/// What the clock is held against: the times of the log.
pub(super) struct Watched {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) shared: Arc<Shared>,
    /// Where the log is, for messages.
    pub(super) log: PathBuf,
}

/// The thread that looks; dropping it ends it.
pub(super) struct Watch {
    end: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Watched {
    /// Goes on from the time of the machine's clock, unless the log is far ahead of it; gives the step that was accepted.
    fn accept(&self) -> Result<Option<i64>, LogError> {
        let Some(step) = self.clock.step() else { return Ok(None) };
        let now = self.clock.machine();
        match self.shared.floor().filter(|floor| is_ahead(*floor, now)) {
            Some(floor) => Err(LogError::ClockBehind { path: self.log.clone(), floor, now }),
            None => {
                self.clock.accept_step();
                Ok(Some(step))
            }
        }
    }
}

/// Starts to look, if the clock is one that looks for steps. `told` is given a line where one comes and where it is over; a request
/// to accept it lies in `data_dir`.
pub(super) fn start(
    watched: Watched,
    data_dir: PathBuf,
    store: Arc<FeatureStore>,
    told: Arc<dyn Fn(&str) + Send + Sync>,
) -> Result<Option<Watch>, ServerError> {
    if !watched.clock.is_watched() {
        return Ok(None);
    }
    // A request that is older than this server is not about its clock.
    answer_accept(&data_dir, || Err("the server was being started: look at its clock, and ask again".to_owned()));
    let (end, ended) = sync_channel(1);
    let look = move || {
        let mut before = None;
        while let Err(RecvTimeoutError::Timeout) = ended.recv_timeout(INTERVAL) {
            let step = watched.clock.step();
            match (before, step) {
                (None, Some(step)) => told(&step_warning(step)),
                (Some(_), None) => told("the machine's clock is back where it was before its step"),
                _ => {}
            }
            before = step;
            store.look_at_quarantine().iter().for_each(|line| told(line));
            answer_accept(&data_dir, || {
                let accepted = watched.accept().map_err(|error| chain(&error))?;
                if let Some(step) = accepted {
                    let size = step_in_words(step);
                    told(&format!("the step of the machine's clock ({size}) was accepted: time goes on from it"));
                    before = None;
                }
                Ok(accepted)
            });
        }
    };
    let thread = std::thread::Builder::new().name(WATCH.to_owned()).spawn(look);
    let thread = thread.map_err(|source| ServerError::Thread { name: WATCH, source })?;
    Ok(Some(Watch { end: Some(end), thread: Some(thread) }))
}

/// What is told of a step, as long as it is not accepted.
pub(crate) fn step_warning(step: i64) -> String {
    format!(
        "the machine's clock has stepped: it is {}, and was not followed; arrivals and answers go on by the time before. If the new \
         time is right, `onepath clock accept` or a restart goes on from it",
        step_in_words(step)
    )
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.end = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Server {
    /// By how many microseconds the machine's clock has stepped away from the time that arrivals and answers have; `None` where it
    /// has not, or where the clock is not one that looks for steps.
    pub fn clock_step(&self) -> Option<i64> {
        self.watched().clock.step()
    }

    /// Goes on from the time of the machine's clock after a step, and gives the step; `None` where there was none. Refused where the log
    /// is far ahead of that time: its clock wants a repair then, which no server may do.
    pub fn accept_clock(&self) -> Result<Option<i64>, ServerError> {
        Ok(self.watched().accept()?)
    }

    fn watched(&self) -> Watched {
        let clock = Arc::clone(&self.store.options().clock);
        Watched { clock, shared: Arc::clone(&self.shared), log: self.store.log_path() }
    }
}
