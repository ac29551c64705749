//! A declared view as a Rust crate: what `onepath eject` writes.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use onepath_definition::Checked;
use toml::{Table, Value};

use super::FeatureStore;
use crate::Error;
use crate::build::formatted;
use crate::declare::{self, Ejection};
use crate::files::{self, OutputError};
use crate::project::{Declaration, NewTransform, Project, View, with_transform};
use crate::scaffold::{self, File};

/// A view that was ejected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ejected {
    /// The view.
    pub view: String,
    /// The folder of its crate, relative to the project's.
    pub folder: String,
    /// The files that were written, relative to the project's folder.
    pub files: Vec<PathBuf>,
    /// The view in the project file, with the crate as its transform.
    pub declaration: String,
    /// The file that holds the view.
    pub declared_in: PathBuf,
    /// Whether it was written there.
    pub in_place: bool,
}

/// A view that cannot be ejected.
#[derive(Debug, thiserror::Error)]
pub enum EjectError {
    /// The view is not declared.
    #[error("view {view} has a transform: its crate is there already")]
    NotDeclared {
        /// The view.
        view: String,
    },
    /// What it declares cannot be written in Rust.
    #[error("view {view} cannot be ejected: {message}")]
    Refused {
        /// The view.
        view: String,
        /// Why, and what to do.
        message: String,
    },
    /// The folder lies elsewhere.
    #[error("{path} does not lie in the project's folder: name one that does, as transforms/NAME")]
    Elsewhere {
        /// The folder.
        path: PathBuf,
    },
    /// Something lies there already.
    #[error("{path} is there already: name another folder with --out, or remove it")]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// The project has a workspace in which the crate cannot be.
    #[error("{path} {message}")]
    Workspace {
        /// Its manifest.
        path: PathBuf,
        /// What is missing, and what to do.
        message: String,
    },
    /// A file cannot be written.
    #[error("cannot write {path}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The project file cannot be written.
    #[error(transparent)]
    ProjectFile(#[from] OutputError),
    /// The project is wrong.
    #[error(transparent)]
    Project(Box<Error>),
}

impl From<Error> for EjectError {
    fn from(error: Error) -> Self {
        EjectError::Project(Box::new(error))
    }
}

impl FeatureStore {
    /// Writes the crate that does what a declared view does into `out`, a folder of the project: `transforms/NAME` where none is named.
    /// With `in_place` the project file is changed, too.
    pub fn eject(&self, view: &View, out: Option<&Path>, in_place: bool) -> Result<Ejected, EjectError> {
        let label = view.label();
        let definition = self.definition(view)?;
        let (Some(definition), Some(declaration)) = (definition, view.transform.declaration()) else {
            return Err(EjectError::NotDeclared { view: label });
        };
        let root = &self.project().root;
        let folder = self.folder_of(view, out)?;
        let package = folder.rsplit('/').next().unwrap_or_default();
        let package: String =
            package.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' }).collect();
        let checked = Checked::new((*definition).clone());
        let checked = checked.map_err(|wrong| Error::Declared { view: label.clone(), message: wrong.to_string() })?;
        let words = |at: usize| declare::feature_words(declaration, at, &definition, &view.sources);
        let ejection = Ejection {
            view: &label,
            name: &view.name,
            has_sources: !view.sources.is_empty(),
            features: &(0..definition.features.len()).map(words).collect::<Vec<String>>(),
            stores: &declare::store_words(&definition).into_iter().map(|store| store.kept).collect::<Vec<String>>(),
        };
        let library = declare::library(&checked, &ejection)
            .map_err(|message| EjectError::Refused { view: label.clone(), message })?;
        let mut new = workspace(root, &folder, &package)?;
        let description = format!("The view {label}, ejected from its declaration");
        new.extend(scaffold::package_files(&folder, &package, &description, formatted(&library, root)));
        let (path, text, alone) = self.with_crate(view, declaration, &folder)?;
        let files = write(root, &new)?;
        if in_place {
            let path = path.canonicalize().unwrap_or_else(|_| path.clone());
            files::write_text(&path, text.strip_suffix('\n').unwrap_or(&text))?;
        }
        Ok(Ejected { view: label, folder, files, declaration: alone, declared_in: path, in_place })
    }

