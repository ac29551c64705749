//! `verify`: every served vector is replayed from history and log, and compared bit for bit.
//!
//! The replay is the one that makes training sets; nothing here computes a feature. Online states are compared as well: each
//! must be what a replay of the same events ends with. What was served is the business of `served`; this file has the states.

use std::collections::HashMap;
use std::ops::ControlFlow;

use super::quarantine::{QuarantinedComponent, is_quarantine};
use crate::Error;
use crate::entity::{EntityKey, EntityState};
use crate::events::ReadError;
use crate::feature_store::{Events, FeatureStore, PlannedView};
use crate::log::{History, LogError, LogReader};
use crate::project::ProjectError;
use crate::replay::{FinalState, OnError};
use crate::store::{StoreError, StoreReader};
use crate::time::{AsOf, EventTime};

/// Differences that are told one by one.
const DIFFERENCES_SHOWN: usize = 20;

/// What `verify` found.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct VerifyReport {
    /// Served vectors that were replayed.
    pub vectors: u64,
    /// Their values.
    pub values: u64,
    /// Older vectors that are no longer recorded: they made room for newer ones (`[serving] served_bytes_max`).
    pub expired: u64,
    /// Values, statuses or offsets that differ.
    pub differences: u64,
    /// Online states that were compared.
    pub states: u64,
    /// Online states that differ from a replay.
    pub state_differences: u64,
    /// The first differences.
    pub first: Vec<Difference>,
    /// Served vectors that could not be replayed.
    pub unproved: u64,
    /// Views whose states could not be replayed.
    pub unproved_views: u64,
    /// Why they could not, each reason once.
    pub reasons: Vec<String>,
    /// Components in quarantine that served something, and what they served since a repeat of their calls passed last.
    pub quarantined: Vec<QuarantinedComponent>,
    /// Files of the newest history that are not those that were materialized, each in words.
    pub changed_files: Vec<String>,
}

/// Something that is not what a backfill gives.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Difference {
    /// What differs: a feature, its status, its offset, or a state.
    pub what: String,
    /// The entity.
    pub entity: String,
    /// The as-of of the served vector; none for a state.
    pub as_of: Option<String>,
    /// What was served or stored.
    pub served: String,
    /// Its bits in hexadecimal.
    pub served_bits: String,
    /// What the replay gives.
    pub replayed: String,
    /// Its bits in hexadecimal.
    pub replayed_bits: String,
}

impl VerifyReport {
    /// Whether all was replayed, and all is equal.
    pub fn is_equal(&self) -> bool {
        let all = self.differences + self.state_differences + self.unproved + self.unproved_views;
        all == 0 && self.changed_files.is_empty() && self.quarantined.is_empty()
    }

    pub(super) fn reason(&mut self, error: &Error) {
        let reason = error.to_string();
        if !self.reasons.contains(&reason) {
            self.reasons.push(reason);
        }
    }

    pub(super) fn differ(&mut self, difference: Difference) {
        self.differences += 1;
        self.show(difference);
    }

    fn show(&mut self, difference: Difference) {
        if self.first.len() < DIFFERENCES_SHOWN {
            self.first.push(difference);
        }
    }
}

impl FeatureStore {
    /// Replays what was served at or after `since` (default: all) and all online states.
    ///
    /// Where the project has changed since it was materialized, and is served as it was then, it is that one which is verified.
    pub fn verify(&self, since: Option<AsOf>) -> Result<VerifyReport, Error> {
        let Some(online) = self.online_for_reading()? else { return self.verify_served_and_states(since) };
        match self.as_materialized(&self.plan_stateful_views()?, &*online) {
            Ok(Some(behind)) => behind.store.verify_served_and_states(since),
            Err(error) if !is_gone(&error) => Err(error),
            // What of the marks is damaged is told of the view that it is of.
            Ok(None) | Err(_) => self.verify_served_and_states(since),
        }
    }

