//! SHA-256 of files, and of what is written while it is written.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use sha2::{Digest, Sha256};

use super::error::{InputError, InputFault};
use super::known::Known;
use super::object::OpenInput;
use super::read::whole;
use super::storage::{Identity, Storage};
use crate::digest::hex;

/// The SHA-256 of the bytes of the file at `path` of a storage, as 64 lower-case hexadecimal digits.
pub fn sha256_file(storage: &dyn Storage, path: &Path) -> Result<String, InputError> {
    sha256_of(&OpenInput::open(storage, path)?)
}

/// The SHA-256 of an input.
pub(super) fn sha256_of(input: &OpenInput) -> Result<String, InputError> {
    whole(input, || {
        let (mut bytes, mut sha256) = (input.reader(), Sha256::new());
        let mut buffer = vec![0; 1 << 18];
        loop {
            match bytes.read(&mut buffer) {
                Ok(0) => return Ok(hex(sha256.finalize())),
                Ok(read) => sha256.update(&buffer[..read]),
                Err(error) => return Err(InputError::new(input.path(), InputFault::Read(error))),
            }
        }
    })
}

/// The SHA-256 of files of a storage that a run reads, computed beside its work where it has more than one thread. A file that has not
/// changed since an earlier run is not read again: `known.rs` says how that is told.
pub struct Digests {
    storage: Arc<dyn Storage>,
    known: Known,
    running: Option<JoinHandle<Known>>,
}

impl Digests {
    /// Begins with `files` where there are `threads` to spare; otherwise each is read when it is asked for. Digests are kept
    /// in the file `kept`, if given.
    pub fn begin(storage: Arc<dyn Storage>, files: &[PathBuf], threads: usize, kept: Option<&Path>) -> Self {
        let mut known = Known::open(kept);
        let is_new = |file: &&PathBuf| known.get(&*storage, file).is_none();
        let files: Vec<PathBuf> = files.iter().filter(is_new).cloned().collect();
        if threads < 2 || files.is_empty() {
            return Self { storage, known, running: None };
        }
        let shared = Arc::clone(&storage);
        let all = move || {
            // A file that cannot be read is told when it is asked for.
            files.iter().for_each(|file| drop(known.read(&*shared, file)));
            known
        };
        Self { storage, known: Known::default(), running: Some(std::thread::spawn(all)) }
    }

    /// The SHA-256 of a file.
    pub fn of(&mut self, path: &Path) -> Result<String, InputError> {
        if let Some(running) = self.running.take() {
            // A thread that panicked leaves its files to be read here.
            self.known = running.join().unwrap_or_default();
        }
        match self.known.get(&*self.storage, path) {
            Some(sha256) => Ok(sha256),
            None => self.known.read(&*self.storage, path),
        }
    }
}

impl Digests {
    /// Keeps the SHA-256 of a file that was read elsewhere, after a moment in microseconds, when it had this identity.
    pub(crate) fn note(&mut self, identity: Identity, sha256: String, after_us: i64) {
        self.known.note(identity, sha256, after_us);
    }
}

impl Drop for Digests {
    fn drop(&mut self) {
        self.known.save();
    }
}

/// A writer that knows the digest and the number of the bytes that went through it.
pub(super) struct Digesting<W> {
    pub inner: W,
    pub bytes: u64,
    sha256: Sha256,
}

impl<W> Digesting<W> {
    pub fn new(inner: W) -> Self {
        Self { inner, bytes: 0, sha256: Sha256::new() }
    }

    /// The writer, the number of bytes and their SHA-256.
    pub fn into_parts(self) -> (W, u64, String) {
        (self.inner, self.bytes, hex(self.sha256.finalize()))
    }
}

impl<W: Write> Write for Digesting<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(buffer)?;
        self.sha256.update(&buffer[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
