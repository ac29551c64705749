//! The half of `verify` that is about served vectors: they are read as columns, replayed many at once, and compared.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::quarantine::is_quarantine;
use super::verify::{Difference, VerifyReport, is_gone};
use crate::Error;
use crate::batch::{Column, Value, Values};
use crate::feature_store::{Events, FeaturePlan, FeatureSelection, FeatureStore, HistoricalFeatures, Spine};
use crate::log::{LogError, LogReader, STATUSES, ServedPlan, ServedProgram, ServedSink, ServedVectors};
use crate::schema::ValueType;
use crate::time::AsOf;

/// Vectors that are replayed at once; those of one batch are not parted.
const VECTORS_AT_ONCE: usize = 100_000;

/// Vectors that one replay answers: the same features, programs and history; and the epoch of the log that they were served in,
/// `None` where that was another log.
type Alike = (Vec<String>, Vec<(String, ServedProgram)>, Option<i64>, Option<u64>);

/// Those that are read and not replayed yet.
#[derive(Default)]
struct Waiting {
    batches: Vec<ServedVectors>,
    vectors: usize,
}

impl FeatureStore {
    /// Replays what was served at or after `since`. Batches that are missing or damaged are told, and the others replayed.
    pub(super) fn verify_served(
        &self,
        log: &dyn LogReader,
        served: &dyn ServedSink,
        since: Option<AsOf>,
        report: &mut VerifyReport,
    ) -> Result<(), Error> {
        // By the digest of a plan, which of the following its vectors are alike to.
        let mut known: BTreeMap<Arc<str>, Arc<Alike>> = BTreeMap::new();
        let mut waiting: BTreeMap<Arc<Alike>, Waiting> = BTreeMap::new();
        for batch in served.batches(1, since) {
            let decoded = batch.and_then(|batch| Ok((Arc::clone(&batch.plan_digest), batch.decode()?)));
            let (digest, vectors) = match decoded {
                Ok(decoded) => decoded,
                Err(error) => {
                    tell_damage(error, report)?;
                    continue;
                }
            };
            let vectors = match since {
                Some(since) => vectors.since(since)?,
                None => vectors,
            };
            let alike = known.entry(digest).or_insert_with(|| Arc::new(alike(&vectors.plan, log)));
            let alike = Arc::clone(alike);
            let group = waiting.entry(Arc::clone(&alike)).or_default();
            group.vectors += vectors.len();
            group.batches.push(vectors);
            if group.vectors >= VECTORS_AT_ONCE {
                let group = std::mem::take(group);
                self.verify_or_tell(log, &alike, &group, report)?;
            }
        }
        for (alike, group) in waiting {
            self.verify_or_tell(log, &alike, &group, report)?;
        }
        Ok(())
    }

    /// Replays vectors; where what served them is gone, says so.
    fn verify_or_tell(
        &self,
        log: &dyn LogReader,
        alike: &Alike,
        group: &Waiting,
        report: &mut VerifyReport,
    ) -> Result<(), Error> {
        match self.verify_alike(log, alike, &group.batches, report) {
            Err(error) if is_gone(&error) || is_quarantine(&error) => {
                report.unproved += group.vectors as u64;
                report.reason(&error);
                Ok(())
            }
            verified => verified,
        }
    }

    fn verify_alike(
        &self,
        log: &dyn LogReader,
        (features, programs, history, epoch): &Alike,
        batches: &[ServedVectors],
        report: &mut VerifyReport,
    ) -> Result<(), Error> {
        if batches.iter().all(ServedVectors::is_empty) {
            return Ok(());
        }
        let Some(epoch) = *epoch else {
            return Err(Error::OtherLog { path: log.path().to_owned() });
        };
        // What was served in an epoch is proved by its stamps.
        let earlier = (epoch < log.epoch()).then(|| self.log_of_epoch(epoch)).transpose()?;
        let log = earlier.as_deref().unwrap_or(log);
        let references = features.iter().map(|text| text.parse()).collect::<Result<Vec<_>, _>>()?;
        let plan = self.plan_pinned(&FeatureSelection::References(references), programs)?;
        for (label, served) in programs {
            let now = plan.views.iter().find(|view| view.program.id() == label);
            let changes = now.map_or_else(Vec::new, |now| served.identity.changes(&now.identity));
            if !changes.is_empty() {
                return Err(Error::OtherIdentity { what: format!("vectors of view {label}"), changes });
            }
        }
        let offsets = batches.iter().flat_map(|vectors| &vectors.requests).map(|request| request.offset);
        log.check_reaches(offsets.max().unwrap_or(0))?;
        let history = self.recorded_history(log, *history)?;
        self.cut_replays_anew();
        let spine = spine_of(&plan, batches)?;
        let up_to = log.last_offset()?;
        let replayed = self.historical(&plan, &spine, Events::Recorded { history: history.as_ref(), log, up_to })?;
        let mut first_row = 0;
        for vectors in batches {
            compare(&plan, vectors, &replayed, first_row, report);
            first_row += vectors.len();
        }
        Ok(())
    }
}