    fn verify_served_and_states(&self, since: Option<AsOf>) -> Result<VerifyReport, Error> {
        let mut report = VerifyReport::default();
        let log = match self.whole_log() {
            Ok(Some(log)) => log,
            Ok(None) => return Ok(report),
            Err(error) if is_gone(&error) => {
                self.nothing_is_proved(&error, &mut report)?;
                return Ok(report);
            }
            Err(error) => return Err(error),
        };
        // The history whose digest is right is the one that is replayed.
        let _pin = self.pin_inputs();
        // Whether or not something depends on it: who makes a training set reads these files too.
        if let Some(history) = self.materialized_history(&*log)? {
            report.changed_files = self.changed_files(&history)?.iter().map(Error::to_string).collect();
        }
        if let Some(served) = self.served_for_reading()? {
            report.expired = served.head()?.expired_vectors;
            self.verify_served(&*log, &*served, since, &mut report)?;
        }
        self.verify_states(&*log, &mut report)?;
        // Last, for the replays may have found one.
        if let Some(served) = self.served_for_reading()? {
            self.list_quarantined(&*served, since, &mut report)?;
        }
        Ok(report)
    }

    /// The history that counts: the one that states name, or else the newest. One that no states name is of a `materialize` that did
    /// not come to its end.
    fn materialized_history(&self, log: &dyn LogReader) -> Result<Option<History>, Error> {
        let Some(store) = self.online_for_reading()? else {
            return Ok(log.latest_history()?.map(|(_, history)| history));
        };
        // A damaged mark is told of the view that it is of.
        let mark = |view: &PlannedView| store.mark(view.program.id()).ok().flatten();
        match self.plan_stateful_views()?.iter().find_map(mark) {
            Some(mark) => Ok(mark.history.map(|id| log.history(id)).transpose()?.flatten()),
            None => Ok(log.latest_history()?.map(|(_, history)| history)),
        }
    }

    /// The log, if nothing of it is missing; `None` where nothing was pushed, folded or served yet.
    fn whole_log(&self) -> Result<Option<Box<dyn LogReader>>, Error> {
        let Some(log) = self.log_for_reading()? else {
            let vectors = self.served_for_reading()?.map_or(Ok(0), |served| served.head().map(|head| head.kept()))?;
            let gone = || LogError::Gone { path: self.log_path() };
            return if vectors == 0 { Ok(None) } else { Err(gone().into()) };
        };
        log.check_whole()?;
        Ok(Some(log))
    }

    /// Without the whole log no vector and no state is proved.
    fn nothing_is_proved(&self, why: &Error, report: &mut VerifyReport) -> Result<(), Error> {
        if let Some(served) = self.served_for_reading()? {
            let head = served.head()?;
            (report.unproved, report.expired) = (head.kept(), head.expired_vectors);
        }
        if let Some(store) = self.online_for_reading()? {
            for view in self.plan_stateful_views()? {
                report.unproved_views += store.mark(view.program.id())?.map_or(0, |_| 1);
            }
        }
        report.reason(why);
        Ok(())
    }

    /// Compares every online state with the one that a replay of the same events ends with.
    fn verify_states(&self, log: &dyn LogReader, report: &mut VerifyReport) -> Result<(), Error> {
        let Some(store) = self.online_for_reading()? else { return Ok(()) };
        for view in self.plan_stateful_views()? {
            self.cut_replays_anew();
            match self.verify_states_of(&view, &*store, log, report) {
                Err(error) if is_gone(&error) || is_quarantine(&error) => {
                    report.unproved_views += 1;
                    report.reason(&error);
                }
                verified => verified?,
            }
        }
        Ok(())
    }

    fn verify_states_of(
        &self,
        view: &PlannedView,
        store: &dyn StoreReader,
        log: &dyn LogReader,
        report: &mut VerifyReport,
    ) -> Result<(), Error> {
        let Some(mark) = store.mark(view.program.id())? else { return Ok(()) };
        let digest = mark.digest.split('+').next().unwrap_or_default();
        let program = self.served_program(&view.view, digest)?;
        let changes = mark.identity.of_states().changes(&view.identity_of_states(&program));
        if !changes.is_empty() {
            return Err(Error::OtherIdentity { what: format!("the states of view {}", program.id()), changes });
        }
        let Some(epoch) = log.epoch_of(&mark.log) else {
            return Err(Error::OtherLog { path: log.path().to_owned() });
        };
        // States that no server has folded again since a repair are those of the epoch before.
        let earlier = (epoch < log.epoch()).then(|| self.log_of_epoch(epoch)).transpose()?;
        let log = earlier.as_deref().unwrap_or(log);
        log.check_reaches(mark.applied_offset)?;
        if mark.applied_event.is_some() && mark.applied_event != log.fingerprint_at(mark.applied_offset)? {
            return Err(Error::OtherLog { path: log.path().to_owned() });
        }
        let history = self.recorded_history(log, mark.history)?;
        let events = Events::Recorded { history: history.as_ref(), log, up_to: mark.applied_offset };
        let on_error = match history.as_ref().is_some_and(History::leaves_out) {
            true => OnError::Null,
            false => self.options().on_error,
        };
        let folded = self.fold(&program, &self.source_inputs(view, events)?, on_error)?;
        let mut expected: HashMap<EntityKey, &EntityState> =
            folded.states.iter().map(|FinalState { entity, state }| (folded.entities.key(*entity), state)).collect();
        store.scan(program.id(), &mut |key, stored| {
            report.states += 1;
            compare_state(program.id(), &key, &stored, expected.remove(&key), report);
            ControlFlow::Continue(())
        })?;
        for (key, bytes) in store.refused(program.id())? {
            // It was refused for what it would be.
            if expected.get(&key).is_some_and(|state| state.bytes.len() as u64 == bytes) {
                expected.remove(&key);
            }
        }
        for (key, state) in expected {
            report.states += 1;
            report.state_differences += 1;
            report.show(state_difference(program.id(), &key, None, Some(state)));
        }
        Ok(())
    }
}

