//! Online states: per view and entity, what a transform keeps between events.
//!
//! States are derived: a history and a prefix of the event log give them again, so losing this store loses time and no
//! truth. Each view has a [`ViewMark`] that says what its states were made of; states and mark change together or not at
//! all, so after a crash the log's tail after [`ViewMark::applied_offset`] is applied, and nothing twice.
//!
//! - `sqlite`: the states of one project in one SQLite file.
//!
//! This module knows nothing of transforms, of a project's files or of the command line. Views are named by a text that
//! the caller chooses.

mod sqlite;
#[cfg(test)]
mod tests;

use std::ops::ControlFlow;
use std::sync::Arc;

pub use sqlite::SqliteStore;

use crate::entity::{EntityKey, EntityState};
use crate::log::{FileError, ViewIdentity};
use crate::time::EventTime;

/// How many bytes the state of one entity may have, unless the store is told otherwise.
pub const STATE_BYTES_MAX: usize = 1 << 20;

/// What the states of a view were made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViewMark {
    /// The digest of the component that made them.
    pub digest: String,
    /// The version of their format.
    pub state_version: u32,
    /// The identity of the view that they are states of.
    pub identity: ViewIdentity,
    /// The history that they began from; `None` where they hold only events of the log.
    pub history: Option<i64>,
    /// The identity of the log that the offset counts.
    pub log: String,
    /// Every event of the log up to this offset is applied.
    pub applied_offset: u64,
}

/// A place that keeps online states.
pub trait OnlineStore: Send {
    /// The mark of `view`; `None` where the store has nothing of it.
    fn mark(&self, view: &str) -> Result<Option<ViewMark>, StoreError>;

    /// The state of an entity. One that was refused is [`StoreError::NotServed`].
    fn get(&self, view: &str, key: &EntityKey) -> Result<Option<EntityState>, StoreError>;

    /// The states of entities, in the order of `keys`, all of one moment.
    fn get_many(&self, view: &str, keys: &[EntityKey]) -> Result<Vec<Option<EntityState>>, StoreError>;

    /// Puts the states of the entities that have new events, and the new mark: all of it or nothing.
    ///
    /// The mark must go on from the one that is stored. Where component, state version, history or log differ, the other
    /// entities' states would be of something else: [`OnlineStore::begin_replace`] then.
    fn apply(
        &mut self,
        view: &str,
        updates: &[(EntityKey, Arc<EntityState>)],
        mark: &ViewMark,
    ) -> Result<(), StoreError>;

    /// Begins to replace all states of `view`. Until [`Replacement::commit`] the old ones are what readers see.
    fn begin_replace(&mut self, view: &str, mark: &ViewMark) -> Result<Box<dyn Replacement + '_>, StoreError>;

    /// Gives `on_state` all states of `view`, one by one, in the order of the bytes of the keys' canonical texts. The
    /// states of one moment are read; a `Break` ends the reading.
    fn scan(
        &self,
        view: &str,
        on_state: &mut dyn FnMut(EntityKey, EntityState) -> ControlFlow<()>,
    ) -> Result<(), StoreError>;

    /// The entities of `view` that were refused, and the bytes that the state of each would have.
    fn refused(&self, view: &str) -> Result<Vec<(EntityKey, u64)>, StoreError>;

    /// The newest event that a state of `view` includes. Costs a pass over its states.
    fn newest_event(&self, view: &str) -> Result<Option<EventTime>, StoreError>;

    /// How many entities have a state in `view`.
    fn count(&self, view: &str) -> Result<u64, StoreError>;
}

/// All states of a view, put one by one. Dropping it undoes it.
pub trait Replacement {
    /// Puts the state of an entity, over an earlier one of this replacement.
    fn put(&mut self, key: &EntityKey, state: &EntityState) -> Result<(), StoreError>;

    /// Notes that an entity has no state because it would have `bytes`: whoever asks for it is told so.
    fn refuse(&mut self, key: &EntityKey, bytes: u64) -> Result<(), StoreError>;

    /// Makes the new states and their mark the view's.
    fn commit(self: Box<Self>) -> Result<(), StoreError>;
}

/// A failure of the online store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file cannot be opened, read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A state is too large.
    #[error(
        "view {view}: the state of {entity} has {bytes} bytes, over the limit of {limit}: \
         use a shorter window, or a hopping one that keeps a sum per hop instead of every event"
    )]
    StateTooLarge {
        /// The view.
        view: String,
        /// The entity.
        entity: EntityKey,
        /// The size of the state.
        bytes: usize,
        /// The most that it may have.
        limit: usize,
    },
    /// An entity without a state, because it would be too large.
    #[error(
        "view {view}: {entity} is not served: its state would have {bytes} bytes, over the limit when it was materialized; use a \
         shorter window, or a hopping one that keeps a sum per hop instead of every event, or raise `state_bytes_max` under \
         [limits], and run `onepath materialize`"
    )]
    NotServed {
        /// The view.
        view: String,
        /// The entity.
        entity: EntityKey,
        /// The size that its state would have.
        bytes: u64,
    },
    /// New states do not go on from those that are stored.
    #[error(
        "view {view}: its states were made by component {} (state version {}, history {}), not by {} (state version {}, \
         history {}); replace them all: run `onepath materialize`",
        stored.digest, stored.state_version, Number(stored.history), given.digest, given.state_version,
        Number(given.history)
    )]
    OtherStates {
        /// The view.
        view: String,
        /// The mark of the store.
        stored: Box<ViewMark>,
        /// The mark of the new states.
        given: Box<ViewMark>,
    },
    /// New states are of another identity than those that are stored.
    #[error("view {view}: its states are of another identity: {}; replace them all: run `onepath materialize`", changes.join("; "))]
    OtherIdentity {
        /// The view.
        view: String,
        /// One for each difference.
        changes: Vec<String>,
    },
    /// New states were made from another log.
    #[error(
        "view {view}: its states were made from the log {stored}, not from {given}; replace them all: run `onepath materialize`"
    )]
    OtherLog {
        /// The view.
        view: String,
        /// The identity of the log in the store's mark.
        stored: String,
        /// That of the new states.
        given: String,
    },
    /// New states are older than those that are stored.
    #[error("view {view}: its states include the log up to offset {stored}; those up to {given} are older")]
    OlderStates {
        /// The view.
        view: String,
        /// The offset that is applied.
        stored: u64,
        /// The offset of the new states.
        given: u64,
    },
    /// The stored key of an entity is not one.
    #[error("view {view}: {text} is not an entity key; delete the online store and run `onepath materialize`")]
    Key {
        /// The view.
        view: String,
        /// What is stored.
        text: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A write to a store that was opened for reading.
    #[error("view {view}: the online store was opened for reading only: open it for writing")]
    ReadOnly {
        /// The view.
        view: String,
    },
}

/// A number that may be missing, for messages.
struct Number(Option<i64>);

impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(number) => write!(f, "{number}"),
            None => f.write_str("none"),
        }
    }
}
