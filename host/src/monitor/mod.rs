//! Health of what was served. The first and strictest measure: is it what a backfill gives, bit for bit? The second: is it what a model was
//! trained on?
//!
//! - `verify`: the report, and online states. - `served`: the vectors of the feature log. - `quarantine`: what cannot be proved since
//!   its component gave two answers. - `drift`: whether values are distributed as those of a training set, or of another time.
//! - `export`: what was served as a file. - `freshness`, `materialization`: what is late.
//! - `coverage`: which statuses features had. `report`: all of it on a page.
//!
//! Knows nothing of who serves: it reads what was recorded, and replays.

mod coverage;
mod drift;
mod export;
mod freshness;
mod materialization;
mod quarantine;
mod report;
mod served;
mod verify;

pub use coverage::{CoverageReport, FeatureCoverage};
pub(crate) use drift::reference_deciles;
pub use drift::{
    ComparedSide, DriftReport, DriftRequest, DriftSide, FeatureDrift, OtherVersion, Period, StatusCount, VALUES_MIN,
    Verdict,
};
pub use export::{ExportReport, ExportRequest};
pub(crate) use freshness::age;
pub use freshness::{EntitiesTold, Freshness, FreshnessReport, StaleEntities, StaleEntity};
pub use materialization::{Materialization, MaterializationReport};
pub use quarantine::{QuarantinedComponent, UnprovedVector};
pub use report::{FeatureReport, Report, ReportRequest, ServiceReport};
pub use verify::{Difference, VerifyReport};

/// Alerting rules for Prometheus, about the metrics of a server.
pub const RULES: &str = include_str!("rules.yml");
/// A dashboard for Grafana, of the metrics of a server.
pub const DASHBOARD: &str = include_str!("dashboard.json");
