//! What can go wrong with the log.

use std::fmt;
use std::path::PathBuf;

use super::file::FileError;
use crate::batch::ColumnError;
use crate::entity::EntityKey;
use crate::time::{AsOf, EventTime, format_time, rounded};

/// A failure of the event log or of the feature log.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The file cannot be opened, read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A push holds an event that happened after it arrived.
    #[error(
        "row {row}: event time {event_time} is after its arrival {}; \
         events dated in the future are refused ({refused} of {events})", format_time(*.arrival)
    )]
    FutureEvent {
        /// The first such row of the push, from 1.
        row: u64,
        /// When it says that it happened.
        event_time: EventTime,
        /// When it arrived, in microseconds.
        arrival: i64,
        /// How many events of the push are dated in the future.
        refused: u64,
        /// How many events the push holds.
        events: u64,
    },
    /// A push declares that an event arrived later than now.
    #[error(
        "row {row}: arrival {} is in the future, it is {}; only past arrivals can be declared ({refused} of {events})",
        format_time(*.arrival), format_time(*.now)
    )]
    FutureArrival {
        /// The first such row of the push, from 1.
        row: u64,
        /// The declared arrival, in microseconds.
        arrival: i64,
        /// The time of the push, in microseconds.
        now: i64,
        /// How many events of the push are dated in the future.
        refused: u64,
        /// How many events the push holds.
        events: u64,
    },
    /// A push claims an id that an event of other content has.
    #[error(
        "row {row}: event id {event_id:?} is already that of another event: {holder}; give each event an id of its own, and send \
         an event again as it was ({refused} of {events})"
    )]
    EventIdConflict {
        /// The first such row of the push, from 1.
        row: u64,
        /// The id.
        event_id: String,
        /// The event that has it.
        holder: IdHolder,
        /// How many events of the push have an id of another event.
        refused: u64,
        /// How many events the push holds.
        events: u64,
    },
    /// A question about a time that has not come.
    #[error("as-of {as_of} is in the future, it is {}; ask for a time that has passed, or for none", format_time(*.now))]
    FutureAsOf {
        /// The time that was asked for.
        as_of: AsOf,
        /// The time of the question, in microseconds.
        now: i64,
    },
    /// A push is too long.
    #[error("a push of {events} events is over the limit of {limit}: send it in parts")]
    TooManyEvents {
        /// How many events the push holds.
        events: usize,
        /// How many it may hold.
        limit: usize,
    },
    /// A part of an event is too large.
    #[error("row {row}: {what} of {bytes} bytes is over the limit of {limit} bytes: keep large contents elsewhere")]
    TooLarge {
        /// The row of the push, from 1.
        row: u64,
        /// Which part.
        what: &'static str,
        /// Its size in bytes.
        bytes: usize,
        /// The most that it may have.
        limit: usize,
    },
    /// A source has events by other key columns.
    #[error(
        "the log has events of source {source_name} by {logged}, and the project gives it events by {given}: put those key columns \
         back, or name the source of the new events otherwise"
    )]
    OtherKeys {
        /// The source.
        source_name: String,
        /// The key columns of the events that it has.
        logged: String,
        /// Those that it is given now.
        given: String,
    },
    /// A record cannot be written as JSON, or what is stored is not the JSON that was written.
    #[error("{record} of the event log {path} is not as it was written; restore the log from a copy")]
    Record {
        /// The log.
        path: PathBuf,
        /// Which record.
        record: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// Vectors whose columns are not those of their plan.
    #[error("served vectors cannot be recorded, their columns are not those of their plan: {what}")]
    Unfit {
        /// Which columns.
        what: String,
    },
    /// Batches of served vectors that are neither there nor expired.
    #[error(
        "{} of the feature log {path} {}, and nothing in it says why: {} cannot be verified; restore it from a \
         copy, or move it away to begin a new one", Numbers(*.first, *.last), if first == last { "is missing" } else { "are missing" },
        Vectors(*.vectors)
    )]
    Missing {
        /// The feature log.
        path: PathBuf,
        /// The number of the first.
        first: u64,
        /// The number of the last.
        last: u64,
        /// How many vectors they held.
        vectors: u64,
    },
    /// A batch of served vectors that is not what was written.
    #[error(
        "batch {number} of the feature log {path} is not as it was written, {why}: {} cannot be verified; restore it \
         from a copy, or move it away to begin a new one", Vectors(*.vectors)
    )]
    Batch {
        /// The feature log.
        path: PathBuf,
        /// The number of the batch.
        number: u64,
        /// How many vectors it says that it holds.
        vectors: u64,
        /// How it shows.
        why: String,
    },
    /// A batch that is not the next one.
    #[error(
        "batch {number} does not follow batch {last}, the last of the feature log {path}: it was replaced, or written by another process"
    )]
    Misnumbered {
        /// The feature log.
        path: PathBuf,
        /// The number of the batch.
        number: u64,
        /// The number of the last one.
        last: u64,
    },
    /// More text than one column holds.
    #[error(transparent)]
    Column(#[from] ColumnError),
    /// Another writer has begun a later term.
    #[error(
        "the event log {path} is written by another process (term {current}, this one has {term}): this one may not write any more"
    )]
    Fenced {
        /// The log.
        path: PathBuf,
        /// The term of this writer.
        term: u64,
        /// The newest term.
        current: u64,
    },
    /// The log has gone on, or back, without its writer.
    #[error(
        "the event log {path} ends at offset {last}, where this process left it at {expected}: it was replaced, or written by another"
    )]
    Moved {
        /// The log.
        path: PathBuf,
        /// The newest offset that the writer knows.
        expected: u64,
        /// The newest offset.
        last: u64,
    },
    /// The log was removed, and what was made from it was not.
    #[error(
        "the event log {path} is gone: restore it from a copy, or run `onepath reset` to begin without the events that were pushed"
    )]
    Gone {
        /// Where it was.
        path: PathBuf,
    },
    /// A history that was folded is not recorded any more.
    #[error(
        "history {id} of the event log {path} is gone: restore it from a copy, or run `onepath materialize` to fold another one"
    )]
    LostHistory {
        /// The log.
        path: PathBuf,
        /// Its id.
        id: i64,
    },
    /// Events of the log are not there any more.
    #[error("{missing} of the {last} events of the event log {path} are missing: restore it from a copy")]
    MissingEvents {
        /// The log.
        path: PathBuf,
        /// How many.
        missing: u64,
        /// The newest offset.
        last: u64,
    },
    /// An event that the log had is not there any more.
    #[error(
        "the event log {path} has a hole: of its {last} events, {missing} are missing from offset {first} on: restore it from a copy"
    )]
    Hole {
        /// The log.
        path: PathBuf,
        /// The first offset that is missing.
        first: u64,
        /// How many are missing there.
        missing: u64,
        /// The newest offset that was asked for.
        last: u64,
    },
    /// The log ends before what was answered from it.
    #[error(
        "the event log {path} ends at offset {last}, and offset {offset} was there once: restore the newer log from a copy"
    )]
    Short {
        /// The log.
        path: PathBuf,
        /// The offset that was there.
        offset: u64,
        /// The newest offset.
        last: u64,
    },
    /// The log is ahead of the clock.
    #[error(
        "the event log {path} is {} ahead of this machine's clock: its newest time is {}, and the clock says {}; stamps and answers would \
         stand still until then. If the machine's clock is wrong, set it; if it was ahead when the log was written, run `onepath clock \
         repair` (`onepath clock` tells more)", rounded(*.floor - *.now), format_time(*.floor), format_time(*.now)
    )]
    ClockBehind {
        /// The log.
        path: PathBuf,
        /// Its newest time, in microseconds.
        floor: i64,
        /// The clock, in microseconds.
        now: i64,
    },
    /// The place that keeps the log failed; whether it may work when tried again is for the place to say.
    #[error("the event log failed{}", if *.is_retryable { ": try again" } else { "" })]
    Failed {
        /// Whether trying again may help.
        is_retryable: bool,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A write to a log that was opened for reading.
    #[error("the event log {path} was opened for reading only: open it for writing")]
    ReadOnly {
        /// The log.
        path: PathBuf,
    },
}

