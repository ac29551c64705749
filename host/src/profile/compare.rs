//! What two profiles of one feature say of each other, and which of it is an alert.
//!
//! An alert needs both: an effect that is large enough to matter, and one that chance does not give. Of all tests of a report together,
//! chance gives an alert with a probability of at most [`FALSE_ALARMS_MAX`] (Bonferroni).

use serde::{Deserialize, Serialize};

use super::categories::{Categories, Category};
use super::feature::FeatureProfile;
use super::interval::{Interval, chi_square_tail, normal_quantile, wilson};
use super::ks::{Distance, KsTest};
use super::psi::psi;

/// From here on a population stability index is worth a look.
pub const PSI_WARN: f64 = 0.1;

/// From here on it says that the feature is not what a model was trained on.
pub const PSI_UNSTABLE: f64 = 0.2;

/// A smaller distance of Kolmogorov and Smirnov is no alert, however sure it is.
pub const KS_D_MIN: f64 = 0.1;

/// With fewer values observed it is none either.
pub const KS_VALUES_MIN: u64 = 1_000;

/// From so much more, or less, of a share on, nulls, missing entities and new categories are worth a look.
pub const NULLS_WARN: f64 = 0.01;

/// From here on they are more than that.
pub const NULLS_UNSTABLE: f64 = 0.1;

/// Deviations beyond the extremes of the reference from which on a value is an outlier.
pub const OUTLIER_DEVIATIONS: f64 = 10.0;

/// Tests that a feature may have; by them, and by the number of features, the probability of false alarms is divided.
pub const TESTS_PER_FEATURE: u64 = 7;

/// The probability that chance gives any alert of a report, at most.
pub const FALSE_ALARMS_MAX: f64 = 0.005;

/// Of new categories so many are named.
const NEW_SHOWN: usize = 10;

/// 95 %, for intervals that are shown.
const Z_SHOWN: f64 = 1.959_963_984_540_054;

/// How much something matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Told, and no alert.
    Note,
    /// Worth a look.
    Warn,
    /// Not what it was.
    Unstable,
}

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// Values are distributed otherwise.
    Shift,
    /// More or fewer nulls.
    Nulls,
    /// More or fewer values that are NaN or infinite.
    NotFinite,
    /// Values that the reference does not have.
    NewCategory,
    /// Single values far beyond the extremes of the reference.
    Outlier,
    /// More or fewer rows without an event, or with too old ones.
    Coverage,
}

/// What has changed, as far as it shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The inputs: the same code gave other values.
    Inputs,
    /// The delivery of events: late, missing or refused.
    Delivery,
    /// Not known: what is compared was made by other versions.
    OtherVersions,
}

/// Something that differs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// What.
    pub kind: FindingKind,
    /// How much it matters.
    pub severity: Severity,
    /// What has changed.
    pub cause: Cause,
    /// The same in words.
    pub text: String,
}

/// A share of the rows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ValueShare {
    /// How many rows.
    pub count: u64,
    /// Of so many.
    pub of: u64,
    /// Their share; 0 of none.
    pub share: f64,
    /// Wilson's interval of 95 %.
    pub interval: Interval,
}

impl ValueShare {
    fn new(count: u64, of: u64) -> Self {
        let share = if of == 0 { 0.0 } else { count as f64 / of as f64 };
        Self { count, of, share, interval: wilson(count, of, Z_SHOWN) }
    }
}

/// A bin of the reference, with what there is of both in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ComparedBin {
    /// The category; `None` of numbers, and of the bin for all other categories.
    pub category: Option<String>,
    /// Of numbers, up to where it goes; `None` of the last one.
    pub upper: Option<f64>,
    /// Whether `upper` itself is in it.
    pub closed: bool,
    /// Values of the reference's sample, or rows with its categories.
    pub reference: u64,
    /// The same of what is looked at.
    pub observed: u64,
}

/// Two profiles of one feature, compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Nulls of the reference.
    pub reference_nulls: ValueShare,
    /// Nulls observed.
    pub nulls: ValueShare,
    /// The population stability index over the decile bins of the reference, or over its categories.
    pub psi: Option<f64>,
    /// The bins that it is summed over; none where one side has no values.
    #[serde(default)]
    pub bins: Vec<ComparedBin>,
    /// The probability of counts like these, or less likely ones, in the same bins, if nothing has changed (chi-square).
    pub psi_p: Option<f64>,
    /// The test of Kolmogorov and Smirnov on the samples of both.
    pub ks: Option<KsTest>,
    /// The mean of the reference.
    pub reference_mean: Option<f64>,
    /// The mean observed.
    pub mean: Option<f64>,
    /// How far the mean has moved, in standard deviations of the reference; `None` where it has none.
    pub mean_shift: Option<f64>,
    /// The most frequent values that the reference does not list.
    pub new_categories: Vec<Category>,
    /// All that is worth telling, the most severe first.
    pub findings: Vec<Finding>,
}

