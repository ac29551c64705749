//! One SQLite file of onepath: made, opened, checked, locked. Shared by every store that is one.

use std::cmp::Ordering;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

pub use super::file_error::FileError;
use super::file_error::code;
use super::place::{Open, Place, is_absence};
use super::read_only::StoreCopy;
use super::{advice, lock, page_cache, read_only};

/// How long a statement waits for another process that holds SQLite's own short locks.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Pages of the write-ahead log that are enough to bring them into the file, 16 MiB: a longer wait makes fewer stops.
const CHECKPOINT_PAGES: i64 = 4_096;

/// Memory for the pages of a file that is written, in KiB (SQLite counts KiB below zero).
const WRITER_CACHE_KIB: i64 = -4_096;

/// What sort of file it is.
#[derive(Debug)]
pub(crate) struct FileKind {
    /// Its name for people, such as `event log`.
    pub name: &'static str,
    /// SQLite's `application_id`, by which a file says whose it is.
    pub application_id: i32,
    /// The version of the tables, SQLite's `user_version`.
    pub version: i32,
    /// The statements that make the tables.
    pub tables: &'static str,
    /// SQLite's `synchronous`: `FULL` where a commit is on disk when it returns, `NORMAL` where it may be lost.
    pub synchronous: &'static str,
    /// What to do about a damaged file.
    pub mend: &'static str,
    /// What to do about one that was taken away, other than to put it back.
    pub anew: &'static str,
}

/// A file by name, for messages.
#[derive(Debug)]
pub(crate) struct FileName {
    pub path: PathBuf,
    pub kind: &'static FileKind,
}

/// An open file.
#[derive(Debug)]
pub(crate) struct SqliteFile {
    /// In a writer: goes before the connection does.
    pub(super) _open: Option<Open>,
    pub connection: Connection,
    pub name: FileName,
    /// Whether the file is still the one that its name means: in a writer, and in a reader that notices it.
    pub place: Option<Arc<Place>>,
    /// Held for as long as this process may write; `None` in a reader.
    pub(super) lock: Option<File>,
    /// What is read instead of the file, where it lies in a folder that cannot be written.
    pub(super) _copy: Option<Arc<StoreCopy>>,
}

/// What every connection does.
pub(super) fn set_up(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    // A plan of a statement is kept whatever values it is given. Else each use of a statement that is kept would plan it again: that
    // took more than half of reading a state.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map(drop)
}

/// Whether no file can be opened any more.
fn is_out_of_files() -> bool {
    File::open("/dev/null").is_err_and(|error| advice::is_of_open_files(&error))
}

impl FileName {
    /// A result of SQLite with the file named in its error.
    pub fn sql<T>(&self, result: rusqlite::Result<T>) -> Result<T, FileError> {
        result.map_err(|source| {
            let (path, kind) = (self.path.clone(), self.kind.name);
            match source.sqlite_error_code() {
                Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                    FileError::Damaged { path, kind, mend: self.kind.mend, source }
                }
                _ if code(&source).is_some_and(advice::is_full) => FileError::Full { path, kind, source },
                Some(ErrorCode::CannotOpen) if is_out_of_files() => FileError::TooManyFiles { path, kind, source },
                _ => FileError::Sqlite { path, kind, source },
            }
        })
    }

    /// The error of a file, or of its folder, that the system does not show.
    pub(super) fn unreachable(&self, source: io::Error) -> FileError {
        FileError::Unreachable { path: self.path.clone(), kind: self.kind.name, source }
    }

    /// Refuses a record whose checksum is another one than is stored with it.
    pub fn check(&self, stored: i64, computed: i64, record: impl FnOnce() -> String) -> Result<(), FileError> {
        if stored == computed { Ok(()) } else { Err(self.damaged(record(), "its checksum differs")) }
    }

    /// The error of a record that is not what was written.
    pub fn damaged(&self, record: String, why: impl Into<String>) -> FileError {
        let (path, kind, mend) = (self.path.clone(), self.kind.name, self.kind.mend);
        FileError::Record { path, kind, record, why: why.into(), mend }
    }

    /// Checks whose file it is, and that it has this format; `false` where nothing was written to it yet.
    pub(super) fn is_made(&self, connection: &Connection) -> Result<bool, FileError> {
        let pragma = |name| self.sql(connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0)));
        let (path, kind) = (self.path.clone(), self.kind.name);
        let (application_id, version) = (pragma("application_id")?, pragma("user_version")?);
        let tables: i64 = self.sql(connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)))?;
        if application_id == 0 && version == 0 && tables == 0 {
            return Ok(false);
        }
        if application_id != self.kind.application_id || version < 1 {
            return Err(FileError::Foreign { path, kind });
        }
        let (found, known) = (version, self.kind.version);
        match found.cmp(&known) {
            Ordering::Less => Err(FileError::Older { path, kind, found, known }),
            Ordering::Equal => Ok(true),
            Ordering::Greater => Err(FileError::Newer { path, kind, found, known }),
        }
    }

    /// Whether there is such a file. Where that cannot be known it is an error: a store that is not let to be seen is not none.
    fn is_there(&self) -> Result<bool, FileError> {
        match std::fs::metadata(&self.path) {
            Ok(_) => Ok(true),
            Err(error) if !is_absence(&error) => Err(self.unreachable(error)),
            // A link that leads nowhere is a store that was taken away.
            Err(source) if std::fs::symlink_metadata(&self.path).is_ok() => Err(self.unreachable(source)),
            Err(_) => Ok(false),
        }
    }

    /// Makes the tables of a new file, all or nothing.
    fn make(&self, connection: &mut Connection) -> Result<(), FileError> {
        let transaction = self.sql(connection.transaction())?;
        self.sql(transaction.execute_batch(self.kind.tables))?;
        self.sql(transaction.pragma_update(None, "application_id", self.kind.application_id))?;
        self.sql(transaction.pragma_update(None, "user_version", self.kind.version))?;
        self.sql(transaction.commit())
    }
}

