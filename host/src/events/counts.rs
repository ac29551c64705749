//! How many events files held, which of them do not count, and what their times are like.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::ids::IdConflict;
use crate::time::{AsOf, AvailableAt, TimeProfile, visible};

/// How many events a file held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileCount {
    /// The source.
    pub source: String,
    /// The file.
    pub path: PathBuf,
    /// All its events.
    pub rows: u64,
    /// Those left out because they became available after the cut.
    pub after_cut: u64,
    /// Those left out because another event of their entity has their id and content.
    #[serde(default)]
    pub repeats: u64,
    /// Those left out because another event of their entity, of other content, has their id.
    #[serde(default)]
    pub conflicts: u64,
    /// The first of these conflicts.
    #[serde(default)]
    pub first_conflicts: Vec<IdConflict>,
    /// What their times are like.
    pub times: FileTimes,
}

impl FileCount {
    /// The first conflicts in words, one line each.
    pub fn conflicts_shown(&self) -> impl Iterator<Item = String> + '_ {
        self.first_conflicts.iter().map(|IdConflict { row, event_id, counts }| {
            let path = self.path.display();
            format!(
                "row {row} of {path} is left out: its event id {event_id:?} is that of {counts}, and its content is not"
            )
        })
    }
}

/// What the times of a file of events are like.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileTimes {
    /// Events that were available after the last question is asked, where that is known.
    pub later: u64,
    /// Event and arrival times with digits beyond the microsecond.
    pub rounded: u64,
    /// When the events happened.
    pub event_times: TimeProfile,
    /// When they arrived, where that is told in numbers of a unit.
    pub arrivals: TimeProfile,
}

impl FileTimes {
    /// Counts also what is told of rows that follow these.
    pub(super) fn merge(&mut self, later: &Self) {
        self.later += later.later;
        self.rounded += later.rounded;
        self.event_times.merge(&later.event_times);
        self.arrivals.merge(&later.arrivals);
    }

    /// Counts events that were available after the last as-of.
    pub(super) fn count_later(&mut self, available: &[i64], last: Option<AsOf>) {
        if let Some(last) = last {
            self.later += available.iter().filter(|at| !visible(AvailableAt::from_micros(**at), last)).count() as u64;
        }
    }
}
