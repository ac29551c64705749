//! Reads the events of a view: the files of each source, then what was pushed to it, in the order that decides ties.
//!
//! The parts of the files are read by several threads. Each becomes chunks that lie at their own place in the set, so that
//! the order of events does not depend on who read them when.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use super::counts::{FileCount, FileTimes};
use super::fields::{incoming_of_file, wanted_columns, wanted_fields, widened};
use super::ids::{IdScope, Repeats, find_repeats};
use super::logged::{LoggedEvents, append_fields, key_columns, key_of};
use super::times::{availabilities, column_times, times};
use super::{EventChunk, EventSet, ReadError, SourceInput};
use crate::batch::{FieldLane, Lane};
use crate::entity::{KeyInterner, KeyRows};
use crate::files::{Input, InputError, SHEET_ROWS_MAX, Sheet, Wanted};
use crate::log::LoggedEvent;
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

/// One file of one source.
struct SourceFile<'a> {
    /// The place of the source in the view's order.
    place: usize,
    source: &'a Source,
    keys: usize,
    up_to: Option<AvailableAt>,
    input: Input,
    wanted: Vec<Wanted>,
    /// Which rows are left out because of their ids, and the number of the file among those of its source.
    repeats: Option<&'a Repeats>,
    number: usize,
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

/// What one sheet of a file gives.
struct Taken {
    chunk: EventChunk,
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
    let repeats = sources.iter().map(|input| repeats_of(input, fields, &keep, options));
    let repeats = repeats.collect::<Result<Vec<_>, ReadError>>()?;
    let mut files = Vec::new();
    for (place, (input, repeats)) in sources.iter().zip(&repeats).enumerate() {
        for (number, path) in input.files.iter().enumerate() {
            let file = Input::open(path)?;
            let wanted = incoming_of_file(input.source, &file, wanted_columns(input.source, input.keys, fields))?;
            files.push(SourceFile {
                place,
                source: input.source,
                keys: input.keys.len(),
                up_to: input.up_to,
                input: file,
                wanted,
                repeats: repeats.as_deref(),
                number,
            });
        }
    }
    let bits = partition_bits(&files, &keep);
    let with_keys = matches!(keep, Keep::Hashed(_));
    let (threads, numbers) = match keep {
        // One after the other, so that the numbers are in the order of the events.
        Keep::All(interner) => (1, Numbers::All(Mutex::new(interner))),
        Keep::Known(interner) => (options.threads, Numbers::Known(interner)),
        Keep::Hashed(bits) => (options.threads, Numbers::Hashed(bits)),
    };
    let options = ReadOptions { threads, ..options };
    Reader { fields, files: &files, numbers, bits, with_keys, options }.read(sources, take)
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
fn partition_bits(files: &[SourceFile<'_>], keep: &Keep<'_>) -> u32 {
    if let Keep::Hashed(bits) = keep {
        return *bits;
    }
    let parts = files.iter().flat_map(|file| file.input.parts());
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
    files: &'a [SourceFile<'a>],
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
        let mut counts: Vec<FileCount> = self.files.iter().map(|file| self.count(file)).collect();
        // The parts of all sources are read at once, so that no thread waits at a border; each source's log follows its files.
        // Where numbers are in the order of the events, one source is read after the other.
        let together = if matches!(self.numbers, Numbers::All(_)) { 1 } else { sources.len().max(1) };
        let mut logs = sources.iter().enumerate().peekable();
        for first in (0..sources.len()).step_by(together) {
            let places = first..first + together;
            let files = self.files.iter().enumerate().filter(|(_, file)| places.contains(&file.place));
            let parts: Vec<(usize, usize)> =
                files.flat_map(|(at, file)| (0..file.input.parts().len()).map(move |part| (at, part))).collect();
            let make = |at: usize, give: &mut dyn FnMut(Taken) -> bool| self.part(parts[at], give);
            threads::stream(self.options.threads, parts.len(), self.options.chunks_max, make, |at, taken| {
                let (file, _) = parts[at];
                while let Some(source) = logs.next_if(|(place, _)| *place < self.files[file].place) {
                    self.logged(source, take)?;
                }
                counts[file].rows += taken.rows;
                counts[file].after_cut += taken.after_cut;
                counts[file].times.merge(&taken.times);
                take(self.bits, taken.chunk)
            })?;
            while let Some(source) = logs.next_if(|(place, _)| places.contains(place)) {
                self.logged(source, take)?;
            }
        }
        Ok(counts)
    }

    fn count(&self, file: &SourceFile<'_>) -> FileCount {
        let (repeats, conflicts, first) = file.repeats.map_or((0, 0, &[][..]), |repeats| repeats.of_file(file.number));
        FileCount {
            source: file.source.name.clone(),
            path: file.input.path().to_owned(),
            rows: 0,
            after_cut: 0,
            repeats,
            conflicts,
            first_conflicts: first.to_vec(),
            times: FileTimes::default(),
        }
    }

