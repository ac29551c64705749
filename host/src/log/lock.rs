//! The locks by which one process at a time writes a project's stores.
//!
//! A store has two. One is on the project's folder itself, by its inode: removing what lies in it, `rm -rf .onepath` too, does
//! not free it, and it needs no file that could be removed. The other is on a file beside the store, so that two projects whose
//! stores are one (by a link) exclude each other as well. Both end with the process, however it ends; where a file system has no
//! locks, nothing is written.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::file::FileError;

/// How often a lock is asked for before another process is said to have it. A process that is being started by
/// this one holds copies of its open files, and so of a lock that was just given back, until its program runs.
const LOCK_ATTEMPTS: usize = 20;
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// The lock of a project's folder, which whoever writes its stores holds.
#[derive(Debug)]
pub(crate) struct FolderLock {
    _file: File,
}

impl FolderLock {
    /// Takes the lock of `folder` for writing `stores`, which a refusal names.
    pub(crate) fn take(folder: &Path, stores: &Path) -> Result<Self, FileError> {
        let failed = |source| FileError::Lock { path: folder.to_owned(), source };
        let file = File::open(folder).map_err(failed)?;
        take(&file, stores, failed)?;
        Ok(Self { _file: file })
    }
}

/// Takes the lock on the file beside `path`; where that is a link, beside what it leads to. The lock file stays when the lock is
/// given back, for removing it would let two processes each lock a file of that name.
pub(crate) fn beside(path: &Path) -> Result<File, FileError> {
    let mut beside = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()).into_os_string();
    beside.push(".lock");
    let beside = PathBuf::from(beside);
    let open = |source| FileError::Make { path: beside.clone(), source };
    let file = File::options().create(true).truncate(false).write(true).open(&beside).map_err(open)?;
    take(&file, path, |source| FileError::Lock { path: beside.clone(), source })?;
    Ok(file)
}

fn take(file: &File, told: &Path, failed: impl Fn(io::Error) -> FileError) -> Result<(), FileError> {
    for attempt in 1.. {
        match file.try_lock() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) if attempt < LOCK_ATTEMPTS => std::thread::sleep(LOCK_PAUSE),
            Err(TryLockError::WouldBlock) => return Err(FileError::Locked { path: told.to_owned() }),
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_in_a_folder_does_not_decide_its_lock() {
        let folder = tempfile::tempdir().expect("a folder");
        let stores = folder.path().join(".onepath");
        std::fs::create_dir(&stores).expect("a folder");
        let held = FolderLock::take(folder.path(), &stores).expect("is free");
        std::fs::remove_dir_all(&stores).expect("removes");
        let refused = FolderLock::take(folder.path(), &stores).expect_err("is held");
        assert!(matches!(refused, FileError::Locked { .. }), "{refused}");
        drop(held);
        FolderLock::take(folder.path(), &stores).expect("was given back");
    }

    #[test]
    fn stores_that_are_one_by_a_link_have_one_lock() {
        let folder = tempfile::tempdir().expect("a folder");
        let (one, other) = (folder.path().join("one"), folder.path().join("other"));
        std::fs::write(&one, "").expect("writes");
        std::os::unix::fs::symlink(&one, &other).expect("a link");
        let held = beside(&one).expect("is free");
        let refused = beside(&other).expect_err("is held");
        assert!(matches!(refused, FileError::Locked { .. }), "{refused}");
        drop(held);
        beside(&other).expect("was given back");
    }
}
