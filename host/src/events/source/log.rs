//! What was pushed to a source, as the log has it.

use super::{EventBatch, EventSource, Position, SourcePart};
use crate::batch::{Column, Lane};
use crate::entity::{KeyInterner, KeyRows};
use crate::events::fields::wanted_fields;
use crate::events::logged::{append_fields, key_columns, key_of};
use crate::events::{Pushed, ReadError};
use crate::files::{SHEET_ROWS_MAX, Wanted};
use crate::log::LoggedEvent;
use crate::project::{Key, Source};
use crate::schema::Field;

/// The pushed events of a source: one part. A position is the offset of an event; where few entities are looked for one by one,
/// the number of the entity comes before it.
pub struct LogSource<'a> {
    pushed: Pushed<'a>,
    source: &'a Source,
    keys: &'a [Key],
    fields: &'a [Field],
    wanted: Vec<Wanted>,
    /// The entities that matter; without them all do.
    asked: Option<&'a KeyInterner>,
    rows_max: usize,
    parts: [SourcePart; 1],
}

/// Events on their way to a batch.
struct Waiting {
    keys: Vec<Column>,
    event_times: Vec<i64>,
    available_at: Vec<i64>,
    offsets: Vec<u64>,
    fields: Vec<Column>,
    until: Position,
}

impl<'a> LogSource<'a> {
    /// What was pushed to `source`, for a view whose entity has the key columns `keys`, with the columns `fields`. Events of
    /// entities that are not `asked` for are left out, if it is given.
    pub fn new(
        pushed: Pushed<'a>,
        source: &'a Source,
        keys: &'a [Key],
        fields: &'a [Field],
        asked: Option<&'a KeyInterner>,
    ) -> Self {
        let wanted = wanted_fields(source, fields);
        let parts = [SourcePart { file: 0, rows: None, bytes: 0 }];
        Self { pushed, source, keys, fields, wanted, asked, rows_max: SHEET_ROWS_MAX, parts }
    }

    /// The same, with batches of at most so many events.
    pub fn with_batch_rows(self, rows_max: usize) -> Self {
        Self { rows_max: rows_max.max(1), ..self }
    }

    fn waiting(&self) -> Waiting {
        Waiting {
            keys: self.keys.iter().map(|key| Column::new(key.key_type.value_type())).collect(),
            event_times: Vec::new(),
            available_at: Vec::new(),
            offsets: Vec::new(),
            fields: self.fields.iter().map(|field| Column::new(field.value_type)).collect(),
            until: Position::START,
        }
    }

    /// Appends an event, unless nobody asks for its entity.
    fn append(&self, waiting: &mut Waiting, event: &LoggedEvent) -> Result<(), ReadError> {
        let key = key_columns(&*key_of(self.source, self.keys, event)?)?;
        if let Some(asked) = self.asked {
            let mut entity = Vec::with_capacity(1);
            asked.find_all(&KeyRows::of_columns(&key), 1, &mut entity);
            if entity == [u32::MAX] {
                return Ok(());
            }
        }
        append_fields(&mut waiting.fields, self.fields, &self.wanted, event)?;
        waiting.keys.iter_mut().zip(&key).try_for_each(|(all, key)| all.append(key))?;
        waiting.event_times.push(event.known_time().micros());
        waiting.available_at.push(event.available_at.micros());
        waiting.offsets.push(event.offset);
        Ok(())
    }
}

impl EventSource for LogSource<'_> {
    fn parts(&self) -> &[SourcePart] {
        &self.parts
    }

    fn read(
        &self,
        _: usize,
        after: Position,
        take: &mut dyn FnMut(EventBatch) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        let mut waiting = self.waiting();
        self.pushed.each(self.source, self.keys, self.asked, after, &mut |position, event| {
            let before = waiting.offsets.len();
            self.append(&mut waiting, &event)?;
            if waiting.offsets.len() > before {
                waiting.until = position;
            }
            if waiting.offsets.len() < self.rows_max {
                return Ok(());
            }
            take(std::mem::replace(&mut waiting, self.waiting()).into_batch())
        })?;
        if waiting.offsets.is_empty() { Ok(()) } else { take(waiting.into_batch()) }
    }
}

impl Waiting {
    fn into_batch(self) -> EventBatch {
        let lanes = |columns: Vec<Column>| columns.into_iter().map(Lane::Column).collect();
        EventBatch {
            rows: self.offsets.len(),
            keys: lanes(self.keys),
            event_times: self.event_times,
            available_at: Some(self.available_at),
            arrivals: None,
            log_offsets: Some(self.offsets),
            fields: lanes(self.fields),
            rounded: 0,
            until: self.until,
        }
    }
}
