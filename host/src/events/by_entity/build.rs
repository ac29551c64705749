//! An index in the making: events of files, divided by a hash of their key, sorted part by part.
//!
//! Events wait in memory as far as that goes, and then in files without names of their own. What a part holds is sorted by
//! itself; a part that memory does not hold is read again for each piece of it that it does.

use std::ops::{Range, RangeInclusive};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::format::{BATCH_ROWS, Encoded, Footer, IndexFile, Stored};
use super::parts::{BITS, Columns, Parts, SpilledParts, column, gathered, hashes, join, rows_of, stored};
use crate::batch::{ColumnError, FieldLane, Values};
use crate::entity::KeyRows;
use crate::events::{EventBatch, EventChunk, ReadError};
use crate::files::{SpillFolder, Spilled};
use crate::project::{Key, Source};
use crate::schema::{Field, ValueType};
use crate::threads;

/// Gathers the events of the files of one source, for the views of one entity.
pub(crate) struct HistoryIndexBuilder {
    keys: Vec<Key>,
    fields: Vec<Field>,
    has_available: bool,
    held_bytes_max: usize,
    /// Where is kept what memory does not hold.
    spill_dir: PathBuf,
    building: Mutex<Building>,
}

#[derive(Default)]
struct Building {
    chunks: Vec<EventChunk>,
    held_bytes: usize,
    spilled: Option<SpilledParts>,
    failure: Option<std::io::Error>,
}

/// Events, by part and in their order. Their fields are a hash, the keys, and what was asked for.
pub(in crate::events) struct DividedEvents(EventChunk);

impl HistoryIndexBuilder {
    /// Of a source, for an entity with the key columns `keys`, with the fields that its views read. About `memory_bytes` are
    /// held; what is more goes to a folder within `spill_dir`.
    pub(crate) fn new(source: &Source, keys: &[Key], fields: Vec<Field>, memory_bytes: u64, spill_dir: &Path) -> Self {
        let held_bytes_max = usize::try_from(memory_bytes).unwrap_or(usize::MAX);
        Self {
            keys: keys.to_vec(),
            fields,
            has_available: source.arrival_time.is_some(),
            held_bytes_max,
            spill_dir: spill_dir.to_owned(),
            building: Mutex::default(),
        }
    }

    /// The fields that are wanted of each event.
    pub(crate) fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// From now on the events come from the first one on.
    pub(crate) fn begin(&self) {
        *self.building() = Building::default();
    }

    /// The rows of a batch that are not dropped, by part. `fields` are the places of the wanted fields in the batch.
    pub(in crate::events) fn divide(
        &self,
        batch: &EventBatch,
        dropped: &[bool],
        fields: &[usize],
    ) -> Result<DividedEvents, ReadError> {
        let mut hashes = Vec::with_capacity(batch.rows);
        KeyRows::of_lanes(&batch.keys).hashes(batch.rows, &mut hashes);
        let is_dropped = |row: usize| dropped.get(row).copied().unwrap_or(false);
        let part = |(row, hash): (usize, &u64)| if is_dropped(row) { u32::MAX } else { (hash >> (64 - BITS)) as u32 };
        let parts: Vec<u32> = hashes.iter().enumerate().map(part).collect();
        let gather = |rows: &[u32]| {
            let hashes = rows.iter().map(|row| hashes[*row as usize] as i64).collect();
            let mut lanes = vec![column(Values::Int64s(hashes))];
            for lane in batch.keys.iter().chain(fields.iter().map(|at| &batch.fields[*at])) {
                lanes.push(gathered(lane, rows)?);
            }
            Ok::<_, ColumnError>(lanes)
        };
        let available = self.has_available.then(|| batch.available());
        Ok(DividedEvents(EventChunk::new(BITS, &parts, &batch.event_times, available, gather)?))
    }

    /// Takes the events that follow. A failure is told at the end.
    pub(in crate::events) fn push(&self, DividedEvents(chunk): DividedEvents) {
        let mut building = self.building();
        if chunk.entities.is_empty() || building.failure.is_some() {
            return;
        }
        let times = 8 * chunk.event_times.len() * (1 + usize::from(self.has_available));
        building.held_bytes += times + chunk.fields.iter().map(FieldLane::memory_bytes).sum::<usize>();
        building.chunks.push(chunk);
        if building.held_bytes > self.held_bytes_max
            && let Err(failure) = self.spill(&mut building)
        {
            *building = Building { failure: Some(failure), ..Building::default() };
        }
    }

