//! History becomes online states: files and log are replayed, and the states that the replay ends with are stored.

use std::collections::HashMap;

use super::feeds::feeds;
use super::fold::{FoldedFeed, FoldedOf};
use super::folded_ids::FoldedIds;
use super::history::Events;
use super::history_index::IndexesInMaking;
use super::identity::source_parts;
use super::manifest::FAILURES_SHOWN;
use super::skips::skipped;
use super::summary::SourceSummary;
use super::warnings::warnings_of_source;
use super::{FeatureStore, PlannedView, SourceOverride};
use crate::Error;
use crate::entity::{EntityKey, EntityState};
use crate::evaluate::EvaluateError;
use crate::events::{FileCount, Pushed, SourceInput};
use crate::files::{self, CONVERSIONS_VERSION, Storage, sha256_file};
use crate::log::{History, HistoryFile, HistorySource};
use crate::project::Project;
use crate::replay::OnError;
use crate::store::{Replacement, ViewMark};
use crate::time::AvailableAt;

/// What `materialize` did.
#[derive(Clone, Debug, serde::Serialize)]
pub struct MaterializeReport {
    /// Events that were available by then are in the states, in ISO 8601.
    pub up_to: String,
    /// What the sources of the views hold.
    pub sources: Vec<SourceSummary>,
    /// One per view.
    pub views: Vec<MaterializedView>,
    /// What is worth a look.
    pub warnings: Vec<String>,
}

/// The states of one view.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct MaterializedView {
    /// The view.
    pub view: String,
    /// Events of files and log that the states include.
    pub events: u64,
    /// Events of files that were left out because they became available later.
    pub later_events: u64,
    /// Events of files that were left out because another event of their entity has their id and content.
    pub repeats: u64,
    /// Events of files that were left out because another event of their entity, of other content, has their id.
    pub conflicts: u64,
    /// The first of these conflicts, in words.
    pub first_conflicts: Vec<String>,
    /// Entities that have a state now.
    pub entities: u64,
    /// Bytes of all states.
    pub state_bytes: u64,
    /// Entities that have none, because it would be over the limit of one state: questions about them and pushes of them are
    /// refused.
    pub refused: u64,
    /// The first of them, by their keys.
    pub first_refused: Vec<RefusedEntity>,
    /// Events that were left out, for the transform gave no answer to them: the states are those without them, as a backfill that
    /// leaves them out has them.
    pub failures: u64,
    /// The first of them, by their entities.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub first_failures: Vec<String>,
}

/// An entity whose state would be too large.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct RefusedEntity {
    /// Its key.
    pub entity: String,
    /// The size that its state would have.
    pub bytes: u64,
}

impl std::fmt::Display for RefusedEntity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({} bytes)", self.entity, self.bytes)
    }
}

/// Refused entities that are named one by one.
pub(super) const REFUSED_SHOWN: usize = 20;

/// What becomes the states of all views.
struct Replaced<'s> {
    store: Box<dyn Replacement + 's>,
    state_bytes_max: usize,
    /// One per view.
    views: Vec<MaterializedView>,
}

impl<'s> Replaced<'s> {
    fn begin(
        mut store: Box<dyn Replacement + 's>,
        views: &[PlannedView],
        state_bytes_max: usize,
    ) -> Result<Self, Error> {
        let mut reports = Vec::with_capacity(views.len());
        for view in views {
            store.begin_view(view.program.id())?;
            reports.push(MaterializedView { view: view.program.id().to_owned(), ..MaterializedView::default() });
        }
        Ok(Self { store, state_bytes_max, views: reports })
    }

    /// Puts the state of an entity, or notes that it is too large.
    fn put(&mut self, view: usize, key: &EntityKey, state: &EntityState) -> Result<(), Error> {
        let (report, bytes) = (&mut self.views[view], state.bytes.len() as u64);
        if state.bytes.len() <= self.state_bytes_max {
            report.entities += 1;
            report.state_bytes += bytes;
            return Ok(self.store.put(view, key, state)?);
        }
        report.refused += 1;
        let entity = key.to_string();
        // The first by their keys: in which order they come is for memory and threads to say.
        let at = report.first_refused.partition_point(|before| before.entity < entity);
        report.first_refused.insert(at, RefusedEntity { entity, bytes });
        report.first_refused.truncate(REFUSED_SHOWN);
        Ok(self.store.refuse(view, key, bytes)?)
    }

    /// Notes an event that was left out.
    fn leave_out(&mut self, view: usize, error: &EvaluateError) {
        let (report, told) = (&mut self.views[view], error.to_string());
        report.failures += 1;
        let at = report.first_failures.partition_point(|before| *before < told);
        report.first_failures.insert(at, told);
        report.first_failures.truncate(FAILURES_SHOWN);
    }

