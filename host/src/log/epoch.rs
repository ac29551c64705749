//! Epochs: what becomes of the stamps of a clock that was ahead.
//!
//! A log begins in epoch 0. Where its newest time lies far ahead of the clock, a *repair* opens the next epoch: the events that are
//! stamped at or after the moment of the repair, which are the last ones of the log, are available from that moment on, one
//! microsecond after the other in the order of their offsets, and new arrivals are stamped after them. So what is visible at an
//! as-of is a prefix of the log in every epoch. What was served in an earlier epoch was served by its stamps: they are kept, and
//! [`Log::reader_of`](super::Log::reader_of) gives the log as it was then.
//!
//! An event of such a stretch may have happened, by its own time, after the moment from which it is available now. It counts as having
//! happened when it became available: [`LoggedEvent::known_time`].

use std::ops::ControlFlow;
use std::path::Path;

use super::{History, LogError, LogHead, LogReader, LoggedEvent, LoggedSource};
use crate::entity::EntityKey;
use crate::time::AvailableAt;

/// What stands between the name of a log and the number of an epoch, in an [identity](LogReader::identity).
const MARK: char = '@';

/// A repair of the log's clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repair {
    /// The epoch that it opened: 1, 2, 3 ...
    pub epoch: u64,
    /// The clock then, in microseconds: from here on the first event of the stretch is available.
    pub repaired_at: i64,
    /// The first event that was stamped at or after it; the offset after the last one where none was.
    pub first_offset: u64,
    /// The newest offset then: the last one of the epoch before.
    pub last_offset: u64,
    /// The newest time of the log then, in microseconds: an arrival, or an as-of that was answered.
    pub floor: i64,
}

impl Repair {
    /// How many events it stamped anew.
    pub fn events(&self) -> u64 {
        (self.last_offset + 1).saturating_sub(self.first_offset)
    }

    /// The new stamp of an event, if it has one.
    fn stamp(&self, offset: u64) -> Option<AvailableAt> {
        let is_in = (self.first_offset..=self.last_offset).contains(&offset);
        is_in.then(|| AvailableAt::from_micros(self.repaired_at.saturating_add((offset - self.first_offset) as i64)))
    }

    /// The last stamp that it gave; the moment of the repair where it gave none.
    pub(super) fn end(&self) -> i64 {
        self.repaired_at.saturating_add(self.events().saturating_sub(1) as i64)
    }
}

/// The name of a log, and an epoch of it.
fn parts(identity: &str) -> (&str, u64) {
    let marked = identity.rsplit_once(MARK).and_then(|(name, epoch)| Some((name, epoch.parse().ok()?)));
    marked.unwrap_or((identity, 0))
}

impl dyn LogReader + '_ {
    /// The epoch by whose stamps it is read.
    pub fn epoch(&self) -> u64 {
        parts(self.identity()).1
    }

    /// The epoch of this log, not later than its own, that has `identity`; `None` where that is of another log.
    pub fn epoch_of(&self, identity: &str) -> Option<u64> {
        let ((name, epoch), (own, newest)) = (parts(identity), parts(self.identity()));
        (name == own && epoch <= newest).then_some(epoch)
    }
}

/// A log as it is read in one of its epochs.
pub(super) struct EpochReader {
    stamped: Box<dyn LogReader>,
    /// Those up to the epoch, in order.
    repairs: Vec<Repair>,
    identity: String,
    /// The last offset of the epoch.
    last: u64,
}

impl EpochReader {
    /// The log in its newest epoch; `stamped` gives the events as they were stamped.
    pub(super) fn newest(stamped: Box<dyn LogReader>) -> Result<Self, LogError> {
        let repairs = stamped.repairs()?;
        Ok(Self::new(stamped, repairs, u64::MAX))
    }

