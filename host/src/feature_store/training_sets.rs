//! Which training sets were made of a project: a note of each, so that whoever changes a feature knows who has trained on it.
//!
//! A note is a file of its own in `.onepath/training-sets/`, named by the digest of the training set's path, and it appears whole or
//! not at all. So a backfill needs no store to be open for writing, which another process may have, and any number of backfills
//! may run at once; one that writes the same path again takes the place of its note.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::FeatureStore;
use super::backfill::manifest_path;
use crate::Error;
use crate::digest::sha256_hex;
use crate::files;
use crate::time::format_time;

/// How many training sets are noted. Beyond, the notes that were written first make room.
pub const TRAINING_SETS_MAX: usize = 1_000;

/// How many features a note names.
const FEATURES_MAX: usize = 10_000;

/// What is noted of a training set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrainingSet {
    /// Where it is: relative to the project's folder where it lies in it, absolute where it does not.
    pub path: PathBuf,
    /// Its path, as it was given.
    pub given: PathBuf,
    /// When it was made.
    pub made_at: String,
    /// The service that it was made with, if it was.
    pub service: Option<String>,
    /// Its features with their versions, such as `activity@v1:purchase_count_30d`, up to 10,000.
    pub features: Vec<String>,
    /// How many features it has.
    pub feature_count: u64,
    /// The views that made them, with their components.
    pub views: Vec<TrainingSetView>,
    /// How many rows it has.
    pub rows: u64,
    /// The SHA-256 of it.
    pub sha256: Option<String>,
    /// The SHA-256 of its manifest.
    pub manifest_sha256: String,
}

/// What made the features of a training set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrainingSetView {
    /// The view, with its version.
    pub view: String,
    /// The digest of its component.
    pub component: String,
}

/// What a note takes from a manifest.
#[derive(Deserialize)]
struct Made {
    service: Option<String>,
    features: Vec<String>,
    views: Vec<TrainingSetView>,
    rows: u64,
    output: Option<MadeOutput>,
}

#[derive(Deserialize)]
struct MadeOutput {
    sha256: String,
}

impl FeatureStore {
    /// Notes the training set at `out`, whose manifest lies beside it. One within the project's `.onepath` is for a moment, and is not
    /// noted.
    pub fn note_training_set(&self, out: &Path) -> Result<(), Error> {
        let path = self.project().recorded_path(out);
        let own = self.project().recorded_path(&self.project().data_dir());
        if path.starts_with(own) {
            return Ok(());
        }
        let manifest = manifest_path(out);
        let unreadable = |source| Error::Unreadable { path: manifest.clone(), source };
        let json = std::fs::read(&manifest).map_err(unreadable)?;
        let made: Made = serde_json::from_slice(&json).map_err(|error| unreadable(error.into()))?;
        let feature_count = made.features.len() as u64;
        let note = TrainingSet {
            given: out.to_owned(),
            made_at: format_time(self.options().clock.now()),
            service: made.service,
            features: made.features.into_iter().take(FEATURES_MAX).collect(),
            feature_count,
            views: made.views,
            rows: made.rows,
            sha256: made.output.map(|output| output.sha256),
            manifest_sha256: sha256_hex(json),
            path,
        };
        let name = &sha256_hex(note.path.as_os_str().as_encoded_bytes())[..32];
        let body = serde_json::to_string(&note).unwrap_or_default();
        let dir = self.training_sets_dir();
        let write = |source| Error::Write { path: dir.clone(), source };
        std::fs::create_dir_all(&dir).map_err(write)?;
        files::write_text(&dir.join(format!("{name}.json")), &format!("{}\n{body}", sha256_hex(body.as_bytes())))?;
        make_room(&dir).map_err(write)
    }

    /// As [`FeatureStore::note_training_set`], where what goes wrong is only worth a warning: the training set itself is there.
    pub(super) fn note_or_warn(&self, out: &Path) {
        if let Err(error) = self.note_training_set(out) {
            let cause = std::error::Error::source(&error).map_or_else(String::new, |cause| format!(": {cause}"));
            (self.options().warning)(&format!(
                "{} is not noted as a training set of this project, and `onepath describe` will not name it among the readers of its \
                 features: {error}{cause}",
                out.display()
            ));
        }
    }