impl SqliteFile {
    /// Opens the file for writing, and holds its lock; makes it, and the directories above it, where there is none.
    pub fn open(path: &Path, kind: &'static FileKind) -> Result<Self, FileError> {
        let name = FileName { path: path.to_owned(), kind };
        if let Some(directory) = path.parent() {
            std::fs::create_dir_all(directory)
                .map_err(|source| FileError::Make { path: directory.to_owned(), source })?;
        }
        name.is_there()?;
        let lock = lock::beside(path)?;
        page_cache::prepare();
        let mut connection = name.sql(Connection::open(path))?;
        name.sql(set_up(&connection))?;
        // A file of something else is left as it is: it is checked before anything in it is set.
        let is_made = name.is_made(&connection)?;
        name.sql(connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())))?;
        name.sql(connection.pragma_update(None, "synchronous", kind.synchronous))?;
        name.sql(connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES))?;
        name.sql(connection.pragma_update(None, "cache_size", WRITER_CACHE_KIB))?;
        if !is_made {
            name.make(&mut connection)?;
        }
        let place = Arc::new(Place::of(path, kind)?);
        let (open, place) = (Some(Open(Arc::clone(&place))), Some(place));
        Ok(Self { _open: open, connection, name, place, lock: Some(lock), _copy: None })
    }

    /// Opens the file for reading; `None` where there is none yet.
    pub fn open_read_only(path: &Path, kind: &'static FileKind) -> Result<Option<Self>, FileError> {
        let name = FileName { path: path.to_owned(), kind };
        if !name.is_there()? {
            return Ok(None);
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        page_cache::prepare();
        let connection = name.sql(Connection::open_with_flags(path, flags))?;
        name.sql(set_up(&connection))?;
        match name.is_made(&connection) {
            Ok(is_made) => {
                Ok(is_made.then_some(Self { _open: None, connection, name, place: None, lock: None, _copy: None }))
            }
            Err(FileError::Sqlite { source, .. } | FileError::Full { source, .. })
                if code(&source).is_some_and(advice::may_be_read_only) =>
            {
                drop(connection);
                read_only::open(path, kind)
            }
            Err(error) => Err(error),
        }
    }

    /// Opens the file for reading beside its writer, which is in this process and has it at `place`.
    pub fn open_beside(path: &Path, kind: &'static FileKind, place: &Arc<Place>) -> Result<Option<Self>, FileError> {
        place.check()?;
        let file = Self::open_read_only(path, kind)?;
        // What was opened is what was there before and is there now.
        place.check()?;
        Ok(file.map(|file| Self { place: Some(Arc::clone(place)), ..file }))
    }

    /// Refuses what was read from a file that is not the one it should be any more.
    pub fn check_place(&self) -> Result<(), FileError> {
        self.place.as_ref().map_or(Ok(()), |place| place.check())
    }

    /// Runs `read`, which reads from this file, without waiting for a disk or another process; `None` where that cannot be.
    pub fn in_memory<T, E>(&self, read: impl FnOnce() -> Result<T, E>) -> Result<Option<T>, E>
    where
        E: From<FileError>,
    {
        self.name.sql(self.connection.busy_timeout(Duration::ZERO))?;
        let read = page_cache::in_memory(read);
        self.name.sql(self.connection.busy_timeout(BUSY_TIMEOUT))?;
        read.transpose()
    }

    /// Whether this process may write the file.
    pub fn is_writable(&self) -> bool {
        self.lock.is_some()
    }
}

