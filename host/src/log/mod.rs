//! The event log and the feature log: what was pushed and what was served, append-only, in a SQLite file each, so that
//! recording what was served never waits for a push, nor a push for it.
//!
//! The log is the truth. Everything else that onepath keeps about events (the online states of [`crate::store`]) is a
//! function of a prefix of it and can be made anew. Each event gets an *offset* (1, 2, 3 ... across all sources) and an
//! [`AvailableAt`](crate::time::AvailableAt) stamp; both only grow, so what a question at an as-of sees is a prefix.
//!
//! - `seam`: [`Log`] and [`LogReader`], which a place for the log implements; `sqlite`: the one in a SQLite file.
//! - `writer`: pushes, each stamped first and appended once its events were evaluated; one append for many.
//! - `clock`: which stamps arrivals and as-ofs get, and why. - `epoch`: what becomes of those of a clock that was ahead.
//! - `event`: an event of the log. - `limits`: how large it may be.
//! - `history`: which files were folded into the online states.
//! - `identity`: what decides the values of a view version, part by part.
//! - `sources`: the key columns of each source.
//! - `feature_log`: what was served, batch by batch, which `verify` replays.
//! - `served`: what a view ran when it served.
//! - `checksum`: what each record is checked by when it is read.
//! - `file`, `schema`: opening and checking the file; its tables. - `file_error`: what can go wrong with it. - `lock`: one process writes. - `place`: the file is still the
//!   one that its name means. - `page_cache`: reading without waiting for a disk. - `read_only`: reading where nothing can be written. - `advice`: what SQLite's failures mean.
//!
//! This module knows nothing of transforms, of a project's files or of the command line. Errors keep their cause as
//! their source: print the whole chain.

mod advice;
pub(crate) mod checksum;
mod clock;
mod epoch;
mod error;
mod event;
mod feature_log;
pub(crate) mod file;
mod file_error;
mod history;
mod identity;
mod limits;
pub(crate) mod lock;
pub(crate) mod page_cache;
pub(crate) mod place;
mod read_only;
mod schema;
mod seam;
mod served;
mod sources;
mod sqlite;
#[cfg(test)]
mod tests;
mod writer;

pub use clock::{AHEAD_US_MAX, LogClock, is_ahead};
pub use epoch::Repair;
pub use error::{IdHolder, LogError};
pub use event::{EventContent, LoggedEvent};
pub use feature_log::{
    FeatureLog, Head, Recorded, ServedBatch, ServedColumn, ServedField, ServedPlan, ServedRequest, ServedSink,
    ServedVector, ServedVectors, ServedWriter, StoredBatch,
};
pub use file_error::FileError;
pub use history::{History, HistoryFile, HistorySource};
pub use identity::{FEATURE_DEFAULT, FEATURE_TTL, Parts, SOURCES, ViewIdentity};
pub use limits::{EVENT_ID_BYTES_MAX, EVENTS_PER_PUSH_MAX, FIELDS_BYTES_MAX, KEY_BYTES_MAX};
pub use seam::{Log, LogBatch, LogHead, LogReader};
pub use served::{STATUSES, ServedProgram, decode_values, encode_values};
pub use sources::{KeyColumns, LoggedSource};
pub use sqlite::SqliteLog;
pub use writer::{Appending, LogWriter, NewEvent, SameContent, Settled, Stamped};
