//! The lock file: which component each view runs and which identity it has, by digest, as a person last built them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{Project, ProjectError};

/// The name of the lock file in the project's folder.
pub const LOCK_FILE: &str = "onepath.lock";

/// The format that this onepath writes.
const FORMAT: u32 = 2;

/// Which component each view runs, and which identity it has. `onepath build` writes it; commit it, and what a colleague or a server runs can be held
/// to it with `--locked`.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockFile {
    format: u32,
    /// The SHA-256 of each view's component, by the view's name and version.
    #[serde(default)]
    pub components: BTreeMap<String, String>,
    /// The digest of each view's identity, by its name and version: of everything that decides its values.
    #[serde(default)]
    pub identities: BTreeMap<String, String>,
    /// The standard component that runs the declared views; `None` where no view is declared.
    pub standard: Option<PinnedStandard>,
}

/// The standard component of a project's declared views.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PinnedStandard {
    /// Its SHA-256, without a definition.
    pub component: String,
    /// The version of the definitions that it runs.
    pub version: u8,
}

impl LockFile {
    /// A lock file of these components and identities, by the views' names and versions, and of the standard component of those that
    /// are declared.
    pub fn new(
        components: BTreeMap<String, String>,
        identities: BTreeMap<String, String>,
        standard: Option<PinnedStandard>,
    ) -> Self {
        Self { format: FORMAT, components, identities, standard }
    }

    /// The lock file of a project; `None` where there is none.
    pub fn load(project: &Project) -> Result<Option<Self>, ProjectError> {
        let path = Self::path(project);
        match std::fs::read_to_string(&path) {
            Ok(text) => Self::parse(&text, &path).map(Some),
            Err(source) if source.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(ProjectError::Read { path, source }),
        }
    }

    /// Where the lock file of a project lies.
    pub fn path(project: &Project) -> PathBuf {
        let path = project.root.join(LOCK_FILE);
        path.strip_prefix(".").map(Path::to_owned).unwrap_or(path)
    }

    /// Reads `text`, the content of the lock file at `path`.
    pub fn parse(text: &str, path: &Path) -> Result<Self, ProjectError> {
        let wrong = |message: String| ProjectError::Lock { path: path.to_owned(), message };
        let lock: Self = toml::from_str(text).map_err(|error| wrong(error.message().to_owned()))?;
        if lock.format != FORMAT {
            return Err(wrong(format!("it has format {}, and this onepath knows format {FORMAT}", lock.format)));
        }
        Ok(lock)
    }

    /// The file's text: the same for the same components and identities.
    pub fn text(&self) -> String {
        let mut text = format!(
            "# Which component each view runs, and its identity: everything that decides its values. By SHA-256. `onepath build`\n\
             # writes it; commit it, and hold others to it with `--locked`.\nformat = {}\n",
            self.format
        );
        for (table, digests) in [("components", &self.components), ("identities", &self.identities)] {
            text += &format!("\n[{table}]\n");
            for (view, digest) in digests {
                text += &format!("\"{view}\" = \"{digest}\"\n");
            }
        }
        if let Some(PinnedStandard { component, version }) = &self.standard {
            text += &format!("\n[standard]\ncomponent = \"{component}\"\nversion = {version}\n");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let components = [("activity@v1", "ab"), ("cart@v12", "cd")].map(|(view, digest)| (view.into(), digest.into()));
        let identities = [("activity@v1", "01"), ("cart@v12", "23")].map(|(view, digest)| (view.into(), digest.into()));
        let standard = PinnedStandard { component: "45".to_owned(), version: 1 };
        for standard in [None, Some(standard)] {
            let lock = LockFile::new(components.clone().into(), identities.clone().into(), standard);
            let read = LockFile::parse(&lock.text(), Path::new("onepath.lock")).expect("reads what it wrote");
            assert_eq!(read, lock);
        }
    }

    #[test]
    fn what_is_no_lock_file_is_refused() {
        for (text, message) in [
            ("format = 1\n[components]", "it has format 1, and this onepath knows format 2"),
            (
                "format = 2\nviews = {}",
                "unknown field `views`, expected one of `format`, `components`, `identities`, `standard`",
            ),
            ("", "missing field `format`"),
        ] {
            let error = LockFile::parse(text, Path::new("onepath.lock")).expect_err("is refused");
            let expected = format!("onepath.lock is not a lock file: {message}; run `onepath build` to write it anew");
            assert_eq!(error.to_string(), expected);
        }
    }
}
