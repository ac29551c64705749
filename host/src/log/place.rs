//! Whether the files of an open store are still those that their names mean.
//!
//! A file that was removed or replaced stays what it was for whoever has it open: what is written there is lost with the process.
//! So a writer looks before and after each commit, and whoever reads beside it looks after reading. Nobody else writes these
//! files, so a change of the main one that the writer did not make is noticed too, such as a copy that was put over it.
//!
//! Nothing is opened here: closing any handle of a file would give back the locks that SQLite holds on it.

use std::io;
use std::path::{Path, PathBuf};
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
        let place = Self { name, main, beside, seen: Mutex::new(seen) };
        place.note()?;
        Ok(place)
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Refuses to go on where the files are not those that were opened any more.
    pub(crate) fn check(&self) -> Result<(), FileError> {
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
