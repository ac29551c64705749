//! One partition, answered by itself: read, replayed view by view, and its answers written.

use std::ops::Range;

use super::journal::{Done, Prepared, SpilledEvents};
use super::stage::{Layout, Stage, event_types, feature_type};
use crate::Error;
use crate::batch::{Column, FieldLane, Lane, Values};
use crate::entity::{KeyInterner, KeyRows};
use crate::evaluate::Status;
use crate::events::{EventChunk, EventSet, partition_bits_of};
use crate::feature_store::backfill::failed::{Failed, FailedRows};
use crate::feature_store::feeds::{Feeds, feeds};
use crate::feature_store::manifest::FAILURES_SHOWN;
use crate::feature_store::plan::run_views;
use crate::feature_store::summary::ViewSeen;
use crate::feature_store::{FeaturePlan, PlannedView, Spine};
use crate::files::{SpillFolder, Spilled};
use crate::replay::{ReplayError, ReplayOptions, Replayed};
use crate::schema::ValueType;
use crate::time::{AsOf, AvailableAt, visible};

/// How many rows of answers are written at a time.
pub(super) const ANSWER_ROWS: usize = 8_192;

/// What the threads share that answer the partitions of a stage.
pub(super) struct Answering<'a> {
    pub(super) plan: &'a FeaturePlan,
    pub(super) folder: &'a SpillFolder,
    /// The number of the stage.
    pub(super) at: usize,
    pub(super) stage: &'a Stage,
    pub(super) prepared: &'a Prepared,
    /// Per feed.
    pub(super) layouts: Vec<Layout>,
    pub(super) options: ReplayOptions<'a>,
    /// What the whole run may take.
    pub(super) memory_bytes: u64,
}

/// Some rows of a stage on disk: a partition, or a slice of one.
pub(super) struct Rows<'a> {
    /// The name of the file of their answers.
    pub(super) name: String,
    pub(super) spine: &'a Spilled,
    /// Per feed.
    pub(super) feeds: Vec<&'a SpilledEvents>,
    /// How many rows of their answers are written at a time.
    pub(super) answer_rows: usize,
}

/// What is known of the entities of a partition that is answered slice by slice, by their numbers.
#[derive(Default)]
pub(super) struct Known {
    /// The first row of the spine that asks for the entity.
    pub(super) first_rows: Vec<i64>,
    /// When it is last asked for.
    pub(super) last_as_of: Vec<i64>,
    /// Per feed, whether it has events, visible or not, as far as they were read.
    pub(super) has_events: Vec<Vec<bool>>,
    /// Per view, how many rows so far saw none of them.
    pub(super) not_found: Vec<Vec<u64>>,
    /// How many slices came before.
    pub(super) before: usize,
}

/// What is told of the answers to some rows.
pub(super) struct Answers {
    pub(super) file: Spilled,
    /// Per view of the stage, what the rows saw; of entities that are known, it is not told yet whether they have events.
    pub(super) seen: Vec<ViewSeen>,
    pub(super) failed: Failed,
    pub(super) first_failures: Vec<(usize, i64, usize, String)>,
}

