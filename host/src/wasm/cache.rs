//! Compiled components on disk.
//!
//! Compiled code is code: only artifacts that this host wrote are loaded. Each lies in a file of its own, named by the
//! component's digest and a hash of the engine's version and configuration, beside a file with the digest of its bytes,
//! which is checked before loading. Anything unexpected means compiling anew.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::io::Write;
use std::path::{Path, PathBuf};

use wasmtime::Engine;
use wasmtime::component::Component as Compiled;

use crate::digest::sha256_hex;

/// A folder of compiled components.
pub(super) struct Cache {
    dir: PathBuf,
}

impl Cache {
    pub(super) fn new(dir: PathBuf) -> Self {
        Self { dir }
    }

    /// The compiled component of `digest`, if this host compiled it before with this engine.
    pub(super) fn get(&self, engine: &Engine, digest: &str) -> Option<Compiled> {
        let path = self.path(engine, digest);
        let artifact = std::fs::read(&path).ok()?;
        let expected = std::fs::read_to_string(path.with_extension("sha256")).ok()?;
        if sha256_hex(&artifact) != expected {
            return None;
        }
        // SAFETY: the bytes are those that `put` wrote: the name ties them to this component, engine version and
        // configuration, and their digest was just checked. wasmtime itself rejects artifacts of other versions.
        unsafe { Compiled::deserialize(engine, &artifact) }.ok()
    }

    /// Whether there is something to get. It is looked at only then.
    pub(super) fn holds(&self, engine: &Engine, digest: &str) -> bool {
        let path = self.path(engine, digest);
        path.exists() && path.with_extension("sha256").exists()
    }

    /// Keeps a compiled component. A cache that cannot be written only costs time, so errors are ignored.
    pub(super) fn put(&self, engine: &Engine, digest: &str, compiled: &Compiled) {
        let path = self.path(engine, digest);
        let Ok(artifact) = compiled.serialize() else { return };
        if std::fs::create_dir_all(&self.dir).is_ok() {
            let sum = sha256_hex(&artifact);
            // The digest goes last: without it the artifact is not trusted.
            if write_private(&path, &artifact).is_ok() {
                let _ = write_private(&path.with_extension("sha256"), sum.as_bytes());
            }
        }
    }

    fn path(&self, engine: &Engine, digest: &str) -> PathBuf {
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        self.dir.join(format!("{digest}-{:016x}.cwasm", hasher.finish()))
    }
}

/// Writes a file that only its owner may read, by renaming a temporary one. (`tempfile` creates files with mode 0600.)
fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let dir = path.parent().ok_or_else(|| std::io::Error::other("a path without a folder"))?;
    let mut file = tempfile::NamedTempFile::new_in(dir)?;
    file.write_all(bytes)?;
    file.persist(path)?;
    Ok(())
}
