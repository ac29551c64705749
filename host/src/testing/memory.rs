//! Objects in memory, which delay, fail and change by a seed.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::mixed;
use crate::files::storage::{
    Identity, Listing, ObjectPattern, Storage, StorageError, StorageFault, StoredObject, Version,
};

/// How many of 1,000 reads go wrong, and how. Which ones is decided by the seed, the object's file name, the place of the read and
/// how often that was read before: threads and folders do not decide it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// What decides.
    pub seed: u64,
    /// Reads that wait for some steps of the virtual clock, so that others overtake them.
    pub delayed: u64,
    /// Reads that give fewer bytes than asked.
    pub short: u64,
    /// Reads that fail, and would succeed if they were tried again.
    pub retryable: u64,
    /// Reads that fail for good.
    pub failing: u64,
    /// Reads after which their object is another: every digit is the next one, so that its rows are as long as before.
    pub changing: u64,
}

/// How often each fault happened.
#[derive(Debug, Default)]
pub struct Happened {
    /// Reads.
    pub reads: AtomicU64,
    /// Steps of the virtual clock that reads waited.
    pub waited: AtomicU64,
    /// Reads that gave fewer bytes than asked.
    pub short: AtomicU64,
    /// Reads that failed.
    pub failed: AtomicU64,
    /// Objects that changed.
    pub changed: AtomicU64,
}

/// Steps of the virtual clock that a read waits at most.
const STEPS_MAX: u64 = 64;

/// Objects in memory. A clone is the same storage.
#[derive(Clone, Default)]
pub struct MemoryStorage(Arc<Shared>);

#[derive(Default)]
struct Shared {
    objects: Mutex<BTreeMap<PathBuf, Stored>>,
    faults: Mutex<Faults>,
    /// The failure of every read of an object, and whether it is worth trying again.
    failing: Mutex<HashMap<PathBuf, bool>>,
    /// How often each place was read.
    reads: Mutex<HashMap<(PathBuf, u64), u64>>,
    /// Contents so far: each has a number of its own.
    versions: AtomicU64,
    /// The virtual clock: every call is a step.
    steps: AtomicU64,
    open: AtomicU64,
    happened: Happened,
}

#[derive(Clone)]
struct Stored {
    bytes: Bytes,
    version: u64,
}

/// An object by its name: what is read is what it holds at that moment.
struct OpenObject {
    name: PathBuf,
    identity: Identity,
    shared: Arc<Shared>,
}

impl MemoryStorage {
    /// No objects, and no faults.
    pub fn new() -> Self {
        Self::default()
    }

    /// The files of a folder and those within it, under their paths.
    pub fn of_folder(folder: &Path) -> io::Result<Self> {
        let (storage, mut folders) = (Self::new(), vec![folder.to_owned()]);
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder)? {
                let path = entry?.path();
                match path.is_dir() {
                    true => folders.push(path),
                    false => storage.put(&path, std::fs::read(&path)?),
                }
            }
        }
        Ok(storage)
    }

    /// Another storage with the same objects, without faults.
    pub fn copied(&self) -> Self {
        let copy = Self::new();
        for (name, stored) in lock(&self.0.objects).iter() {
            copy.put(name, stored.bytes.clone());
        }
        copy
    }

    /// Puts an object there, in place of what has its name.
    pub fn put(&self, name: &Path, bytes: impl Into<Bytes>) {
        let version = self.0.versions.fetch_add(1, Ordering::Relaxed);
        lock(&self.0.objects).insert(name.to_owned(), Stored { bytes: bytes.into(), version });
    }

    /// Removes an object.
    pub fn remove(&self, name: &Path) {
        lock(&self.0.objects).remove(name);
    }

    /// The names of all objects.
    pub fn names(&self) -> Vec<PathBuf> {
        lock(&self.0.objects).keys().cloned().collect()
    }

    /// Lets reads go wrong from now on; what was read before counts no more.
    pub fn set_faults(&self, faults: Faults) {
        *lock(&self.0.faults) = faults;
        lock(&self.0.reads).clear();
    }

    /// Lets every read of an object fail from now on.
    pub fn fail(&self, name: &Path, retryable: bool) {
        lock(&self.0.failing).insert(name.to_owned(), retryable);
    }

    /// How many objects are open now.
    pub fn open_objects(&self) -> u64 {
        self.0.open.load(Ordering::Relaxed)
    }

    /// How often each fault happened.
    pub fn happened(&self) -> &Happened {
        &self.0.happened
    }
}

impl Storage for MemoryStorage {
    fn list(&self, root: &Path, pattern: &ObjectPattern) -> Result<Listing, StorageError> {
        self.0.steps.fetch_add(1, Ordering::Relaxed);
        let (objects, plain) = (lock(&self.0.objects), root.join(pattern.text()));
        if objects.contains_key(&plain) {
            return Ok(Listing::Objects(vec![plain]));
        }
        if let Some(within) = objects.keys().find(|name| name.starts_with(&plain)) {
            return Ok(Listing::Folder { extension: extension_of(within) });
        }
        let relative = |name: &PathBuf| match pattern.is_absolute() {
            true => Some(name.clone()),
            false => name.strip_prefix(root).ok().map(Path::to_owned),
        };
        let matching = objects.keys().filter_map(relative).filter(|name| pattern.matches(name));
        let names = pattern.data_in_order(matching.collect());
        Ok(Listing::Objects(names.into_iter().map(|name| root.join(name)).collect()))
    }