impl LogError {
    /// Whether a record is missing, or is not what was written.
    pub fn is_damage(&self) -> bool {
        match self {
            Self::File(error) => error.is_damage(),
            Self::Record { .. }
            | Self::Missing { .. }
            | Self::Batch { .. }
            | Self::Gone { .. }
            | Self::LostHistory { .. }
            | Self::MissingEvents { .. }
            | Self::Hole { .. }
            | Self::Short { .. } => true,
            _ => false,
        }
    }
}

/// Numbers of batches, for messages.
struct Numbers(u64, u64);

impl fmt::Display for Numbers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == self.1 { write!(f, "batch {}", self.0) } else { write!(f, "batches {} to {}", self.0, self.1) }
    }
}

/// A number of served vectors, for messages.
struct Vectors(u64);

impl fmt::Display for Vectors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} served vector{}", self.0, if self.0 == 1 { "" } else { "s" })
    }
}

/// The event that has an id already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IdHolder {
    /// One of the log.
    Logged {
        /// Its offset.
        offset: u64,
        /// The entity that it is about.
        key: EntityKey,
        /// When it happened.
        event_time: EventTime,
    },
    /// An earlier one of the same push.
    Pushed {
        /// Its row, from 1.
        row: u64,
    },
    /// One of the files of the materialized history.
    History,
}

impl fmt::Display for IdHolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Logged { offset, key, event_time } => {
                write!(f, "that of entity {key} at {event_time}, offset {offset} of the log")
            }
            Self::Pushed { row } => write!(f, "row {row} of this push"),
            Self::History => f.write_str("one of the files of the materialized history"),
        }
    }
}