/// Compares what was observed of a feature with its reference, in a report of so many features.
pub fn compare(reference: &FeatureProfile, observed: &FeatureProfile, features: u64) -> Comparison {
    let test = Distance::of(&reference.sample, &observed.sample).map(Distance::test);
    compare_tested(reference, observed, features, test)
}

/// The findings of [`compare`]; without those p that decide nothing, for they take most of its time.
#[cfg(test)]
pub(super) fn findings(reference: &FeatureProfile, observed: &FeatureProfile, features: u64) -> Vec<Finding> {
    let distance = Distance::of(&reference.sample, &observed.sample);
    let decides = |distance: &Distance| distance.d >= KS_D_MIN && observed.sample.len() as u64 >= KS_VALUES_MIN;
    compare_tested(reference, observed, features, distance.filter(decides).map(Distance::test)).findings
}

fn compare_tested(
    reference: &FeatureProfile,
    observed: &FeatureProfile,
    features: u64,
    ks: Option<KsTest>,
) -> Comparison {
    let alpha = FALSE_ALARMS_MAX / (features.max(1) * TESTS_PER_FEATURE) as f64;
    let chances = Chances { alpha, z: normal_quantile(alpha / 2.0) };
    let bins = bins(reference, observed);
    let counts: Option<(Vec<u64>, Vec<u64>)> =
        bins.as_ref().map(|bins| bins.iter().map(|bin| (bin.reference, bin.observed)).unzip());
    let psi_of_bins = counts.as_ref().and_then(|(reference, observed)| psi(reference, observed));
    let psi_p = counts.as_ref().map(|(reference, observed)| same_counts(reference, observed));
    let deviation = reference.variance.map(f64::sqrt).filter(|deviation| *deviation > 0.0);
    let mean_shift = match (reference.mean, observed.mean, deviation) {
        (Some(before), Some(now), Some(deviation)) => Some((now - before) / deviation),
        _ => None,
    };
    let mut compared = Comparison {
        reference_nulls: ValueShare::new(reference.nulls, reference.rows),
        nulls: ValueShare::new(observed.nulls, observed.rows),
        psi: psi_of_bins,
        bins: bins.unwrap_or_default(),
        psi_p,
        ks,
        reference_mean: reference.mean,
        mean: observed.mean,
        mean_shift,
        new_categories: Vec::new(),
        findings: Vec::new(),
    };
    let coverage = chances.coverage(reference, observed);
    let is_delivery = coverage.is_some();
    let mut findings: Vec<Finding> = coverage.into_iter().collect();
    findings.extend(chances.nulls(reference, observed, is_delivery));
    findings.extend(chances.not_finite(reference, observed));
    findings.extend(chances.shift(&compared, is_delivery));
    let (new, listed) = new_categories(reference, observed);
    findings.extend(chances.new_category(reference, observed, new, &listed));
    findings.extend(outlier(reference, observed, deviation));
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    compared.new_categories = listed;
    compared.findings = findings;
    compared
}

/// What chance may do in one test.
struct Chances {
    alpha: f64,
    /// The same of a normal deviate, for both sides.
    z: f64,
}

impl Chances {
    /// How much the difference of two shares matters, if chance does not give it.
    fn of_shares(&self, before: (u64, u64), now: (u64, u64)) -> Option<(Severity, f64, f64)> {
        let share = |(count, all): (u64, u64)| if all == 0 { 0.0 } else { count as f64 / all as f64 };
        let (was, is) = (share(before), share(now));
        let (before, now) = (wilson(before.0, before.1, self.z), wilson(now.0, now.1, self.z));
        let is_apart = before.high < now.low || now.high < before.low;
        let severity = match (is - was).abs() {
            difference if difference >= NULLS_UNSTABLE => Severity::Unstable,
            difference if difference >= NULLS_WARN => Severity::Warn,
            _ => return None,
        };
        is_apart.then_some((severity, was, is))
    }

