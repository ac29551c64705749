//! What is wrong with a push, or with the states that it would move.

use std::path::PathBuf;

use crate::batch::ColumnError;
use crate::evaluate::EvaluateError;
use crate::events::ReadError;
use crate::log::LogError;
use crate::store::StoreError;

/// A push that was refused, or states that could not follow the log.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// A commit before it failed, and it is not known yet whether that is on disk.
    #[error("an earlier commit failed, and it is not known yet whether it is on disk ({failure}): try again")]
    Unsettled {
        /// What keeps it from being known.
        failure: String,
    },
    /// The log refused it or failed.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A transform refused an event.
    #[error(transparent)]
    Evaluate(#[from] EvaluateError),
    /// An event does not have what a transform reads.
    #[error(transparent)]
    Event(#[from] ReadError),
    /// More text than one column holds.
    #[error(transparent)]
    Column(#[from] ColumnError),
    /// The states do not start from the history that was materialized.
    #[error("view {view} has no states on top of the materialized history: run `onepath materialize`")]
    NotMaterialized {
        /// The view.
        view: String,
    },
    /// The log is not the one that the states were made from.
    #[error(
        "the states of view {view} include the log up to offset {applied}, but the log ends at {last}: it was replaced or cut; \
         put the right one back, or run `onepath materialize` to rebuild the states from this one"
    )]
    LogIsBehind {
        /// The view.
        view: String,
        /// The offset that the states include.
        applied: u64,
        /// The last offset of the log.
        last: u64,
    },
    /// The log is another one than the states were made from.
    #[error(
        "the states of view {view} were made from another log than {path}: it was replaced or cut; put the right one back, or \
         run `onepath materialize` to rebuild the states from this one"
    )]
    OtherLog {
        /// The view.
        view: String,
        /// The log that is there.
        path: PathBuf,
    },
    /// The states were made before the log's clock was repaired.
    #[error(
        "the states of view {view} were made before the clock of {path} was repaired: run `onepath materialize` to fold them again"
    )]
    EarlierEpoch {
        /// The view.
        view: String,
        /// The log.
        path: PathBuf,
    },
    /// The states were made under another identity of the view.
    #[error(
        "the states of view {view} are of another identity: {}; put back what changed, or run `onepath materialize` to rebuild them",
        changes.join("; ")
    )]
    OtherIdentity {
        /// The view.
        view: String,
        /// One for each difference.
        changes: Vec<String>,
    },
}

impl PushError {
    /// Whether it is about the events of one push, so that others may be taken with the same commit.
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Log(error) => {
                !matches!(error, LogError::File(_) | LogError::Record { .. } | LogError::ReadOnly { .. })
            }
            Self::Event(error) => {
                matches!(error, ReadError::Unfit { .. } | ReadError::NoKey { .. } | ReadError::Column(_))
            }
            Self::Evaluate(_) | Self::Column(_) | Self::Store(StoreError::NotServed { .. }) => true,
            _ => false,
        }
    }
}
