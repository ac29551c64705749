//! Online states: per view and entity, what a transform keeps between events.
//!
//! States are derived: a history and a prefix of the event log give them again, so losing this store loses time and no
//! truth. Each view has a [`ViewMark`] that says what its states were made of; states and mark change together or not at
//! all, so after a crash the log's tail after [`ViewMark::applied_offset`] is applied, and nothing twice.
//!
//! - `sqlite`: the states of one project in one SQLite file.
//!
//! Whoever keeps states elsewhere implements [`OnlineStore`], [`StoreReader`] and [`Replacement`], and runs the suite of
//! [`crate::testing::online_store`] over it.
//!
//! This module knows nothing of transforms, of a project's files or of the command line. Views are named by a text that
//! the caller chooses.

mod sqlite;

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

pub use sqlite::SqliteStore;

use crate::entity::{EntityKey, EntityState};
use crate::log::{FileError, ViewIdentity};
use crate::time::EventTime;

/// How many bytes the state of one entity may have, unless the store is told otherwise.
pub const STATE_BYTES_MAX: usize = 1 << 20;

/// What the states of a view were made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
    /// The fingerprint of the event at this offset, by which a log is told from another one of its name; `None` where there is none.
    pub applied_event: Option<i64>,
}

/// New states of one view, and the mark that says what its states include with them.
#[derive(Clone, Copy, Debug)]
pub struct ViewUpdate<'a> {
    /// The view.
    pub view: &'a str,
    /// The states of the entities that have new events.
    pub states: &'a [(EntityKey, Arc<EntityState>)],
    /// The new mark.
    pub mark: &'a ViewMark,
}

