//! Sums and variances against integers of any size.

use num_bigint::{BigInt, Sign};
use proptest::prelude::*;

use super::*;
use crate::state::{State, decode_all};

/// A finite number as a multiple of 2^-1074.
fn integer(number: f64) -> BigInt {
    let bits = number.to_bits();
    let (exponent, fraction) = (bits >> 52 & 0x7ff, bits & ((1 << 52) - 1));
    let magnitude =
        if exponent == 0 { BigInt::from(fraction) } else { BigInt::from(fraction | 1 << 52) << (exponent - 1) };
    if number.is_sign_negative() { -magnitude } else { magnitude }
}

/// The multiple of 2^-1074 that stands for a number or, beyond the largest one, for what infinity begins at.
fn extended(number: f64) -> BigInt {
    match number {
        f64::INFINITY => integer(f64::MAX) + (BigInt::from(1) << 2045),
        f64::NEG_INFINITY => -extended(f64::INFINITY),
        number => integer(number),
    }
}

/// Asserts that `found` is the float64 nearest to `numerator` / `denominator` x 2^-1074, ties to even.
#[track_caller]
fn assert_nearest(found: f64, numerator: &BigInt, denominator: &BigInt) {
    assert!(!found.is_nan() && (found != 0.0 || found.is_sign_positive()), "{found}");
    let doubled = numerator * 2;
    let scaled = |number: f64| extended(number) * denominator;
    // The midpoints between the number and its neighbours.
    let is_even = found.to_bits() & 1 == 0;
    if found != f64::NEG_INFINITY {
        let middle = scaled(found) + scaled(found.next_down());
        assert!(doubled > middle || is_even && doubled == middle, "{found:?} is too large");
    }
    if found != f64::INFINITY {
        let middle = scaled(found) + scaled(found.next_up());
        assert!(doubled < middle || is_even && doubled == middle, "{found:?} is too small");
    }
}

fn exact(numbers: &[f64]) -> Exact {
    let mut exact = Exact::default();
    numbers.iter().for_each(|&number| exact.add(Term::new(number)));
    exact
}

fn squares(numbers: &[f64]) -> Exact {
    let mut exact = Exact::default();
    numbers.iter().for_each(|&number| exact.add(Term::square(number)));
    exact
}

fn bytes(exact: &Exact) -> Vec<u8> {
    let mut bytes = Vec::new();
    exact.encode(&mut bytes);
    bytes
}

