//! Whether the files of an open store are still those that their names mean.
//!
//! A file that was removed or replaced stays what it was for whoever has it open: what is written there is lost with the process.
//! So a writer looks before and after each commit, and whoever reads beside it looks after reading. Nobody else writes these
//! files, so a change of the main one that the writer did not make is noticed too, such as a copy that was put over it.
//!
//! Nothing is opened here: closing any handle of a file would give back the locks that SQLite holds on it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::file::{FileError, FileKind, FileName};

/// What no two files share: device and inode.
type FileId = (u64, u64);

/// What a writer, and nobody else, changes: the length, and the moment of the newest change with its nanoseconds.
type Content = (u64, i64, i64);

/// What there is under a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Found {
    id: FileId,
    content: Content,
}

/// The files of an open store, as they were found.
#[derive(Debug)]
pub(crate) struct Place {
    name: FileName,
    /// The file by its whole name, whatever folder this process works in.
    main: PathBuf,
    /// The write-ahead log and its index, which lie beside what a link leads to.
    beside: [PathBuf; 2],
    seen: Mutex<Seen>,
    /// Whether the writer has closed its connection, or is about to: SQLite then tidies the files up by itself.
    is_closed: AtomicBool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    main: FileId,
    beside: [Option<FileId>; 2],
    /// `None` while a commit is under way.
    content: Option<Content>,
}

/// A commit that is under way.
#[derive(Debug)]
pub(crate) struct Commit {
    place: Arc<Place>,
}

impl Place {
    /// The files of the store at `path`, which SQLite has just opened.
    pub(super) fn of(path: &Path, kind: &'static FileKind) -> Result<Self, FileError> {
        let name = FileName { path: path.to_owned(), kind };
        let gone = || FileError::Gone { path: path.to_owned(), kind: kind.name, anew: kind.anew };
        let main = std::path::absolute(path).map_err(|source| name.unreachable(source))?;
        let Some(found) = look(&main).map_err(|source| name.unreachable(source))? else { return Err(gone()) };
        let real = std::fs::canonicalize(&main).map_err(|source| name.unreachable(source))?;
        let beside = ["-wal", "-shm"].map(|ending| with_ending(&real, ending));
        let seen = Seen { main: found.id, beside: [None; 2], content: Some(found.content) };
        let place = Self { name, main, beside, seen: Mutex::new(seen), is_closed: AtomicBool::new(false) };
        place.note()?;
        Ok(place)
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Refuses to go on where the files are not those that were opened any more.
    pub(crate) fn check(&self) -> Result<(), FileError> {
        let checked = self.look();
        // Looked at last, so that a connection that was closed meanwhile is none that was taken away.
        if self.is_closed.load(Ordering::SeqCst) { Ok(()) } else { checked }
    }

    fn look(&self) -> Result<(), FileError> {
        let before = *self.seen();
        let found = self.found(&self.main, Some(before.main))?;
        for (path, known) in self.beside.iter().zip(before.beside).filter(|(_, known)| known.is_some()) {
            self.found(path, known)?;
        }
        // What is being committed changes under the eyes of a reader, and what was committed since is not what was seen.
        let is_other = found.is_some_and(|found| before.content.is_some_and(|content| content != found.content));
        if is_other && *self.seen() == before { Err(self.replaced(&self.main)) } else { Ok(()) }
    }

    /// What there is at `path`, which must be the file of `known`.
    fn found(&self, path: &Path, known: Option<FileId>) -> Result<Option<Found>, FileError> {
        match look(path).map_err(|source| self.name.unreachable(source))? {
            Some(found) if known.is_none_or(|known| known == found.id) => Ok(Some(found)),
            Some(_) => Err(self.replaced(path)),
            None if known.is_some() => {
                let FileKind { name: kind, anew, .. } = *self.name.kind;
                Err(FileError::Gone { path: self.told(path), kind, anew })
            }
            None => Ok(None),
        }
    }

    fn replaced(&self, path: &Path) -> FileError {
        FileError::Replaced { path: self.told(path), kind: self.name.kind.name }
    }

    /// A path as the store was named.
    fn told(&self, path: &Path) -> PathBuf {
        match self.beside.iter().position(|beside| beside == path) {
            Some(at) => with_ending(&self.name.path, ["-wal", "-shm"][at]),
            None => self.name.path.clone(),
        }
    }

    /// Begins a commit, if the files are those that were opened.
    pub(crate) fn begin_commit(self: &Arc<Self>) -> Result<Commit, FileError> {
        self.check()?;
        self.seen().content = None;
        Ok(Commit { place: Arc::clone(self) })
    }

    /// Remembers the files beside, where they were not there before, and the content of the main one.
    fn note(&self) -> Result<(), FileError> {
        let known = *self.seen();
        let main = self.found(&self.main, Some(known.main))?;
        let mut beside = known.beside;
        for (path, known) in self.beside.iter().zip(&mut beside) {
            *known = self.found(path, *known)?.map(|found| found.id);
        }
        *self.seen() = Seen { main: known.main, beside, content: main.map(|found| found.content) };
        Ok(())
    }
}

/// The connection of a writer. It is dropped before the connection is closed.
#[derive(Debug)]
pub(super) struct Open(pub(super) Arc<Place>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.is_closed.store(true, Ordering::SeqCst);
    }
}

impl Commit {
    /// What was committed is in the files that are named, and may be acknowledged.
    pub(crate) fn finish(self) -> Result<(), FileError> {
        self.place.note()
    }
}

