//! Files of the machine.

use std::fs::{File, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::listing::{EXTENSIONS, MATCHING};
use super::{Identity, Listing, ObjectPattern, Storage, StorageError, StoredObject, Version};

/// The files of the machine, under their paths.
///
/// A file is taken to be the same while its device and inode, its length, and the times of the last change of its bytes and of
/// its inode are what they were.
#[derive(Clone, Copy, Debug, Default)]
pub struct FileSystem;

/// A file that is open.
struct OpenFile {
    path: PathBuf,
    file: File,
    identity: Identity,
}

impl Storage for FileSystem {
    fn list(&self, root: &Path, pattern: &ObjectPattern) -> Result<Listing, StorageError> {
        let plain = root.join(pattern.text());
        if plain.is_file() {
            return Ok(Listing::Objects(vec![plain]));
        }
        if plain.is_dir() {
            return Ok(Listing::Folder { extension: extension_within(&plain) });
        }
        let base = std::path::absolute(root).unwrap_or_else(|_| root.to_owned());
        let absolute = match pattern.is_absolute() {
            true => pattern.text().to_owned(),
            // The root's own letters are not a pattern, whatever they are.
            false => format!("{}/{}", glob::Pattern::escape(&base.to_string_lossy()), pattern.text()),
        };
        let wrong = |error: glob::PatternError| {
            StorageError::of_io(&plain, io::Error::new(io::ErrorKind::InvalidInput, error.to_string()))
        };
        let mut files = Vec::new();
        for found in glob::glob_with(&absolute, MATCHING).map_err(wrong)? {
            let file = found.map_err(|error| {
                let folder = error.path().to_owned();
                StorageError::of_io(&folder, error.into())
            })?;
            if file.is_file() {
                files.push(match pattern.is_absolute() {
                    true => file,
                    false => file.strip_prefix(&base).unwrap_or(&file).to_owned(),
                });
            }
        }
        let files = pattern.data_in_order(files);
        Ok(Listing::Objects(files.into_iter().map(|file| root.join(file)).collect()))
    }

    fn identity(&self, name: &Path) -> Result<Identity, StorageError> {
        let metadata = std::fs::metadata(name).map_err(|error| StorageError::of_io(name, error))?;
        Ok(identity(name, &metadata))
    }

    fn open(&self, name: &Path) -> Result<Arc<dyn StoredObject>, StorageError> {
        let fail = |error| StorageError::of_io(name, error);
        let found = std::fs::metadata(name).map_err(fail)?;
        if found.is_dir() {
            return Err(fail(io::ErrorKind::IsADirectory.into()));
        }
        if !found.is_file() {
            // Of a pipe or a device nobody knows the length, nothing can be read twice, and opening it may wait for ever.
            return Err(fail(io::Error::new(
                io::ErrorKind::InvalidInput,
                "it is not a regular file: write it to one first",
            )));
        }
        let file = File::open(name).map_err(fail)?;
        let metadata = file.metadata().map_err(fail)?;
        Ok(Arc::new(OpenFile { path: name.to_owned(), identity: identity(name, &metadata), file }))
    }
}

impl StoredObject for OpenFile {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn current_identity(&self) -> Result<Identity, StorageError> {
        // By the path: a file that was put in place of this one counts as a change too.
        FileSystem.identity(&self.path)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, StorageError> {
        loop {
            match read_at(&self.file, buffer, offset) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => return read.map_err(|error| StorageError::of_io(&self.path, error)),
            }
        }
    }
}

#[cfg(unix)]
fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, offset)
}

#[cfg(windows)]
fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, offset)
}

#[cfg(unix)]
fn identity(_: &Path, metadata: &Metadata) -> Identity {
    use std::os::unix::fs::MetadataExt;
    let nanos = |seconds: i64, nanos: i64| i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
    Identity {
        object: format!("{}:{}", metadata.dev(), metadata.ino()),
        bytes: metadata.len(),
        version: Version::Times {
            modified_ns: nanos(metadata.mtime(), metadata.mtime_nsec()),
            changed_ns: nanos(metadata.ctime(), metadata.ctime_nsec()),
        },
    }
}

/// Elsewhere a file is its canonical path, and no time is known that programs cannot set.
#[cfg(not(unix))]
fn identity(path: &Path, metadata: &Metadata) -> Identity {
    let object = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let modified = metadata.modified().ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
    Identity {
        object: object.to_string_lossy().into_owned(),
        bytes: metadata.len(),
        version: Version::Modified { modified_ns: modified.map_or(0, |since| since.as_nanos() as i128) },
    }
}

/// The extension of the files that a folder holds: that of the first format of which there are some.
fn extension_within(folder: &Path) -> &'static str {
    let has = |extension: &&&str| {
        let pattern = format!("{}/**/*.{extension}", glob::Pattern::escape(&folder.to_string_lossy()));
        glob::glob_with(&pattern, MATCHING).is_ok_and(|mut files| files.any(|file| file.is_ok()))
    };
    EXTENSIONS.iter().find(has).unwrap_or(&EXTENSIONS[0])
}
