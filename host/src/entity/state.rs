//! The state of one entity in one view.

use crate::time::{AvailableAt, EventTime};

/// What a transform keeps for one entity between events, and how far it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntityState {
    /// The state, as the transform gave it.
    pub bytes: Vec<u8>,
    /// The newest event time applied.
    pub newest_event: EventTime,
    /// The newest availability applied.
    pub newest_available_at: AvailableAt,
    /// The newest offset of the log applied; 0 where all events came from files.
    pub offset: u64,
}
