//! The log as a seam: where it lies is for an implementation to say, what its stamps mean is decided above it.

use std::ops::ControlFlow;
use std::path::Path;

use super::clock::LogClock;
use super::epoch::EpochReader;
use super::{History, LogError, LoggedEvent, LoggedSource, Repair};
use crate::entity::EntityKey;
use crate::time::{AsOf, AvailableAt, visible};

/// A place that keeps the event log of one project.
///
/// One writer at a time: it begins a *term*, and what it writes names the term. A writer that another one has followed is refused,
/// whatever it still believes. What a call has written is on disk when it returns, all of it or nothing, and is seen by every
/// call of a reader that begins after it has returned.
pub trait Log: Send + Sync {
    /// Begins a term of writing and gives its number, which is higher than those before.
    fn begin_term(&self) -> Result<u64, LogError>;

    /// Whether the log is still where it was opened. One in files says [`FileError::Gone`](super::FileError::Gone) or
    /// [`FileError::Replaced`](super::FileError::Replaced) where they were taken away: nothing can be kept from then on.
    fn check_place(&self) -> Result<(), LogError> {
        Ok(())
    }

    /// A handle for reading, which sees what is there at each of its calls: the events as they were stamped when they were appended,
    /// whatever was repaired since. Whoever reads the log wants [`Log::reader`].
    fn stamped_reader(&self) -> Result<Box<dyn LogReader>, LogError>;

    /// Appends events and the clock that stamped them.
    fn append(&self, term: u64, batch: &LogBatch<'_>) -> Result<(), LogError>;

    /// Saves the clock alone, such as when as-ofs are reserved.
    fn save_clock(&self, term: u64, clock: &LogClock) -> Result<(), LogError>;

    /// Records a history, with the clock that puts arrivals after its end, and gives it an id higher than those before.
    fn record_history(&self, term: u64, history: &History, clock: &LogClock) -> Result<i64, LogError>;

    /// Records a repair of the clock, with the clock after it. The events stay as they were stamped.
    fn open_epoch(&self, term: u64, repair: &Repair, clock: &LogClock) -> Result<(), LogError>;

    /// A handle for reading the log in its newest epoch, which is the newest one when this is called.
    fn reader(&self) -> Result<Box<dyn LogReader>, LogError> {
        Ok(Box::new(EpochReader::newest(self.stamped_reader()?)?))
    }

    /// A handle for reading the log as it was in an epoch: by its stamps, up to its last event.
    fn reader_of(&self, epoch: u64) -> Result<Box<dyn LogReader>, LogError> {
        Ok(Box::new(EpochReader::of(self.stamped_reader()?, epoch)?))
    }
}

/// What is appended to a log at once.
#[derive(Clone, Debug)]
pub struct LogBatch<'a> {
    /// The newest offset of the log before. Where it is another one the batch is refused: its stamps are of another log.
    pub expected: u64,
    /// The key columns of sources, where they are new.
    pub sources: &'a [LoggedSource],
    /// The events, with the offsets that follow.
    pub events: &'a [LoggedEvent],
    /// Events that were refused because they were dated in the future, to be counted.
    pub refused_future: u64,
    /// The clock after all of them.
    pub clock: &'a LogClock,
}

/// How far a log goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogHead {
    /// The newest offset; 0 in a log without events.
    pub offset: u64,
    /// The newest stamps.
    pub clock: LogClock,
}

impl LogHead {
    /// The closed time: no event will ever be stamped at or before it, so that every as-of up to it is a fixed prefix of the log.
    /// `None` in a log without events.
    ///
    /// It is just before the newest arrival, which another event of the same source may share. The newest as-of does not move it:
    /// as-ofs are reserved ahead, and arrivals of the same process may still lie before the end of a reservation.
    pub fn closed_time(&self) -> Option<AsOf> {
        self.clock.last_arrival.map(|last| AsOf::from_micros(last.saturating_sub(1)))
    }
}

/// A handle for reading a log.
pub trait LogReader: Send {
    /// As [`Log::check_place`], of what this reads from.
    fn check_place(&self) -> Result<(), LogError> {
        Ok(())
    }

    /// A name that no other log has, given when it was made, with the epoch behind it where it is not the first: `NAME@1`. States
    /// that count its offsets carry it, and so does what was served.
    fn identity(&self) -> &str;

    /// Where the log is, for messages.
    fn path(&self) -> &Path;

    /// How far it goes.
    fn head(&self) -> Result<LogHead, LogError>;

    /// The repairs of its clock, in order: one for each epoch but the first.
    fn repairs(&self) -> Result<Vec<Repair>, LogError>;

    /// Gives `on_event` the events of `source` whose offsets are over `after` and at most `up_to`, in order, one by one. The log as it
    /// is at the call is read; a `Break` ends the reading. Offsets have no gaps: where an event of any source is missing on the
    /// way, that is an error.
    fn read(
        &self,
        source: &str,
        after: u64,
        up_to: u64,
        on_event: &mut dyn FnMut(LoggedEvent) -> ControlFlow<()>,
    ) -> Result<(), LogError>;

    /// As [`LogReader::read`], the events of one entity only.
    fn read_entity(
        &self,
        source: &str,
        key: &EntityKey,
        after: u64,
        up_to: u64,
        on_event: &mut dyn FnMut(LoggedEvent) -> ControlFlow<()>,
    ) -> Result<(), LogError>;

