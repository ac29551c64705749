//! Whether the files of a server were taken away under it. From then on it takes nothing and answers nothing: what it would keep
//! would be kept nowhere, and what it would answer could be of another file.

use std::error::Error as StdError;
use std::sync::{Arc, OnceLock};

use super::{PushError, ServerError};
use crate::Error;
use crate::error::chain;
use crate::log::{FileError, Log, LogError};
use crate::store::{OnlineStore, StoreError};

/// Looks whether the files of a store are where they were.
type Look = Box<dyn Fn() -> Result<(), ServerError> + Send + Sync>;

/// Which file was taken away first, if one was.
pub(super) struct Lost {
    why: OnceLock<String>,
    looks: Vec<Look>,
}

impl Lost {
    /// Looks after the stores of a server; `served` looks whether the feature log is where it was.
    pub(super) fn of(
        log: &Arc<dyn Log>,
        online: &Arc<dyn OnlineStore>,
        served: Box<dyn Fn() -> Result<(), LogError> + Send + Sync>,
    ) -> Self {
        let (log, online) = (Arc::clone(log), Arc::clone(online));
        let looks: Vec<Look> = vec![
            Box::new(move || Ok(log.check_place()?)),
            Box::new(move || Ok(online.check_place()?)),
            Box::new(move || Ok(served()?)),
        ];
        Self { why: OnceLock::new(), looks }
    }

    /// Remembers a failure that says that a file was taken away; any other is not of this room.
    pub(super) fn note(&self, error: &(dyn StdError + 'static)) {
        if let Some(lost) = file_error(error).filter(|error| error.is_lost()) {
            // The first says what happened; the others follow from it.
            let _ = self.why.set(chain(lost));
        }
    }

    /// Refuses to go on where a file was taken away.
    pub(super) fn check(&self) -> Result<(), ServerError> {
        self.why.get().map_or(Ok(()), |why| Err(ServerError::Ended { why: why.clone() }))
    }

    /// As [`Lost::check`], after a look at the files.
    pub(super) fn look(&self) -> Result<(), ServerError> {
        self.looks.iter().filter_map(|look| look().err()).for_each(|error| self.note(&error));
        self.check()
    }
}

/// The failure of a file that an error tells of, if it does.
fn file_error<'e>(error: &'e (dyn StdError + 'static)) -> Option<&'e FileError> {
    let of_log = |error: &'e LogError| match error {
        LogError::File(error) => Some(error),
        _ => None,
    };
    let of_store = |error: &'e StoreError| match error {
        StoreError::File(error) => Some(error),
        _ => None,
    };
    let of_push = |error: &'e PushError| match error {
        PushError::Log(error) => of_log(error),
        PushError::Store(error) => of_store(error),
        _ => None,
    };
    if let Some(error) = error.downcast_ref::<LogError>() {
        return of_log(error);
    }
    if let Some(error) = error.downcast_ref::<StoreError>() {
        return of_store(error);
    }
    if let Some(error) = error.downcast_ref::<PushError>() {
        return of_push(error);
    }
    match error.downcast_ref::<ServerError>()? {
        ServerError::Project(error) => error.file(),
        error => of_push(error.push()?),
    }
}

impl ServerError {
    /// The file of a store that failed, where that is what went wrong.
    pub fn file(&self) -> Option<&FileError> {
        file_error(self)
    }
}

impl Error {
    /// The file of a store that failed, where that is what went wrong.
    pub fn file(&self) -> Option<&FileError> {
        match self {
            Self::Log(LogError::File(error)) | Self::Store(StoreError::File(error)) => Some(error),
            _ => None,
        }
    }

    /// What the event log says, where that is what went wrong.
    pub fn log(&self) -> Option<&LogError> {
        match self {
            Self::Log(error) => Some(error),
            _ => None,
        }
    }
}
