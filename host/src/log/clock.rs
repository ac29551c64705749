//! The clock of the log: which stamps arrivals and as-ofs get.
//!
//! What a question at an as-of sees must be a prefix of the log, now and in every later backfill, and the log must have
//! the order in which a backfill merges sources: `(available at, source order, offset)`. Therefore:
//!
//! - Arrivals that the system stamps are strictly increasing: at least "now", and after both the last arrival and every as-of
//!   that was answered, even where the machine's clock stands still or goes back. As-ofs, which whoever answers takes, never
//!   decrease; two answers between two arrivals may have the same.
//! - A *declared* arrival (past data, lived through again) is taken as it is where it can be. It is moved up to just after
//!   the last as-of, because a question that was answered there did not see it. It is never before the last arrival.
//!   It may equal it within one source, where offsets give the order as rows give it in files; arrivals of different
//!   sources are kept apart, because the order of sources belongs to the views and the log does not know it.
//! - A declared as-of may be any time that has passed. What arrives later arrives after it.
//!
//! Time has an end only in principle: beyond year 294,246 stamps would stand still.

use rusqlite::Connection;

use super::{EventLog, LogError};
use crate::time::{AsOf, AvailableAt};

/// The number of a source within the log.
pub(super) type SourceId = i64;

/// The newest stamps, in microseconds; `None` before the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct LogClock {
    pub last_arrival: Option<i64>,
    pub last_arrival_source: Option<SourceId>,
    pub last_as_of: Option<i64>,
}

/// The first time after `last`.
fn after(last: Option<i64>) -> i64 {
    last.map_or(i64::MIN, |last| last.saturating_add(1))
}

impl LogClock {
    /// Stamps an arrival at `now`.
    pub fn arrive(&mut self, source: SourceId, now: i64) -> i64 {
        self.arrived(source, now.max(after(self.last_arrival)).max(after(self.last_as_of)))
    }

    /// Stamps an arrival that is declared to have been at `declared`. The stamp is later where it has to be.
    pub fn arrive_declared(&mut self, source: SourceId, declared: i64) -> i64 {
        let earliest = match self.last_arrival {
            Some(last) if self.last_arrival_source == Some(source) => last,
            last => after(last),
        };
        self.arrived(source, declared.max(earliest).max(after(self.last_as_of)))
    }

    /// Puts every later arrival after `time`.
    pub fn pass(&mut self, time: i64) {
        self.last_as_of = self.last_as_of.max(Some(time));
    }

    fn arrived(&mut self, source: SourceId, stamp: i64) -> i64 {
        self.last_arrival = Some(stamp);
        self.last_arrival_source = Some(source);
        stamp
    }

    /// The clock as it was saved.
    pub fn load(connection: &Connection) -> rusqlite::Result<Self> {
        let sql = "SELECT last_arrival, last_arrival_source, last_as_of FROM clock";
        connection.query_row(sql, [], |row| {
            Ok(Self { last_arrival: row.get(0)?, last_arrival_source: row.get(1)?, last_as_of: row.get(2)? })
        })
    }

    /// Saves the clock within the transaction of what it stamped. As-ofs up to `reserved` are saved as if they had been
    /// answered.
    pub fn save(&self, reserved: Option<i64>, connection: &Connection) -> rusqlite::Result<()> {
        let sql = "UPDATE clock SET last_arrival = ?1, last_arrival_source = ?2, last_as_of = ?3";
        let mut statement = connection.prepare_cached(sql)?;
        statement.execute((self.last_arrival, self.last_arrival_source, self.last_as_of.max(reserved))).map(|_| ())
    }
}

impl EventLog {
    /// Notes that a question was answered at `as_of`: what arrives later in this process is stamped after it. It is on disk
    /// with the next commit; until then [`EventLog::reserve`] covers it.
    pub fn pass(&mut self, as_of: AsOf) {
        self.clock.pass(as_of.0);
    }

    /// Puts the arrivals of later processes after `until`, so that as-ofs up to it may be answered without a commit of their
    /// own. `None` takes the reservation back: what was really answered counts. On disk when this returns.
    pub fn reserve(&mut self, until: Option<AsOf>) -> Result<(), LogError> {
        self.save_clock(self.clock, until.map(|until| until.0))
    }

