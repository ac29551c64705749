//! Reads the events of a view: the history of each source, then what was pushed to it, in the order that decides ties.
//!
//! The parts of all histories are read by several threads. Each becomes chunks that lie at their own place in the set, so that
//! the order of events does not depend on who read them when.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use super::by_entity::{DividedEvents, IndexSource};
use super::counts::{FileCount, FileTimes};
use super::ids::{IdScope, Repeats, find_repeats};
use super::times::column_times;
use super::{
    EventBatch, EventChunk, EventSet, EventSource, HistoryIndexBuilder, HistorySource, LogSource, Position, ReadError,
    SourceInput, SourcePart,
};
use crate::batch::{FieldLane, Lane};
use crate::entity::{KeyInterner, KeyRows};
use crate::project::Source;
use crate::schema::{Field, ValueType};
use crate::threads;
use crate::time::{AsOf, AvailableAt};

/// How events are read. Nothing here changes what is read.
#[derive(Clone, Copy)]
pub struct ReadOptions<'a> {
    /// Threads that read; at least 1.
    pub threads: usize,
    /// How many chunks wait until those before them were given on; at least 1.
    pub chunks_max: usize,
    /// Set when the reading is to end early, with [`ReadError::Stopped`].
    pub stop: &'a AtomicBool,
    /// Memory of the whole run, in bytes, of which a small part is for the ids of events.
    pub memory_bytes: u64,
    /// Where ids that memory does not hold are kept meanwhile.
    pub spill_dir: &'a Path,
    /// When the last question is asked, where events that came later are counted.
    pub last_as_of: Option<AsOf>,
}

