//! A backfill of more than memory holds: spine and events are divided by a hash of their entity's key into partitions on disk,
//! each partition is answered as a small backfill by itself, and the answers are read together in the order of the spine.
//!
//! Views of one entity that follow each other in the plan are one stage: they share the partitions. A later stage divides the
//! spine anew, by its own entity, and takes the features that it needs of earlier ones by row number.

use super::answering::Answering;
use super::answers::AnswersReader;
use super::divide::{Divided, waiting_rows};
use super::failed::Failed;
use super::journal::{Done, Journal, Prepared, SpilledEvents};
use super::memory;
use super::spine_file::SpineFile;
use super::stage::{Layout, Stage, feature_type, stages};
use crate::Error;
use crate::batch::{Column, FieldLane, Values};
use crate::entity::KeyRows;
use crate::events::{EventChunk, FileCount, Keep, ReadOptions, each_chunk};
use crate::feature_store::feeds::{Feed, feeds};
use crate::feature_store::history::Events;
use crate::feature_store::manifest::FAILURES_SHOWN;
use crate::feature_store::summary::{LeftOut, SpineSeen, ViewSeen};
use crate::feature_store::{FeaturePlan, FeatureStore};
use crate::files::{SpillFolder, Spilled};
use crate::replay::{Proving, ReplayOptions};
use crate::schema::ValueType;
use crate::threads;
use crate::time::{AsOf, Stopwatch};

/// About so many rows wait in memory for all partitions together.
pub(in crate::feature_store) const WAITING_ROWS: usize = 1 << 19;

/// So many consecutive rows without an entity share a partition.
const RUN_ROWS: u64 = 8_192;

/// What all stages share.
pub(super) struct Partitioned<'a> {
    pub(super) store: &'a FeatureStore,
    pub(super) plan: &'a FeaturePlan,
    pub(super) spine: &'a SpineFile,
    pub(super) events: Events<'a>,
    /// Where everything is written.
    pub(super) folder: &'a SpillFolder,
    /// How many partitions, as a power of two.
    pub(super) bits: u32,
    pub(super) proving: &'a Proving,
}

/// The features that a stage has kept, by view and feature, and the file of each partition.
type StageAnswers = (Vec<(usize, usize)>, Vec<Spilled>);

/// The answers to all rows of the spine, on disk.
pub(super) struct Answered {
    /// Per stage, the features in its files and the file of each partition.
    stages: Vec<StageAnswers>,
    pub(super) files: Vec<FileCount>,
    pub(super) left_out: Vec<LeftOut>,
    pub(super) rows: u64,
    /// What the spine asked.
    pub(super) asked: SpineSeen,
    /// Per view, what the rows saw.
    pub(super) seen: Vec<ViewSeen>,
    pub(super) entities: u64,
    pub(super) failures: u64,
    pub(super) first_failures: Vec<String>,
    /// Partitions that were cut by time.
    pub(super) sliced: u64,
    pub(super) spilled_bytes: u64,
    /// Seconds that dividing took.
    pub(super) prepare_s: f64,
}

