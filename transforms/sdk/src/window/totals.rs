//! Exact sums over long stretches of a window, without looking at every value.

use std::cell::RefCell;
use std::ops::Range;

use super::sum::{FRACTION_BITS, Total, exponent, fixed};

/// Shorter stretches are added up directly.
const LENGTH_MIN: usize = 128;

/// A total of so many values stays within 127 bits: each takes at most 53 bits, shifted by at most 52.
const LENGTH_MAX: usize = 1 << 21;

/// The unit is made smaller than the smallest value needs by so many powers of two, so that a somewhat smaller value does not
/// make all totals worthless.
const MARGIN: u64 = 8;

/// Running totals of a window's values, made when a question first asks for a long sum. Not part of the state.
#[derive(Clone, Default)]
pub(super) struct Totals(RefCell<Running>);

/// Totals in units of the last bit of numbers with the exponent `lowest`. Their differences are exact sums even where a total
/// itself has wrapped around.
#[derive(Clone, Default)]
struct Running {
    /// The value that the first total comes before.
    first: usize,
    /// One more than there are values from `first` on; empty where there are no totals.
    totals: Vec<i128>,
    lowest: u64,
    /// The values lie too far apart, or are not finite: there are no totals, and no more attempts.
    hopeless: bool,
}

impl Totals {
    /// The exact sum of a stretch of `values`; `None` where it is better added up directly. Values before `start` are not asked
    /// for any more.
    pub(super) fn of(&self, values: &[f64], start: usize, stretch: Range<usize>) -> Option<Total> {
        if !(LENGTH_MIN..=LENGTH_MAX).contains(&stretch.len()) {
            return None;
        }
        self.0.borrow_mut().of(values, start, stretch)
    }

    /// The values from `place` on are others now.
    pub(super) fn forget_from(&mut self, place: usize) {
        let running = self.0.get_mut();
        if !running.totals.is_empty() {
            running.totals.truncate((place + 1).saturating_sub(running.first));
        }
    }

    /// The first `count` values are gone, and the others moved to their places.
    pub(super) fn forget_first(&mut self, count: usize) {
        let running = self.0.get_mut();
        if count > running.first {
            let gone = (count - running.first).min(running.totals.len());
            running.totals.drain(..gone);
        }
        running.first = running.first.saturating_sub(count);
    }
}

impl Running {
    fn of(&mut self, values: &[f64], start: usize, stretch: Range<usize>) -> Option<Total> {
        if self.hopeless {
            return None;
        }
        if self.totals.is_empty() || !self.extend(&values[..stretch.end]) {
            self.restart(&values[start..], start);
            if self.hopeless || !self.extend(&values[..stretch.end]) {
                self.hopeless = true;
                self.totals = Vec::new();
                return None;
            }
        }
        let total = |at: usize| self.totals[at - self.first];
        let units = total(stretch.end).wrapping_sub(total(stretch.start));
        Some(Total::Units { units, lowest: self.lowest })
    }

    /// Adds the totals that are missing up to the end of `values`; gives false at a value that has no whole number of units.
    fn extend(&mut self, values: &[f64]) -> bool {
        let known = self.first + self.totals.len() - 1;
        let mut total = self.totals.last().copied().unwrap_or(0);
        for value in values.get(known..).unwrap_or_default() {
            let magnitude = value.to_bits() << 1;
            let above = exponent(magnitude).wrapping_sub(self.lowest);
            if above > u64::from(FRACTION_BITS) && magnitude != 0 {
                return false;
            }
            if magnitude != 0 {
                total = total.wrapping_add(i128::from(fixed(*value)) << above);
            }
            self.totals.push(total);
        }
        true
    }

