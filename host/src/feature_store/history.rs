//! Historical features of spine rows: each view is replayed over its sources, inputs before their users.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::feeds::Feeds;
use super::past::Past;
use super::plan::run_views;
use super::summary::{LeftOut, ViewSeen};
use super::{FeaturePlan, FeatureStore, PlannedView, Spine};
use crate::Error;
use crate::batch::Column;
use crate::entity::EntityKey;
use crate::evaluate::{EvaluateError, Status};
use crate::events::{FileCount, IdScope, Pushed, ReadOptions, SourceInput};
use crate::files::storage::{Identity, StorageError, StorageFault};
use crate::log::{History, LogError, LogReader};
use crate::project::{Key, Source, distinct_files};
use crate::replay::{Failure, OnError, Proving, ReplayError, ReplayOptions, Replayed};
use crate::time::{AsOf, Stopwatch};

/// Files that stand for a source in one run, instead of its own files and the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceOverride {
    /// The source.
    pub source: String,
    /// The files, in order.
    pub files: Vec<PathBuf>,
}

/// Which events a run sees.
#[derive(Clone, Copy)]
pub(crate) enum Events<'a> {
    /// The declared files of each source and all that was pushed to it; an override replaces both.
    Declared {
        /// The overrides.
        overrides: &'a [SourceOverride],
        /// What was pushed, if anything was.
        pushed: Option<Pushed<'a>>,
    },
    /// What serving saw: the files of a materialized history up to its cut, and the log up to an offset.
    Recorded {
        /// The history; none where nothing was materialized.
        history: Option<&'a History>,
        /// The log.
        log: &'a dyn LogReader,
        /// The last offset, inclusive.
        up_to: u64,
    },
    /// The same for a question about the past: what the history's events are read from may be an index of them.
    Past(&'a Past<'a>),
}

impl Events<'_> {
    /// What a replay of them does where a transform gives no answer to an event, where that is not for whoever replays to say: states
    /// that were folded without such events are those of a history without them.
    fn on_error(&self) -> Option<OnError> {
        let leaves_out = match self {
            Self::Declared { .. } => false,
            Self::Recorded { history, .. } => history.is_some_and(History::leaves_out),
            Self::Past(past) => past.leaves_out(),
        };
        leaves_out.then_some(OnError::Null)
    }

    /// A question without an answer has none, also where events are left out; and on a question about the past, an event that takes
    /// too long is not left out, for a busy machine may be at fault.
    fn check(&self, mut replayed: Replayed) -> Result<Replayed, Error> {
        let is_past = matches!(self, Self::Past(_));
        let ends = |failure: &Failure| failure.question.is_some() || is_past && failure.error.source.is_of_time();
        match replayed.failures.iter().position(ends) {
            Some(at) => Err(ReplayError::Evaluate(replayed.failures.swap_remove(at).error).into()),
            None => Ok(replayed),
        }
    }
}

/// The features of every spine row.
#[derive(Debug, Default)]
pub struct HistoricalFeatures {
    /// One column per planned feature, one row per spine row.
    pub features: Vec<Column>,
    /// Per planned feature, the status of each row's value.
    pub statuses: Vec<Vec<Status>>,
    /// Per planned view, the newest log offset of its entity that each row saw; 0 where it saw only files.
    pub offsets: Vec<Vec<u64>>,
    /// The rows without an answer, where the store was opened to go on after them.
    pub failures: Vec<EvaluateError>,
    /// The files that were read and how many events they hold.
    pub files: Vec<FileCount>,
}

/// The views of a plan, replayed.
pub(super) struct ReplayedViews {
    pub(super) views: Vec<Replayed>,
    /// Per view, what the rows saw.
    pub(super) seen: Vec<ViewSeen>,
    pub(super) left_out: Vec<LeftOut>,
    pub(super) files: Vec<FileCount>,
    /// Distinct entities of the spine.
    pub(super) entities: u64,
    /// Seconds that reading events took.
    pub(super) read_s: f64,
}

impl FeatureStore {
    /// The features of the plan for every row of the spine, point in time.
    pub fn get_historical_features(
        &self,
        plan: &FeaturePlan,
        spine: &Spine,
        overrides: &[SourceOverride],
    ) -> Result<HistoricalFeatures, Error> {
        let log = self.log_for_reading()?;
        self.historical(
            plan,
            spine,
            Events::Declared { overrides, pushed: log.as_deref().map(Pushed::all).transpose()? },
        )
    }

