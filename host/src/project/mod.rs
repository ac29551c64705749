//! The project file: `onepath.toml`, read, checked and resolved.
//!
//! Knows nothing of wasm, SQL or what files hold: only names, references between them, and where things are. Reading is a
//! pure function of the text; [`Project::load`], [`Source::resolve_files`] and `paths` are all that touch the disk. Every fault
//! of the text is reported with file, line, column, a caret under the offending part, and what to do.

mod declaration;
mod ejected;
mod expectation;
mod limits;
mod lock;
mod paths;
mod reference;
mod serving;
mod source;
mod view;
mod write;

mod error;
mod fault;
mod field_set;
mod fields;
mod graph;
mod names;
mod raw;
mod resolve;
mod text;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use declaration::{
    AggregateFunction, Aggregation, Declaration, DeclaredFeature, Making, SessionEnd, SqlText, TimeUnitOfFeature,
    WhichSession, Window,
};
pub(crate) use ejected::{NewTransform, with_transform};
pub use error::{Invalid, ProjectError, UnknownName};
pub use expectation::{BrokenExpectation, Expectation, OnBadEvent};
pub(crate) use field_set::{FieldSet, SchemaMisfit, check_declared};
pub use fields::{AmbiguousColumn, DeclaredField, MappedColumn};
pub use limits::{Admission, Isolation, LimitSettings};
pub use lock::{LOCK_FILE, LockFile, PinnedStandard};
pub(crate) use names::closest;
pub(crate) use paths::{distinct_files, is_same_file};
pub use reference::{FeatureReference, ReferenceError, Selection};
pub(crate) use resolve::unknown_name_help;
pub use serving::ServingSettings;
pub use source::Source;
pub(crate) use view::ViewSpans;
pub use view::{FeatureInfo, Input, Transform, View};
pub use write::{NewFields, with_fields};

use self::text::ProjectText;
use crate::entity::KeyType;

/// The name of the project file in its folder.
pub const PROJECT_FILE: &str = "onepath.toml";

/// A project: what its `onepath.toml` declares, in the order of the document, with every reference known to hold.
#[derive(Clone, Debug)]
pub struct Project {
    /// The folder of `onepath.toml`; paths in the file are relative to it.
    pub root: PathBuf,
    /// The project's name.
    pub name: String,
    /// What features describe.
    pub entities: Vec<Entity>,
    /// The named streams of events.
    pub sources: Vec<Source>,
    /// The feature views, one per name and version.
    pub views: Vec<View>,
    /// The feature services.
    pub services: Vec<Service>,
    /// The declared fields of requests, in the order of the document.
    pub request_fields: Vec<DeclaredField>,
    /// What its transforms may use.
    pub limits: LimitSettings,
    /// One of so many calls of a transform is repeated on a fresh instance and compared; 0 for none.
    pub repeat_every: Option<u64>,
    /// What becomes of a component that breaks a law.
    pub admission: Option<Admission>,
    /// How long an instance of a component is used.
    pub isolation: Option<Isolation>,
    /// The folder that holds components by their digests, with the project's root before it, where there is one.
    pub component_store: Option<PathBuf>,
    /// How it is served.
    pub serving: ServingSettings,
    /// Patterns of the files whose tables belong to it.
    pub include: Vec<String>,
    /// The views' positions, each after those whose features it reads.
    order: Vec<usize>,
    /// The text of the project and where it is, for faults that show only once the components are known.
    text: Arc<ProjectText>,
}

/// What features describe, such as a customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entity {
    /// The entity's name.
    pub name: String,
    /// Its key columns, at least one, by name. Keys hold their values in this order, however the document has them.
    pub keys: Vec<Key>,
    /// What it is, for people.
    pub description: Option<String>,
}

/// One key column of an entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// The column's name in files, spines and requests.
    pub name: String,
    /// The type of its values.
    pub key_type: KeyType,
}