impl Drop for Commit {
    fn drop(&mut self) {
        let place = &*self.place;
        let is_open = place.seen().content.is_none();
        if is_open && let Ok(Some(found)) = look(&place.main) {
            place.seen().content = Some(found.content);
        }
    }
}

/// What lies at `path`, if anything.
fn look(path: &Path) -> io::Result<Option<Found>> {
    use std::os::unix::fs::MetadataExt;
    match std::fs::metadata(path) {
        Ok(found) => Ok(Some(Found {
            id: (found.dev(), found.ino()),
            content: (found.len(), found.mtime(), found.mtime_nsec()),
        })),
        Err(error) if is_absence(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether there is nothing under a name, which is another thing than not being let to look.
pub(crate) fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// A path with more at its end.
pub(super) fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(ending);
    PathBuf::from(path)
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::super::file::SqliteFile;
    use super::super::schema::EVENT_LOG;
    use super::*;

    /// A log, and a copy of what it was before its writer wrote.
    fn log() -> (tempfile::TempDir, PathBuf, SqliteFile) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("log.sqlite");
        drop(SqliteFile::open(&path, &EVENT_LOG).expect("is made"));
        std::fs::copy(&path, folder.path().join("earlier")).expect("copies");
        let file = SqliteFile::open(&path, &EVENT_LOG).expect("opens");
        (folder, path, file)
    }

    fn commit(file: &SqliteFile) -> Result<(), FileError> {
        let commit = file.place.as_ref().expect("a writer has one").begin_commit()?;
        file.name.sql(file.connection.execute_batch("UPDATE writer SET term = term + 1"))?;
        commit.finish()
    }

    #[test]
    fn a_file_that_is_taken_away_is_noticed_by_its_writer_and_its_readers() {
        type Taking = fn(&Path, &Path);
        let takings: [(&str, Taking); 6] = [
            ("gone", |_, path| std::fs::remove_file(path).expect("removes")),
            ("gone", |_, path| std::fs::remove_file(with_ending(path, "-wal")).expect("removes")),
            ("gone", |_, path| std::fs::remove_file(with_ending(path, "-shm")).expect("removes")),
            ("gone", |_, path| std::fs::rename(path, with_ending(path, "-away")).expect("moves")),
            ("replaced", |folder, path| std::fs::rename(folder.join("earlier"), path).expect("replaces")),
            ("replaced", |folder, path| {
                std::fs::copy(folder.join("earlier"), path).expect("writes over");
            }),
        ];
        for (at, (expected, take)) in takings.into_iter().enumerate() {
            let (folder, path, file) = log();
            commit(&file).expect("nothing was taken");
            let place = file.place.clone().expect("a writer has one");
            let reader = SqliteFile::open_beside(&path, &EVENT_LOG, &place).expect("opens").expect("is there");
            reader.check_place().expect("nothing was taken");
            take(folder.path(), &path);
            for error in [
                commit(&file).expect_err("was taken"),
                reader.check_place().expect_err("was taken"),
                SqliteFile::open_beside(&path, &EVENT_LOG, &place).map(|_| ()).expect_err("was taken"),
            ] {
                let found = match error {
                    FileError::Gone { .. } => "gone",
                    FileError::Replaced { .. } => "replaced",
                    _ => "another error",
                };
                assert!(found == expected && error.is_lost(), "{at}: {error}");
            }
        }
    }

    /// A writer that closes brings its pages into the file and removes what SQLite had beside it: nobody took that away.
    #[test]
    fn a_writer_that_has_closed_is_not_taken_for_a_file_that_was_replaced() {
        let (_folder, path, file) = log();
        commit(&file).expect("nothing was taken");
        let place = file.place.clone().expect("a writer has one");
        drop(file);
        assert!(!with_ending(&path, "-wal").exists(), "the last connection leaves nothing beside");
        place.check().expect("it was closed");
    }

    /// What is taken while a commit is under way is not acknowledged.
    #[test]
    fn a_commit_counts_only_in_the_file_that_is_named() {
        let (_folder, path, file) = log();
        let commit = file.place.as_ref().expect("a writer has one").begin_commit().expect("nothing was taken");
        file.connection.execute_batch("UPDATE writer SET term = term + 1").expect("writes");
        std::fs::remove_file(&path).expect("removes");
        assert!(commit.finish().expect_err("was taken").is_lost());
    }

    /// The pages that its own commits bring into the file, and readers beside it, are nobody else's change.
    #[test]
    fn what_the_writer_writes_is_not_taken_for_anothers() {
        let (_folder, path, file) = log();
        let place = file.place.clone().expect("a writer has one");
        file.connection.pragma_update(None, "wal_autocheckpoint", 1).expect("sets");
        std::thread::scope(|scope| {
            let reading = scope.spawn(|| {
                for _ in 0..500 {
                    place.check().expect("nothing was taken");
                }
            });
            while !reading.is_finished() {
                commit(&file).expect("nothing was taken");
            }
        });
        drop(SqliteFile::open_read_only(&path, &EVENT_LOG).expect("opens"));
        commit(&file).expect("a reader changes nothing");
        let other = Connection::open(&path).expect("opens");
        let terms: i64 = other.query_row("SELECT term FROM writer", [], |row| row.get(0)).expect("reads");
        assert!(terms > 1);
        drop(other);
        commit(&file).expect("nor does another program that reads");
    }
}