    /// The log as it was in an epoch that has ended; in the newest one where it has not ended yet.
    pub(super) fn of(stamped: Box<dyn LogReader>, epoch: u64) -> Result<Self, LogError> {
        let mut repairs = stamped.repairs()?;
        let last = repairs.iter().find(|repair| repair.epoch > epoch).map_or(u64::MAX, |repair| repair.last_offset);
        repairs.retain(|repair| repair.epoch <= epoch);
        Ok(Self::new(stamped, repairs, last))
    }

    fn new(stamped: Box<dyn LogReader>, repairs: Vec<Repair>, last: u64) -> Self {
        let name = stamped.identity();
        let identity = repairs.last().map_or(name.to_owned(), |repair| format!("{name}{MARK}{}", repair.epoch));
        Self { stamped, repairs, identity, last }
    }

    /// The event with the stamp that it has in this epoch: that of the newest repair which gave it one.
    fn seen(&self, event: LoggedEvent) -> LoggedEvent {
        let stamp = self.repairs.iter().rev().find_map(|repair| repair.stamp(event.offset));
        LoggedEvent { available_at: stamp.unwrap_or(event.available_at), ..event }
    }

    fn seen_of_epoch(&self, event: Option<LoggedEvent>) -> Option<LoggedEvent> {
        event.filter(|event| event.offset <= self.last).map(|event| self.seen(event))
    }
}

impl LogReader for EpochReader {
    fn identity(&self) -> &str {
        &self.identity
    }

    fn path(&self) -> &Path {
        self.stamped.path()
    }

    fn head(&self) -> Result<LogHead, LogError> {
        let LogHead { offset, clock } = self.stamped.head()?;
        Ok(LogHead { offset: offset.min(self.last), clock })
    }

    fn repairs(&self) -> Result<Vec<Repair>, LogError> {
        Ok(self.repairs.clone())
    }

    fn read(
        &self,
        source: &str,
        after: u64,
        up_to: u64,
        on_event: &mut dyn FnMut(LoggedEvent) -> ControlFlow<()>,
    ) -> Result<(), LogError> {
        self.stamped.read(source, after, up_to.min(self.last), &mut |event| on_event(self.seen(event)))
    }

    fn read_entity(
        &self,
        source: &str,
        key: &EntityKey,
        after: u64,
        up_to: u64,
        on_event: &mut dyn FnMut(LoggedEvent) -> ControlFlow<()>,
    ) -> Result<(), LogError> {
        self.stamped.read_entity(source, key, after, up_to.min(self.last), &mut |event| on_event(self.seen(event)))
    }

    fn event_with_id(&self, source: &str, event_id: &str) -> Result<Option<LoggedEvent>, LogError> {
        Ok(self.seen_of_epoch(self.stamped.event_with_id(source, event_id)?))
    }

    fn event_at(&self, offset: u64) -> Result<Option<LoggedEvent>, LogError> {
        Ok(self.seen_of_epoch(self.stamped.event_at(offset)?))
    }

    fn count(&self, source: &str, after: u64, up_to: u64) -> Result<u64, LogError> {
        self.stamped.count(source, after, up_to.min(self.last))
    }

    fn sources(&self) -> Result<Vec<LoggedSource>, LogError> {
        self.stamped.sources()
    }

    fn refused_future(&self) -> Result<u64, LogError> {
        self.stamped.refused_future()
    }

    fn history(&self, id: i64) -> Result<Option<History>, LogError> {
        self.stamped.history(id)
    }

