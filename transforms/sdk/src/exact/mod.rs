//! Exact sums: numbers added up as integers, however large, and rounded once when they are read.
//!
//! So a sum has one value for the numbers in it, whatever their order, whichever parts were added up first and whatever
//! came and went before. That is what lets sums of tiles be merged, and what keeps a lifetime's sum from drifting.
//!
//! The integer is in two's complement, as limbs of 64 bits whose place in the number line is fixed (as in Kulisch's
//! accumulator), so adding a float64 touches two of them. Ordinary data stay within four limbs, 256 bits; what does not
//! moves to as many as it needs.

mod natural;

use crate::compact;
use crate::state::{State, StateError, take};

/// Limbs that need no allocation.
const NEAR: usize = 4;

/// What fades is dropped where it is so many limbs below the highest: 256 bits.
const FADED: i64 = 4;

/// A sum of numbers with finitely many binary digits, without rounding.
#[derive(Clone, Debug, Default)]
pub(crate) struct Exact {
    /// The place of the lowest limb: its lowest bit counts 2^(64 x `low`).
    low: i64,
    limbs: Limbs,
}

#[derive(Clone, Debug)]
enum Limbs {
    Near([u64; NEAR]),
    /// The uppermost limb only repeats the sign, so that adding one number cannot overflow.
    Far(Vec<u64>),
}

impl Default for Limbs {
    fn default() -> Self {
        Limbs::Near([0; NEAR])
    }
}

/// A number to be added: `magnitude` x 2^`position`, or less that.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Term {
    pub(crate) is_negative: bool,
    pub(crate) magnitude: u128,
    pub(crate) position: i64,
}

impl Term {
    /// A finite number.
    #[inline]
    pub(crate) fn new(number: f64) -> Self {
        let bits = number.to_bits();
        let (exponent, fraction) = ((bits >> 52 & 0x7ff) as i64, bits & ((1 << 52) - 1));
        let (magnitude, position) =
            if exponent == 0 { (fraction, -1074) } else { (fraction | 1 << 52, exponent - 1075) };
        Term { is_negative: number.is_sign_negative(), magnitude: u128::from(magnitude), position }
    }

    /// The square of a finite number.
    #[inline]
    pub(crate) fn square(number: f64) -> Self {
        let Term { magnitude, position, .. } = Term::new(number);
        Term { is_negative: false, magnitude: magnitude * magnitude, position: position * 2 }
    }
}

/// All bits of the sign of the highest limb.
fn sign_of(limb: u64) -> u64 {
    (limb as i64 >> 63) as u64
}

/// The magnitude, shifted up by fewer than 64 bits, as limbs.
#[inline]
fn shifted(magnitude: u128, shift: u32) -> [u64; 3] {
    let (upper, low) = ((magnitude >> 64) as u64, magnitude << shift);
    // Twice, since a shift by 64 bits is none.
    [low as u64, (low >> 64) as u64, upper >> 1 >> (63 - shift)]
}

/// Those limbs at their place among four, if there is room and the sign bit stays free.
#[inline]
fn place([p0, p1, p2]: [u64; 3], offset: i64) -> Option<[u64; NEAR]> {
    match offset {
        0 => Some([p0, p1, p2, 0]),
        1 if p2 >> 63 == 0 => Some([0, p0, p1, p2]),
        2 if p2 == 0 && p1 >> 63 == 0 => Some([0, 0, p0, p1]),
        3 if p2 == 0 && p1 == 0 && p0 >> 63 == 0 => Some([0, 0, 0, p0]),
        _ => None,
    }
}

/// The sum or the difference of two numbers of four limbs, unless it overflows.
#[inline]
fn combine(a: &[u64; NEAR], b: &[u64; NEAR], is_negative: bool) -> Option<[u64; NEAR]> {
    // Less b is all its bits inverted, and one.
    let (invert, mut carry) = if is_negative { (u64::MAX, true) } else { (0, false) };
    let mut sum = [0; NEAR];
    for index in 0..NEAR {
        let (partial, first) = a[index].overflowing_add(b[index] ^ invert);
        let (total, second) = partial.overflowing_add(u64::from(carry));
        (sum[index], carry) = (total, first | second);
    }
    let (a, b, sum_top) = (a[NEAR - 1], b[NEAR - 1] ^ invert, sum[NEAR - 1]);
    // It overflows if both have one sign and the sum has the other.
    ((a ^ sum_top) & (b ^ sum_top) < 1 << 63).then_some(sum)
}

