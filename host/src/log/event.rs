//! An event of the log.

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
    /// When it happened.
    pub event_time: EventTime,
    /// When the platform could first have known it. Never decreases from one offset to the next.
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
    /// The parts that are compared.
    pub fn content(&self) -> EventContent<'_> {
        EventContent { key: &self.key, event_time: self.event_time, fields: &self.fields }
    }
}
