//! Who a question is about, where a view has no entity of its own: the keys by their names, and the row.

use super::{FeaturePlan, Spine};
use crate::Error;
use crate::batch::Column;
use crate::evaluate::EvaluateError;
use crate::replay::{ReplayError, Replayed};

impl FeaturePlan {
    /// Words for the question in `row`, from 0, to a view without an entity: `entity item=i2, user=u1 (row 3)`. `column` gives the
    /// column of a key.
    pub(super) fn asked<'a>(&self, view: usize, row: usize, column: impl Fn(&str) -> Option<&'a Column>) -> String {
        self.asked_as(view, row, row as u64, column)
    }

    /// The same where the question is in `row` of the columns, and in row `number` of all.
    pub(super) fn asked_as<'a>(
        &self,
        view: usize,
        row: usize,
        number: u64,
        column: impl Fn(&str) -> Option<&'a Column>,
    ) -> String {
        let keys = self.keys_of(view);
        let keys = keys.iter().filter_map(|key| Some(format!("{}={}", key.name, column(&key.name)?.value(row))));
        named(&keys.collect::<Vec<_>>().join(", "), number)
    }

    /// The keys of the question in `row`, from 0, to a view without an entity, for what its component prints: `item=i2 user=u1`; its
    /// number among all where the columns do not have them.
    pub(crate) fn asked_keys<'a>(
        &self,
        view: usize,
        row: usize,
        number: u64,
        column: impl Fn(&str) -> Option<&'a Column>,
    ) -> String {
        let keys = self.keys_of(view);
        let keys = keys.iter().filter_map(|key| Some(format!("{}={}", key.name, column(&key.name)?.value(row))));
        match keys.collect::<Vec<_>>().join(" ") {
            keys if keys.is_empty() => format!("row {}", number + 1),
            keys => keys,
        }
    }

    /// Names the row of the request in the failure of a view without an entity.
    pub(crate) fn locate_asked<'a>(
        &self,
        view: usize,
        error: EvaluateError,
        column: impl Fn(&str) -> Option<&'a Column>,
    ) -> EvaluateError {
        match error.question.filter(|_| self.views[view].entity.is_none()) {
            Some(row) => error.about(&self.asked(view, row as usize, column)),
            None => error,
        }
    }

    /// Names the row of the spine in the failure of a view without an entity.
    pub(super) fn locate(&self, view: usize, spine: &Spine, error: EvaluateError) -> EvaluateError {
        self.locate_asked(view, error, |name| spine.key(name))
    }

    /// The same in all failures of a replay.
    pub(super) fn locate_all(
        &self,
        view: usize,
        spine: &Spine,
        replayed: Result<Replayed, Error>,
    ) -> Result<Replayed, Error> {
        match replayed {
            Ok(mut replayed) => {
                for failure in std::mem::take(&mut replayed.failures) {
                    let error = self.locate(view, spine, failure.error);
                    replayed.failures.push(crate::replay::Failure { error, ..failure });
                }
                Ok(replayed)
            }
            Err(Error::Replay(ReplayError::Evaluate(error))) => {
                Err(ReplayError::Evaluate(self.locate(view, spine, error)).into())
            }
            error => error,
        }
    }
}

/// Keys, if there are any, and the row from 1.
fn named(keys: &str, row: u64) -> String {
    match keys {
        "" => format!("row {}", row + 1),
        keys => format!("entity {keys} (row {})", row + 1),
    }
}
