//! `verify`: every served vector is replayed from history and log, and compared bit for bit.
//!
//! The replay is the one that makes training sets; nothing here computes a feature. Online states are compared as well: each
//! must be what a replay of the same events ends with.

use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;

use crate::Error;
use crate::batch::{Column, Value};
use crate::entity::{EntityKey, EntityState, KeyValue};
use crate::feature_store::{
    Events, FeaturePlan, FeatureSelection, FeatureStore, HistoricalFeatures, PlannedView, Spine,
};
use crate::log::{EventLog, ServedProgram, ServedVector};
use crate::replay::FinalState;
use crate::schema::ValueType;
use crate::store::StoreReader;
use crate::time::{AsOf, EventTime};

/// Vectors that are replayed at once.
const VECTORS_AT_ONCE: usize = 100_000;

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
        self.differences == 0 && self.state_differences == 0 && self.unproved == 0 && self.unproved_views == 0
    }

    fn reason(&mut self, error: &Error) {
        let reason = error.to_string();
        if !self.reasons.contains(&reason) {
            self.reasons.push(reason);
        }
    }

    fn differ(&mut self, difference: Difference) {
        self.differences += 1;
        self.show(difference);
    }

    fn show(&mut self, difference: Difference) {
        if self.first.len() < DIFFERENCES_SHOWN {
            self.first.push(difference);
        }
    }
}

/// Vectors that one replay answers: the same features, programs and history; and whether they were served from another log.
type Alike = (Vec<String>, Vec<(String, ServedProgram)>, Option<i64>, bool);

impl FeatureStore {
    /// Replays what was served at or after `since` (default: all) and all online states.
    pub fn verify(&self, since: Option<AsOf>) -> Result<VerifyReport, Error> {
        let mut report = VerifyReport::default();
        let Some(log) = self.log_for_reading()? else { return Ok(report) };
        // The history whose digest is right is the one that is replayed.
        let _pin = self.pin_inputs();
        let served = self.served_for_reading()?;
        let mut waiting: BTreeMap<Alike, Vec<ServedVector>> = BTreeMap::new();
        let on_vector = |vector: ServedVector| {
            let programs = vector.views.iter().map(|view| (view.view.clone(), view.program.clone())).collect();
            let is_other_log = vector.log != log.identity();
            let alike = (vector.features.clone(), programs, vector.history, is_other_log);
            let vectors = waiting.entry(alike.clone()).or_default();
            vectors.push(vector);
            if vectors.len() == VECTORS_AT_ONCE {
                let vectors = std::mem::take(vectors);
                self.verify_or_tell(&log, &alike, &vectors, &mut report)?;
            }
            Ok::<(), Error>(())
        };
        let expired = served.as_ref().map(|served| served.expired()).transpose()?;
        if let Some(served) = served {
            served.vectors(since, on_vector)?;
        }
        report.expired = expired.unwrap_or(0);
        for (alike, vectors) in waiting {
            self.verify_or_tell(&log, &alike, &vectors, &mut report)?;
        }
        self.verify_states(&log, &mut report)?;
        Ok(report)
    }

    /// Replays vectors; where what served them is gone, says so.
    fn verify_or_tell(
        &self,
        log: &EventLog,
        alike: &Alike,
        vectors: &[ServedVector],
        report: &mut VerifyReport,
    ) -> Result<(), Error> {
        match self.verify_alike(log, alike, vectors, report) {
            Err(error) if is_gone(&error) => {
                report.unproved += vectors.len() as u64;
                report.reason(&error);
                Ok(())
            }
            verified => verified,
        }
    }

    fn verify_alike(
        &self,
        log: &EventLog,
        (features, programs, history, is_other_log): &Alike,
        vectors: &[ServedVector],
        report: &mut VerifyReport,
    ) -> Result<(), Error> {
        if vectors.is_empty() {
            return Ok(());
        }
        if *is_other_log {
            return Err(Error::OtherLog { path: log.path().to_owned() });
        }
        let references = features.iter().map(|text| text.parse()).collect::<Result<Vec<_>, _>>()?;
        let plan = self.plan_pinned(&FeatureSelection::References(references), programs)?;
        for (label, served) in programs {
            let now = plan.views.iter().find(|view| view.program.id() == label);
            let changes = now.map_or_else(Vec::new, |now| served.identity.changes(&now.identity));
            if !changes.is_empty() {
                return Err(Error::OtherIdentity { what: format!("vectors of view {label}"), changes });
            }
        }
        let history = self.recorded_history(log, *history)?;
        let spine = spine_of(&plan, vectors)?;
        let up_to = log.last_offset()?;
        let replayed = self.historical(&plan, &spine, Events::Recorded { history: history.as_ref(), log, up_to })?;
        for (row, vector) in vectors.iter().enumerate() {
            compare(&plan, vector, &replayed, row, report);
        }
        Ok(())
    }

