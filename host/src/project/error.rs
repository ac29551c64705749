//! What can be wrong with a project, in the words of the person who wrote it.

use std::collections::HashSet;
use std::fmt;
use std::path::{Path, PathBuf};

use super::names::closest;
use super::reference::ReferenceError;
use crate::files::storage::StorageError;

/// How many of the names that there are an error shows.
const NAMES_SHOWN_MAX: usize = 20;

/// A project that cannot be read or resolved.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProjectError {
    /// The folder holds no project file.
    #[error("no onepath.toml in {}; run the command in a project folder or give --project DIR", dir.display())]
    Missing {
        /// The folder.
        dir: PathBuf,
    },
    /// The project file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The project file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The text of the project file is at fault.
    #[error(transparent)]
    Invalid(Box<Invalid>),
    /// The text of the lock file is at fault.
    #[error("{} is not a lock file: {message}; run `onepath build` to write it anew", path.display())]
    Lock {
        /// The lock file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// A name that the project does not have.
    #[error(transparent)]
    UnknownName(#[from] UnknownName),
    /// A text that is not a feature reference.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    /// A view reads a field as what it is not.
    #[error("view {view}: {message}: {help}")]
    Misfit {
        /// The view.
        view: String,
        /// What does not fit.
        message: String,
        /// What to do.
        help: &'static str,
    },
    /// No file matches a source's pattern.
    #[error("source {name:?}: no file matches {pattern:?} in {}", folder.display())]
    NoFile {
        /// The source.
        name: String,
        /// The pattern or path that matches nothing.
        pattern: String,
        /// The folder that it is relative to.
        folder: PathBuf,
    },
    /// A source names a folder.
    #[error("source {name:?}: {pattern} is a folder: write {pattern}/**/*.{extension}")]
    Folder {
        /// The source.
        name: String,
        /// The folder, as the source names it.
        pattern: String,
        /// The extension of the files in it.
        extension: &'static str,
    },
    /// A source's pattern is not one.
    #[error("source {name:?}: {pattern:?} is not a file pattern")]
    Pattern {
        /// The source.
        name: String,
        /// The pattern.
        pattern: String,
        /// Why.
        source: glob::PatternError,
    },
    /// A folder cannot be listed.
    #[error("source {name:?}: cannot list the files that match {pattern:?}")]
    List {
        /// The source.
        name: String,
        /// The pattern.
        pattern: String,
        /// Why.
        source: StorageError,
    },
}

/// A fault in the text of a project file, and where it is.
///
/// The first line of its display is `path:line:column: message`; then come the text with a caret under it, and help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    pub(super) path: PathBuf,
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) message: String,
    pub(super) snippet: String,
}

impl Invalid {
    /// The project file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The line of the fault, from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// The column of the fault in characters, from 1.
    pub fn column(&self) -> usize {
        self.column
    }

    /// What is wrong, in one line.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}:{}:{}: {}", self.path.display(), self.line, self.column, self.message)?;
        f.write_str(&self.snippet)
    }
}

impl std::error::Error for Invalid {}

/// A name that the project does not have, with what was probably meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownName {
    /// What was looked for: entity, source, view or service.
    pub kind: &'static str,
    /// The name that was asked for.
    pub name: String,
    /// The names that there are.
    pub known: Vec<String>,
}

impl UnknownName {
    pub(super) fn new<N: ToString>(kind: &'static str, name: &str, known: impl IntoIterator<Item = N>) -> Self {
        let mut seen = HashSet::new();
        let known = known.into_iter().map(|name| name.to_string()).filter(|name| seen.insert(name.clone())).collect();
        Self { kind, name: name.to_owned(), known }
    }

    /// The known name that was probably meant.
    pub fn suggestion(&self) -> Option<&str> {
        closest(&self.name, self.known.iter().map(String::as_str))
    }

    /// What is wrong, without help.
    pub(super) fn message(&self) -> String {
        format!("unknown {} {:?}", self.kind, self.name)
    }

    /// What to do: the name that was probably meant, and those that there are.
    pub(super) fn help(&self) -> String {
        let plural = if self.kind == "entity" { "entities".to_owned() } else { format!("{}s", self.kind) };
        let known = match self.known.as_slice() {
            [] => format!("the project declares no {plural}"),
            names if names.len() > NAMES_SHOWN_MAX => {
                let more = names.len() - NAMES_SHOWN_MAX;
                format!("known {plural}: {} and {more} more", names[..NAMES_SHOWN_MAX].join(", "))
            }
            names => format!("known {plural}: {}", names.join(", ")),
        };
        match self.suggestion() {
            Some(name) => format!("did you mean {name:?}? {known}"),
            None => known,
        }
    }
}

impl fmt::Display for UnknownName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.message(), self.help())
    }
}

impl std::error::Error for UnknownName {}