impl Exact {
    /// Adds a number.
    #[inline]
    pub(crate) fn add(&mut self, term: Term) {
        if term.magnitude == 0 {
            return;
        }
        let limb = term.position.div_euclid(64);
        let parts = shifted(term.magnitude, term.position.rem_euclid(64) as u32);
        if let Limbs::Near(limbs) = &mut self.limbs
            && let Some(placed) = place(parts, limb - self.low)
            && let Some(sum) = combine(limbs, &placed, term.is_negative)
        {
            *limbs = sum;
            return;
        }
        self.add_elsewhere(parts, limb, term.is_negative);
    }

    /// Adds where the four limbs do not lie right: moves them, or goes over to more.
    #[cold]
    fn add_elsewhere(&mut self, parts: [u64; 3], limb: i64, is_negative: bool) {
        while let Limbs::Near(limbs) = &mut self.limbs {
            if *limbs == [0; NEAR] {
                // Room below and above.
                self.low = if parts[2] == 0 { limb - 1 } else { limb };
            }
            let offset = limb - self.low;
            if let Some(placed) = place(parts, offset)
                && let Some(sum) = combine(limbs, &placed, is_negative)
            {
                *limbs = sum;
                return;
            }
            let [l0, l1, l2, l3] = *limbs;
            if offset < 0 && l3 == sign_of(l2) {
                (*limbs, self.low) = ([0, l0, l1, l2], self.low - 1);
            } else if offset > 0 && l0 == 0 {
                (*limbs, self.low) = ([l1, l2, l3, sign_of(l3)], self.low + 1);
            } else {
                self.limbs = Limbs::Far(vec![l0, l1, l2, l3, sign_of(l3)]);
            }
        }
        self.add_far(parts, limb, is_negative);
    }

    fn add_far(&mut self, parts: [u64; 3], limb: i64, is_negative: bool) {
        let Limbs::Far(limbs) = &mut self.limbs else { return };
        if limb < self.low {
            let below = (self.low - limb) as usize;
            limbs.splice(..0, std::iter::repeat_n(0, below));
            self.low = limb;
        }
        let offset = (limb - self.low) as usize;
        let sign = sign_of(limbs[limbs.len() - 1]);
        if limbs.len() < offset + 4 {
            limbs.resize(offset + 4, sign);
        }
        let (invert, mut carry) = if is_negative { (u64::MAX, true) } else { (0, false) };
        for (index, to) in limbs[offset..].iter_mut().enumerate() {
            let part = parts.get(index).copied().unwrap_or(0) ^ invert;
            let (partial, first) = to.overflowing_add(part);
            let (total, second) = partial.overflowing_add(u64::from(carry));
            (*to, carry) = (total, first | second);
        }
        let top = limbs[limbs.len() - 1];
        if top != 0 && top != u64::MAX {
            limbs.push(sign_of(top));
        }
    }

    /// Adds what another sum holds.
    pub(crate) fn merge(&mut self, other: &Exact) {
        if let (Limbs::Near(limbs), Limbs::Near(others)) = (&mut self.limbs, &other.limbs) {
            if self.low == other.low
                && let Some(sum) = combine(limbs, others, false)
            {
                *limbs = sum;
                return;
            }
            if *limbs == [0; NEAR] {
                *self = other.clone();
                return;
            }
        }
        let (is_negative, magnitude) = other.magnitude();
        for (index, &limb) in magnitude.iter().enumerate() {
            let position = (other.low + index as i64) * 64;
            self.add(Term { is_negative, magnitude: u128::from(limb), position });
        }
    }

    /// Adds a number, and drops what is then too far below the highest bit to matter: only for sums whose terms fade.
    pub(crate) fn add_fading(&mut self, term: Term) {
        if term.magnitude == 0 {
            return;
        }
        let limb = term.position.div_euclid(64);
        let lowest = self.top().map_or(limb, |top| top.max(limb)) - FADED;
        if limb >= lowest {
            self.forget_below(lowest);
            self.add(term);
        }
    }

