//! A partition that memory does not hold: because few entities have most of its rows, or because there are as many
//! partitions as can be.
//!
//! It is cut by time into slices, which are answered one after the other; the states of its entities are carried from each to
//! the next, as they are from batch to batch. A question and the events that it sees first lie in one slice or in an earlier
//! one, for events are cut by when they were known and questions by their as-of.

use super::answering::{Answering, Known, Rows, spans, times};
use super::answers::AnswersReader;
use super::divide::{Divided, WAITING_ROWS_MAX, waiting_rows};
use super::failed::Failed;
use super::journal::{Done, SpilledEvents};
use super::memory;
use super::stage::event_types;
use crate::Error;
use crate::batch::{Column, FieldLane, Lane, Values};
use crate::entity::{KeyInterner, KeyRows};
use crate::events::{EventChunk, ReadError};
use crate::feature_store::feeds::{Carried, Feed, Feeds, feeds};
use crate::feature_store::manifest::FAILURES_SHOWN;
use crate::feature_store::summary::ViewSeen;
use crate::files::{SpillFolder, Spilled};
use crate::schema::ValueType;

/// Of so many times at most, evenly taken from all, the cuts are made.
const SAMPLE_MAX: u64 = 1 << 16;

impl Answering<'_> {
    /// Into how many slices to cut some rows; 1 where memory holds them.
    pub(super) fn slices_of(&self, rows: &Rows<'_>) -> usize {
        let (views, threads) = (self.views(), self.options.threads);
        let questions = rows.spine.rows * memory::question_bytes(memory::feature_bytes(views));
        let feeds = feeds(views);
        // Long texts and lists are wider than their types tell; the file knows.
        let of = |(feed, SpilledEvents { file, .. }): (&Feed, &&SpilledEvents)| {
            (file.rows * memory::event_bytes(feed)).max(file.bytes)
        };
        let events = feeds.iter().zip(&rows.feeds).map(of).sum::<u64>();
        let count = rows.spine.rows + rows.feeds.iter().map(|events| events.file.rows).sum::<u64>();
        memory::slices(questions + events, count, self.memory_bytes, threads)
    }

    /// Answers a partition slice by slice.
    pub(super) fn answer_slices(&self, partition: usize, rows: &Rows<'_>, slices: usize) -> Result<Done, Error> {
        let (interner, mut known) = self.known(rows.spine)?;
        let timed = self.timed(rows);
        let cuts = cuts(self.folder, &timed, slices)?;
        let mut divided = Vec::with_capacity(timed.len());
        for (number, timed) in timed.iter().enumerate() {
            divided.push(divide(self.folder, timed, &cuts, &format!("{}-{number}-of-{partition}", self.at))?);
        }
        let sliced = divided.iter().flatten().map(|part| part.file.bytes).sum::<u64>();
        let entities = if self.stage.entity.is_some() { interner.len() as u64 } else { 0 };
        let (mut failed, mut first_failures) = (Failed::default(), Vec::new());
        let mut seen = vec![ViewSeen::default(); self.views().len()];
        known.not_found = vec![Vec::new(); seen.len()];
        known.has_events = vec![vec![false; known.first_rows.len()]; rows.feeds.len()];
        let (mut carried, mut answers) = (Carried::of(interner), Vec::new());
        for slice in 0..=cuts.len() {
            let rows = Rows {
                name: format!("{}-answers-{partition}-{slice}.arrow", self.at),
                spine: &divided[0][slice].file,
                feeds: divided[1..].iter().map(|files| &files[slice]).collect(),
                answer_rows: waiting_rows(WAITING_ROWS_MAX, cuts.len() + 1),
            };
            known.before = slice;
            let mut shared = Feeds::going_on(self.views(), carried);
            let answered = self.answer_rows(&rows, &mut shared, Some(&mut known))?;
            seen.iter_mut().zip(&answered.seen).for_each(|(seen, answered): (&mut ViewSeen, _)| seen.add(answered));
            carried = shared.into_carried();
            failed.add(answered.failed);
            first_failures.extend(answered.first_failures);
            answers.push(answered.file);
            self.folder.remove(std::iter::once(rows.spine).chain(rows.feeds.iter().map(|events| &events.file)));
        }
        // Only now all events were read.
        for (number, feed) in feeds(self.views()).iter().enumerate() {
            for place in &feed.views {
                seen[*place].hidden = known.hidden(*place, number);
                seen[*place].not_servable = carried.not_servable(*place, self.options.state_bytes_max);
            }
        }
        first_failures.sort();
        first_failures.truncate(FAILURES_SHOWN);
        let sliced_bytes = sliced + answers.iter().map(|file| file.bytes).sum::<u64>();
        let joined = self.join(rows, &answers)?;
        Ok(Done { answers: joined, sliced_bytes, entities, seen, failed, first_failures })
    }

    /// The answers of all slices in one file, in the order of the spine.
    fn join(&self, rows: &Rows<'_>, answers: &[Spilled]) -> Result<Spilled, Error> {
        let mut reader = AnswersReader::open(self.folder, answers, &self.kept_types())?;
        let mut writer = self.folder.create(&rows.name)?;
        for lanes in self.folder.open(rows.spine, &self.stage.spine_types(self.plan))? {
            let numbers = times_of(&lanes?[0])?;
            let features = reader.next_of(&numbers)?;
            let numbers = Column::from_parts(Values::Int64s(numbers), None);
            writer.write(std::iter::once(numbers).chain(features).map(FieldLane::Column).collect())?;
        }
        self.folder.remove(answers.iter());
        Ok(writer.finish()?)
    }

    /// The place of the as-of among the columns of a divided spine.
    fn as_of_place(&self) -> usize {
        1 + self.stage.entity.as_ref().map_or(0, |entity| entity.keys.len())
    }

    /// The entities that a spine asks for.
    fn known(&self, spine: &Spilled) -> Result<(KeyInterner, Known), Error> {
        let (mut interner, mut known) = (KeyInterner::new(), Known::default());
        let place = self.as_of_place();
        for lanes in self.folder.open(spine, &self.stage.spine_types(self.plan))? {
            let lanes = lanes?;
            let (rows, as_of) = (times_of(&lanes[0])?, times_of(&lanes[place])?);
            let mut entities = Vec::new();
            let keys = KeyRows::of_lanes(&lanes[1..place]);
            interner.intern_all(&keys, rows.len(), &mut entities).map_err(ReadError::from)?;
            for ((entity, row), as_of) in entities.into_iter().zip(rows).zip(as_of) {
                let entity = entity as usize;
                if entity == known.first_rows.len() {
                    known.first_rows.push(row);
                    known.last_as_of.push(as_of);
                }
                known.last_as_of[entity] = known.last_as_of[entity].max(as_of);
            }
        }
        Ok((interner, known))
    }

    /// The files of a partition: its spine, then its feeds.
    fn timed<'r>(&self, rows: &Rows<'r>) -> Vec<Timed<'r>> {
        let views = self.views();
        let (types, place) = (self.stage.spine_types(self.plan), self.as_of_place());
        let spine = Timed { file: rows.spine, of_sources: &[], types, place };
        let feeds = feeds(views);
        let events = feeds.iter().zip(&rows.feeds).zip(&self.layouts).map(|((feed, events), layout)| Timed {
            file: &events.file,
            of_sources: &events.of_sources,
            types: event_types(*layout, &views[feed.views[0]], feed),
            place: usize::from(layout.has_available),
        });
        std::iter::once(spine).chain(events).collect()
    }
}

