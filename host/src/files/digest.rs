//! SHA-256 of files, and of what is written while it is written.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

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
