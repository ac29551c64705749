//! What can go wrong with a file of a store, in words that say what to do.

use std::io;
use std::path::PathBuf;

use super::advice;

/// A file of onepath that cannot be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The directory or the lock file beside it cannot be made.
    #[error("cannot make {path}{}", advice::of_io(source))]
    Make {
        /// What cannot be made.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another process writes it.
    #[error("another onepath process is writing {path}; one process writes a project's stores at a time")]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// The lock cannot be asked for.
    #[error("cannot lock {path}, so nothing is written{}", advice::of_io(source))]
    Lock {
        /// What would be locked.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It was removed, or moved away, while it was open.
    #[error(
        "the {kind} {path} is gone: it was removed or moved away while onepath had it open, so nothing more is written; end this \
         process, and put the file back, or {anew}"
    )]
    Gone {
        /// Where it was.
        path: PathBuf,
        /// What it is.
        kind: &'static str,
        /// What else to do.
        anew: &'static str,
    },
    /// Another file took its place, or its content was written over, while it was open.
    #[error(
        "the {kind} {path} was replaced while onepath had it open, so nothing more is written: end this process before you put \
         another file in its place, and start again"
    )]
    Replaced {
        /// The file.
        path: PathBuf,
        /// What it is.
        kind: &'static str,
    },
    /// It changed while it was copied to be read.
    #[error(
        "the {kind} {path} is being written, and its folder cannot be: read it as a user who may write there, or try again once \
         nobody writes it"
    )]
    Changing {
        /// The file.
        path: PathBuf,
        /// What it is.
        kind: &'static str,
    },
    /// It cannot be copied to be read.
    #[error(
        "the {kind} {path} has a write-ahead log, which a process that was killed leaves behind, and its folder cannot be written; it \
         cannot be copied to a temporary folder either: run as a user who may write there, or give TMPDIR a folder with room"
    )]
    Copy {
        /// The file.
        path: PathBuf,
        /// What it is.
        kind: &'static str,
        /// Why.
        source: io::Error,
    },
    /// It cannot be looked at.
    #[error("the {kind} {path} cannot be looked at{}", advice::of_io(source))]
    Unreachable {
        /// The file.
        path: PathBuf,
        /// What it is.
        kind: &'static str,
        /// Why.
        source: io::Error,
    },
    /// This process has as many files open as it may.
    #[error(
        "the {kind} {path} cannot be opened: {what}; {cure}", what = advice::TOO_MANY_FILES.0, cure = advice::TOO_MANY_FILES.1
    )]
    TooManyFiles {
        /// The file.
        path: PathBuf,
        /// What it is.
        kind: &'static str,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// It belongs to something else.
    #[error("{path} is not the {kind} of an onepath project: move it away or name another path")]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What it should be.
        kind: &'static str,
    },
    /// It was written by a later onepath.
    #[error("the {kind} {path} has format {found}, this onepath knows format {known}: use a newer onepath")]
    Newer {
        /// The file.
        path: PathBuf,
        /// What it is.
        kind: &'static str,
        /// Its format.
        found: i32,
        /// The newest format known here.
        known: i32,
    },
    /// It was written by an earlier onepath.
    #[error(
        "the {kind} {path} has format {found}, this onepath knows format {known}: use the onepath that wrote it, or move it away"
    )]
    Older {
        /// The file.
        path: PathBuf,
        /// What it is.
        kind: &'static str,
        /// Its format.
        found: i32,
        /// The format known here.
        known: i32,
    },
    /// It is not what was written.
    #[error("the {kind} {path} is damaged or not a SQLite file: {mend}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What it is.
        kind: &'static str,
        /// What to do.
        mend: &'static str,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// One of its records is not what was written.
    #[error("{record} of the {kind} {path} is not as it was written, {why}: {mend}")]
    Record {
        /// The file.
        path: PathBuf,
        /// What it is.
        kind: &'static str,
        /// Which record.
        record: String,
        /// How that shows.
        why: String,
        /// What to do.
        mend: &'static str,
    },
    /// There is no room.
    #[error("no space is left for the {kind} {path}; nothing of this was written: make room and try again")]
    Full {
        /// The file.
        path: PathBuf,
        /// What it is.
        kind: &'static str,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// Anything else.
    #[error("cannot read or write the {kind} {path}: {}", advised(source))]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// What it is.
        kind: &'static str,
        /// What SQLite says.
        source: rusqlite::Error,
    },
}

impl FileError {
    /// Whether a record of the file is not what was written.
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::Record { .. })
    }

    /// Whether the file was removed or replaced while it was open: its process can keep nothing any more, and must be started
    /// again.
    pub fn is_lost(&self) -> bool {
        matches!(self, Self::Gone { .. } | Self::Replaced { .. })
    }

    /// Whether it is the disk that fails, is full or is held by another process: trying again may help, once that has passed.
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Full { .. } | Self::Sqlite { .. } | Self::TooManyFiles { .. }) || self.is_busy()
    }

    /// Whether another process holds the file, so that trying again may help.
    pub fn is_busy(&self) -> bool {
        match self {
            Self::Locked { .. } | Self::Changing { .. } => true,
            Self::Sqlite { source, .. } => code(source).is_some_and(advice::is_busy),
            _ => false,
        }
    }
}

/// SQLite's extended code of a failure.
pub(super) fn code(error: &rusqlite::Error) -> Option<i32> {
    error.sqlite_error().map(|error| error.extended_code)
}

/// What a failure means and what to do about it.
fn advised(error: &rusqlite::Error) -> String {
    let (what, cure) =
        code(error).map_or(("SQLite's answer is not what it should be", "restore it from a copy"), advice::of);
    format!("{what}; {cure}")
}
