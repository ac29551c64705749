//! The digests of files that have not changed since they were computed.
//!
//! A file is taken to be the same while its [`Identity`] is: its place, length, time of change, and the time of change of its inode,
//! which no program can set. One that changed within [`SETTLED_US`] of being read is not kept where only times tell that: a change
//! within one tick of the clock that stamps it would not show. What a disk does to bytes by itself shows in no time; so after
//! [`TRUSTED_US`] a digest is not trusted any more, and what proves something (`verify`) does not ask here.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use twox_hash::XxHash3_64;

use super::digest::sha256_of;
use super::error::InputError;
use super::object::OpenInput;
use super::storage::{Identity, Storage};
use super::write_text;
use crate::time::{Clock, SystemClock};

/// How long a file must have been left alone for its digest to be kept, in microseconds.
pub(crate) const SETTLED_US: i64 = 2_000_000;

/// How long a digest is trusted, in microseconds.
const TRUSTED_US: i64 = 24 * 3_600 * 1_000_000;

/// So many digests are kept; with more, all are forgotten.
const FILES_MAX: usize = 10_000;

/// Digests by what their file shares with no other, whatever its names, in a file of their own.
#[derive(Default)]
pub(super) struct Known {
    at: Option<PathBuf>,
    files: BTreeMap<String, Entry>,
    is_changed: bool,
    /// Those of files that may still change, which hold for this run.
    passing: BTreeMap<PathBuf, Entry>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Entry {
    identity: Identity,
    sha256: String,
    /// When the file was read, in microseconds.
    read_us: i64,
}

/// The file of them.
#[derive(Serialize, Deserialize)]
struct Kept {
    /// XXH3-64 of the entries, in hexadecimal.
    checksum: String,
    entries: Box<RawValue>,
}

impl Kept {
    /// The entries, if they are what was written.
    fn entries(text: &str) -> Option<Vec<Entry>> {
        let kept: Self = serde_json::from_str(text).ok()?;
        serde_json::from_str(kept.entries.get()).ok().filter(|_| kept.checksum == checksum(&kept.entries))
    }
}

fn checksum(entries: &RawValue) -> String {
    format!("{:016x}", XxHash3_64::oneshot(entries.get().as_bytes()))
}

impl Known {
    /// The digests that are kept in `at`; none, and none will be, without it. What cannot be read is not known.
    pub(super) fn open(at: Option<&Path>) -> Self {
        let text = at.and_then(|at| std::fs::read_to_string(at).ok());
        let now = SystemClock.now();
        let mut entries = text.and_then(|text| Kept::entries(&text)).unwrap_or_default();
        entries.retain(|entry| (0..TRUSTED_US).contains(&now.saturating_sub(entry.read_us)));
        let files = entries.into_iter().map(|entry| (entry.identity.object.clone(), entry)).collect();
        Self { at: at.map(Path::to_owned), files, ..Self::default() }
    }

    /// The SHA-256 of the bytes of a file, if it was read in this run or an earlier one and has not changed since.
    pub(super) fn get(&self, storage: &dyn Storage, path: &Path) -> Option<String> {
        let identity = storage.identity(path).ok()?;
        let entry = self.passing.get(path).or_else(|| self.files.get(&identity.object))?;
        (entry.identity == identity).then(|| entry.sha256.clone())
    }

    /// Reads the file, and keeps its digest if it was left alone before.
    pub(super) fn read(&mut self, storage: &dyn Storage, path: &Path) -> Result<String, InputError> {
        let now = SystemClock.now();
        let input = OpenInput::open(storage, path)?;
        // It did not change meanwhile, or this is an error.
        let entry = Entry { identity: input.identity().clone(), sha256: sha256_of(&input)?, read_us: now };
        let sha256 = entry.sha256.clone();
        if self.at.is_some() && entry.identity.version.is_settled(now, SETTLED_US) {
            self.keep(entry);
        } else {
            self.passing.insert(path.to_owned(), entry);
        }
        Ok(sha256)
    }

    /// Keeps the digest of a file that was read elsewhere, after a moment, when it had this identity, if it was left alone before.
    pub(super) fn note(&mut self, identity: Identity, sha256: String, after_us: i64) {
        if self.at.is_some() && identity.version.is_settled(after_us, SETTLED_US) {
            self.keep(Entry { identity, sha256, read_us: after_us });
        }
    }

    fn keep(&mut self, entry: Entry) {
        if self.files.len() >= FILES_MAX {
            self.files.clear();
        }
        self.files.insert(entry.identity.object.clone(), entry);
        self.is_changed = true;
    }

    /// Keeps what was read. What cannot be written only costs time, so errors are ignored.
    pub(super) fn save(&mut self) {
        let Some(at) = self.at.as_deref().filter(|_| self.is_changed) else { return };
        let Some(folder) = at.parent() else { return };
        let entries: Vec<&Entry> = self.files.values().collect();
        let text = serde_json::value::to_raw_value(&entries)
            .and_then(|entries| serde_json::to_string(&Kept { checksum: checksum(&entries), entries }));
        if let (Ok(text), Ok(())) = (text, std::fs::create_dir_all(folder)) {
            let _ = write_text(at, &text);
        }
        self.is_changed = false;
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::files::FileSystem;

    #[test]
    fn a_digest_is_kept_until_the_file_changes() {
        let folder = tempfile::tempdir().expect("a folder");
        let (at, path) = (folder.path().join("cache/digests.json"), folder.path().join("events.csv"));
        std::fs::write(&path, "a").expect("writes");
        let mut known = Known::open(Some(&at));
        let of_a = known.read(&FileSystem, &path).expect("reads");
        assert_eq!(known.get(&FileSystem, &path), Some(of_a.clone()), "for this run");
        known.save();
        assert_eq!(
            Known::open(Some(&at)).get(&FileSystem, &path),
            None,
            "a file that was just written may still change unseen"
        );

        // As if it had been written long ago.
        let identity = FileSystem.identity(&path).expect("is there");
        known
            .files
            .insert(identity.object.clone(), Entry { identity, sha256: of_a.clone(), read_us: SystemClock.now() });
        known.is_changed = true;
        known.save();
        assert_eq!(Known::open(Some(&at)).get(&FileSystem, &path), Some(of_a.clone()));
        // A digit that a disk has changed, and one that was read long ago.
        let text = std::fs::read_to_string(&at).expect("reads");
        let flipped = text.replacen(&of_a[..8], "00000000", 1);
        assert_ne!(flipped, text);
        std::fs::write(&at, flipped).expect("writes");
        assert_eq!(Known::open(Some(&at)).get(&FileSystem, &path), None);
        known.files.values_mut().for_each(|entry| entry.read_us -= TRUSTED_US);
        known.is_changed = true;
        known.save();
        assert_eq!(Known::open(Some(&at)).get(&FileSystem, &path), None);
        std::fs::write(&at, text).expect("writes");
        let otherwise = folder.path().join("cache/../events.csv");
        assert_eq!(Known::open(Some(&at)).get(&FileSystem, &otherwise), Some(of_a.clone()), "under another name");
        std::fs::remove_file(&path).expect("removes");
        assert_eq!(Known::open(Some(&at)).get(&FileSystem, &path), None);
        let other = folder.path().join("other");
        std::fs::write(&other, "b").expect("writes");
        std::fs::rename(&other, &path).expect("renames");
        let mut known = Known::open(Some(&at));
        assert_eq!(known.get(&FileSystem, &path), None, "another file of the same length under the same name");
        assert_ne!(known.read(&FileSystem, &path).expect("reads"), of_a);
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