    /// The training sets that were noted, the newest first. A note that is damaged is told, and left out.
    pub(super) fn training_sets(&self) -> Vec<TrainingSet> {
        let Ok(found) = notes(&self.training_sets_dir()) else { return Vec::new() };
        let mut sets = Vec::with_capacity(found.len());
        for path in found {
            match std::fs::read_to_string(&path).ok().as_deref().map(read) {
                Some(Some(note)) => sets.push(note),
                Some(None) => (self.options().warning)(&format!(
                    "the note of a training set, {}, is not as it was written: delete it, and run its backfill again to have it noted",
                    path.display()
                )),
                // It made room meanwhile.
                None => {}
            }
        }
        sets.sort_by(|a, b| b.made_at.cmp(&a.made_at).then_with(|| a.path.cmp(&b.path)));
        sets
    }

    fn training_sets_dir(&self) -> PathBuf {
        self.project().data_dir().join("training-sets")
    }
}

/// A note, if it is as it was written.
fn read(text: &str) -> Option<TrainingSet> {
    let (digest, body) = text.trim_end().split_once('\n')?;
    serde_json::from_str(body).ok().filter(|_| sha256_hex(body.as_bytes()) == digest)
}

/// The files of notes in a folder.
fn notes(dir: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut notes = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            notes.push(path);
        }
    }
    Ok(notes)
}

/// Removes the notes that were written first, where there are too many.
fn make_room(dir: &Path) -> std::io::Result<()> {
    let found = notes(dir)?;
    let Some(too_many) = found.len().checked_sub(TRAINING_SETS_MAX).filter(|too_many| *too_many > 0) else {
        return Ok(());
    };
    let mut dated = Vec::with_capacity(found.len());
    for path in found {
        // One that is gone made room itself.
        if let Ok(written) = path.metadata().and_then(|metadata| metadata.modified()) {
            dated.push((written, path));
        }
    }
    dated.sort();
    for (_, path) in dated.into_iter().take(too_many) {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_notes_that_were_written_first_make_room() {
        let dir = tempfile::tempdir().expect("a folder");
        let epoch = std::time::SystemTime::UNIX_EPOCH;
        for at in 0..TRAINING_SETS_MAX + 3 {
            let path = dir.path().join(format!("{at}.json"));
            let file = std::fs::File::create(&path).expect("makes");
            // The later ones by name were written earlier.
            file.set_modified(epoch + std::time::Duration::from_secs((5_000 - at) as u64)).expect("dates it");
        }
        std::fs::write(dir.path().join("other.txt"), "kept").expect("writes");
        make_room(dir.path()).expect("makes room");
        assert_eq!(notes(dir.path()).expect("lists").len(), TRAINING_SETS_MAX);
        let is_there = |at: usize| dir.path().join(format!("{at}.json")).exists();
        assert!(is_there(TRAINING_SETS_MAX - 1) && !is_there(TRAINING_SETS_MAX) && !is_there(TRAINING_SETS_MAX + 2));
        assert!(dir.path().join("other.txt").exists());
    }

    #[test]
    fn a_note_that_was_changed_is_none() {
        let note = TrainingSet {
            path: PathBuf::from("t.csv"),
            given: PathBuf::from("t.csv"),
            made_at: "2024-01-01T00:00:00Z".to_owned(),
            service: None,
            features: vec!["a@v1:x".to_owned()],
            feature_count: 1,
            views: Vec::new(),
            rows: 3,
            sha256: None,
            manifest_sha256: String::new(),
        };
        let body = serde_json::to_string(&note).expect("JSON");
        let text = format!("{}\n{body}\n", sha256_hex(body.as_bytes()));
        assert_eq!(read(&text), Some(note));
        assert_eq!(read(&text.replace("\"rows\":3", "\"rows\":4")), None);
        assert_eq!(read(&body), None);
    }
}
