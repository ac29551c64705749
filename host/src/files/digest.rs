//! SHA-256 of files, and of what is written while it is written.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use sha2::{Digest, Sha256};

use super::error::{InputError, InputFault};

/// The SHA-256 of the bytes of the file at `path`, as 64 lower-case hexadecimal digits.
pub fn sha256_file(path: &Path) -> Result<String, InputError> {
    let mut file = File::open(path).map_err(|error| InputError::new(path, InputFault::Open(error)))?;
    let mut sha256 = Sha256::new();
    let mut buffer = vec![0; 1 << 18];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(hex(&sha256.finalize())),
            Ok(bytes) => sha256.update(&buffer[..bytes]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(InputError::new(path, InputFault::Read(error))),
        }
    }
}

/// The SHA-256 of files that a run reads, computed beside its work where it has more than one thread.
pub struct Digests {
    known: HashMap<PathBuf, Result<String, InputError>>,
    running: Option<JoinHandle<HashMap<PathBuf, Result<String, InputError>>>>,
}

impl Digests {
    /// Begins with `files` where there are `threads` to spare; otherwise each is read when it is asked for.
    pub fn begin(files: &[PathBuf], threads: usize) -> Self {
        let files = files.to_vec();
        let all = move || files.into_iter().map(|file| (file.clone(), sha256_file(&file))).collect();
        Self { known: HashMap::new(), running: (threads > 1).then(|| std::thread::spawn(all)) }
    }

    /// The SHA-256 of a file.
    pub fn of(&mut self, path: &Path) -> Result<String, InputError> {
        if let Some(running) = self.running.take() {
            // A thread that panicked leaves its files to be read here.
            self.known = running.join().unwrap_or_default();
        }
        let digest = self.known.remove(path).unwrap_or_else(|| sha256_file(path))?;
        self.known.insert(path.to_owned(), Ok(digest.clone()));
        Ok(digest)
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
        (self.inner, self.bytes, hex(&self.sha256.finalize()))
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

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