/// The times after which a slice ends and another begins, so that each has about as many rows.
pub(in crate::feature_store) fn cuts(
    folder: &SpillFolder,
    timed: &[Timed<'_>],
    slices: usize,
) -> Result<Vec<i64>, Error> {
    let step = timed.iter().map(|timed| timed.file.rows).sum::<u64>().div_ceil(SAMPLE_MAX).max(1) as usize;
    let mut sample = Vec::new();
    for timed in timed {
        for lanes in folder.open(timed.file, &timed.types)? {
            sample.extend(times_of(&lanes?[timed.place])?.into_iter().step_by(step));
        }
    }
    sample.sort_unstable();
    let mut cuts: Vec<i64> = (1..slices).map(|slice| sample[slice * sample.len() / slices]).collect();
    cuts.dedup();
    Ok(cuts)
}

/// Divides the rows of a file by their times: those up to the first cut, then up to the second, and so on. Rows stay in
/// order.
pub(in crate::feature_store) fn divide(
    folder: &SpillFolder,
    timed: &Timed<'_>,
    cuts: &[i64],
    name: &str,
) -> Result<Vec<SpilledEvents>, Error> {
    // All slices together: as many rows as of one partition.
    let slices = cuts.len() + 1;
    let mut divided = Divided::create(folder, name, slices, waiting_rows(WAITING_ROWS_MAX, slices));
    // Slices are not more than the numbers that so many bits have.
    let bits = cuts.len().checked_ilog2().map_or(0, |bits| bits + 1);
    let (mut of_sources, mut read) = (vec![vec![0; timed.of_sources.len()]; slices], 0);
    for lanes in folder.open(timed.file, &timed.types)? {
        let lanes = lanes?;
        let times = times_of(&lanes[timed.place])?;
        let slices: Vec<u32> = times.iter().map(|time| cuts.partition_point(|cut| cut < time) as u32).collect();
        for (source, rows) in spans(timed.of_sources, read, times.len()) {
            slices[rows].iter().for_each(|slice| of_sources[*slice as usize][source] += 1);
        }
        read += times.len() as u64;
        let gather = |rows: &[u32]| lanes.iter().map(|lane| FieldLane::gather(lane, rows)).collect();
        let chunk = EventChunk::new(bits, &slices, &times, None, gather)?;
        let fields: Vec<&FieldLane> = chunk.fields.iter().collect();
        divided.push(&fields, |slice| chunk.of(slice), 1)?;
    }
    let files = divided.finish()?.into_iter().zip(of_sources);
    Ok(files.map(|(file, of_sources)| SpilledEvents { file, of_sources }).collect())
}

/// A file whose rows are divided by the time in one of its columns.
pub(in crate::feature_store) struct Timed<'a> {
    pub(in crate::feature_store) file: &'a Spilled,
    /// Of events, how many each source has.
    pub(in crate::feature_store) of_sources: &'a [u64],
    pub(in crate::feature_store) types: Vec<ValueType>,
    /// The column of the as-of, or of when an event was known.
    pub(in crate::feature_store) place: usize,
}

/// The numbers of a lane of times or integers.
fn times_of(lane: &Lane) -> Result<Vec<i64>, Error> {
    Ok(times(Some(lane.clone().into_column()?)))
}
