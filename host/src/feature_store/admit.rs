//! Before a component is used: it is the one that the lock file pins, and it keeps the laws.

use std::path::Path;

use super::{FeatureStore, PlannedView};
use crate::Error;
use crate::admission::{self, CheckOptions, Counterexample, Report};
use crate::evaluate::ViewProgram;
use crate::log::ViewIdentity;
use crate::project::{Admission, LockFile, View};
use crate::wasm::LoadError;

/// The seed of the cases before a first use.
const SEED: u64 = 1;

/// Whether components are held to the lock file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Locking {
    /// Any component is used; `onepath build` writes the lock file.
    #[default]
    Free,
    /// A component that differs from the lock file is refused.
    Enforced,
}

impl FeatureStore {
    /// The lock file that pins what the views run now.
    pub fn lock_file(&self) -> Result<LockFile, Error> {
        let views = self.plan_views(|_| true)?;
        let component = |view: &PlannedView| (view.view.label(), view.program.digest().to_owned());
        let identity = |view: &PlannedView| (view.view.label(), view.identity.digest());
        let standard = self.standard_in_use();
        Ok(LockFile::new(views.iter().map(component).collect(), views.iter().map(identity).collect(), standard))
    }

    /// Writes the lock file; one that says the same already is left alone.
    pub fn write_lock_file(&self, lock: &LockFile) -> Result<(), Error> {
        let path = LockFile::path(self.project());
        let text = lock.text();
        if std::fs::read_to_string(&path).is_ok_and(|present| present == text) {
            return Ok(());
        }
        Ok(crate::files::write_text(&path, text.trim_end())?)
    }

    /// Refuses a component that the lock file does not pin.
    pub(super) fn check_lock(&self, view: &View, program: &ViewProgram) -> Result<(), Error> {
        if self.options().locking == Locking::Free {
            return Ok(());
        }
        let path = LockFile::path(self.project());
        let Some(lock) = LockFile::load(self.project())? else {
            return Err(Error::NoLock { path });
        };
        match lock.components.get(&view.label()) {
            Some(pinned) if pinned == program.digest() => Ok(()),
            pinned => Err(Error::Locked {
                view: view.label(),
                digest: program.digest().to_owned(),
                pinned: pinned.map_or_else(|| "no component of it".to_owned(), Clone::clone),
                path,
            }),
        }
    }

    /// Refuses a view whose identity the lock file does not pin.
    pub(super) fn check_locked_identity(&self, view: &View, identity: &ViewIdentity) -> Result<(), Error> {
        if self.options().locking == Locking::Free {
            return Ok(());
        }
        let path = LockFile::path(self.project());
        let Some(lock) = LockFile::load(self.project())? else {
            return Err(Error::NoLock { path });
        };
        let identity = identity.digest();
        match lock.identities.get(&view.label()) {
            Some(pinned) if *pinned == identity => Ok(()),
            pinned => Err(Error::LockedIdentity {
                view: view.label(),
                identity,
                pinned: pinned.map_or_else(|| "none of it".to_owned(), Clone::clone),
                path,
            }),
        }
    }

    /// Tries the laws on a component that this project did not try before. A report without a law of bits broken is kept in
    /// `.onepath/cache/admission`, so that each component is tried once.
    pub(super) fn admit(&self, view: &View, program: &ViewProgram) -> Result<(), Error> {
        let admission = self.options().admission;
        if admission == Admission::Off {
            return Ok(());
        }
        let kept = self.report_path(&format!(
            "first use {} {} {} {} {:?} {:?} {} {} {SEED}",
            admission::EDITION,
            program.digest(),
            env!("CARGO_PKG_VERSION"),
            crate::wasm::ENGINE_VERSION,
            self.options().limits,
            program.parameters(),
            program.has_sources(),
            cases_of_first_use(program),
        ));
        let told = |law: admission::Law, found: &Counterexample| Error::LawBroken {
            view: view.label(),
            law: law.name(),
            statement: law.statement(),
            difference: format!("it {}; {}", found.cause, found.difference.replace('\n', "; ")),
        };
        if let Ok(text) = std::fs::read_to_string(&kept) {
            // A warning repeats while it is true.
            let report = serde_json::from_str(&text).ok();
            if let Some((law, found)) = report.as_ref().and_then(|report: &Report| report.broken(false)) {
                (self.options().warning)(&told(law, found).to_string());
            }
            return Ok(());
        }
        let report = match self.report_of(view, program, &self.component_file(view)?.path) {
            Err(error @ Error::Load(LoadError::Unfinished { .. } | LoadError::Died { .. }))
                if admission == Admission::Warn =>
            {
                (self.options().warning)(&error.to_string());
                return Ok(());
            }
            report => report?,
        };
        let refusal = if let Some((law, found)) = report.broken(true) {
            Some(told(law, found))
        } else if let Some(why) = &report.tried.stopped {
            Some(LoadError::Unfinished { name: view.label(), why: why.clone() }.into())
        } else {
            let no_answer = report.tried.no_answer.as_ref();
            no_answer.map(|why| Error::NoAnswer { view: view.label(), why: why.replace('\n', "; ") })
        };
        match refusal {
            Some(error) if admission == Admission::Require => return Err(error),
            Some(error) => {
                (self.options().warning)(&error.to_string());
                return Ok(());
            }
            None => {}
        }
        if let Some((law, found)) = report.broken(false) {
            (self.options().warning)(&told(law, found).to_string());
        }
        // A report that cannot be kept only costs time.
        let _ = kept.parent().map(std::fs::create_dir_all);
        let _ = crate::files::write_text(&kept, &serde_json::to_string_pretty(&report).unwrap_or_default());
        Ok(())
    }

    fn report_of(&self, view: &View, program: &ViewProgram, path: &Path) -> Result<Report, Error> {
        let budget = self.gate.budget(program.digest());
        let options = CheckOptions {
            seed: SEED,
            cases: cases_of_first_use(program),
            sample: self.sample_of_definition(view),
            parameters: Some(program.parameters().to_vec()),
            has_sources: program.has_sources(),
            now: None,
            budget: &budget,
            output: None,
        };
        self.gate.check(&view.label(), path, &options).map_err(stopped)
    }
}

/// What was asked to stop is no fault of a component.
pub(super) fn stopped(error: LoadError) -> Error {
    match error {
        LoadError::Stopped => Error::Stopped,
        error => error.into(),
    }
}

fn cases_of_first_use(program: &ViewProgram) -> usize {
    admission::cases_of_first_use(program.description().output_features.len())
}
