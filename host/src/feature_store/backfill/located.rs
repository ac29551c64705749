//! Failures of views without an entity, with the keys of their rows, which only the spine has.

use std::collections::HashMap;

use super::partitioned::Partitioned;
use crate::Error;
use crate::replay::ReplayError;

impl Partitioned<'_> {
    /// A failure with the row of the spine named, where its view has no entity. A spine that cannot be read again names none.
    pub(super) fn located(&self, error: Error) -> Error {
        let Error::Replay(ReplayError::Evaluate(error)) = error else { return error };
        let view = self.plan.views.iter().position(|view| view.program.id() == error.view && view.entity.is_none());
        let (Some(view), Some(row)) = (view, error.question.map(u64::from)) else {
            return ReplayError::Evaluate(error).into();
        };
        let mut asked = self.asked(&[(view, row)]).unwrap_or_default();
        ReplayError::Evaluate(match asked.remove(&(view, row)) {
            Some(asked) => error.about(&asked),
            None => error,
        })
        .into()
    }

    /// The messages of failures: by view, row, and which of its failures.
    pub(super) fn located_all(&self, failures: Vec<(usize, i64, usize, String)>) -> Result<Vec<String>, Error> {
        let without = failures.iter().filter(|(view, ..)| self.plan.views[*view].entity.is_none());
        let rows: Vec<(usize, u64)> = without.map(|(view, row, ..)| (*view, *row as u64)).collect();
        let asked = self.asked(&rows)?;
        let located = failures.into_iter().map(|(view, row, _, message)| match asked.get(&(view, row as u64)) {
            Some(asked) => {
                let view = format!("view {}, ", self.plan.views[view].program.id());
                message.replacen(&view, &format!("{view}{asked}, "), 1)
            }
            None => message,
        });
        Ok(located.collect())
    }

    /// Words for rows of the spine, by view and row.
    fn asked(&self, rows: &[(usize, u64)]) -> Result<HashMap<(usize, u64), String>, Error> {
        let mut asked = HashMap::new();
        if rows.is_empty() {
            return Ok(asked);
        }
        for table in self.spine.open_questions()? {
            let table = table?;
            let (first, end) = (table.rows_before, table.rows_before + table.rows as u64);
            let here: Vec<(usize, u64)> = rows.iter().copied().filter(|(_, row)| (first..end).contains(row)).collect();
            if !here.is_empty() {
                let spine = self.spine.spine(table.columns);
                for (view, row) in here {
                    let column =
                        |name: &str| spine.keys.iter().find(|(known, _)| known == name).map(|(_, column)| column);
                    let words = self.plan.asked_as(view, (row - first) as usize, row, column);
                    asked.insert((view, row), words);
                }
            }
        }
        Ok(asked)
    }
}
