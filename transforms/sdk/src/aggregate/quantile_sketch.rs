//! Percentiles of any number of numbers, to a stated relative error.

use super::Aggregate;
use crate::compact;
use crate::state::{State, StateError};
use crate::time::EventTime;

/// Buckets for each doubling of a number, as a power of two, while there is room.
const BITS: u32 = 7;

/// More buckets than that become half as fine.
const BUCKETS_MAX: usize = 2_048;

/// After so many halvings a bucket covers two doublings, and all finite numbers are in 2,048 buckets.
const HALVINGS_MAX: u32 = BITS + 1;

/// Quantiles of float64 numbers, within a relative error of 2^-8 (0.4 %) of the exact one.
///
/// The numbers are counted in buckets of equal relative width, 128 to each doubling, as in DDSketch (Masson, Rim and Lee,
/// 2019); the buckets are told by the bits of the numbers, without a logarithm. The error is that while no more than 2,048
/// buckets are used, which numbers of one sign within a factor of 65,000 of each other never do. When more are, neighbours become
/// one and the error doubles (as in UDDSketch, Epicoco and others, 2020), up to 2^-1; at the very most, for numbers of all signs and
/// exponents that float64 has, it is 0.6. The state is the same whatever the order of events and merges, and takes three or
/// four bytes per bucket that is used, beside the counts: one more byte for each factor of 128 of a bucket's count.
///
/// Numbers nearer to zero than 2^-1022 count as zero (2^-1021 where the error is 0.6). NaN is passed over. Infinities are the
/// smallest and the largest numbers, and stay apart from finite ones.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct QuantileSketch {
    /// How often neighbouring buckets became one.
    halvings: u32,
    /// How many numbers are minus infinity, and how many are infinity.
    infinite: [u64; 2],
    /// The bucket and how many numbers are in it, ascending.
    buckets: Vec<(i64, u64)>,
    /// The smallest and the largest finite number.
    extremes: Option<(f64, f64)>,
}

/// The number's place among all finite float64 numbers: consecutive numbers have consecutive places, 0.0 has 0, and -x has -1 less
/// the place of x. Subnormal numbers are where 0.0 is.
#[inline]
fn place(number: f64) -> i64 {
    let bits = number.to_bits() as i64;
    if number.abs() < f64::MIN_POSITIVE {
        0
    } else if bits < 0 {
        !bits | i64::MIN
    } else {
        bits
    }
}

impl QuantileSketch {
    /// How many numbers there are.
    pub fn count(&self) -> i64 {
        self.numbers() as i64
    }

    fn numbers(&self) -> u64 {
        self.buckets.iter().map(|&(_, count)| count).sum::<u64>() + self.infinite[0] + self.infinite[1]
    }

    /// The quantile `q` from 0 (the smallest number, exactly) to 1 (the largest, exactly): the number that `q` of the way
    /// through the others, rounded to the nearest one, would be in order. Beyond 0 and 1 it stays there. None where there is
    /// no number, or if `q` is NaN.
    pub fn quantile(&self, q: f64) -> Option<f64> {
        let last = self.numbers().checked_sub(1)?;
        let rank = (q.clamp(0.0, 1.0) * last as f64).round();
        if rank.is_nan() {
            return None;
        }
        let rank = (rank as u64).min(last);
        let [below, above] = self.infinite;
        if rank < below {
            return Some(f64::NEG_INFINITY);
        }
        let Some((min, max)) = self.extremes.filter(|_| rank + above <= last) else { return Some(f64::INFINITY) };
        if rank == below || rank + above == last {
            return Some(if rank == below { min } else { max });
        }
        let mut before = below;
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

    #[inline]
    fn shift(&self) -> u32 {
        52 - BITS + self.halvings
    }

    /// The number in the middle of a bucket: as far from either end, as a part of that end.
    fn middle(&self, bucket: i64) -> f64 {
        let above_zero = if bucket < 0 { !bucket } else { bucket };
        if above_zero == 0 {
            return 0.0;
        }
        let largest = f64::MAX.to_bits() as i64;
        let (first, next) = (above_zero << self.shift(), (above_zero + 1) << self.shift());
        let (low, high) = (f64::from_bits(first as u64), f64::from_bits((next - 1).min(largest) as u64));
        // 2 x low x high / (low + high), where nothing overflows.
        let middle = low * (2.0 / (1.0 + low / high));
        if bucket < 0 { -middle } else { middle }
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
        if number.is_infinite() {
            self.infinite[usize::from(number > 0.0)] += 1;
            return;
        }
        // Without the sign of zero.
        let number = number + 0.0;
        self.add_extremes(number, number);
        self.insert(place(number) >> self.shift(), 1);
        self.settle();
    }

    fn merge(&mut self, other: &Self) {
        self.infinite[0] += other.infinite[0];
        self.infinite[1] += other.infinite[1];
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

/// The halvings, how many numbers are minus infinity and infinity, the number of buckets, each bucket's distance from the one
/// before and its count; then the smallest and the largest finite number, if there are any.
impl State for QuantileSketch {
    fn encode(&self, bytes: &mut Vec<u8>) {
        bytes.push(self.halvings as u8);
        self.infinite.iter().for_each(|&count| compact::encode_u64(count, bytes));
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
        let mut sketch = QuantileSketch { halvings: u32::from(u8::decode(bytes)?), ..Self::default() };
        if sketch.halvings > HALVINGS_MAX {
            return Err(damaged());
        }
        sketch.infinite = [compact::decode_u64(bytes)?, compact::decode_u64(bytes)?];
        sketch.decode_buckets(bytes)?;
        if let (Some(&(lowest, _)), Some(&(highest, _))) = (sketch.buckets.first(), sketch.buckets.last()) {
            let (min, max) = (f64::decode(bytes)?, f64::decode(bytes)?);
            let is_of = |number: f64, bucket| {
                let is_number = number.is_finite() && number.to_bits() != 1 << 63;
                is_number && place(number) >> sketch.shift() == bucket
            };
            if !is_of(min, lowest) || !is_of(max, highest) || min > max {
                return Err(damaged());
            }
            sketch.extremes = Some((min, max));
        }
        let counts = sketch.buckets.iter().map(|&(_, count)| count).chain(sketch.infinite);
        let total = counts.into_iter().try_fold(0_u64, u64::checked_add);
        total.filter(|&total| total <= i64::MAX as u64).map(|_| sketch).ok_or_else(damaged)
    }
}

impl QuantileSketch {
    fn decode_buckets(&mut self, bytes: &mut &[u8]) -> Result<(), StateError> {
        let count = compact::decode_len(bytes)?;
        if count > BUCKETS_MAX {
            return Err(damaged());
        }
        self.buckets.reserve_exact(count + 1);
        let limit = f64::MAX.to_bits() as i64 >> self.shift();
        let mut bucket = 0_i64;
        for at in 0..count {
            let distance = compact::decode_i64(bytes)?;
            bucket = bucket.checked_add(distance).filter(|_| at == 0 || distance > 0).ok_or_else(damaged)?;
            let numbers = compact::decode_u64(bytes)?;
            if numbers == 0 || bucket > limit || bucket < !limit {
                return Err(damaged());
            }
            self.buckets.push((bucket, numbers));
        }
        Ok(())
    }
}

fn damaged() -> StateError {
    StateError::new("a quantile sketch is damaged")
}
