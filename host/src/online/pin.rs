//! Pins: what would be served against what made a training set, line by line.

use std::path::Path;

use super::ServerError;
use crate::feature_store::{FeaturePlan, FeatureSelection, FeatureStore, Manifest};
use crate::log::ViewIdentity;
use crate::project::FeatureReference;
use crate::wasm::ENGINE_VERSION;

/// Refuses where what the project runs now differs from what the manifest at `path` records. Gives warnings: what differs and
/// should change no bit.
pub(super) fn check(store: &FeatureStore, path: &Path) -> Result<Vec<String>, ServerError> {
    let bytes = std::fs::read(path);
    let bytes = bytes.map_err(|source| ServerError::ManifestFile { path: path.to_owned(), source })?;
    let manifest =
        Manifest::from_json(&bytes).map_err(|source| ServerError::Manifest { path: path.to_owned(), source })?;
    let mut differences = Vec::new();
    let references: Vec<FeatureReference> =
        manifest.features.iter().map(|text| text.parse()).collect::<Result<_, _>>()?;
    match store.plan(&FeatureSelection::References(references)) {
        Ok(plan) => compare_views(&manifest, &plan, &mut differences),
        Err(error) => differences.push(format!("  the features of the training set: {error}")),
    }
    if let Some(service) = &manifest.service {
        compare_service(store, service, &manifest.features, &mut differences);
    }
    if !differences.is_empty() {
        return Err(ServerError::Pin { path: path.to_owned(), differences });
    }
    let mut warnings = Vec::new();
    for (what, then, now) in [
        ("onepath", manifest.onepath.as_str(), env!("CARGO_PKG_VERSION")),
        ("engine", &manifest.engine, ENGINE_VERSION),
    ] {
        if then != now {
            warnings.push(format!("{what}: the training set was made by {then}, this is {now}"));
        }
    }
    Ok(warnings)
}

fn compare_views(manifest: &Manifest, plan: &FeaturePlan, differences: &mut Vec<String>) {
    for then in &manifest.views {
        let Some(now) = plan.views.iter().find(|now| now.program.id() == then.view) else {
            differences.push(format!("  view {}: no feature is made by it now", then.view));
            continue;
        };
        let trained = ViewIdentity::from(then.parts.clone());
        if then.parts.is_empty() {
            differences.push(format!(
                "  view {}: the manifest records no identity of it: make the training set again",
                then.view
            ));
            continue;
        }
        for (part, then_is, now_is) in trained.differences(&now.identity) {
            differences.push(format!("  view {}, {part}: trained with {then_is}, now {now_is}", then.view));
        }
    }
    for now in plan.views.iter().filter(|now| !manifest.views.iter().any(|then| then.view == now.program.id())) {
        differences.push(format!("  view {}: it had no part in the training set", now.program.id()));
    }
}

/// Compares the features that a service gives now with those that it gave.
fn compare_service(store: &FeatureStore, service: &str, then: &[String], differences: &mut Vec<String>) {
    let now = match store.plan(&FeatureSelection::Service(service.to_owned())) {
        Ok(plan) => plan.features.iter().map(|feature| plan.resolved(feature).to_string()).collect::<Vec<_>>(),
        Err(error) => return differences.push(format!("  service {service}: {error}")),
    };
    for feature in then.iter().filter(|feature| !now.contains(feature)) {
        differences.push(format!("  service {service}: it no longer has {feature}"));
    }
    for feature in now.iter().filter(|feature| !then.contains(feature)) {
        differences.push(format!("  service {service}: it has {feature}, which was not trained with"));
    }
    if differences.is_empty() && now != then {
        differences.push(format!("  service {service}: its features are in another order: {}", now.join(", ")));
    }
}