    pub(crate) fn historical(
        &self,
        plan: &FeaturePlan,
        spine: &Spine,
        events: Events<'_>,
    ) -> Result<HistoricalFeatures, Error> {
        let replayed = self.replay_views(plan, spine, events, None, None)?;
        let ReplayedViews { views: replayed, files, .. } = replayed;
        let mut result = HistoricalFeatures { files, ..HistoricalFeatures::default() };
        for feature in &plan.features {
            let view = &replayed[feature.view];
            let column = view.features[feature.feature].clone();
            result.statuses.push(view.ruled.of_feature(feature.feature, &column, &view.statuses));
            result.features.push(column);
        }
        for view in replayed {
            result.failures.extend(view.failures.into_iter().map(|failure| failure.error));
            result.offsets.push(view.offsets.unwrap_or_else(|| vec![0; spine.rows()]));
        }
        Ok(result)
    }

    /// Replays each view of the plan for every row of the spine, the last of which is asked at `last_as_of`, and proves a sample with
    /// `proving`; gives also the files that were read, and what was seen of them.
    pub(super) fn replay_views(
        &self,
        plan: &FeaturePlan,
        spine: &Spine,
        events: Events<'_>,
        last_as_of: Option<AsOf>,
        proving: Option<&Proving>,
    ) -> Result<ReplayedViews, Error> {
        let options = ReadOptions { last_as_of, ..self.read_options() };
        self.replay_feeds(plan, spine, events, &mut Feeds::new(&plan.views), (options, proving))
    }

    /// The same; it ends early once the flag of the options is set.
    pub(super) fn replay_feeds(
        &self,
        plan: &FeaturePlan,
        spine: &Spine,
        events: Events<'_>,
        feeds: &mut Feeds,
        (options, proving): (ReadOptions<'_>, Option<&Proving>),
    ) -> Result<ReplayedViews, Error> {
        let (mut files, mut seen, mut left_out, mut read_s) = (Vec::new(), Vec::new(), Vec::new(), 0.0);
        let mut replay_options = ReplayOptions { stop: options.stop, proving, ..self.replay_options() };
        let on_error = events.on_error();
        replay_options.on_error = on_error.unwrap_or(replay_options.on_error);
        let views = run_views(&plan.views, input_of, |at, view, inputs| {
            let read = |keys: &_, fields: &[_]| {
                let sources = self.source_inputs(view, events)?;
                let keep = crate::events::Keep::Known(keys);
                let stopwatch = Stopwatch::start();
                let (set, read) = crate::events::read_events(fields, &sources, keep, options)?;
                read_s += stopwatch.seconds();
                left_out.extend(LeftOut::of(view, &read));
                files.extend(read);
                Ok(set)
            };
            let asked = |row: u32| plan.asked_keys(at, row as usize, u64::from(row), |name| spine.key(name));
            let options = ReplayOptions { asked: Some(&asked), ..replay_options };
            let answers = feeds.replay(at, view, spine, inputs, read, options);
            let mut answers = plan.locate_all(at, spine, answers)?;
            if on_error.is_some() {
                answers = events.check(answers)?;
            }
            seen.push(feeds.seen(at, &answers));
            Ok::<Replayed, Error>(answers)
        })?;
        Ok(ReplayedViews { views, seen, left_out, files, entities: feeds.entities(), read_s })
    }

    /// The history of `id`, whose files must be what they were: they are read.
    pub(crate) fn recorded_history(&self, log: &dyn LogReader, id: Option<i64>) -> Result<Option<History>, Error> {
        let Some(id) = id else { return Ok(None) };
        let lost = || LogError::LostHistory { path: log.path().to_owned(), id };
        let history = log.history(id)?.ok_or_else(lost)?;
        match self.changed_files(&history)?.into_iter().next() {
            Some(changed) => Err(changed),
            None => Ok(Some(history)),
        }
    }

    /// One error for each file of a history that is not what it was. Every file is read: no digest is taken on trust.
    pub(crate) fn changed_files(&self, history: &History) -> Result<Vec<Error>, Error> {
        let mut all = Vec::new();
        for file in history.files() {
            let path = self.project().located(&file.path);
            if is_missing(&self.storage().identity(&path)) {
                all.push(gone_history(path));
            } else if crate::files::sha256_file(self.storage(), &path)? != file.sha256 {
                all.push(changed_history(path));
            }
        }
        Ok(all)
    }

    /// Where the events of a view come from.
    pub(crate) fn source_inputs<'a>(
        &self,
        view: &'a PlannedView,
        events: Events<'a>,
    ) -> Result<Vec<SourceInput<'a>>, Error> {
        let Some(entity) = &view.entity else { return Ok(Vec::new()) };
        view.sources.iter().map(|source| self.source_input(source, &entity.keys, events)).collect()
    }

    fn source_input<'a>(
        &self,
        source: &'a Source,
        keys: &'a [Key],
        events: Events<'a>,
    ) -> Result<SourceInput<'a>, Error> {
        let input = |files| SourceInput::new(Arc::clone(self.storage()), source, keys, files);
        Ok(match events {
            Events::Declared { overrides, pushed } => {
                match overrides.iter().find(|given| given.source == source.name) {
                    Some(given) => input(distinct_files(self.storage(), given.files.iter().cloned())),
                    None => input(source.resolve_files(self.storage(), &self.project().root)?).with_pushed(pushed),
                }
            }
            Events::Recorded { history, log, up_to } => {
                self.recorded_input(source, keys, history, Pushed { log, up_to })
            }
            Events::Past(past) => self.past_input(source, keys, past),
        })
    }

    /// What a recorded history has of a source, and what was pushed to it.
    pub(super) fn recorded_input<'a>(
        &self,
        source: &'a Source,
        keys: &'a [Key],
        history: Option<&History>,
        pushed: Pushed<'a>,
    ) -> SourceInput<'a> {
        let recorded = history.and_then(|history| history.source(&source.name));
        let files = recorded.into_iter().flat_map(|recorded| &recorded.files);
        let files = files.map(|file| self.project().located(&file.path)).collect();
        SourceInput {
            up_to: history.map(|history| history.up_to),
            // What was pushed later is no copy of what the history has: it would have been a repeat.
            ids_up_to: recorded.and_then(|recorded| recorded.log_offset).unwrap_or(u64::MAX),
            ids: IdScope::Asked,
            ..SourceInput::new(Arc::clone(self.storage()), source, keys, files).with_pushed(Some(pushed))
        }
    }

    pub(crate) fn read_options(&self) -> ReadOptions<'_> {
        let options = self.options();
        ReadOptions {
            threads: options.threads,
            chunks_max: options.threads * 2,
            stop: &options.stop,
            memory_bytes: options.memory_bytes,
            spill_dir: options.spill_dir.as_deref().unwrap_or(&self.spill_dir),
            last_as_of: None,
        }
    }

    /// Ends a run that was told to stop.
    pub(crate) fn check_stop(&self) -> Result<(), Error> {
        match self.options().stop.load(Ordering::Relaxed) {
            true => Err(Error::Stopped),
            false => Ok(()),
        }
    }

    /// Has the replays that follow make their calls in batches of another size, as often as not: what a component gives may not depend
    /// on it, and who verifies should not repeat what was done.
    pub(crate) fn cut_replays_anew(&self) {
        const ROWS: [usize; 8] = [16, 61, 256, 999, 1_000, 4_095, 4_096, 16_384];
        let drawn = ROWS.get(self.runtime.draw(2 * ROWS.len())).copied();
        self.batch_rows.store(drawn.unwrap_or(self.options().batch_rows), Ordering::Relaxed);
    }

    pub(crate) fn replay_options(&self) -> ReplayOptions<'_> {
        let options = self.options();
        ReplayOptions {
            threads: options.threads,
            batch_rows: self.batch_rows.load(Ordering::Relaxed),
            on_error: options.on_error,
            progress: &*options.progress,
            stop: &options.stop,
            times: &self.times,
            proving: None,
            state_bytes_max: self.limits().state_bytes_max,
            asked: None,
        }
    }
}

