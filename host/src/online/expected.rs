//! What a server has seen of the events that its sources expect: which it set aside, and how many are null.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::ServerError;
use super::minutes::{MinuteClock, Minutes};
use crate::events::{DeadLetter, ExpectationCount};
use crate::files;
use crate::project::Source;
use crate::time::format_time;

/// Shares of fewer events than these are told, and held to nothing.
const EVENTS_MIN: u64 = 100;

/// The events of all sources of a project, held to what is expected.
pub(super) struct Expectations {
    folder: PathBuf,
    clock: MinuteClock,
    sources: Mutex<BTreeMap<String, Vec<Counted>>>,
    /// Held while a file of dead letters grows.
    files: Mutex<()>,
}

/// What is known of one expectation.
#[derive(Clone, Default)]
struct Counted {
    minutes: Minutes<ExpectationCount>,
    bad: u64,
    set_aside: u64,
    is_met: bool,
}

/// How what comes to a source compares with what it expects of one field.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct ExpectationStatus {
    /// The source.
    pub source: String,
    /// The field.
    pub field: String,
    /// Events that were taken or set aside in the last ten minutes.
    pub events: u64,
    /// Those of them without a value.
    pub nulls: u64,
    /// Their share; `None` where there was no event.
    pub null_share: Option<f64>,
    /// The greatest that is expected.
    pub null_share_max: Option<f64>,
    /// Whether the share is as expected, or is one of fewer than a hundred events.
    pub is_met: bool,
    /// Values that were not as expected, of events that were taken or set aside, since the server was started.
    pub bad_events: u64,
    /// Events that were set aside for this field, since the server was started.
    pub dead_letters: u64,
}

impl Expectations {
    /// Of a server whose dead letters lie in `folder`.
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder, clock: MinuteClock::start(), sources: Mutex::default(), files: Mutex::new(()) }
    }

    /// Writes events that are set aside to the file of their source; when it returns, they are on disk. `now` is told as when.
    pub(super) fn set_aside(
        &self,
        source: &Source,
        dead: &[DeadLetter],
        now: impl FnOnce() -> i64,
    ) -> Result<(), ServerError> {
        if dead.is_empty() {
            return Ok(());
        }
        let (path, now) = (self.folder.join(format!("{}.ndjson", source.name)), now());
        let line = |dead: &DeadLetter| {
            let event: serde_json::Value = serde_json::from_str(&dead.event.fields).unwrap_or_default();
            serde_json::json!({
                "set_aside_at": format_time(now),
                "field": dead.field,
                "message": dead.message,
                "row": dead.event.row,
                "event": event,
            })
            .to_string()
        };
        let lines: Vec<String> = dead.iter().map(line).collect();
        let _one_at_a_time = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let written = std::fs::create_dir_all(&self.folder).and_then(|()| files::append_lines(&path, &lines));
        written.map_err(|source| ServerError::DeadLetters { path, source })
    }

    /// Counts a push, and gives a sentence for each expectation that is now broken and was not, or the other way round.
    pub(super) fn count(&self, source: &Source, counts: &[ExpectationCount], dead: &[DeadLetter]) -> Vec<String> {
        let minute = self.clock.minute();
        let mut sources = self.sources();
        let known = sources
            .entry(source.name.clone())
            .or_insert_with(|| vec![Counted { is_met: true, ..Counted::default() }; source.expectations.len()]);
        let mut told = Vec::new();
        for ((expectation, count), known) in source.expectations.iter().zip(counts).zip(known) {
            known.minutes.of(minute).add(count);
            known.bad += count.bad;
            known.set_aside += dead.iter().filter(|dead| dead.field == expectation.field).count() as u64;
            let recent = known.recent(minute);
            let is_met = is_met(&recent, expectation.null_share_max);
            if is_met != known.is_met {
                known.is_met = is_met;
                told.push(format!(
                    "source {}: {} of the last {} events have no {}{}",
                    source.name,
                    recent.nulls,
                    recent.events,
                    expectation.field,
                    if is_met { ", as expected again" } else { ", more than null_share_max" }
                ));
            }
        }
        told
    }

    /// How what came to `sources` compares with what they expect.
    pub(super) fn status(&self, sources: &[Source]) -> Vec<ExpectationStatus> {
        let minute = self.clock.minute();
        let known = self.sources();
        let mut all = Vec::new();
        for source in sources {
            for (at, expectation) in source.expectations.iter().enumerate() {
                let counted = known.get(&source.name).and_then(|counted| counted.get(at)).cloned().unwrap_or_default();
                let recent = counted.recent(minute);
                all.push(ExpectationStatus {
                    source: source.name.clone(),
                    field: expectation.field.clone(),
                    events: recent.events,
                    nulls: recent.nulls,
                    null_share: (recent.events > 0).then(|| recent.nulls as f64 / recent.events as f64),
                    null_share_max: expectation.null_share_max,
                    is_met: is_met(&recent, expectation.null_share_max),
                    bad_events: counted.bad,
                    dead_letters: counted.set_aside,
                });
            }
        }
        all
    }

    fn sources(&self) -> MutexGuard<'_, BTreeMap<String, Vec<Counted>>> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counted {
    /// The sum of the last minutes.
    fn recent(&self, minute: u64) -> ExpectationCount {
        let mut sum = ExpectationCount::default();
        self.minutes.recent(minute).for_each(|count| sum.add(count));
        sum
    }
}

fn is_met(recent: &ExpectationCount, null_share_max: Option<f64>) -> bool {
    let most = null_share_max.unwrap_or(1.0);
    recent.events < EVENTS_MIN || recent.nulls as f64 <= most * recent.events as f64
}