    /// Ends the run where entities are not to be left without a state.
    fn check_servable(&self) -> Result<(), Error> {
        match self.views.iter().find(|view| view.refused > 0) {
            Some(view) => Err(Error::NotServable {
                view: view.view.clone(),
                entities: view.refused,
                first: view.first_refused.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
            }),
            None => Ok(()),
        }
    }

    /// Notes what was folded of the feed of some views.
    fn note(&mut self, views: &[usize], folded: &FoldedFeed) {
        let sum = |of: fn(&FileCount) -> u64| folded.files.iter().map(of).sum();
        for view in views {
            let report = &mut self.views[*view];
            report.events = folded.events;
            report.later_events = sum(|count| count.after_cut);
            report.repeats = sum(|count| count.repeats);
            report.conflicts = sum(|count| count.conflicts);
            report.first_conflicts = folded.files.iter().flat_map(FileCount::conflicts_shown).collect();
        }
    }
}

impl FeatureStore {
    /// Rebuilds the online states of every view from files and log, as of `up_to` (default: now).
    ///
    /// Events of files that became available later are left out; pushed events all count. The states of all views are put in
    /// place in one step, in which they name the history that was recorded just before: until then, and if the process ends
    /// before, the old ones are there as a whole. An entity whose state would be over the limit gets none and is reported; the
    /// others are served. No more memory is taken than [`OpenOptions::memory_bytes`](super::OpenOptions::memory_bytes) says.
    pub fn materialize(
        &self,
        overrides: &[SourceOverride],
        up_to: Option<AvailableAt>,
    ) -> Result<MaterializeReport, Error> {
        for given in overrides {
            self.project().source(&given.source)?;
        }
        if let Some(dir) = self.options().spill_dir.as_deref().filter(|dir| !dir.is_dir()) {
            return Err(Error::Request { message: format!("--spill-dir {}: there is no such folder", dir.display()) });
        }
        self.plan_project()?;
        let views = self.plan_stateful_views()?;
        let now = self.options().clock.now();
        let up_to = up_to.unwrap_or(AvailableAt::from_micros(now));
        if !up_to.is_by(AvailableAt::from_micros(now)) {
            return Err(Error::Request { message: format!("cannot materialize up to {up_to}: it is in the future") });
        }
        // What is folded is what the history records.
        let _pin = self.pin_inputs();
        self.warn_of_absent_fields(&views, overrides)?;
        let stores = self.open_stores()?;
        // What a process left that died while it folded.
        files::remove_stale(&self.project().data_dir());
        let mut log = self.begin_log(&stores.log)?;
        let term = stores.online.begin_term()?;
        // A handle of its own: the writer's is wanted when the history is recorded.
        let reader = stores.log.reader()?;
        let pushed = Pushed::all(&*reader)?;
        let (applied_offset, applied_event) = (pushed.up_to, reader.fingerprint_at(pushed.up_to)?);
        let ids = self.fold_ids(&views, |view| self.folded_inputs(view, overrides, up_to, pushed))?;
        let mut replaced = Replaced::begin(stores.online.begin_replace(term)?, &views, self.limits().state_bytes_max)?;
        let indexes = self.index_history(&views);
        let known = (&ids, &indexes);
        let files =
            self.fold_all(&views, known, &mut replaced, |view| self.folded_inputs(view, overrides, up_to, pushed))?;
        if self.options().strict {
            replaced.check_servable()?;
        }
        let (sources, warnings) = self.sources_seen(&views, &files, up_to, pushed)?;
        let mut record = history_of(self.project(), self.storage(), up_to, &files)?;
        if self.options().on_error == OnError::Null {
            leave_out(self.project(), &views, &mut record)?;
        }
        let mut names = FoldedIds::finish(ids)?;
        for source in &mut record.sources {
            (source.ids, source.log_offset) = (names.remove(&source.source), Some(applied_offset));
        }
        // On disk before the history that it belongs to is recorded.
        self.finish_indexes(indexes, &record, log.identity());
        // The history first: the states that name it come after it, and those of before go on naming theirs.
        let history = log.record_history(&record)?;
        self.keep_project(history)?;
        let mark = |view: &PlannedView| {
            let history = Some(history);
            ViewMark { history, applied_offset, applied_event, ..view.new_mark(log.identity()) }
        };
        let Replaced { store, views: reports, .. } = replaced;
        store.commit(&views.iter().map(mark).collect::<Vec<_>>())?;
        self.remove_other_ids(&record);
        self.remove_other_indexes(&views, &record, log.identity());
        self.remove_other_projects(history);
        warnings.iter().for_each(|warning| (self.options().warning)(warning));
        Ok(MaterializeReport { up_to: up_to.to_string(), sources, views: reports, warnings })
    }

