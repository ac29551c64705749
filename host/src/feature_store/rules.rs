//! Defaults and times to live of single features: from the project file to programs, and to the record of what served.

use super::FeatureStore;
use crate::evaluate::{FeatureRule, ViewProgram};
use crate::log::{ServedProgram, decode_values, encode_values};
use crate::project::{FeatureInfo, View};
use crate::time::Length;

/// What a view decides of its features beside the transform.
pub(super) fn rules_of(view: &View) -> Vec<FeatureRule> {
    let decided = view.features.iter().filter(|(_, info)| info.default.is_some() || info.ttl.is_some());
    let rule = |(name, info): (&String, &FeatureInfo)| FeatureRule {
        feature: name.clone(),
        default: info.default.clone(),
        ttl: info.ttl,
    };
    decided.map(rule).collect()
}

/// The defaults of a view and the times to live of its features, as what served is recorded.
pub(crate) fn recorded_rules(view: &View) -> (String, Vec<(String, i64)>) {
    let defaults = view.features.iter().filter_map(|(name, info)| Some((name.clone(), info.default.clone()?)));
    let defaults: Vec<_> = defaults.collect();
    let ttls = view.features.iter().filter_map(|(name, info)| Some((name.clone(), info.ttl?.0)));
    let defaults = if defaults.is_empty() { String::new() } else { encode_values(&defaults) };
    (defaults, ttls.collect())
}

/// Gives a view the defaults and times to live of features that it served with, and no others.
pub(super) fn restore_rules(view: &mut View, served: &ServedProgram) -> Result<(), serde_json::Error> {
    let defaults = if served.defaults.is_empty() { Vec::new() } else { decode_values(&served.defaults)? };
    for info in view.features.values_mut() {
        (info.default, info.ttl) = (None, None);
    }
    for (name, default) in defaults {
        view.features.entry(name).or_default().default = Some(default);
    }
    for (name, ttl) in &served.feature_ttls_us {
        view.features.entry(name.clone()).or_default().ttl = Some(Length(*ttl));
    }
    Ok(())
}

impl FeatureStore {
    /// Warns of a default that never takes the place of a null, because there is none.
    pub(super) fn warn_of_defaults(&self, view: &View, program: &ViewProgram) {
        for (at, field) in program.description().output_features.iter().enumerate() {
            let has_default = view.features.get(&field.name).is_some_and(|info| info.default.is_some());
            if has_default && !field.nullable && program.ttl_of(at).is_none() {
                (self.options().warning)(&format!(
                    "view {}: the default of feature {} is never used: its transform gives no null, and it has no ttl; remove it",
                    view.label(),
                    field.name
                ));
            }
        }
    }
}
