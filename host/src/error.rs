//! What can go wrong, in one type. Each room has its own errors; here they meet for those who use a whole feature store.
//! Of answering online it knows nothing: that has an error of its own.

use std::path::PathBuf;

use crate::batch::ColumnError;
use crate::build::ComponentStoreError;
use crate::evaluate::{EvaluateError, ProgramError};
use crate::events::{IndexError, ReadError};
use crate::files::{InputError, OutputError};
use crate::log::LogError;
use crate::project::{ProjectError, ReferenceError, UnknownName};
use crate::replay::ReplayError;
use crate::store::StoreError;
use crate::time::TimeError;
use crate::wasm::LoadError;

/// What can go wrong in a feature store.
///
/// `Display` says what and where; [`std::error::Error::source`] holds the cause, where there is one.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The project file is wrong.
    #[error(transparent)]
    Project(#[from] ProjectError),
    /// A name that the project does not have.
    #[error(transparent)]
    Unknown(#[from] UnknownName),
    /// A text is not a feature reference.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    /// A component cannot be loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The component store cannot be used.
    #[error(transparent)]
    ComponentStore(#[from] ComponentStoreError),
    /// A view does not fit its component.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// An input file is wrong.
    #[error(transparent)]
    File(#[from] InputError),
    /// Events cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The output cannot be written.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// A replay could not be finished.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// A component gave no answer.
    #[error(transparent)]
    Evaluate(#[from] EvaluateError),
    /// The ids of the materialized history are not there.
    #[error(transparent)]
    Ids(#[from] IndexError),
    /// The event log failed.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The online store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// More text than one column holds.
    #[error(transparent)]
    Column(#[from] ColumnError),
    /// A text is not a time.
    #[error(transparent)]
    Time(#[from] TimeError),
    /// The files of sources were never folded into states.
    #[error(
        "the history of {sources} is not materialized, so all that its files hold would be NOT_FOUND: run `onepath materialize`, or \
         pass --allow-unmaterialized to answer from what is pushed alone"
    )]
    NotMaterialized {
        /// The sources, separated by commas.
        sources: String,
    },
    /// The component was not built yet.
    #[error("the transform of view {view} is not built: run `onepath build` (package {package}){elsewhere}")]
    NotBuilt {
        /// The view.
        view: String,
        /// Its cargo package.
        package: PathBuf,
        /// What was found in the component store, if there is one.
        elsewhere: String,
    },
    /// The component answers nothing.
    #[error(
        "view {view}: every question that its transform was tried on failed: {why}; `onepath check {view}` shows the smallest"
    )]
    NoAnswer {
        /// The view.
        view: String,
        /// What the first one came to.
        why: String,
    },
    /// The package of a component has changed since.
    #[error("view {view}: {changed} since it was built: run `onepath build`")]
    Stale {
        /// The view.
        view: String,
        /// What has changed.
        changed: String,
    },
    /// The declaration of a view becomes no component.
    #[error("view {view}: {message}")]
    Declared {
        /// The view.
        view: String,
        /// Why.
        message: String,
    },
    /// The component file is missing.
    #[error("the component of view {view} is missing: no file {path}{elsewhere}")]
    NoComponent {
        /// The view.
        view: String,
        /// The file.
        path: PathBuf,
        /// What was found in the component store, if there is one.
        elsewhere: String,
    },
    /// The component that served is gone.
    #[error("view {view} was served by component {digest}, which is not kept at {path} as it was{elsewhere}")]
    LostComponent {
        /// The view.
        view: String,
        /// The digest that served.
        digest: String,
        /// Where it should be.
        path: PathBuf,
        /// What was found in the component store, if there is one.
        elsewhere: String,
    },
    /// The component is not the one that is pinned.
    #[error(
        "view {view} would run component {digest}, but {path} pins {pinned}: restore that component, or run `onepath build` to \
         pin this one"
    )]
    Locked {
        /// The view.
        view: String,
        /// The component that there is.
        digest: String,
        /// The component that is pinned.
        pinned: String,
        /// The lock file.
        path: PathBuf,
    },
    /// The view is not the one that is pinned, though its component is.
    #[error(
        "view {view} has the identity {identity}, but {path} pins {pinned}: put back what decides its values (parameters, keys, \
         sources and what they mean, ttl, inputs), or run `onepath build` to pin it as it is"
    )]
    LockedIdentity {
        /// The view.
        view: String,
        /// The digest of the identity that it has.
        identity: String,
        /// The one that is pinned.
        pinned: String,
        /// The lock file.
        path: PathBuf,
    },
    /// Nothing is pinned.
    #[error("there is no lock file {path} to hold components to: run `onepath build` to write it")]
    NoLock {
        /// The lock file.
        path: PathBuf,
    },
    /// The component breaks a law.
    #[error(
        "the component of view {view} breaks the law {law} ({statement}): {difference}; `onepath check {view}` shows the \
         smallest such input, and `admission` under [project] says what becomes of such a component"
    )]
    LawBroken {
        /// The view.
        view: String,
        /// The law.
        law: &'static str,
        /// What it says.
        statement: &'static str,
        /// Where the first case differs, on one line.
        difference: String,
    },
    /// What is kept was made from another log than the one that is there.
    #[error("{path} is not the log that was served from, it was replaced: put the right one back to verify against it")]
    OtherLog {
        /// The log that is there.
        path: PathBuf,
    },
    /// A feature that the view does not give.
    #[error("view {view} has no feature {feature}; it has: {known}")]
    UnknownFeature {
        /// The view.
        view: String,
        /// The name asked for.
        feature: String,
        /// Those that exist.
        known: String,
    },
    /// Inputs that do not fit.
    #[error("view {view}: {message}")]
    Input {
        /// The view.
        view: String,
        /// What does not fit.
        message: String,
    },
    /// A spine or a request that lacks something.
    #[error("{message}")]
    Request {
        /// What is wrong and what to do.
        message: String,
    },
    /// A history file is not what it was.
    #[error("the history file {path} is not the one that was materialized: {message}")]
    ChangedHistory {
        /// The file.
        path: PathBuf,
        /// What differs.
        message: String,
    },
    /// The project file cannot be changed.
    #[error("fields cannot be added to {path}: it was changed meanwhile and is no longer TOML")]
    ProjectText {
        /// The project file.
        path: PathBuf,
        /// What is wrong with it.
        source: toml_edit::TomlError,
    },
    /// A source leaves out an offset that is not its own.
    #[error(
        "source {source_name} leaves out offset {offset} of the log, {why}: correct `skip_offsets` under [sources.{source_name}]"
    )]
    SkippedOffset {
        /// The source.
        source_name: String,
        /// The offset.
        offset: u64,
        /// What there is instead.
        why: String,
    },
    /// What is kept was made under another identity of its view.
    #[error("{what} are of another identity: {}", changes.join("; "))]
    OtherIdentity {
        /// What was made.
        what: String,
        /// One for each difference.
        changes: Vec<String>,
    },
    /// Some entities could not be served, and were to end the run.
    #[error(
        "view {view}: entities whose states are over the limit (`state_bytes_max` under [limits]), so that serving would refuse \
         them: {entities}, the first {first}; keep a shorter or a hopping window, raise the limit, or leave --strict out"
    )]
    NotServable {
        /// The view.
        view: String,
        /// How many.
        entities: u64,
        /// The first of them, with the sizes of their states.
        first: String,
    },
    /// A run was told to stop.
    #[error("stopped before it was finished")]
    Stopped,
    /// A file cannot be looked at.
    #[error("cannot read {path}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file of the project cannot be written.
    #[error("cannot write {path}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl Error {
    /// Whether a question was answered, and the answer is no: what is trained would not be what is served.
    pub fn is_no(&self) -> bool {
        matches!(self, Self::NotServable { .. } | Self::Replay(ReplayError::Unproved(_)))
    }

    /// Whether the component store cannot be read as it was written.
    pub(crate) fn is_damaged_component(&self) -> bool {
        matches!(self, Self::ComponentStore(error) if error.is_damage())
    }
}

/// An error and its causes in one text. A cause that the message already tells is left out.
pub fn told(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    for cause in std::iter::successors(error.source(), |cause| (*cause).source()).map(ToString::to_string) {
        if !text.contains(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
    }
    text
}

/// An error and its causes in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
