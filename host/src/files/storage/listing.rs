//! Patterns of names: what they match, what of it is data, and in which order.

use std::path::{Path, PathBuf};

/// A path, or a pattern of some, with `/` between names.
///
/// `*` and `?` match within a name, `**` any folders, `[a-z]` one of a set. A name that begins with `_` or `.` is no data,
/// unless the pattern has it or it is a folder `_key=value`: engines keep there what is not committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectPattern {
    text: String,
    pattern: glob::Pattern,
}

/// What a pattern names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listing {
    /// These objects, in the declared order; there may be none.
    Objects(Vec<PathBuf>),
    /// A folder, which holds files of this extension, rather than objects.
    Folder {
        /// Of the first format of which there are some.
        extension: &'static str,
    },
}

/// Extensions of data, for the help about a folder.
pub(super) const EXTENSIONS: [&str; 4] = ["parquet", "csv", "ndjson", "jsonl"];

/// How patterns match: as a shell does.
pub(super) const MATCHING: glob::MatchOptions =
    glob::MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };

impl ObjectPattern {
    /// The pattern that a text is.
    pub fn parse(text: &str) -> Result<Self, glob::PatternError> {
        Ok(Self { text: text.to_owned(), pattern: glob::Pattern::new(text)? })
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it says where it begins, whatever the root.
    pub fn is_absolute(&self) -> bool {
        Path::new(&self.text).is_absolute()
    }

    /// Whether it matches a name, which is relative unless the pattern is absolute.
    pub fn matches(&self, name: &Path) -> bool {
        self.pattern.matches_path_with(name, MATCHING)
    }

    /// Those of `names`, which match, that are data, in the declared order. Names are relative unless the pattern is absolute, so
    /// that how the root is named decides neither.
    pub fn data_in_order(&self, mut names: Vec<PathBuf>) -> Vec<PathBuf> {
        names.retain(|name| is_data(name, &self.text));
        names.sort();
        names
    }
}

/// Whether what matches `pattern` is data: no name below the part of the pattern without wildcards begins with `_` or `.`, but
/// for folders `_key=value`, and for names that the pattern has with that letter.
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