    /// The event of `source` with the id `event_id`.
    fn event_with_id(&self, source: &str, event_id: &str) -> Result<Option<LoggedEvent>, LogError>;

    /// The event at `offset`; `None` where the log has none there.
    fn event_at(&self, offset: u64) -> Result<Option<LoggedEvent>, LogError>;

    /// How many events `source` has whose offsets are over `after` and at most `up_to`.
    fn count(&self, source: &str, after: u64, up_to: u64) -> Result<u64, LogError>;

    /// How many events there are, of all sources.
    fn count_all(&self) -> Result<u64, LogError> {
        self.sources()?.iter().try_fold(0, |all, source| Ok(all + self.count(&source.name, 0, u64::MAX)?))
    }

    /// The sources that have events, by name.
    fn sources(&self) -> Result<Vec<LoggedSource>, LogError>;

    /// How many events were refused because they were dated in the future, since the log began.
    fn refused_future(&self) -> Result<u64, LogError>;

    /// The history of `id`.
    fn history(&self, id: i64) -> Result<Option<History>, LogError>;

    /// The newest history and its id.
    fn latest_history(&self) -> Result<Option<(i64, History)>, LogError>;

    /// The newest offset; 0 in a log without events.
    fn last_offset(&self) -> Result<u64, LogError> {
        Ok(self.head()?.offset)
    }

    /// The fingerprint of the event at `offset`; `None` where the log has none there.
    fn fingerprint_at(&self, offset: u64) -> Result<Option<i64>, LogError> {
        Ok(self.event_at(offset)?.map(|event| event.fingerprint()))
    }

    /// The offset of the newest event that is visible at `as_of`; 0 where none is.
    fn offset_at(&self, as_of: AsOf) -> Result<u64, LogError> {
        // Availability never falls from one offset to the next, and offsets have no gaps: halving finds the last visible.
        let (mut seen, mut unseen) = (0, self.last_offset()? + 1);
        while unseen - seen > 1 {
            let middle = seen + (unseen - seen) / 2;
            match self.event_at(middle)? {
                Some(event) if visible(event.available_at, as_of) => seen = middle,
                _ => unseen = middle,
            }
        }
        Ok(seen)
    }

    /// How many events `source` has up to an offset, but for those at the offsets `skipped`, and how many of them are not visible at
    /// `as_of`.
    fn count_up_to(
        &self,
        source: &str,
        up_to: u64,
        as_of: Option<AsOf>,
        skipped: &[u64],
    ) -> Result<(u64, u64), LogError> {
        let seen = as_of.map_or(Ok(up_to), |as_of| self.offset_at(as_of))?.min(up_to);
        let (all, later) = (self.count(source, 0, up_to)?, self.count(source, seen, up_to)?);
        let later_skipped = skipped.iter().filter(|offset| **offset > seen).count() as u64;
        Ok((all.saturating_sub(skipped.len() as u64), later.saturating_sub(later_skipped)))
    }
}

impl dyn LogReader + '_ {
    /// Checks that no event is missing; counts all of them.
    pub fn check_whole(&self) -> Result<(), LogError> {
        let last = self.last_offset()?;
        match last.checked_sub(self.count_all()?) {
            None | Some(0) => Ok(()),
            Some(missing) => Err(LogError::MissingEvents { path: self.path().to_owned(), missing, last }),
        }
    }

    /// Checks that the log goes as far as `offset`, which was answered from.
    pub fn check_reaches(&self, offset: u64) -> Result<(), LogError> {
        let last = self.last_offset()?;
        if offset <= last { Ok(()) } else { Err(LogError::Short { path: self.path().to_owned(), offset, last }) }
    }

    /// As [`LogReader::read`]; an error of `on_event` ends the reading.
    pub fn each<E: From<LogError>>(
        &self,
        source: &str,
        after: u64,
        up_to: u64,
        on_event: impl FnMut(LoggedEvent) -> Result<(), E>,
    ) -> Result<(), E> {
        until_error(on_event, |on_event| self.read(source, after, up_to, on_event))
    }

    /// As [`LogReader::read_entity`]; an error of `on_event` ends the reading.
    pub fn each_of_entity<E: From<LogError>>(
        &self,
        source: &str,
        key: &EntityKey,
        after: u64,
        up_to: u64,
        on_event: impl FnMut(LoggedEvent) -> Result<(), E>,
    ) -> Result<(), E> {
        until_error(on_event, |on_event| self.read_entity(source, key, after, up_to, on_event))
    }
}

/// Reads until `on_event` fails, and gives its error.
fn until_error<E: From<LogError>>(
    mut on_event: impl FnMut(LoggedEvent) -> Result<(), E>,
    read: impl FnOnce(&mut dyn FnMut(LoggedEvent) -> ControlFlow<()>) -> Result<(), LogError>,
) -> Result<(), E> {
    let mut failed = None;
    read(&mut |event| match on_event(event) {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => {
            failed = Some(error);
            ControlFlow::Break(())
        }
    })?;
    failed.map_or(Ok(()), Err)
}

/// The newest arrival that a clock has stamped; `None` in a log without events.
pub(super) fn last_arrival(clock: &LogClock) -> Option<AvailableAt> {
    clock.last_arrival.map(AvailableAt::from_micros)
}
