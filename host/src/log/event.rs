//! An event of the log.

use super::checksum::Checksum;
use super::file::to_sql;
use crate::entity::EntityKey;
use crate::time::{AvailableAt, EventTime};

/// An event of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedEvent {
    /// Its position: 1, 2, 3 ... across all sources.
    pub offset: u64,
    /// The source that it was pushed to.
    pub source: String,
    /// The entity that it is about.
    pub key: EntityKey,
    /// When it happened, as it was pushed.
    pub event_time: EventTime,
    /// When the platform could first have known it, in the epoch in which the log is read. Never decreases from one offset to
    /// the next.
    pub available_at: AvailableAt,
    /// Its id, if it was pushed with one.
    pub event_id: Option<String>,
    /// Its fields: one JSON object.
    pub fields: String,
}

/// The parts of an event that must match for two events of one id to be the same.
#[derive(Clone, Copy, Debug)]
pub struct EventContent<'a> {
    /// The entity that it is about.
    pub key: &'a EntityKey,
    /// When it happened.
    pub event_time: EventTime,
    /// Its fields: one JSON object.
    pub fields: &'a str,
}

impl LoggedEvent {
    /// When it happened for whoever evaluates it: no later than it is available. It is the event's own time, but for events whose
    /// stamp a repair of the clock moved to before it.
    pub fn known_time(&self) -> EventTime {
        self.event_time.known_at(self.available_at)
    }

    /// A checksum of what the event is, but for when it was known: states that include it carry it, so that they are not taken for
    /// states of a log that has another event in its place.
    pub fn fingerprint(&self) -> i64 {
        let mut checksum = Checksum::default();
        checksum.start().number(to_sql(self.offset)).text(&self.source).text(&self.key.encode());
        checksum.number(self.event_time.micros()).optional_text(self.event_id.as_deref()).text(&self.fields).finish()
    }

    /// The parts that are compared.
    pub fn content(&self) -> EventContent<'_> {
        EventContent { key: &self.key, event_time: self.event_time, fields: &self.fields }
    }
}
