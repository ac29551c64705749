//! What every [`Storage`] must do: a suite of named checks.

use std::ops::Range;
use std::path::{Path, PathBuf};

use super::{Violation, require};
use crate::files::storage::{Listing, ObjectPattern, Storage, StorageError, StorageFault};

/// A storage, and a way to change it from outside.
pub trait Stand: Sync {
    /// The storage.
    fn storage(&self) -> &dyn Storage;
    /// The folder that names are relative to.
    fn root(&self) -> &Path;
    /// Puts an object there, in place of what has its name. Whatever time the storage needs to notice it has passed before.
    fn put(&self, name: &str, bytes: &[u8]);
    /// Removes an object.
    fn remove(&self, name: &str);
    /// Lets every read of an object fail from now on; `false` where nothing can be made to fail.
    fn fail(&self, _name: &str, _retryable: bool) -> bool {
        false
    }
}

/// Listings have the declared order.
pub const LIST: &str = "a pattern names its objects in the declared order";
/// Ranges are exact.
pub const RANGES: &str = "a range has the bytes of its place, at every boundary";
/// Nothing is beyond the end, and nothing is missing before it.
pub const LENGTH: &str = "an object is as long as its identity says";
/// Any thread may read.
pub const CONCURRENT: &str = "ranges that are read at the same time are those that were asked for";
/// An identity stays.
pub const STABLE: &str = "an object that nobody touches keeps its identity";
/// An identity tells objects apart.
pub const DISTINCT: &str = "two objects of one content are not the same object";
/// An identity changes.
pub const CHANGES: &str = "an identity changes when the content does";
/// A handle tells of changes.
pub const OPEN: &str = "an open object tells that it changed";
/// A missing object is a kind of error.
pub const MISSING: &str = "an object that is not there is missing, by name";
/// A failure is an error.
pub const FAILURES: &str = "a read that fails is an error of its kind, never an end";

/// Runs the suite on a storage without objects. Returns the first check that fails.
pub fn conformance(stand: &dyn Stand) -> Result<(), Violation> {
    lists(stand)?;
    ranges(stand)?;
    concurrent(stand)?;
    identities(stand)?;
    missing(stand)?;
    failures(stand)
}

/// Content that tells of every byte where it is.
fn content(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|at| (at % 251) as u8 ^ (at / 251) as u8).collect()
}

/// What a call that must not fail gives.
fn given<T>(check: &'static str, result: Result<T, StorageError>) -> Result<T, Violation> {
    result.map_err(|error| Violation { check, found: error.to_string() })
}

fn lists(stand: &dyn Stand) -> Result<(), Violation> {
    for name in [
        "list/b.csv",
        "list/a.csv",
        "list/10.csv",
        "list/9.csv",
        "list/deep/c.csv",
        "list/deep/er/d.csv",
        "list/_part.csv",
        "list/.a.csv.crc",
        "list/_x=1/e.csv",
        "list/_tmp/f.csv",
        "list/a.ndjson",
        "listed.csv",
    ] {
        stand.put(name, name.as_bytes());
    }
    let absolute = stand.root().join("list/*.csv").to_string_lossy().into_owned();
    let all = [
        "list/10.csv",
        "list/9.csv",
        "list/_x=1/e.csv",
        "list/a.csv",
        "list/b.csv",
        "list/deep/c.csv",
        "list/deep/er/d.csv",
    ];
    for (pattern, expected) in [
        ("list/*.csv", &["list/10.csv", "list/9.csv", "list/a.csv", "list/b.csv"][..]),
        (&absolute, &["list/10.csv", "list/9.csv", "list/a.csv", "list/b.csv"]),
        ("list/**/*.csv", &all),
        ("list/[ab].csv", &["list/a.csv", "list/b.csv"]),
        ("list/?.csv", &["list/9.csv", "list/a.csv", "list/b.csv"]),
        ("list/_part.csv", &["list/_part.csv"]),
        ("list/a.csv", &["list/a.csv"]),
        ("list/*.parquet", &[]),
        ("list/gone.csv", &[]),
    ] {
        let found = given(LIST, list(stand, pattern))?;
        let expected = Listing::Objects(expected.iter().map(|name| stand.root().join(name)).collect());
        require(LIST, found == expected, || format!("{pattern} gives {found:?}, not {expected:?}"))?;
    }
    let folder = given(LIST, list(stand, "list/deep"))?;
    require(LIST, folder == Listing::Folder { extension: "csv" }, || format!("a folder gives {folder:?}"))
}

fn list(stand: &dyn Stand, pattern: &str) -> Result<Listing, StorageError> {
    let pattern = ObjectPattern::parse(pattern).expect("the patterns of the suite are patterns");
    stand.storage().list(stand.root(), &pattern)
}

/// Pairs of boundaries within so many bytes.
fn boundaries(bytes: usize) -> Vec<Range<usize>> {
    let mut at: Vec<usize> = [0, 1, 2, 250, 251, 252, 4_095, 4_096, 4_097, bytes - 2, bytes - 1, bytes].to_vec();
    at.retain(|at| *at <= bytes);
    at.iter().flat_map(|start| at.iter().filter(move |end| *end >= start).map(move |end| *start..*end)).collect()
}

