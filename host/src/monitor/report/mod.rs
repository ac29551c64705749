//! The report of a project: what was served beside what models were trained on, what is late, and what is proved, on one page.
//!
//! - `html`: text that is escaped by construction. - `svg`: bars. - `page`: the page, in sections (`feature`, `health`).
//!
//! The page says what [`Report`] holds and nothing else; whoever wants it otherwise takes the JSON.

mod feature;
mod health;
mod html;
mod page;
mod svg;

use std::path::{Path, PathBuf};

use super::drift::{ServedFeature, service_of};
use super::{
    ComparedSide, DriftReport, EntitiesTold, FeatureDrift, FreshnessReport, MaterializationReport, Period, StatusCount,
    VerifyReport,
};
use crate::feature_store::{Catalog, FeatureStore, ServiceEntry, ServiceFeature};
use crate::profile::Histogram;
use crate::time::format_time;
use crate::{Error, schema::ValueType};

/// What a report is to be of.
#[derive(Clone, Debug, Default)]
pub struct ReportRequest {
    /// The manifest of the training set that counts as usual, for the service that it was made with, or for `service`; where it was made
    /// with none, for all. Of other services it is the newest noted one that is still there.
    pub against: Option<PathBuf>,
    /// The time that is looked at, by as-ofs.
    pub period: Period,
    /// This service alone.
    pub service: Option<String>,
    /// Whether what was served in that time is replayed, which takes its time.
    pub verify: bool,
}

/// What is to be known of a project.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Report {
    /// The project.
    pub project: String,
    /// When the report was made, in RFC 3339.
    pub made_at: String,
    /// The first moment that is looked at, in ISO 8601; `None` for all.
    pub since: Option<String>,
    /// The end, exclusive; `None` for all.
    pub until: Option<String>,
    /// The services.
    pub services: Vec<ServiceReport>,
    /// How fresh the views are.
    pub freshness: FreshnessReport,
    /// When sources were materialized.
    pub materialization: MaterializationReport,
    /// What `verify` found; `None` where it was not run.
    pub proof: Option<VerifyReport>,
}

/// A service, and what was served of it.
#[derive(Clone, Debug, serde::Serialize)]
pub struct ServiceReport {
    /// Its name.
    pub service: String,
    /// Who answers for it.
    pub owner: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// What was served in the time.
    pub served: ComparedSide,
    /// Why nothing is compared with a training set, and what to do.
    pub not_compared: Option<String>,
    /// The comparison with a training set.
    pub drift: Option<DriftReport>,
    /// Its features, in order, and then those that were served under another version.
    pub features: Vec<FeatureReport>,
}

/// A feature, and what was served of it.
#[derive(Clone, Debug, serde::Serialize)]
pub struct FeatureReport {
    /// Its reference: `activity@v1:purchases`.
    pub feature: String,
    /// What it means, in one line.
    pub meaning: String,
    /// Who answers for it.
    pub owner: Option<String>,
    /// The type of its values, where it is known.
    #[serde(rename = "type")]
    pub value_type: Option<ValueType>,
    /// Vectors served in the time.
    pub rows: u64,
    /// How many of them had a null.
    pub nulls: u64,
    /// Coverage: how many had each status.
    pub statuses: Vec<StatusCount>,
    /// The shares of the training set and of what was served, in the bins of the training set.
    pub histogram: Option<Histogram>,
}

impl ServiceReport {
    /// What the comparison says of a feature.
    pub fn drift_of(&self, feature: &str) -> Option<&FeatureDrift> {
        self.drift.as_ref()?.features.iter().find(|drift| drift.feature == feature)
    }
}

impl Report {
    /// The report as a page: one HTML file that needs no other, no script and no network.
    pub fn to_html(&self) -> String {
        page::page(self)
    }
}

