//! Drift: whether features are distributed as those that a model was trained on, or as those of another time.
//!
//! - `reference`: the profile of a training set, by its manifest. - `observed`: the profile of what was served in a time. `report`: what
//!   the comparison says. - `service`: all that is known of what was served of a service, with bins to draw.
//!
//! The figures are those of [`crate::profile`]. What is compared was made by the same code, or the report says that it was not: so it
//! names *inputs* that changed, or their *delivery*, and never the code.

mod observed;
mod reference;
mod report;
mod service;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

pub use report::{ComparedSide, DriftReport, FeatureDrift, OtherVersion, StatusCount, VALUES_MIN, Verdict};

pub(super) use service::{ServedFeature, all_served, service_of};

use crate::feature_store::FeatureStore;
use crate::profile::{Deciles, Measure};
use crate::time::AsOf;
use crate::{Error, threads};
use observed::Others;

/// What is to be compared with what.
#[derive(Clone, Debug)]
pub struct DriftRequest {
    /// What counts as usual. Its bins are those that both are counted in.
    pub reference: DriftSide,
    /// What is looked at.
    pub observed: DriftSide,
    /// Only what was served of this service; by default that of the training set, and all where it has none.
    pub service: Option<String>,
}

/// One of the two that are compared.
#[derive(Clone, Debug)]
pub enum DriftSide {
    /// A training set, by its manifest: `OUT.manifest.json`.
    TrainingSet(PathBuf),
    /// What was served in a time.
    Served(Period),
}

/// A time by as-ofs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Period {
    /// The first moment, inclusive; without one, from the first vector that is kept.
    pub since: Option<AsOf>,
    /// The end, exclusive; without one, up to the last vector.
    pub until: Option<AsOf>,
}

impl FeatureStore {
    /// Compares the distributions of features: of what was served, or of a training set, with those of a training set or of another time.
    ///
    /// No component runs: served vectors are read as they were recorded, and training sets by their profiles.
    pub fn drift(&self, request: &DriftRequest) -> Result<DriftReport, Error> {
        let reference = self.side(&request.reference, request.service.clone(), None)?;
        let service = request.service.clone().or_else(|| reference.service.clone());
        let observed = self.side(&request.observed, service.clone(), Some(&reference))?;
        self.compared(&reference, &observed, service)
    }

    fn compared(
        &self,
        reference: &report::Side,
        observed: &report::Side,
        service: Option<String>,
    ) -> Result<DriftReport, Error> {
        report::report(reference, observed, service, |count, compare| {
            let compared =
                threads::map(self.options().threads, count, |at| Ok::<_, std::convert::Infallible>(compare(at)));
            compared.unwrap_or_else(|never| match never {})
        })
    }

    fn side(
        &self,
        side: &DriftSide,
        service: Option<String>,
        reference: Option<&report::Side>,
    ) -> Result<report::Side, Error> {
        match side {
            DriftSide::TrainingSet(manifest) => reference::training_set(manifest),
            DriftSide::Served(period) => {
                let others = if reference.is_none() { Others::Watched } else { Others::LeftOut };
                self.served_side(*period, service, reference, others)
            }
        }
    }
}

/// The bins of the numbers of a training set, by feature: nothing where it has no profile that can be read, without which it can be
/// pinned too.
pub(crate) fn reference_deciles(manifest: &Path) -> HashMap<String, Deciles> {
    let Ok(side) = reference::training_set(manifest) else { return HashMap::new() };
    let numbers = side.profile.features.into_iter().filter(|feature| feature.measure == Measure::Value);
    numbers.filter_map(|feature| Some((feature.feature, feature.deciles?))).collect()
}

fn wrong(message: String) -> Error {
    Error::Request { message }
}
