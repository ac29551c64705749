//! The tables of the log's file, format 4, and of the feature log's, format 2. `docs/FORMAT.md` describes them for readers.

use super::file::FileKind;

/// The file of the event log.
pub(super) static EVENT_LOG: FileKind = FileKind {
    name: "event log",
    // "1pLG".
    application_id: 0x3170_4c47,
    version: 4,
    tables: TABLES,
    // The log is the truth: what is acknowledged is on disk.
    synchronous: "FULL",
    mend: "restore it from a copy",
    anew: "run `onepath reset` to begin without what was pushed",
};

/// - `events`: `position` is the offset; `entity` the canonical JSON of the key; times in microseconds; `fields` one JSON
///   object; `checksum` is over all of it. The index by entity also counts the events of a source.
/// - `sources`: `keys` has the names and types of the columns whose values `entity` has, in that order, as JSON.
/// - `clock`: one row, see `clock`; `repairs`: one for each epoch but the first, see `epoch`. `histories`: `body` is the list of
///   sources. Each row of these has a checksum.
/// - `writer`: one row, the newest term.
/// - `identity`: one row, a name that no other log has.
const TABLES: &str = "
CREATE TABLE sources (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    keys TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE TABLE events (
    position INTEGER PRIMARY KEY,
    source INTEGER NOT NULL REFERENCES sources (id),
    entity TEXT NOT NULL,
    event_time INTEGER NOT NULL,
    available_at INTEGER NOT NULL,
    event_id TEXT,
    fields TEXT NOT NULL,
    checksum INTEGER NOT NULL
) STRICT;
CREATE INDEX events_by_entity ON events (source, entity, position);
CREATE UNIQUE INDEX events_by_id ON events (source, event_id) WHERE event_id IS NOT NULL;
CREATE TABLE clock (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    last_arrival INTEGER,
    last_arrival_source INTEGER,
    last_as_of INTEGER,
    epoch INTEGER NOT NULL,
    checksum INTEGER NOT NULL
) STRICT;
INSERT INTO clock VALUES (1, NULL, NULL, NULL, 0, -6206012776884170416);
CREATE TABLE repairs (
    epoch INTEGER PRIMARY KEY,
    repaired_at INTEGER NOT NULL,
    first_offset INTEGER NOT NULL,
    last_offset INTEGER NOT NULL,
    floor INTEGER NOT NULL,
    checksum INTEGER NOT NULL
) STRICT;
CREATE TABLE writer (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    term INTEGER NOT NULL
) STRICT;
INSERT INTO writer VALUES (1, 0);
CREATE TABLE counters (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT;
CREATE TABLE histories (
    id INTEGER PRIMARY KEY,
    up_to INTEGER NOT NULL,
    body TEXT NOT NULL,
    checksum INTEGER NOT NULL
) STRICT;
CREATE TABLE identity (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    name TEXT NOT NULL
) STRICT;
";

/// The file of the feature log.
pub(super) static FEATURE_LOG: FileKind = FileKind {
    name: "feature log",
    // "1pSV".
    application_id: 0x3170_5356,
    version: 2,
    tables: SERVED_TABLES,
    // Written in batches, off the path of requests: what the machine's power takes is at most the last of them.
    synchronous: "NORMAL",
    mend: "move it away; what was served until now cannot be verified without it",
    anew: "start again without it: what was served until now cannot be verified then",
};

/// - `head`: one row: how far the batches go, and which have expired.
/// - `plans`: what the vectors of many requests have in common: one JSON object, and its digest.
/// - `batches`: the vectors of one plan and one commit. `body` has their columns, see `feature_log::body`; `checksum` is over all
///   of it and the plan's digest. The body is last, so that the numbers are read without it.
const SERVED_TABLES: &str = "
CREATE TABLE head (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    last_batch INTEGER NOT NULL,
    last_checksum INTEGER NOT NULL,
    vectors INTEGER NOT NULL,
    expired_batches INTEGER NOT NULL,
    expired_vectors INTEGER NOT NULL,
    checksum INTEGER NOT NULL
) STRICT;
INSERT INTO head VALUES (1, 0, 0, 0, 0, 0, 1246898799889963689);
CREATE TABLE plans (
    id INTEGER PRIMARY KEY,
    digest TEXT NOT NULL UNIQUE,
    body TEXT NOT NULL
) STRICT;
CREATE TABLE batches (
    number INTEGER PRIMARY KEY,
    plan INTEGER NOT NULL REFERENCES plans (id),
    first_vector INTEGER NOT NULL,
    vectors INTEGER NOT NULL,
    requests INTEGER NOT NULL,
    first_as_of INTEGER NOT NULL,
    last_as_of INTEGER NOT NULL,
    last_offset INTEGER NOT NULL,
    checksum INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;
";