    /// Begins anew at `first`, with the unit that `values` need.
    fn restart(&mut self, values: &[f64], first: usize) {
        let (mut smallest, mut largest) = (u64::MAX, 0);
        for value in values {
            let magnitude = value.to_bits() << 1;
            smallest = smallest.min(magnitude.wrapping_sub(1));
            largest = largest.max(magnitude);
        }
        let (lowest, highest) = if largest == 0 { (1, 1) } else { (exponent(smallest + 1), exponent(largest)) };
        let is_finite = highest != exponent(f64::INFINITY.to_bits() << 1);
        self.hopeless = lowest == 0 || !is_finite || highest - lowest > u64::from(FRACTION_BITS);
        let room = u64::from(FRACTION_BITS).saturating_sub(highest.saturating_sub(lowest));
        self.lowest = lowest.saturating_sub(MARGIN.min(room)).max(1);
        self.first = first;
        self.totals.clear();
        self.totals.push(0);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::sum;
    use super::*;

    /// What a window does with its values, in short.
    #[derive(Clone, Debug)]
    enum Step {
        Push(f64),
        Insert(usize, f64),
        Evict(usize),
        Clear,
        Ask(usize, usize),
    }

    fn value() -> BoxedStrategy<f64> {
        let spread =
            (0_u64..1 << 52, 0_i32..40).prop_map(|(bits, power)| (bits as f64 / 97.0 + 1.0) * f64::from(power).exp2());
        prop_oneof![
            20 => spread.clone(),
            5 => spread.prop_map(|value| -value),
            2 => Just(0.0),
            1 => Just(-0.0),
            1 => prop_oneof![Just(f64::INFINITY), Just(f64::NAN), Just(f64::MIN_POSITIVE / 8.0), Just(1e-300), Just(f64::MAX)],
        ]
        .boxed()
    }

    fn ordinary() -> BoxedStrategy<f64> {
        (1_i64..1_000_000).prop_map(|cents| cents as f64 / 100.0).boxed()
    }

    fn steps(value: BoxedStrategy<f64>) -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            12 => value.clone().prop_map(Step::Push),
            1 => (any::<prop::sample::Index>(), value).prop_map(|(at, value)| Step::Insert(at.index(1 << 16), value)),
            1 => (1_usize..20).prop_map(Step::Evict),
            1 => Just(Step::Clear),
            3 => (any::<prop::sample::Index>(), any::<prop::sample::Index>()).prop_map(|(a, b)| Step::Ask(a.index(1 << 16), b.index(1 << 16))),
        ];
        prop::collection::vec(step, 300..1_500)
    }

    /// Goes through the steps; gives how many long sums were asked for, and how many were answered from totals.
    fn check(steps: Vec<Step>) -> (usize, usize) {
        let (mut totals, mut values, mut start) = (Totals::default(), Vec::<f64>::new(), 0);
        let (mut asked, mut answered) = (0, 0);
        for step in steps {
            match step {
                Step::Push(value) => values.push(value),
                Step::Insert(at, value) => {
                    let place = start + at % (values.len() - start + 1);
                    values.insert(place, value);
                    totals.forget_from(place);
                }
                Step::Evict(count) => start = (start + count).min(values.len()),
                Step::Clear => {
                    values.drain(..start);
                    totals.forget_first(start);
                    start = 0;
                }
                Step::Ask(a, b) => {
                    let live = values.len() - start + 1;
                    let (a, b) = (start + a % live, start + b % live);
                    let stretch = a.min(b)..a.max(b);
                    asked += usize::from(stretch.len() >= LENGTH_MIN);
                    if let Some(found) = totals.of(&values, start, stretch.clone()) {
                        let (count, expected) = (stretch.len() as u64, Total::of(&values[stretch]));
                        assert_eq!(found.sum().to_bits(), expected.sum().to_bits());
                        assert_eq!(found.mean(count).to_bits(), expected.mean(count).to_bits());
                        answered += 1;
                    }
                }
            }
        }
        (asked, answered)
    }

    proptest! {
        #[test]
        fn totals_give_the_bits_of_the_sum(steps in steps(value())) {
            check(steps);
        }

        #[test]
        fn ordinary_values_always_have_totals(steps in steps(ordinary())) {
            let (asked, answered) = check(steps);
            prop_assert_eq!(asked, answered);
        }
    }

    #[test]
    fn long_sums_are_answered_from_totals() {
        let values: Vec<f64> = (0..1_000).map(|at| f64::from(at) * 0.1 - 3.0).collect();
        let totals = Totals::default();
        let found = |stretch| totals.of(&values, 0, stretch).map(|total| total.sum());
        assert_eq!(found(0..127), None);
        assert_eq!(found(3..900), Some(sum(&values[3..900])));
        assert_eq!(found(400..1_000), Some(sum(&values[400..1_000])));
    }
}
