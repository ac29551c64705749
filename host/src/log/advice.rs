//! What SQLite's codes mean for whoever runs onepath, and what to do about them.

use std::io;

use rusqlite::ffi;

/// What to do about a disk that failed.
const LOOK_AT_DISK: &str = "look at what the system says of the disk (`dmesg`), and try again";

/// What to do about a file that may not be written.
const MAY_NOT: &str = "run as the user who owns the project's folder, or make it and its files writable for this one";

/// What it means that no more files can be opened.
pub(super) const TOO_MANY_FILES: (&str, &str) =
    ("this process has as many files open as it may", "allow more (`ulimit -n 1024`)");

/// Whether a failure of the system says that no more files can be opened.
pub(super) fn is_of_open_files(error: &io::Error) -> bool {
    // ENFILE and EMFILE, the same on all systems.
    matches!(error.raw_os_error(), Some(23 | 24))
}

/// What to do about a failure of the system, to follow what failed: nothing where the failure says it all.
pub(super) fn of_io(error: &io::Error) -> String {
    let (what, cure) = match error.kind() {
        _ if is_of_open_files(error) => TOO_MANY_FILES,
        io::ErrorKind::StorageFull => ("no space is left", "make room and try again"),
        io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            ("it would be over a quota or a limit of file size", "lift the limit (`quota`, `ulimit -f`), and try again")
        }
        io::ErrorKind::PermissionDenied => ("this user may not", MAY_NOT),
        io::ErrorKind::ReadOnlyFilesystem => ("its file system is read-only", "mount it for writing"),
        io::ErrorKind::Unsupported => ("its file system has no locks", "put the project's folder on a local disk"),
        _ => return String::new(),
    };
    format!(": {what}; {cure}")
}

/// Whether a failure says that there is no room. SQLite calls it by another name where it cannot enlarge the index of its
/// write-ahead log.
pub(super) fn is_full(code: i32) -> bool {
    matches!(code, ffi::SQLITE_FULL | ffi::SQLITE_IOERR_SHMSIZE)
}

/// Whether a failure to read may come from a folder that cannot be written: SQLite makes files of its own beside the one that it
/// reads.
pub(super) fn may_be_read_only(code: i32) -> bool {
    matches!(code & 0xff, ffi::SQLITE_CANTOPEN | ffi::SQLITE_READONLY | ffi::SQLITE_PERM | ffi::SQLITE_AUTH)
        || matches!(code, ffi::SQLITE_IOERR_SHMOPEN | ffi::SQLITE_IOERR_SHMSIZE | ffi::SQLITE_IOERR_SHMMAP)
}

/// Whether another program holds the file.
pub(super) fn is_busy(code: i32) -> bool {
    matches!(code & 0xff, ffi::SQLITE_BUSY | ffi::SQLITE_LOCKED | ffi::SQLITE_PROTOCOL)
}

