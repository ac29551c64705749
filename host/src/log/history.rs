//! Histories: which files were folded into the online states, so that `verify` and a rebuild fold the same.

use std::path::PathBuf;

use super::Parts;
use crate::time::AvailableAt;

/// What one `materialize` folded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    /// Events that were available later than this were left out. What is pushed afterwards arrives after it.
    pub up_to: AvailableAt,
    /// The sources that were folded.
    pub sources: Vec<HistorySource>,
}

impl History {
    /// What was folded of a source.
    pub fn source(&self, name: &str) -> Option<&HistorySource> {
        self.sources.iter().find(|source| source.source == name)
    }

    /// Whether events were left out that a view's transform gave no answer to.
    pub fn leaves_out(&self) -> bool {
        self.sources.iter().any(|source| source.leaves_out)
    }

    /// The files of all sources.
    pub fn files(&self) -> impl Iterator<Item = &HistoryFile> {
        self.sources.iter().flat_map(|source| &source.files)
    }
}

/// The files of one source.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct HistorySource {
    /// The source.
    pub source: String,
    /// Its files, in order.
    pub files: Vec<HistoryFile>,
    /// Whether its events are left out that a view's transform gives no answer to, as pushes of them would have been refused.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub leaves_out: bool,
    /// The newest offset of the log when they were folded: of an id that the log had by then, its copy counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_offset: Option<u64>,
    /// The name of the file of their event ids, where they have ids.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ids: Option<String>,
    /// The version of the conversions by which they were read.
    #[serde(default = "first_conversions")]
    pub conversions: u32,
    /// What the project said of the source, whoever reads it.
    #[serde(default)]
    pub parts: Parts,
}

/// The version of what was folded before versions were recorded.
fn first_conversions() -> u32 {
    1
}

/// One file of history.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct HistoryFile {
    /// Where it was: relative to the project's folder where it lay in it, else absolute.
    pub path: PathBuf,
    /// The SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
    /// How many rows it had.
    pub rows: u64,
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::entity::{EntityKey, KeyValue};
    use crate::log::{LogWriter, NewEvent, SqliteLog};
    use crate::time::EventTime;

    #[test]
    fn histories_come_back_and_arrivals_are_after_them() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("log");
        let mut log = LogWriter::new(Arc::new(SqliteLog::open(&path).expect("opens"))).expect("begins");
        assert_eq!(log.reader().latest_history().expect("reads"), None);
        let files = vec![HistoryFile { path: "data/events.csv".into(), sha256: "00ff".into(), rows: 3 }];
        let sources = vec![HistorySource {
            source: "events".into(),
            files,
            leaves_out: true,
            log_offset: Some(7),
            ids: None,
            conversions: 2,
            parts: Parts::new(),
        }];
        let first = History { up_to: AvailableAt::from_micros(100), sources };
        let second = History { up_to: AvailableAt::from_micros(90), sources: Vec::new() };
        let ids = [&first, &second].map(|history| log.record_history(history).expect("records"));
        drop(log);

        let mut log = LogWriter::new(Arc::new(SqliteLog::open(&path).expect("opens again"))).expect("begins");
        assert_eq!(log.reader().history(ids[0]).expect("reads"), Some(first));
        assert_eq!(log.reader().latest_history().expect("reads"), Some((ids[1], second)));
        assert_eq!(log.reader().history(ids[1] + 1).expect("reads"), None);
        let event = NewEvent {
            event_id: None,
            key: EntityKey(vec![KeyValue::Int64(1)]),
            event_time: EventTime::from_micros(40),
            arrival: Some(40),
            fields: "{}".into(),
            row: 1,
            place: 0,
        };
        let stamped = log.begin().stamp("events", vec![event], 1_000, &|_, _| true).expect("stamps");
        assert_eq!((stamped.events[0].available_at, stamped.adjusted), (AvailableAt::from_micros(101), 1));
    }
}
