//! Events of a source: from files and the log into the columns that a view's transform reads, and from a push into the log.
//!
//! - `source`: the seam: an [`EventSource`] gives events in parts and batches. The history of a source and its log are two.
//! - `read`: the events of a view, of all its sources in order. - `set`, `counts`: what comes of it. - `sample`: a few.
//! - `ids`: of one entity an event id counts once. - `by_entity`: the events of a materialized history, found by their entity.
//! - `schema`, `fields`, `times`: what an event of a source has, and as what a view reads it.
//! - `expected`: what a push must be beside its types. - `rows`: pushed JSON to columns. - `push`: columns, or a file, to events of the log. - `logged`: the log's JSON to columns.
//!
//! Knows nothing of components, of online states and of how questions are answered.

mod by_entity;
mod counts;
mod expected;
mod fields;
mod ids;
mod logged;
mod push;
mod read;
mod rows;
mod sample;
mod schema;
mod set;
mod source;
mod times;

use std::path::PathBuf;
use std::sync::Arc;

use crate::batch::ColumnError;
use crate::entity::{EntityKey, TooManyEntities};
use crate::files::{InputError, Storage};
use crate::log::{LogError, LogReader};
use crate::project::{Key, Source};
use crate::time::AvailableAt;

pub use by_entity::HistoryIndexError;
pub(crate) use by_entity::{HistoryIndex, HistoryIndexBuilder};
pub use counts::{FileCount, FileTimes};
pub use expected::{DeadLetter, ExpectationCount, Expected};
pub(crate) use fields::{exact_floats, is_read_nullable, read_type, wanted_fields};
pub(crate) use ids::{ContentFields, IdIndex, IdIndexWriter, IdScope, Repeats, find_repeats, id_hash, same_content};
pub use ids::{FirstCopy, IdConflict, IndexError};
pub(crate) use logged::{append_fields, key_columns, key_of};
pub(crate) use push::PushedFields;
pub use push::{Arrival, PushedEvents, PushedFieldError, read_push, unknown_columns};
pub(crate) use read::partition_bits_of;
pub use read::{Keep, ReadOptions, each_chunk, read_events};
pub use rows::JsonEvents;
pub use sample::read_sample;
pub use schema::EventSchema;
pub(crate) use schema::check_read;
pub use set::{EventChunk, EventSet};
pub use source::{EventBatch, EventSource, HistorySource, LogSource, Position, SourcePart};

/// Where the events of one source come from.
#[derive(Clone)]
pub struct SourceInput<'a> {
    /// Where its files lie.
    pub storage: Arc<dyn Storage>,
    /// The source.
    pub source: &'a Source,
    /// The key columns of the view's entity.
    pub keys: &'a [Key],
    /// Its files, in order.
    pub files: Vec<PathBuf>,
    /// Events of files that became available later are left out.
    pub up_to: Option<AvailableAt>,
    /// The pushed events, if they count.
    pub pushed: Option<Pushed<'a>>,
    /// Of the ids that the log has up to this offset, its copies count.
    pub(crate) ids_up_to: u64,
    /// Of which entities repeats are looked for.
    pub(crate) ids: IdScope,
    /// The rows of the files that are repeats, where that is known already.
    pub(crate) repeats: Option<Arc<Repeats>>,
    /// By what the events of the files are found where only some entities matter, if it has what is wanted of them. Their cut and
    /// their repeats are those of the index.
    pub(crate) index: Option<HistoryIndex>,
    /// What takes the events of the files too, in their order.
    pub(crate) builder: Option<Arc<HistoryIndexBuilder>>,
}

impl<'a> SourceInput<'a> {
    /// All events of files of a storage, for a view whose entity has the key columns `keys`.
    pub fn new(storage: Arc<dyn Storage>, source: &'a Source, keys: &'a [Key], files: Vec<PathBuf>) -> Self {
        Self {
            storage,
            source,
            keys,
            files,
            up_to: None,
            pushed: None,
            ids_up_to: 0,
            ids: IdScope::All,
            repeats: None,
            index: None,
            builder: None,
        }
    }

    /// The same, and what was pushed.
    pub fn with_pushed(self, pushed: Option<Pushed<'a>>) -> Self {
        Self { pushed, ids_up_to: pushed.map_or(0, |pushed| pushed.up_to), ..self }
    }
}

/// The events of a log up to an offset.
#[derive(Clone, Copy)]
pub struct Pushed<'a> {
    /// The log.
    pub log: &'a dyn LogReader,
    /// The last offset to read, inclusive.
    pub up_to: u64,
}

impl<'a> Pushed<'a> {
    /// All events that the log holds now, none of which may be missing.
    pub fn all(log: &'a dyn LogReader) -> Result<Self, LogError> {
        log.check_whole()?;
        Ok(Self { log, up_to: log.last_offset()? })
    }
}

/// Events that could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A file is missing, damaged, or holds a wrong value.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A pushed event does not have what the transform reads.
    #[error(
        "the event at offset {offset} of the log (source {source_name}, entity {entity}): field {field} {message}; to leave this \
         event out, add `skip_offsets = [{offset}]` under [sources.{source_name}]"
    )]
    Logged {
        /// Its position.
        offset: u64,
        /// The source.
        source_name: String,
        /// The entity.
        entity: EntityKey,
        /// The field.
        field: String,
        /// What is wrong with it.
        message: String,
    },
    /// An event that is being pushed, and is not in the log, does not have what the transform reads.
    #[error("source {source_name}, entity {entity}: field {field} {message}")]
    Unfit {
        /// The source.
        source_name: String,
        /// The entity.
        entity: EntityKey,
        /// The field.
        field: String,
        /// What is wrong with it.
        message: String,
    },
    /// A pushed event that lacks the key of an entity.
    #[error(
        "the event at offset {offset} of the log (source {source_name}) has no {column}: it was pushed before the source was of that \
         entity; name a new source for such events"
    )]
    NoKey {
        /// Its position.
        offset: u64,
        /// The source.
        source_name: String,
        /// The key columns of the entity.
        column: String,
    },
    /// What memory does not hold of the ids of events cannot be kept on disk.
    #[error("cannot keep the ids of events in {}", dir.display())]
    Ids {
        /// The folder.
        dir: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The index by entity of a history cannot be used.
    #[error(transparent)]
    HistoryIndex(#[from] HistoryIndexError),
    /// It was told to stop.
    #[error("stopped before it was finished")]
    Stopped,
    /// More than one process can hold.
    #[error("more than 4,294,967,295 events in one run: give fewer files")]
    TooMany,
    /// More than have numbers.
    #[error(transparent)]
    TooManyEntities(#[from] TooManyEntities),
    /// More text than one column holds.
    #[error(transparent)]
    Column(#[from] ColumnError),
}

impl ReadError {
    /// The same error of an event that is being pushed: it has no place in the log.
    pub(crate) fn of_push(self) -> Self {
        match self {
            Self::Logged { source_name, entity, field, message, .. } => {
                Self::Unfit { source_name, entity, field, message }
            }
            other => other,
        }
    }
}