impl Partitioned<'_> {
    /// Answers every row. What the journal has is not done again.
    pub(super) fn run(&self, journal: &mut Journal) -> Result<Answered, Error> {
        let stages = stages(self.plan);
        let mut answered = Answered {
            stages: Vec::new(),
            files: Vec::new(),
            left_out: Vec::new(),
            rows: 0,
            asked: SpineSeen::default(),
            seen: vec![ViewSeen::default(); self.plan.views.len()],
            entities: 0,
            failures: 0,
            first_failures: Vec::new(),
            sliced: 0,
            spilled_bytes: 0,
            prepare_s: 0.0,
        };
        let (mut failed, mut failures) = (Failed::default(), Vec::new());
        for (at, stage) in stages.iter().enumerate() {
            let stopwatch = Stopwatch::start();
            let prepared = match journal.prepared(at)? {
                Some(prepared) => prepared,
                None => {
                    let prepared = self.prepare(at, stage, &answered)?;
                    journal.note_prepared(at, &prepared)?;
                    prepared
                }
            };
            answered.prepare_s += stopwatch.seconds();
            let done = self.answer_all(at, stage, &prepared, journal);
            let mut done = done.map_err(|error| self.located(error))?;
            answered.spilled_bytes +=
                prepared.bytes() + done.iter().map(|done| done.sliced_bytes + done.answers.bytes).sum::<u64>();
            answered.entities = answered.entities.max(done.iter().map(|done| done.entities).sum());
            answered.sliced += done.iter().filter(|done| done.sliced_bytes > 0).count() as u64;
            done.iter_mut().for_each(|done| failed.add(std::mem::take(&mut done.failed)));
            failures.extend(done.iter_mut().flat_map(|done| std::mem::take(&mut done.first_failures)));
            for (view, seen) in done.iter().flat_map(|done| stage.views.clone().zip(&done.seen)) {
                answered.seen[view].add(seen);
            }
            (answered.rows, answered.asked) = (prepared.rows, prepared.asked);
            answered.files.extend(prepared.files);
            answered.left_out.extend(prepared.left_out);
            answered.stages.push((stage.kept.clone(), done.into_iter().map(|done| done.answers).collect()));
        }
        answered.failures = failed.count();
        failures.sort();
        failures.truncate(FAILURES_SHOWN);
        answered.first_failures = self.located_all(failures)?;
        Ok(answered)
    }

    /// Divides the spine and the events of a stage.
    fn prepare(&self, at: usize, stage: &Stage, earlier: &Answered) -> Result<Prepared, Error> {
        let (spine, rows, asked) = self.divide_spine(at, stage, earlier)?;
        let last_as_of = asked.last();
        let (files, left_out) = (Vec::new(), Vec::new());
        let mut prepared = Prepared { rows, asked, spine, feeds: Vec::new(), files, left_out };
        for (number, feed) in feeds(&self.plan.views[stage.views.clone()]).iter().enumerate() {
            let (files, counts) = self.divide_events(&format!("{at}-{number}"), stage, feed, last_as_of)?;
            prepared.feeds.push(files);
            let view = &self.plan.views[stage.views.start + feed.views[0]];
            prepared.left_out.extend(LeftOut::of(view, &counts));
            prepared.files.extend(counts);
        }
        Ok(prepared)
    }

    fn waiting_rows(&self) -> usize {
        waiting_rows(WAITING_ROWS, 1 << self.bits)
    }

    /// The files of a divided spine, its rows, and what it asks.
    fn divide_spine(
        &self,
        at: usize,
        stage: &Stage,
        earlier: &Answered,
    ) -> Result<(Vec<Spilled>, u64, SpineSeen), Error> {
        let mut inputs = earlier.reader(self.folder, self.plan, &stage.inputs)?;
        let mut divided = Divided::create(self.folder, &format!("{at}-spine"), 1 << self.bits, self.waiting_rows());
        let (mut rows, mut asked) = (0, SpineSeen::default());
        let tables = self.spine.open_questions()?.map(|table| Ok::<_, Error>(table?));
        let ahead = memory::tables_ahead(self.spine, 0)?;
        threads::ahead(self.store.options().threads, ahead, tables, |table| {
            self.store.check_stop()?;
            rows += table.rows as u64;
            let spine = self.spine.spine(table.columns);
            let keys = match &stage.entity {
                Some(entity) => spine.key_columns(entity)?,
                None => Vec::new(),
            };
            let numbers = (table.rows_before as i64..).take(table.rows).collect();
            let mut partitions = Vec::with_capacity(table.rows);
            match &stage.entity {
                Some(_) => KeyRows::of_columns(keys.iter().copied()).partitions(table.rows, self.bits, &mut partitions),
                // Without an entity, rows are their own: any division will do.
                None => partitions.resize(table.rows, (table.rows_before / RUN_ROWS) as u32 & ((1 << self.bits) - 1)),
            }
            let as_of: Vec<i64> = spine.as_of.iter().map(|as_of| as_of.micros()).collect();
            asked.as_of.add(&as_of, None, table.rows_before);
            asked.rounded += table.rounded;
            let inputs = inputs.next(table.rows_before, table.rows)?;
            let mut columns = vec![Column::from_parts(Values::Int64s(numbers), None)];
            columns.extend(keys.into_iter().cloned());
            columns.push(Column::from_parts(Values::Times(as_of.clone()), None));
            for field in &stage.request_fields {
                columns.push(spine.request_column(field)?);
            }
            columns.extend(inputs);
            let gather =
                |rows: &[u32]| columns.iter().map(|column| Ok(FieldLane::Column(column.take(rows)?))).collect();
            let chunk = EventChunk::new(self.bits, &partitions, &as_of, None, gather)?;
            let lanes: Vec<&FieldLane> = chunk.fields.iter().collect();
            divided.push(&lanes, |partition| chunk.of(partition), 1)
        })?;
        Ok((divided.finish()?, rows, asked))
    }

    fn divide_events(
        &self,
        name: &str,
        stage: &Stage,
        feed: &Feed,
        last_as_of: Option<AsOf>,
    ) -> Result<(Vec<SpilledEvents>, Vec<FileCount>), Error> {
        let view = &self.plan.views[stage.views.start + feed.views[0]];
        let sources = self.store.source_inputs(view, self.events)?;
        let layout = Layout::of(&sources);
        let mut divided = Divided::create(self.folder, name, 1 << self.bits, self.waiting_rows());
        let mut of_sources = vec![vec![0; sources.len()]; 1 << self.bits];
        let mut failed = None;
        let options = ReadOptions { last_as_of, ..self.store.read_options() };
        let keep = Keep::Hashed(self.bits);
        let counts = each_chunk(&feed.fields, &sources, keep, options, &mut |_, chunk| {
            for (partition, of_sources) in of_sources.iter_mut().enumerate() {
                of_sources[chunk.source] += chunk.of(partition).len() as u64;
            }
            let pushed =
                self.store.check_stop().and_then(|()| push_events(&mut divided, layout, chunk, options.threads / 2));
            pushed.map_err(|error| {
                failed = Some(error);
                crate::events::ReadError::Stopped
            })
        });
        if let Some(error) = failed {
            return Err(error);
        }
        let counts = counts?;
        let files = divided.finish()?.into_iter().zip(of_sources);
        Ok((files.map(|(file, of_sources)| SpilledEvents { file, of_sources }).collect(), counts))
    }

    /// Answers the partitions that the journal does not have, each on a thread.
    fn answer_all(
        &self,
        at: usize,
        stage: &Stage,
        prepared: &Prepared,
        journal: &mut Journal,
    ) -> Result<Vec<Done>, Error> {
        let mut done: Vec<Option<Done>> = (0..1 << self.bits).map(|partition| journal.done(at, partition)).collect();
        let missing: Vec<usize> = (0..done.len()).filter(|partition| done[*partition].is_none()).collect();
        let mut layouts = Vec::new();
        for feed in feeds(&self.plan.views[stage.views.clone()]) {
            let view = &self.plan.views[stage.views.start + feed.views[0]];
            layouts.push(Layout::of(&self.store.source_inputs(view, self.events)?));
        }
        let options = ReplayOptions { proving: Some(self.proving), ..self.store.replay_options() };
        let answering = Answering {
            plan: self.plan,
            folder: self.folder,
            at,
            stage,
            prepared,
            layouts,
            options,
            memory_bytes: self.store.options().memory_bytes,
        };
        let noted = std::sync::Mutex::new(journal);
        let answered = threads::map(options.threads, missing.len(), |place| {
            let partition = missing[place];
            let answered = answering.answer(partition)?;
            noted.lock().expect("no thread panics while it writes the journal").note_done(at, partition, &answered)?;
            // What the partition was made of is not needed any more.
            self.folder.remove(std::iter::once(&prepared.spine[partition]));
            self.folder.remove(prepared.feeds.iter().map(|files| &files[partition].file));
            Ok::<_, Error>(answered)
        })?;
        for (partition, answered) in missing.into_iter().zip(answered) {
            done[partition] = Some(answered);
        }
        // What an earlier run had answered, and did not come to remove.
        self.folder.remove(prepared.all());
        Ok(done.into_iter().flatten().collect())
    }
}

