//! The clock of the log: which stamps arrivals and as-ofs get.
//!
//! What a question at an as-of sees must be a prefix of the log, now and in every later backfill, and the log must have
//! the order in which a backfill merges sources: `(available at, source order, offset)`. Therefore:
//!
//! - Arrivals that the system stamps are strictly increasing: at least "now", and after both the last arrival and every as-of
//!   that was answered, even where the machine's clock stands still or goes back. As-ofs, which whoever answers takes, never
//!   decrease; two answers between two arrivals may have the same.
//! - A *declared* arrival (replayed historical data) is taken as it is where it can be. It is moved up to just after
//!   the last as-of, because a question that was answered there did not see it. It is never before the last arrival.
//!   It may equal it within one source, where offsets give the order as rows give it in files; arrivals of different
//!   sources are kept apart, because the order of sources belongs to the views and the log does not know it.
//! - A declared as-of may be any time that has passed. What arrives later arrives after it.
//!
//! Where the machine's clock was ahead, all of this would stand still until it has caught up. A repair opens a new *epoch*
//! (`epoch`), in which the clock goes on from the moment of the repair. The rules hold within an epoch.
//!
//! Time has an end only in principle: beyond year 294,246 stamps would stand still.

use std::sync::Arc;

use super::Repair;

/// The newest stamps, in microseconds; `None` before the first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogClock {
    /// The newest arrival.
    pub last_arrival: Option<i64>,
    /// The source that it came from.
    pub last_arrival_source: Option<Arc<str>>,
    /// The newest as-of that was answered, or reserved.
    pub last_as_of: Option<i64>,
    /// How often it was repaired: the epoch of the log.
    pub epoch: u64,
}

/// How far the newest time of a log may be ahead of the clock, in microseconds: arrivals are stamped above it, and answers wait for
/// it. Beyond, nothing is taken and nothing answered. As-ofs that are reserved ahead must lie well within it.
pub const AHEAD_US_MAX: i64 = 10_000_000;

/// Whether the newest time of a log is too far ahead of `now`.
pub fn is_ahead(floor: i64, now: i64) -> bool {
    floor.saturating_sub(now) > AHEAD_US_MAX
}

/// The first time after `last`.
fn after(last: Option<i64>) -> i64 {
    last.map_or(i64::MIN, |last| last.saturating_add(1))
}

impl LogClock {
    /// Stamps an arrival at `now`.
    pub(super) fn arrive(&mut self, source: &Arc<str>, now: i64) -> i64 {
        self.arrived(source, self.next_arrival(now))
    }

    /// Stamps an arrival that is declared to have been at `declared`. The stamp is later where it has to be.
    pub(super) fn arrive_declared(&mut self, source: &Arc<str>, declared: i64) -> i64 {
        let earliest = match self.last_arrival {
            Some(last) if self.last_arrival_source.as_ref() == Some(source) => last,
            last => after(last),
        };
        self.arrived(source, declared.max(earliest).max(after(self.last_as_of)))
    }

    /// Puts every later arrival after `time`.
    pub(super) fn pass(&mut self, time: i64) {
        self.last_as_of = self.last_as_of.max(Some(time));
    }

    fn arrived(&mut self, source: &Arc<str>, stamp: i64) -> i64 {
        self.last_arrival = Some(stamp);
        self.last_arrival_source = Some(Arc::clone(source));
        stamp
    }

    /// The earliest stamp that an arrival at `now` can get.
    pub(super) fn next_arrival(&self, now: i64) -> i64 {
        now.max(after(self.last_arrival)).max(after(self.last_as_of))
    }

    /// The earliest stamp that an arrival can get that is declared to have been before.
    pub(super) fn next_declared_arrival(&self) -> i64 {
        self.last_arrival.unwrap_or(i64::MIN).max(after(self.last_as_of))
    }

    /// The newest of its times; `None` in a log without any.
    pub fn floor(&self) -> Option<i64> {
        self.last_arrival.max(self.last_as_of)
    }

    /// The clock after a repair: arrivals and as-ofs are after the last stamp that it gave.
    pub(super) fn repaired(&self, repair: &Repair) -> Self {
        let end = repair.end();
        let last_arrival = if repair.events() > 0 { Some(end) } else { self.last_arrival };
        Self { last_arrival, last_as_of: Some(end), epoch: repair.epoch, ..self.clone() }
    }

    /// The clock as it is saved: as-ofs up to `reserved` as if they had been answered.
    pub(super) fn reserved(&self, reserved: Option<i64>) -> Self {
        Self { last_as_of: self.last_as_of.max(reserved), ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One step of the clock and the stamp that it must give.
    enum Step {
        Arrive(i64, i64),
        Declare(i64, i64),
        Pass(i64),
    }
    use Step::{Arrive, Declare, Pass};

    fn name(source: i64) -> Arc<str> {
        source.to_string().into()
    }

    fn check(rule: &str, steps: &[(Step, Option<i64>)]) {
        let mut clock = LogClock::default();
        for (number, (step, expected)) in steps.iter().enumerate() {
            let stamp = match step {
                Arrive(source, now) => Some(clock.arrive(&name(*source), *now)),
                Declare(source, at) => Some(clock.arrive_declared(&name(*source), *at)),
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
