//! The rows of one partition, by entity and in order within each.

use super::run::ViewEvents;
use crate::batch::{ColumnError, FieldLane};

/// The events of the entities of one partition: those whose numbers have its number in their lowest bits. What remains of a
/// number above these bits is the entity's place in the partition.
#[derive(Default)]
pub(super) struct PartitionEvents {
    pub(super) event_times: Vec<i64>,
    /// `None` where each event was known when it happened.
    pub(super) available_at: Option<Vec<i64>>,
    /// `None` where no event was pushed.
    pub(super) log_offsets: Option<Vec<u64>>,
    pub(super) fields: Vec<FieldLane>,
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
        let events = view.events;
        let count = events.chunks().iter().map(|chunk| chunk.of(partition).len()).sum();
        let mut entities = Vec::with_capacity(count);
        let mut gathered = Self { event_times: Vec::with_capacity(count), ..Self::default() };
        for chunk in events.chunks() {
            let range = chunk.of(partition);
            if range.is_empty() {
                continue;
            }
            let before = entities.len();
            entities.extend_from_slice(&chunk.entities[range.clone()]);
            if chunk.available_at.is_some() || gathered.available_at.is_some() {
                let known = gathered.available_at.get_or_insert_with(|| gathered.event_times.clone());
                known.extend_from_slice(&chunk.available()[range.clone()]);
            }
            gathered.event_times.extend_from_slice(&chunk.event_times[range.clone()]);
            if let Some(offsets) = &chunk.log_offsets {
                let all = gathered.log_offsets.get_or_insert_with(|| vec![0; before]);
                all.extend_from_slice(&offsets[range.clone()]);
            } else if let Some(all) = &mut gathered.log_offsets {
                all.resize(before + range.len(), 0);
            }
            if gathered.fields.is_empty() {
                gathered.fields = view.fields.iter().map(|at| chunk.fields[*at].empty()).collect();
            }
            for (all, at) in gathered.fields.iter_mut().zip(&view.fields) {
                all.extend(&chunk.fields[*at], range.clone())?;
            }
        }
        gathered.order = Order::new(entities, events.partition_bits(), places, gathered.known());
        Ok(gathered)
    }

    /// The events of the entity in a place, in the order in which they are applied.
    pub(super) fn of(&self, place: usize) -> Ordered<'_> {
        self.order.of(place)
    }

    /// Per event, when it was first known.
    pub(super) fn known(&self) -> &[i64] {
        self.available_at.as_deref().unwrap_or(&self.event_times)
    }
}

impl Order {
    /// Orders rows by (entity, time, row): equal times keep the order of rows, which is that of sources and positions.
    fn new(entities: Vec<u32>, bits: u32, places: usize, times: &[i64]) -> Self {
        let mut starts = vec![0_u32; places + 1];
        for entity in &entities {
            starts[(*entity >> bits) as usize + 1] += 1;
        }
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        let mut next = starts.clone();
        let earliest = times.iter().copied().min().unwrap_or(0);
        let span = times.iter().copied().max().unwrap_or(0).wrapping_sub(earliest) as u64;
        let row_bits = (entities.len() as u64).checked_ilog2().unwrap_or(0) + 1;
        let (rows, times) = if span.leading_zeros() >= row_bits {
            // Time and row in one number, which sorts faster than anything else.
            let mut keys = vec![0_u64; entities.len()];
            for (row, (entity, time)) in entities.iter().zip(times).enumerate() {
                let slot = &mut next[(*entity >> bits) as usize];
                keys[*slot as usize] = (time.wrapping_sub(earliest) as u64) << row_bits | row as u64;
                *slot += 1;
            }
            sort_each(&mut keys, &starts);
            let mask = (1 << row_bits) - 1;
            let times = keys.iter().map(|key| earliest.wrapping_add((key >> row_bits) as i64)).collect();
            (keys.into_iter().map(|key| (key & mask) as u32).collect(), times)
        } else {
            let mut keys = vec![(0_i64, 0_u32); entities.len()];
            for (row, (entity, time)) in entities.iter().zip(times).enumerate() {
                let slot = &mut next[(*entity >> bits) as usize];
                keys[*slot as usize] = (*time, row as u32);
                *slot += 1;
            }
            sort_each(&mut keys, &starts);
            let times = keys.iter().map(|(time, _)| *time).collect();
            (keys.into_iter().map(|(_, row)| row).collect(), times)
        };
        Self { rows, times, starts }
    }

    /// The rows of the entity in a place.
    pub(super) fn of(&self, place: usize) -> Ordered<'_> {
        let range = self.starts[place] as usize..self.starts[place + 1] as usize;
        Ordered { rows: &self.rows[range.clone()], times: &self.times[range] }
    }
}

fn sort_each<T: Ord>(keys: &mut [T], starts: &[u32]) {
    for bounds in starts.windows(2) {
        let keys = &mut keys[bounds[0] as usize..bounds[1] as usize];
        if !keys.is_sorted() {
            keys.sort_unstable();
        }
    }
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
        let mut order = Order::new(entities, bits, places, &times);
        order.rows.iter_mut().for_each(|row| *row = rows[*row as usize]);
        order
    }
}