/// The input of a view that a view before it gives.
fn input_of(replayed: &[Replayed], (producer, feature): (usize, usize)) -> Column {
    replayed[producer].features[feature].clone()
}

/// One spine row per (entity, as-of), with the entity's key columns.
pub(crate) fn spine_of_keys(
    entity: &crate::project::Entity,
    asked: &[(EntityKey, crate::time::AsOf)],
) -> Result<Spine, Error> {
    let mut keys: Vec<(String, Column)> =
        entity.keys.iter().map(|key| (key.name.clone(), Column::new(key.key_type.value_type()))).collect();
    for (key, _) in asked {
        let values = crate::events::key_columns(key)?;
        for ((_, column), value) in keys.iter_mut().zip(&values) {
            column.append(value)?;
        }
    }
    Ok(Spine { keys, as_of: asked.iter().map(|(_, as_of)| *as_of).collect(), request_fields: Vec::new() })
}

/// Whether there is no such file.
pub(super) fn is_missing(looked_at: &Result<Identity, StorageError>) -> bool {
    matches!(looked_at, Err(StorageError { fault: StorageFault::Missing(_), .. }))
}

/// The error of a file of a history that is not there.
pub(super) fn gone_history(path: PathBuf) -> Error {
    let message = "it is gone; put it back, or serve and verify after `onepath materialize` with the new files";
    Error::ChangedHistory { path, message: message.to_owned() }
}

/// The error of a file of a history that is another than it was.
pub(super) fn changed_history(path: PathBuf) -> Error {
    let message = "its bytes differ; put the old file back to verify what was served from it";
    Error::ChangedHistory { path, message: message.to_owned() }
}
