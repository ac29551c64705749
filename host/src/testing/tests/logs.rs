//! The suite of logs, on all of them, and on twins that it must not let pass.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::no_broken_one_passes;
use crate::entity::{EntityKey, KeyValue};
use crate::log::{Log, LogBatch, LogWriter, NewEvent, SqliteLog};
use crate::testing::log::{
    ACKNOWLEDGED, BATCHES, DURABLE, EVENTS, EXPECTED, ORDER, REFUSAL, REPAIRS, Stand, TERM, append, conformance, event,
    read,
};
use crate::testing::twin_log::{LogDefect, TwinLog};
use crate::testing::{Faults, mixed};
use crate::time::{AsOf, EventTime, visible};

struct InSqlite {
    folder: tempfile::TempDir,
    chance: AtomicU64,
}

impl InSqlite {
    fn new(seed: u64) -> Self {
        Self { folder: tempfile::tempdir().expect("a folder"), chance: AtomicU64::new(mixed(seed)) }
    }

    fn files(&self) -> [PathBuf; 3] {
        ["log.sqlite", "log.sqlite-wal", "log.sqlite-shm"].map(|name| self.folder.path().join(name))
    }

    fn below(&self, limit: usize) -> usize {
        (mixed(self.chance.fetch_add(1, Ordering::Relaxed)) % limit as u64) as usize
    }
}

impl Stand for InSqlite {
    fn open(&self) -> Box<dyn Log> {
        Box::new(SqliteLog::open(&self.files()[0]).expect("opens"))
    }

    /// Of the bytes that the append adds to the write-ahead log, some of the first are on disk.
    fn append_torn(&self, batch: &LogBatch<'_>) {
        let [file, write_ahead, shared] = self.files();
        let log = SqliteLog::open(&file).expect("opens");
        let term = log.begin_term().expect("begins");
        let size = || std::fs::metadata(&write_ahead).map_or(0, |data| data.len()) as usize;
        let before = size();
        log.append(term, batch).expect("appends");
        let (main, mut ahead) = (std::fs::read(&file).expect("reads"), std::fs::read(&write_ahead).expect("reads"));
        assert!(ahead.len() > before, "{} {before}", ahead.len());
        drop(log);
        ahead.truncate(before + self.below(ahead.len() - before + 1));
        std::fs::write(&file, main).expect("writes");
        std::fs::write(&write_ahead, ahead).expect("writes");
        let _ = std::fs::remove_file(shared);
    }

    /// Every append waited for the disk: nothing is lost.
    fn lose_power(&self) {}
}

#[test]
fn sqlite_passes() {
    for seed in 0..5 {
        let made = conformance(&|| Box::new(InSqlite::new(seed)));
        assert_eq!(made, Ok(()), "seed {seed}");
    }
}

#[test]
fn the_twin_passes_with_every_seed() {
    for seed in 0..50 {
        let made = conformance(&|| Box::new(TwinLog::new(Faults::none(seed), None)));
        assert_eq!(made, Ok(()), "seed {seed}");
    }
}

#[test]
fn no_broken_twin_passes() {
    let defects = [
        (LogDefect::LostWrite, &[DURABLE][..]),
        (LogDefect::TornBatch, &[REFUSAL, BATCHES]),
        (LogDefect::SwappedOrder, &[ORDER]),
        (LogDefect::StaleReader, &[EVENTS, ACKNOWLEDGED]),
        (LogDefect::OldTerm, &[TERM]),
        (LogDefect::AnyOffset, &[EXPECTED]),
        (LogDefect::LostClock, &[DURABLE]),
        (LogDefect::ChangedStamps, &[REPAIRS]),
    ];
    no_broken_one_passes(&defects, |seed, defect| {
        conformance(&|| Box::new(TwinLog::new(Faults::none(seed), Some(defect))))
    });
}

/// A call that fails leaves everything as it was.
#[test]
fn a_twin_that_fails_changes_nothing() {
    let (mut failed, mut appended) = (0, 0);
    for seed in 0..100 {
        let log = TwinLog::new(Faults::none(seed).failing(4), None);
        let Ok(term) = log.begin_term() else { continue };
        let mut last = 0;
        for _ in 1..20 {
            match append(&log, term, last, last + 2) {
                Ok(()) => (last, appended) = (last + 2, appended + 1),
                Err(_) => failed += 1,
            }
            if let Ok(reader) = log.reader()
                && let Ok(found) = read(&*reader, "a", 0, u64::MAX)
            {
                let expected: Vec<_> = (1..=last).step_by(2).map(event).collect();
                assert_eq!(found, expected, "seed {seed}");
            }
        }
    }
    assert!(failed > 100 && appended > 100, "{failed} {appended}");
}

/// Whatever arrives later is not visible at the closed time, whoever writes next.
#[test]
fn nothing_arrives_at_or_before_the_closed_time() {
    for seed in 0..50 {
        let chance = AtomicU64::new(mixed(seed));
        let below = |limit: u64| (mixed(chance.fetch_add(1, Ordering::Relaxed)) % limit) as i64;
        let log: Arc<dyn Log> = Arc::new(TwinLog::new(Faults::none(seed), None));
        let mut writer = LogWriter::new(Arc::clone(&log)).expect("begins");
        let mut closed_before = None;
        for row in 0..40 {
            match below(5) {
                0 => writer.pass(AsOf::from_micros(below(1_000))),
                1 => {
                    writer.reserve(AsOf::from_micros(below(1_000))).expect("reserves");
                }
                2 => writer = LogWriter::new(Arc::clone(&log)).expect("begins"),
                _ => {
                    let closed = writer.reader().head().expect("reads").closed_time();
                    let event = NewEvent {
                        event_id: None,
                        key: EntityKey(vec![KeyValue::Int64(row)]),
                        event_time: EventTime::from_micros(-1),
                        arrival: (below(2) == 0).then(|| below(1_000)),
                        fields: "{}".into(),
                        row: 1,
                        place: 0,
                    };
                    let mut appending = writer.begin();
                    let stamped = appending.stamp("a", vec![event], 1_000, &|_, _| false).expect("stamps");
                    let at = stamped.events[0].available_at;
                    appending.accept(stamped);
                    appending.commit().expect("commits");
                    let is_open = closed.is_none_or(|closed| !visible(at, closed));
                    assert!(is_open, "seed {seed}: an event at {at} after the closed time {closed:?}");
                }
            }
            let closed = writer.reader().head().expect("reads").closed_time().map(AsOf::micros);
            assert!(closed >= closed_before, "seed {seed}: closed at {closed:?} after {closed_before:?}");
            closed_before = closed;
        }
        assert!(closed_before.is_some(), "seed {seed}");
    }
}
