//! What can go wrong when questions are answered from states, and when states cannot answer them.

use std::sync::Arc;

use crate::batch::ColumnError;
use crate::entity::EntityState;
use crate::evaluate::{EvaluateError, ServingError};
use crate::store::StoreError;
use crate::time::{AsOf, visible};

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

impl From<ServingError> for GetError {
    fn from(error: ServingError) -> Self {
        match error {
            ServingError::Evaluate(error) => Self::Evaluate(error),
            ServingError::Column(error) => Self::Column(error),
        }
    }
}

/// Whether one of the states holds an event that was not yet visible at the as-of; then only a replay can answer.
pub(super) fn has_passed(states: &[Option<Arc<EntityState>>], as_of: AsOf) -> bool {
    states.iter().flatten().any(|state| !visible(state.newest_available_at, as_of))
}
