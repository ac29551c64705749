//! As-ofs that are reserved ahead, and what became of an append that failed.

use super::super::clock::LogClock;
use super::super::{LogError, LoggedSource};
use super::LogWriter;
use crate::time::AsOf;

/// An append that failed: what the writer would be if it is on disk all the same.
pub(super) struct Unsettled {
    pub(super) clock: LogClock,
    pub(super) last_offset: u64,
    pub(super) reserved: Option<i64>,
    pub(super) sources: Vec<LoggedSource>,
}

/// What became of an append that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// It is on disk.
    Kept,
    /// It is not, and never will be.
    Gone,
}

impl LogWriter {
    /// Puts the arrivals of later processes after `until`, so that as-ofs up to it may be answered without a write of their
    /// own, and gives the time up to which that now holds: a reservation is never shortened, and has all that may have been
    /// answered. On disk when this returns; where it fails, the earlier reservation holds. What failed before is settled first.
    pub fn reserve(&mut self, until: AsOf) -> Result<AsOf, LogError> {
        let reserved = reach(&self.clock, self.reserved, until);
        self.log.save_clock(self.term, &self.clock.reserved(Some(reserved)))?;
        self.reserved = Some(reserved);
        Ok(AsOf::from_micros(reserved))
    }

    /// Takes the reservation back: what was really answered counts. On disk when this returns.
    pub fn release(&mut self) -> Result<(), LogError> {
        self.log.save_clock(self.term, &self.clock)?;
        self.reserved = None;
        Ok(())
    }

    /// As-ofs up to it are on disk; `None` where nothing is reserved.
    pub fn reserved(&self) -> Option<AsOf> {
        self.reserved.map(AsOf::from_micros)
    }

    /// Whether an append has failed of which it is not known whether it is on disk. Until it is, nothing else should be written.
    pub fn is_unsettled(&self) -> bool {
        self.unsettled.is_some()
    }

    /// Finds out whether the append that failed is on disk, and makes sure of it with a write after it. The writer goes on from there.
    pub fn settle(&mut self) -> Result<Settled, LogError> {
        let Some(unsettled) = &self.unsettled else { return Ok(Settled::Gone) };
        let (expected, last) = (self.last_offset, self.reader.last_offset()?);
        let settled = match last {
            last if last == expected => Settled::Gone,
            last if last == unsettled.last_offset => Settled::Kept,
            last => return Err(LogError::Moved { path: self.path().to_owned(), expected, last }),
        };
        let (mut clock, reserved) = match settled {
            Settled::Kept => (unsettled.clock.clone(), unsettled.reserved),
            Settled::Gone => (self.clock.clone(), self.reserved),
        };
        if let Some(answered) = self.clock.last_as_of {
            // Answered since: before the first of its events.
            clock.pass(answered);
        }
        self.log.save_clock(self.term, &clock.reserved(reserved))?;
        (self.clock, self.reserved, self.last_offset) = (clock, reserved, last);
        if let (Some(Unsettled { sources, .. }), Settled::Kept) = (self.unsettled.take(), settled) {
            self.keys.extend(sources.into_iter().map(|source| (source.name, source.keys)));
        }
        Ok(settled)
    }
}

/// Up to where as-ofs are free that are reserved up to `until`: at or after an earlier reservation, and all that may have been
/// answered.
pub(super) fn reach(clock: &LogClock, reserved: Option<i64>, until: AsOf) -> i64 {
    let known = [reserved, clock.last_arrival, clock.last_as_of];
    known.into_iter().flatten().fold(until.micros(), i64::max)
}
