//! Where components are compiled and tried: in a child process if there is a command to start, in this one if there is none.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};
use std::time::Duration;

use super::child::{Job, Parent};
use super::{Budget, CheckOptions, Engines, Report};
use crate::digest::sha256_hex;
use crate::wasm::{Limits, LoadError, Runtime, check_bounds, read_component};

/// Compiles components and tries the laws on them, within the time and the memory of an admission.
pub struct Gate {
    /// The `onepath` command, whose children compile and try. Without one it is done in this process, within the limits of the
    /// sandbox, but without a bound on the memory that compiling takes.
    pub command: Option<PathBuf>,
    /// What it is given before anything else, where it is not the command itself but runs it.
    pub command_arguments: Vec<OsString>,
    /// What components may use.
    pub limits: Limits,
    /// Where machine code is kept.
    pub cache: Option<PathBuf>,
    /// Set when children are to be ended.
    pub stop: Arc<AtomicBool>,
    /// Told once where there is no command.
    pub warning: Arc<dyn Fn(&str) + Send + Sync>,
    told: Once,
    /// How long each component took to be compiled, by its digest.
    compiling: Mutex<HashMap<String, Duration>>,
}

impl Gate {
    /// A gate; see the fields for what is meant.
    pub fn new(
        command: Option<PathBuf>,
        limits: Limits,
        cache: Option<PathBuf>,
        stop: Arc<AtomicBool>,
        warning: Arc<dyn Fn(&str) + Send + Sync>,
    ) -> Self {
        let command_arguments = Vec::new();
        Self {
            command,
            command_arguments,
            limits,
            cache,
            stop,
            warning,
            told: Once::new(),
            compiling: Mutex::default(),
        }
    }

    /// The budget of a component's admission, from which compiling it has taken its part.
    pub fn budget(&self, digest: &str) -> Budget<'static> {
        Budget::new(self.limits.admission_ms_max, self.compiling().get(digest).copied().unwrap_or_default(), &|_| {})
    }

    /// Compiles the component in `path` for `runtime`, unless that was done before, and keeps the machine code where `runtime` finds
    /// it. Without a command it only counts what the component declares, and leaves the rest to `runtime`.
    pub(crate) fn compile(&self, runtime: &Runtime, path: &Path) -> Result<(), LoadError> {
        let (name, bytes) = (path.display().to_string(), read_component(path, &self.limits)?);
        let digest = sha256_hex(&bytes);
        if runtime.is_compiled(&digest) {
            return Ok(());
        }
        check_bounds(&name, &bytes, &self.limits)?;
        let Some(parent) = self.parent() else { return Ok(()) };
        let job = Job { name: &name, path: path.to_owned(), digest: &digest, spent: Duration::ZERO };
        let spent = parent.compile(job, runtime.variant())?;
        self.compiling().insert(digest, spent);
        Ok(())
    }

    /// Tries the laws on the component in `path`, which `name` stands for, and measures it: see [`super::check`].
    pub fn check(&self, name: &str, path: &Path, options: &CheckOptions<'_>) -> Result<Report, LoadError> {
        let bytes = read_component(path, &self.limits)?;
        check_bounds(name, &bytes, &self.limits)?;
        match self.parent() {
            Some(parent) => {
                let (digest, spent) = (&sha256_hex(&bytes), options.budget.spent());
                parent.check(Job { name, path: path.to_owned(), digest, spent }, options)
            }
            None => super::check(&Engines::new(&self.limits, self.cache.clone())?, name, &bytes, options),
        }
    }

    fn parent(&self) -> Option<Parent<'_>> {
        let Some(command) = self.command.as_deref() else {
            self.told.call_once(|| {
                (self.warning)(
                    "components are compiled and tried within this process, which one of them may make slow and large: give \
                     the path of the onepath command (`OpenOptions::command`), so that a process does it that can be ended",
                );
            });
            return None;
        };
        let (limits, cache) = (&self.limits, self.cache.as_deref());
        Some(Parent { command, arguments: &self.command_arguments, limits, cache, stop: &self.stop })
    }

    fn compiling(&self) -> MutexGuard<'_, HashMap<String, Duration>> {
        self.compiling.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
