//! Where a run keeps what it cannot hold in memory, and what becomes of it afterwards.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::journal::{Begun, Journal};
use super::wrong;
use crate::Error;
use crate::files::{LOCK_NAME, SPILL_PREFIX, SPILL_SUFFIX};

/// A folder of one run.
pub(super) struct Workspace {
    path: PathBuf,
    /// Removed when the run ends, however it ends.
    temporary: Option<TempDir>,
    /// Held by the run, so that another one does not take the folder for that of a process that died.
    _lock: File,
}

impl Workspace {
    /// A private folder in `parent` that is gone when the run ends.
    pub(super) fn temporary(parent: &Path) -> Result<Self, Error> {
        let fail = |source| Error::Write { path: parent.to_owned(), source };
        let dir =
            tempfile::Builder::new().prefix(SPILL_PREFIX).suffix(SPILL_SUFFIX).tempdir_in(parent).map_err(fail)?;
        let lock = lock(dir.path())?;
        Ok(Self { path: dir.path().to_owned(), temporary: Some(dir), _lock: lock })
    }

    /// The folder `OUT.partial`, which stays until a run comes to its end; and the journal in it. `begun` is told what an
    /// earlier run began with.
    pub(super) fn resumed(
        out: &Path,
        begun: impl FnOnce(Option<&Begun>) -> Begun,
    ) -> Result<(Self, Journal, Begun), Error> {
        let mut name = out.as_os_str().to_owned();
        name.push(".partial");
        let path = PathBuf::from(name);
        std::fs::create_dir_all(&path).map_err(|source| Error::Write { path: path.clone(), source })?;
        let lock = lock(&path)?;
        let earlier = Journal::begun(&path);
        let begun = begun(earlier.as_ref());
        if let Some(earlier) = earlier.filter(|earlier| *earlier != begun) {
            return Err(changed(&path, &earlier, &begun));
        }
        let journal = Journal::open(&path, &begun)?;
        Ok((Self { path, temporary: None, _lock: lock }, journal, begun))
    }

    pub(super) fn path(&self) -> &Path {
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
        Some((file, ..)) => format!(
            "{path} was begun with another {}: its size or time has changed since; remove {path} to begin anew",
            file.display()
        ),
        None => format!(
            "{path} was begun with other features or options; give the same ones, or remove {path} to begin anew"
        ),
    })
}
