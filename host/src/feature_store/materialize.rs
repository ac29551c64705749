//! History becomes online states: files and log are replayed, and the states that the replay ends with are stored.

use super::folded_ids::FoldedIds;
use super::history::Events;
use super::identity::source_parts;
use super::skips::skipped;
use super::summary::SourceSummary;
use super::warnings::warnings_of_source;
use super::{FeatureStore, Folded, PlannedView, SourceOverride};
use crate::Error;
use crate::events::{FileCount, Pushed, SourceInput};
use crate::files::{CONVERSIONS_VERSION, Storage, sha256_file};
use crate::log::{History, HistoryFile, HistorySource};
use crate::project::Project;
use crate::replay::FinalState;
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
#[derive(Clone, Debug, serde::Serialize)]
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
    /// The first of them.
    pub first_refused: Vec<RefusedEntity>,
}

/// An entity whose state would be too large.
#[derive(Clone, Debug, serde::Serialize)]
pub struct RefusedEntity {
    /// Its key.
    pub entity: String,
    /// The size that its state would have.
    pub bytes: u64,
}

/// Refused entities that are named one by one.
const REFUSED_SHOWN: usize = 20;

impl MaterializedView {
    fn of(view: &PlannedView, folded: &Folded, state_bytes_max: usize) -> Self {
        let sum = |of: fn(&FileCount) -> u64| folded.files.iter().map(of).sum();
        let (kept, refused): (Vec<_>, Vec<_>) =
            folded.states.iter().partition(|state| state.state.bytes.len() <= state_bytes_max);
        let first_refused = refused.iter().take(REFUSED_SHOWN).map(|FinalState { entity, state }| RefusedEntity {
            entity: folded.entities.key(*entity).to_string(),
            bytes: state.bytes.len() as u64,
        });
        Self {
            view: view.program.id().to_owned(),
            events: folded.events,
            later_events: sum(|count| count.after_cut),
            repeats: sum(|count| count.repeats),
            conflicts: sum(|count| count.conflicts),
            first_conflicts: folded.files.iter().flat_map(FileCount::conflicts_shown).collect(),
            entities: kept.len() as u64,
            state_bytes: kept.iter().map(|state| state.state.bytes.len() as u64).sum(),
            refused: refused.len() as u64,
            first_refused: first_refused.collect(),
        }
    }
}

impl FeatureStore {
    /// Rebuilds the online states of every view from files and log, as of `up_to` (default: now).
    ///
    /// Events of files that became available later are left out; pushed events all count. Each view's states are replaced
    /// in one transaction. An entity whose state would be over the limit gets none and is reported; the others are served.
    pub fn materialize(
        &self,
        overrides: &[SourceOverride],
        up_to: Option<AvailableAt>,
    ) -> Result<MaterializeReport, Error> {
        for given in overrides {
            self.project().source(&given.source)?;
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
        let mut log = self.begin_log(&stores.log)?;
        let term = stores.online.begin_term()?;
        // A handle of its own: the writer's is wanted when the history is recorded.
        let reader = stores.log.reader()?;
        let pushed = Pushed::all(&*reader)?;
        let applied_offset = pushed.up_to;
        // Everything is read and evaluated before anything is written.
        let ids = self.fold_ids(&views, |view| self.folded_inputs(view, overrides, up_to, pushed))?;
        let mut folded = Vec::new();
        let mut files: Vec<FileCount> = Vec::new();
        for view in &views {
            let mut inputs = self.folded_inputs(view, overrides, up_to, pushed)?;
            inputs.iter_mut().for_each(|input| FoldedIds::tell(&ids, input));
            let states = self.fold(&view.program, &inputs)?;
            for count in &states.files {
                if !files.iter().any(|known| known.source == count.source && known.path == count.path) {
                    files.push(count.clone());
                }
            }
            folded.push((view, states));
        }
        let (sources, warnings) = self.sources_seen(&views, &files, up_to, pushed)?;
        let mut record = history_of(self.project(), self.storage(), up_to, &files)?;
        let mut names = FoldedIds::finish(ids)?;
        for source in &mut record.sources {
            (source.ids, source.log_offset) = (names.remove(&source.source), Some(applied_offset));
        }
        let history = log.record_history(&record)?;
        self.remove_other_ids(&record);
        let log = log.identity().to_owned();
        let mut reports = Vec::new();
        for (view, folded) in folded {
            reports.push(MaterializedView::of(view, &folded, self.limits().state_bytes_max));
            let mark = ViewMark { history: Some(history), applied_offset, ..view.new_mark(&log) };
            let replacement = stores.online.begin_replace(term, view.program.id(), &mark)?;
            self.replace_states(replacement, folded)?;
        }
        warnings.iter().for_each(|warning| (self.options().warning)(warning));
        Ok(MaterializeReport { up_to: up_to.to_string(), sources, views: reports, warnings })
    }

    /// Puts the folded states in place of those that the store has of the view.
    fn replace_states(&self, mut replacement: Box<dyn Replacement + '_>, folded: Folded) -> Result<(), Error> {
        for FinalState { entity, state } in folded.states {
            let (key, bytes) = (folded.entities.key(entity), state.bytes.len());
            match bytes > self.limits().state_bytes_max {
                true => replacement.refuse(&key, bytes as u64)?,
                false => replacement.put(&key, &state)?,
            }
        }
        Ok(replacement.commit()?)
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
                log_offset: None,
                ids: None,
                conversions: CONVERSIONS_VERSION,
                parts: source_parts(project.source(&count.source)?),
            }),
        }
    }
    Ok(History { up_to, sources })
}