impl Answering<'_> {
    /// Answers one partition.
    pub(super) fn answer(&self, partition: usize) -> Result<Done, Error> {
        let rows = Rows {
            name: format!("{}-answers-{partition}.arrow", self.at),
            spine: &self.prepared.spine[partition],
            feeds: self.prepared.feeds.iter().map(|files| &files[partition]).collect(),
            answer_rows: ANSWER_ROWS,
        };
        match self.slices_of(&rows) {
            1 => {
                let mut shared = Feeds::new(self.views());
                let Answers { file, seen, failed, first_failures } = self.answer_rows(&rows, &mut shared, None)?;
                let entities = shared.entities();
                Ok(Done { answers: file, sliced_bytes: 0, entities, seen, failed, first_failures })
            }
            slices => self.answer_slices(partition, &rows, slices),
        }
    }

    pub(super) fn views(&self) -> &[PlannedView] {
        &self.plan.views[self.stage.views.clone()]
    }

    /// Answers some rows. Of entities that are `known`, events after the last question are left out: nobody sees them, and a
    /// transform that refuses one must not be asked.
    pub(super) fn answer_rows(
        &self,
        rows: &Rows<'_>,
        shared: &mut Feeds,
        mut known: Option<&mut Known>,
    ) -> Result<Answers, Error> {
        let stage = self.stage;
        let (numbers, spine, inputs) = self.read_spine(rows.spine)?;
        let views = self.views();
        let (mut failed, mut first_failures) = (FailedRows::default(), Vec::new());
        let mut seen = Vec::with_capacity(views.len());
        let options = ReplayOptions { threads: 1, ..self.options };
        let input = |replayed: &[Replayed], (producer, feature): (usize, usize)| match producer
            .checked_sub(stage.views.start)
        {
            Some(here) => replayed[here].features[feature].clone(),
            None => {
                let at = stage.inputs.iter().position(|input| *input == (producer, feature));
                inputs[at.expect("a stage has the inputs of its views")].clone()
            }
        };
        let replayed = run_views(views, input, |place, view, input_features| {
            let number = shared.number(place);
            let read = |keys: &_, _: &[_]| self.read_events(view, number, rows, keys, known.as_deref_mut());
            let at = stage.views.start + place;
            let asked = |row: u32| {
                let number = numbers.get(row as usize).map_or(0, |number| *number as u64);
                self.plan.asked_keys(at, row as usize, number, |name| spine.key(name))
            };
            let options = ReplayOptions { asked: Some(&asked), ..options };
            let answers = shared.replay(place, view, &spine, input_features, read, options);
            let answers = answers.map_err(|error| of_the_spine(error, &numbers))?;
            failed.add(number, &answers, |question| numbers[question as usize]);
            seen.push(shared.seen(place, &answers));
            if let Some(known) = known.as_deref_mut() {
                known.count_not_found(place, shared.entities_of(place), &answers.statuses);
            }
            let known = known.as_deref();
            let first_here = shared.first_rows(place, &numbers);
            let first_row = |entity: u32| match known {
                Some(known) => known.first_rows[entity as usize],
                None => first_here(entity),
            };
            // They are in this order already.
            let told = answers.failures.iter().take(FAILURES_SHOWN).enumerate().map(|(nth, failure)| {
                let question = failure.question.map(|question| numbers[question as usize]);
                let row = match (&view.entity, question) {
                    (None, Some(question)) => question,
                    _ => first_row(failure.entity),
                };
                let nth = match question.filter(|_| !view.program.has_sources()) {
                    // Without events every question is by itself, whatever slice it is in.
                    Some(question) => question as usize,
                    None => known.map_or(0, |known| known.before) * FAILURES_SHOWN + nth,
                };
                (stage.views.start + place, row, nth, failure.error.to_string())
            });
            first_failures.extend(told);
            first_failures.sort();
            first_failures.truncate(FAILURES_SHOWN);
            Ok::<Replayed, Error>(answers)
        })?;
        let file = self.write_answers(&rows.name, numbers, &replayed, rows.answer_rows)?;
        Ok(Answers { file, seen, failed: failed.counted(), first_failures })
    }

    fn read_spine(&self, file: &Spilled) -> Result<(Vec<i64>, Spine, Vec<Column>), Error> {
        let stage = self.stage;
        let types = stage.spine_types(self.plan);
        let mut columns: Vec<Column> = types.iter().map(|value_type| Column::new(*value_type)).collect();
        for lanes in self.folder.open(file, &types)? {
            for (all, lane) in columns.iter_mut().zip(lanes?) {
                all.append(&lane.into_column()?)?;
            }
        }
        let keys = stage.entity.iter().flat_map(|entity| &entity.keys);
        let names: Vec<String> = keys.map(|key| key.name.clone()).collect();
        let inputs = columns.split_off(names.len() + 2 + stage.request_fields.len());
        let requests = columns.split_off(names.len() + 2);
        let as_of = times(columns.pop());
        let keys = columns.split_off(1);
        let spine = Spine {
            keys: names.into_iter().zip(keys).collect(),
            as_of: as_of.into_iter().map(AsOf::from_micros).collect(),
            request_fields: stage.request_fields.iter().map(|field| field.name.clone()).zip(requests).collect(),
        };
        Ok((times(columns.pop()), spine, inputs))
    }

    /// The events of one feed and partition, of the entities that are asked for.
    fn read_events(
        &self,
        view: &PlannedView,
        number: usize,
        rows: &Rows<'_>,
        keys: &KeyInterner,
        mut known: Option<&mut Known>,
    ) -> Result<EventSet, Error> {
        let key_count = view.entity.as_ref().map_or(0, |entity| entity.keys.len());
        let (feed, layout) = (&feeds(self.views())[number], self.layouts[number]);
        let types = event_types(layout, view, feed);
        let SpilledEvents { file, of_sources } = rows.feeds[number];
        let bits = partition_bits_of(file.rows, keys.len());
        let mut read = 0;
        let mut events = EventSet::new(bits, feed.fields.iter().map(|field| field.value_type).collect());
        for lanes in self.folder.open(file, &types)? {
            let mut lanes = lanes?;
            let fields = lanes.split_off(layout.columns() + key_count);
            let key_lanes = lanes.split_off(layout.columns());
            let mut lanes = lanes.into_iter();
            let mut next = || times(lanes.next().map(Lane::into_column).transpose().ok().flatten());
            let event_times = next();
            let available = layout.has_available.then(&mut next);
            let offsets: Option<Vec<u64>> =
                layout.has_offsets.then(|| next().into_iter().map(|offset| offset as u64).collect());
            let mut entities = Vec::with_capacity(event_times.len());
            keys.find_all(&KeyRows::of_lanes(&key_lanes), event_times.len(), &mut entities);
            if let Some(known) = known.as_deref_mut() {
                known.leave_out_unseen(number, &mut entities, available.as_ref().unwrap_or(&event_times));
            }
            for (source, rows) in spans(of_sources, read, event_times.len()) {
                let outside = (0..rows.start).chain(rows.end..entities.len());
                let mut entities = std::borrow::Cow::Borrowed(&entities);
                outside.for_each(|row| entities.to_mut()[row] = u32::MAX);
                let gather = |rows: &[u32]| fields.iter().map(|lane| FieldLane::gather(lane, rows)).collect();
                let chunk = EventChunk::new(bits, &entities, &event_times, available.as_deref(), gather)?;
                let chunk = chunk.of_source(source);
                events.push(match &offsets {
                    Some(offsets) => chunk.with_offsets(&entities, offsets),
                    None => chunk,
                })?;
            }
            read += event_times.len() as u64;
        }
        Ok(events)
    }

    /// Writes the kept features of some rows, in the order of its rows, which is that of the spine.
    fn write_answers(
        &self,
        name: &str,
        rows: Vec<i64>,
        replayed: &[Replayed],
        at_a_time: usize,
    ) -> Result<Spilled, Error> {
        let stage = self.stage;
        // The number of the row, then the features that the stage keeps.
        let mut writer = self.folder.create(name)?;
        let count = rows.len();
        let mut columns = vec![Column::from_parts(Values::Int64s(rows), None)];
        columns.extend(
            stage.kept.iter().map(|(view, feature)| replayed[view - stage.views.start].features[*feature].clone()),
        );
        for start in (0..count).step_by(at_a_time) {
            let part = columns.iter().map(|column| {
                let mut part = Column::new(column.value_type());
                part.extend_range(column, start..count.min(start + at_a_time)).map(|()| FieldLane::Column(part))
            });
            writer.write(part.collect::<Result<_, _>>()?)?;
        }
        Ok(writer.finish()?)
    }
}

