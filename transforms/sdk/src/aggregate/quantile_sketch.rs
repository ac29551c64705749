//! Percentiles of any number of numbers, to a stated relative error.

use super::Aggregate;
use crate::compact;
use crate::state::{State, StateError};
use crate::time::EventTime;

/// Buckets for each doubling of a number, as a power of two, while there is room.
const BITS: u32 = 7;

/// More buckets than that become half as fine.
const BUCKETS_MAX: usize = 2_048;

/// Quantiles of float64 numbers, within a relative error of 2^-8 (0.4 %) of the exact one.
///
/// The numbers are counted in buckets of equal relative width, 128 to each doubling, as in DDSketch (Masson, Rim and Lee,
/// 2019); the buckets are told by the bits of the numbers, without a logarithm. The error is that while no more than 2,048
/// buckets are used, which numbers within a factor of 65,536 of each other never do. When more are, neighbours become one
/// and the error doubles (as in UDDSketch, Epicoco and others, 2020). The state is the same whatever the order of events
/// and merges, and takes about three bytes per bucket that is used. Numbers nearer to zero than 2^-1022 count as zero.
///
/// NaN is passed over. Infinities are the smallest and the largest numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct QuantileSketch {
    /// How often neighbouring buckets became one.
    halvings: u32,
    /// The bucket and how many numbers are in it, ascending.
    buckets: Vec<(i64, u64)>,
    /// The smallest and the largest number.
    extremes: Option<(f64, f64)>,
}

/// The number's place among all float64 numbers: consecutive numbers have consecutive places, 0.0 has 0.
fn place(number: f64) -> i64 {
    // Without the sign of zero.
    let bits = (number + 0.0).to_bits() as i64;
    if bits < 0 { !bits | i64::MIN } else { bits }
}

/// The number at a place.
fn number(place: i64) -> f64 {
    f64::from_bits(if place < 0 { !(place & i64::MAX) } else { place } as u64)
}

impl QuantileSketch {
    /// How many numbers there are.
    pub fn count(&self) -> i64 {
        self.buckets.iter().map(|&(_, count)| count as i64).sum()
    }

    /// The quantile `q` from 0 (the smallest number, exactly) to 1 (the largest, exactly): the number that `q` of the way
    /// through the others, rounded to the nearest one, would be in order. Beyond 0 and 1 it stays there. None where there is
    /// no number, or if `q` is NaN.
    pub fn quantile(&self, q: f64) -> Option<f64> {
        let (min, max) = self.extremes?;
        let count: u64 = self.buckets.iter().map(|&(_, count)| count).sum();
        let rank = (q.clamp(0.0, 1.0) * (count - 1) as f64).round();
        if rank.is_nan() {
            return None;
        }
        let rank = rank as u64;
        if rank == 0 || rank >= count - 1 {
            return Some(if rank == 0 { min } else { max });
        }
        let mut before = 0;
        let bucket = self.buckets.iter().find(|&&(_, count)| {
            before += count;
            before > rank
        });
        Some(bucket.map_or(max, |&(bucket, _)| self.middle(bucket).clamp(min, max)))
    }

    /// The quantile 0.5.
    pub fn median(&self) -> Option<f64> {
        self.quantile(0.5)
    }

    fn shift(&self) -> u32 {
        52 - BITS + self.halvings
    }

    /// The number in the middle of a bucket.
    fn middle(&self, bucket: i64) -> f64 {
        if bucket == 0 {
            return 0.0;
        }
        let finite = |number: f64| number.clamp(f64::MIN, f64::MAX);
        let first = bucket << self.shift();
        let (low, high) = (finite(number(first)), finite(number(first | ((1 << self.shift()) - 1))));
        low / 2.0 + high / 2.0
    }

    #[inline]
    fn add_extremes(&mut self, min: f64, max: f64) {
        let (least, most) = self.extremes.unwrap_or((min, max));
        self.extremes = Some((if min < least { min } else { least }, if max > most { max } else { most }));
    }

