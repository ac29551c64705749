//! Coverage: how often served features had each status, and how often they were null.

use super::drift::{ServedFeature, all_served};
use super::{ComparedSide, Period, StatusCount};
use crate::Error;
use crate::feature_store::FeatureStore;

/// How the features that were served in a time were covered.
#[derive(Clone, Debug, serde::Serialize)]
pub struct CoverageReport {
    /// What was looked at.
    pub served: ComparedSide,
    /// The features.
    pub features: Vec<FeatureCoverage>,
}

/// One feature.
#[derive(Clone, Debug, serde::Serialize)]
pub struct FeatureCoverage {
    /// Its reference: `activity@v1:purchases`.
    pub feature: String,
    /// Vectors that had it.
    pub rows: u64,
    /// How many of them had a null.
    pub nulls: u64,
    /// Their share.
    pub null_share: f64,
    /// The share of rows that are `PRESENT`.
    pub present_share: f64,
    /// How many had each status.
    pub statuses: Vec<StatusCount>,
}

impl FeatureStore {
    /// The coverage of what was served in a time, of one service or of all.
    pub fn coverage(&self, period: Period, service: Option<&str>) -> Result<CoverageReport, Error> {
        if let Some(service) = service {
            self.project().service(service)?;
        }
        let (served, features) = all_served(self, period, service)?;
        let features = features.into_iter().filter(|feature| feature.rows > 0).map(covered).collect();
        Ok(CoverageReport { served, features })
    }
}

fn covered(served: ServedFeature) -> FeatureCoverage {
    let present = served.statuses.iter().find(|status| status.status == "PRESENT");
    FeatureCoverage {
        null_share: served.nulls as f64 / served.rows as f64,
        present_share: present.map_or(0.0, |status| status.share),
        feature: served.feature,
        rows: served.rows,
        nulls: served.nulls,
        statuses: served.statuses,
    }
}
