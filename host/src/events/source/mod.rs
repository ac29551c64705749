//! Where the events of a source come from: one seam below everything that replays them.
//!
//! An [`EventSource`] has parts, each of which gives its events in batches, and says how far it was read. [`HistorySource`] is the one
//! for the files of a source, [`LogSource`] the one for what was pushed to it; a table or a stream is one more. What they promise is
//! written down as a suite of checks that any other must pass too, [`crate::testing::source`].
//!
//! A source decides neither which of its events are visible nor which entities they are of: it gives them all, in its order.

mod history;
mod log;

use super::ReadError;
use crate::batch::Lane;

pub use self::history::HistorySource;
pub use self::log::LogSource;

/// Events in the order that decides ties: parts in their order, within a part batch after batch, row after row.
pub trait EventSource {
    /// Its parts, in the declared order. They do not change while the source is open. Each can be read by itself, and, where the
    /// source is [`Sync`], beside the others.
    fn parts(&self) -> &[SourcePart];

    /// Gives `take` the events of a part that come after a position of it, batch by batch, none of which is empty. Cut
    /// wherever it is, a part has the same events in the same order. An error of `take` ends the reading, and is given back.
    fn read(
        &self,
        part: usize,
        after: Position,
        take: &mut dyn FnMut(EventBatch) -> Result<(), ReadError>,
    ) -> Result<(), ReadError>;
}

/// An independent piece of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourcePart {
    /// The place of its file among those of the source; 0 where there are none.
    pub file: usize,
    /// How many events it has, where that is known before they are read.
    pub rows: Option<u64>,
    /// How many bytes they take, decompressed where that is known.
    pub bytes: u64,
}

/// How far a part was read: it names its last event that was read, and grows from batch to batch. [`Position::START`] is before
/// the first.
///
/// What it counts is the source's own: rows of a file, offsets of a log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The group of events that the last one is in, where the part is read group by group.
    pub group: u64,
    /// The last event: the number of its row in its file, from 1, or its offset in a log.
    pub at: u64,
}

impl Position {
    /// Before the first event of a part.
    pub const START: Self = Self { group: 0, at: 0 };
}

/// Consecutive events of a part.
#[derive(Clone, Debug)]
pub struct EventBatch {
    /// How many.
    pub rows: usize,
    /// The key columns of the view's entity.
    pub keys: Vec<Lane>,
    /// When each event happened, in microseconds.
    pub event_times: Vec<i64>,
    /// When each was first known; `None` where all were known when they happened.
    pub available_at: Option<Vec<i64>>,
    /// What the source says of their arrival, as it was read, where it says that.
    pub arrivals: Option<Lane>,
    /// Per event, its offset in the log; `None` for events of history.
    pub log_offsets: Option<Vec<u64>>,
    /// The columns that were asked for, in their order.
    pub fields: Vec<Lane>,
    /// Times that had digits beyond the microsecond.
    pub rounded: u64,
    /// The position after the last of them.
    pub until: Position,
}

impl EventBatch {
    /// Of consecutive rows of a file, how many come before them.
    pub(crate) fn rows_before(&self) -> u64 {
        self.until.at.saturating_sub(self.rows as u64)
    }

    /// Per event, when it was first known.
    pub fn available(&self) -> &[i64] {
        self.available_at.as_deref().unwrap_or(&self.event_times)
    }
}
