//! Reading a store in a folder that cannot be written, on a read-only mount or as another user.
//!
//! SQLite wants to make files beside the one that it reads. Where it cannot, and there is no write-ahead log, the file is all there
//! is, and it is read as it lies. With a write-ahead log, which a process that was killed leaves behind, both are copied to
//! a folder of our own and read there: the file alone would be an older state of the store.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use rusqlite::{Connection, OpenFlags};

use super::file::{FileError, FileKind, FileName, SqliteFile, set_up};
use super::place::{Place, is_absence, with_ending};

/// How often a file is copied that changes meanwhile.
const COPIES_MAX: usize = 3;

/// A copy of a store and of its write-ahead log.
#[derive(Debug)]
pub(crate) struct StoreCopy {
    /// What it is a copy of, as it was then.
    of: (PathBuf, [Version; 2]),
    folder: tempfile::TempDir,
}

/// What tells a file from what it is later: device, inode, length, the newest change.
type Version = (u64, u64, u64, i64, i64);

/// The copies that are being read, so that each store is copied once.
static COPIES: Mutex<Vec<Weak<StoreCopy>>> = Mutex::new(Vec::new());

/// Opens the store at `path`, whose folder cannot be written.
pub(super) fn open(path: &Path, kind: &'static FileKind) -> Result<Option<SqliteFile>, FileError> {
    let name = FileName { path: path.to_owned(), kind };
    let real = std::fs::canonicalize(path).map_err(|source| name.unreachable(source))?;
    let wal = with_ending(&real, "-wal");
    match std::fs::metadata(&wal) {
        Ok(found) if found.len() > 0 => {
            let copy = copied(&name, &real, &wal)?;
            let connection = name.sql(Connection::open_with_flags(copy.main(), READ_ONLY))?;
            of_connection(connection, name, None, Some(copy))
        }
        Err(error) if !is_absence(&error) => Err(name.unreachable(error)),
        _ => {
            let flags = READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
            let place = Place::of(path, kind)?;
            let connection = name.sql(Connection::open_with_flags(as_it_lies(&real), flags))?;
            of_connection(connection, name, Some(Arc::new(place)), None)
        }
    }
}

const READ_ONLY: OpenFlags = OpenFlags::SQLITE_OPEN_READ_ONLY.union(OpenFlags::SQLITE_OPEN_NO_MUTEX);

fn of_connection(
    connection: Connection,
    name: FileName,
    place: Option<Arc<Place>>,
    copy: Option<Arc<StoreCopy>>,
) -> Result<Option<SqliteFile>, FileError> {
    name.sql(set_up(&connection))?;
    let is_made = name.is_made(&connection)?;
    Ok(is_made.then_some(SqliteFile { _open: None, connection, name, place, lock: None, _copy: copy }))
}

/// The address by which SQLite reads a file that nobody changes.
fn as_it_lies(path: &Path) -> String {
    use std::os::unix::ffi::OsStrExt;
    let mut address = "file://".to_owned();
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' => address.push(char::from(*byte)),
            byte if byte.is_ascii_alphanumeric() => address.push(char::from(*byte)),
            byte => address.push_str(&format!("%{byte:02X}")),
        }
    }
    address + "?immutable=1"
}

impl StoreCopy {
    fn main(&self) -> PathBuf {
        self.folder.path().join("store")
    }
}

fn version(name: &FileName, path: &Path) -> Result<Version, FileError> {
    use std::os::unix::fs::MetadataExt;
    let found = std::fs::metadata(path).map_err(|source| name.unreachable(source))?;
    Ok((found.dev(), found.ino(), found.len(), found.mtime(), found.mtime_nsec()))
}

/// A copy of the store as it is now.
fn copied(name: &FileName, main: &Path, wal: &Path) -> Result<Arc<StoreCopy>, FileError> {
    let mut copies = COPIES.lock().unwrap_or_else(PoisonError::into_inner);
    for _ in 0..COPIES_MAX {
        let of = (main.to_owned(), [version(name, main)?, version(name, wal)?]);
        copies.retain(|copy| copy.strong_count() > 0);
        if let Some(known) = copies.iter().filter_map(Weak::upgrade).find(|copy| copy.of == of) {
            return Ok(known);
        }
        let failed = |source| FileError::Copy { path: name.path.clone(), kind: name.kind.name, source };
        let folder = tempfile::Builder::new().prefix("onepath-").tempdir().map_err(failed)?;
        let copy = StoreCopy { of, folder };
        copy_into(main, &copy.main()).map_err(failed)?;
        copy_into(wal, &with_ending(&copy.main(), "-wal")).map_err(failed)?;
        if [version(name, main)?, version(name, wal)?] == copy.of.1 {
            let copy = Arc::new(copy);
            copies.push(Arc::downgrade(&copy));
            return Ok(copy);
        }
    }
    Err(FileError::Changing { path: name.path.clone(), kind: name.kind.name })
}

/// Copies the bytes of a file, and not that it may not be written.
fn copy_into(from: &Path, to: &Path) -> std::io::Result<()> {
    let (mut from, mut to) = (std::fs::File::open(from)?, std::fs::File::create(to)?);
    std::io::copy(&mut from, &mut to).map(|_| ())
}
