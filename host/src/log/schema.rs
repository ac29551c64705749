//! The tables of the log's file, format 1.

use super::file::FileKind;

/// The file of the event log and the feature log.
pub(super) static EVENT_LOG: FileKind = FileKind {
    name: "event log",
    // "1pLG".
    application_id: 0x3170_4c47,
    version: 1,
    tables: TABLES,
    // The log is the truth: what is acknowledged is on disk.
    synchronous: "FULL",
    mend: "restore it from a copy",
};

/// - `events`: `position` is the offset; `entity` the canonical JSON of the key; times in microseconds; `fields` one JSON
///   object. The index by entity also counts the events of a source.
/// - `clock`: one row, see `clock`. `served`: `body` as `served` writes it. `histories`: `body` is the list of sources.
const TABLES: &str = "
CREATE TABLE sources (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;
CREATE TABLE events (
    position INTEGER PRIMARY KEY,
    source INTEGER NOT NULL REFERENCES sources (id),
    entity TEXT NOT NULL,
    event_time INTEGER NOT NULL,
    available_at INTEGER NOT NULL,
    event_id TEXT,
    fields TEXT NOT NULL
) STRICT;
CREATE INDEX events_by_entity ON events (source, entity, position);
CREATE UNIQUE INDEX events_by_id ON events (source, event_id) WHERE event_id IS NOT NULL;
CREATE TABLE clock (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    last_arrival INTEGER,
    last_arrival_source INTEGER,
    last_as_of INTEGER
) STRICT;
INSERT INTO clock VALUES (1, NULL, NULL, NULL);
CREATE TABLE counters (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT;
CREATE TABLE histories (
    id INTEGER PRIMARY KEY,
    up_to INTEGER NOT NULL,
    body TEXT NOT NULL
) STRICT;
CREATE TABLE served (
    id INTEGER PRIMARY KEY,
    as_of INTEGER NOT NULL,
    service TEXT,
    body TEXT NOT NULL
) STRICT;
";
