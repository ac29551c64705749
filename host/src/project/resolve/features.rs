//! Resolves what is declared about single features.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;

use super::{length, parameters, ttl};
use crate::batch::Value;
use crate::project::fault::Fault;
use crate::project::raw::{RawFeature, Table, in_order};
use crate::project::{FeatureInfo, names};

/// What is declared about the features of `view`, by name.
pub(super) fn features(
    view: &str,
    raw: Table<RawFeature>,
    has_sources: bool,
) -> Result<BTreeMap<String, FeatureInfo>, Fault> {
    let info = |(name, raw): (Spanned<String>, RawFeature)| {
        let name = names::identifier(&name, "a feature")?;
        let RawFeature { owner, description, default, ttl: of_feature, freshness, tags } = raw;
        let ttl = ttl(of_feature, || format!("feature {name:?} of view {view:?}"), has_sources)?;
        let default = default.map(|value| default_value(&name, &value)).transpose()?;
        let freshness = length(freshness)?;
        Ok((name, FeatureInfo { owner, description, default, ttl, freshness, tags }))
    };
    in_order(raw).into_iter().map(info).collect()
}

/// A default as it is written; whether the feature is of its type shows with the component.
fn default_value(feature: &str, value: &Spanned<toml::Value>) -> Result<Value, Fault> {
    parameters::scalar(value.get_ref()).ok_or_else(|| {
        Fault::new(value.span(), format!("the default of feature {feature:?} is not a value that a feature can have"))
            .help("write true or false, a number, a text, a date with or without a time, or a list of numbers")
    })
}

/// Where the defaults of features are.
pub(super) fn spans_of_defaults(table: &Table<RawFeature>) -> BTreeMap<String, Range<usize>> {
    let default = |(name, feature): (&Spanned<String>, &RawFeature)| {
        let span = feature.default.as_ref()?.span();
        Some((name.get_ref().clone(), span))
    };
    table.iter().filter_map(default).collect()
}