    fn coverage(&self, reference: &FeatureProfile, observed: &FeatureProfile) -> Option<Finding> {
        let status = |name: &str, before: Option<u64>, now: Option<u64>| {
            let (severity, was, is) = self.of_shares((before?, reference.rows), (now?, observed.rows))?;
            Some((severity, format!("{name} {} -> {}", percent(was), percent(is))))
        };
        let found = [
            status("NOT_FOUND", reference.not_found, observed.not_found),
            status("OUTSIDE_MAX_AGE", reference.outside_max_age, observed.outside_max_age),
        ];
        let found: Vec<(Severity, String)> = found.into_iter().flatten().collect();
        let severity = found.iter().map(|(severity, _)| *severity).max()?;
        let text = found.into_iter().map(|(_, text)| text).collect::<Vec<_>>().join(", ");
        Some(Finding { kind: FindingKind::Coverage, severity, cause: Cause::Delivery, text })
    }

    /// Nulls; of a delivery that failed, where most of those that came are in rows without an event, or with too old ones.
    fn nulls(&self, reference: &FeatureProfile, observed: &FeatureProfile, is_delivery: bool) -> Option<Finding> {
        let (severity, was, is) = self.of_shares((reference.nulls, reference.rows), (observed.nulls, observed.rows))?;
        let undelivered = observed.undelivered_nulls.map_or(0.0, |nulls| nulls as f64 / observed.rows as f64);
        let known = |count: Option<u64>| count.map_or(0.0, |count| count as f64 / reference.rows.max(1) as f64);
        let before = match reference.undelivered_nulls {
            Some(_) => known(reference.undelivered_nulls),
            None => (known(reference.not_found) + known(reference.outside_max_age)).min(was),
        };
        let is_delivery = is_delivery || (is > was && undelivered - before >= (is - was) / 2.0);
        let cause = if is_delivery { Cause::Delivery } else { Cause::Inputs };
        let text = format!("nulls {} -> {}", percent(was), percent(is));
        Some(Finding { kind: FindingKind::Nulls, severity, cause, text })
    }

    fn not_finite(&self, reference: &FeatureProfile, observed: &FeatureProfile) -> Option<Finding> {
        let of = |profile: &FeatureProfile| (profile.nan + profile.infinite, profile.rows);
        let (severity, was, is) = self.of_shares(of(reference), of(observed))?;
        let text = format!("NaN or infinite {} -> {}", percent(was), percent(is));
        Some(Finding { kind: FindingKind::NotFinite, severity, cause: Cause::Inputs, text })
    }

    /// Another distribution, by the index or by the test.
    fn shift(&self, compared: &Comparison, is_delivery: bool) -> Option<Finding> {
        let is_sure = compared.psi_p.is_some_and(|p| p <= self.alpha);
        let by_psi = match compared.psi.filter(|_| is_sure) {
            Some(psi) if psi >= PSI_UNSTABLE => Some(Severity::Unstable),
            Some(psi) if psi >= PSI_WARN => Some(Severity::Warn),
            _ => None,
        };
        let is_apart = |ks: &KsTest| ks.d >= KS_D_MIN && ks.observed >= KS_VALUES_MIN && ks.p <= self.alpha;
        let by_ks = compared.ks.filter(is_apart).map(|_| Severity::Warn);
        let severity = by_psi.max(by_ks)?;
        let mut text = format!("PSI {:.3}", compared.psi.unwrap_or_default());
        if let Some(ks) = &compared.ks {
            text += &format!(", KS D {:.3} p {:.1e}", ks.d, ks.p);
        }
        if let Some(shift) = compared.mean_shift {
            text += &format!(", mean {shift:+.2} deviations");
        }
        let cause = if is_delivery { Cause::Delivery } else { Cause::Inputs };
        Some(Finding { kind: FindingKind::Shift, severity, cause, text })
    }

    fn new_category(
        &self,
        reference: &FeatureProfile,
        observed: &FeatureProfile,
        new: u64,
        listed: &[Category],
    ) -> Option<Finding> {
        let (before, now) = (reference.categories.as_ref()?, observed.categories.as_ref()?);
        let (severity, _, is) = self.of_shares((before.other, valued(reference)), (new, valued(observed)))?;
        let is_more = new * valued(reference) > before.other * valued(observed);
        let names: Vec<String> = listed.iter().take(3).map(|category| format!("{:?}", category.value)).collect();
        let more = if now.distinct > 0 && listed.len() > names.len() { ", ..." } else { "" };
        let text = format!("{} in values that the reference does not have: {}{more}", percent(is), names.join(", "));
        is_more.then_some(Finding { kind: FindingKind::NewCategory, severity, cause: Cause::Inputs, text })
    }
}