/// Which entities matter, and how their keys become numbers.
pub enum Keep<'a> {
    /// All: new ones get numbers. One thread reads, so that the numbers are in the order of the events.
    All(&'a mut KeyInterner),
    /// Only those that the interner knows; events of others are left out.
    Known(&'a KeyInterner),
    /// All, numbered by the partition that a hash of their key falls into, of so many bits; several entities share a number.
    /// The key columns become the first fields.
    Hashed(u32),
}

/// Events of one partition are about so many, so that a thread works within its cache.
const PARTITION_ROWS: u64 = 1 << 17;

/// At most so many partitions, as a power of two.
const PARTITION_BITS_MAX: u32 = 10;

/// A row of a file whose format does not tell how many it has is taken to be so long.
const ROW_BYTES: u64 = 48;

/// The history of one source, in its place of the view's order.
struct History<'a> {
    place: usize,
    source: &'a Source,
    up_to: Option<AvailableAt>,
    events: Box<dyn EventSource + Sync + 'a>,
    /// Which rows are left out because of their ids.
    repeats: Option<&'a Repeats>,
    /// Where the counts of its files begin among those of all; `None` where they are not read.
    first_count: Option<usize>,
    /// What takes its events too, and the places of the fields that it wants.
    builder: Option<(&'a HistoryIndexBuilder, Vec<usize>)>,
}

/// How the keys of events become numbers: [`Keep`], as several threads share it.
enum Numbers<'a> {
    All(Mutex<&'a mut KeyInterner>),
    Known(&'a KeyInterner),
    Hashed(u32),
}

impl Numbers<'_> {
    /// Appends the numbers of the entities of so many rows.
    fn of(&self, keys: &KeyRows<'_>, rows: usize, ids: &mut Vec<u32>) -> Result<(), ReadError> {
        match self {
            Self::All(interner) => {
                let mut interner = interner.lock().expect("no thread panics while it numbers keys");
                interner.intern_all(keys, rows, ids)?;
            }
            Self::Known(interner) => interner.find_all(keys, rows, ids),
            Self::Hashed(bits) => keys.partitions(rows, *bits, ids),
        }
        Ok(())
    }
}

/// What one batch of a history gives.
struct Taken {
    chunk: EventChunk,
    divided: Option<DividedEvents>,
    rows: u64,
    after_cut: u64,
    times: FileTimes,
}

/// Reads the events of `sources` (in the view's order) with the columns `fields`, at once.
///
/// A nullable field that a file does not have is null in its events.
pub fn read_events(
    fields: &[Field],
    sources: &[SourceInput<'_>],
    keep: Keep<'_>,
    options: ReadOptions<'_>,
) -> Result<(EventSet, Vec<FileCount>), ReadError> {
    let mut events = None;
    let types: Vec<ValueType> = fields.iter().map(|field| field.value_type).collect();
    let counts =
        each_chunk(fields, sources, keep, ReadOptions { chunks_max: usize::MAX, ..options }, &mut |bits, chunk| {
            events.get_or_insert_with(|| EventSet::new(bits, types.clone())).push(chunk)
        })?;
    Ok((events.unwrap_or_else(|| EventSet::new(0, types)), counts))
}

/// As [`read_events`], but each chunk is given to `take`, in order; meanwhile the next ones are read. Chunks have `2^bits`
/// partitions, which `take` is told.
pub fn each_chunk(
    fields: &[Field],
    sources: &[SourceInput<'_>],
    keep: Keep<'_>,
    options: ReadOptions<'_>,
    take: &mut dyn FnMut(u32, EventChunk) -> Result<(), ReadError>,
) -> Result<Vec<FileCount>, ReadError> {
    let indexed: Vec<Option<IndexSource>> = sources.iter().map(|input| indexed(input, fields, &keep)).collect();
    let repeats = sources.iter().zip(&indexed).map(|(input, indexed)| match indexed {
        Some(_) => Ok(None),
        None => repeats_of(input, fields, &keep, options),
    });
    let repeats = repeats.collect::<Result<Vec<_>, ReadError>>()?;
    let wanted: Vec<Vec<Field>> = sources.iter().map(|input| with_those_of_the_builder(input, fields)).collect();
    let (mut histories, mut files) = (Vec::with_capacity(sources.len()), 0);
    for (place, ((input, repeats), indexed)) in sources.iter().zip(&repeats).zip(indexed).enumerate() {
        let (source, repeats) = (input.source, repeats.as_deref());
        histories.push(match indexed {
            // It has the events that count.
            Some(events) => {
                let events: Box<dyn EventSource + Sync> = Box::new(events);
                History { place, source, up_to: None, events, repeats: None, first_count: None, builder: None }
            }
            None => {
                let events = Box::new(HistorySource::open(input, &wanted[place])?);
                let builder =
                    input.builder.as_deref().map(|builder| (builder, places(builder.fields(), &wanted[place])));
                let first_count = Some(files);
                files += input.files.len();
                History { place, source, up_to: input.up_to, events, repeats, first_count, builder }
            }
        });
    }
    histories.iter().filter_map(|history| history.builder.as_ref()).for_each(|(builder, _)| builder.begin());
    let bits = partition_bits(&histories, &keep);
    let with_keys = matches!(keep, Keep::Hashed(_));
    let (threads, numbers) = match keep {
        // One after the other, so that the numbers are in the order of the events.
        Keep::All(interner) => (1, Numbers::All(Mutex::new(interner))),
        Keep::Known(interner) => (options.threads, Numbers::Known(interner)),
        Keep::Hashed(bits) => (options.threads, Numbers::Hashed(bits)),
    };
    let options = ReadOptions { threads, ..options };
    Reader { fields, histories: &histories, numbers, bits, with_keys, options }.read(sources, take)
}

/// The events of the asked entities by the index of their source, where that has what is wanted.
fn indexed(input: &SourceInput<'_>, fields: &[Field], keep: &Keep<'_>) -> Option<IndexSource> {
    match (keep, &input.index) {
        (Keep::Known(asked), Some(index)) => index.events(input.keys, fields, asked),
        _ => None,
    }
}

/// The fields to read of the files of a source: those that are wanted, and after them those that its builder wants besides.
fn with_those_of_the_builder(input: &SourceInput<'_>, fields: &[Field]) -> Vec<Field> {
    let mut all = fields.to_vec();
    for field in input.builder.iter().flat_map(|builder| builder.fields()) {
        if !all.iter().any(|known| is_same(known, field)) {
            all.push(field.clone());
        }
    }
    all
}

/// Whether one column serves both fields.
fn is_same(a: &Field, b: &Field) -> bool {
    a.name == b.name && a.value_type == b.value_type && a.nullable == b.nullable
}

/// The places of some fields among others.
fn places(fields: &[Field], all: &[Field]) -> Vec<usize> {
    fields.iter().filter_map(|field| all.iter().position(|known| is_same(known, field))).collect()
}

/// The rows of the files of a source that are left out because of their ids; `None` where its events have none.
fn repeats_of(
    input: &SourceInput<'_>,
    fields: &[Field],
    keep: &Keep<'_>,
    options: ReadOptions<'_>,
) -> Result<Option<Arc<Repeats>>, ReadError> {
    // Ids matter to events of files alone: those of the log differ.
    if input.source.event_id.is_none() || input.files.is_empty() {
        return Ok(None);
    }
    if let Some(known) = &input.repeats {
        return Ok(Some(Arc::clone(known)));
    }
    let asked = match (keep, input.ids) {
        (Keep::Known(interner), IdScope::Asked) => Some(*interner),
        _ => None,
    };
    Ok(Some(Arc::new(find_repeats(input, fields, asked, None, options)?)))
}

/// How many partitions to make, as a power of two: from what the files say of themselves.
fn partition_bits(histories: &[History<'_>], keep: &Keep<'_>) -> u32 {
    if let Keep::Hashed(bits) = keep {
        return *bits;
    }
    let parts = histories.iter().flat_map(|history| history.events.parts());
    let rows: u64 = parts.map(|part| part.rows.unwrap_or(part.bytes / ROW_BYTES)).sum();
    match keep {
        Keep::Known(interner) => partition_bits_of(rows, interner.len()),
        Keep::All(_) | Keep::Hashed(_) => partition_bits_of(rows, usize::MAX),
    }
}

/// How many partitions to make of so many events and entities, as a power of two.
pub(crate) fn partition_bits_of(events: u64, entities: usize) -> u32 {
    let wanted = (events / PARTITION_ROWS).checked_ilog2().map_or(0, |bits| bits + 1);
    wanted.min(entities.checked_ilog2().unwrap_or(0)).min(PARTITION_BITS_MAX)
}

/// What the threads that read share.
struct Reader<'a> {
    fields: &'a [Field],
    /// One per source, in the view's order.
    histories: &'a [History<'a>],
    numbers: Numbers<'a>,
    bits: u32,
    /// Whether the key columns are fields too.
    with_keys: bool,
    options: ReadOptions<'a>,
}

impl Reader<'_> {
    fn read(
        &self,
        sources: &[SourceInput<'_>],
        take: &mut dyn FnMut(u32, EventChunk) -> Result<(), ReadError>,
    ) -> Result<Vec<FileCount>, ReadError> {
        let mut counts: Vec<FileCount> =
            sources.iter().zip(self.histories).flat_map(|(input, history)| counts_of(input, history)).collect();
        // The parts of all sources are read at once, so that no thread waits at a border; each source's log follows its files.
        // Where numbers are in the order of the events, one source is read after the other.
        let together = if matches!(self.numbers, Numbers::All(_)) { 1 } else { self.histories.len().max(1) };
        let mut logs = sources.iter().enumerate().peekable();
        for histories in self.histories.chunks(together) {
            let of = |(place, parts): (usize, usize)| (0..parts).map(move |part| (place, part));
            let counts_of_parts = histories.iter().map(|history| (history.place, history.events.parts().len()));
            let parts: Vec<(usize, usize)> = counts_of_parts.flat_map(of).collect();
            let make = |at: usize, give: &mut dyn FnMut(Taken) -> bool| self.part(parts[at], give);
            threads::stream(self.options.threads, parts.len(), self.options.chunks_max, make, |at, taken| {
                let history = &self.histories[parts[at].0];
                while let Some(earlier) = logs.next_if(|(place, _)| *place < history.place) {
                    self.logged(earlier, take)?;
                }
                let SourcePart { file, .. } = history.events.parts()[parts[at].1];
                if let Some(first_count) = history.first_count {
                    let count = &mut counts[first_count + file];
                    count.rows += taken.rows;
                    count.after_cut += taken.after_cut;
                    count.times.merge(&taken.times);
                }
                if let (Some((builder, _)), Some(divided)) = (&history.builder, taken.divided) {
                    builder.push(divided);
                }
                take(self.bits, taken.chunk)
            })?;
            let last = histories.last().map_or(0, |history| history.place);
            while let Some(source) = logs.next_if(|(place, _)| *place <= last) {
                self.logged(source, take)?;
            }
        }
        Ok(counts)
    }

    /// Reads one part of a history, until `give` wants no more.
    fn part(&self, (place, part): (usize, usize), give: &mut dyn FnMut(Taken) -> bool) -> Result<(), ReadError> {
        let history = &self.histories[place];
        let SourcePart { file, .. } = history.events.parts()[part];
        history.events.read(part, Position::START, &mut |batch: EventBatch| {
            let is_wanted = give(self.taken(history, file, batch)?);
            if is_wanted && !self.options.stop.load(Ordering::Relaxed) { Ok(()) } else { Err(ReadError::Stopped) }
        })
    }

    /// The events of a batch of a file that count, by partition; and how many were left out because of the cut.
    fn taken(&self, history: &History<'_>, file: usize, batch: EventBatch) -> Result<Taken, ReadError> {
        let (available, rows_before) = (batch.available(), batch.rows_before());
        let up_to = history.up_to;
        let is_repeat =
            |row: usize| history.repeats.is_some_and(|repeats| repeats.leaves_out(file, rows_before + row as u64));
        let mut after_cut = 0;
        let mut dropped: Vec<bool> = Vec::new();
        if up_to.is_some() || history.repeats.is_some() {
            dropped.extend((0..batch.rows).map(|row| {
                let is_later = up_to.is_some_and(|up_to| !AvailableAt::from_micros(available[row]).is_by(up_to));
                after_cut += u64::from(is_later);
                is_later || is_repeat(row)
            }));
        }
        let mut times = FileTimes { rounded: batch.rounded, ..FileTimes::default() };
        times.event_times.add(&batch.event_times, None, rows_before);
        if let (Some(Lane::Column(arrivals)), Some(_)) = (&batch.arrivals, history.source.arrival_time_unit) {
            times.arrivals.add(column_times(arrivals), arrivals.nulls(), rows_before);
        }
        times.count_later(available, self.options.last_as_of);
        let rows = batch.rows as u64;
        let divide = |(builder, fields): &(&HistoryIndexBuilder, Vec<usize>)| builder.divide(&batch, &dropped, fields);
        let divided = history.builder.as_ref().map(divide).transpose()?;
        Ok(Taken { chunk: self.chunk(history.place, batch, &dropped)?, divided, rows, after_cut, times })
    }

    /// The events of a batch that are not dropped, by partition.
    fn chunk(&self, place: usize, batch: EventBatch, dropped: &[bool]) -> Result<EventChunk, ReadError> {
        let mut entities = Vec::with_capacity(batch.rows);
        self.number_kept(&batch.keys, batch.rows, dropped, &mut entities)?;
        let gather = |rows: &[u32]| {
            let keys = if self.with_keys { &batch.keys[..] } else { &[] };
            // After the wanted fields come those of a builder.
            keys.iter()
                .chain(&batch.fields[..self.fields.len()])
                .map(|lane| FieldLane::gather(lane, rows))
                .collect::<Result<Vec<_>, _>>()
        };
        let available = batch.available_at.as_deref();
        let chunk = EventChunk::new(self.bits, &entities, &batch.event_times, available, gather)?;
        let chunk = chunk.of_source(place);
        Ok(match &batch.log_offsets {
            Some(offsets) => chunk.with_offsets(&entities, offsets),
            None => chunk,
        })
    }

    /// The numbers of the entities of the rows that are not dropped; a row that is dropped names no entity, and makes none.
    fn number_kept(
        &self,
        keys: &[Lane],
        rows: usize,
        dropped: &[bool],
        entities: &mut Vec<u32>,
    ) -> Result<(), ReadError> {
        if !dropped.contains(&true) {
            return self.numbers.of(&KeyRows::of_lanes(keys), rows, entities);
        }
        let kept: Vec<u32> = (0..rows as u32).filter(|row| !dropped[*row as usize]).collect();
        let taken: Vec<Lane> = keys.iter().map(|lane| lane.take(&kept)).collect();
        let mut numbers = Vec::with_capacity(kept.len());
        self.numbers.of(&KeyRows::of_lanes(&taken), kept.len(), &mut numbers)?;
        entities.resize(rows, u32::MAX);
        for (row, entity) in kept.iter().zip(numbers) {
            entities[*row as usize] = entity;
        }
        Ok(())
    }

    /// Gives the pushed events of one source to `take`, chunk by chunk.
    fn logged(
        &self,
        (place, input): (usize, &SourceInput<'_>),
        take: &mut dyn FnMut(u32, EventChunk) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        let SourceInput { source, keys, pushed: Some(pushed), .. } = input else { return Ok(()) };
        let asked = if let Numbers::Known(interner) = &self.numbers { Some(*interner) } else { None };
        let events: &dyn EventSource = &LogSource::new(*pushed, source, keys, self.fields, asked);
        for part in 0..events.parts().len() {
            events.read(part, Position::START, &mut |batch: EventBatch| {
                if self.options.stop.load(Ordering::Relaxed) {
                    return Err(ReadError::Stopped);
                }
                take(self.bits, self.chunk(place, batch, &[])?)
            })?;
        }
        Ok(())
    }
}

/// The counts of the files of a source, before anything is read.
fn counts_of(input: &SourceInput<'_>, history: &History<'_>) -> Vec<FileCount> {
    if history.first_count.is_none() {
        return Vec::new();
    }
    let count = |(file, path): (usize, &PathBuf)| {
        let (repeats, conflicts, first) = history.repeats.map_or((0, 0, &[][..]), |repeats| repeats.of_file(file));
        FileCount {
            source: input.source.name.clone(),
            path: path.clone(),
            rows: 0,
            after_cut: 0,
            repeats,
            conflicts,
            first_conflicts: first.to_vec(),
            times: FileTimes::default(),
        }
    };
    input.files.iter().enumerate().map(count).collect()
}
