//! Sources: named streams of events, and the files that hold their history.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::paths::distinct_files;
use super::{DeclaredField, Key, MappedColumn, ProjectError};
use crate::entity::{EntityKey, KeyType};
use crate::time::{TimeForm, TimeFormat, TimeUnit};

/// A named stream of events of one schema: files of history, plus what is pushed.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// A pattern is relative to `root`; `*` and `?` match within a name, `**` any folders, `[a-z]` one of a set. A path that
    /// exists is taken as it is. A name that begins with `_` or `.` is no data, unless the pattern has it or it is a folder
    /// `_key=value`: engines keep there what is not committed. A pattern that matches no file is an error, and so is a folder.
    pub fn resolve_files(&self, root: &Path) -> Result<Vec<PathBuf>, ProjectError> {
        let mut files = Vec::new();
        for pattern in &self.files {
            let matched = self.matching(root, pattern)?;
            if matched.is_empty() {
                let (name, pattern) = (self.name.clone(), pattern.clone());
                return Err(ProjectError::NoFile { name, pattern, folder: root.to_owned() });
            }
            files.extend(matched);
        }
        Ok(distinct_files(files))
    }

    /// The files that match one pattern, sorted by path.
    fn matching(&self, root: &Path, pattern: &str) -> Result<Vec<PathBuf>, ProjectError> {
        let plain = root.join(pattern);
        if plain.is_file() {
            return Ok(vec![plain]);
        }
        if plain.is_dir() {
            let (name, pattern) = (self.name.clone(), pattern.trim_end_matches('/').to_owned());
            return Err(ProjectError::Folder { name, extension: extension_within(&plain), pattern });
        }
        let base = std::path::absolute(root).unwrap_or_else(|_| root.to_owned());
        let is_absolute = Path::new(pattern).is_absolute();
        let absolute = match is_absolute {
            true => pattern.to_owned(),
            // The root's own letters are not a pattern, whatever they are.
            false => format!("{}/{pattern}", glob::Pattern::escape(&base.to_string_lossy())),
        };
        let wrong = |source| ProjectError::Pattern { name: self.name.clone(), pattern: pattern.to_owned(), source };
        let unlisted = |source| ProjectError::List { name: self.name.clone(), pattern: pattern.to_owned(), source };
        let files = glob::glob_with(&absolute, MATCHING)
            .map_err(wrong)?
            .collect::<Result<Vec<PathBuf>, _>>()
            .map_err(unlisted)?;
        // How the root is named decides neither what is data nor the order.
        let relative = |file: &PathBuf| match is_absolute {
            true => file.clone(),
            false => file.strip_prefix(&base).unwrap_or(file).to_owned(),
        };
        let mut files: Vec<PathBuf> =
            files.iter().filter(|file| file.is_file()).map(relative).filter(|file| is_data(file, pattern)).collect();
        files.sort();
        Ok(files.into_iter().map(|file| root.join(file)).collect())
    }
}

/// How patterns match: as a shell does.
const MATCHING: glob::MatchOptions =
    glob::MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };

/// Whether a file that matches `pattern` is data: no name below the part of the pattern without wildcards begins with `_` or
/// `.`, but for folders `_key=value`, and for names that the pattern has with that letter.
fn is_data(file: &Path, pattern: &str) -> bool {
    let parts: Vec<&str> = pattern.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    let is_plain = |part: &&&str| !part.contains(['*', '?', '[']);
    let plain = parts.iter().take_while(is_plain).count() + usize::from(pattern.starts_with('/'));
    let names: Vec<_> = file.components().skip(plain).map(|name| name.as_os_str().to_string_lossy()).collect();
    let is_asked_for = |name: &str| {
        let mut same = parts.iter().filter(|part| part.chars().next() == name.chars().next());
        same.any(|part| glob::Pattern::new(part).is_ok_and(|part| part.matches_with(name, MATCHING)))
    };
    names.iter().enumerate().all(|(at, name)| {
        let is_partition = name.starts_with('_') && at + 1 < names.len() && name.find('=').is_some_and(|at| at > 0);
        !name.starts_with(['_', '.']) || is_partition || is_asked_for(name)
    })
}

/// The extension of the files that a folder holds, for help: that of the first format of which there are some.
fn extension_within(folder: &Path) -> &'static str {
    let has = |extension: &&&str| {
        let pattern = format!("{}/**/*.{extension}", glob::Pattern::escape(&folder.to_string_lossy()));
        glob::glob_with(&pattern, MATCHING).is_ok_and(|mut files| files.any(|file| file.is_ok()))
    };
    ["parquet", "csv", "ndjson", "jsonl"].iter().find(has).unwrap_or(&"parquet")
}
