//! The suite of places for served vectors, on all of them, and on twins that it must not let pass.

use std::path::PathBuf;

use super::no_broken_one_passes;
use crate::log::{FeatureLog, ServedSink, ServedWriter};
use crate::testing::Faults;
use crate::testing::served_sink::{ACKNOWLEDGED, APPENDS, DAMAGE, NUMBERS, Stand, VECTORS, conformance, read, request};
use crate::testing::twin_sink::{SinkDefect, TwinSink};

struct InSqlite {
    folder: tempfile::TempDir,
}

impl InSqlite {
    fn path(&self) -> PathBuf {
        self.folder.path().join("served.sqlite")
    }
}

impl Stand for InSqlite {
    fn open(&self) -> Box<dyn ServedSink> {
        Box::new(FeatureLog::open(&self.path()).expect("opens"))
    }

    fn reader(&self) -> Box<dyn ServedSink> {
        Box::new(FeatureLog::open_read_only(&self.path()).expect("opens").expect("is there"))
    }

    /// What SQLite had not brought from its write-ahead log to the disk is gone.
    fn lose_power(&self) {
        let mut log = self.path().into_os_string();
        log.push("-wal");
        let _ = std::fs::remove_file(log);
    }

    fn damage(&self, number: u64) {
        let file = rusqlite::Connection::open(self.path()).expect("opens");
        let body = file.query_row("SELECT body FROM batches WHERE number = ?1", [number as i64], |row| row.get(0));
        let mut body: Vec<u8> = body.expect("is there");
        *body.last_mut().expect("a byte") ^= 1;
        file.execute("UPDATE batches SET body = ?1 WHERE number = ?2", (body, number as i64)).expect("writes");
    }
}

#[test]
fn sqlite_passes() {
    let made = conformance(&|| Box::new(InSqlite { folder: tempfile::tempdir().expect("a folder") }));
    assert_eq!(made, Ok(()));
}

#[test]
fn the_twin_passes_with_every_seed() {
    for seed in 0..50 {
        let made = conformance(&|| Box::new(TwinSink::new(Faults::none(seed), None)));
        assert_eq!(made, Ok(()), "seed {seed}");
    }
}

#[test]
fn no_broken_twin_passes() {
    let defects = [
        (SinkDefect::LostWrite, &[VECTORS, ACKNOWLEDGED, NUMBERS, APPENDS, DAMAGE][..]),
        (SinkDefect::TornAppend, &[APPENDS]),
        (SinkDefect::SwappedOrder, &[VECTORS]),
        (SinkDefect::StaleReader, &[ACKNOWLEDGED]),
        (SinkDefect::AnyNumber, &[NUMBERS]),
        (SinkDefect::UncheckedBatch, &[DAMAGE]),
    ];
    no_broken_one_passes(&defects, |seed, defect| {
        conformance(&|| Box::new(TwinSink::new(Faults::none(seed), Some(defect))))
    });
}

/// A call that fails leaves everything as it was, and the next one goes on.
#[test]
fn a_twin_that_fails_changes_nothing() {
    let (mut failed, mut recorded) = (0, 0);
    for seed in 0..100 {
        let sink = TwinSink::new(Faults::none(seed).failing(4), None);
        let mut writer = ServedWriter::new(sink.open());
        let mut last = 0;
        for as_of in 0..20 {
            match writer.record(&[request("a", as_of, last, 2)]) {
                Ok(_) => (last, recorded) = (last + 2, recorded + 1),
                Err(_) => failed += 1,
            }
            if let Ok((_, found)) = read(&sink) {
                assert_eq!(found, (0..last).collect::<Vec<_>>(), "seed {seed}");
            }
        }
    }
    assert!(failed > 100 && recorded > 100, "{failed} {recorded}");
}
