//! Profiles of features, and how far one is from another: pure statistics over columns.
//!
//! - `exact`: sums without rounding; mean and variance, correctly rounded (`round`). - `sample`: up to [`SAMPLE_MAX`] values, chosen by
//!   hash. - `categories`: counts of texts and booleans. - `bins`: decile bins of a sample. - `feature`: the profile of one feature, and
//!   its making, column by column. - `set`: those of all features, as JSON.
//! - `psi`: the population stability index. - `ks`: the two-sample Kolmogorov-Smirnov test. - `interval`: Wilson's interval, and the
//!   tails of the normal and the chi-square distribution. - `compare`: what two profiles say of each other. - `histogram`: what there
//!   is to draw of both.
//!
//! Every figure is a function of the rows alone: not of their order, of how they were cut into batches, or of threads.
//! `docs/monitor.md` has the definition of each.
//!
//! Knows nothing of files, projects, components, or of who was served.

mod bins;
mod categories;
mod compare;
mod exact;
mod feature;
mod histogram;
mod interval;
mod ks;
mod psi;
mod round;
mod sample;
mod set;
#[cfg(test)]
mod tests;

pub use bins::{Bin, Deciles};
pub use categories::{CATEGORIES_LISTED, Categories, Category};
pub use compare::{
    Cause, ComparedBin, Comparison, FALSE_ALARMS_MAX, Finding, FindingKind, KS_D_MIN, KS_VALUES_MIN, NULLS_UNSTABLE,
    NULLS_WARN, OUTLIER_DEVIATIONS, PSI_UNSTABLE, PSI_WARN, Severity, TESTS_PER_FEATURE, ValueShare, compare,
};
pub use exact::Moments;
pub use feature::{FeatureProfile, FeatureProfiler, Measure, Number, ProfiledRows};
pub use histogram::{Histogram, HistogramBin, histogram};
pub use interval::{Interval, chi_square_tail, normal_quantile, wilson};
pub use ks::{KsTest, ks_two_samples};
pub use psi::{SHARE_FLOOR, psi};
pub use sample::{SAMPLE_MAX, row_hashes, scrambled};
pub use set::{PROFILE_FORMAT, ProfileSet};
