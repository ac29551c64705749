//! Where a run keeps what it cannot hold in memory, what becomes of it afterwards, and which run may go on with it.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempDir;

use super::journal::{Begun, Earlier, Journal, LogEnd};
use super::run::Run;
use super::{SpineSource, wrong};
use crate::Error;
use crate::digest::sha256_hex;
use crate::events::Pushed;
use crate::feature_store::FeatureStore;
use crate::files::{self, LOCK_NAME, SPILL_PREFIX, SPILL_SUFFIX};
use crate::replay::OnError;
use crate::wasm::ENGINE_VERSION;

/// A folder of one run.
pub(in crate::feature_store) struct Workspace {
    path: PathBuf,
    /// Removed when the run ends, however it ends.
    temporary: Option<TempDir>,
    /// Held by the run, so that another one does not take the folder for that of a process that died.
    _lock: File,
}

impl Workspace {
    /// A private folder in `parent` that is gone when the run ends.
    pub(in crate::feature_store) fn temporary(parent: &Path) -> Result<Self, Error> {
        let fail = |source| Error::Write { path: parent.to_owned(), source };
        let dir =
            tempfile::Builder::new().prefix(SPILL_PREFIX).suffix(SPILL_SUFFIX).tempdir_in(parent).map_err(fail)?;
        let lock = lock(dir.path())?;
        Ok(Self { path: dir.path().to_owned(), temporary: Some(dir), _lock: lock })
    }

    /// The folder `OUT.partial`, which stays until a run comes to its end, and the journal in it, which `open` opens. `begun`
    /// is told what an earlier run began with.
    pub(super) fn resumed(
        out: &Path,
        begun: impl FnOnce(Option<&Begun>) -> Result<Begun, Error>,
        open: impl FnOnce(&Path, &Begun, Earlier) -> Result<Journal, Error>,
    ) -> Result<(Self, Journal, Begun), Error> {
        let mut name = out.as_os_str().to_owned();
        name.push(".partial");
        let path = PathBuf::from(name);
        std::fs::create_dir_all(&path).map_err(|source| Error::Write { path: path.clone(), source })?;
        let lock = lock(&path)?;
        let earlier = Earlier::read(&path);
        let begun = begun(earlier.begun())?;
        if let Some(earlier) = earlier.begun().filter(|earlier| **earlier != begun) {
            return Err(changed(&path, earlier, &begun));
        }
        let journal = open(&path, &begun, earlier)?;
        Ok((Self { path, temporary: None, _lock: lock }, journal, begun))
    }

    pub(in crate::feature_store) fn path(&self) -> &Path {
        &self.path
    }

    /// Removes the folder: the run has come to its end.
    pub(super) fn remove(self) {
        if self.temporary.is_none() {
            // What stays takes room and nothing else: the output is whole.
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}

impl FeatureStore {
    /// Where a partitioned run works, what it has done already, and into how many partitions it divides.
    pub(super) fn workspace(&self, run: &mut Run<'_>, bits: u32) -> Result<(Workspace, Journal, u32), Error> {
        if !run.request.resume {
            let beside = files::directory_of(&run.request.out);
            let parent = self.options().spill_dir.as_deref().unwrap_or(beside);
            files::remove_stale(parent);
            let workspace = Workspace::temporary(parent)?;
            let journal = Journal::none(workspace.path());
            return Ok((workspace, journal, bits));
        }
        let (plan, inputs) = (self.plan_digest(run), run.changes(self.project(), self.storage())?);
        let views = run.plan.views.iter().map(|view| (view.program.id().to_owned(), view.identity.clone())).collect();
        let pushed = run.pushed;
        let begin = |earlier: Option<&Begun>| {
            // A run that goes on divides as it did, and sees the log that it saw.
            let bits = earlier.map_or(bits, |earlier| earlier.bits);
            let log = match earlier.map(|earlier| &earlier.log) {
                None => pushed.map(|pushed| LogEnd::of(pushed.log, pushed.up_to)),
                Some(None) => None,
                Some(Some(end)) => pushed.map(|pushed| LogEnd::of(pushed.log, end.offset)),
            };
            Ok(Begun { plan, views, inputs, bits, log: log.transpose()? })
        };
        let open = |dir: &Path, begun: &Begun, earlier| {
            Journal::open(dir, begun, earlier, self.options().threads, Arc::clone(&self.options().warning))
        };
        let (workspace, journal, begun) = Workspace::resumed(&run.request.out, begin, open)?;
        run.pushed = begun.log.and_then(|end| Some(Pushed { up_to: end.offset, ..pushed? }));
        Ok((workspace, journal, begun.bits))
    }

    /// A digest of what decides the output beside the inputs.
    fn plan_digest(&self, run: &Run<'_>) -> String {
        let version = env!("CARGO_PKG_VERSION");
        let mut text =
            format!("{version} {ENGINE_VERSION} {} {:?}", files::CONVERSIONS_VERSION, self.options().on_error);
        if self.options().on_error == OnError::Null {
            // Where a limit leaves a null, it decides a value.
            text += &format!(" {:?}", self.limits());
        }
        for given in &run.request.overrides {
            text += &format!(" {given:?}");
        }
        for (feature, name) in run.plan.features.iter().zip(&run.names) {
            text += &format!(" {}.{}={name}", feature.view, feature.feature);
        }
        if let SpineSource::File { as_of_column, as_of_unit, .. } = &run.request.spine {
            text += &format!(" {as_of_column:?} {as_of_unit:?}");
        }
        sha256_hex(text)
    }
}

fn lock(dir: &Path) -> Result<File, Error> {
    let path = dir.join(LOCK_NAME);
    let file = File::create(&path).map_err(|source| Error::Write { path: path.clone(), source })?;
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => {
            Err(wrong(format!("{}: another backfill is at work there; wait for its end", dir.display())))
        }
        // A file system without locks cannot tell.
        Ok(()) | Err(TryLockError::Error(_)) => Ok(file),
    }
}

/// Says what differs from the run that died.
fn changed(path: &Path, earlier: &Begun, begun: &Begun) -> Error {
    let path = path.display();
    for (view, now) in &begun.views {
        let changes = earlier.views.get(view).map_or_else(Vec::new, |then| then.changes(now));
        if !changes.is_empty() {
            return wrong(format!(
                "{path} was begun with another identity of view {view}: {}; put back what changed, or remove {path} to begin anew",
                changes.join("; ")
            ));
        }
    }
    if earlier.log != begun.log {
        return wrong(format!(
            "{path} was begun with another event log, or before its clock was repaired; remove {path} to begin anew"
        ));
    }
    let input = begun.inputs.iter().find(|input| !earlier.inputs.contains(input));
    wrong(match input {
        None if begun.log != earlier.log => format!(
            "{path} was begun with another event log, or with events that it does not have any more: put the log back, or \
             remove {path} to begin anew"
        ),
        Some((file, ..)) => format!(
            "{path} was begun with another {}: its size or time has changed since; remove {path} to begin anew",
            file.display()
        ),
        None => format!(
            "{path} was begun with other features or options; give the same ones, or remove {path} to begin anew"
        ),
    })
}
