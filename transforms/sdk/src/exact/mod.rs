//! Exact sums: numbers added up as integers, however large, and rounded once when they are read.
//!
//! So a sum has one value for the numbers in it, whatever their order, whichever parts were added up first and whatever
//! came and went before. That is what lets sums of tiles be merged, and what keeps a lifetime's sum from drifting.
//!
//! The integer is in two's complement, as limbs of 64 bits whose place in the number line is fixed (as in Kulisch's
//! accumulator), so adding a float64 touches two of them. Ordinary data stay within four limbs, 256 bits; what does not
//! moves to as many as it needs.

mod fading;
pub(crate) mod natural;
mod state;
mod term;
mod variance;

pub(crate) use fading::Fading;
pub(crate) use term::Term;
pub(crate) use variance::{std_dev, variance};

/// Limbs that need no allocation.
const NEAR: usize = 4;

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

/// All bits of the sign of the highest limb.
fn sign_of(limb: u64) -> u64 {
    (limb as i64 >> 63) as u64
}

/// The magnitude, shifted up by fewer than 64 bits, as limbs.
#[inline]
fn shifted(magnitude: u128, shift: u32) -> [u64; 3] {
    // In halves, since a component has no instruction for 128 bits; down in two steps, since a shift by 64 bits is none.
    let (low, upper) = (magnitude as u64, (magnitude >> 64) as u64);
    [low << shift, (upper << shift) | (low >> 1 >> (63 - shift)), upper >> 1 >> (63 - shift)]
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

    fn limbs(&self) -> &[u64] {
        match &self.limbs {
            Limbs::Near(limbs) => limbs,
            Limbs::Far(limbs) => limbs,
        }
    }

    /// Whether it is negative, and how large it is.
    fn magnitude(&self) -> (bool, Vec<u64>) {
        self.with_magnitude(|is_negative, limbs| (is_negative, limbs.to_vec()))
    }

    /// Hands over whether it is negative and how large it is, without an allocation where four limbs are enough.
    #[inline]
    fn with_magnitude<R>(&self, read: impl FnOnce(bool, &[u64]) -> R) -> R {
        match &self.limbs {
            Limbs::Near(limbs) => {
                let mut limbs = *limbs;
                read(take_sign(&mut limbs), &limbs)
            }
            Limbs::Far(limbs) => {
                let mut limbs = limbs.clone();
                read(take_sign(&mut limbs), &limbs)
            }
        }
    }

    /// The nearest float64, ties to even; an infinity beyond the largest one. Never -0.0.
    pub(crate) fn round(&self) -> f64 {
        self.round_scaled(0)
    }

    /// The float64 nearest to the sum times 2^`exponent`.
    pub(crate) fn round_scaled(&self, exponent: i64) -> f64 {
        let position = self.low.saturating_mul(64).saturating_add(exponent);
        self.with_magnitude(|is_negative, limbs| signed(is_negative, natural::round(limbs, position, false)))
    }

    /// The float64 nearest to the sum divided by `divisor`, which is not zero: a quotient that is rounded once, finite even
    /// where the sum is not.
    pub(crate) fn divided(&self, divisor: u64) -> f64 {
        let position = self.low * 64;
        self.with_magnitude(|is_negative, limbs| signed(is_negative, natural::quotient(limbs, position, divisor)))
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
        self.with_magnitude(|_, limbs| natural::highest_bit(limbs).map(|highest| self.low * 64 + highest))
    }
}

/// Makes two's complement limbs those of their magnitude; gives whether the number was negative.
fn take_sign(limbs: &mut [u64]) -> bool {
    let is_negative = limbs.last().is_some_and(|&top| sign_of(top) != 0);
    if is_negative {
        let mut carry = true;
        for limb in limbs {
            (*limb, carry) = (!*limb).overflowing_add(u64::from(carry));
        }
    }
    is_negative
}

/// The magnitude with its sign; zero has none.
pub(crate) fn signed(is_negative: bool, magnitude: f64) -> f64 {
    if is_negative && magnitude != 0.0 { -magnitude } else { magnitude }
}

#[cfg(test)]
mod tests;
