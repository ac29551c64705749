//! The digests of files that have not changed since they were computed.
//!
//! A file is taken to be the same while its device and inode, its length, and the times of the last change of its bytes and of
//! its inode are what they were. The system sets the last of these by its own clock at every change, whatever a program sets
//! the others to. A file that changed within [`SETTLED_US`] of being read is not kept: a change within one tick of that clock
//! would not show.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::{InputError, InputFault};
use super::{sha256_file, write_text};
use crate::time::{Clock, SystemClock};

/// How long a file must have been left alone for its digest to be kept, in microseconds.
const SETTLED_US: i64 = 2_000_000;

/// So many digests are kept; with more, all are forgotten.
const FILES_MAX: usize = 10_000;

/// Digests by device and inode of their file, whatever its names, in a file of their own.
#[derive(Default)]
pub(super) struct Known {
    at: Option<PathBuf>,
    files: BTreeMap<(u64, u64), Entry>,
    is_changed: bool,
    /// Those of files that may still change, which hold for this run.
    passing: BTreeMap<PathBuf, String>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Entry {
    identity: Identity,
    sha256: String,
}

/// What tells one state of a file from another.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Identity {
    device: u64,
    inode: u64,
    bytes: u64,
    modified_ns: i128,
    changed_ns: i128,
}

impl Identity {
    /// What the file shares with no other: its device and inode.
    fn file(&self) -> (u64, u64) {
        (self.device, self.inode)
    }
}

impl Known {
    /// The digests that are kept in `at`; none, and none will be, without it. What cannot be read is not known.
    pub(super) fn open(at: Option<&Path>) -> Self {
        let text = at.and_then(|at| std::fs::read_to_string(at).ok());
        let entries: Vec<Entry> = text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
        let files = entries.into_iter().map(|entry| (entry.identity.file(), entry)).collect();
        Self { at: at.map(Path::to_owned), files, ..Self::default() }
    }

    /// The SHA-256 of the bytes of a file, if it was read in this run or has not changed since it was.
    pub(super) fn get(&self, path: &Path) -> Option<String> {
        if let Some(sha256) = self.passing.get(path) {
            return Some(sha256.clone());
        }
        let identity = identity(&std::fs::metadata(path).ok()?)?;
        let entry = self.files.get(&identity.file()).filter(|entry| entry.identity == identity)?;
        Some(entry.sha256.clone())
    }

    /// Reads the file, and keeps its digest if it was left alone before and meanwhile.
    pub(super) fn read(&mut self, path: &Path) -> Result<String, InputError> {
        let look = || std::fs::metadata(path).map_err(|error| InputError::new(path, InputFault::Open(error)));
        let (before, now) = (identity(&look()?), i128::from(SystemClock.now()) * 1_000);
        let sha256 = sha256_file(path)?;
        let settled = before.filter(|before| before.changed_ns + i128::from(SETTLED_US) * 1_000 < now);
        if let (Some(before), Some(_)) = (settled, &self.at)
            && identity(&look()?).is_some_and(|after| after == before)
        {
            if self.files.len() >= FILES_MAX {
                self.files.clear();
            }
            self.files.insert(before.file(), Entry { identity: before, sha256: sha256.clone() });
            self.is_changed = true;
        } else {
            self.passing.insert(path.to_owned(), sha256.clone());
        }
        Ok(sha256)
    }

    /// Keeps what was read. What cannot be written only costs time, so errors are ignored.
    pub(super) fn save(&mut self) {
        let Some(at) = self.at.as_deref().filter(|_| self.is_changed) else { return };
        let Some(folder) = at.parent() else { return };
        let entries: Vec<&Entry> = self.files.values().collect();
        if let (Ok(text), Ok(())) = (serde_json::to_string(&entries), std::fs::create_dir_all(folder)) {
            let _ = write_text(at, &text);
        }
        self.is_changed = false;
    }
}

#[cfg(unix)]
fn identity(metadata: &Metadata) -> Option<Identity> {
    use std::os::unix::fs::MetadataExt;
    let nanos = |seconds: i64, nanos: i64| i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
    Some(Identity {
        device: metadata.dev(),
        inode: metadata.ino(),
        bytes: metadata.len(),
        modified_ns: nanos(metadata.mtime(), metadata.mtime_nsec()),
        changed_ns: nanos(metadata.ctime(), metadata.ctime_nsec()),
    })
}

/// Elsewhere no time is known that programs cannot set.
#[cfg(not(unix))]
fn identity(_: &Metadata) -> Option<Identity> {
    None
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_kept_until_the_file_changes() {
        let folder = tempfile::tempdir().expect("a folder");
        let (at, path) = (folder.path().join("cache/digests.json"), folder.path().join("events.csv"));
        std::fs::write(&path, "a").expect("writes");
        let mut known = Known::open(Some(&at));
        let of_a = known.read(&path).expect("reads");
        assert_eq!(known.get(&path), Some(of_a.clone()), "for this run");
        known.save();
        assert_eq!(Known::open(Some(&at)).get(&path), None, "a file that was just written may still change unseen");

        // As if it had been written long ago.
        let identity = identity(&std::fs::metadata(&path).expect("is there")).expect("on unix");
        known.files.insert(identity.file(), Entry { identity, sha256: of_a.clone() });
        known.is_changed = true;
        known.save();
        assert_eq!(Known::open(Some(&at)).get(&path), Some(of_a.clone()));
        let otherwise = folder.path().join("cache/../events.csv");
        assert_eq!(Known::open(Some(&at)).get(&otherwise), Some(of_a.clone()), "under another name");
        std::fs::remove_file(&path).expect("removes");
        assert_eq!(Known::open(Some(&at)).get(&path), None);
        let other = folder.path().join("other");
        std::fs::write(&other, "b").expect("writes");
        std::fs::rename(&other, &path).expect("renames");
        let mut known = Known::open(Some(&at));
        assert_eq!(known.get(&path), None, "another file of the same length under the same name");
        assert_ne!(known.read(&path).expect("reads"), of_a);
    }

    #[test]
    fn what_is_damaged_is_not_known() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = folder.path().join("digests.json");
        std::fs::write(&at, "{\"/etc").expect("writes");
        assert!(Known::open(Some(&at)).files.is_empty());
        assert!(Known::open(None).files.is_empty());
    }
}