/// Money, numbers of one size, numbers of all sizes, and those that cancel.
fn numbers() -> impl Strategy<Value = Vec<f64>> {
    let money = (-1_000_000..1_000_000_i64).prop_map(|cents| cents as f64 / 100.0);
    let any_size = prop::num::f64::NORMAL
        | prop::num::f64::SUBNORMAL
        | prop::num::f64::ZERO
        | prop::num::f64::NEGATIVE
        | prop::num::f64::POSITIVE;
    let of = prop_oneof![
        prop::collection::vec(money, 0..60),
        prop::collection::vec(-1e9..1e9, 0..60),
        prop::collection::vec(any_size, 0..12),
        prop::collection::vec(
            prop_oneof![
                Just(f64::MAX),
                Just(f64::MIN),
                Just(5e-324),
                Just(-5e-324),
                Just(f64::MIN_POSITIVE),
                Just(1.0)
            ],
            0..12
        ),
    ];
    (of, any::<bool>()).prop_map(|(mut numbers, cancel)| {
        if cancel {
            let negated: Vec<f64> = numbers.iter().skip(1).map(|number| -number).collect();
            numbers.extend(negated);
        }
        numbers
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_sum_is_rounded_once(numbers in numbers()) {
        let sum: BigInt = numbers.iter().map(|&number| integer(number)).sum();
        assert_nearest(exact(&numbers).round(), &sum, &BigInt::from(1));
    }

    #[test]
    fn order_cuts_and_merges_do_not_show(numbers in numbers(), seed in any::<u64>(), cut in any::<prop::sample::Index>()) {
        let whole = bytes(&exact(&numbers));
        let mut shuffled = numbers.clone();
        shuffled.sort_by_key(|number| number.to_bits().wrapping_mul(seed | 1));
        prop_assert_eq!(&bytes(&exact(&shuffled)), &whole);
        let (before, after) = numbers.split_at(cut.index(numbers.len() + 1));
        // The second half is added to the first half's bytes.
        let mut resumed: Exact = decode_all(&bytes(&exact(before))).unwrap();
        after.iter().for_each(|&number| resumed.add(Term::new(number)));
        prop_assert_eq!(&bytes(&resumed), &whole);
        let mut merged = exact(before);
        merged.merge(&exact(after));
        prop_assert_eq!(&bytes(&merged), &whole);
        let mut squared = squares(after);
        squared.merge(&squares(before));
        prop_assert_eq!(bytes(&squared), bytes(&squares(&numbers)));
    }

    #[test]
    fn a_variance_is_rounded_once(numbers in numbers(), is_sample in any::<bool>()) {
        let count = numbers.len() as u64;
        let divisor = count - u64::from(is_sample && count > 0);
        if divisor > 0 {
            let sum: BigInt = numbers.iter().map(|&number| integer(number)).sum();
            let squared: BigInt = numbers.iter().map(|&number| integer(number).pow(2)).sum();
            let numerator = squared * count - &sum * &sum;
            prop_assert!(numerator.sign() != Sign::Minus);
            // In multiples of 2^-2148; the denominator takes the rest.
            let denominator = (BigInt::from(count) * divisor) << 1074;
            assert_nearest(variance(count, &exact(&numbers), &squares(&numbers), divisor), &numerator, &denominator);
        }
    }

    #[test]
    fn other_bytes_are_refused_or_have_one_spelling(written in prop::collection::vec(any::<u8>(), 0..40)) {
        let mut rest = written.as_slice();
        if let Ok(exact) = Exact::decode(&mut rest) {
            prop_assert_eq!(bytes(&exact), &written[..written.len() - rest.len()]);
        }
    }
}

fn term(number: f64, position: i64) -> Term {
    let term = Term::new(number);
    Term { position: term.position + position, ..term }
}

fn fading(terms: &[Term]) -> Fading {
    let mut fading = Fading::default();
    terms.iter().for_each(|&term| fading.add(term));
    fading
}

fn fading_bytes(fading: &Fading) -> Vec<u8> {
    let mut bytes = Vec::new();
    fading.encode(&mut bytes);
    bytes
}

/// What a fading sum holds, in words: of each number the limbs from four below the highest that any number reaches.
fn kept(terms: &[Term]) -> (BigInt, i64) {
    let highest = |term: &Term| (term.position + 127 - i64::from(term.magnitude.leading_zeros())).div_euclid(64);
    let Some(top) = terms.iter().filter(|term| term.magnitude != 0).map(highest).max() else {
        return (BigInt::default(), 0);
    };
    let lowest = (top - 4) * 64;
    let of = |term: &Term| {
        let magnitude = BigInt::from(term.magnitude);
        let shift = term.position - lowest;
        // Far below, nothing is left.
        let magnitude = if shift >= 0 { magnitude << shift } else { magnitude >> shift.unsigned_abs().min(200) };
        if term.is_negative { -magnitude } else { magnitude }
    };
    (terms.iter().map(of).sum(), lowest)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn what_fades_depends_on_the_numbers_alone(
        terms in prop::collection::vec(
            (-1e9..1e9_f64, prop_oneof![-400..400_i64, Just(0_i64), (-8..8_i64).prop_map(|at| at * 64), any::<i32>().prop_map(i64::from)]),
            0..20,
        ),
        seed in any::<u64>(),
        cut in any::<prop::sample::Index>(),
    ) {
        let terms: Vec<Term> = terms.iter().map(|&(number, position)| term(number, position)).collect();
        let whole = fading(&terms);
        let (sum, lowest) = kept(&terms);
        prop_assert_eq!(whole.exact().round_scaled(-lowest).is_sign_negative(), sum.sign() == Sign::Minus);
        // In multiples of 2^-1074; beyond the largest float64 there is nothing to compare.
        if sum.bits() < 1000 {
            assert_nearest(whole.exact().round_scaled(-lowest), &(sum << 1074_u32), &BigInt::from(1));
        }
        let mut shuffled = terms.clone();
        shuffled.sort_by_key(|term| (term.magnitude as u64 ^ term.position as u64).wrapping_mul(seed | 1));
        prop_assert_eq!(fading_bytes(&fading(&shuffled)), fading_bytes(&whole));
        let (before, after) = terms.split_at(cut.index(terms.len() + 1));
        let mut resumed: Fading = decode_all(&fading_bytes(&fading(before))).unwrap();
        after.iter().for_each(|&term| resumed.add(term));
        prop_assert_eq!(&resumed, &whole);
        let mut merged = fading(after);
        merged.merge(&fading(before));
        prop_assert_eq!(fading_bytes(&merged), fading_bytes(&whole));
        prop_assert!(fading_bytes(&whole).len() <= 80);
    }

    #[test]
    fn other_bytes_are_refused_or_are_one_fading_sum(
        written in prop::collection::vec(prop_oneof![0..6_u8, any::<u8>(), Just(0xff)], 0..40),
    ) {
        let mut rest = written.as_slice();
        if let Ok(fading) = Fading::decode(&mut rest) {
            prop_assert_eq!(fading_bytes(&fading), &written[..written.len() - rest.len()]);
        }
    }
}

#[test]
fn what_fades_is_dropped_and_nothing_explodes() {
    let terms: Vec<Term> = [0, 1 << 50, 5, -(1 << 50), (1 << 50) + 3].map(|position| term(1.0, position)).to_vec();
    assert_eq!(fading(&terms).exact().round_scaled(-(1 << 50)), 9.0);
    let negative = fading(&[term(-1.0, 0), term(1.0, 1 << 40)]);
    assert_eq!(negative.exact().exponent(), Some(1 << 40));
    // What cancels leaves the place of the largest.
    let cancelled = fading(&[term(1.0, 400), term(1.0, 0), term(-1.0, 400)]);
    assert_eq!((cancelled.exact().round(), fading(&[]).exact().round()), (0.0, 0.0));
}

/// Ten million numbers come, and those that are more than a thousand old go: what is left has lost nothing.
#[test]
fn ten_million_numbers_leave_no_trace() {
    let number = |n: u64| ((n * 2_654_435_761) % 1_000_003) as f64 * 0.1 - 30_000.0;
    let mut sum = Exact::default();
    for n in 0..10_000_000 {
        sum.add(Term::new(number(n)));
        if n >= 1_000 {
            let Term { is_negative, magnitude, position } = Term::new(number(n - 1_000));
            sum.add(Term { is_negative: !is_negative, magnitude, position });
        }
    }
    let left: Vec<f64> = (9_999_000..10_000_000).map(number).collect();
    let expected: BigInt = left.iter().map(|&number| integer(number)).sum();
    assert_nearest(sum.round(), &expected, &BigInt::from(1));
    assert_eq!(bytes(&sum), bytes(&exact(&left)));
}

#[test]
fn a_sum_that_no_numbers_have_is_known() {
    let of = |numbers: &[f64]| exact(numbers).is_between(-1074, 1024);
    assert!(of(&[]) && of(&[5e-324]) && of(&[f64::MAX; 3]) && of(&[f64::MIN, -5e-324]));
    assert!(squares(&[f64::MAX, 5e-324]).is_between(-2148, 2048) && !squares(&[5e-324]).is_between(-1074, 1024));
    assert!(!squares(&[f64::MAX]).is_between(-2148, 1024));
}