impl Answered {
    /// A reader of some features for all rows in order, each of which some stage has kept.
    pub(super) fn reader(
        &self,
        folder: &SpillFolder,
        plan: &FeaturePlan,
        wanted: &[(usize, usize)],
    ) -> Result<FeatureReader, Error> {
        let mut stages = Vec::new();
        for (kept, files) in &self.stages {
            let places: Vec<Option<usize>> =
                wanted.iter().map(|wanted| kept.iter().position(|kept| kept == wanted)).collect();
            if places.iter().any(Option::is_some) {
                let types: Vec<ValueType> = kept.iter().map(|kept| feature_type(plan, *kept)).collect();
                let reader = AnswersReader::open(folder, files, &types)?;
                stages.push((reader, places));
            }
        }
        Ok(FeatureReader { stages, wanted: wanted.len() })
    }
}

/// Features of several stages, row by row.
pub(super) struct FeatureReader {
    stages: Vec<(AnswersReader, Vec<Option<usize>>)>,
    wanted: usize,
}

impl FeatureReader {
    /// The features of the next `rows` rows, from `start` on.
    pub(super) fn next(&mut self, start: u64, rows: usize) -> Result<Vec<Column>, Error> {
        let mut features: Vec<Option<Column>> = (0..self.wanted).map(|_| None).collect();
        for (reader, places) in &mut self.stages {
            let columns = reader.next(start, rows)?;
            for (feature, place) in features.iter_mut().zip(places) {
                if let Some(place) = place {
                    *feature = Some(columns[*place].clone());
                }
            }
        }
        Ok(features.into_iter().flatten().collect())
    }
}

pub(in crate::feature_store) fn push_events(
    divided: &mut Divided<'_>,
    layout: Layout,
    mut chunk: EventChunk,
    threads: usize,
) -> Result<(), Error> {
    let lane = |values: Values| FieldLane::Column(Column::from_parts(values, None));
    let times = std::mem::take(&mut chunk.event_times);
    let available = layout.has_available.then(|| chunk.available_at.take().unwrap_or_else(|| times.clone()));
    let offsets = layout.has_offsets.then(|| match &chunk.log_offsets {
        Some(offsets) => offsets.iter().map(|offset| *offset as i64).collect(),
        None => vec![0; times.len()],
    });
    let mut lanes = vec![lane(Values::Times(times))];
    lanes.extend(available.map(|available| lane(Values::Times(available))));
    lanes.extend(offsets.map(|offsets| lane(Values::Int64s(offsets))));
    let all: Vec<&FieldLane> = lanes.iter().chain(&chunk.fields).collect();
    divided.push(&all, |partition| chunk.of(partition), threads)
}
