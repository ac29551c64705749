//! How a project is opened.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::admit::Locking;
use super::built::WhereStale;
use super::limits;
#[cfg(doc)]
use crate::Error;
use crate::admission::Gate;
use crate::evaluate::OutputSink;
use crate::files::{FileSystem, Storage};
use crate::project::{Admission, LimitSettings};
use crate::replay::OnError;
use crate::time::{Clock, SteadyClock};
use crate::usage::memory_bytes_default;
use crate::wasm::{Isolation, Limits, Variant};

/// How to open a project.
#[derive(Clone)]
pub struct OpenOptions {
    /// Threads of backfills; at least 1.
    pub threads: usize,
    /// Rows of one call; at least 1. Never changes an answer.
    pub batch_rows: usize,
    /// What a backfill does where a transform gives no answer.
    pub on_error: OnError,
    /// By what a backfill draws the sample of its answers that it proves; by default chance.
    pub proof_seed: Option<u64>,
    /// Whether a backfill writes a profile of its features beside the training set.
    pub profiles: bool,
    /// Whether entities that could not be served end a backfill and `materialize`.
    pub strict: bool,
    /// What components may use, where the project does not say it.
    pub limits: Limits,
    /// What components may use, whatever the project says.
    pub limits_first: LimitSettings,
    /// One of so many calls, chosen at random, is repeated on a fresh instance, cut differently, and compared, where the project does
    /// not say it; more of the first ones; 0 for none.
    pub repeat_every: u64,
    /// Decides which calls are repeated, and how; without one, the system's randomness does. For tests.
    pub repeat_seed: Option<u64>,
    /// How long an instance of a component is used, where the project does not say it. Never changes an answer of a component that keeps
    /// nothing between calls.
    pub isolation: Isolation,
    /// What becomes of a component that breaks a law at its first use, where the project does not say it.
    pub admission: Admission,
    /// The `onepath` command of this version, whose child processes compile components and try the laws on them. The command itself
    /// gives its own; without one it is done in this process, which a component may make slow and large.
    pub command: Option<PathBuf>,
    /// What `command` is given before anything else, where it is not the command itself but runs it, as Python does.
    pub command_arguments: Vec<OsString>,
    /// Whether components are held to the lock file.
    pub locking: Locking,
    /// What becomes of a component whose package has changed since it was built.
    pub stale: WhereStale,
    /// How components are run. Never changes an answer.
    pub variant: Variant,
    /// Where the files of sources, spines and pushes lie.
    pub storage: Arc<dyn Storage>,
    /// The clock that stamps arrivals and as-ofs. By default the machine's, whose steps are noticed and not followed
    /// ([`SteadyClock`]); another one is taken as it is.
    pub clock: Arc<dyn Clock>,
    /// Told of the rows evaluated so far, from any thread.
    pub progress: Arc<dyn Fn(u64) + Send + Sync>,
    /// Told what is worth a look and stops nothing.
    pub warning: Arc<dyn Fn(&str) + Send + Sync>,
    /// Shown what components write to standard output and error, with the row at which they wrote it. Each call has one row then, which
    /// takes many times longer and changes no value. What is written at admission, in repeats of calls and in the proof of a backfill is not
    /// shown. Without a sink nothing is kept.
    pub show_output: Option<OutputSink>,
    /// Told once how many rows a backfill or `materialize` will evaluate, at most.
    pub expect_rows: Arc<dyn Fn(u64) + Send + Sync>,
    /// Memory that a backfill or `materialize` may take, in bytes. Never changes a value: what does not fit goes through the disk.
    pub memory_bytes: u64,
    /// Where they keep what memory does not hold; by default beside the output, or in `.onepath`.
    pub spill_dir: Option<PathBuf>,
    /// Set when a run is to end early, with [`Error::Stopped`] and nothing left behind.
    pub stop: Arc<AtomicBool>,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self {
            threads: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            batch_rows: crate::batch::REPLAY_ROWS,
            on_error: OnError::Stop,
            proof_seed: None,
            profiles: true,
            strict: false,
            limits: Limits::default(),
            limits_first: LimitSettings::default(),
            repeat_every: 1_000,
            repeat_seed: None,
            isolation: Isolation::default(),
            admission: Admission::default(),
            command: None,
            command_arguments: Vec::new(),
            locking: Locking::default(),
            stale: WhereStale::default(),
            variant: Variant::Serving,
            storage: Arc::new(FileSystem),
            clock: Arc::new(SteadyClock::default()),
            progress: Arc::new(|_| {}),
            warning: Arc::new(|_| {}),
            show_output: None,
            expect_rows: Arc::new(|_| {}),
            memory_bytes: memory_bytes_default(),
            spill_dir: None,
            stop: Arc::new(AtomicBool::new(false)),
        }
    }
}

impl OpenOptions {
    /// Where components are compiled and tried; machine code is kept in the folder `cache`.
    pub(crate) fn gate(&self, cache: Option<PathBuf>) -> Gate {
        let limits = limits(&self.limits_first, self.limits.clone());
        let mut gate =
            Gate::new(self.command.clone(), limits, cache, Arc::clone(&self.stop), Arc::clone(&self.warning));
        gate.command_arguments.clone_from(&self.command_arguments);
        gate
    }
}
