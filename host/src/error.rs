//! What can go wrong, in one type. Each room has its own errors; here they meet for those who use a whole feature store.

use std::path::PathBuf;

use crate::batch::ColumnError;
use crate::evaluate::{EvaluateError, ProgramError};
use crate::events::ReadError;
use crate::files::{InputError, OutputError};
use crate::log::LogError;
use crate::project::{ProjectError, ReferenceError, UnknownName};
use crate::replay::ReplayError;
use crate::serving::{GetError, PushError};
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
    /// A push was refused.
    #[error(transparent)]
    Push(Box<PushError>),
    /// A question has no answer.
    #[error(transparent)]
    Get(#[from] GetError),
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
    /// The component was not built yet.
    #[error("the transform of view {view} is not built: run `onepath build` (package {package})")]
    NotBuilt {
        /// The view.
        view: String,
        /// Its cargo package.
        package: PathBuf,
    },
    /// The component file is missing.
    #[error("the component of view {view} is missing: no file {path}")]
    NoComponent {
        /// The view.
        view: String,
        /// The file.
        path: PathBuf,
    },
    /// The component that served is gone.
    #[error("view {view} was served by component {digest}, which is not kept at {path} as it was")]
    LostComponent {
        /// The view.
        view: String,
        /// The digest that served.
        digest: String,
        /// Where it should be.
        path: PathBuf,
    },
    /// The states were made with other parameters.
    #[error(
        "the states of view {view} were made with other parameters than the project file gives now: run `onepath materialize`"
    )]
    OtherParameters {
        /// The view.
        view: String,
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

impl From<PushError> for Error {
    fn from(error: PushError) -> Self {
        Self::Push(Box::new(error))
    }
}