/// A position as SQLite keeps it. What is beyond its range is beyond any log.
pub(crate) fn to_sql(position: u64) -> i64 {
    i64::try_from(position).unwrap_or(i64::MAX)
}

/// A position as SQLite kept it; none is negative.
pub(crate) fn from_sql(position: i64) -> u64 {
    u64::try_from(position).unwrap_or(0)
}

/// Whether `docs/FORMAT.md` says of a file what the code says.
#[cfg(test)]
pub(crate) fn assert_documented(kind: &FileKind, file: &str) {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/FORMAT.md");
    let page = std::fs::read_to_string(page).expect("the page is there");
    let name: String = kind.application_id.to_be_bytes().map(char::from).iter().collect();
    let row = format!("| `{:#x}` (`{name}`) | {} |", kind.application_id, kind.version);
    let line = page.lines().find(|line| line.starts_with(&format!("| `{file}` |"))).expect("the file has a line");
    assert!(line.contains(&format!(" the {}: ", kind.name)) && line.ends_with(&row), "{line} should end in {row}");
    let section = page.split(&format!("## `{file}`\n")).nth(1).expect("the file has a section");
    let tables = section.split("```sql\n").nth(1).and_then(|rest| rest.split("```").next()).expect("it has tables");
    assert_eq!(tables.trim(), kind.tables.trim());
}

#[cfg(test)]
mod tests {
    use super::*;

    static KIND: FileKind = FileKind {
        name: "test file",
        application_id: 7,
        version: 2,
        tables: "CREATE TABLE t (x INTEGER, y INTEGER) STRICT;",
        synchronous: "FULL",
        mend: "restore it",
        anew: "do without it",
    };

    /// The error of opening the file in which `statements` were run.
    fn open_after(statements: &str) -> (String, String) {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("file");
        let other = Connection::open(&path).expect("opens");
        other.execute_batch(statements).expect("runs");
        drop(other);
        let before = std::fs::read(&path).expect("reads");
        let text = |result: Result<(), FileError>| match result {
            Ok(()) => "ok".to_owned(),
            Err(error) => error.to_string().replace(&path.display().to_string(), "PATH"),
        };
        let write = text(SqliteFile::open(&path, &KIND).map(|_| ()));
        if write != "ok" {
            assert_eq!(std::fs::read(&path).expect("reads"), before, "a refused file is not touched");
        }
        (write, text(SqliteFile::open_read_only(&path, &KIND).map(|_| ())))
    }

    #[test]
    fn files_of_others_and_of_other_versions_are_refused() {
        let foreign = "PATH is not the test file of an onepath project: move it away or name another path";
        let newer = "the test file PATH has format 3, this onepath knows format 2: use a newer onepath";
        let older = "the test file PATH has format 1, this onepath knows format 2: use the onepath that wrote it, or move it away";
        for (statements, expected) in [
            ("", "ok"),
            ("CREATE TABLE theirs (x)", foreign),
            ("PRAGMA application_id = 8; PRAGMA user_version = 2; CREATE TABLE theirs (x)", foreign),
            ("PRAGMA application_id = 7; CREATE TABLE theirs (x)", foreign),
            ("PRAGMA application_id = 7; PRAGMA user_version = 3; CREATE TABLE t (x)", newer),
            ("PRAGMA application_id = 7; PRAGMA user_version = 1; CREATE TABLE t (x)", older),
            ("PRAGMA application_id = 7; PRAGMA user_version = 2; CREATE TABLE t (x)", "ok"),
        ] {
            assert_eq!(open_after(statements), (expected.to_owned(), expected.to_owned()), "{statements}");
        }
    }

    #[test]
    fn damaged_files_are_named() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("file");
        std::fs::write(&path, b"customer_id,amount\n".repeat(100)).expect("writes");
        let expected = format!("the test file {} is damaged or not a SQLite file: restore it", path.display());
        let write = SqliteFile::open(&path, &KIND).expect_err("not a SQLite file");
        let read = SqliteFile::open_read_only(&path, &KIND).expect_err("not a SQLite file");
        assert_eq!((write.to_string(), read.to_string()), (expected.clone(), expected));
    }

    #[test]
    fn one_writer_and_any_reader() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("deep/er/file");
        assert!(SqliteFile::open_read_only(&path, &KIND).expect("no file is no error").is_none());
        let first = SqliteFile::open(&path, &KIND).expect("made");
        let error = SqliteFile::open(&path, &KIND).expect_err("the first writes");
        let expected = "; one process writes a project's stores at a time";
        assert_eq!(error.to_string(), format!("another onepath process is writing {}{expected}", path.display()));
        assert!(SqliteFile::open_read_only(&path, &KIND).expect("readers are free").is_some());
        drop(first);
        assert!(SqliteFile::open(&path, &KIND).expect("the lock was given back").is_writable());
    }
}
