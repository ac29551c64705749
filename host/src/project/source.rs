//! Sources: named streams of events, and the files that hold their history.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::paths::distinct_files;
use super::{DeclaredField, Expectation, Key, MappedColumn, OnBadEvent, ProjectError, SqlText};
use crate::entity::{EntityKey, KeyType};
use crate::files::storage::{Listing, ObjectPattern, Storage};
use crate::time::{Length, TimeForm, TimeFormat, TimeUnit};

/// A named stream of events of one schema: files of history, plus what is pushed.
#[derive(Clone, Debug)]
pub struct Source {
    /// The source's name.
    pub name: String,
    /// The entities that each event is about, at least one: it has the key columns of each.
    pub entities: Vec<String>,
    /// The key columns of all its entities, each once, by name: what a pushed event's key holds, in this order.
    pub keys: Vec<Key>,
    /// Paths or patterns of files, relative to the project's root, in the order of their events; none if all is pushed.
    pub files: Vec<String>,
    /// The column that says when an event happened.
    pub event_time: String,
    /// The unit of `event_time` where it is stored as an integer.
    pub event_time_unit: Option<TimeUnit>,
    /// The column that says when an event arrived; without one, when it happened.
    pub arrival_time: Option<String>,
    /// The unit of `arrival_time` where it is stored as an integer.
    pub arrival_time_unit: Option<TimeUnit>,
    /// The format of times that are stored as text, where it is not ISO 8601.
    pub time_format: Option<TimeFormat>,
    /// The column that names an event, so that the same event pushed twice is applied once.
    pub event_id: Option<String>,
    /// Where files and pushes have other names than ours.
    pub columns: Vec<MappedColumn>,
    /// The declared fields, in the order of the document.
    pub fields: Vec<DeclaredField>,
    /// Columns that are computed of the others, for declared views, in the order of the document.
    pub derived: Vec<(String, SqlText)>,
    /// What is expected of the events that are pushed, in the order of the document.
    pub expectations: Vec<Expectation>,
    /// What becomes of a pushed event that breaks an expectation.
    pub on_bad_event: OnBadEvent,
    /// How often its files are materialized, as people mean it to be.
    pub materialize_every: Option<Length>,
    /// Offsets of the log whose events are left out wherever the log is read.
    pub skip_offsets: BTreeSet<u64>,
    /// What it is, for people.
    pub description: Option<String>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// Free labels.
    pub tags: BTreeMap<String, String>,
}

impl Source {
    /// How event times are written.
    pub fn event_time_form(&self) -> TimeForm {
        TimeForm::of_events(self.event_time_unit, self.time_format.clone())
    }

    /// How arrival times are written.
    pub fn arrival_time_form(&self) -> TimeForm {
        TimeForm::of_events(self.arrival_time_unit, self.time_format.clone())
    }

    /// How the times of a field are written: as event or arrival times where it is that column.
    pub fn time_form(&self, field: &str) -> TimeForm {
        match field {
            name if name == self.event_time => self.event_time_form(),
            name if self.arrival_time.as_deref() == Some(name) => self.arrival_time_form(),
            _ => TimeForm { format: self.time_format.clone(), ..TimeForm::default() },
        }
    }

    /// The names and types of its key columns, in the order in which the keys of its events hold their values.
    pub fn key_columns(&self) -> Vec<(String, KeyType)> {
        self.keys.iter().map(|key| (key.name.clone(), key.key_type)).collect()
    }

    /// The key of the entity with the key columns `keys` in an event of this source whose key columns hold `all`; `None` where
    /// it has no such columns.
    pub fn key_of<'k>(&self, keys: &[Key], all: &'k EntityKey) -> Option<Cow<'k, EntityKey>> {
        if self.keys == keys && all.0.len() == keys.len() {
            return Some(Cow::Borrowed(all));
        }
        let at = |key: &Key| self.keys.iter().position(|own| own.name == key.name);
        let values = keys.iter().map(|key| all.0.get(at(key)?).cloned());
        Some(Cow::Owned(EntityKey(values.collect::<Option<Vec<_>>>()?)))
    }

    /// The files of history: those of each pattern sorted by path, patterns in their order, each physical file once, at its
    /// first place, whatever its names.
    ///
    /// A pattern is relative to `root`: see [`ObjectPattern`]. A path that exists is taken as it is. A pattern that matches no file
    /// is an error, and so is a folder.
    pub fn resolve_files(&self, storage: &dyn Storage, root: &Path) -> Result<Vec<PathBuf>, ProjectError> {
        let mut files = Vec::new();
        for pattern in &self.files {
            let matched = self.matching(storage, root, pattern)?;
            if matched.is_empty() {
                let (name, pattern) = (self.name.clone(), pattern.clone());
                return Err(ProjectError::NoFile { name, pattern, folder: root.to_owned() });
            }
            files.extend(matched);
        }
        Ok(distinct_files(storage, files))
    }

    /// The files that match one pattern, in their order.
    fn matching(&self, storage: &dyn Storage, root: &Path, pattern: &str) -> Result<Vec<PathBuf>, ProjectError> {
        let name = || self.name.clone();
        let wrong = |source| ProjectError::Pattern { name: name(), pattern: pattern.to_owned(), source };
        let parsed = match ObjectPattern::parse(pattern) {
            Ok(parsed) => parsed,
            Err(error) => {
                // What is no pattern may be the name of a file.
                let plain = root.join(pattern);
                return storage.identity(&plain).map(|_| vec![plain]).map_err(|_| wrong(error));
            }
        };
        let unlisted = |source| ProjectError::List { name: name(), pattern: pattern.to_owned(), source };
        match storage.list(root, &parsed).map_err(unlisted)? {
            Listing::Objects(files) => Ok(files),
            Listing::Folder { extension } => {
                let pattern = pattern.trim_end_matches('/').to_owned();
                Err(ProjectError::Folder { name: name(), extension, pattern })
            }
        }
    }
}