    /// Compares every online state with the one that a replay of the same events ends with.
    fn verify_states(&self, log: &EventLog, report: &mut VerifyReport) -> Result<(), Error> {
        let Some(store) = self.online_for_reading()? else { return Ok(()) };
        for view in self.plan_stateful_views()? {
            match self.verify_states_of(&view, &*store, log, report) {
                Err(error) if is_gone(&error) => {
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
        log: &EventLog,
        report: &mut VerifyReport,
    ) -> Result<(), Error> {
        let Some(mark) = store.mark(view.program.id())? else { return Ok(()) };
        let digest = mark.digest.split('+').next().unwrap_or_default();
        let program = self.served_program(&view.view, digest)?;
        let changes = mark.identity.of_states().changes(&view.identity_of_states(&program));
        if !changes.is_empty() {
            return Err(Error::OtherIdentity { what: format!("the states of view {}", program.id()), changes });
        }
        if mark.log != log.identity() {
            return Err(Error::OtherLog { path: log.path().to_owned() });
        }
        let history = self.recorded_history(log, mark.history)?;
        let events = Events::Recorded { history: history.as_ref(), log, up_to: mark.applied_offset };
        let folded = self.fold(&program, &self.source_inputs(view, events)?)?;
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

/// Whether what served is no longer there to be replayed: its files, its component, or its name in the project.
fn is_gone(error: &Error) -> bool {
    matches!(
        error,
        Error::ChangedHistory { .. }
            | Error::LostComponent { .. }
            | Error::OtherLog { .. }
            | Error::OtherIdentity { .. }
            | Error::Program(_)
            | Error::Input { .. }
            | Error::Unknown(_)
            | Error::UnknownFeature { .. }
    )
}

/// The served questions as a spine.
fn spine_of(plan: &FeaturePlan, vectors: &[ServedVector]) -> Result<Spine, Error> {
    let mut spine = Spine { as_of: vectors.iter().map(|vector| vector.as_of).collect(), ..Spine::default() };
    for key in plan.keys() {
        let mut column = Column::new(key.key_type.value_type());
        for vector in vectors {
            let found = vector.entities.iter().find(|(name, _)| *name == key.name);
            column.push(&match found {
                Some((_, KeyValue::Int64(value))) => Value::Int64(*value),
                Some((_, KeyValue::Text(value))) => Value::Text(value.clone()),
                None => Value::Null,
            })?;
        }
        spine.keys.push((key.name, column));
    }
    for field in plan.request_fields() {
        let mut column = Column::new(field.value_type);
        for vector in vectors {
            let found = vector.request.iter().find(|(name, _)| *name == field.name);
            column.push(&match (found.map_or(&Value::Null, |(_, value)| value), field.value_type) {
                // Declared as whole numbers, and read as float64.
                (Value::Int64(value), ValueType::Float64) => Value::Float64(*value as f64),
                (value, _) => value.clone(),
            })?;
        }
        spine.request_fields.push((field.name.clone(), column));
    }
    Ok(spine)
}

/// Compares one served vector with row `row` of the replay.
fn compare(
    plan: &FeaturePlan,
    vector: &ServedVector,
    replayed: &HistoricalFeatures,
    row: usize,
    report: &mut VerifyReport,
) {
    report.vectors += 1;
    let entity = vector.entities.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(", ");
    let difference = |what: String, served: (String, String), replayed: (String, String)| Difference {
        what,
        entity: entity.clone(),
        as_of: Some(vector.as_of.to_string()),
        served: served.0,
        served_bits: served.1,
        replayed: replayed.0,
        replayed_bits: replayed.1,
    };
    for (at, reference) in vector.features.iter().enumerate() {
        report.values += 1;
        let (served, again) = (vector.values.get(at).unwrap_or(&Value::Null), replayed.features[at].value(row));
        if !served.same_bits(&again) {
            let bits = ((served.to_string(), served.hex()), (again.to_string(), again.hex()));
            report.differ(difference(reference.clone(), bits.0, bits.1));
        }
        let (served, again) = (vector.statuses.get(at).map_or("", String::as_str), replayed.statuses[at][row].as_str());
        if served != again {
            let what = format!("status of {reference}");
            report.differ(difference(what, (served.to_owned(), String::new()), (again.to_owned(), String::new())));
        }
    }
    for (at, view) in plan.views.iter().enumerate() {
        let served = vector.views.iter().find(|served| served.view == view.program.id()).map(|served| served.offset);
        let again = replayed.offsets[at][row];
        if served != Some(again) {
            let served = served.map_or_else(|| "none".to_owned(), |offset| offset.to_string());
            let what = format!("newest log offset seen by view {}", view.program.id());
            report.differ(difference(what, (served, String::new()), (again.to_string(), String::new())));
        }
    }
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