    #[inline]
    fn insert(&mut self, bucket: i64, count: u64) {
        match self.buckets.binary_search_by_key(&bucket, |&(bucket, _)| bucket) {
            Ok(at) => self.buckets[at].1 += count,
            Err(at) => self.buckets.insert(at, (bucket, count)),
        }
    }

    /// Makes neighbours one until there are few enough.
    fn settle(&mut self) {
        while self.buckets.len() > BUCKETS_MAX {
            self.halve();
        }
    }

    fn halve(&mut self) {
        self.halvings += 1;
        for (bucket, _) in &mut self.buckets {
            *bucket >>= 1;
        }
        self.buckets.dedup_by(|(bucket, count), (before, into)| {
            let is_same = bucket == before;
            *into += if is_same { *count } else { 0 };
            is_same
        });
    }
}

impl Aggregate for QuantileSketch {
    type Item<'a> = f64;

    #[inline]
    fn push(&mut self, _: EventTime, number: f64) {
        if number.is_nan() {
            return;
        }
        let number = number + 0.0;
        self.add_extremes(number, number);
        self.insert(place(number) >> self.shift(), 1);
        self.settle();
    }

    fn merge(&mut self, other: &Self) {
        let Some((min, max)) = other.extremes else { return };
        while self.halvings < other.halvings {
            self.halve();
        }
        self.add_extremes(min, max);
        let finer = self.halvings - other.halvings;
        for &(bucket, count) in &other.buckets {
            self.insert(bucket >> finer, count);
        }
        self.settle();
    }
}

/// The halvings, the number of buckets, each bucket's distance from the one before and its count; then the smallest and the
/// largest number, if there are any.
impl State for QuantileSketch {
    fn encode(&self, bytes: &mut Vec<u8>) {
        bytes.push(self.halvings as u8);
        compact::encode_len(self.buckets.len(), bytes);
        let mut before = 0;
        for &(bucket, count) in &self.buckets {
            compact::encode_i64(bucket - before, bytes);
            compact::encode_u64(count, bytes);
            before = bucket;
        }
        if let Some((min, max)) = self.extremes {
            min.encode(bytes);
            max.encode(bytes);
        }
    }

    fn decode(bytes: &mut &[u8]) -> Result<Self, StateError> {
        let wrong = || StateError::new("a quantile sketch is damaged");
        let mut sketch = QuantileSketch { halvings: u32::from(u8::decode(bytes)?), ..Self::default() };
        let count = compact::decode_len(bytes)?;
        if count > BUCKETS_MAX || sketch.halvings > BITS + 11 {
            return Err(wrong());
        }
        sketch.buckets.reserve_exact(count + 1);
        let mut bucket = 0_i64;
        for at in 0..count {
            let distance = compact::decode_i64(bytes)?;
            bucket = bucket.checked_add(distance).filter(|_| at == 0 || distance > 0).ok_or_else(wrong)?;
            let numbers = compact::decode_u64(bytes)?;
            let limit = i64::MAX >> sketch.shift();
            if numbers == 0 || numbers > i64::MAX as u64 || bucket > limit || bucket < !limit {
                return Err(wrong());
            }
            sketch.buckets.push((bucket, numbers));
        }
        if let (Some(&(lowest, _)), Some(&(highest, _))) = (sketch.buckets.first(), sketch.buckets.last()) {
            let (min, max) = (f64::decode(bytes)?, f64::decode(bytes)?);
            let is_of = |number: f64, bucket| {
                !number.is_nan() && number.to_bits() != 1 << 63 && place(number) >> sketch.shift() == bucket
            };
            if !is_of(min, lowest) || !is_of(max, highest) || min > max {
                return Err(wrong());
            }
            sketch.extremes = Some((min, max));
        }
        let total = sketch.buckets.iter().try_fold(0_u64, |total, &(_, count)| total.checked_add(count));
        total.filter(|&total| total <= i64::MAX as u64).map(|_| sketch).ok_or_else(wrong)
    }
}