/// Whether what served is no longer there to be replayed, or no longer as it was: its files, its component, its name in the
/// project, or a record.
pub(super) fn is_gone(error: &Error) -> bool {
    let is_damage = match error {
        Error::Log(error) | Error::Read(ReadError::Log(error)) => error.is_damage(),
        Error::Store(StoreError::File(error)) => error.is_damage(),
        _ => false,
    };
    is_damage
        || matches!(
            error,
            Error::ChangedHistory { .. }
                | Error::LostComponent { .. }
                | Error::ComponentStore(_)
                | Error::OtherLog { .. }
                | Error::OtherIdentity { .. }
                | Error::Program(_)
                | Error::Input { .. }
                | Error::Project(ProjectError::Invalid(_) | ProjectError::Misfit { .. })
                | Error::Unknown(_)
                | Error::UnknownFeature { .. }
        )
}

fn compare_state(
    view: &str,
    key: &EntityKey,
    stored: &EntityState,
    expected: Option<&EntityState>,
    report: &mut VerifyReport,
) {
    let equal = expected == Some(stored);
    if !equal {
        report.state_differences += 1;
        report.show(state_difference(view, key, Some(stored), expected));
    }
}

/// A state that differs; `stored` is `None` where the store has none.
fn state_difference(
    view: &str,
    key: &EntityKey,
    stored: Option<&EntityState>,
    expected: Option<&EntityState>,
) -> Difference {
    let stored = stored.map(|state| (&*state.bytes, state.newest_event, state.offset));
    let expected = expected.map(|state| (&*state.bytes, state.newest_event, state.offset));
    let bytes = |state: Option<(&[u8], _, _)>| state.map_or(0, |(bytes, _, _)| bytes.len());
    let first = match (stored, expected) {
        (Some((a, _, _)), Some((b, _, _))) => a.iter().zip(b).position(|(a, b)| a != b),
        _ => None,
    };
    // From a little before the first byte that differs, so that a large state shows where.
    let start = first.unwrap_or(bytes(stored).min(bytes(expected))).saturating_sub(16);
    let words = |state: Option<(&[u8], EventTime, u64)>| match state {
        Some((bytes, newest, offset)) => format!("{} bytes, newest event {newest}, offset {offset}", bytes.len()),
        None => "none".to_owned(),
    };
    let bits = |state: Option<(&[u8], _, _)>| state.map_or_else(String::new, |(bytes, _, _)| shown_bytes(bytes, start));
    Difference {
        what: format!("state of view {view}"),
        entity: key.to_string(),
        as_of: None,
        served: words(stored),
        served_bits: bits(stored),
        replayed: words(expected),
        replayed_bits: bits(expected),
    }
}

/// At most 64 bytes from `start` on, in hexadecimal; all of them where there are no more.
fn shown_bytes(bytes: &[u8], start: usize) -> String {
    let start = if bytes.len() > 64 { start.min(bytes.len()) } else { 0 };
    let shown = crate::digest::hex(&bytes[start..bytes.len().min(start + 64)]);
    match (start, bytes.len() - start > 64) {
        (0, false) => format!("0x{shown}"),
        (_, more) => format!("0x{shown}{} (from byte {start} of {})", if more { "..." } else { "" }, bytes.len()),
    }
}