impl FeatureStore {
    /// Gathers the report of the project. No component runs, but for a proof.
    pub fn report(&self, request: &ReportRequest) -> Result<Report, Error> {
        let catalog = self.catalog()?;
        if let Some(service) = &request.service {
            self.project().service(service)?;
        }
        let made_with = request.against.as_deref().map(service_of).transpose()?.flatten();
        let wanted = |service: &&ServiceEntry| request.service.as_ref().is_none_or(|name| *name == service.service);
        let mut services = Vec::new();
        for service in catalog.services.iter().filter(wanted) {
            let is_its_own =
                made_with.as_ref().is_none_or(|name| *name == service.service) || request.service.is_some();
            let against = request.against.clone().filter(|_| is_its_own);
            services.push(self.service_report(service, &catalog, request, against)?);
        }
        let told = |moment: Option<crate::time::AsOf>| moment.map(|moment| moment.to_string());
        Ok(Report {
            project: self.project().name.clone(),
            made_at: format_time(self.options().clock.now()),
            since: told(request.period.since),
            until: told(request.period.until),
            services,
            freshness: self.freshness(EntitiesTold::None)?,
            materialization: self.materializations()?,
            proof: request.verify.then(|| self.verify(request.period.since)).transpose()?,
        })
    }

    fn service_report(
        &self,
        service: &ServiceEntry,
        catalog: &Catalog,
        request: &ReportRequest,
        against: Option<PathBuf>,
    ) -> Result<ServiceReport, Error> {
        let noted = || newest_noted(&service.service, catalog, &self.project().root);
        let manifest = against.map_or_else(noted, Ok);
        let served = self.served_service(&service.service, request.period, manifest.as_deref().ok())?;
        let (drift, not_compared) = match (served.drift, manifest) {
            (Some(Ok(drift)), _) => (Some(drift), None),
            (Some(Err(error)), _) => (None, Some(error.to_string())),
            (None, Err(advice)) => (None, Some(advice)),
            (None, Ok(_)) => (None, None),
        };
        let mut features: Vec<FeatureReport> =
            service.features.iter().map(|feature| of_catalog(&with_version(feature), catalog)).collect();
        for served in served.features.into_iter().filter(|served| served.rows > 0) {
            match features.iter_mut().find(|known| known.feature == served.feature) {
                Some(known) => known.take(served),
                None => {
                    let mut other = of_catalog(&served.feature, catalog);
                    other.take(served);
                    features.push(other);
                }
            }
        }
        Ok(ServiceReport {
            service: service.service.clone(),
            owner: service.owner.clone(),
            description: service.description.clone(),
            served: served.observed,
            not_compared,
            drift,
            features,
        })
    }
}

impl FeatureReport {
    fn take(&mut self, served: ServedFeature) {
        self.value_type = Some(served.value_type);
        (self.rows, self.nulls) = (served.rows, served.nulls);
        (self.statuses, self.histogram) = (served.statuses, served.histogram);
    }
}

/// A feature by its reference with the version of its view, as it is recorded.
fn with_version(feature: &ServiceFeature) -> String {
    let name = feature.feature.split_once(':').map_or(&*feature.feature, |(_, name)| name);
    format!("{}:{name}", feature.view)
}

/// What the catalog says of a feature.
fn of_catalog(feature: &str, catalog: &Catalog) -> FeatureReport {
    let entry = catalog.features.iter().find(|entry| entry.feature == feature);
    FeatureReport {
        feature: feature.to_owned(),
        meaning: entry.map(|entry| entry.meaning()).unwrap_or_default(),
        owner: entry.and_then(|entry| entry.owner.clone()),
        value_type: entry.and_then(|entry| entry.value_type),
        rows: 0,
        nulls: 0,
        statuses: Vec::new(),
        histogram: None,
    }
}

/// The manifest of the newest training set of a service that is still where it was noted; or what to do.
fn newest_noted(service: &str, catalog: &Catalog, root: &Path) -> Result<PathBuf, String> {
    let of_service = || catalog.training_sets.iter().filter(|set| set.noted.service.as_deref() == Some(service));
    if let Some(set) = of_service().find(|set| set.is_there) {
        let mut manifest = root.join(&set.noted.path).into_os_string();
        manifest.push(".manifest.json");
        let manifest = PathBuf::from(manifest);
        return Ok(manifest.strip_prefix(".").map(Path::to_owned).unwrap_or(manifest));
    }
    Err(match of_service().next() {
        Some(gone) => format!(
            "the manifest of its newest training set, {}, is no longer there: put it and its profile back, name another one with \
             --against, or run `onepath backfill --service {service}` again",
            gone.noted.given.display()
        ),
        None => format!(
            "no training set of it is noted: run `onepath backfill --service {service}`, or name the manifest of one with --against"
        ),
    })
}
