//! What kind of failure an error is: what HTTP, and whatever else speaks to a server, turns into its own codes.

use super::{PushError, RequestFault, ServerError};
use crate::Error;
use crate::evaluate::EvaluateError;
use crate::log::LogError;
use crate::store::StoreError;
use crate::wasm::CallError;

/// The kind of a [`ServerError`]. Its text is stable: metrics count by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The request asks for what cannot be, such as an event dated in the future.
    Invalid,
    /// An event claims the id of another.
    EventIdConflict,
    /// No service of that name.
    UnknownService,
    /// No view of that name.
    UnknownView,
    /// No feature of that name.
    UnknownFeature,
    /// No source of that name.
    UnknownSource,
    /// An entity, a training set or any other name that the project does not have.
    UnknownName,
    /// More rows than a request may have.
    TooManyRows,
    /// As much as may be is being worked on: try again.
    Busy,
    /// It cannot be answered or taken, or not be known to be taken, for the disk does not answer, fails or is full, or the server's
    /// writer has ended.
    Unavailable,
    /// The transform refused the input, and will again.
    TransformRefused,
    /// The transform trapped on the input, and will again.
    TransformTrapped,
    /// The transform or a state is over a limit, and will be again.
    TransformLimit,
    /// The component is not what it promised to be.
    TransformBroken,
    /// The component gave two answers to the same rows, and gives errors alone since then.
    TransformQuarantined,
    /// A fault of the host, such as a store that cannot be read.
    Failed,
}

impl ErrorKind {
    /// Its name, as metrics and answers have it: `invalid`, `unknown_view`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::EventIdConflict => "event_id_conflict",
            Self::UnknownService => "unknown_service",
            Self::UnknownView => "unknown_view",
            Self::UnknownFeature => "unknown_feature",
            Self::UnknownSource => "unknown_source",
            Self::UnknownName => "unknown_name",
            Self::TooManyRows => "too_many_rows",
            Self::Busy => "busy",
            Self::Unavailable => "unavailable",
            Self::TransformRefused => "transform_refused",
            Self::TransformTrapped => "transform_trapped",
            Self::TransformLimit => "transform_limit",
            Self::TransformBroken => "transform_broken",
            Self::TransformQuarantined => "transform_quarantined",
            Self::Failed => "failed",
        }
    }
}

impl ServerError {
    /// What kind of failure it is.
    pub fn kind(&self) -> ErrorKind {
        if let Some(evaluation) = self.evaluation() {
            return of_transform(evaluation);
        }
        if self.file().is_some_and(|file| file.is_lost() || file.may_pass()) {
            return ErrorKind::Unavailable;
        }
        if let Some(log) = self.log() {
            return of_log(log);
        }
        match (self, self.push()) {
            (Self::Project(error), _) => match &**error {
                Error::Unknown(unknown) => match unknown.kind {
                    "service" => ErrorKind::UnknownService,
                    "source" => ErrorKind::UnknownSource,
                    "feature" => ErrorKind::UnknownFeature,
                    "view" => ErrorKind::UnknownView,
                    _ => ErrorKind::UnknownName,
                },
                Error::UnknownFeature { .. } => ErrorKind::UnknownFeature,
                Error::Reference(_) | Error::Request { .. } | Error::Column(_) | Error::Time(_) => ErrorKind::Invalid,
                Error::Store(StoreError::NotServed { .. }) => ErrorKind::TransformLimit,
                _ => ErrorKind::Failed,
            },
            (Self::Request(error), _) => match error.fault {
                RequestFault::TooMany { .. } => ErrorKind::TooManyRows,
                _ => ErrorKind::Invalid,
            },
            (Self::Field(_), _) | (_, Some(PushError::Event(_) | PushError::Column(_))) => ErrorKind::Invalid,
            (_, Some(PushError::Store(StoreError::NotServed { .. }))) => ErrorKind::TransformLimit,
            (_, Some(PushError::Unsettled { .. })) => ErrorKind::Unavailable,
            (Self::Busy { .. } | Self::Moving { .. } | Self::PastBusy { .. } | Self::PastTimeout { .. }, _) => {
                ErrorKind::Busy
            }
            (
                Self::Closed
                | Self::Stale { .. }
                | Self::NotYet { .. }
                | Self::PushLate { .. }
                | Self::DeadLetters { .. }
                | Self::Ended { .. }
                | Self::Hung { .. },
                _,
            ) => ErrorKind::Unavailable,
            _ => ErrorKind::Failed,
        }
    }
}

fn of_transform(error: &EvaluateError) -> ErrorKind {
    match &error.source {
        CallError::Failure { .. } => ErrorKind::TransformRefused,
        CallError::Trap { .. } => ErrorKind::TransformTrapped,
        CallError::Limit { .. } => ErrorKind::TransformLimit,
        CallError::Host { .. } => ErrorKind::Failed,
        error if error.is_quarantine() => ErrorKind::TransformQuarantined,
        _ => ErrorKind::TransformBroken,
    }
}

fn of_log(error: &LogError) -> ErrorKind {
    match error {
        LogError::FutureEvent { .. }
        | LogError::FutureArrival { .. }
        | LogError::FutureAsOf { .. }
        | LogError::TooManyEvents { .. }
        | LogError::TooLarge { .. } => ErrorKind::Invalid,
        LogError::EventIdConflict { .. } => ErrorKind::EventIdConflict,
        _ => ErrorKind::Failed,
    }
}
