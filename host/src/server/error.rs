//! What a server says beside the errors of its parts.

use std::path::PathBuf;
use std::sync::Arc;

use crate::serving::PushError;

/// A request that a server could not take, or a project that it would not serve.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
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
    /// States change faster than the store can be read.
    #[error("the server is busy: the states of the request changed {attempts} times while they were read; try again")]
    Moving {
        /// How often it was tried.
        attempts: usize,
    },
    /// The server is closing, or its writer has ended.
    #[error("the server takes no more events: it is closing, or its writer has ended; restart it")]
    Closed,
    /// The commit that the push was part of failed. Nothing of it was kept.
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
