//! A project forgets: its stores are removed, so that it begins anew.
//!
//! They go in an order in which a process that dies between two of them leaves a project that can be used, or reset again: what can
//! be made again goes first, the log goes last, and of a file with a write-ahead log the file itself goes first, for
//! without its tail it would be an older store.

use std::fs::File;
use std::path::{Path, PathBuf};

use crate::Error;
use crate::log::lock::{self, FolderLock};
use crate::log::place::is_absence;
use crate::log::{LogError, SqliteLog};
use crate::project::Project;

/// What a reset leaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kept {
    /// Nothing that was pushed, materialized or served.
    #[default]
    Nothing,
    /// What was pushed: states are made again from it.
    Log,
    /// What was pushed, and what was served, which it proves.
    LogAndServed,
}

/// What a reset removes, or has removed.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct ResetFile {
    /// The file or folder.
    pub path: PathBuf,
    /// What it holds.
    pub what: String,
    /// Its bytes, and those of the files that belong to it.
    pub bytes: u64,
}

/// A reset that was planned. The project's stores are locked until it is dropped: nobody else writes them.
pub struct Reset {
    project: Project,
    kept: Kept,
    /// What is there to be removed, in the order in which it goes.
    pub files: Vec<ResetFile>,
    _folder: FolderLock,
    /// Those of the files, which another project may have by a link.
    locks: Vec<File>,
}

/// The endings of the files that SQLite makes beside a store; the lock stays, for removing it would let two processes each
/// lock a file of that name.
const BESIDE: [&str; 2] = ["-wal", "-shm"];

impl Reset {
    /// Plans to remove the stores of the project in `dir`, which no other process may be writing.
    pub fn plan(dir: &Path, kept: Kept) -> Result<Self, Error> {
        let project = Project::load(dir)?;
        let folder = FolderLock::take(&project.root, &project.data_dir()).map_err(LogError::from)?;
        let mut reset = Self { project, kept, files: Vec::new(), _folder: folder, locks: Vec::new() };
        for (name, what) in reset.stores() {
            let path = reset.project.data_dir().join(name);
            if let Some(bytes) = bytes_of(&path)? {
                if path.is_file() {
                    reset.locks.push(lock::beside(&path).map_err(LogError::from)?);
                }
                let what = if name == LOG { what_is_pushed(&path) } else { what.to_owned() };
                reset.files.push(ResetFile { path, what, bytes });
            }
        }
        Ok(reset)
    }

    /// The stores that go, each with what it holds.
    fn stores(&self) -> Vec<(&'static str, &'static str)> {
        let mut stores = vec![("online.sqlite", "the states of entities")];
        if self.kept != Kept::LogAndServed {
            stores.push(("served.sqlite", "what was served, which `onepath verify` proves"));
        }
        if self.kept == Kept::Nothing {
            // With the log, the ids are those of the history that it records.
            stores.push(("ids", "the event ids of the materialized history"));
            stores.push((LOG, ""));
        }
        stores
    }

    /// Removes what was planned.
    pub fn run(&self) -> Result<(), Error> {
        for ResetFile { path, .. } in &self.files {
            match path.is_dir() {
                true => removed(path, std::fs::remove_dir_all(path))?,
                false => {
                    // What a link leads to first, and what SQLite has beside that.
                    let file = std::fs::canonicalize(path).unwrap_or_else(|_| path.clone());
                    removed(&file, std::fs::remove_file(&file))?;
                    for beside in BESIDE.map(|ending| with_ending(&file, ending)) {
                        removed(&beside, std::fs::remove_file(&beside))?;
                    }
                    removed(path, std::fs::remove_file(path))?;
                }
            }
        }
        Ok(())
    }
}

const LOG: &str = "log.sqlite";

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(ending);
    PathBuf::from(path)
}

/// The bytes of a file and of its write-ahead log, or of what a folder holds; `None` where there is nothing.
fn bytes_of(path: &Path) -> Result<Option<u64>, Error> {
    let unreadable = |source| Error::Unreadable { path: path.to_owned(), source };
    let found = match std::fs::symlink_metadata(path) {
        Err(error) if is_absence(&error) => {
            // A process that died may have left what belongs to a file and not the file.
            let left = BESIDE.iter().any(|ending| std::fs::symlink_metadata(with_ending(path, ending)).is_ok());
            return Ok(left.then_some(0));
        }
        found => found.map_err(unreadable)?,
    };
    if !found.is_dir() {
        let bytes = |path: &Path| std::fs::metadata(path).map_or(0, |found| found.len());
        return Ok(Some(bytes(path) + bytes(&with_ending(path, "-wal"))));
    }
    let mut bytes = 0;
    for entry in std::fs::read_dir(path).map_err(unreadable)? {
        bytes += entry.and_then(|entry| entry.metadata()).map_err(unreadable)?.len();
    }
    Ok(Some(bytes))
}

/// What the log holds, in words; of one that cannot be read it is not said how much.
fn what_is_pushed(path: &Path) -> String {
    let log = SqliteLog::open_read_only(path).ok().flatten();
    let last = log.and_then(|log| crate::log::Log::reader(&log).ok()).and_then(|log| log.last_offset().ok());
    match last {
        Some(0) => "the event log, without events".to_owned(),
        Some(1) => "the event log: 1 event that was pushed, and is nowhere else".to_owned(),
        Some(events) => format!("the event log: {events} events that were pushed, and are nowhere else"),
        None => "the event log: what was pushed, and is nowhere else".to_owned(),
    }
}

/// The result of removing `path`; what is not there was removed before.
fn removed(path: &Path, result: std::io::Result<()>) -> Result<(), Error> {
    match result {
        Err(error) if !is_absence(&error) => Err(Error::Write { path: path.to_owned(), source: error }),
        _ => Ok(()),
    }
}
