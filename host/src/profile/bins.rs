//! The decile bins of a sample, which stay as they are whatever is compared with them.

use serde::{Deserialize, Serialize};

/// Bins between the deciles of a sample.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Deciles {
    /// Whether they are those of all values; otherwise of a sample of them.
    pub exact: bool,
    /// How many values they are of.
    pub values: u64,
    /// The bins in order; every number is in one.
    pub bins: Vec<Bin>,
}

/// A bin: the numbers above the bin before, up to its upper end.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bin {
    /// Its upper end; `None` of the last one, which has no end.
    pub upper: Option<f64>,
    /// Whether the upper end belongs to it.
    pub closed: bool,
    /// How many of the values.
    pub count: u64,
}

impl Deciles {
    /// The bins of `sorted` values, which are all (`exact`) or a sample of them; none of no values.
    ///
    /// Decile j is the value of rank `ceil(j * n / 10)`, and a bin goes up to a decile, inclusive. Where several deciles are equal, many
    /// values are: that value has a bin of its own, and they are one.
    pub fn of(sorted: &[f64], exact: bool) -> Option<Self> {
        if sorted.is_empty() {
            return None;
        }
        let deciles: Vec<f64> = (1..10).map(|decile| sorted[(decile * sorted.len()).div_ceil(10) - 1]).collect();
        let mut bins = Vec::new();
        for equal in deciles.chunk_by(|a, b| a == b) {
            if equal.len() > 1 {
                bins.push(Bin { upper: Some(equal[0]), closed: false, count: 0 });
            }
            bins.push(Bin { upper: Some(equal[0]), closed: true, count: 0 });
        }
        bins.push(Bin { upper: None, closed: false, count: 0 });
        let mut deciles = Self { exact, values: sorted.len() as u64, bins };
        let counts = deciles.counts(sorted);
        deciles.bins.iter_mut().zip(counts).for_each(|(bin, count)| bin.count = count);
        Some(deciles)
    }

    /// The place of the bin that a finite value is in.
    pub fn bin_of(&self, value: f64) -> usize {
        let is_within = |bin: &Bin| match bin.upper {
            None => true,
            Some(upper) => value < upper || (bin.closed && value == upper),
        };
        self.bins.iter().position(is_within).unwrap_or(self.bins.len().saturating_sub(1))
    }

    /// How many of other values, which are sorted, are in each bin.
    pub fn counts(&self, sorted: &[f64]) -> Vec<u64> {
        let mut before = 0;
        let count = |bin: &Bin| {
            let end = match (bin.upper, bin.closed) {
                (None, _) => sorted.len(),
                (Some(upper), true) => sorted.partition_point(|value| *value <= upper),
                (Some(upper), false) => sorted.partition_point(|value| *value < upper),
            };
            let count = end.saturating_sub(before) as u64;
            before = before.max(end);
            count
        };
        self.bins.iter().map(count).collect()
    }
}