    /// The folder of the crate, relative to the project's, with `/`. Nothing lies there.
    fn folder_of(&self, view: &View, out: Option<&Path>) -> Result<String, EjectError> {
        let root = &self.project().root;
        let name = if view.version == 1 { view.name.clone() } else { format!("{}_v{}", view.name, view.version) };
        let out = out.map_or_else(|| Path::new("transforms").join(&name), Path::to_owned);
        let within = if out.is_absolute() {
            let absolute = std::path::absolute(root).unwrap_or_else(|_| root.clone());
            out.strip_prefix(absolute).map(Path::to_owned).unwrap_or(out.clone())
        } else {
            out.clone()
        };
        let parts: Option<Vec<&str>> = within
            .components()
            .filter(|part| !matches!(part, std::path::Component::CurDir))
            .map(|part| match part {
                std::path::Component::Normal(part) => part.to_str(),
                _ => None,
            })
            .collect();
        let Some(parts) = parts.filter(|parts| !parts.is_empty()) else {
            return Err(EjectError::Elsewhere { path: out });
        };
        let path = root.join(&within);
        let is_free = match std::fs::read_dir(&path) {
            Ok(mut entries) => entries.next().is_none(),
            Err(error) => error.kind() == io::ErrorKind::NotFound && !path.exists(),
        };
        if is_free { Ok(parts.join("/")) } else { Err(EjectError::NotEmpty { path }) }
    }

    /// The project file of a view with its crate as its transform: its path, its text, and the view alone.
    fn with_crate(
        &self,
        view: &View,
        declaration: &Declaration,
        folder: &str,
    ) -> Result<(PathBuf, String, String), EjectError> {
        let mut became: BTreeMap<usize, (String, Vec<String>)> = BTreeMap::new();
        for feature in &declaration.features {
            let written = self.project().text().get(feature.span.clone()).unwrap_or_default();
            let key = written.trim_matches(['"', '\'']).to_owned();
            let several = became.entry(feature.span.start).or_insert_with(|| (key, Vec::new()));
            several.1.push(feature.name.clone());
        }
        let request = declaration.request.iter().map(|field| field.name.clone()).collect();
        let mut files = Vec::new();
        let mut found = None;
        for (path, text) in self.project().files() {
            for key in [view.name.clone(), view.label()] {
                let new = NewTransform {
                    view: key,
                    transform: folder.to_owned(),
                    request: Vec::clone(&request),
                    features: became.values().cloned().collect(),
                };
                let written =
                    with_transform(&text, &new).map_err(|source| Error::ProjectText { path: path.clone(), source })?;
                if found.is_none()
                    && let Some(written) = written
                {
                    found = Some((path.clone(), written.text, written.view));
                }
            }
            files.push((path, text));
        }
        let Some(found) = found else {
            let message = "its table is not found in the project's files".to_owned();
            return Err(EjectError::Refused { view: view.label(), message });
        };
        // What is written is a project.
        for (path, text) in &mut files {
            if *path == found.0 {
                text.clone_from(&found.1);
            }
        }
        Project::parse_files(&files).map_err(Error::from)?;
        Ok(found)
    }
}

/// The files that the project's workspace lacks.
fn workspace(root: &Path, folder: &str, package: &str) -> Result<Vec<File>, EjectError> {
    let path = root.join("Cargo.toml");
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(_) => {
            let files = scaffold::workspace_files(folder, package).into_iter();
            return Ok(files.filter(|file| !root.join(&file.path).exists()).collect());
        }
    };
    let wrong = |message: &str| EjectError::Workspace { path: path.clone(), message: message.to_owned() };
    let manifest: Table = text.parse().map_err(|error| wrong(&format!("is no manifest: {error}")))?;
    let workspace = manifest.get("workspace").and_then(Value::as_table);
    let dependency = workspace
        .and_then(|workspace| workspace.get("dependencies"))
        .and_then(|dependencies| dependencies.get("onepath-sdk"));
    let Some(dependency) = dependency else {
        return Err(wrong(
            "has no onepath-sdk under [workspace.dependencies]: add it, as the project that `onepath new` makes has it",
        ));
    };
    let members = workspace.and_then(|workspace| workspace.get("members")).and_then(Value::as_array);
    let is_member = |pattern: &Value| {
        let pattern = pattern.as_str().and_then(|pattern| glob::Pattern::new(pattern).ok());
        pattern.is_some_and(|pattern| pattern.matches(folder))
    };
    if !members.is_some_and(|members| members.iter().any(is_member)) {
        return Err(wrong(&format!("does not have {folder} among the members of its workspace: add it to `members`")));
    }
    if let Some(sdk) = dependency.get("path").and_then(Value::as_str)
        && !root.join(sdk).join("src/sql/mod.rs").exists()
    {
        return Err(wrong(&format!(
            "has an SDK in {sdk} that does not have the functions of SQL: replace that folder by the one that `onepath new` makes"
        )));
    }
    Ok(Vec::new())
}

/// Writes files; gives their names. If one cannot be written, those before it stay.
fn write(root: &Path, new: &[File]) -> Result<Vec<PathBuf>, EjectError> {
    for file in new {
        let path = root.join(&file.path);
        let folder = path.parent().unwrap_or(root);
        std::fs::create_dir_all(folder)
            .and_then(|()| std::fs::write(&path, &file.text))
            .map_err(|source| EjectError::Write { path: path.clone(), source })?;
    }
    Ok(new.iter().map(|file| PathBuf::from(&file.path)).collect())
}