    /// Adds what another sum holds, and drops what is then too far below the highest bit to matter.
    pub(crate) fn merge_fading(&mut self, other: &Exact) {
        let (is_negative, magnitude) = other.magnitude();
        for (index, &limb) in magnitude.iter().enumerate().rev() {
            let position = (other.low + index as i64) * 64;
            self.add_fading(Term { is_negative, magnitude: u128::from(limb), position });
        }
    }

    /// The place of the highest limb that does more than repeat the sign; none for zero.
    fn top(&self) -> Option<i64> {
        let limbs = self.limbs();
        let sign = sign_of(limbs[limbs.len() - 1]);
        let top = limbs.iter().rposition(|&limb| limb != sign)?;
        Some(self.low + top as i64)
    }

    /// Drops the limbs below a place, rounding down.
    fn forget_below(&mut self, lowest: i64) {
        if self.low >= lowest {
            return;
        }
        // Few, for else nothing but the sign is left.
        let drop = usize::try_from(lowest - self.low).unwrap_or(usize::MAX);
        match &mut self.limbs {
            Limbs::Near(limbs) => {
                let sign = sign_of(limbs[NEAR - 1]);
                *limbs = std::array::from_fn(|index| limbs.get(index.saturating_add(drop)).copied().unwrap_or(sign));
            }
            Limbs::Far(limbs) => {
                let sign = sign_of(limbs[limbs.len() - 1]);
                limbs.drain(..drop.min(limbs.len()));
                limbs.resize(limbs.len().max(1), sign);
            }
        }
        self.low = lowest;
    }

    fn limbs(&self) -> &[u64] {
        match &self.limbs {
            Limbs::Near(limbs) => limbs,
            Limbs::Far(limbs) => limbs,
        }
    }

    /// Whether it is negative, and how large it is.
    fn magnitude(&self) -> (bool, Vec<u64>) {
        let mut limbs = self.limbs().to_vec();
        let is_negative = limbs.last().is_some_and(|&top| sign_of(top) != 0);
        if is_negative {
            let mut carry = true;
            for limb in &mut limbs {
                (*limb, carry) = (!*limb).overflowing_add(u64::from(carry));
            }
        }
        (is_negative, limbs)
    }

    /// The nearest float64, ties to even; an infinity beyond the largest one. Never -0.0.
    pub(crate) fn round(&self) -> f64 {
        self.round_scaled(0)
    }

    /// The float64 nearest to the sum times 2^`exponent`.
    pub(crate) fn round_scaled(&self, exponent: i64) -> f64 {
        let (is_negative, magnitude) = self.magnitude();
        let rounded = natural::round(&magnitude, self.low.saturating_mul(64).saturating_add(exponent), false);
        if is_negative && rounded != 0.0 { -rounded } else { rounded }
    }

    /// Whether it may be a sum of less than 2^64 numbers that are multiples of 2^`lowest` and less than 2^`highest`. A state that
    /// is not damaged is, so that adding to one never takes more limbs than there can be.
    pub(crate) fn is_between(&self, lowest: i64, highest: i64) -> bool {
        let below = self.limbs().iter().position(|&limb| limb != 0);
        below.is_none_or(|below| self.low + below as i64 >= lowest.div_euclid(64))
            && self.exponent().is_none_or(|exponent| exponent < highest + 64)
    }

    /// The exponent of the highest bit of the magnitude; none for zero.
    pub(crate) fn exponent(&self) -> Option<i64> {
        let (_, magnitude) = self.magnitude();
        let top = magnitude.iter().rposition(|&limb| limb != 0)?;
        Some((self.low + top as i64) * 64 + i64::from(63 - magnitude[top].leading_zeros()))
    }
}

