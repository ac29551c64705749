//! What a server says beside the errors of its parts.

use std::path::PathBuf;
use std::sync::Arc;

use super::{GetError, PushError, RequestError};
use crate::Error;
use crate::batch::ColumnError;
use crate::evaluate::EvaluateError;
use crate::events::{IndexError, PushedFieldError, ReadError};
use crate::files::InputError;
use crate::log::LogError;
use crate::project::{ReferenceError, UnknownName};
use crate::replay::ReplayError;
use crate::store::StoreError;
use crate::time::AsOf;

/// A request that a server could not take, or a project that it would not serve.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The project, its stores or its history.
    #[error(transparent)]
    Project(Box<Error>),
    /// An input of a request does not fit.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// A field of pushed events does not fit the schema of their source.
    #[error(transparent)]
    Field(#[from] PushedFieldError),
    /// A push was refused.
    #[error(transparent)]
    Push(Box<PushError>),
    /// A question has no answer.
    #[error(transparent)]
    Get(#[from] GetError),
    /// Too much is waiting to be written.
    #[error("the server is busy: {waiting} {what} wait to be written, and at most {limit} may; try again")]
    Busy {
        /// What waits.
        what: &'static str,
        /// How much of it.
        waiting: usize,
        /// The most that may.
        limit: usize,
    },
    /// Too many ask about the past at once.
    #[error(
        "{running_max} questions about the past are being replayed and {waiting_max} wait, the most that may: try again"
    )]
    PastBusy {
        /// The most that are replayed at once.
        running_max: usize,
        /// The most that may wait.
        waiting_max: usize,
    },
    /// A question about the past was not answered in time.
    #[error(
        "the question about the past was not answered within {limit_ms} milliseconds: ask about fewer entities, or again when \
         there is less load"
    )]
    PastTimeout {
        /// The time that it had, with its time in the queue.
        limit_ms: u64,
    },
    /// The replay of a question about the past ended without an answer.
    #[error(
        "the question about the past ended without an answer: the server is closing, or the log says what went wrong"
    )]
    PastLost,
    /// States change faster than the store can be read.
    #[error("the server is busy: the states of the request changed {attempts} times while they were read; try again")]
    Moving {
        /// How often it was tried.
        attempts: usize,
    },
    /// The server is closing, or its writer has ended.
    #[error("the server takes no more events: it is closing, or its writer has ended; restart it")]
    Closed,
    /// The newest as-of that can be answered is too far behind now.
    #[error(
        "the newest as-of that can be answered, {as_of}, is {lag_ms} ms behind now, and at most {limit_ms} may be \
         (staleness_ms_max): {why}; the server's status says what fails"
    )]
    Stale {
        /// The newest as-of that can be answered.
        as_of: AsOf,
        /// Milliseconds that it is behind now.
        lag_ms: u64,
        /// The most that may be.
        limit_ms: u64,
        /// What holds it.
        why: String,
    },
    /// The question waited for as long as one may, and its as-of can still not be answered.
    #[error("{}: {why}; try again", match .as_of {
        Some(as_of) => format!("the as-of {as_of} cannot be answered yet"),
        None => "no as-of can be answered yet".to_owned(),
    })]
    NotYet {
        /// The as-of that was asked for.
        as_of: Option<AsOf>,
        /// What holds it.
        why: String,
    },
    /// The push waited for as long as one may.
    #[error(
        "the push was not on disk within {waited_ms} ms (push_ms_max) and may yet be taken: push it again, which is safe \
         where its events have ids"
    )]
    PushLate {
        /// How long it waited.
        waited_ms: u64,
    },
    /// A thread of the server has failed, and it cannot go on.
    #[error("the server cannot go on: {why}; restart it")]
    Ended {
        /// Which one, and why.
        why: String,
    },
    /// A server that was closed did not end.
    #[error(
        "the server did not end within {waited_ms} ms (close_ms_max), because its disk does not answer; pushes that were \
         acknowledged are in the log"
    )]
    Hung {
        /// How long it was waited for.
        waited_ms: u64,
    },
    /// The commit that the push was part of failed. Whether the push is on disk is not known: push it again, which is safe where its
    /// events have ids.
    #[error(transparent)]
    NotTaken(Arc<PushError>),
    /// The request was prepared by another server.
    #[error("the request was prepared by another server: prepare it with the one that is asked")]
    OtherServer,
    /// What was taken could not all be written where it belongs. Pushes that were acknowledged are in the log.
    #[error("not all could be written: {failure}")]
    Unwritten {
        /// What failed last.
        failure: String,
    },
    /// Events that are not as their source expects cannot be set aside. Nothing of their push was taken.
    #[error(
        "{path} cannot be written, which is where events go that are not as their source expects: nothing was taken"
    )]
    DeadLetters {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A thread cannot be started.
    #[error("cannot start the thread {name}")]
    Thread {
        /// Its name.
        name: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// The manifest to agree with cannot be read.
    #[error("the manifest {path} cannot be read: name the .manifest.json file beside the training set")]
    ManifestFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The manifest to agree with is not one.
    #[error("{path} is not a manifest of a training set: name the .manifest.json file beside it")]
    Manifest {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// What would run differs from what made the training set.
    #[error(
        "what would be served differs from what made the training set of {path}:\n{}\nput back what made it, or train again \
         and pin the new manifest", .differences.join("\n")
    )]
    Pin {
        /// The manifest.
        path: PathBuf,
        /// One line for each difference.
        differences: Vec<String>,
    },
}

/// The errors of lower rooms are those of the project.
macro_rules! of_the_project {
    ($($error:ty),*) => {$(
        impl From<$error> for ServerError {
            fn from(error: $error) -> Self {
                Self::Project(Box::new(error.into()))
            }
        }
    )*};
}

of_the_project!(
    Error,
    ColumnError,
    IndexError,
    InputError,
    LogError,
    ReadError,
    ReferenceError,
    StoreError,
    UnknownName
);

impl From<PushError> for ServerError {
    fn from(error: PushError) -> Self {
        Self::Push(Box::new(error))
    }
}

impl ServerError {
    /// The call of a component that gave no answer, where that is what went wrong, on whichever path.
    pub fn evaluation(&self) -> Option<&EvaluateError> {
        match self {
            Self::Get(GetError::Evaluate(error)) => Some(error),
            Self::Project(error) => match &**error {
                Error::Evaluate(error) | Error::Replay(ReplayError::Evaluate(error)) => Some(error),
                _ => None,
            },
            _ => match self.push() {
                Some(PushError::Evaluate(error)) => Some(error),
                _ => None,
            },
        }
    }

    /// The push that was refused, where that is what went wrong, by itself or within a group.
    pub fn push(&self) -> Option<&PushError> {
        match self {
            Self::Push(error) => Some(error),
            Self::NotTaken(error) => Some(error),
            _ => None,
        }
    }

    /// The log that refused or failed, where that is what went wrong.
    pub fn log(&self) -> Option<&LogError> {
        match (self, self.push()) {
            (_, Some(PushError::Log(error))) => Some(error),
            (Self::Project(error), _) => error.log(),
            _ => None,
        }
    }
}
