//! The text of a project: that of its file, then those of the files that it includes, as one document.
//!
//! An included file holds tables alone, so that they stand in the document as if the project file had them.

use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;

use super::ProjectError;
use super::fault::Fault;

/// The text of a project, and which part of it each file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ProjectText {
    text: String,
    /// The files, and where each begins.
    files: Vec<(PathBuf, usize)>,
}

/// What a project file says of others.
#[derive(serde::Deserialize)]
struct Includes {
    #[serde(default)]
    include: Vec<Spanned<String>>,
}

impl ProjectText {
    /// The text of one file.
    pub fn new(path: &Path, text: &str) -> Self {
        Self { text: text.to_owned(), files: vec![(path.to_owned(), 0)] }
    }

    /// Adds a file that is included.
    pub fn push(&mut self, path: &Path, text: &str) {
        if !self.text.ends_with('\n') {
            self.text.push('\n');
        }
        self.files.push((path.to_owned(), self.text.len()));
        self.text.push_str(text);
    }

    /// All of it, as one document.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Each file with its text.
    pub fn files(&self) -> impl Iterator<Item = (&Path, &str)> {
        let ends = self.files.iter().skip(1).map(|(_, start)| *start).chain([self.text.len()]);
        self.files.iter().zip(ends).map(|((path, start), end)| (path.as_path(), &self.text[*start..end]))
    }

    /// The file that a place is in, its text, and where it begins.
    pub fn file_of(&self, place: usize) -> (&Path, &str, usize) {
        let at = self.files.iter().rposition(|(_, start)| *start <= place).unwrap_or(0);
        let (path, text) = self.files().nth(at).unwrap_or((Path::new(""), &self.text));
        (path, text, self.files.get(at).map_or(0, |(_, start)| *start))
    }

    /// Adds the files that the project file names in `include`: those of each pattern sorted by path, each once.
    pub fn include(mut self) -> Result<Self, ProjectError> {
        // What is no project is told when it is parsed.
        let Ok(Includes { include }) = toml::from_str::<Includes>(&self.text) else { return Ok(self) };
        let (own, folder) = match self.files.first() {
            Some((path, _)) => (path.clone(), path.parent().unwrap_or(Path::new("")).to_owned()),
            None => return Ok(self),
        };
        let mut found: Vec<PathBuf> = Vec::new();
        for pattern in &include {
            let files = matching(&folder, pattern).map_err(|fault| self.invalid(fault))?;
            let new = files.into_iter().filter(|file| *file != own);
            for file in new {
                if !found.contains(&file) {
                    found.push(file);
                }
            }
        }
        for path in found {
            let text = std::fs::read_to_string(&path);
            let text = text.map_err(|source| ProjectError::Read { path: path.clone(), source })?;
            self.push(&path, &text);
            let start = self.files.last().map_or(0, |(_, start)| *start);
            check_tables(&text, start).map_err(|fault| self.invalid(fault))?;
        }
        Ok(self)
    }

    /// A fault of this text as an error.
    pub fn invalid(&self, fault: Fault) -> ProjectError {
        ProjectError::Invalid(Box::new(fault.locate_in(self)))
    }
}

/// The files that match a pattern, sorted.
fn matching(folder: &Path, pattern: &Spanned<String>) -> Result<Vec<PathBuf>, Fault> {
    let wrong = |message: String, help: &str| Fault::new(pattern.span(), message).help(help);
    let escaped = glob::Pattern::escape(&folder.to_string_lossy());
    let full = Path::new(&escaped).join(pattern.get_ref());
    let files = glob::glob(&full.to_string_lossy()).map_err(|error| {
        wrong(
            format!("{:?} is not a file pattern: {}", pattern.get_ref(), error.msg),
            "write one such as \"views/*.toml\"",
        )
    })?;
    let mut files: Vec<PathBuf> = files.filter_map(Result::ok).filter(|file| file.is_file()).collect();
    files.sort();
    match files.is_empty() {
        true => Err(wrong(
            format!("no file matches {:?}", pattern.get_ref()),
            "name files relative to the project's folder, such as \"views/*.toml\", or remove it",
        )),
        false => Ok(files),
    }
}

/// Refuses an entry before the first table of an included file: it would be one of the table before.
fn check_tables(text: &str, start: usize) -> Result<(), Fault> {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let words = line.trim();
        if !words.is_empty() && !words.starts_with('#') {
            if words.starts_with('[') {
                return Ok(());
            }
            let from = start + at + line.len() - line.trim_start().len();
            let place: Range<usize> = from..from + words.len();
            return Err(Fault::new(place, "an entry of an included file before its first table")
                .help("an included file has tables alone, such as [views.NAME]: write the others in onepath.toml"));
        }
        at += line.len();
    }
    Ok(())
}
