//! The suite of storages on files, on the twin, and on storages that are broken in one way each.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tempfile::TempDir;

use crate::files::FileSystem;
use crate::files::storage::{Listing, ObjectPattern, PinnedStorage, Storage, StorageError, StorageFault, Version};
use crate::testing::broken::{BrokenStorage, StorageDefect};
use crate::testing::memory::{Faults, MemoryStorage};
use crate::testing::storage::{self, Stand, conformance};

/// Files in a folder, in turns written to and replaced.
struct OnDisk {
    dir: TempDir,
    storage: Arc<dyn Storage>,
    puts: AtomicU64,
}

impl OnDisk {
    fn new(storage: Arc<dyn Storage>) -> Self {
        Self { dir: tempfile::tempdir().expect("a folder"), storage, puts: AtomicU64::new(0) }
    }

    fn changed_ns(path: &Path) -> i128 {
        match FileSystem.identity(path).map(|identity| identity.version) {
            Ok(Version::Times { changed_ns, .. }) => changed_ns,
            _ => 0,
        }
    }
}

impl Stand for OnDisk {
    fn storage(&self) -> &dyn Storage {
        &*self.storage
    }

    fn root(&self) -> &Path {
        self.dir.path()
    }

    fn put(&self, name: &str, bytes: &[u8]) {
        let path = self.dir.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        let beside = self.dir.path().join("beside");
        if self.puts.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) {
            std::fs::write(&beside, bytes).expect("writes");
            return std::fs::rename(&beside, &path).expect("renames");
        }
        // Until the clock that stamps files has ticked: a change within one tick does not show.
        let before = Self::changed_ns(&path);
        while Self::changed_ns(&beside) <= before {
            std::fs::write(&beside, b"tick").expect("writes");
        }
        std::fs::write(&path, bytes).expect("writes");
        std::fs::remove_file(&beside).expect("removes");
    }

    fn remove(&self, name: &str) {
        std::fs::remove_file(self.dir.path().join(name)).expect("removes");
    }
}

/// Objects in memory, perhaps through something else.
struct InMemory {
    memory: MemoryStorage,
    storage: Arc<dyn Storage>,
    root: PathBuf,
}

impl InMemory {
    fn new(through: impl FnOnce(Arc<dyn Storage>) -> Arc<dyn Storage>) -> Self {
        let memory = MemoryStorage::new();
        Self { storage: through(Arc::new(memory.clone())), memory, root: PathBuf::from("/bucket/folder") }
    }
}

impl Stand for InMemory {
    fn storage(&self) -> &dyn Storage {
        &*self.storage
    }

    fn root(&self) -> &Path {
        &self.root
    }

    fn put(&self, name: &str, bytes: &[u8]) {
        self.memory.put(&self.root.join(name), bytes.to_vec());
    }

    fn remove(&self, name: &str) {
        self.memory.remove(&self.root.join(name));
    }

    fn fail(&self, name: &str, retryable: bool) -> bool {
        self.memory.fail(&self.root.join(name), retryable);
        true
    }
}

#[test]
fn files_conform() {
    assert_eq!(conformance(&OnDisk::new(Arc::new(FileSystem))), Ok(()));
    // A storage that could be pinned, and is not, is the same.
    assert_eq!(conformance(&OnDisk::new(PinnedStorage::new(Arc::new(FileSystem)))), Ok(()));
}

#[test]
fn the_twin_conforms_whatever_delays_and_short_reads() {
    for seed in 0..8 {
        let stand = InMemory::new(|memory| memory);
        stand.memory.set_faults(Faults { seed, delayed: 100, short: 400, ..Faults::default() });
        assert_eq!(conformance(&stand), Ok(()), "seed {seed}");
        let happened = stand.memory.happened();
        let (waited, short) = (happened.waited.load(Ordering::Relaxed), happened.short.load(Ordering::Relaxed));
        assert!(waited > 0 && short > 0, "seed {seed}: waited {waited} steps, {short} short reads");
    }
}

