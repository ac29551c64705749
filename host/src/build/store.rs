//! A store of components: a folder that holds each by its digest, with what it was built from.
//!
//! A file is written once, as a whole, and is never written again, so that many builds may put into one folder, and a folder may be shared
//! by machines. Whatever is read is held to the digest that names it.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::BuiltFrom;
use crate::digest::sha256_hex;

/// How much of a record's digest is in its name.
const RECORD_DIGITS: usize = 16;

/// A folder of components, each named by its SHA-256: `DIGEST.wasm`.
#[derive(Clone, Debug)]
pub struct ComponentStore {
    dir: PathBuf,
}

/// A store that cannot be read or written, or that is damaged.
#[derive(Debug, thiserror::Error)]
pub enum ComponentStoreError {
    /// It cannot be written to.
    #[error(
        "cannot write to the component store {dir}: let this user write there, or name another folder in `component_store` under \
         [project]"
    )]
    Write {
        /// The folder.
        dir: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file of it cannot be read.
    #[error("cannot read {path} of the component store")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file holds something else than its name says.
    #[error(
        "the component store is damaged: {path} does not hold component {digest}: put the right file back, or remove it and run \
         `onepath build` where the component can be built"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The component that it should hold.
        digest: String,
    },
}

impl ComponentStoreError {
    /// Whether the store cannot be read as it was written.
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::Read { .. } | Self::Damaged { .. })
    }
}

impl ComponentStore {
    /// The store in the folder `dir`, which is made when something is put into it.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    /// Its folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where the component of a digest lies, if it is there.
    pub fn path(&self, digest: &str) -> PathBuf {
        self.dir.join(format!("{digest}.wasm"))
    }

    /// Makes the folder, and finds out whether files can be made in it.
    pub fn check_writable(&self) -> Result<(), ComponentStoreError> {
        self.temporary().map(drop).map_err(|source| self.unwritten(source))
    }

    /// Puts a component into the store, on disk when this returns, and gives its digest. One that is there stays as it is.
    pub fn put(&self, bytes: &[u8]) -> Result<String, ComponentStoreError> {
        let digest = sha256_hex(bytes);
        // A damaged one is told, for whoever reads it now would have it change under them.
        if self.get(&digest)?.is_none() {
            self.write(&self.path(&digest), bytes)?;
            self.get(&digest)?;
        }
        Ok(digest)
    }

    /// The component of a digest; `None` where the store does not have it.
    pub fn get(&self, digest: &str) -> Result<Option<Vec<u8>>, ComponentStoreError> {
        // What is no digest names no file, here or elsewhere.
        if digest.len() != 64 || !digest.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            return Ok(None);
        }
        let path = self.path(digest);
        match std::fs::read(&path) {
            Ok(bytes) if sha256_hex(&bytes) == digest => Ok(Some(bytes)),
            Ok(_) => Err(ComponentStoreError::Damaged { path, digest: digest.to_owned() }),
            Err(source) if source.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(ComponentStoreError::Read { path, source }),
        }
    }

    /// Keeps what a component was built from. The same bytes may come from several sources: each is a record of its own.
    pub fn put_built_from(&self, built: &BuiltFrom) -> Result<(), ComponentStoreError> {
        let text = built.text();
        let path = self.dir.join(record_name(built.component(), &text));
        if path.exists() {
            return Ok(());
        }
        self.write(&path, text.as_bytes())
    }

    /// What the component of a digest was built from, as often as that was kept. A record that is not as it was written says nothing.
    pub fn built_from(&self, digest: &str) -> Vec<BuiltFrom> {
        let names = std::fs::read_dir(&self.dir).into_iter().flatten();
        let names = names.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut names: Vec<String> = names.filter(|name| name.starts_with(&format!("{digest}-"))).collect();
        names.sort();
        let record = |name: &String| {
            let text = std::fs::read_to_string(self.dir.join(name)).ok()?;
            let built = BuiltFrom::parse(&text).filter(|built| built.component() == digest)?;
            (*name == record_name(digest, &text)).then_some(built)
        };
        names.iter().filter_map(record).collect()
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), ComponentStoreError> {
        let written = || {
            let mut file = self.temporary()?;
            file.write_all(bytes)?;
            file.as_file().sync_all()?;
            match file.persist_noclobber(path) {
                Ok(_) => {}
                // Another build was faster, with the same bytes.
                Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {}
                // A file system that can only replace: what it replaces, if anything, has the same bytes.
                Err(error) => drop(error.file.persist(path).map_err(|error| error.error)?),
            }
            std::fs::File::open(&self.dir)?.sync_all()
        };
        written().map_err(|source| self.unwritten(source))
    }

    /// A file in the folder that goes unless it is given a name, and that others may read.
    fn temporary(&self) -> io::Result<tempfile::NamedTempFile> {
        use std::os::unix::fs::PermissionsExt;
        std::fs::create_dir_all(&self.dir)?;
        let readable = std::fs::Permissions::from_mode(0o666);
        tempfile::Builder::new().prefix(".onepath-").suffix(".partial").permissions(readable).tempfile_in(&self.dir)
    }

    fn unwritten(&self, source: io::Error) -> ComponentStoreError {
        ComponentStoreError::Write { dir: self.dir.clone(), source }
    }
}

