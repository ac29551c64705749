//! The suite of online stores, on all of them, and on twins that it must not let pass.

use std::path::PathBuf;

use super::no_broken_one_passes;
use crate::store::{OnlineStore, SqliteStore};
use crate::testing::Faults;
use crate::testing::online_store::{
    ABSENCE, ACKNOWLEDGED, GROUPS, MARKS, ORDER, REFUSAL, REPLACEMENT, STATES, Stand, TERM, apply, conformance, key,
    mark, state,
};
use crate::testing::twin_store::{StoreDefect, TwinStore};

struct InSqlite {
    folder: tempfile::TempDir,
}

impl InSqlite {
    fn path(&self) -> PathBuf {
        self.folder.path().join("online.sqlite")
    }
}

impl Stand for InSqlite {
    fn open(&self) -> Box<dyn OnlineStore> {
        Box::new(SqliteStore::open(&self.path()).expect("opens"))
    }

    /// What SQLite had not brought from its write-ahead log to the disk is gone.
    fn lose_power(&self) {
        let mut log = self.path().into_os_string();
        log.push("-wal");
        let _ = std::fs::remove_file(log);
    }
}

#[test]
fn sqlite_passes() {
    conformance(&|| Box::new(InSqlite { folder: tempfile::tempdir().expect("a folder") })).expect("passes");
}

#[test]
fn the_twin_passes_with_every_seed() {
    for seed in 0..50 {
        let made = conformance(&|| Box::new(TwinStore::new(Faults::none(seed), None)));
        assert_eq!(made, Ok(()), "seed {seed}");
    }
}

#[test]
fn no_broken_twin_passes() {
    let defects = [
        (
            StoreDefect::LostWrite,
            &[STATES, ACKNOWLEDGED, REFUSAL, ABSENCE, REPLACEMENT, TERM, MARKS, GROUPS, ORDER][..],
        ),
        (StoreDefect::TornGroup, &[GROUPS]),
        (StoreDefect::TornReplacement, &[REPLACEMENT]),
        (StoreDefect::SwappedOrder, &[ORDER]),
        (StoreDefect::StaleReader, &[ACKNOWLEDGED]),
        (StoreDefect::OldTerm, &[TERM]),
        (StoreDefect::AbsentForUnknown, &[ABSENCE]),
    ];
    no_broken_one_passes(&defects, |seed, defect| {
        conformance(&|| Box::new(TwinStore::new(Faults::none(seed), Some(defect))))
    });
}

/// A call that fails leaves everything as it was.
#[test]
fn a_twin_that_fails_changes_nothing() {
    let (mut failed, mut applied) = (0, 0);
    for seed in 0..100 {
        let store = TwinStore::new(Faults::none(seed).failing(4), None);
        let Ok(term) = store.begin_term() else { continue };
        let mut last = None;
        for offset in 1..20_u64 {
            let new = state(&[offset as u8], offset);
            match apply(&store, term, "a", &[(key(1), new.clone())], &mark("d", None, offset)) {
                Ok(()) => (last, applied) = (Some(new), applied + 1),
                Err(_) => failed += 1,
            }
            if let Ok(reader) = store.reader()
                && let Ok(found) = reader.get("a", &key(1))
            {
                assert_eq!(found, last, "seed {seed}");
            }
        }
    }
    assert!(failed > 100 && applied > 100, "{failed} {applied}");
}
