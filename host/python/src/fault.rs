//! Errors of the library as the exceptions of `onepath/_errors.py`.

use onepath::evaluate::EvaluateError;
use onepath::events::ReadError;
use onepath::http::ListenError;
use onepath::replay::ReplayError;
use onepath::{Error, ErrorKind, ServerError, told};
use pyo3::prelude::*;

/// An error on its way to Python.
#[derive(Debug)]
pub(crate) struct Fault {
    /// The exception's class.
    class: &'static str,
    text: String,
}

impl Fault {
    /// A request that cannot be, told in these words.
    pub(crate) fn request(text: impl Into<String>) -> Self {
        Self { class: "RequestError", text: text.into() }
    }

    /// A table that cannot be read, told in these words.
    pub(crate) fn input(text: impl Into<String>) -> Self {
        Self { class: "InputError", text: text.into() }
    }

    /// A failure of the machine, told in these words.
    pub(crate) fn store(text: impl Into<String>) -> Self {
        Self { class: "StoreError", text: text.into() }
    }

    /// Something that was closed.
    pub(crate) fn closed(what: &str) -> Self {
        Self { class: "ClosedError", text: format!("{what} is closed: open it again") }
    }

    /// Something that was opened before this process was forked.
    pub(crate) fn forked(what: &str) -> Self {
        let text = format!(
            "{what} was opened in another process, of which this one is a fork: its threads and locks are there alone; open it here, \
             after the fork (gunicorn: in post_fork; multiprocessing: in the worker, or with the start method \"spawn\")"
        );
        Self { class: "ForkError", text }
    }

    /// Something of the machine that failed while `doing`.
    pub(crate) fn io(doing: &str, error: &dyn std::error::Error) -> Self {
        Self::store(format!("{doing}: {}", told(error)))
    }
}

impl From<Fault> for PyErr {
    fn from(fault: Fault) -> Self {
        Python::attach(|py| {
            let raised =
                py.import("onepath._errors").and_then(|errors| errors.getattr(fault.class)?.call1((fault.text,)));
            raised.map_or_else(|error| error, PyErr::from_value)
        })
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self { class: class_of(&error), text: by_arguments(told(&error)) }
    }
}

/// What the library says of options of the command, said of arguments.
fn by_arguments(text: String) -> String {
    const SAID: [(&str, &str); 12] = [
        (
            "run the command in a project folder or give --project DIR",
            "give the folder of a project: FeatureStore(\"my-features\")",
        ),
        (
            "run `onepath materialize`, or pass --allow-unmaterialized",
            "call store.materialize(), or open it with FeatureStore(..., allow_unmaterialized=True)",
        ),
        (
            "one process writes a project's stores at a time",
            "one process writes a project's stores at a time: close it there, or ask that one (onepath.Client, of what serves)",
        ),
        ("with --as-of-column", "with as_of=\"...\""),
        ("--as-of-unit for a spine", "as_of_unit=\"ms\" for entity_df"),
        ("--memory gives", "memory gives"),
        ("make a --spine file of", "make a file of labels of"),
        ("give a --spine with that column", "give entity_df with that column"),
        ("give a --spine", "give entity_df"),
        ("--full-feature-names", "full_feature_names=True"),
        ("--every", "every"),
        ("the spine", "entity_df"),
    ];
    SAID.iter().fold(text, |text, (said, meant)| text.replace(said, meant))
}

impl From<ServerError> for Fault {
    fn from(error: ServerError) -> Self {
        let of_kind = match error.kind() {
            ErrorKind::Invalid | ErrorKind::TooManyRows => "RequestError",
            ErrorKind::EventIdConflict => "EventIdConflictError",
            ErrorKind::UnknownService
            | ErrorKind::UnknownView
            | ErrorKind::UnknownFeature
            | ErrorKind::UnknownSource
            | ErrorKind::UnknownName => "UnknownNameError",
            ErrorKind::Busy | ErrorKind::Unavailable => "UnavailableError",
            ErrorKind::TransformRefused
            | ErrorKind::TransformTrapped
            | ErrorKind::TransformLimit
            | ErrorKind::TransformBroken
            | ErrorKind::TransformQuarantined => "TransformError",
            ErrorKind::Failed => "StoreError",
        };
        let class = match &error {
            _ if error.file().is_some_and(|file| file.is_busy()) => "BusyError",
            ServerError::Project(error) if of_kind == "StoreError" => class_of(error),
            ServerError::Pin { .. } | ServerError::Manifest { .. } | ServerError::ManifestFile { .. } => {
                "ComponentError"
            }
            ServerError::Closed => "ClosedError",
            _ => of_kind,
        };
        Self { class, text: by_arguments(told(&error)) }
    }
}

impl From<ListenError> for Fault {
    fn from(error: ListenError) -> Self {
        Self::store(told(&error))
    }
}

fn class_of(error: &Error) -> &'static str {
    match error {
        Error::Unknown(_) | Error::UnknownFeature { .. } => "UnknownNameError",
        Error::Project(_) | Error::ProjectText { .. } | Error::SkippedOffset { .. } => "ProjectError",
        Error::NotMaterialized { .. } => "NotMaterializedError",
        Error::Load(_)
        | Error::ComponentStore(_)
        | Error::Program(_)
        | Error::NotBuilt { .. }
        | Error::NoAnswer { .. }
        | Error::Stale { .. }
        | Error::Declared { .. }
        | Error::NoComponent { .. }
        | Error::LostComponent { .. }
        | Error::Locked { .. }
        | Error::LockedIdentity { .. }
        | Error::NoLock { .. }
        | Error::LawBroken { .. } => "ComponentError",
        Error::Stopped | Error::Read(ReadError::Stopped) | Error::Replay(ReplayError::Stopped) => "StoppedError",
        Error::File(_) | Error::Read(_) | Error::ChangedHistory { .. } | Error::Unreadable { .. } => "InputError",
        Error::Evaluate(_) | Error::Replay(_) | Error::NotServable { .. } => "TransformError",
        Error::Reference(_) | Error::Input { .. } | Error::Request { .. } | Error::Column(_) | Error::Time(_) => {
            "RequestError"
        }
        Error::Log(_) | Error::Store(_) | Error::Ids(_) if error.file().is_some_and(|file| file.is_busy()) => {
            "BusyError"
        }
        Error::Output(_) | Error::Write { .. } | Error::Log(_) | Error::Store(_) | Error::Ids(_) => "StoreError",
        _ => "Error",
    }
}

/// The errors of lower rooms are those of the store.
impl From<EvaluateError> for Fault {
    fn from(error: EvaluateError) -> Self {
        Error::from(error).into()
    }
}
