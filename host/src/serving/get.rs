//! A question is answered from states, at the question's own as-of.

use super::ServedView;
use crate::batch::{Column, ColumnError, Kind, Rows, Value};
use crate::entity::EntityKey;
use crate::evaluate::{EvaluateError, Evaluated, Status, evaluate};
use crate::store::{OnlineStore, StoreError};
use crate::time::{AsOf, visible};

/// One question to one view.
#[derive(Clone, Debug)]
pub struct Question {
    /// The entity; a key without values where the view has no entity.
    pub key: EntityKey,
    /// The cut-off.
    pub as_of: AsOf,
    /// The request fields of the view's transform, one row.
    pub request_fields: Vec<Column>,
    /// The input features of the view's transform, one row.
    pub input_features: Vec<Column>,
}

/// The answer of one view.
#[derive(Clone, Debug)]
pub struct ViewAnswer {
    /// One value per output feature.
    pub values: Vec<Value>,
    /// One status per output feature.
    pub statuses: Vec<Status>,
    /// The same values as columns of one row, for views that take them as inputs.
    pub features: Vec<Column>,
    /// The newest log offset of the entity that the answer includes; 0 where it includes only files or nothing.
    pub offset: u64,
}

/// Whether states could answer.
#[derive(Clone, Debug)]
pub enum Answered {
    /// They could.
    FromState(ViewAnswer),
    /// The state holds an event that was not yet visible at the as-of; only a replay can answer.
    NeedsReplay,
}

/// A question without an answer.
#[derive(Debug, thiserror::Error)]
pub enum GetError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The transform gave no answer.
    #[error(transparent)]
    Evaluate(#[from] EvaluateError),
    /// More text than one column holds.
    #[error(transparent)]
    Column(#[from] ColumnError),
}

/// Answers one question from the stored state of its entity.
pub fn answer(store: &dyn OnlineStore, view: &ServedView, question: Question) -> Result<Answered, GetError> {
    let program = &view.program;
    let stored = if program.has_sources() { store.get(program.id(), &question.key)? } else { None };
    if stored.as_ref().is_some_and(|state| !visible(state.newest_available_at, question.as_of)) {
        return Ok(Answered::NeedsReplay);
    }
    let description = program.description();
    let mut rows = Rows {
        event_fields: description.event_fields.iter().map(|field| Column::new(field.value_type)).collect(),
        request_fields: question.request_fields,
        input_features: question.input_features,
        ..Rows::default()
    };
    rows.states.push(stored.as_ref().map_or(&[][..], |state| &state.bytes))?;
    rows.push(Kind::Question, 0, question.as_of.0);
    let mut newest = [stored.as_ref().map(|state| state.newest_event)];
    let evaluated = evaluate(program, &rows, &mut newest, &|_| question.key.to_string())?;
    Ok(Answered::FromState(ViewAnswer::new(evaluated, stored.map_or(0, |state| state.offset))))
}

impl ViewAnswer {
    fn new(evaluated: Evaluated, offset: u64) -> Self {
        let Evaluated { features, statuses, .. } = evaluated;
        Self {
            values: features.iter().map(|feature| feature.value(0)).collect(),
            statuses: features.iter().map(|feature| statuses[0].of(feature, 0)).collect(),
            features,
            offset,
        }
    }
}
