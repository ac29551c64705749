//! Feature views: groups of features made by one transform.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::{Declaration, FeatureReference};
use crate::batch::Value;
use crate::time::Length;

/// A named, versioned group of features made by one transform.
#[derive(Clone, Debug)]
pub struct View {
    /// The view's name.
    pub name: String,
    /// Its version, from 1.
    pub version: u32,
    /// What its features describe: declared, or that of its sources, or else the one that all its inputs' views agree on.
    /// `None` for a view over request fields alone, and for one that joins the features of several entities.
    pub entity: Option<String>,
    /// The sources whose events it reads, all of one entity; at equal times the earlier source's events go first.
    pub sources: Vec<String>,
    /// What each question must bring beside the keys.
    pub inputs: Vec<Input>,
    /// Constants for the transform, in the order of the document.
    pub parameters: Vec<(String, Value)>,
    /// What makes its features.
    pub transform: Transform,
    /// Who answers for it.
    pub owner: Option<String>,
    /// What it is, for people.
    pub description: Option<String>,
    /// How old the newest event may be for the features to be served.
    pub ttl: Option<Length>,
    /// How old the newest event may be before people are told.
    pub freshness: Option<Length>,
    /// Free labels.
    pub tags: BTreeMap<String, String>,
    /// What is declared about single features, by name; those that it does not name have only what the view has.
    pub features: BTreeMap<String, FeatureInfo>,
    /// Where the project file has its parts.
    pub(crate) spans: ViewSpans,
}

/// What makes the features of a view.
#[derive(Clone, Debug)]
pub enum Transform {
    /// A cargo package or a `.wasm` file, with the project's root before it.
    Path(PathBuf),
    /// What the view declares.
    Declared(Declaration),
}

impl Transform {
    /// The cargo package or the `.wasm` file; `None` where the features are declared.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Path(path) => Some(path),
            Self::Declared(_) => None,
        }
    }

    /// The declaration, where the features are declared.
    pub fn declaration(&self) -> Option<&Declaration> {
        match self {
            Self::Path(_) => None,
            Self::Declared(declaration) => Some(declaration),
        }
    }
}

/// Where the project file has the parts of a view: ranges of bytes, for faults that show only against its component.
#[derive(Clone, Debug, Default)]
pub(crate) struct ViewSpans {
    /// The name of its table.
    pub(crate) table: Range<usize>,
    /// Each of its inputs.
    pub(crate) inputs: Vec<Range<usize>>,
    /// The name of each parameter.
    pub(crate) parameters: BTreeMap<String, Range<usize>>,
    /// The table of each feature.
    pub(crate) features: BTreeMap<String, Range<usize>>,
    /// The default of each feature that has one.
    pub(crate) defaults: BTreeMap<String, Range<usize>>,
}

/// What one question brings for a view beside the keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A feature of another view: `view:feature`, or `view:feature as name`.
    Feature {
        /// The feature.
        reference: FeatureReference,
        /// What the transform calls it: the feature's own name unless another is given.
        name: String,
    },
    /// A field of the request: `request:field`.
    Request(String),
}

/// What is declared about one feature.
#[derive(Clone, Debug, Default)]
pub struct FeatureInfo {
    /// Who answers for it; without one, the view's owner.
    pub owner: Option<String>,
    /// What it is, for people.
    pub description: Option<String>,
    /// What replaces a null of it, as the document has it: its type is known with the component.
    pub default: Option<Value>,
    /// How old the newest event may be for it to be served, whatever the view's says; without one, the view's.
    pub ttl: Option<Length>,
    /// How old the newest event may be before people are told; without one, the view's.
    pub freshness: Option<Length>,
    /// Whether profiles may hold its values, of a text: they may be personal data.
    pub profile_values: bool,
    /// Free labels, beside the view's.
    pub tags: BTreeMap<String, String>,
}

impl View {
    /// The view's name and version as they are written in references: `activity@v2`.
    pub fn label(&self) -> String {
        format!("{}@v{}", self.name, self.version)
    }

    /// The features of other views that it reads, in order.
    pub fn feature_inputs(&self) -> impl Iterator<Item = &FeatureReference> {
        self.inputs.iter().filter_map(|input| match input {
            Input::Feature { reference, .. } => Some(reference),
            Input::Request(_) => None,
        })
    }

    /// The fields of the request that it reads, in order.
    pub fn request_inputs(&self) -> impl Iterator<Item = &str> {
        self.inputs.iter().filter_map(|input| match input {
            Input::Feature { .. } => None,
            Input::Request(field) => Some(field.as_str()),
        })
    }
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Feature { reference, name } if reference.feature == *name => reference.fmt(f),
            Self::Feature { reference, name } => write!(f, "{reference} as {name}"),
            Self::Request(field) => write!(f, "request:{field}"),
        }
    }
}
