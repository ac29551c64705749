//! The events of a view in memory: chunks in the order that decides ties, each divided by partition.

use super::ReadError;
use crate::batch::{ColumnError, FieldLane};
use crate::schema::ValueType;
use crate::time::AvailableAt;

/// The events of one view. The order of (source, files before log, position), which decides ties in time, is that of the
/// chunks and, within one entity, that of the rows of a chunk.
///
/// Entities are divided into partitions by the lowest bits of their numbers, so that a thread that works through one partition
/// after the other finds its events in contiguous ranges.
#[derive(Clone, Debug, Default)]
pub struct EventSet {
    bits: u32,
    fields: Vec<ValueType>,
    chunks: Vec<EventChunk>,
    events: usize,
}

/// Some consecutive events, by partition and, within one, in their order.
#[derive(Clone, Debug)]
pub struct EventChunk {
    /// Where each partition begins; one more than there are partitions.
    starts: Vec<u32>,
    /// Per event, the entity's number in the view's interner.
    pub entities: Vec<u32>,
    /// Per event, when it happened, in microseconds.
    pub event_times: Vec<i64>,
    /// Per event, when it was first known, in microseconds; `None` where all were known when they happened.
    pub available_at: Option<Vec<i64>>,
    /// Per event, its offset in the log; `None` for events from files.
    pub log_offsets: Option<Vec<u64>>,
    /// The place of their source in the view's order.
    pub source: usize,
    /// The event fields of the view's transform, one row per event.
    pub fields: Vec<FieldLane>,
}

impl EventSet {
    /// No events, with `2^bits` partitions and fields of these types.
    pub fn new(bits: u32, fields: Vec<ValueType>) -> Self {
        Self { bits, fields, ..Self::default() }
    }

    /// Appends the events of a chunk, which has the set's partitions and fields.
    pub fn push(&mut self, chunk: EventChunk) -> Result<(), ReadError> {
        self.events += chunk.entities.len();
        if self.events >= u32::MAX as usize {
            return Err(ReadError::TooMany);
        }
        if !chunk.entities.is_empty() {
            self.chunks.push(chunk);
        }
        Ok(())
    }

    /// How many events.
    pub fn len(&self) -> usize {
        self.events
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.events == 0
    }

    /// How many bits of an entity's number are that of its partition.
    pub fn partition_bits(&self) -> u32 {
        self.bits
    }

    /// The types of the event fields.
    pub fn field_types(&self) -> &[ValueType] {
        &self.fields
    }

    /// The chunks, in order.
    pub fn chunks(&self) -> &[EventChunk] {
        &self.chunks
    }

    /// How many events each of so many sources has.
    pub fn count_by_source(&self, sources: usize) -> Vec<u64> {
        let mut counts = vec![0; sources];
        self.chunks.iter().for_each(|chunk| counts[chunk.source] += chunk.entities.len() as u64);
        counts
    }

    /// Whether pushed events are among them.
    pub fn has_pushed(&self) -> bool {
        self.chunks.iter().any(|chunk| chunk.log_offsets.is_some())
    }

    /// Per event, its entity and when it was first known.
    pub fn moments(&self) -> impl Iterator<Item = (u32, AvailableAt)> + '_ {
        let of =
            |chunk: &'_ EventChunk, at: usize| (chunk.entities[at], AvailableAt::from_micros(chunk.available()[at]));
        self.chunks.iter().flat_map(move |chunk| (0..chunk.entities.len()).map(move |at| of(chunk, at)))
    }
}

impl EventChunk {
    /// The events whose entity is not `u32::MAX`. `gather` makes the fields of the rows that it is given.
    pub fn new(
        bits: u32,
        entities: &[u32],
        event_times: &[i64],
        available_at: Option<&[i64]>,
        gather: impl FnOnce(&[u32]) -> Result<Vec<FieldLane>, ColumnError>,
    ) -> Result<Self, ColumnError> {
        let (starts, rows) = partitioned(bits, entities);
        let times = |all: &[i64]| rows.iter().map(|row| all[*row as usize]).collect();
        Ok(Self {
            entities: rows.iter().map(|row| entities[*row as usize]).collect(),
            event_times: times(event_times),
            available_at: available_at.map(times),
            log_offsets: None,
            source: 0,
            fields: gather(&rows)?,
            starts,
        })
    }

    /// The same events with their offsets: `entities` is what the chunk was made from, and has an offset each.
    pub fn with_offsets(mut self, entities: &[u32], offsets: &[u64]) -> Self {
        let bits = (self.starts.len() - 1).ilog2();
        let (_, rows) = partitioned(bits, entities);
        self.log_offsets = Some(rows.iter().map(|row| offsets[*row as usize]).collect());
        self
    }

    /// The same events, as those of the source in a place of the view's order.
    pub fn of_source(self, source: usize) -> Self {
        Self { source, ..self }
    }

    /// Which events are those of a partition.
    pub fn of(&self, partition: usize) -> std::ops::Range<usize> {
        self.starts[partition] as usize..self.starts[partition + 1] as usize
    }

    /// Per event, when it was first known.
    pub fn available(&self) -> &[i64] {
        self.available_at.as_deref().unwrap_or(&self.event_times)
    }
}

/// The rows by partition, each partition's in order, and where each partition begins; rows of `u32::MAX` are left out.
fn partitioned(bits: u32, entities: &[u32]) -> (Vec<u32>, Vec<u32>) {
    let (partitions, mask) = (1_usize << bits, (1_u32 << bits) - 1);
    // One more slot takes what is left out.
    let place = |entity: u32| if entity == u32::MAX { partitions } else { (entity & mask) as usize };
    let mut starts = vec![0_u32; partitions + 2];
    for entity in entities {
        starts[place(*entity) + 1] += 1;
    }
    for at in 1..starts.len() {
        starts[at] += starts[at - 1];
    }
    let mut next = starts.clone();
    let mut rows = vec![0_u32; entities.len()];
    for (row, entity) in entities.iter().enumerate() {
        let slot = &mut next[place(*entity)];
        rows[*slot as usize] = row as u32;
        *slot += 1;
    }
    rows.truncate(starts[partitions] as usize);
    starts.truncate(partitions + 1);
    (starts, rows)
}
