//! What a view says of its values beside their count, sum and mean.

use std::collections::BTreeMap;

use super::View;
use crate::aggregate::{Max, Min, Variance};

impl View<'_, f64> {
    /// The smallest value. NaN is passed over; -0.0 is smaller than 0.0. None where there is no other event.
    pub fn min(&self) -> Option<f64> {
        let mut min = Min::default();
        self.values().iter().for_each(|&value| min.put(value));
        min.min()
    }

    /// The largest value. NaN is passed over; 0.0 is larger than -0.0. None where there is no other event.
    pub fn max(&self) -> Option<f64> {
        let mut max = Max::default();
        self.values().iter().for_each(|&value| max.put(value));
        max.max()
    }

    /// The population's variance, rounded once, as [`Variance::variance`] defines it.
    pub fn variance(&self) -> Option<f64> {
        self.spread().variance()
    }

    /// The sample's variance, rounded once, as [`Variance::sample_variance`] defines it.
    pub fn sample_variance(&self) -> Option<f64> {
        self.spread().sample_variance()
    }

    /// The population's standard deviation, as [`Variance::std_dev`] defines it.
    pub fn std_dev(&self) -> Option<f64> {
        self.spread().std_dev()
    }

    /// The sample's standard deviation, as [`Variance::sample_std_dev`] defines it.
    pub fn sample_std_dev(&self) -> Option<f64> {
        self.spread().sample_std_dev()
    }

    /// What the four of them are made of.
    #[doc(hidden)]
    pub fn spread(&self) -> Variance {
        let mut spread = Variance::default();
        self.values().iter().for_each(|&value| spread.put(value));
        spread
    }

    /// The quantile `q`, from 0 (the smallest value) to 1 (the largest): the value `q` of the way through the others in
    /// order, and between two of them what lies as far between their values (NumPy's `linear`, Excel's `PERCENTILE.INC`).
    /// Beyond 0 and 1 it stays there. NaN is passed over. None where there is no other event, or if `q` is NaN.
    ///
    /// The place among the values, `q` x (count - 1), is rounded once; what is said for it is within three units in the last place of
    /// the larger of the two values (in magnitude), and never beyond either. Between minus infinity and infinity it is NaN.
    pub fn quantile(&self, q: f64) -> Option<f64> {
        let mut values: Vec<f64> = self.values().iter().copied().filter(|value| !value.is_nan()).collect();
        if values.is_empty() || q.is_nan() {
            return None;
        }
        let place = q.clamp(0.0, 1.0) * (values.len() - 1) as f64;
        let below = place as usize;
        let (_, &mut low, above) = values.select_nth_unstable_by(below, f64::total_cmp);
        let high = above.iter().copied().min_by(f64::total_cmp).unwrap_or(low);
        let part = place - below as f64;
        if part == 0.0 || low == high {
            return Some(low);
        }
        let between = low * (1.0 - part) + high * part;
        // NaN where it is between two infinities, which is all that it can be.
        Some(if between.is_nan() { between } else { between.clamp(low, high) })
    }

    /// The quantile 0.5.
    pub fn median(&self) -> Option<f64> {
        self.quantile(0.5)
    }
}

impl View<'_, i64> {
    /// The sum; it stops at the ends of `i64`. 0 where there is no event.
    pub fn sum(&self) -> i64 {
        self.exact_sum().clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64
    }

    /// The sum, which has no end.
    #[doc(hidden)]
    pub fn exact_sum(&self) -> i128 {
        self.values().iter().map(|&value| i128::from(value)).sum()
    }

    /// The exact sum, rounded to float64, divided by the count; none where there is no event.
    pub fn mean(&self) -> Option<f64> {
        (!self.is_empty()).then(|| self.exact_sum() as f64 / self.count() as f64)
    }

    /// The smallest value; none where there is no event.
    pub fn min(&self) -> Option<i64> {
        self.values().iter().copied().min()
    }

    /// The largest value; none where there is no event.
    pub fn max(&self) -> Option<i64> {
        self.values().iter().copied().max()
    }

    /// How many different values there are.
    pub fn distinct(&self) -> i64 {
        self.counted().len() as i64
    }

    /// The `k` most frequent values and how often each is there, the most frequent first; of equally frequent ones the smaller.
    pub fn top(&self, k: usize) -> Vec<(i64, i64)> {
        let mut counted: Vec<(i64, i64)> = self.counted().into_iter().collect();
        // Stable, so that of equally frequent values the smaller stays first.
        counted.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
        counted.truncate(k);
        counted
    }

    fn counted(&self) -> BTreeMap<i64, i64> {
        let mut counted = BTreeMap::new();
        for &value in self.values() {
            *counted.entry(value).or_default() += 1;
        }
        counted
    }
}

impl View<'_, bool> {
    /// How many of the events are true.
    pub fn hits(&self) -> i64 {
        // Eight at a time, as one number.
        let (eights, rest) = self.values().as_chunks::<8>();
        let eights: u32 = eights.iter().map(|eight| u64::from_le_bytes(eight.map(u8::from)).count_ones()).sum();
        i64::from(eights) + rest.iter().filter(|&&value| value).count() as i64
    }

    /// The part of the events that is true; none where there is no event.
    pub fn share(&self) -> Option<f64> {
        crate::numeric::ratio(self.hits() as f64, self.count() as f64)
    }
}

impl<T: Copy> View<'_, T> {
    /// How long before `as_of` the latest event was; none where there is no event.
    pub fn since_last(&self, as_of: crate::time::AsOf) -> Option<crate::time::Length> {
        self.last().map(|(at, _)| as_of.since(at))
    }
}