    /// The earliest stamp that an arrival at `now` can get.
    pub fn next_arrival(&self, now: i64) -> AvailableAt {
        AvailableAt(now.max(after(self.clock.last_arrival)).max(after(self.clock.last_as_of)))
    }

    /// The earliest stamp that an arrival can get that is declared to have been before.
    pub fn next_declared_arrival(&self) -> AvailableAt {
        AvailableAt(self.clock.last_arrival.unwrap_or(i64::MIN).max(after(self.clock.last_as_of)))
    }

    /// The newest arrival; `None` in a log without events.
    pub fn last_arrival(&self) -> Option<AvailableAt> {
        self.clock.last_arrival.map(AvailableAt)
    }

    /// The newest as-of that arrivals are stamped after; `None` before the first.
    pub fn last_as_of(&self) -> Option<AsOf> {
        self.clock.last_as_of.map(AsOf)
    }

    fn save_clock(&mut self, clock: LogClock, reserved: Option<i64>) -> Result<(), LogError> {
        self.writable()?;
        self.file.name.sql(clock.save(reserved, &self.file.connection))?;
        (self.clock, self.reserved) = (clock, reserved);
        Ok(())
    }

    /// Refuses where the log was opened for reading.
    pub(super) fn writable(&self) -> Result<(), LogError> {
        if self.file.is_writable() { Ok(()) } else { Err(LogError::ReadOnly { path: self.path().to_owned() }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One step of the clock and the stamp that it must give.
    enum Step {
        Arrive(SourceId, i64),
        Declare(SourceId, i64),
        Pass(i64),
    }
    use Step::{Arrive, Declare, Pass};

    fn check(rule: &str, steps: &[(Step, Option<i64>)]) {
        let mut clock = LogClock::default();
        for (number, (step, expected)) in steps.iter().enumerate() {
            let stamp = match step {
                Arrive(source, now) => Some(clock.arrive(*source, *now)),
                Declare(source, at) => Some(clock.arrive_declared(*source, *at)),
                Pass(time) => {
                    clock.pass(*time);
                    None
                }
            };
            assert_eq!(stamp, *expected, "{rule}, step {number}");
        }
    }

    #[test]
    fn rules() {
        check(
            "the system's stamps strictly increase while the machine's clock stands still",
            &[
                (Arrive(1, 100), Some(100)),
                (Arrive(1, 100), Some(101)),
                (Arrive(2, 100), Some(102)),
                (Pass(104), None),
                (Arrive(1, 100), Some(105)),
            ],
        );
        check("and when it goes back", &[(Arrive(1, 100), Some(100)), (Pass(101), None), (Arrive(1, 20), Some(102))]);
        check("and they follow it when it goes on", &[(Pass(100), None), (Arrive(1, 200), Some(200))]);
        check("times before the epoch are times", &[(Declare(1, i64::MIN), Some(i64::MIN)), (Arrive(1, -5), Some(-5))]);
        check(
            "equal declared times of one source stay equal",
            &[(Declare(1, 10), Some(10)), (Declare(1, 10), Some(10)), (Declare(1, 11), Some(11))],
        );
        check(
            "of two sources they are kept apart",
            &[
                (Declare(1, 10), Some(10)),
                (Declare(2, 10), Some(11)),
                (Declare(2, 10), Some(11)),
                (Declare(1, 10), Some(12)),
            ],
        );
        check(
            "a declared time before the last arrival is moved up to it",
            &[(Declare(1, 10), Some(10)), (Declare(1, 3), Some(10)), (Declare(2, 3), Some(11))],
        );
        check(
            "no declared arrival is visible at an as-of that was answered",
            &[
                (Declare(1, 10), Some(10)),
                (Pass(10), None),
                (Declare(1, 10), Some(11)),
                (Pass(20), None),
                (Declare(1, 15), Some(21)),
                (Declare(1, 30), Some(30)),
            ],
        );
        check(
            "an earlier as-of does not turn the clock back",
            &[(Pass(20), None), (Pass(5), None), (Declare(1, 7), Some(21))],
        );
        check("arrivals are after the history that was folded", &[(Pass(50), None), (Declare(1, 50), Some(51))]);
    }
}
