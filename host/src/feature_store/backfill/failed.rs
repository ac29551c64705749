//! Rows without an answer, each counted once, however many views have none for it.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::stage::stages;
use crate::feature_store::FeaturePlan;
use crate::feature_store::feeds::feeds;
use crate::replay::Replayed;

/// The rows of some partition, as they are found.
#[derive(Default)]
pub(super) struct FailedRows {
    /// By feed, entity and event.
    events: HashSet<(usize, u32, Option<u32>)>,
    /// Of the spine.
    questions: HashSet<i64>,
}

/// The same, counted.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Failed {
    /// Events that were left out.
    events: u64,
    /// Rows of the spine with nulls: another stage may have none for the same ones.
    rows: Vec<i64>,
}

impl FailedRows {
    /// Adds those of a view of a feed; `row` gives the row of the spine of a question.
    pub(super) fn add(&mut self, feed: usize, replayed: &Replayed, row: impl Fn(u32) -> i64) {
        for failure in &replayed.failures {
            match failure.question {
                Some(question) => drop(self.questions.insert(row(question))),
                None => drop(self.events.insert((feed, failure.entity, failure.event))),
            }
        }
    }

    pub(super) fn counted(self) -> Failed {
        let mut rows: Vec<i64> = self.questions.into_iter().collect();
        rows.sort_unstable();
        Failed { events: self.events.len() as u64, rows }
    }
}

impl Failed {
    /// Those of all views of a plan that were replayed as a whole.
    pub(super) fn of(plan: &FeaturePlan, replayed: &[Replayed]) -> Self {
        let mut all = Self::default();
        for stage in stages(plan) {
            let mut failed = FailedRows::default();
            for (number, feed) in feeds(&plan.views[stage.views.clone()]).iter().enumerate() {
                let views = feed.views.iter().map(|place| &replayed[stage.views.start + place]);
                views.for_each(|view| failed.add(number, view, i64::from));
            }
            all.add(failed.counted());
        }
        all
    }

    /// Adds others.
    pub(super) fn add(&mut self, other: Self) {
        self.events += other.events;
        self.rows.extend(other.rows);
    }

    /// How many there are.
    pub(super) fn count(mut self) -> u64 {
        self.rows.sort_unstable();
        self.rows.dedup();
        self.events + self.rows.len() as u64
    }
}