/// A place that keeps online states.
///
/// One writer at a time: it begins a *term*, and what it writes names the term. A writer that another one has followed is refused,
/// whatever it still believes. What a call has written is seen by every call that begins after it has returned. When power is
/// lost the newest calls may be lost with it, but each whole, and none without those after it.
pub trait OnlineStore: Send + Sync {
    /// Whether what is kept is still where it was opened. A store of files says [`FileError::Gone`] or [`FileError::Replaced`] where
    /// they were taken away: nothing can be kept from then on.
    fn check_place(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Begins a term of writing and gives its number, which is higher than those before.
    fn begin_term(&self) -> Result<u64, StoreError>;

    /// A handle for reading, which sees what is there at each of its calls.
    fn reader(&self) -> Result<Box<dyn StoreReader>, StoreError>;

    /// A handle for reading, which sees what is there now at all of its calls, whatever is written meanwhile.
    fn snapshot(&self) -> Result<Box<dyn StoreReader>, StoreError>;

    /// Puts new states and marks of several views: all of it or nothing.
    ///
    /// Each mark must go on from the one that is stored. Where component, state version, history or log differ, the other
    /// entities' states would be of something else: [`OnlineStore::begin_replace`] then.
    fn apply(&self, term: u64, updates: &[ViewUpdate<'_>]) -> Result<(), StoreError>;

    /// Begins to replace the states of all views. Until [`Replacement::commit`] the old ones are what readers see.
    fn begin_replace(&self, term: u64) -> Result<Box<dyn Replacement + '_>, StoreError>;
}

/// A handle for reading an online store.
pub trait StoreReader: Send {
    /// As [`OnlineStore::check_place`], of what this reads from.
    fn check_place(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// The mark of `view`; `None` where the store has nothing of it.
    fn mark(&self, view: &str) -> Result<Option<ViewMark>, StoreError>;

    /// The states of entities, in the order of `keys`, all of one moment. `None` says that the entity has no state: the store holds
    /// all states of its views. One that was refused is [`StoreError::NotServed`]; of a view without a mark
    /// nothing is known, which is [`StoreError::UnknownView`].
    fn get_many(&self, view: &str, keys: &[EntityKey]) -> Result<Vec<Option<EntityState>>, StoreError>;

    /// As [`StoreReader::get_many`], where that waits for nothing: neither for a disk nor for another process; `None` where it would.
    fn get_many_in_memory(
        &self,
        _view: &str,
        _keys: &[EntityKey],
    ) -> Result<Option<Vec<Option<EntityState>>>, StoreError> {
        Ok(None)
    }

    /// As [`StoreReader::get_many`], the state of one entity.
    fn get(&self, view: &str, key: &EntityKey) -> Result<Option<EntityState>, StoreError> {
        Ok(self.get_many(view, std::slice::from_ref(key))?.pop().flatten())
    }

    /// Gives `on_state` all states of `view`, one by one, in the order of the bytes of the keys' canonical texts. The
    /// states of one moment are read; a `Break` ends the reading.
    fn scan(
        &self,
        view: &str,
        on_state: &mut dyn FnMut(EntityKey, EntityState) -> ControlFlow<()>,
    ) -> Result<(), StoreError>;

    /// The entities of `view` that were refused, and the bytes that the state of each would have.
    fn refused(&self, view: &str) -> Result<Vec<(EntityKey, u64)>, StoreError>;

    /// The newest event that a state of `view` includes. It is kept beside the mark: no state is read for it.
    fn newest_event(&self, view: &str) -> Result<Option<EventTime>, StoreError>;

    /// How many entities have a state in `view`.
    fn count(&self, view: &str) -> Result<u64, StoreError>;
}

/// All states of all views, put one by one, in any order. Dropping it undoes it.
pub trait Replacement {
    /// Begins a view: the first is that of number 0, the next that of number 1. None is begun twice.
    fn begin_view(&mut self, view: &str) -> Result<(), StoreError>;

    /// Puts the state of an entity, which was not put before, in the view of a number.
    fn put(&mut self, view: usize, key: &EntityKey, state: &EntityState) -> Result<(), StoreError>;

    /// Notes that an entity of the view of a number has no state because it would have `bytes`: whoever asks for it is told so.
    fn refuse(&mut self, view: usize, key: &EntityKey, bytes: u64) -> Result<(), StoreError>;

    /// Makes the new states those of the store, with the mark of each view that was begun, in their order; all in one step, which
    /// is on disk when it returns. Of a view that was not begun nothing is known afterwards.
    fn commit(self: Box<Self>, marks: &[ViewMark]) -> Result<(), StoreError>;
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
    /// Nothing is known of a view.
    #[error("view {view}: the online store has no states of it; run `onepath materialize`")]
    UnknownView {
        /// The view.
        view: String,
    },
    /// The store was removed while it was open.
    #[error("the online store {path} is gone: it was removed while it was open; restart, or run `onepath materialize`")]
    Gone {
        /// Where it was.
        path: PathBuf,
    },
    /// Another writer has begun a later term.
    #[error(
        "the online store is written by another writer (term {current}, this one has {term}): this one may not write any more"
    )]
    Fenced {
        /// The term of this writer.
        term: u64,
        /// The newest term.
        current: u64,
    },
    /// The place that keeps the states failed; whether it may work when tried again is for the store to say.
    #[error("the online store failed{}", if *.is_retryable { ": try again" } else { "" })]
    Failed {
        /// Whether trying again may help.
        is_retryable: bool,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
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
    /// States of no view, or views without a mark.
    #[error("states are replaced view by view: begin a view before its states, and give each view its mark")]
    NoView,
    /// A write to a store that was opened for reading.
    #[error("the online store was opened for reading only: open it for writing")]
    ReadOnly,
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

impl ViewMark {
    /// Refuses a mark of `view` that does not go on from the `stored` one.
    pub fn check_goes_on(view: &str, stored: &Self, given: &Self) -> Result<(), StoreError> {
        let made_of = |mark: &Self| (mark.digest.clone(), mark.state_version, mark.history);
        let view = view.to_owned();
        if made_of(stored) != made_of(given) {
            let (stored, given) = (Box::new(stored.clone()), Box::new(given.clone()));
            return Err(StoreError::OtherStates { view, stored, given });
        }
        if stored.log != given.log {
            return Err(StoreError::OtherLog { view, stored: stored.log.clone(), given: given.log.clone() });
        }
        if given.applied_offset < stored.applied_offset {
            let (stored, given) = (stored.applied_offset, given.applied_offset);
            return Err(StoreError::OlderStates { view, stored, given });
        }
        Ok(())
    }
}