/// The name of a record, by the component and its own text.
fn record_name(component: &str, text: &str) -> String {
    format!("{component}-{}.built.json", &sha256_hex(text)[..RECORD_DIGITS])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(dir: &Path) -> Vec<String> {
        let names = std::fs::read_dir(dir).expect("lists").map(|entry| entry.expect("lists").file_name());
        let mut names: Vec<String> = names.map(|name| name.into_string().expect("UTF-8")).collect();
        names.sort();
        names
    }

    #[test]
    fn what_is_put_is_given_and_nothing_else() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = ComponentStore::new(folder.path().join("a/b"));
        let digest = sha256_hex(b"bytes");
        assert_eq!(store.get(&digest).expect("no store yet"), None);
        assert_eq!(store.put(b"bytes").expect("puts"), digest);
        assert_eq!(store.put(b"bytes").expect("puts again"), digest);
        assert_eq!(store.get(&digest).expect("reads").as_deref(), Some(&b"bytes"[..]));
        assert_eq!(files(store.dir()), [format!("{digest}.wasm")]);
        // No digest leads out of the folder.
        std::fs::write(folder.path().join("a/x.wasm"), "bytes").expect("writes");
        for name in ["../x", "", &digest[1..], &digest.to_uppercase()] {
            assert_eq!(store.get(name).expect("is none"), None, "{name}");
        }
    }

    #[test]
    fn what_is_damaged_is_named_and_neither_used_nor_written_over() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = ComponentStore::new(folder.path());
        let digest = store.put(b"bytes").expect("puts");
        for damaged in ["byteS", "", "bytes "] {
            std::fs::write(store.path(&digest), damaged).expect("writes");
            let told = format!("{}/{digest}.wasm does not hold component {digest}", folder.path().display());
            for error in [store.get(&digest).expect_err("damaged"), store.put(b"bytes").map(drop).expect_err("damaged")]
            {
                assert!(error.to_string().contains(&told), "{error}");
            }
            assert_eq!(std::fs::read_to_string(store.path(&digest)).expect("reads"), damaged);
        }
    }

    #[test]
    fn many_put_the_same_at_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let bytes: Vec<Vec<u8>> = (0..4_u8).map(|n| vec![n; 100_000]).collect();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let store = ComponentStore::new(folder.path());
                    for bytes in &bytes {
                        let digest = store.put(bytes).expect("puts");
                        assert_eq!(store.get(&digest).expect("whole at any time").as_ref(), Some(bytes));
                    }
                });
            }
        });
        let mut expected: Vec<String> = bytes.iter().map(|bytes| format!("{}.wasm", sha256_hex(bytes))).collect();
        expected.sort();
        assert_eq!(files(folder.path()), expected);
    }

    #[test]
    fn a_folder_that_takes_no_files_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("file"), "").expect("writes");
        let store = ComponentStore::new(folder.path().join("file/store"));
        for error in [store.check_writable().expect_err("is none"), store.put(b"x").map(drop).expect_err("is none")] {
            assert!(error.to_string().contains("component store"), "{error}");
        }
        ComponentStore::new(folder.path().join("store")).check_writable().expect("is made");
        assert_eq!(files(&folder.path().join("store")), [""; 0]);
    }

    #[test]
    fn every_record_of_a_component_is_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = ComponentStore::new(folder.path());
        let source = folder.path().join("lib.rs");
        let digest = sha256_hex(b"component");
        let built: Vec<BuiltFrom> = ["1", "2", "1"]
            .map(|text| {
                std::fs::write(&source, text).expect("writes");
                BuiltFrom::new(b"component", folder.path(), std::slice::from_ref(&source), i64::MAX)
            })
            .into();
        built.iter().for_each(|built| store.put_built_from(built).expect("puts"));
        let found = store.built_from(&digest);
        assert!(found.len() == 2 && built.iter().all(|built| found.contains(built)), "{found:?}");
        assert_eq!(store.built_from(&sha256_hex(b"another")), []);
        for name in files(folder.path()).into_iter().filter(|name| name.ends_with(".built.json")) {
            let path = folder.path().join(name);
            let text = std::fs::read_to_string(&path).expect("reads").replace("lib.rs", "lib.rt");
            std::fs::write(path, text).expect("writes");
        }
        assert_eq!(store.built_from(&digest), [], "records that were changed say nothing");
    }
}
