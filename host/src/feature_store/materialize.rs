//! History becomes online states: files and log are replayed, and the states that the replay ends with are stored.

use super::history::Events;
use super::{FeatureStore, SourceOverride};
use crate::Error;
use crate::entity::KeyInterner;
use crate::events::{FileCount, Keep, Pushed, read_events};
use crate::files::sha256_file;
use crate::log::{History, HistoryFile, HistorySource};
use crate::replay::{Carry, FinalState, Questions, ViewEvents, replay};
use crate::store::{OnlineStore, StoredState, ViewMark};
use crate::time::AvailableAt;

/// What `materialize` did.
#[derive(Clone, Debug, serde::Serialize)]
pub struct MaterializeReport {
    /// Events that were available by then are in the states, in ISO 8601.
    pub up_to: String,
    /// One per view.
    pub views: Vec<MaterializedView>,
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
    /// Entities that have a state now.
    pub entities: u64,
    /// Bytes of all states.
    pub state_bytes: u64,
}

impl FeatureStore {
    /// Rebuilds the online states of every view from files and log, as of `up_to` (default: now).
    ///
    /// Events of files that became available later are left out; pushed events all count. Each view's states are replaced
    /// in one transaction.
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
        let mut stores = self.take_stores()?;
        let applied_offset = stores.log.last_offset()?;
        // Everything is read and evaluated before anything is written.
        let mut folded = Vec::new();
        let mut files: Vec<FileCount> = Vec::new();
        for view in &views {
            let mut inputs = self.source_inputs(view, Events::Declared { overrides, pushed: None })?;
            for input in &mut inputs {
                input.up_to = Some(up_to);
                // What was pushed always counts, also where other files stand for those of the source.
                input.pushed = Some(Pushed { log: &stores.log, up_to: applied_offset });
            }
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
            self.check_sizes(view.program.id(), &states, &interner)?;
            let later_events = counts.iter().map(|count| count.after_cut).sum();
            for count in counts {
                if !files.iter().any(|known| known.source == count.source && known.path == count.path) {
                    files.push(count);
                }
            }
            let report = MaterializedView {
                view: view.program.id().to_owned(),
                events: events.len() as u64,
                later_events,
                entities: states.len() as u64,
                state_bytes: states.iter().map(|state| state.bytes.len() as u64).sum(),
            };
            folded.push((view, interner, states, report));
        }
        let history = stores.log.record_history(&history_of(up_to, &files)?)?;
        let mut reports = Vec::new();
        for (view, interner, states, report) in folded {
            let mark = ViewMark {
                digest: view.program.fingerprint().to_owned(),
                state_version: view.program.description().state_version,
                history: Some(history),
                log: stores.log.identity().to_owned(),
                applied_offset,
            };
            let mut replacement = stores.store.begin_replace(view.program.id(), &mark)?;
            for state in states {
                let stored = StoredState {
                    bytes: state.bytes,
                    newest_event: state.newest_event,
                    newest_available_at: state.newest_available_at,
                    offset: state.offset,
                };
                replacement.put(&interner.key(state.entity), &stored)?;
            }
            replacement.commit()?;
            reports.push(report);
        }
        self.put_stores(stores);
        Ok(MaterializeReport { up_to: up_to.to_string(), views: reports })
    }
}

impl FeatureStore {
    /// Refuses states that the online store would not hold, before anything is written.
    fn check_sizes(&self, view: &str, states: &[FinalState], keys: &KeyInterner) -> Result<(), Error> {
        let bytes_max = self.runtime.limits().state_bytes_max;
        match states.iter().find(|state| state.bytes.len() > bytes_max) {
            Some(state) => Err(Error::Request {
                message: format!(
                    "view {view}, entity {}: its state has {} bytes, and the online store holds at most {bytes_max}; keep a shorter \
                     or a hopping window, or raise `state_bytes_max` under [limits]",
                    keys.key(state.entity),
                    state.bytes.len()
                ),
            }),
            None => Ok(()),
        }
    }
}

/// The record of what was folded: every file with its digest, by absolute path.
fn history_of(up_to: AvailableAt, files: &[FileCount]) -> Result<History, Error> {
    let mut sources: Vec<HistorySource> = Vec::new();
    for count in files {
        let path = std::path::absolute(&count.path).unwrap_or_else(|_| count.path.clone());
        let file = HistoryFile { sha256: sha256_file(&path)?, path, rows: count.rows };
        match sources.iter_mut().find(|source| source.source == count.source) {
            Some(source) => source.files.push(file),
            None => sources.push(HistorySource { source: count.source.clone(), files: vec![file] }),
        }
    }
    Ok(History { up_to, sources })
}
