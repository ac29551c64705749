//! Pins: what would be served against what made a training set, line by line.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::ServerError;
use crate::feature_store::{FeaturePlan, FeatureSelection, FeatureStore};
use crate::log::{Meaning, SourceMeaning};
use crate::project::FeatureReference;
use crate::wasm::ENGINE_VERSION;

/// The parts of a manifest that decide features.
#[derive(Deserialize)]
struct Manifest {
    onepath: String,
    engine: String,
    #[serde(default = "first_conversions")]
    conversions: u32,
    service: Option<String>,
    features: Vec<String>,
    views: Vec<ViewRecord>,
}

#[derive(Deserialize)]
struct ViewRecord {
    view: String,
    component: String,
    state_version: u32,
    ttl: Option<String>,
    parameters: serde_json::Map<String, serde_json::Value>,
    #[serde(default)]
    sources: BTreeMap<String, SourceMeaning>,
}

/// That of training sets that were made before versions were recorded.
fn first_conversions() -> u32 {
    1
}

/// Refuses where what the project runs now differs from what the manifest at `path` records. Gives warnings: what differs and
/// should change no bit.
pub(super) fn check(store: &FeatureStore, path: &Path) -> Result<Vec<String>, ServerError> {
    let bytes = std::fs::read(path);
    let bytes = bytes.map_err(|source| ServerError::ManifestFile { path: path.to_owned(), source })?;
    let manifest: Manifest =
        serde_json::from_slice(&bytes).map_err(|source| ServerError::Manifest { path: path.to_owned(), source })?;
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
        let mut differ = |what: &str, then_is: &str, now_is: &str| {
            if then_is != now_is {
                differences.push(format!("  view {}, {what}: trained with {then_is}, now {now_is}", then.view));
            }
        };
        differ("component", &then.component, now.program.digest());
        let state_version = now.program.description().state_version;
        differ("state version", &then.state_version.to_string(), &state_version.to_string());
        let ttl = now.view.ttl.map(|ttl| ttl.to_string());
        differ("ttl", then.ttl.as_deref().unwrap_or("none"), ttl.as_deref().unwrap_or("none"));
        let parameters: serde_json::Map<_, _> =
            now.view.parameters.iter().map(|(name, value)| (name.clone(), crate::files::to_json(value))).collect();
        let names = then.parameters.keys().chain(parameters.keys().filter(|name| !then.parameters.contains_key(*name)));
        for name in names {
            let text = |value: Option<&serde_json::Value>| value.map_or_else(|| "none".to_owned(), ToString::to_string);
            differ(&format!("parameter {name}"), &text(then.parameters.get(name)), &text(parameters.get(name)));
        }
        let meaning = Meaning { conversions: manifest.conversions, sources: then.sources.clone() };
        let changes = meaning.changes(&now.meaning).into_iter();
        differences.extend(changes.map(|change| format!("  view {}: {change}", then.view)));
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