fn valued(profile: &FeatureProfile) -> u64 {
    profile.rows - profile.nulls
}

/// How many rows have a category that the reference does not list, and the most frequent of these.
fn new_categories(reference: &FeatureProfile, observed: &FeatureProfile) -> (u64, Vec<Category>) {
    let (Some(before), Some(now)) = (&reference.categories, &observed.categories) else { return (0, Vec::new()) };
    let known: std::collections::HashSet<&str> = before.listed.iter().map(|category| &*category.value).collect();
    let new = || now.listed.iter().filter(|category| !known.contains(&*category.value));
    let count = new().map(|category| category.count).sum::<u64>() + now.other;
    (count, new().take(NEW_SHOWN).cloned().collect())
}

/// Values far beyond what the reference has: they move a mean, and no index.
fn outlier(reference: &FeatureProfile, observed: &FeatureProfile, deviation: Option<f64>) -> Option<Finding> {
    let (deviation, of) = (deviation?, |number: Option<super::Number>| number.map(super::Number::as_float));
    let above = (of(observed.max)? - of(reference.max)?) / deviation;
    let below = (of(reference.min)? - of(observed.min)?) / deviation;
    let text = match (above >= OUTLIER_DEVIATIONS, below >= OUTLIER_DEVIATIONS) {
        (false, false) => return None,
        (true, _) => format!("largest {:e}, {above:.0} deviations above any of the reference", of(observed.max)?),
        (_, true) => format!("smallest {:e}, {below:.0} deviations below any of the reference", of(observed.min)?),
    };
    Some(Finding { kind: FindingKind::Outlier, severity: Severity::Note, cause: Cause::Inputs, text })
}

/// The bins of the reference, with what there is of reference and observed in them.
pub(super) fn bins(reference: &FeatureProfile, observed: &FeatureProfile) -> Option<Vec<ComparedBin>> {
    if let (Some(before), Some(now)) = (&reference.categories, &observed.categories) {
        return Some(category_bins(before, now));
    }
    let deciles = reference.deciles.as_ref()?;
    let counts = (!observed.sample.is_empty()).then(|| deciles.counts(&observed.sample))?;
    let bin = |(bin, observed): (&super::Bin, u64)| ComparedBin {
        category: None,
        upper: bin.upper,
        closed: bin.closed,
        reference: bin.count,
        observed,
    };
    Some(deciles.bins.iter().zip(counts).map(bin).collect())
}

/// A bin for each frequent category of the reference, and one for the rest. Values that are new for sure are not counted: they are told
/// by themselves.
fn category_bins(before: &Categories, now: &Categories) -> Vec<ComparedBin> {
    let all = before.all();
    let is_known =
        |category: &&Category| before.other > 0 || before.listed.iter().any(|known| known.value == category.value);
    let of_rare = if before.other > 0 { now.other } else { 0 };
    let all_now = now.listed.iter().filter(is_known).map(|category| category.count).sum::<u64>() + of_rare;
    let counts: std::collections::HashMap<&str, u64> =
        now.listed.iter().map(|category| (&*category.value, category.count)).collect();
    let bin = |category, reference, observed| ComparedBin { category, upper: None, closed: false, reference, observed };
    let mut bins: Vec<ComparedBin> = before
        .frequent()
        .map(|category| {
            let observed = counts.get(&*category.value).copied().unwrap_or(0);
            bin(Some(category.value.clone()), category.count, observed)
        })
        .collect();
    let (listed, listed_now) =
        bins.iter().fold((0, 0), |(before, now), bin| (before + bin.reference, now + bin.observed));
    bins.push(bin(None, all - listed, all_now - listed_now));
    bins
}

/// The probability of counts like these if both are drawn from the same bins: Pearson's chi-square of two samples.
fn same_counts(reference: &[u64], observed: &[u64]) -> f64 {
    let (m, n) = (reference.iter().sum::<u64>() as f64, observed.iter().sum::<u64>() as f64);
    if m == 0.0 || n == 0.0 {
        return 1.0;
    }
    let pairs = || reference.iter().zip(observed).filter(|(a, b)| **a + **b > 0);
    let (of_m, of_n) = ((n / m).sqrt(), (m / n).sqrt());
    let square = |(a, b): (&u64, &u64)| (of_m * *a as f64 - of_n * *b as f64).powi(2) / (a + b) as f64;
    chi_square_tail(pairs().map(square).sum(), (pairs().count() as u32).saturating_sub(1))
}

fn percent(share: f64) -> String {
    format!("{:.2} %", 100.0 * share)
}
