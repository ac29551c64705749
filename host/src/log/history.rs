//! Histories: which files were folded into the online states, so that `verify` and a rebuild fold the same.

use std::path::PathBuf;

use rusqlite::{OptionalExtension, Row};

use super::{EventLog, LogError, Parts};
use crate::time::AvailableAt;

/// What one `materialize` folded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    /// Events that were available later than this were left out. What is pushed afterwards arrives after it.
    pub up_to: AvailableAt,
    /// The sources that were folded.
    pub sources: Vec<HistorySource>,
}

/// The files of one source.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct HistorySource {
    /// The source.
    pub source: String,
    /// Its files, in order.
    pub files: Vec<HistoryFile>,
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

impl EventLog {
    /// Records a history and gives it an id; later arrivals are stamped after its end.
    pub fn record_history(&mut self, history: &History) -> Result<i64, LogError> {
        self.writable()?;
        let encode = serde_json::to_string(&history.sources);
        let body = encode.map_err(|source| self.damaged("a new history".to_owned(), source))?;
        let (mut clock, reserved) = (self.clock, self.reserved);
        clock.pass(history.up_to.0);
        let write = || {
            let transaction = self.file.connection.transaction()?;
            transaction.execute("INSERT INTO histories (up_to, body) VALUES (?1, ?2)", (history.up_to.0, body))?;
            let id = transaction.last_insert_rowid();
            clock.save(reserved, &transaction)?;
            transaction.commit()?;
            Ok(id)
        };
        let id = self.file.name.sql(write())?;
        self.clock = clock;
        Ok(id)
    }

    /// The history of `id`.
    pub fn history(&self, id: i64) -> Result<Option<History>, LogError> {
        let sql = "SELECT id, up_to, body FROM histories WHERE id = ?1";
        let found = self.file.connection.query_row(sql, [id], parts).optional();
        self.file.name.sql(found)?.map(|found| self.decode(found).map(|(_, history)| history)).transpose()
    }

    /// The newest history and its id.
    pub fn latest_history(&self) -> Result<Option<(i64, History)>, LogError> {
        let sql = "SELECT id, up_to, body FROM histories ORDER BY id DESC LIMIT 1";
        let found = || self.file.connection.prepare_cached(sql)?.query_row([], parts).optional();
        self.file.name.sql(found())?.map(|found| self.decode(found)).transpose()
    }

    fn decode(&self, (id, up_to, body): (i64, i64, String)) -> Result<(i64, History), LogError> {
        let sources = serde_json::from_str(&body).map_err(|source| self.damaged(format!("history {id}"), source))?;
        Ok((id, History { up_to: AvailableAt(up_to), sources }))
    }
}

fn parts(row: &Row<'_>) -> rusqlite::Result<(i64, i64, String)> {
    row.try_into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entity::{EntityKey, KeyValue};
    use crate::log::NewEvent;
    use crate::time::EventTime;

    #[test]
    fn histories_come_back_and_arrivals_are_after_them() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("log");
        let mut log = EventLog::open(&path).expect("opens");
        assert_eq!(log.latest_history().expect("reads"), None);
        let files = vec![HistoryFile { path: "data/events.csv".into(), sha256: "00ff".into(), rows: 3 }];
        let sources = vec![HistorySource {
            source: "events".into(),
            files,
            log_offset: Some(7),
            ids: None,
            conversions: 2,
            parts: Parts::new(),
        }];
        let first = History { up_to: AvailableAt(100), sources };
        let second = History { up_to: AvailableAt(90), sources: Vec::new() };
        let ids = [&first, &second].map(|history| log.record_history(history).expect("records"));
        drop(log);

        let mut log = EventLog::open(&path).expect("opens again");
        assert_eq!(log.history(ids[0]).expect("reads"), Some(first));
        assert_eq!(log.latest_history().expect("reads"), Some((ids[1], second)));
        assert_eq!(log.history(ids[1] + 1).expect("reads"), None);
        let event = NewEvent {
            event_id: None,
            key: EntityKey(vec![KeyValue::Int64(1)]),
            event_time: EventTime(40),
            arrival: Some(40),
            fields: "{}".into(),
            row: 1,
            place: 0,
        };
        let stamped = log.begin().expect("begins").stamp("events", vec![event], 1_000, &|_, _| true).expect("stamps");
        assert_eq!((stamped.events[0].available_at, stamped.adjusted), (AvailableAt(101), 1));
    }
}
