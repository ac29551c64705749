//! The sources of the log: of which key columns each event's key holds the values.

use super::LogError;
use crate::entity::KeyType;

/// The names and types of key columns, in the order in which keys hold their values.
pub type KeyColumns = Vec<(String, KeyType)>;

/// A source whose events are in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedSource {
    /// Its name.
    pub name: String,
    /// Its key columns; none where they were not declared.
    pub keys: KeyColumns,
}

impl LogError {
    /// That a source has events by the key columns `logged`, and is `given` others.
    pub fn other_keys(source: &str, logged: &[(String, KeyType)], given: &[(String, KeyType)]) -> Self {
        let (logged, given) = (key_names(logged), key_names(given));
        Self::OtherKeys { source_name: source.to_owned(), logged, given }
    }
}

/// Key columns in words: `item int64, user text`.
fn key_names(keys: &[(String, KeyType)]) -> String {
    let names = keys.iter().map(|(name, key_type)| format!("{name} {}", key_type.value_type()));
    let names = names.collect::<Vec<_>>().join(", ");
    if names.is_empty() { "columns that were not recorded".to_owned() } else { names }
}

/// Key columns as they are stored; none are an empty text.
pub(super) fn encode(keys: &[(String, KeyType)]) -> String {
    if keys.is_empty() { String::new() } else { serde_json::to_string(keys).expect("names and types are always JSON") }
}

pub(super) fn decode(text: &str) -> Result<KeyColumns, serde_json::Error> {
    if text.is_empty() { Ok(KeyColumns::new()) } else { serde_json::from_str(text) }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::entity::{EntityKey, KeyValue};
    use crate::log::{LogWriter, NewEvent, SqliteLog};
    use crate::time::EventTime;

    fn columns(names: &[(&str, KeyType)]) -> KeyColumns {
        names.iter().map(|(name, key_type)| ((*name).to_owned(), *key_type)).collect()
    }

    #[test]
    fn key_columns_are_kept_with_the_events_that_have_them() {
        let directory = tempfile::tempdir().expect("a directory");
        let mut log =
            LogWriter::new(Arc::new(SqliteLog::open(&directory.path().join("log")).expect("opens"))).expect("begins");
        let (by_one, by_two) =
            (columns(&[("id", KeyType::Int64)]), columns(&[("a", KeyType::Text), ("id", KeyType::Int64)]));
        let mut appending = log.begin();
        // Nothing was pushed yet: the last declaration counts.
        appending.declare("events", &by_two).expect("is declared");
        appending.declare("events", &by_one).expect("is declared again");
        let event = NewEvent {
            event_id: None,
            key: EntityKey(vec![KeyValue::Int64(1)]),
            event_time: EventTime::from_micros(40),
            arrival: None,
            fields: "{}".into(),
            row: 1,
            place: 0,
        };
        let stamped = appending.stamp("events", vec![event], 1_000, &|_, _| true).expect("stamps");
        appending.accept(stamped);
        appending.commit().expect("commits");
        let expected = [LoggedSource { name: "events".into(), keys: by_one.clone() }];
        assert_eq!(log.reader().sources().expect("reads"), expected);
        let mut appending = log.begin();
        appending.declare("events", &by_one).expect("is the same");
        let error = appending.declare("events", &by_two).expect_err("is refused");
        let expected =
            "the log has events of source events by id int64, and the project gives it events by a text, id int64";
        assert!(error.to_string().starts_with(expected), "{error}");
    }
}