/// The exact features that one model reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// The service's name.
    pub name: String,
    /// What it gives, in order, at least one, none twice.
    pub features: Vec<Selection>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// What it is for, for people.
    pub description: Option<String>,
    /// Free labels.
    pub tags: BTreeMap<String, String>,
    /// Where the project file has each of `features`.
    pub(crate) spans: Vec<Range<usize>>,
}

impl Project {
    /// Reads `onepath.toml` in the folder `dir`.
    pub fn load(dir: &Path) -> Result<Self, ProjectError> {
        let path: PathBuf = dir.join(PROJECT_FILE).components().collect();
        let path = path.strip_prefix(".").map(Path::to_owned).unwrap_or(path);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(source) if source.kind() == std::io::ErrorKind::NotFound => {
                return Err(ProjectError::Missing { dir: std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned()) });
            }
            Err(source) => return Err(ProjectError::Read { path, source }),
        };
        Self::of_text(ProjectText::new(&path, &text).include()?)
    }

    /// Reads `text`, the content of the project file at `path`; its folder becomes the project's root. Files that it includes are not
    /// read: what they hold must stand in `text`.
    pub fn parse(text: &str, path: &Path) -> Result<Self, ProjectError> {
        Self::of_text(ProjectText::new(path, text))
    }

    /// Reads the project of these files with their texts: the project file, and those that it includes.
    pub(crate) fn parse_files(files: &[(PathBuf, String)]) -> Result<Self, ProjectError> {
        let mut files = files.iter();
        let Some((path, text)) = files.next() else { return Self::parse("", Path::new(PROJECT_FILE)) };
        let mut text = ProjectText::new(path, text);
        files.for_each(|(path, included)| text.push(path, included));
        Self::of_text(text)
    }

    fn of_text(text: ProjectText) -> Result<Self, ProjectError> {
        let (path, ..) = text.file_of(0);
        let root = match path.parent() {
            Some(folder) if folder != Path::new("") => folder.to_owned(),
            _ => PathBuf::from("."),
        };
        let raw = toml::from_str(text.as_str()).map_err(|error| fault::Fault::from_toml(&error));
        let project = raw.and_then(|raw| resolve::project(raw, root)).map_err(|fault| text.invalid(fault))?;
        Ok(Self { text: Arc::new(text), ..project })
    }

    /// The text of the project, with that of the files that it includes.
    pub(crate) fn text(&self) -> &str {
        self.text.as_str()
    }

    /// The project file and those that it includes, with their texts.
    pub(crate) fn files(&self) -> Vec<(PathBuf, String)> {
        self.text.files().map(|(path, text)| (path.to_owned(), text.to_owned())).collect()
    }

    /// A fault of the project file at `span` that shows only against what the components read.
    pub(crate) fn fault(&self, span: &Range<usize>, message: String, help: String) -> ProjectError {
        self.text.invalid(fault::Fault::new(span.clone(), message).help(help))
    }

    /// As [`Project::fault`], with words beside the caret.
    pub(crate) fn labelled_fault(
        &self,
        span: Range<usize>,
        message: String,
        label: Option<String>,
        help: Option<String>,
    ) -> ProjectError {
        let mut fault = fault::Fault::new(span, message);
        if let Some(label) = label {
            fault = fault.label(label);
        }
        if let Some(help) = help {
            fault = fault.help(help);
        }
        self.text.invalid(fault)
    }

    /// Where a part of the text that is written at `span` stands in the project file; all of it where it is written with escapes.
    pub(crate) fn within(&self, span: &Range<usize>, text: &str, part: Range<usize>) -> Range<usize> {
        let written = self.text().get(span.clone()).unwrap_or_default();
        match written.find(text).filter(|_| !text.is_empty()) {
            Some(at) => span.start + at + part.start..span.start + at + part.end,
            None => span.clone(),
        }
    }

    /// A field that a view cannot read as it is, as an error: at its line where the project file declares it, or else at the view.
    pub(crate) fn misfit(&self, wrong: SchemaMisfit) -> ProjectError {
        let SchemaMisfit { view, message, help, span } = wrong;
        match span {
            Some(span) => self.fault(&span, message, help.to_owned()),
            None => match self.views.iter().find(|known| known.label() == view) {
                Some(known) => self.fault(&known.spans.table, format!("view {view}: {message}"), help.to_owned()),
                None => ProjectError::Misfit { view, message, help },
            },
        }
    }

    /// The folder that holds what onepath keeps for this project.
    pub fn data_dir(&self) -> PathBuf {
        self.root.join(".onepath")
    }

    /// How a file is recorded: relative to the project's folder where it lies in it, absolute where it does not; links are
    /// followed first. So a project that is moved, copied or restored reads its own files.
    pub fn recorded_path(&self, path: &Path) -> PathBuf {
        paths::recorded_path(&self.root, path)
    }

    /// Where a file is that was recorded by [`Project::recorded_path`].
    pub fn located(&self, recorded: &Path) -> PathBuf {
        self.root.join(recorded)
    }

    /// The entity of this name.
    pub fn entity(&self, name: &str) -> Result<&Entity, UnknownName> {
        let found = self.entities.iter().find(|entity| entity.name == name);
        found.ok_or_else(|| UnknownName::new("entity", name, self.entities.iter().map(|entity| &entity.name)))
    }

    /// The source of this name.
    pub fn source(&self, name: &str) -> Result<&Source, UnknownName> {
        let found = self.sources.iter().find(|source| source.name == name);
        found.ok_or_else(|| UnknownName::new("source", name, self.sources.iter().map(|source| &source.name)))
    }

    /// The view called `name` (its highest version), or `name@v2` (that version).
    pub fn view(&self, name: &str) -> Result<&View, UnknownName> {
        match reference::versioned(name) {
            Some((bare, version)) => self.view_version(bare, version),
            None => Err(UnknownName::new("view", name, self.views.iter().map(|view| &view.name))),
        }
    }

    /// The view of this name and version; without a version, its highest.
    pub fn view_version(&self, name: &str, version: Option<u32>) -> Result<&View, UnknownName> {
        graph::find(&self.views, name, version).map(|at| &self.views[at])
    }

    /// The service of this name.
    pub fn service(&self, name: &str) -> Result<&Service, UnknownName> {
        let found = self.services.iter().find(|service| service.name == name);
        found.ok_or_else(|| UnknownName::new("service", name, self.services.iter().map(|service| &service.name)))
    }

    /// Reads a list of feature references, `view:feature,view@v2:feature,view:*`, whose views must exist.
    pub fn references(&self, text: &str) -> Result<Vec<Selection>, ProjectError> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        let selections = parts.map(str::parse).collect::<Result<Vec<Selection>, _>>()?;
        for selection in &selections {
            self.view_version(selection.view(), selection.version())?;
        }
        if selections.is_empty() {
            return Err(ReferenceError::new(text, reference::SELECTION_FORMS).into());
        }
        Ok(selections)
    }

    /// The views that must be evaluated to answer for `selections`: those selected and, before each of them, those
    /// whose features it reads. The order is the same for the same project, whatever the order of `selections`.
    pub fn required_views(&self, selections: &[Selection]) -> Result<Vec<&View>, UnknownName> {
        let mut wanted = vec![false; self.views.len()];
        for selection in selections {
            wanted[graph::find(&self.views, selection.view(), selection.version())?] = true;
        }
        for &at in self.order.iter().rev() {
            if wanted[at] {
                for input in self.views[at].feature_inputs() {
                    wanted[graph::find(&self.views, &input.view, input.version)?] = true;
                }
            }
        }
        Ok(self.order.iter().filter(|at| wanted[**at]).map(|at| &self.views[*at]).collect())
    }

    /// The entities whose keys a question to `views` must bring, in the order of the document. Give it all the views that
    /// are evaluated, [`Project::required_views`]: a view that joins several entities has them by its inputs' views.
    pub fn required_entities(&self, views: &[&View]) -> Vec<&Entity> {
        let named = |entity: &&Entity| views.iter().any(|view| view.entity.as_ref() == Some(&entity.name));
        self.entities.iter().filter(named).collect()
    }
}