/// The sum of squared distances from the mean of `count` numbers, divided by `divisor`, rounded once to the nearest float64:
/// (count x sum of squares - (sum)^2) / (count x divisor), in integers. `count` and `divisor` are not zero.
pub(crate) fn variance(count: u64, sum: &Exact, squares: &Exact, divisor: u64) -> f64 {
    let trimmed = |exact: &Exact| {
        let (_, mut limbs) = exact.magnitude();
        let below = limbs.iter().position(|&limb| limb != 0).unwrap_or(limbs.len());
        limbs.drain(..below);
        let above = limbs.iter().rposition(|&limb| limb != 0).map_or(0, |top| top + 1);
        limbs.truncate(above);
        (limbs, exact.low + below as i64)
    };
    let (sum, sum_low) = trimmed(sum);
    let (squares, squares_low) = trimmed(squares);
    if squares.is_empty() {
        return 0.0;
    }
    let (less, less_low) = (natural::product(&sum, &sum), sum_low * 2);
    let all = natural::product(&squares, &[count]);
    // By Cauchy and Schwarz the difference is not negative. Three limbs more below leave a quotient of more than 64 bits.
    let low = if less.is_empty() { squares_low } else { squares_low.min(less_low) } - 3;
    let mut number = vec![0; (squares_low - low) as usize];
    number.extend(all);
    if !less.is_empty() {
        let at = (less_low - low) as usize;
        number.resize(number.len().max(at + less.len()), 0);
        natural::subtract(&mut number, &less, at);
    }
    let first = natural::divide(&mut number, count);
    let second = natural::divide(&mut number, divisor);
    natural::round(&number, low * 64, first || second)
}

/// Two sums are equal if their values are.
impl PartialEq for Exact {
    fn eq(&self, other: &Self) -> bool {
        let bytes = |exact: &Exact| {
            let mut bytes = Vec::new();
            exact.encode(&mut bytes);
            bytes
        };
        bytes(self) == bytes(other)
    }
}

/// Whether a byte only repeats the sign of the one below it.
fn repeats(byte: u8, below: u8) -> bool {
    byte == if below & 0x80 == 0 { 0 } else { 0xff }
}

/// Appends the number of bytes, the place of the first (it counts 2^(8 x place)), and the shortest two's complement bytes of
/// the limbs, lowest first. Zero has no bytes and no place.
fn encode_limbs(low: i64, limbs: &[u64], digits: &mut [u8], bytes: &mut Vec<u8>) {
    for (chunk, limb) in digits.as_chunks_mut::<8>().0.iter_mut().zip(limbs) {
        *chunk = limb.to_le_bytes();
    }
    let Some(first) = digits.iter().position(|&byte| byte != 0) else {
        compact::encode_len(0, bytes);
        return;
    };
    let mut end = digits.len();
    while end - first > 1 && repeats(digits[end - 1], digits[end - 2]) {
        end -= 1;
    }
    compact::encode_len(end - first, bytes);
    compact::encode_i64(low * 8 + first as i64, bytes);
    bytes.extend_from_slice(&digits[first..end]);
}

/// The number of bytes, the place of the first, and the shortest two's complement bytes: one spelling for one value, however it
/// came about. Zero is a single byte.
impl State for Exact {
    fn encode(&self, bytes: &mut Vec<u8>) {
        match &self.limbs {
            Limbs::Near(limbs) => encode_limbs(self.low, limbs, &mut [0; NEAR * 8], bytes),
            Limbs::Far(limbs) => encode_limbs(self.low, limbs, &mut vec![0; limbs.len() * 8], bytes),
        }
    }

    fn decode(bytes: &mut &[u8]) -> Result<Self, StateError> {
        let wrong = || StateError::new("a sum is not in its shortest form");
        let length = compact::decode_len(bytes)?;
        if length == 0 {
            return Ok(Exact::default());
        }
        let place = compact::decode_i64(bytes)?;
        let digits = take(bytes, length)?;
        let is_shortest = digits[0] != 0 && (length == 1 || !repeats(digits[length - 1], digits[length - 2]));
        if !is_shortest || place.unsigned_abs() > 1 << 59 {
            return Err(wrong());
        }
        let (low, skipped) = (place.div_euclid(8), place.rem_euclid(8) as usize);
        let fill = if digits[length - 1] & 0x80 == 0 { 0 } else { 0xff };
        let limbs = if skipped + length <= NEAR * 8 {
            let mut near = [fill; NEAR * 8];
            near[..skipped].fill(0);
            near[skipped..skipped + length].copy_from_slice(digits);
            let (chunks, _) = near.as_chunks::<8>();
            Limbs::Near(std::array::from_fn(|limb| u64::from_le_bytes(chunks[limb])))
        } else {
            let mut far = vec![0; skipped];
            far.extend_from_slice(digits);
            far.resize(far.len().next_multiple_of(8) + 8, fill);
            Limbs::Far(far.as_chunks::<8>().0.iter().map(|chunk| u64::from_le_bytes(*chunk)).collect())
        };
        Ok(Exact { low, limbs })
    }
}

#[cfg(test)]
mod tests;