    fn building(&self) -> MutexGuard<'_, Building> {
        self.building.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes what is held to the files of the parts.
    fn spill(&self, building: &mut Building) -> std::io::Result<()> {
        let spilled = match &mut building.spilled {
            Some(spilled) => spilled,
            none => none.insert(SpilledParts::create(&self.spill_dir)?),
        };
        for (part, writer) in spilled.writers.iter_mut().enumerate() {
            let columns = self.columns(&building.chunks, part..part + 1)?;
            if columns.first().is_some_and(|hashes| rows_of(hashes) > 0) {
                writer.write(columns).map_err(std::io::Error::other)?;
            }
        }
        (building.chunks, building.held_bytes) = (Vec::new(), 0);
        Ok(())
    }

    /// The events of some parts, of one part after the other.
    fn columns(&self, chunks: &[EventChunk], parts: Range<usize>) -> std::io::Result<Columns> {
        let mut all: Columns = Vec::new();
        let rows: usize =
            chunks.iter().map(|chunk| parts.clone().map(|part| chunk.of(part).len()).sum::<usize>()).sum();
        for part in parts {
            for chunk in chunks {
                let range = chunk.of(part);
                if range.is_empty() {
                    continue;
                }
                let times = std::iter::once(&chunk.event_times).chain(&chunk.available_at);
                let times = times.map(|times| column(Values::Times(times[range.clone()].to_vec())));
                let times: Vec<FieldLane> = times.collect();
                let (before, after) = chunk.fields.split_at(1 + self.keys.len());
                let here = before.iter().map(|lane| (lane, range.clone()));
                let here = here.chain(times.iter().map(|lane| (lane, 0..range.len())));
                let here = here.chain(after.iter().map(|lane| (lane, range.clone())));
                let here: Vec<_> = here.collect();
                if all.is_empty() {
                    all = here.iter().map(|(lane, _)| lane.empty(rows)).collect();
                }
                for (all, (lane, range)) in all.iter_mut().zip(here) {
                    all.extend(lane, range).map_err(std::io::Error::other)?;
                }
            }
        }
        Ok(all)
    }

    /// Writes the index of all events that were taken, as the file `of` in the folder `dir`. `meaning` is what the source says of
    /// the fields.
    pub(crate) fn finish(&self, dir: &Path, of: &str, meaning: String, threads: usize) -> std::io::Result<()> {
        let mut building = std::mem::take(&mut *self.building());
        if let Some(failure) = building.failure {
            return Err(failure);
        }
        if building.spilled.is_some() {
            self.spill(&mut building)?;
        }
        let parts = match building.spilled {
            Some(spilled) => spilled.finish()?,
            None => Parts::Held(building.chunks),
        };
        let mut file = IndexFile::create(dir)?;
        let groups = parts.groups(self.sorted_bytes_max());
        let ends = threads::stream(
            threads,
            groups.len(),
            threads * 2,
            |at, give| self.each_batch(&parts, groups[at].clone(), give),
            |_, batch: Encoded| file.write(&batch),
        );
        ends?;
        let key = |key: &Key| Stored { name: key.name.clone(), value_type: key.key_type.value_type(), nullable: false };
        let footer = Footer {
            of: of.to_owned(),
            meaning,
            keys: self.keys.iter().map(key).collect(),
            fields: self.fields.iter().map(Stored::from).collect(),
            has_available: self.has_available,
            events: 0,
            batches: 0,
            checksum: 0,
        };
        file.finish(&super::read::path_of(dir, of), footer)
    }

    /// Gives the sorted batches of some parts.
    fn each_batch(
        &self,
        parts: &Parts,
        group: Range<usize>,
        give: &mut dyn FnMut(Encoded) -> bool,
    ) -> std::io::Result<()> {
        match parts {
            Parts::Held(chunks) => self.sorted(&self.columns(chunks, group)?, give),
            Parts::Spilled { folder, files, .. } => {
                let files = (folder, &files[group.clone()]);
                let (first, last) = ((group.start as u64) << (64 - BITS), ((group.end - 1) as u64) << (64 - BITS));
                self.sorted_within(files, first..=last | (u64::MAX >> BITS), give)
            }
        }
    }

    /// How many bytes of events are sorted at a time: several threads do that at once.
    fn sorted_bytes_max(&self) -> u64 {
        self.held_bytes_max as u64 / 4
    }

    /// The types of the columns.
    fn types(&self) -> Vec<ValueType> {
        let keys = self.keys.iter().map(|key| key.key_type.value_type());
        let times = std::iter::repeat_n(ValueType::Time, 1 + usize::from(self.has_available));
        let fields = self.fields.iter().map(|field| field.value_type);
        std::iter::once(ValueType::Int64).chain(keys).chain(times).chain(fields).collect()
    }

