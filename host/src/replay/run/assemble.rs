//! From the outcomes of the partitions to the answers of the whole.

use super::{Failure, FinalState, Outcome, Oversized, ReplayError, Replayed};
use crate::batch::{Column, in_order};
use crate::evaluate::{RuledStatuses, Status, ViewProgram};
use crate::replay::proof::Proved;
use crate::threads;

/// Joins the partitions: the answers in the order of the questions, states and failures in that of the entities.
pub(super) fn assemble(
    view: &ViewProgram,
    questions: usize,
    has_pushed: bool,
    mut outcomes: Vec<Outcome>,
    threads: usize,
) -> Result<Replayed, ReplayError> {
    let fields = &view.description().output_features;
    // Taken out feature by feature, so that answers are held twice for one feature a thread only.
    let mut parts: Vec<Vec<Column>> = fields.iter().map(|_| Vec::with_capacity(outcomes.len())).collect();
    for outcome in &mut outcomes {
        let mut answered = std::mem::take(&mut outcome.features).into_iter();
        for (parts, field) in parts.iter_mut().zip(fields) {
            parts.push(answered.next().unwrap_or_else(|| Column::new(field.value_type)));
        }
    }
    let parts = fields.iter().zip(parts).collect();
    let features = threads::map_each(threads, parts, |(field, parts)| {
        let rows = outcomes.iter().map(|outcome| &outcome.question_rows[..]);
        in_order(field.value_type, questions, parts.into_iter().zip(rows))
    })?;
    let mut statuses = vec![Status::Present; questions];
    let mut offsets = has_pushed.then(|| vec![0; questions]);
    for outcome in &outcomes {
        for (row, status) in outcome.question_rows.iter().zip(&outcome.statuses) {
            statuses[*row as usize] = *status;
        }
        if let Some(offsets) = &mut offsets {
            outcome.question_rows.iter().zip(&outcome.offsets).for_each(|(row, o)| offsets[*row as usize] = *o);
        }
    }
    let ruled = outcomes.iter().map(|outcome| (&outcome.question_rows[..], &outcome.ruled));
    let ruled = RuledStatuses::assemble(questions, ruled);
    let mut states: Vec<FinalState> =
        outcomes.iter_mut().flat_map(|outcome| std::mem::take(&mut outcome.states)).collect();
    states.sort_unstable_by_key(|state| state.entity);
    let mut oversized: Vec<Oversized> = outcomes.iter().flat_map(|outcome| outcome.oversized.iter().copied()).collect();
    oversized.sort_unstable_by_key(|state| state.entity);
    let proved = outcomes.iter().fold(Proved::default(), |all, outcome| all.and(outcome.proved));
    let mut failures: Vec<Failure> = outcomes.into_iter().flat_map(|outcome| outcome.failures).collect();
    match view.has_sources() {
        true => failures.sort_by_key(|failure| failure.entity),
        // Without events every question is by itself.
        false => failures.sort_by_key(|failure| (failure.entity, failure.question)),
    }
    let (visible, has_events) = (Vec::new(), Vec::new());
    Ok(Replayed { features, statuses, ruled, offsets, states, visible, has_events, failures, proved, oversized })
}