fn ranges(stand: &dyn Stand) -> Result<(), Violation> {
    let bytes = content(10_000);
    let name = stand.root().join("ranges");
    stand.put("ranges", &bytes);
    let object = given(RANGES, stand.storage().open(&name))?;
    let length = object.identity().bytes;
    require(LENGTH, length == bytes.len() as u64, || format!("{length} bytes, not {}", bytes.len()))?;
    for range in boundaries(bytes.len()) {
        let read = given(RANGES, object.read_range(range.start as u64..range.end as u64))?;
        require(RANGES, read[..] == bytes[range.clone()], || format!("{range:?} gives other bytes ({})", read.len()))?;
        let mut buffer = vec![0; range.len()];
        let read = given(RANGES, object.read_at(range.start as u64, &mut buffer))?;
        let is_some = read > 0 || range.is_empty();
        require(RANGES, is_some && read <= range.len(), || format!("{range:?}: one read gives {read} bytes"))?;
        let is_same = buffer[..read] == bytes[range.start..range.start + read];
        require(RANGES, is_same, || format!("{range:?}: one read gives other bytes"))?;
    }
    let (mut whole, mut buffer) = (Vec::new(), vec![0; 777]);
    loop {
        match given(LENGTH, object.read_at(whole.len() as u64, &mut buffer))? {
            0 => break,
            read => whole.extend_from_slice(&buffer[..read]),
        }
        require(LENGTH, whole.len() <= bytes.len(), || "it has no end".to_owned())?;
    }
    require(LENGTH, whole == bytes, || format!("{} bytes one after the other, not {}", whole.len(), bytes.len()))?;
    let beyond = given(LENGTH, object.read_at(length + 5, &mut buffer))?;
    require(LENGTH, beyond == 0, || format!("{beyond} bytes beyond its end"))?;
    stand.put("empty", b"");
    let empty = given(LENGTH, stand.storage().open(&stand.root().join("empty")))?;
    let read = given(LENGTH, empty.read_at(0, &mut buffer))?;
    require(LENGTH, empty.identity().bytes == 0 && read == 0, || "nothing has bytes".to_owned())
}

fn concurrent(stand: &dyn Stand) -> Result<(), Violation> {
    let bytes = content(50_000);
    stand.put("shared", &bytes);
    let object = given(CONCURRENT, stand.storage().open(&stand.root().join("shared")))?;
    let read = |thread: usize| {
        for step in 0..200 {
            let start = (thread * 7_919 + step * 131) % 49_000;
            let read = given(CONCURRENT, object.read_range(start as u64..start as u64 + 1_000))?;
            require(CONCURRENT, read[..] == bytes[start..start + 1_000], || format!("at {start}"))?;
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|thread| scope.spawn(move || read(thread))).collect();
        threads.into_iter().try_for_each(|thread| thread.join().expect("reading does not panic"))
    })
}

fn identities(stand: &dyn Stand) -> Result<(), Violation> {
    let identity = |check, name: &str| given(check, stand.storage().identity(&stand.root().join(name)));
    stand.put("one", b"the same content");
    stand.put("other", b"the same content");
    let first = identity(STABLE, "one")?;
    let object = given(STABLE, stand.storage().open(&stand.root().join("one")))?;
    let opened = (object.identity().clone(), given(STABLE, object.current_identity())?);
    let is_same = opened.0 == first && opened.1 == first && identity(STABLE, "one")? == first;
    require(STABLE, is_same, || format!("{first:?} became {opened:?}"))?;
    let other = identity(DISTINCT, "other")?;
    require(DISTINCT, other.object != first.object, || format!("both are {}", first.object))?;
    let mut seen = vec![first];
    for next in ["THE same content", "the same content, and more", "the same", "the same"] {
        stand.put("one", next.as_bytes());
        let now = identity(CHANGES, "one")?;
        require(CHANGES, now.bytes == next.len() as u64, || format!("{} bytes of {next:?}", now.bytes))?;
        require(CHANGES, !seen.contains(&now), || format!("{next:?} has an identity that it had before"))?;
        let current = given(OPEN, object.current_identity())?;
        require(OPEN, current == now && *object.identity() != now, || format!("{current:?} of {next:?}"))?;
        seen.push(now);
    }
    stand.remove("one");
    match object.current_identity() {
        Err(StorageError { fault: StorageFault::Missing(_), .. }) => Ok(()),
        found => Err(Violation { check: OPEN, found: format!("{:?} of an object that was removed", found.ok()) }),
    }
}

fn missing(stand: &dyn Stand) -> Result<(), Violation> {
    let name = stand.root().join("missing/object");
    let is_told = |result: Result<(), StorageError>| match result {
        Err(StorageError { object, fault: StorageFault::Missing(_) }) => object == name,
        _ => false,
    };
    let opened = stand.storage().open(&name).map(drop);
    require(MISSING, is_told(opened), || "opening it".to_owned())?;
    require(MISSING, is_told(stand.storage().identity(&name).map(drop)), || "its identity".to_owned())?;
    // What holds objects is none.
    stand.put("folder/object", b"x");
    let folder: PathBuf = stand.root().join("folder");
    require(MISSING, stand.storage().open(&folder).is_err(), || "a folder opens as an object".to_owned())
}

fn failures(stand: &dyn Stand) -> Result<(), Violation> {
    for (name, retryable) in [("busy", true), ("broken", false)] {
        stand.put(name, b"never read");
        let path = stand.root().join(name);
        let object = given(FAILURES, stand.storage().open(&path))?;
        if !stand.fail(name, retryable) {
            return Ok(());
        }
        let is_told = |found: &StorageError| {
            let is_kind = matches!(found.fault, StorageFault::Failed { retryable: told, .. } if told == retryable);
            is_kind && found.object == path
        };
        let at = object.read_at(0, &mut [0; 4]);
        require(FAILURES, at.as_ref().is_err_and(is_told), || format!("a read of what is {name} gives {at:?}"))?;
        let range = object.read_range(0..4);
        require(FAILURES, range.as_ref().is_err_and(is_told), || format!("a range of what is {name} gives {range:?}"))?;
    }
    Ok(())
}