/// What a failure of this extended code means, and what to do about it.
pub(super) fn of(code: i32) -> (&'static str, &'static str) {
    match code {
        ffi::SQLITE_IOERR_SHMSIZE => return ("no space is left", "make room and try again"),
        ffi::SQLITE_IOERR_WRITE => {
            return (
                "a write was refused: the disk is full, over a quota or over a limit of file size, or it fails",
                "make room, lift the limit (`df`, `quota`, `ulimit -f`), and try again",
            );
        }
        ffi::SQLITE_IOERR_FSYNC
        | ffi::SQLITE_IOERR_DIR_FSYNC
        | ffi::SQLITE_IOERR_TRUNCATE
        | ffi::SQLITE_IOERR_CLOSE => {
            return ("the disk did not confirm what was written, and nothing of it was acknowledged", LOOK_AT_DISK);
        }
        ffi::SQLITE_IOERR_READ
        | ffi::SQLITE_IOERR_SHORT_READ
        | ffi::SQLITE_IOERR_CORRUPTFS
        | ffi::SQLITE_IOERR_DATA => return ("the disk did not give what was written", LOOK_AT_DISK),
        ffi::SQLITE_IOERR_ACCESS => return ("it may not be looked at", MAY_NOT),
        ffi::SQLITE_IOERR_NOMEM => return of(ffi::SQLITE_NOMEM),
        ffi::SQLITE_IOERR_LOCK
        | ffi::SQLITE_IOERR_UNLOCK
        | ffi::SQLITE_IOERR_RDLOCK
        | ffi::SQLITE_IOERR_BLOCKED
        | ffi::SQLITE_IOERR_CHECKRESERVEDLOCK
        | ffi::SQLITE_IOERR_SHMOPEN
        | ffi::SQLITE_IOERR_SHMLOCK
        | ffi::SQLITE_IOERR_SHMMAP => {
            return (
                "the file system does not give SQLite the locks or the shared memory that it needs",
                "put the project's folder on a local disk, and make it writable for this user",
            );
        }
        ffi::SQLITE_READONLY_DBMOVED => {
            return ("it was moved away while it was open", "put it back, and start again");
        }
        _ => {}
    }
    match code & 0xff {
        ffi::SQLITE_FULL => ("no space is left", "make room and try again"),
        ffi::SQLITE_IOERR => ("the disk failed", LOOK_AT_DISK),
        ffi::SQLITE_READONLY => ("it, its folder or its file system is read-only", MAY_NOT),
        ffi::SQLITE_CANTOPEN => ("it or a file beside it cannot be opened", MAY_NOT),
        ffi::SQLITE_PERM | ffi::SQLITE_AUTH => ("this user may not", MAY_NOT),
        ffi::SQLITE_BUSY | ffi::SQLITE_LOCKED | ffi::SQLITE_PROTOCOL => {
            ("another program holds it", "end that program (an open `sqlite3`, a backup), and try again")
        }
        ffi::SQLITE_NOMEM => ("there is no memory for it", "give this process more memory, and try again"),
        ffi::SQLITE_TOOBIG => ("a record is larger than SQLite holds", "send less at a time"),
        ffi::SQLITE_CORRUPT | ffi::SQLITE_NOTADB => ("it is damaged or not a SQLite file", "restore it from a copy"),
        ffi::SQLITE_NOLFS => {
            ("the file system has no files of this size", "put the project's folder on another file system")
        }
        ffi::SQLITE_INTERRUPT => ("it was interrupted", "try again"),
        // What only a fault of onepath does.
        _ => ("SQLite refused it", "report this with the command that led to it"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every result code that SQLite documents for a failure of the machine, with words that say what to do.
    #[test]
    fn every_failure_of_a_machine_has_words_and_a_cure() {
        for (code, what, cure) in [
            (ffi::SQLITE_FULL, "no space", "make room"),
            (ffi::SQLITE_IOERR_SHMSIZE, "no space", "make room"),
            (ffi::SQLITE_IOERR_WRITE, "full", "ulimit -f"),
            (ffi::SQLITE_IOERR_FSYNC, "not confirm", "dmesg"),
            (ffi::SQLITE_IOERR_DIR_FSYNC, "not confirm", "dmesg"),
            (ffi::SQLITE_IOERR_TRUNCATE, "not confirm", "dmesg"),
            (ffi::SQLITE_IOERR_READ, "did not give", "dmesg"),
            (ffi::SQLITE_IOERR_SHORT_READ, "did not give", "dmesg"),
            (ffi::SQLITE_IOERR_DELETE, "the disk failed", "dmesg"),
            (ffi::SQLITE_IOERR_FSTAT, "the disk failed", "dmesg"),
            (ffi::SQLITE_IOERR_VNODE, "the disk failed", "dmesg"),
            (ffi::SQLITE_IOERR_ACCESS, "may not", "owns"),
            (ffi::SQLITE_IOERR_NOMEM, "memory", "more memory"),
            (ffi::SQLITE_IOERR_LOCK, "locks", "local disk"),
            (ffi::SQLITE_IOERR_SHMOPEN, "shared memory", "local disk"),
            (ffi::SQLITE_IOERR_SHMMAP, "shared memory", "local disk"),
            (ffi::SQLITE_IOERR_SHMLOCK, "locks", "local disk"),
            (ffi::SQLITE_READONLY, "read-only", "writable"),
            (ffi::SQLITE_READONLY_RECOVERY, "read-only", "writable"),
            (ffi::SQLITE_READONLY_CANTINIT, "read-only", "writable"),
            (ffi::SQLITE_READONLY_CANTLOCK, "read-only", "writable"),
            (ffi::SQLITE_READONLY_ROLLBACK, "read-only", "writable"),
            (ffi::SQLITE_READONLY_DIRECTORY, "read-only", "writable"),
            (ffi::SQLITE_READONLY_DBMOVED, "moved away", "put it back"),
            (ffi::SQLITE_CANTOPEN, "cannot be opened", "owns"),
            (ffi::SQLITE_CANTOPEN_ISDIR, "cannot be opened", "owns"),
            (ffi::SQLITE_CANTOPEN_FULLPATH, "cannot be opened", "owns"),
            (ffi::SQLITE_PERM, "may not", "owns"),
            (ffi::SQLITE_AUTH, "may not", "owns"),
            (ffi::SQLITE_BUSY, "another program", "end that program"),
            (ffi::SQLITE_BUSY_RECOVERY, "another program", "end that program"),
            (ffi::SQLITE_BUSY_SNAPSHOT, "another program", "end that program"),
            (ffi::SQLITE_LOCKED, "another program", "end that program"),
            (ffi::SQLITE_PROTOCOL, "another program", "end that program"),
            (ffi::SQLITE_NOMEM, "memory", "more memory"),
            (ffi::SQLITE_TOOBIG, "larger", "send less"),
            (ffi::SQLITE_CORRUPT, "damaged", "restore"),
            (ffi::SQLITE_NOTADB, "not a SQLite file", "restore"),
            (ffi::SQLITE_NOLFS, "size", "another file system"),
            (ffi::SQLITE_MISUSE, "refused", "report"),
        ] {
            let (told_what, told_cure) = of(code);
            assert!(told_what.contains(what) && told_cure.contains(cure), "{code}: {told_what}; {told_cure}");
        }
    }
}
