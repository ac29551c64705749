//! Sources: named streams of events, and the files that hold their history.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use super::{Key, ProjectError};
use crate::entity::EntityKey;
use crate::time::{TimeForm, TimeFormat, TimeUnit};

/// A named stream of events of one schema: files of history, plus what is pushed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The source's name.
    pub name: String,
    /// The entities that each event is about, at least one: it has the key columns of each.
    pub entities: Vec<String>,
    /// The key columns of all its entities, each once, in their order: what a pushed event's key holds.
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

    /// The key of the entity with the key columns `keys` in an event of this source whose key columns hold `all`; `None` where
    /// the event was pushed before the source had those columns.
    pub fn key_of<'k>(&self, keys: &[Key], all: &'k EntityKey) -> Option<Cow<'k, EntityKey>> {
        if self.keys == keys && all.0.len() == keys.len() {
            return Some(Cow::Borrowed(all));
        }
        let at = |key: &Key| self.keys.iter().position(|own| own.name == key.name);
        let values = keys.iter().map(|key| all.0.get(at(key)?).cloned());
        Some(Cow::Owned(EntityKey(values.collect::<Option<Vec<_>>>()?)))
    }

    /// The files of history: those of each pattern sorted by path, patterns in their order, each file once, at its first place.
    ///
    /// A pattern is relative to `root`; `*` and `?` match within a name, `**` any folders, `[a-z]` one of a set. A path that
    /// exists is taken as it is. A pattern that matches no file is an error.
    pub fn resolve_files(&self, root: &Path) -> Result<Vec<PathBuf>, ProjectError> {
        let mut seen = HashSet::new();
        let mut files = Vec::new();
        for pattern in &self.files {
            let matched = self.matching(root, pattern)?;
            if matched.is_empty() {
                let (name, pattern) = (self.name.clone(), pattern.clone());
                return Err(ProjectError::NoFile { name, pattern, folder: root.to_owned() });
            }
            files.extend(matched.into_iter().filter(|file| seen.insert(file.clone())));
        }
        Ok(files)
    }

    /// The files that match one pattern, sorted by path.
    fn matching(&self, root: &Path, pattern: &str) -> Result<Vec<PathBuf>, ProjectError> {
        let plain = root.join(pattern);
        if plain.is_file() {
            return Ok(vec![plain]);
        }
        let absolute = match Path::new(pattern).is_absolute() {
            true => pattern.to_owned(),
            // The root's own letters are not a pattern, whatever they are.
            false => format!("{}/{pattern}", glob::Pattern::escape(&root.to_string_lossy())),
        };
        let options = glob::MatchOptions {
            require_literal_separator: true,
            require_literal_leading_dot: true,
            ..Default::default()
        };
        let wrong = |source| ProjectError::Pattern { name: self.name.clone(), pattern: pattern.to_owned(), source };
        let unlisted = |source| ProjectError::List { name: self.name.clone(), pattern: pattern.to_owned(), source };
        let mut files = glob::glob_with(&absolute, options)
            .map_err(wrong)?
            .collect::<Result<Vec<PathBuf>, _>>()
            .map_err(unlisted)?;
        files.retain(|file| file.is_file());
        files.sort();
        Ok(files)
    }
}
