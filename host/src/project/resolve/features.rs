//! Resolves what is declared about single features.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;

use super::transform::MadeFeature;
use super::{length, parameters, ttl};
use crate::batch::Value;
use crate::project::fault::Fault;
use crate::project::raw::RawFeature;
use crate::project::{FeatureInfo, names};

/// What is declared about the features of `view`, by name. In a declared view one table may make several: `made` names each, with the
/// place of its table.
pub(super) fn features(
    view: &str,
    raw: Vec<(Spanned<String>, RawFeature)>,
    made: &[MadeFeature],
    has_sources: bool,
) -> Result<BTreeMap<String, FeatureInfo>, Fault> {
    let info = |(name, raw): (Spanned<String>, RawFeature)| {
        let name = names::identifier(&name, "a feature")?;
        let RawFeature { owner, description, default, ttl: of_feature, freshness, profile_values, tags, making: _ } =
            raw;
        let ttl = ttl(of_feature, || format!("feature {name:?} of view {view:?}"), has_sources)?;
        let default = default.map(|value| default_value(&name, &value)).transpose()?;
        let freshness = length(freshness)?;
        Ok(FeatureInfo { owner, description, default, ttl, freshness, profile_values, tags })
    };
    let infos = raw.into_iter().map(info).collect::<Result<Vec<FeatureInfo>, Fault>>()?;
    Ok(made.iter().map(|(name, at, _)| (name.clone(), infos[*at].clone())).collect())
}

/// A default as it is written; whether the feature is of its type shows with the component.
pub(super) fn default_value(feature: &str, value: &Spanned<toml::Value>) -> Result<Value, Fault> {
    parameters::scalar(value.get_ref()).ok_or_else(|| {
        Fault::new(value.span(), format!("the default of feature {feature:?} is not a value that a feature can have"))
            .help("write true or false, a number, a text, a date with or without a time, or a list of numbers")
    })
}

/// Where the defaults of features are.
pub(super) fn spans_of_defaults(
    raw: &[(Spanned<String>, RawFeature)],
    made: &[MadeFeature],
) -> BTreeMap<String, Range<usize>> {
    let default = |(name, at, _): &MadeFeature| Some((name.clone(), raw[*at].1.default.as_ref()?.span()));
    made.iter().filter_map(default).collect()
}