    /// Gives the sorted batches of the events in `files` whose hashes lie in a range. Where memory does not hold them, the range
    /// is divided; the events of one hash need not be sorted.
    fn sorted_within(
        &self,
        files: (&SpillFolder, &[Spilled]),
        range: RangeInclusive<u64>,
        give: &mut dyn FnMut(Encoded) -> bool,
    ) -> std::io::Result<()> {
        let (first, last) = range.clone().into_inner();
        let held_max = self.sorted_bytes_max();
        let bytes: u64 = files.1.iter().map(|file| file.bytes).sum();
        if bytes <= held_max {
            let mut all = Vec::new();
            self.each_within(files, range, &mut |columns| join(&mut all, columns))?;
            return self.sorted(&all, give);
        }
        // How many bytes the events of each of 256 pieces of the range take, about.
        let piece_width = ((last - first) >> 8) + 1;
        let piece_of = |hash: u64| ((hash - first) / piece_width) as usize;
        let mut counts = vec![0_u64; 256];
        self.each_within(files, range, &mut |columns| {
            hashes(&columns[0]).iter().for_each(|hash| counts[piece_of(*hash as u64)] += 1);
            Ok(())
        })?;
        let all_rows: u64 = files.1.iter().map(|file| file.rows).sum();
        let bytes_of = |rows: u64| (u128::from(rows) * u128::from(bytes) / u128::from(all_rows.max(1))) as u64;
        let mut at = 0;
        while at < counts.len() {
            let (start, mut taken) = (at, counts[at]);
            at += 1;
            while at < counts.len() && bytes_of(taken + counts[at]) <= held_max {
                taken += counts[at];
                at += 1;
            }
            let begin_of = |piece: usize| u128::from(first) + piece as u128 * u128::from(piece_width);
            // The pieces of a short range end before their number does.
            let (low, high) = (begin_of(start), (begin_of(at) - 1).min(u128::from(last)));
            let (low, high) = (low.min(u128::from(last)) as u64, high as u64);
            match () {
                () if taken == 0 => {}
                () if bytes_of(taken) <= held_max => {
                    let mut all = Vec::new();
                    self.each_within(files, low..=high, &mut |columns| join(&mut all, columns))?;
                    self.sorted(&all, give)?;
                }
                () if low == high => self.each_within(files, low..=high, &mut |columns| self.sorted(&columns, give))?,
                () => self.sorted_within(files, low..=high, give)?,
            }
        }
        Ok(())
    }

    /// The events in `files` whose hashes lie in a range, in their order.
    fn each_within(
        &self,
        files: (&SpillFolder, &[Spilled]),
        range: RangeInclusive<u64>,
        take: &mut dyn FnMut(Columns) -> std::io::Result<()>,
    ) -> std::io::Result<()> {
        let types = self.types();
        for file in files.1 {
            for lanes in files.0.open(file, &types).map_err(std::io::Error::other)? {
                let lanes = lanes.map_err(std::io::Error::other)?;
                let of_hashes = gathered(&lanes[0], &(0..lanes[0].len() as u32).collect::<Vec<_>>());
                let of_hashes = of_hashes.map_err(std::io::Error::other)?;
                let is_wanted = |(_, hash): &(u32, &i64)| range.contains(&(**hash as u64));
                let rows: Vec<u32> = (0..).zip(hashes(&of_hashes)).filter(is_wanted).map(|(row, _)| row).collect();
                if !rows.is_empty() {
                    let columns = lanes.iter().map(|lane| gathered(lane, &rows)).collect::<Result<Columns, _>>();
                    take(columns.map_err(std::io::Error::other)?)?;
                }
            }
        }
        Ok(())
    }

    /// Gives events as batches, sorted by their hash.
    fn sorted(&self, columns: &[FieldLane], give: &mut dyn FnMut(Encoded) -> bool) -> std::io::Result<()> {
        let Some((of_hashes, columns)) = columns.split_first() else { return Ok(()) };
        let mut order: Vec<(u64, u32)> = hashes(of_hashes).iter().map(|hash| *hash as u64).zip(0..).collect();
        // The row decides among those of one hash, so that they keep their order.
        order.sort_unstable();
        for rows in order.chunks(BATCH_ROWS) {
            let ends = (rows[0].0, rows[rows.len() - 1].0);
            let places: Vec<u32> = rows.iter().map(|(_, row)| *row).collect();
            let taken = columns.iter().map(|lane| stored(lane, &places)).collect::<Result<Vec<_>, _>>();
            let batch = Encoded::new(taken.map_err(std::io::Error::other)?, ends, rows.len())?;
            if !give(batch) {
                break;
            }
        }
        Ok(())
    }
}
