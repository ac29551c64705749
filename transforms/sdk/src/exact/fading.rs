//! Sums whose older numbers fade: what is far below the largest number is dropped, whatever came first.

use super::{Exact, Term, shifted};
use crate::compact;
use crate::state::{State, StateError, take};

/// So many limbs of 64 bits are kept below the highest one that any number has reached.
const BELOW: usize = 4;
const KEPT: usize = BELOW + 1;

/// No sum of a limb is as large: 2^62 numbers of 64 bits.
const LIMIT: u128 = 1 << 126;

/// No place of a limb is as far from 0, whatever the times and half-lives.
const PLACE_MAX: u64 = 1 << 56;

/// The sum of numbers with finitely many binary digits, but for what lies 256 bits and more below the highest bit of the largest
/// of them.
///
/// The digits of each limb are added up for themselves, without carries into the next, and which limbs are kept follows from
/// the largest number alone. So what is dropped early is what would be dropped late: the sum depends on the numbers that were
/// added, and neither on their order nor on how they were merged or when the sum was encoded.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Fading {
    /// The place of the highest limb that a number has reached (its lowest bit counts 2^(64 x `top`)); none before the first
    /// number.
    top: Option<i64>,
    /// What the numbers add up to in each limb, from `top` down.
    limbs: [i128; KEPT],
}

impl Fading {
    /// Adds a number, whose magnitude has fewer than 65 bits.
    #[inline]
    pub(crate) fn add(&mut self, term: Term) {
        if term.magnitude == 0 {
            return;
        }
        let place = term.position.div_euclid(64);
        let [low, high, _] = shifted(term.magnitude, term.position.rem_euclid(64) as u32);
        let signed = |part: u64| if term.is_negative { -i128::from(part) } else { i128::from(part) };
        let top = self.raise(if high == 0 { place } else { place + 1 });
        self.put(top, place, signed(low));
        if high != 0 {
            self.put(top, place + 1, signed(high));
        }
    }

    /// Adds all numbers of another sum.
    pub(crate) fn merge(&mut self, other: &Fading) {
        let Some(place) = other.top else { return };
        let top = self.raise(place);
        for (below, &limb) in other.limbs.iter().enumerate() {
            self.put(top, place - below as i64, limb);
        }
    }

    /// Adds to the limb at a place, which is not above `top`, if it is kept.
    #[inline]
    fn put(&mut self, top: i64, place: i64, part: i128) {
        if let Some(limb) = usize::try_from(top - place).ok().and_then(|below| self.limbs.get_mut(below)) {
            *limb += part;
        }
    }

    /// Makes `place` the highest limb if it is higher than the one so far, and gives the highest limb.
    #[inline]
    fn raise(&mut self, place: i64) -> i64 {
        match self.top {
            Some(top) if place <= top => return top,
            Some(top) => {
                let up = usize::try_from(place - top).map_or(KEPT, |up| up.min(KEPT));
                self.limbs.copy_within(..KEPT - up, up);
                self.limbs[..up].fill(0);
            }
            None => {}
        }
        self.top = Some(place);
        place
    }

    /// The sum of what is kept.
    pub(crate) fn exact(&self) -> Exact {
        let mut exact = Exact::default();
        let top = self.top.unwrap_or(0);
        for (below, &limb) in self.limbs.iter().enumerate() {
            let position = (top - below as i64) * 64;
            exact.add(Term { is_negative: limb < 0, magnitude: limb.unsigned_abs(), position });
        }
        exact
    }
}

/// Whether a byte only repeats the sign of the one below it, or the sign of zero.
fn repeats(byte: u8, below: Option<&u8>) -> bool {
    byte == if below.is_none_or(|below| below & 0x80 == 0) { 0 } else { 0xff }
}

fn encode_limb(limb: i128, bytes: &mut Vec<u8>) {
    let digits = limb.to_le_bytes();
    let mut length = digits.len();
    while length > 0 && repeats(digits[length - 1], digits[..length - 1].last()) {
        length -= 1;
    }
    bytes.push(length as u8);
    bytes.extend_from_slice(&digits[..length]);
}

fn decode_limb(bytes: &mut &[u8]) -> Result<i128, StateError> {
    let wrong = || StateError::new("a limb of a sum is not in its shortest form, or too large");
    let length = usize::from(u8::decode(bytes)?);
    if length > size_of::<i128>() {
        return Err(wrong());
    }
    let taken = take(bytes, length)?;
    let Some((&last, below)) = taken.split_last() else { return Ok(0) };
    let mut digits = [if last & 0x80 == 0 { 0 } else { 0xff }; size_of::<i128>()];
    digits[..length].copy_from_slice(taken);
    let limb = i128::from_le_bytes(digits);
    if repeats(last, below.last()) || limb.unsigned_abs() >= LIMIT { Err(wrong()) } else { Ok(limb) }
}

/// How many limbs follow, the lowest of which is not zero unless it is the only one; the place of the highest; then each limb from
/// the highest down, as a byte that tells its length and the shortest two's complement bytes. A single byte before the first number.
impl State for Fading {
    fn encode(&self, bytes: &mut Vec<u8>) {
        let Some(top) = self.top else {
            bytes.push(0);
            return;
        };
        let count = self.limbs.iter().rposition(|&limb| limb != 0).map_or(1, |last| last + 1);
        bytes.push(count as u8);
        compact::encode_i64(top, bytes);
        self.limbs[..count].iter().for_each(|&limb| encode_limb(limb, bytes));
    }

    fn decode(bytes: &mut &[u8]) -> Result<Self, StateError> {
        let wrong = || StateError::new("a fading sum is damaged");
        let count = usize::from(u8::decode(bytes)?);
        if count == 0 {
            return Ok(Fading::default());
        }
        let top = compact::decode_i64(bytes)?;
        let mut limbs = [0; KEPT];
        for limb in limbs.get_mut(..count).ok_or_else(wrong)? {
            *limb = decode_limb(bytes)?;
        }
        if top.unsigned_abs() > PLACE_MAX || count > 1 && limbs[count - 1] == 0 {
            return Err(wrong());
        }
        Ok(Fading { top: Some(top), limbs })
    }
}
