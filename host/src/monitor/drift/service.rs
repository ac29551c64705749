//! What was served of one service in a time, feature by feature, with the bins that a page draws.

use std::path::Path;

use super::observed::Others;
use super::report::Side;
use super::{ComparedSide, DriftReport, Period, StatusCount, reference};
use crate::Error;
use crate::feature_store::FeatureStore;
use crate::profile::{FeatureProfile, Histogram, histogram};
use crate::schema::ValueType;

/// What was served of a service.
pub(in crate::monitor) struct ServedService {
    pub(in crate::monitor) observed: ComparedSide,
    pub(in crate::monitor) features: Vec<ServedFeature>,
    /// The comparison with a training set, or why there is none.
    pub(in crate::monitor) drift: Option<Result<DriftReport, Error>>,
}

/// What was served of a feature.
pub(in crate::monitor) struct ServedFeature {
    pub(in crate::monitor) feature: String,
    pub(in crate::monitor) value_type: ValueType,
    pub(in crate::monitor) rows: u64,
    pub(in crate::monitor) nulls: u64,
    pub(in crate::monitor) statuses: Vec<StatusCount>,
    /// In the bins of the training set.
    pub(in crate::monitor) histogram: Option<Histogram>,
}

/// The service that the training set of a manifest was made with; an error where it is none with a profile.
pub(in crate::monitor) fn service_of(manifest: &Path) -> Result<Option<String>, Error> {
    Ok(reference::training_set(manifest)?.service)
}

/// What was served in a time of one service, or of all, compared with nothing.
pub(in crate::monitor) fn all_served(
    store: &FeatureStore,
    period: Period,
    service: Option<&str>,
) -> Result<(ComparedSide, Vec<ServedFeature>), Error> {
    let side = store.served_side(period, service.map(str::to_owned), None, Others::Watched)?;
    let features = features_of(&side, |_| None);
    Ok((side.compared(), features))
}

impl FeatureStore {
    /// What was served of a service in a time, compared with the training set of a manifest, where there is one.
    pub(in crate::monitor) fn served_service(
        &self,
        service: &str,
        period: Period,
        manifest: Option<&Path>,
    ) -> Result<ServedService, Error> {
        let service = Some(service.to_owned());
        let reference = manifest.map(reference::training_set).transpose();
        let (reference, fault) = match reference {
            Ok(reference) => (reference, None),
            Err(error) => (None, Some(Err(error))),
        };
        let observed = self.served_side(period, service.clone(), reference.as_ref(), Others::Watched)?;
        let of_reference = |name: &str| -> Option<&FeatureProfile> {
            reference.as_ref()?.profile.features.iter().find(|profile| profile.feature == name)
        };
        let features = features_of(&observed, |profile| {
            of_reference(&profile.feature).and_then(|reference| histogram(reference, profile))
        });
        let drift = reference.as_ref().map(|reference| self.compared(reference, &observed, service));
        Ok(ServedService { observed: observed.compared(), features, drift: drift.or(fault) })
    }
}

fn features_of(side: &Side, drawn: impl Fn(&FeatureProfile) -> Option<Histogram>) -> Vec<ServedFeature> {
    let feature = |(at, profile): (usize, &FeatureProfile)| ServedFeature {
        feature: profile.feature.clone(),
        value_type: profile.value_type,
        rows: profile.rows,
        nulls: profile.nulls,
        statuses: side.status_counts(at),
        histogram: drawn(profile),
    };
    side.profile.features.iter().enumerate().map(feature).collect()
}