impl Known {
    /// Notes which entities have events of a feed, and leaves out those events that no question sees.
    fn leave_out_unseen(&mut self, feed: usize, entities: &mut [u32], available: &[i64]) {
        for (entity, available) in entities.iter_mut().zip(available) {
            let Some(last) = self.last_as_of.get(*entity as usize) else { continue };
            self.has_events[feed][*entity as usize] = true;
            if !visible(AvailableAt::from_micros(*available), AsOf::from_micros(*last)) {
                *entity = u32::MAX;
            }
        }
    }

    /// Counts the rows of the view in a place that saw no event, by entity.
    fn count_not_found(&mut self, place: usize, entities: &[u32], statuses: &[Status]) {
        let not_found = &mut self.not_found[place];
        not_found.resize(self.first_rows.len(), 0);
        for (entity, _) in entities.iter().zip(statuses).filter(|(_, status)| **status == Status::NotFound) {
            not_found[*entity as usize] += 1;
        }
    }

    /// Of the rows of the view in a place that saw no event of its feed, those whose entity has some.
    pub(super) fn hidden(&self, place: usize, feed: usize) -> u64 {
        let rows = self.not_found[place].iter().zip(&self.has_events[feed]);
        rows.filter(|(_, has_events)| **has_events).map(|(rows, _)| rows).sum()
    }
}

/// The sources of `count` events that follow `before` others, and which of them are of each, where each source has so many.
pub(in crate::feature_store) fn spans(
    of_sources: &[u64],
    before: u64,
    count: usize,
) -> impl Iterator<Item = (usize, Range<usize>)> + '_ {
    let mut start = 0;
    let within = move |at: u64| at.saturating_sub(before).min(count as u64) as usize;
    let spans = of_sources.iter().enumerate().map(move |(source, rows)| {
        let range = within(start)..within(start + rows);
        start += rows;
        (source, range)
    });
    spans.filter(|(_, range)| !range.is_empty())
}

impl Answering<'_> {
    /// The types of the features that the stage keeps.
    pub(super) fn kept_types(&self) -> Vec<ValueType> {
        self.stage.kept.iter().map(|kept| feature_type(self.plan, *kept)).collect()
    }
}

/// The numbers of a column of times or integers.
pub(in crate::feature_store) fn times(column: Option<Column>) -> Vec<i64> {
    match column.map(Column::into_values) {
        Some(Values::Times(values) | Values::Int64s(values)) => values,
        _ => Vec::new(),
    }
}

/// A failure of a question with its number among all rows of the spine.
fn of_the_spine(error: Error, numbers: &[i64]) -> Error {
    let number = |question: u32| u32::try_from(*numbers.get(question as usize)?).ok();
    match error {
        Error::Replay(ReplayError::Evaluate(error)) => ReplayError::Evaluate(error.renumbered(number)).into(),
        error => error,
    }
}