fn alike(plan: &ServedPlan, log: &dyn LogReader) -> Alike {
    let features = plan.features.iter().map(|field| field.name.clone()).collect();
    (features, plan.views.clone(), plan.history, log.epoch_of(&plan.log))
}

/// Notes vectors that are missing or damaged. Any other error ends the proof.
fn tell_damage(error: LogError, report: &mut VerifyReport) -> Result<(), Error> {
    let (LogError::Missing { vectors, .. } | LogError::Batch { vectors, .. }) = &error else {
        return Err(error.into());
    };
    report.unproved = report.unproved.saturating_add(*vectors);
    report.reason(&error.into());
    Ok(())
}

/// The served questions as a spine.
fn spine_of(plan: &FeaturePlan, batches: &[ServedVectors]) -> Result<Spine, Error> {
    let requests = batches.iter().flat_map(|vectors| &vectors.requests);
    let as_of = requests.flat_map(|request| request.rows.clone().map(|_| request.as_of)).collect();
    let mut spine = Spine { as_of, ..Spine::default() };
    for key in plan.keys() {
        let mut column = Column::new(key.key_type.value_type());
        for vectors in batches {
            let at = vectors.plan.keys.iter().position(|field| field.name == key.name);
            append(&mut column, at.map(|at| &vectors.keys[at]), vectors.len())?;
        }
        spine.keys.push((key.name, column));
    }
    for field in plan.request_fields() {
        let mut column = Column::new(field.value_type);
        for vectors in batches {
            let at = vectors.plan.request.iter().position(|served| served.name == field.name);
            append(&mut column, at.map(|at| &vectors.request[at]), vectors.len())?;
        }
        spine.request_fields.push((field.name.clone(), column));
    }
    Ok(spine)
}

/// Appends the rows of a served column, or so many nulls where there was none.
fn append(to: &mut Column, served: Option<&Column>, rows: usize) -> Result<(), Error> {
    let served = match (served.map(|served| (served, served.values())), to.value_type()) {
        (None, value_type) => Cow::Owned(Column::of_nulls(value_type, rows)),
        // Declared as whole numbers, and read as float64.
        (Some((served, Values::Int64s(values))), ValueType::Float64) => {
            let values = values.iter().map(|value| *value as f64).collect();
            Cow::Owned(Column::from_parts(Values::Float64s(values), served.nulls().map(<[u8]>::to_vec)))
        }
        (Some((served, _)), _) => Cow::Borrowed(served),
    };
    Ok(to.append(&served)?)
}

/// Compares served vectors with the rows of the replay from `first_row` on.
fn compare(
    plan: &FeaturePlan,
    vectors: &ServedVectors,
    replayed: &HistoricalFeatures,
    first_row: usize,
    report: &mut VerifyReport,
) {
    let served_views: Vec<Option<usize>> = plan
        .views
        .iter()
        .map(|view| vectors.plan.views.iter().position(|(served, _)| served == view.program.id()))
        .collect();
    for (request, row) in
        vectors.requests.iter().flat_map(|request| request.rows.clone().map(move |row| (request, row)))
    {
        report.vectors += 1;
        let difference = |what: String, served: (String, String), replayed: (String, String)| Difference {
            what,
            entity: entity(vectors, row),
            as_of: Some(request.as_of.to_string()),
            served: served.0,
            served_bits: served.1,
            replayed: replayed.0,
            replayed_bits: replayed.1,
        };
        let again_row = first_row + row;
        for (at, field) in vectors.plan.features.iter().enumerate() {
            report.values += 1;
            let (served, again) = (&vectors.values[at], &replayed.features[at]);
            if !served.same_row(row, again, again_row) {
                let [served, again] = [served.value(row), again.value(again_row)].map(told);
                report.differ(difference(field.name.clone(), served, again));
            }
            let status = STATUSES[usize::from(vectors.statuses[at][row])];
            let again = replayed.statuses[at][again_row].as_str();
            if status != again {
                let what = format!("status of {}", field.name);
                report.differ(difference(what, (status.to_owned(), String::new()), (again.to_owned(), String::new())));
            }
        }
        for (at, view) in plan.views.iter().enumerate() {
            let served = served_views[at].map(|at| vectors.offsets[at][row]);
            let again = replayed.offsets[at][again_row];
            if served != Some(again) {
                let served = served.map_or_else(|| "none".to_owned(), |offset| offset.to_string());
                let what = format!("newest log offset seen by view {}", view.program.id());
                report.differ(difference(what, (served, String::new()), (again.to_string(), String::new())));
            }
        }
    }
}

/// A value and its bits.
fn told(value: Value) -> (String, String) {
    (value.to_string(), value.hex())
}

/// The entity of a row, by its key columns.
pub(super) fn entity(vectors: &ServedVectors, row: usize) -> String {
    let keys = vectors.plan.keys.iter().zip(&vectors.keys);
    keys.map(|(field, column)| format!("{}={}", field.name, column.value(row))).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::Status;

    #[test]
    fn the_feature_log_knows_every_status() {
        let all = [Status::Present, Status::NullValue, Status::NotFound, Status::OutsideMaxAge];
        assert_eq!(all.map(Status::as_str), STATUSES);
    }
}
