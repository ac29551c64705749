//! The rows of one partition, by entity and in order within each.

use super::run::ViewEvents;
use crate::batch::{ColumnError, FieldLane};

/// The events of the entities of one partition: those whose numbers have its number in their lowest bits. What remains of a
/// number above these bits is the entity's place in the partition.
#[derive(Default)]
pub(super) struct PartitionEvents {
    /// When each event happened; `None` where each was known when it happened: its time is then that of its place in the order.
    pub(super) event_times: Option<Vec<i64>>,
    /// `None` where no event was pushed.
    pub(super) log_offsets: Option<Vec<u64>>,
    pub(super) fields: Vec<FieldLane>,
    /// Per source of the view, the row after its last.
    source_ends: Vec<u32>,
    order: Order,
}

/// Row numbers, grouped by the entity's place and ordered by time, then by row, within each.
#[derive(Default)]
pub(super) struct Order {
    rows: Vec<u32>,
    /// The time of each of `rows`.
    times: Vec<i64>,
    /// Where each entity's rows begin; one more than there are entities.
    starts: Vec<u32>,
}

/// The rows of one entity in order, and the time of each.
#[derive(Clone, Copy)]
pub(super) struct Ordered<'a> {
    pub(super) rows: &'a [u32],
    pub(super) times: &'a [i64],
}

impl<'a> Ordered<'a> {
    /// A part of them.
    pub(super) fn part(self, range: std::ops::Range<usize>) -> Self {
        Self { rows: &self.rows[range.clone()], times: &self.times[range] }
    }
}

impl PartitionEvents {
    /// Gathers the events of `partition`, of which there are `places` entities.
    pub(super) fn gather(view: &ViewEvents<'_>, partition: usize, places: usize) -> Result<Self, ColumnError> {
        let chunks = view.events.chunks().iter().map(|chunk| (chunk, chunk.of(partition)));
        let chunks: Vec<_> = chunks.filter(|(_, range)| !range.is_empty()).collect();
        let count = chunks.iter().map(|(_, range)| range.len()).sum();
        let mut gathered = Self::default();
        if chunks.iter().any(|(chunk, _)| chunk.available_at.is_some()) {
            let times = chunks.iter().flat_map(|(chunk, range)| &chunk.event_times[range.clone()]);
            gathered.event_times = Some(times.copied().collect());
        }
        let mut rows = 0;
        for (chunk, range) in &chunks {
            if let Some(offsets) = &chunk.log_offsets {
                let all = gathered.log_offsets.get_or_insert_with(|| vec![0; rows]);
                all.extend_from_slice(&offsets[range.clone()]);
            } else if let Some(all) = &mut gathered.log_offsets {
                all.resize(rows + range.len(), 0);
            }
            rows += range.len();
            // Sources follow each other; one without events ends where the one before it does.
            gathered.source_ends.resize(chunk.source, gathered.source_ends.last().copied().unwrap_or(0));
            gathered.source_ends.push(rows as u32);
            if gathered.fields.is_empty() {
                gathered.fields = view.fields.iter().map(|at| chunk.fields[*at].empty(count)).collect();
            }
            for (all, at) in gathered.fields.iter_mut().zip(&view.fields) {
                all.extend(&chunk.fields[*at], range.clone())?;
            }
        }
        let known =
            chunks.iter().map(|(chunk, range)| (&chunk.entities[range.clone()], &chunk.available()[range.clone()]));
        gathered.order = Order::new(known, view.events.partition_bits(), places);
        Ok(gathered)
    }

    /// Adds how many of some rows each source has to the counts of all.
    pub(super) fn count_by_source(&self, rows: &[u32], counts: &mut Vec<u64>) {
        if counts.len() < self.source_ends.len() {
            counts.resize(self.source_ends.len(), 0);
        }
        match self.source_ends.iter().position(|end| *end > 0) {
            // Often there is one source only.
            Some(only) if only + 1 == self.source_ends.len() => counts[only] += rows.len() as u64,
            _ => rows.iter().for_each(|row| counts[self.source_ends.partition_point(|end| end <= row)] += 1),
        }
    }

    /// The events of the entity in a place, in the order in which they are applied.
    pub(super) fn of(&self, place: usize) -> Ordered<'_> {
        self.order.of(place)
    }
}

