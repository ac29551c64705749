//! How large a push, and what an event of it holds, may be.

use super::{LogError, NewEvent};
use crate::entity::KeyValue;

/// How many events one push may hold.
pub const EVENTS_PER_PUSH_MAX: usize = 1_000_000;
/// How many bytes the fields of one event may have, as JSON.
pub const FIELDS_BYTES_MAX: usize = 1 << 20;
/// How many bytes the key of an event's entity may have, as JSON.
pub const KEY_BYTES_MAX: usize = 4 << 10;
/// How many bytes an event id may have.
pub const EVENT_ID_BYTES_MAX: usize = 1 << 10;

/// Refuses a push that is too long, and an event of which a part is too large.
pub(super) fn check_limits(events: &[NewEvent]) -> Result<(), LogError> {
    if events.len() > EVENTS_PER_PUSH_MAX {
        return Err(LogError::TooManyEvents { events: events.len(), limit: EVENTS_PER_PUSH_MAX });
    }
    for event in events {
        let id_bytes = event.event_id.as_ref().map_or(0, String::len);
        // A byte of a text has at most six in JSON: most keys are known to be small without being written.
        let texts = event.key.0.iter().map(|value| if let KeyValue::Text(text) = value { text.len() } else { 0 });
        let is_small = 6 * texts.sum::<usize>() + 32 * (event.key.0.len() + 1) <= KEY_BYTES_MAX;
        let key_bytes = if is_small { 0 } else { event.key.encode().len() };
        for (what, bytes, limit) in [
            ("fields", event.fields.len(), FIELDS_BYTES_MAX),
            ("an entity key", key_bytes, KEY_BYTES_MAX),
            ("an event id", id_bytes, EVENT_ID_BYTES_MAX),
        ] {
            if bytes > limit {
                return Err(LogError::TooLarge { row: event.row, what, bytes, limit });
            }
        }
    }
    Ok(())
}
