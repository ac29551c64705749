//! History becomes online states: files and log are replayed, and the states that the replay ends with are stored.

use super::history::Events;
use super::history_ids::FoldedIds;
use super::meaning::source_meaning;
use super::skips::skipped;
use super::summary::SourceSummary;
use super::warnings::warnings_of_source;
use super::{FeatureStore, HistoryIds, PlannedView, SourceOverride};
use crate::Error;
use crate::entity::KeyInterner;
use crate::events::{FileCount, Keep, Pushed, SourceInput, read_events};
use crate::files::{CONVERSIONS_VERSION, sha256_file};
use crate::log::{History, HistoryFile, HistorySource};
use crate::project::Project;
use crate::replay::{Carry, FinalState, Questions, ViewEvents, replay};
use crate::store::{OnlineStore, StoredState, ViewMark};
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
    fn count(&mut self, state: &FinalState, keys: &KeyInterner, state_bytes_max: usize) {
        let bytes = state.bytes.len() as u64;
        if state.bytes.len() <= state_bytes_max {
            self.entities += 1;
            self.state_bytes += bytes;
            return;
        }
        self.refused += 1;
        if self.first_refused.len() < REFUSED_SHOWN {
            self.first_refused.push(RefusedEntity { entity: keys.key(state.entity).to_string(), bytes });
        }
    }
}

impl FeatureStore {
    /// Rebuilds the online states of every view from files and log, as of `up_to` (default: now).
    ///
    /// Events of files that became available later are left out; pushed events all count. Each view's states are replaced
    /// in one transaction. An entity whose state would be over the limit gets none and is reported; the others are served.
    pub fn materialize(
        &mut self,
        overrides: &[SourceOverride],
        up_to: Option<AvailableAt>,
    ) -> Result<MaterializeReport, Error> {
        for given in overrides {
            self.project().source(&given.source)?;
        }
        let views = self.plan_stateful_views()?;
        let now = self.options().clock.now();
        let up_to = up_to.unwrap_or(AvailableAt(now));
        if up_to.0 > now {
            return Err(Error::Request { message: format!("cannot materialize up to {up_to}: it is in the future") });
        }
        for view in &views {
            self.keep_component(&view.view, view.program.digest())?;
        }
        self.warn_of_absent_fields(&views, overrides)?;
        let mut stores = self.take_stores()?;
        let applied_offset = stores.log.last_offset()?;
        let state_bytes_max = self.limits().state_bytes_max;
        let pushed = Pushed { log: &stores.log, up_to: applied_offset };
        // Everything is read and evaluated before anything is written.
        let mut folded = Vec::new();
        let mut files: Vec<FileCount> = Vec::new();
        let ids = self.fold_ids(&views, |view| self.folded_inputs(view, overrides, up_to, pushed))?;
        for view in &views {
            let mut inputs = self.folded_inputs(view, overrides, up_to, pushed)?;
            inputs.iter_mut().for_each(|input| FoldedIds::tell(&ids, input));
            let mut interner = KeyInterner::new();
            let fields = &view.program.description().event_fields;
            let (events, counts) = read_events(fields, &inputs, Keep::All(&mut interner), self.read_options())?;
            let questions = Questions::none(view.program.description());
            let states = replay(
                &view.program,
                ViewEvents::all(&events),
                &questions,
                &interner,
                Carry::AFTER,
                self.replay_options(),
            )?
            .states;
            let (repeats, conflicts) = counts
                .iter()
                .fold((0, 0), |(repeats, conflicts), count| (repeats + count.repeats, conflicts + count.conflicts));
            let first_conflicts = counts.iter().flat_map(FileCount::conflicts_shown).collect();
            let later_events = counts.iter().map(|count| count.after_cut).sum();
            for count in counts {
                if !files.iter().any(|known| known.source == count.source && known.path == count.path) {
                    files.push(count);
                }
            }
            let mut report = MaterializedView {
                view: view.program.id().to_owned(),
                events: events.len() as u64,
                later_events,
                repeats,
                conflicts,
                first_conflicts,
                entities: 0,
                state_bytes: 0,
                refused: 0,
                first_refused: Vec::new(),
            };
            states.iter().for_each(|state| report.count(state, &interner, state_bytes_max));
            folded.push((view, interner, states, report));
        }
        let (sources, warnings) =
            self.sources_seen(&views, &files, up_to, Pushed { log: &stores.log, up_to: applied_offset })?;
        let mut record = history_of(self.project(), up_to, &files)?;
        let mut names = FoldedIds::finish(ids)?;
        for source in &mut record.sources {
            (source.ids, source.log_offset) = (names.remove(&source.source), Some(applied_offset));
        }
        let history = stores.log.record_history(&record)?;
        self.remove_other_ids(&record);
        stores.history_ids = HistoryIds::new(self.ids_dir());
        let mut reports = Vec::new();
        for (view, interner, states, report) in folded {
            let mark = ViewMark {
                digest: view.program.fingerprint().to_owned(),
                state_version: view.program.description().state_version,
                meaning: view.meaning.clone(),
                history: Some(history),
                log: stores.log.identity().to_owned(),
                applied_offset,
            };
            let mut replacement = stores.store.begin_replace(view.program.id(), &mark)?;
            for state in states {
                let (key, bytes) = (interner.key(state.entity), state.bytes.len());
                if bytes > state_bytes_max {
                    replacement.refuse(&key, bytes as u64)?;
                    continue;
                }
                let stored = StoredState {
                    bytes: state.bytes,
                    newest_event: state.newest_event,
                    newest_available_at: state.newest_available_at,
                    offset: state.offset,
                };
                replacement.put(&key, &stored)?;
            }
            replacement.commit()?;
            reports.push(report);
        }
        self.put_stores(stores);
        warnings.iter().for_each(|warning| (self.options().warning)(warning));
        Ok(MaterializeReport { up_to: up_to.to_string(), sources, views: reports, warnings })
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
            warnings.extend(warnings_of_source(self.project(), source, &summary, files, Some(&cut)));
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
fn history_of(project: &Project, up_to: AvailableAt, files: &[FileCount]) -> Result<History, Error> {
    let mut sources: Vec<HistorySource> = Vec::new();
    for count in files {
        let (path, sha256) = (project.recorded_path(&count.path), sha256_file(&count.path)?);
        let file = HistoryFile { path, sha256, rows: count.rows };
        match sources.iter_mut().find(|source| source.source == count.source) {
            Some(source) => source.files.push(file),
            None => sources.push(HistorySource {
                source: count.source.clone(),
                files: vec![file],
                log_offset: None,
                ids: None,
                conversions: CONVERSIONS_VERSION,
                meaning: source_meaning(project.source(&count.source)?),
            }),
        }
    }
    Ok(History { up_to, sources })
}