impl Order {
    /// Orders rows by (entity, time, row): equal times keep the order of rows, which is that of sources and positions. The rows
    /// are given as parts, each with the entities and the times of its rows.
    fn new<'a>(parts: impl Iterator<Item = (&'a [u32], &'a [i64])> + Clone, bits: u32, places: usize) -> Self {
        let mut starts = vec![0_u32; places + 1];
        let (mut count, mut earliest, mut latest) = (0, i64::MAX, i64::MIN);
        for (entities, times) in parts.clone() {
            entities.iter().for_each(|entity| starts[(*entity >> bits) as usize + 1] += 1);
            count += entities.len();
            earliest = times.iter().fold(earliest, |earliest, time| earliest.min(*time));
            latest = times.iter().fold(latest, |latest, time| latest.max(*time));
        }
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        let (span, row_bits) = (latest.wrapping_sub(earliest) as u64, (count as u64).checked_ilog2().unwrap_or(0) + 1);
        let (rows, times) = if span.leading_zeros() >= row_bits {
            // Time and row in one number, which sorts faster than anything else.
            let key = |time: i64, row: u32| (time.wrapping_sub(earliest) as u64) << row_bits | u64::from(row);
            let keys = sorted(parts, bits, &starts, key);
            let mask = (1 << row_bits) - 1;
            let times = keys.iter().map(|key| earliest.wrapping_add((key >> row_bits) as i64)).collect();
            (keys.into_iter().map(|key| (key & mask) as u32).collect(), times)
        } else {
            let keys = sorted(parts, bits, &starts, |time, row| (time, row));
            let times = keys.iter().map(|(time, _)| *time).collect();
            (keys.into_iter().map(|(_, row)| row).collect(), times)
        };
        Self { rows, times, starts }
    }

    /// How many rows the entities before a place have.
    pub(super) fn start(&self, place: usize) -> usize {
        self.starts[place] as usize
    }

    /// The rows of the entity in a place.
    pub(super) fn of(&self, place: usize) -> Ordered<'_> {
        let range = self.starts[place] as usize..self.starts[place + 1] as usize;
        Ordered { rows: &self.rows[range.clone()], times: &self.times[range] }
    }
}

/// The keys of rows by their entity's place, sorted within each.
fn sorted<'a, K: Copy + Default + Ord>(
    parts: impl Iterator<Item = (&'a [u32], &'a [i64])>,
    bits: u32,
    starts: &[u32],
    key: impl Fn(i64, u32) -> K,
) -> Vec<K> {
    let mut next = starts.to_vec();
    let mut keys = vec![K::default(); starts.last().map_or(0, |count| *count as usize)];
    let mut row = 0;
    for (entities, times) in parts {
        for (entity, time) in entities.iter().zip(times) {
            let slot = &mut next[(*entity >> bits) as usize];
            keys[*slot as usize] = key(*time, row);
            *slot += 1;
            row += 1;
        }
    }
    for bounds in starts.windows(2) {
        let keys = &mut keys[bounds[0] as usize..bounds[1] as usize];
        if !keys.is_sorted() {
            keys.sort_unstable();
        }
    }
    keys
}

/// The questions of all partitions, by partition and in order within each.
pub(super) struct PartitionedQuestions {
    rows: Vec<u32>,
    starts: Vec<u32>,
}

impl PartitionedQuestions {
    /// Divides questions as events are: by the lowest `bits` of the number of their entity.
    pub(super) fn new(entities: &[u32], bits: u32) -> Self {
        let (partitions, mask) = (1_usize << bits, (1_u32 << bits) - 1);
        let mut starts = vec![0_u32; partitions + 1];
        for entity in entities {
            starts[(entity & mask) as usize + 1] += 1;
        }
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        let mut next = starts.clone();
        let mut rows = vec![0_u32; entities.len()];
        for (row, entity) in entities.iter().enumerate() {
            let slot = &mut next[(entity & mask) as usize];
            rows[*slot as usize] = row as u32;
            *slot += 1;
        }
        Self { rows, starts }
    }

    /// How many questions a partition has.
    pub(super) fn count(&self, partition: usize) -> usize {
        (self.starts[partition + 1] - self.starts[partition]) as usize
    }

    /// The questions of a partition by the entity's place, then by as-of; row numbers among all questions.
    pub(super) fn of(
        &self,
        partition: usize,
        entities: &[u32],
        bits: u32,
        places: usize,
        as_of: impl Fn(u32) -> i64,
    ) -> Order {
        let rows = &self.rows[self.starts[partition] as usize..self.starts[partition + 1] as usize];
        let entities: Vec<u32> = rows.iter().map(|row| entities[*row as usize]).collect();
        let times: Vec<i64> = rows.iter().map(|row| as_of(*row)).collect();
        let mut order = Order::new(std::iter::once((&entities[..], &times[..])), bits, places);
        order.rows.iter_mut().for_each(|row| *row = rows[*row as usize]);
        order
    }
}
