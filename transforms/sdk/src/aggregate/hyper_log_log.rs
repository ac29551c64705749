//! How many different keys there were, in a fixed number of bytes.

use std::fmt;
use std::marker::PhantomData;

use super::{Aggregate, Key};
use crate::compact;
use crate::state::{State, StateError, take};
use crate::time::EventTime;

/// An estimate of how many different keys there were, with a standard error of 1.04 / sqrt(2^`P`): 1.6 % for `P` = 12.
///
/// `K` is `String`, `i64` or `bool`; `P` is from 4 to 16. Each of 2^`P` registers keeps the longest run of zeros among the
/// [digests](crate::hash::digest) that fall to it; the estimate is Ertl's ("New cardinality estimation algorithms for HyperLogLog
/// sketches", 2017), which needs no correction tables and is good from one key on. The state takes 2^`P` bytes at most, and
/// about three per key while there are few.
///
/// The error is that of keys that nobody chose for it. A digest takes some 80 ns longer than a hash, and in return no keys of one
/// digest are found; but whoever chooses the keys may try some 2^`P` for each that falls where others did, and so make the
/// estimate too small. Where that matters, count with a [`Distinct`](super::Distinct).
pub struct HyperLogLog<K, const P: u32 = 12> {
    /// Empty, or 2^P registers.
    registers: Vec<u8>,
    keys: PhantomData<fn(K)>,
}

impl<K, const P: u32> HyperLogLog<K, P> {
    const REGISTERS: usize = {
        assert!(P >= 4 && P <= 16, "the P of a HyperLogLog is from 4 to 16");
        1 << P
    };

    /// The longest run of zeros that a hash has left, and one.
    const RUN_MAX: u8 = 64 - P as u8 + 1;

    /// The estimate, rounded to the nearest whole number; 0 for none.
    pub fn count(&self) -> i64 {
        if self.registers.is_empty() {
            return 0;
        }
        let mut runs = [0_u32; 65];
        for (_, word) in self.used_words() {
            word.iter().for_each(|&run| runs[usize::from(run)] += 1);
        }
        runs[0] = Self::REGISTERS as u32 - runs[1..].iter().sum::<u32>();
        let (registers, longest) = (Self::REGISTERS as f64, usize::from(Self::RUN_MAX));
        let mut z = registers * tau(1.0 - f64::from(runs[longest]) / registers);
        for run in (1..longest).rev() {
            z = 0.5 * (z + f64::from(runs[run]));
        }
        z += registers * sigma(f64::from(runs[0]) / registers);
        // 1 / (2 ln 2)
        (0.721_347_520_444_481_7 * registers * registers / z).round() as i64
    }

    /// The registers in eights, but for eights of zeros: most registers of most sketches are 0.
    fn used_words(&self) -> impl Iterator<Item = (usize, &[u8; 8])> {
        let (words, _) = self.registers.as_chunks::<8>();
        words.iter().enumerate().filter(|(_, word)| u64::from_le_bytes(**word) != 0)
    }

    #[inline]
    fn add_hash(&mut self, hash: u64) {
        if self.registers.is_empty() {
            self.registers = vec![0; Self::REGISTERS];
        }
        let run = (hash << P | 1 << (P - 1)).leading_zeros() as u8 + 1;
        let register = &mut self.registers[(hash >> (64 - P)) as usize];
        *register = run.max(*register);
    }
}

/// x + sum of x^(2^k) 2^(k - 1), for k from 1 on. Without end at 1.
fn sigma(mut x: f64) -> f64 {
    if x == 1.0 {
        return f64::INFINITY;
    }
    let (mut weight, mut sum) = (1.0, x);
    loop {
        x *= x;
        let before = sum;
        sum += x * weight;
        weight += weight;
        if sum == before {
            return sum;
        }
    }
}

/// (1 - x - sum of (1 - x^(2^-k))^2 2^-k) / 3, for k from 1 on.
fn tau(mut x: f64) -> f64 {
    if x == 0.0 || x == 1.0 {
        return 0.0;
    }
    let (mut weight, mut sum) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = sum;
        weight *= 0.5;
        sum -= (1.0 - x) * (1.0 - x) * weight;
        if sum == before {
            return sum / 3.0;
        }
    }
}

impl<K: Key, const P: u32> Aggregate for HyperLogLog<K, P> {
    type Item<'a> = &'a K::Ref;

    #[inline]
    fn push(&mut self, _: EventTime, key: &K::Ref) {
        self.add_hash(crate::hash::digest(key));
    }

    fn merge(&mut self, other: &Self) {
        if self.registers.is_empty() {
            self.registers.clone_from(&other.registers);
            return;
        }
        for (register, &run) in self.registers.iter_mut().zip(&other.registers) {
            *register = run.max(*register);
        }
    }
}

/// How many registers are not 0. If each could be named with three bytes in less than all take, these follow, ascending: the
/// number of the register (`u16`) and its run. Otherwise all registers, a byte each.
impl<K, const P: u32> State for HyperLogLog<K, P> {
    fn encode(&self, bytes: &mut Vec<u8>) {
        let used: usize = self.used_words().map(|(_, word)| word.iter().filter(|&&run| run != 0).count()).sum();
        compact::encode_len(used, bytes);
        if used * 3 >= Self::REGISTERS {
            bytes.extend_from_slice(&self.registers);
            return;
        }
        for (number, word) in self.used_words() {
            for (place, &run) in word.iter().enumerate().filter(|&(_, &run)| run != 0) {
                // There are at most 2^16.
                ((number * 8 + place) as u16).encode(bytes);
                bytes.push(run);
            }
        }
    }

    fn decode(bytes: &mut &[u8]) -> Result<Self, StateError> {
        let wrong = || StateError::new("a HyperLogLog is damaged, or of another P");
        let used = compact::decode_len(bytes)?;
        let mut registers = Vec::new();
        if used * 3 >= Self::REGISTERS {
            registers = take(bytes, Self::REGISTERS)?.to_vec();
            let is_run = |&run: &u8| run <= Self::RUN_MAX;
            if !registers.iter().all(is_run) || registers.iter().filter(|&&run| run != 0).count() != used {
                return Err(wrong());
            }
        } else if used > 0 {
            registers.resize(Self::REGISTERS, 0);
            let (entries, _) = take(bytes, used * 3)?.as_chunks::<3>();
            let mut next = 0;
            for &[low, high, run] in entries {
                let number = usize::from(u16::from_le_bytes([low, high]));
                if number < next || number >= Self::REGISTERS || run == 0 || run > Self::RUN_MAX {
                    return Err(wrong());
                }
                registers[number] = run;
                next = number + 1;
            }
        }
        Ok(HyperLogLog { registers, keys: PhantomData })
    }
}

impl<K, const P: u32> Default for HyperLogLog<K, P> {
    fn default() -> Self {
        HyperLogLog { registers: Vec::new(), keys: PhantomData }
    }
}

impl<K, const P: u32> Clone for HyperLogLog<K, P> {
    fn clone(&self) -> Self {
        HyperLogLog { registers: self.registers.clone(), keys: PhantomData }
    }
}

impl<K, const P: u32> PartialEq for HyperLogLog<K, P> {
    fn eq(&self, other: &Self) -> bool {
        self.registers == other.registers
    }
}

impl<K, const P: u32> fmt::Debug for HyperLogLog<K, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HyperLogLog(about {})", self.count())
    }
}