/// One defect each, and the check that finds it: a suite that lets one pass checks nothing.
#[test]
fn every_defect_of_a_storage_is_found_by_its_check() {
    for (defect, check) in [
        (StorageDefect::ShiftedRange, storage::RANGES),
        (StorageDefect::ReversedListing, storage::LIST),
        (StorageDefect::FixedIdentity, storage::CHANGES),
        (StorageDefect::SwallowedTail, storage::RANGES),
        (StorageDefect::FailureAsEnd, storage::FAILURES),
        (StorageDefect::EmptyForMissing, storage::MISSING),
    ] {
        let stand = InMemory::new(|inner| Arc::new(BrokenStorage { inner, defect }));
        let violation = conformance(&stand).expect_err("it is broken");
        assert_eq!(violation.check, check, "{defect:?}: {violation}");
    }
}

#[test]
fn what_the_system_says_has_a_kind_and_names_the_object() {
    use std::io::ErrorKind as Kind;
    let kind = |kind: Kind| StorageError::of_io(Path::new("data/a.csv"), kind.into());
    for (kind, expected) in [
        (kind(Kind::NotFound), "missing"),
        (kind(Kind::NotADirectory), "missing"),
        (kind(Kind::PermissionDenied), "denied"),
        (kind(Kind::TimedOut), "retryable"),
        (kind(Kind::ConnectionReset), "retryable"),
        (kind(Kind::IsADirectory), "failed"),
        (kind(Kind::Other), "failed"),
    ] {
        let found = match &kind.fault {
            StorageFault::Missing(_) => "missing",
            StorageFault::Denied(_) => "denied",
            StorageFault::Changed(_) => "changed",
            StorageFault::Failed { retryable: true, .. } => "retryable",
            StorageFault::Failed { retryable: false, .. } => "failed",
        };
        assert_eq!(found, expected, "{kind}");
        assert!(kind.to_string().starts_with("data/a.csv: cannot be "), "{kind}");
    }
}

/// Of a device nobody knows the length, and a pipe would be waited for.
#[test]
#[cfg(unix)]
fn what_is_no_file_is_refused() {
    let told = |path: &str| match FileSystem.open(Path::new(path)).map(drop) {
        Err(StorageError { fault: StorageFault::Failed { source, .. }, .. }) => source.to_string(),
        _ => "it opens".to_owned(),
    };
    assert_eq!(told("/dev/null"), "it is not a regular file: write it to one first");
    assert_eq!(told("/"), "is a directory");
}

/// While it is pinned, an object has one state, whoever opens it how often; afterwards it may have another.
#[test]
fn a_pinned_storage_gives_one_state_of_an_object() {
    let memory = MemoryStorage::new();
    let (a, b) = (Path::new("/a"), Path::new("/b"));
    memory.put(a, "1");
    memory.put(b, "1");
    let storage = PinnedStorage::new(Arc::new(memory.clone()));
    let pin = storage.pin();
    assert!(storage.open(a).is_ok());
    memory.put(a, "22");
    memory.put(b, "22");
    for refused in [storage.open(a).map(drop), storage.identity(a).map(drop)] {
        let told = refused.expect_err("it is another").to_string();
        assert_eq!(
            told,
            "/a: changed while it was read: it grew from 1 to 2 bytes; run again when nothing writes to it"
        );
    }
    assert!(storage.open(b).is_ok(), "it was not met before");
    let all = ObjectPattern::parse("?").expect("a pattern");
    let list = || storage.list(Path::new("/"), &all).expect("lists");
    let first = list();
    memory.put(Path::new("/c"), "1");
    assert_eq!(list(), first, "a pattern names what it named");
    drop(pin);
    assert!(storage.open(a).is_ok());
    assert_eq!(list(), Listing::Objects(["/a", "/b", "/c"].map(PathBuf::from).to_vec()));
}
