//! The report of a comparison, feature by feature.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::wrong;
use crate::Error;
use crate::log::STATUSES;
use crate::profile::{Cause, Comparison, ProfileSet, Severity, compare};
use crate::time::AsOf;

/// With fewer rows on one side nothing is said of a feature.
pub const VALUES_MIN: u64 = 200;

/// What the distributions of features say.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DriftReport {
    /// The worst of all features; `ok` where some have enough rows, and none an alert.
    pub verdict: Verdict,
    /// What counts as usual.
    pub reference: ComparedSide,
    /// What is looked at.
    pub observed: ComparedSide,
    /// The service whose vectors are looked at; `None` for all.
    pub service: Option<String>,
    /// Views that are of another identity on the two sides: there, the code may have changed.
    pub other_versions: Vec<OtherVersion>,
    /// Features of the reference that were not observed at all.
    pub not_observed: Vec<String>,
    /// The features, in the order of the reference.
    pub features: Vec<FeatureDrift>,
}

/// One of the two that are compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ComparedSide {
    /// What it is, in words.
    pub what: String,
    /// How many rows or vectors it has.
    pub rows: u64,
    /// The first as-of of served vectors, in ISO 8601.
    pub first_as_of: Option<String>,
    /// The last one.
    pub last_as_of: Option<String>,
    /// Served vectors, of any time, that have made room for newer ones.
    pub expired: u64,
    /// Served vectors that are missing or damaged.
    pub unread: u64,
    /// Why they could not be read.
    pub reasons: Vec<String>,
}

/// A view that is not the same on both sides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OtherVersion {
    /// The view.
    pub view: String,
    /// The digests of its identities in the reference, each with its rows.
    pub reference: BTreeMap<String, u64>,
    /// Those observed.
    pub observed: BTreeMap<String, u64>,
}

/// One feature, compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FeatureDrift {
    /// Its reference: `activity@v1:purchases`.
    pub feature: String,
    /// What is said of it.
    pub verdict: Verdict,
    /// Rows observed.
    pub n: u64,
    /// Rows of the reference.
    pub reference_n: u64,
    /// The statuses of served values; none of a training set.
    pub statuses: Vec<StatusCount>,
    /// The figures, and what was found.
    #[serde(flatten)]
    pub comparison: Comparison,
}

/// A status and its share.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StatusCount {
    /// The status, in the words of Feast's protocol.
    pub status: String,
    /// How many vectors.
    pub count: u64,
    /// Their share.
    pub share: f64,
}

/// What is said of a feature, or of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// One side has fewer than [`VALUES_MIN`] rows.
    TooFew,
    /// Nothing is worth an alert.
    Ok,
    /// Worth a look.
    Warn,
    /// Not what it was.
    Unstable,
}

impl Verdict {
    /// The verdict in one word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TooFew => "too few",
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Unstable => "unstable",
        }
    }
}

/// One side with all that is known of it.
#[derive(Default)]
pub(super) struct Side {
    pub(super) what: String,
    pub(super) service: Option<String>,
    /// By view, the digests of its identities, each with its rows.
    pub(super) identities: BTreeMap<String, BTreeMap<String, u64>>,
    pub(super) profile: ProfileSet,
    /// Per feature of the profile, how often it had each status; nothing of a training set.
    pub(super) statuses: Vec<[u64; STATUSES.len()]>,
    pub(super) expired: u64,
    pub(super) unread: u64,
    pub(super) reasons: Vec<String>,
    pub(super) as_ofs: Option<(AsOf, AsOf)>,
}

impl Side {
    pub(super) fn compared(&self) -> ComparedSide {
        let (first, last) = self.as_ofs.unzip();
        ComparedSide {
            what: self.what.clone(),
            rows: self.profile.rows,
            first_as_of: first.map(|as_of| as_of.to_string()),
            last_as_of: last.map(|as_of| as_of.to_string()),
            expired: self.expired,
            unread: self.unread,
            reasons: self.reasons.clone(),
        }
    }

