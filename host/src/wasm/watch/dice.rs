//! Chance that no guest can foresee: a generator of numbers whose seed is the system's randomness.

use std::hash::{BuildHasher, RandomState};

/// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
#[derive(Debug)]
pub(in crate::wasm) struct Dice(u64);

impl Dice {
    /// Numbers by a seed and by the digest of what they decide about; without a seed, by the system's randomness.
    pub(in crate::wasm) fn new(seed: Option<u64>, digest: &str) -> Self {
        // The standard library seeds its hashers with the randomness that the system gives the process.
        let seed = seed.unwrap_or_else(|| RandomState::new().hash_one(digest));
        let bytes = digest.bytes().map(u64::from);
        Self(bytes.fold(seed, |mixed, byte| mixed.rotate_left(8).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ byte))
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Another generator, which goes its own way.
    pub(super) fn fork(&mut self) -> Self {
        Self(self.next())
    }

    /// A number in `0..end`; `end` is at least 1.
    pub(in crate::wasm) fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    /// True once in `times`.
    pub(in crate::wasm) fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// A number from 1 to `max` whose size is any: as often from 2 to 4 as from 200 to 400.
    pub(super) fn size(&mut self, max: usize) -> usize {
        let exponent = self.unit() * (max.max(1) as f64).ln();
        (exponent.exp() as usize).clamp(1, max.max(1))
    }

    /// How many calls go by until one with the chance of `share` is met, that call included; never, where there is no chance.
    pub(super) fn calls_until(&mut self, share: f64) -> u64 {
        match share {
            share if share >= 1.0 => 1,
            share if share > 0.0 => 1 + (self.unit().ln() / (-share).ln_1p()) as u64,
            _ => u64::MAX,
        }
    }

    pub(super) fn shuffle<T>(&mut self, items: &mut [T]) {
        for at in (1..items.len()).rev() {
            items.swap(at, self.below(at + 1));
        }
    }

    /// Above 0, and at most 1.
    fn unit(&mut self) -> f64 {
        ((self.next() >> 11) + 1) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_decides_all_and_without_one_two_processes_differ() {
        let of = |seed| {
            let mut dice = Dice::new(seed, "d1");
            [dice.next(), dice.next()]
        };
        assert_eq!(of(Some(7)), of(Some(7)));
        assert_ne!(of(Some(7)), of(Some(8)));
        // Two hashers of one process differ as those of two processes do.
        assert_ne!(of(None), of(None));
    }

    #[test]
    fn calls_come_with_their_share() {
        let mut dice = Dice::new(Some(3), "d1");
        for share in [0.05, 0.001] {
            let draws = 20_000;
            let calls: u64 = (0..draws).map(|_| dice.calls_until(share)).sum();
            let found = f64::from(draws) / calls as f64;
            assert!((found / share - 1.0).abs() < 0.05, "seed 3: {found} for {share}");
        }
        assert_eq!((dice.calls_until(1.0), dice.calls_until(0.0)), (1, u64::MAX));
    }

    #[test]
    fn sizes_are_within_their_bounds_and_of_every_order() {
        let mut dice = Dice::new(Some(3), "d1");
        let sizes: Vec<usize> = (0..1_000).map(|_| dice.size(512)).collect();
        assert!(sizes.iter().all(|size| (1..=512).contains(size)));
        assert!(
            [1..5, 5..50, 200..513].iter().all(|range| sizes.iter().filter(|size| range.contains(*size)).count() > 50)
        );
    }
}