    /// Folds all views, feed by feed, and gives the files that were read, each once a source.
    fn fold_all<'v>(
        &self,
        views: &'v [PlannedView],
        (ids, indexes): (&HashMap<String, FoldedIds>, &IndexesInMaking),
        replaced: &mut Replaced<'_>,
        inputs: impl Fn(&'v PlannedView) -> Result<Vec<SourceInput<'v>>, Error>,
    ) -> Result<Vec<FileCount>, Error> {
        let mut all = Vec::new();
        for feed in feeds(views) {
            let mut inputs = inputs(&views[feed.views[0]])?;
            inputs.iter_mut().for_each(|input| FoldedIds::tell(ids, input));
            // The first view that reads a source is the first of its feed.
            inputs.iter_mut().for_each(|input| indexes.tell(&views[feed.views[0]], input));
            all.push((feed, inputs));
        }
        (self.options().expect_rows)(self.rows_to_fold(&all)?);
        let mut files: Vec<FileCount> = Vec::new();
        for (feed, inputs) in &all {
            let mut take = |view: usize, key: &EntityKey, folded: FoldedOf<'_>| match folded {
                FoldedOf::State(state) => replaced.put(view, key, state),
                FoldedOf::Failure(error) => {
                    replaced.leave_out(view, error);
                    Ok(())
                }
            };
            let folded = self.fold_feed(views, feed, inputs, &mut take)?;
            replaced.note(&feed.views, &folded);
            for count in folded.files {
                if !files.iter().any(|known| known.source == count.source && known.path == count.path) {
                    files.push(count);
                }
            }
        }
        Ok(files)
    }
}

impl FeatureStore {
    /// What the sources of views hold, and what of it is worth a look.
    fn sources_seen(
        &self,
        views: &[PlannedView],
        files: &[FileCount],
        up_to: AvailableAt,
        pushed: Pushed<'_>,
    ) -> Result<(Vec<SourceSummary>, Vec<String>), Error> {
        let (mut sources, mut warnings): (Vec<SourceSummary>, Vec<String>) = (Vec::new(), Vec::new());
        for source in views.iter().flat_map(|view| &view.sources) {
            if sources.iter().any(|known| known.source == source.name) {
                continue;
            }
            let mut summary = SourceSummary::of_files(self.project(), &source.name, files);
            // What was pushed counts whenever it was.
            summary.pushed =
                pushed.log.count_up_to(&source.name, pushed.up_to, None, &skipped(source, pushed.up_to))?.0;
            let cut = format!("the cut, {up_to}");
            warnings.extend(warnings_of_source(self.project(), self.storage(), source, &summary, files, Some(&cut)));
            sources.push(summary);
        }
        Ok((sources, warnings))
    }
}

impl FeatureStore {
    /// What a view folds: its files up to the cut, and all that was pushed.
    fn folded_inputs<'a>(
        &self,
        view: &'a PlannedView,
        overrides: &'a [SourceOverride],
        up_to: AvailableAt,
        pushed: Pushed<'a>,
    ) -> Result<Vec<SourceInput<'a>>, Error> {
        let inputs = self.source_inputs(view, Events::Declared { overrides, pushed: None })?;
        // What was pushed always counts, also where other files stand for those of the source.
        let folded = |input: SourceInput<'a>| SourceInput { up_to: Some(up_to), ..input.with_pushed(Some(pushed)) };
        Ok(inputs.into_iter().map(folded).collect())
    }
}

/// Notes that events without an answer were left out: whoever folds this history again leaves them out too.
fn leave_out(project: &Project, views: &[PlannedView], history: &mut History) -> Result<(), Error> {
    for source in views.iter().flat_map(|view| &view.sources) {
        if history.source(&source.name).is_none() {
            let source = project.source(&source.name)?;
            history.sources.push(HistorySource {
                source: source.name.clone(),
                files: Vec::new(),
                leaves_out: false,
                log_offset: None,
                ids: None,
                conversions: CONVERSIONS_VERSION,
                parts: source_parts(source),
            });
        }
    }
    history.sources.iter_mut().for_each(|source| source.leaves_out = true);
    Ok(())
}

/// The record of what was folded: every file with its digest, by its place in the project.
fn history_of(
    project: &Project,
    storage: &dyn Storage,
    up_to: AvailableAt,
    files: &[FileCount],
) -> Result<History, Error> {
    let mut sources: Vec<HistorySource> = Vec::new();
    for count in files {
        let (path, sha256) = (project.recorded_path(&count.path), sha256_file(storage, &count.path)?);
        let file = HistoryFile { path, sha256, rows: count.rows };
        match sources.iter_mut().find(|source| source.source == count.source) {
            Some(source) => source.files.push(file),
            None => sources.push(HistorySource {
                source: count.source.clone(),
                files: vec![file],
                leaves_out: false,
                log_offset: None,
                ids: None,
                conversions: CONVERSIONS_VERSION,
                parts: source_parts(project.source(&count.source)?),
            }),
        }
    }
    Ok(History { up_to, sources })
}