    pub(super) fn status_counts(&self, at: usize) -> Vec<StatusCount> {
        let counts = self.statuses.get(at).copied();
        let all = counts.iter().flatten().sum::<u64>().max(1) as f64;
        let of = |(status, count): (&&str, u64)| StatusCount {
            status: (*status).to_owned(),
            count,
            share: count as f64 / all,
        };
        counts.into_iter().flat_map(|counts| STATUSES.iter().zip(counts)).map(of).collect()
    }
}

/// Compares two sides; `each` gives the features by their numbers, on as many threads as it likes.
pub(super) fn report(
    reference: &Side,
    observed: &Side,
    service: Option<String>,
    each: impl FnOnce(usize, &(dyn Fn(usize) -> FeatureDrift + Sync)) -> Vec<FeatureDrift>,
) -> Result<DriftReport, Error> {
    let other_versions = other_versions(reference, observed);
    let place = |name: &str| observed.profile.features.iter().position(|feature| feature.feature == name);
    let pairs: Vec<(usize, Option<usize>)> =
        reference.profile.features.iter().enumerate().map(|(at, feature)| (at, place(&feature.feature))).collect();
    let is_observed = |at: &usize| observed.profile.features[*at].rows > 0;
    let both: Vec<(usize, usize)> =
        pairs.iter().filter_map(|(at, place)| Some((*at, place.filter(is_observed)?))).collect();
    let not_observed: Vec<String> = pairs
        .iter()
        .filter(|(at, _)| both.iter().all(|(known, _)| known != at))
        .map(|(at, _)| reference.profile.features[*at].feature.clone())
        .collect();
    if both.is_empty() && observed.profile.rows > 0 && !reference.profile.features.is_empty() {
        return Err(wrong(format!("{} and {} have no feature in common", reference.what, observed.what)));
    }
    let compared = |at: usize| {
        let (of_reference, of_observed) = both[at];
        drift_of(reference, of_reference, observed, of_observed, both.len() as u64, &other_versions)
    };
    let features = each(both.len(), &compared);
    let verdict = features.iter().map(|feature| feature.verdict).max().unwrap_or(Verdict::TooFew);
    Ok(DriftReport {
        verdict,
        reference: reference.compared(),
        observed: observed.compared(),
        service,
        other_versions,
        not_observed,
        features,
    })
}

fn drift_of(
    reference: &Side,
    of_reference: usize,
    observed: &Side,
    of_observed: usize,
    features: u64,
    other_versions: &[OtherVersion],
) -> FeatureDrift {
    let (before, now) = (&reference.profile.features[of_reference], &observed.profile.features[of_observed]);
    let mut comparison = compare(before, now, features);
    let view = before.feature.split(':').next().unwrap_or_default();
    if other_versions.iter().any(|other| other.view == view) {
        comparison.findings.iter_mut().for_each(|finding| finding.cause = Cause::OtherVersions);
    }
    let is_too_few = before.rows.min(now.rows) < VALUES_MIN;
    if is_too_few {
        comparison.findings.clear();
    }
    let verdict = match comparison.findings.iter().map(|finding| finding.severity).max() {
        _ if is_too_few => Verdict::TooFew,
        Some(Severity::Unstable) => Verdict::Unstable,
        Some(Severity::Warn) => Verdict::Warn,
        Some(Severity::Note) | None => Verdict::Ok,
    };
    FeatureDrift {
        feature: before.feature.clone(),
        verdict,
        n: now.rows,
        reference_n: before.rows,
        statuses: observed.status_counts(of_observed),
        comparison,
    }
}

/// The views that both sides have, of other identities.
fn other_versions(reference: &Side, observed: &Side) -> Vec<OtherVersion> {
    let other = |(view, before): (&String, &BTreeMap<String, u64>)| {
        let now = observed.identities.get(view)?;
        let is_other = before.keys().ne(now.keys());
        is_other.then(|| OtherVersion { view: view.clone(), reference: before.clone(), observed: now.clone() })
    };
    reference.identities.iter().filter_map(other).collect()
}