    /// Reads one part of a file, until `give` wants no more.
    fn part(&self, (file, part): (usize, usize), give: &mut dyn FnMut(Taken) -> bool) -> Result<(), ReadError> {
        let file = &self.files[file];
        file.input.read(part, &file.wanted, &mut |mut sheet: Sheet| {
            self.widen(file, &mut sheet)?;
            let is_wanted = give(self.taken(file, &sheet)?);
            if is_wanted && !self.options.stop.load(Ordering::Relaxed) { Ok(()) } else { Err(ReadError::Stopped) }
        })
    }

    /// Makes float64 of the fields that are whole numbers in the schema and are read as that.
    fn widen(&self, file: &SourceFile<'_>, sheet: &mut Sheet) -> Result<(), ReadError> {
        let first = file.wanted.len() - self.fields.len();
        for (at, (wanted, field)) in (first..).zip(file.wanted[first..].iter().zip(self.fields)) {
            if wanted.value_type != field.value_type {
                let wrong = |row: usize, fault| {
                    let row = sheet.rows_before + row as u64 + 1;
                    InputError::new(file.input.path(), fault).at_row(row).in_column(&wanted.name)
                };
                let lane = std::mem::replace(&mut sheet.lanes[at], Lane::Short(Vec::new()));
                sheet.lanes[at] = widened(lane, wrong)?;
            }
        }
        Ok(())
    }

    /// The events of one sheet that count, by partition; and how many were left out because of the cut.
    fn taken(&self, file: &SourceFile<'_>, sheet: &Sheet) -> Result<Taken, ReadError> {
        let (keys, mut rest) = sheet.lanes.split_at(file.keys);
        let mut next = || {
            let (first, others) = rest.split_first()?;
            rest = others;
            Some(first)
        };
        let event_times = next().map_or(&[][..], times);
        let arrivals = if file.source.arrival_time.is_some() { next() } else { None };
        let available = arrivals.map(|arrivals| availabilities(event_times, arrivals));
        let is_repeat = |row: usize| {
            file.repeats.is_some_and(|repeats| repeats.leaves_out(file.number, sheet.rows_before + row as u64))
        };
        let available_at = |row: usize| AvailableAt(available.as_ref().map_or(event_times, |all| all)[row]);
        let mut after_cut = 0;
        let mut dropped: Vec<bool> = Vec::new();
        if file.up_to.is_some() || file.repeats.is_some() {
            dropped.extend((0..sheet.rows).map(|row| {
                let is_later = file.up_to.is_some_and(|up_to| available_at(row) > up_to);
                after_cut += u64::from(is_later);
                is_later || is_repeat(row)
            }));
        }
        let mut entities = Vec::with_capacity(sheet.rows);
        self.number_kept(keys, sheet.rows, &dropped, &mut entities)?;
        let gather = |rows: &[u32]| {
            let keys = if self.with_keys { keys } else { &[] };
            keys.iter().chain(rest).map(|lane| FieldLane::gather(lane, rows)).collect::<Result<Vec<_>, _>>()
        };
        let chunk = EventChunk::new(self.bits, &entities, event_times, available.as_deref(), gather)?;
        let mut times = FileTimes { rounded: sheet.rounded, ..FileTimes::default() };
        times.event_times.add(event_times, None, sheet.rows_before);
        if let (Some(Lane::Column(arrivals)), Some(_)) = (arrivals, file.source.arrival_time_unit) {
            times.arrivals.add(column_times(arrivals), arrivals.nulls(), sheet.rows_before);
        }
        times.count_later(available.as_deref().unwrap_or(event_times), self.options.last_as_of);
        Ok(Taken { chunk: chunk.of_source(file.place), rows: sheet.rows as u64, after_cut, times })
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
        let Some(pushed) = &input.pushed else { return Ok(()) };
        let keys = if self.with_keys { input.keys } else { &[] };
        let mut waiting = LoggedEvents::new(keys, self.fields);
        let fields = wanted_fields(input.source, self.fields);
        let mut append = |event: LoggedEvent| {
            let key = key_columns(&*key_of(input.source, input.keys, &event)?)?;
            let (rows, mut entity) = (KeyRows::of_columns(&key), Vec::with_capacity(1));
            self.numbers.of(&rows, 1, &mut entity)?;
            if entity == [u32::MAX] {
                return Ok(());
            }
            append_fields(&mut waiting.fields, self.fields, &fields, &event)?;
            waiting.push(entity[0], &key, &event)?;
            if waiting.len() < SHEET_ROWS_MAX {
                return Ok(());
            }
            let full = std::mem::replace(&mut waiting, LoggedEvents::new(keys, self.fields));
            take(self.bits, full.into_chunk(self.bits)?.of_source(place))
        };
        let asked = if let Numbers::Known(interner) = &self.numbers { Some(*interner) } else { None };
        pushed.each(input.source, input.keys, asked, &mut append)?;
        match waiting.len() {
            0 => Ok(()),
            _ => take(self.bits, waiting.into_chunk(self.bits)?.of_source(place)),
        }
    }
}
