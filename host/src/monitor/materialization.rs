//! Whether the files of sources are materialized as often as they are meant to be.

use super::freshness::seconds;
use crate::Error;
use crate::feature_store::FeatureStore;
use crate::log::LogReader;
use crate::project::Source;
use crate::time::{Length, format_time};

/// So many of the last runs tell how often a source is materialized, where the project does not.
const RUNS: usize = 10;
/// So many runs are needed for that.
const RUNS_MIN: usize = 3;
/// Later than so many times as often is late.
const LATE: i64 = 2;

/// How the materializations of a project keep time.
#[derive(Clone, Debug, serde::Serialize)]
pub struct MaterializationReport {
    /// When that was, in RFC 3339.
    pub now: String,
    /// Per source with files.
    pub sources: Vec<Materialization>,
}

/// How often a source is materialized, and when it was last.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Materialization {
    /// The source.
    pub source: String,
    /// Up to when its files were folded last, in RFC 3339; `None` where they never were.
    pub up_to: Option<String>,
    /// The same in microseconds since the epoch.
    #[serde(skip)]
    pub up_to_us: Option<i64>,
    /// How long ago that was, in seconds.
    pub age_s: Option<f64>,
    /// How often it is materialized, in seconds; `None` where nobody says so and there were too few runs.
    pub every_s: Option<f64>,
    /// By what that is known: `materialize_every` of the project, or the median of its last runs.
    pub every_by: Option<&'static str>,
    /// From what age on it is late, in seconds: twice as often.
    pub late_after_s: Option<f64>,
    /// Runs that were looked at.
    pub runs: usize,
    /// Whether it is late: more than twice that long ago, or never though the project says how often. `None` where it is not known
    /// how often.
    pub is_late: Option<bool>,
}

impl MaterializationReport {
    /// Whether a source is late.
    pub fn is_late(&self) -> bool {
        self.sources.iter().any(|source| source.is_late == Some(true))
    }
}

impl FeatureStore {
    /// How the materializations of its sources keep time, by the clock of its options.
    pub fn materializations(&self) -> Result<MaterializationReport, Error> {
        self.materializations_of(self.log_for_reading()?.as_deref())
    }

    /// The same by a log that is open.
    pub(crate) fn materializations_of(&self, log: Option<&dyn LogReader>) -> Result<MaterializationReport, Error> {
        let now = self.options().clock.now();
        let runs = log.map_or(Ok(Vec::new()), runs)?;
        let with_files = self.project().sources.iter().filter(|source| !source.files.is_empty());
        Ok(MaterializationReport {
            now: format_time(now),
            sources: with_files.map(|source| told(source, &runs, now)).collect(),
        })
    }
}

/// A run: up to when it folded, in microseconds, and which sources.
struct Run {
    up_to: i64,
    sources: Vec<String>,
}

/// The newest runs, the newest first; one more than are looked at, for what lies between them.
fn runs(log: &dyn LogReader) -> Result<Vec<Run>, Error> {
    let mut runs = Vec::new();
    let Some((newest, _)) = log.latest_history()? else { return Ok(runs) };
    for id in (1..=newest).rev() {
        let Some(history) = log.history(id)? else { continue };
        let sources = history.sources.iter().map(|source| source.source.clone()).collect();
        runs.push(Run { up_to: history.up_to.micros(), sources });
        if runs.len() > RUNS {
            break;
        }
    }
    Ok(runs)
}

fn told(source: &Source, runs: &[Run], now: i64) -> Materialization {
    let of_source = |run: &&Run| run.sources.contains(&source.name);
    let times: Vec<i64> = runs.iter().filter(of_source).map(|run| run.up_to).collect();
    let (every, every_by) = match (source.materialize_every, median_gap(&times)) {
        (Some(Length(every)), _) => (Some(every), Some("materialize_every")),
        (None, Some(gap)) => (Some(gap), Some("the median of its last runs")),
        (None, None) => (None, None),
    };
    let age = times.first().map(|up_to| now.saturating_sub(*up_to));
    Materialization {
        source: source.name.clone(),
        up_to: times.first().map(|up_to| format_time(*up_to)),
        up_to_us: times.first().copied(),
        age_s: age.map(seconds),
        every_s: every.map(seconds),
        every_by,
        late_after_s: every.map(|every| seconds(every.saturating_mul(LATE))),
        runs: times.len(),
        is_late: every.map(|every| age.is_none_or(|age| age > every.saturating_mul(LATE))),
    }
}

/// The median of what lies between times, the newest first; `None` where there are too few. Of an even number the shorter of the two
/// in the middle.
fn median_gap(times: &[i64]) -> Option<i64> {
    if times.len() < RUNS_MIN {
        return None;
    }
    let mut gaps: Vec<i64> = times.windows(2).map(|pair| pair[0].saturating_sub(pair[1]).max(0)).collect();
    gaps.sort_unstable();
    // Two runs in a moment say nothing of how often there is one.
    gaps.get((gaps.len() - 1) / 2).copied().filter(|gap| *gap > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_what_lies_between_runs() {
        assert_eq!(median_gap(&[100, 90]), None, "two runs are too few");
        assert_eq!(median_gap(&[100, 90, 70]), Some(10));
        assert_eq!(median_gap(&[100, 90, 70, 40]), Some(20));
        assert_eq!(median_gap(&[100, 100, 100]), None);
    }
}