    fn latest_history(&self) -> Result<Option<(i64, History)>, LogError> {
        self.stamped.latest_history()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::entity::KeyValue;
    use crate::log::{Log, LogWriter, NewEvent, SqliteLog};
    use crate::time::{AsOf, EventTime};

    fn append(log: &Arc<dyn Log>, events: &[(i64, Option<i64>)], now: i64) {
        let event = |(row, (at, arrival)): (u64, &(i64, Option<i64>))| NewEvent {
            event_id: Some(format!("{now} {row}")),
            key: EntityKey(vec![KeyValue::Int64(1)]),
            event_time: EventTime::from_micros(*at),
            arrival: *arrival,
            fields: "{}".into(),
            row,
            place: 0,
        };
        let mut writer = LogWriter::new(Arc::clone(log)).expect("begins");
        let mut appending = writer.begin();
        let stamped = appending.stamp("s", (1..).zip(events).map(event).collect(), now, &|_, _| true).expect("stamps");
        appending.accept(stamped);
        appending.commit().expect("commits");
    }

    fn repair(log: &Arc<dyn Log>, now: i64) -> Repair {
        LogWriter::new(Arc::clone(log)).expect("begins").open_epoch(now).expect("repairs")
    }

    /// The stamp and the known time of each event.
    fn stamps(reader: &dyn LogReader) -> Vec<(i64, i64)> {
        let mut stamps = Vec::new();
        let each = reader.each("s", 0, u64::MAX, |event| {
            stamps.push((event.available_at.micros(), event.known_time().micros()));
            Ok::<_, LogError>(())
        });
        each.expect("reads");
        stamps
    }

    #[test]
    fn each_epoch_is_read_by_its_own_stamps() {
        let dir = tempfile::tempdir().expect("a folder");
        let log: Arc<dyn Log> = Arc::new(SqliteLog::open(&dir.path().join("log")).expect("opens"));
        append(&log, &[(90, None), (95, None)], 100);
        // The clock is ahead; two of them have one stamp, and one happened in what is the future.
        append(&log, &[(50, Some(9_000)), (8_000, Some(9_000)), (60, None)], 9_500);
        let first = vec![(100, 90), (101, 95), (9_000, 50), (9_000, 8_000), (9_500, 60)];
        let repaired = repair(&log, 200);
        let of = |first_offset, last_offset, epoch, repaired_at, floor| Repair {
            epoch,
            repaired_at,
            first_offset,
            last_offset,
            floor,
        };
        assert_eq!(repaired, of(3, 5, 1, 200, 9_500));
        let second = [(100, 90), (101, 95), (200, 50), (201, 201), (202, 60)];
        append(&log, &[(7, None), (8, None)], 150);
        let newest = log.reader().expect("opens");
        assert_eq!(stamps(&*newest), [&second[..], &[(203, 7), (204, 8)]].concat());
        // A second one, which takes back events that were repaired before.
        assert_eq!(repair(&log, 202), of(5, 7, 2, 202, 204));
        append(&log, &[(9, None)], 300);
        let newest = log.reader().expect("opens");
        let third = vec![(100, 90), (101, 95), (200, 50), (201, 201), (202, 60), (203, 7), (204, 8), (300, 9)];
        assert_eq!(stamps(&*newest), third);
        // Nothing is ahead: no event is stamped anew, and arrivals go on after it.
        assert_eq!(repair(&log, 400), of(9, 8, 3, 400, 300));
        append(&log, &[(10, None)], 400);
        assert_eq!(stamps(&*log.reader().expect("opens")).last(), Some(&(401, 10)));
        let name = log.stamped_reader().expect("opens").identity().to_owned();
        let newest = log.reader().expect("opens");
        for (epoch, stamped) in [(0, first), (1, [&second[..], &[(203, 7), (204, 8)]].concat()), (2, third)] {
            let reader = log.reader_of(epoch).expect("opens");
            assert_eq!(stamps(&*reader), stamped, "epoch {epoch}");
            // It ends where it ended, however late is asked.
            let last = stamped.len() as u64;
            let at = AsOf::from_micros(i64::MAX);
            assert_eq!((reader.last_offset().ok(), reader.offset_at(at).ok()), (Some(last), Some(last)));
            assert_eq!(reader.count("s", 0, u64::MAX).ok(), Some(last));
            assert_eq!(reader.event_at(last + 1).expect("reads"), None);
            assert_eq!((reader.epoch(), newest.epoch_of(reader.identity())), (epoch, Some(epoch)));
            assert_eq!(reader.epoch_of(newest.identity()), None, "a later epoch");
        }
        assert_eq!((newest.epoch_of(&name), newest.epoch_of("another"), newest.epoch_of("a@1")), (Some(0), None, None));
    }
}