    fn identity(&self, name: &Path) -> Result<Identity, StorageError> {
        self.0.identity(name)
    }

    fn open(&self, name: &Path) -> Result<Arc<dyn StoredObject>, StorageError> {
        let identity = self.0.identity(name)?;
        self.0.open.fetch_add(1, Ordering::Relaxed);
        Ok(Arc::new(OpenObject { name: name.to_owned(), identity, shared: Arc::clone(&self.0) }))
    }
}

impl StoredObject for OpenObject {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn current_identity(&self) -> Result<Identity, StorageError> {
        self.shared.identity(&self.name)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, StorageError> {
        self.shared.read_at(&self.name, offset, buffer)
    }
}

impl Drop for OpenObject {
    fn drop(&mut self) {
        self.shared.open.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Shared {
    fn stored(&self, name: &Path) -> Result<Stored, StorageError> {
        self.steps.fetch_add(1, Ordering::Relaxed);
        let stored = lock(&self.objects).get(name).cloned();
        stored.ok_or_else(|| StorageError::of_io(name, io::ErrorKind::NotFound.into()))
    }

    fn identity(&self, name: &Path) -> Result<Identity, StorageError> {
        let Stored { bytes, version } = self.stored(name)?;
        let object = name.to_string_lossy().into_owned();
        Ok(Identity { object, bytes: bytes.len() as u64, version: Version::Tag(version.to_string()) })
    }

    fn read_at(&self, name: &Path, offset: u64, buffer: &mut [u8]) -> Result<usize, StorageError> {
        let happened = &self.happened;
        happened.reads.fetch_add(1, Ordering::Relaxed);
        if let Some(retryable) = lock(&self.failing).get(name).copied() {
            return Err(self.failure(name, retryable));
        }
        let faults = *lock(&self.faults);
        let mut chance = self.chance(faults.seed, name, offset);
        let mut happens = |of_1000: u64| {
            chance = mixed(chance);
            chance % 1_000 < of_1000
        };
        if happens(faults.delayed) {
            self.wait(1 + faults.seed % STEPS_MAX);
        }
        for (share, retryable) in [(faults.retryable, true), (faults.failing, false)] {
            if happens(share) {
                return Err(self.failure(name, retryable));
            }
        }
        let bytes = self.stored(name)?.bytes;
        let left = bytes.get(usize::try_from(offset).unwrap_or(usize::MAX)..).unwrap_or_default();
        let mut read = left.len().min(buffer.len());
        if read > 1 && happens(faults.short) {
            read = 1 + read / 3;
            happened.short.fetch_add(1, Ordering::Relaxed);
        }
        buffer[..read].copy_from_slice(&left[..read]);
        if happens(faults.changing) {
            self.change(name);
        }
        Ok(read)
    }

    /// A number for this read of this place.
    fn chance(&self, seed: u64, name: &Path, offset: u64) -> u64 {
        let mut reads = lock(&self.reads);
        let read = reads.entry((name.to_owned(), offset)).or_insert(0);
        *read += 1;
        let file = name.file_name().unwrap_or_default().to_string_lossy();
        let named = file.bytes().fold(seed, |state, byte| mixed(state ^ u64::from(byte)));
        mixed(mixed(named ^ offset) ^ *read)
    }

    /// Lets so many steps of the virtual clock pass: calls of other threads, or, where there are none, turns of its own.
    fn wait(&self, steps: u64) {
        let end = self.steps.load(Ordering::Relaxed) + steps;
        while self.steps.fetch_add(1, Ordering::Relaxed) < end {
            std::thread::yield_now();
        }
        self.happened.waited.fetch_add(steps, Ordering::Relaxed);
    }

    fn failure(&self, name: &Path, retryable: bool) -> StorageError {
        self.happened.failed.fetch_add(1, Ordering::Relaxed);
        let source = io::Error::other(if retryable { "the twin is busy" } else { "the twin is broken" });
        StorageError::new(name, StorageFault::Failed { retryable, source })
    }

    fn change(&self, name: &Path) {
        if let Some(stored) = lock(&self.objects).get_mut(name) {
            let next = |byte: &u8| if byte.is_ascii_digit() { b'0' + (byte - b'0' + 1) % 10 } else { *byte };
            stored.bytes = stored.bytes.iter().map(next).collect();
            stored.version = self.versions.fetch_add(1, Ordering::Relaxed);
            self.happened.changed.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn extension_of(name: &Path) -> &'static str {
    let found = name.extension().unwrap_or_default().to_string_lossy();
    ["parquet", "csv", "ndjson", "jsonl"].into_iter().find(|known| *known == found).unwrap_or("parquet")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
