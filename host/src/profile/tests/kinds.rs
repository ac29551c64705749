//! What each kind of change is called.

use super::super::*;
use super::quiet::{Day, normal};
use crate::schema::ValueType;

/// What is found of one feature whose reference is one day and whose observation is another.
fn found(reference: &Day, observed: &Day) -> Comparison {
    compare(&reference.profile(), &observed.profile(), 50)
}

fn kinds(compared: &Comparison) -> Vec<(FindingKind, Severity, Cause)> {
    compared.findings.iter().map(|finding| (finding.kind, finding.severity, finding.cause)).collect()
}

fn day(seed: u64) -> Day {
    Day::numbers(seed, 10_000, |at| Some(normal(at)))
}

#[test]
fn nothing_is_found_where_nothing_has_changed() {
    let compared = found(&day(1), &day(2));
    assert_eq!(kinds(&compared), []);
    assert!(compared.psi.is_some_and(|psi| psi < 0.01) && compared.ks.is_some_and(|ks| ks.d < 0.03));
    let same = found(&day(1), &day(1));
    assert_eq!((same.psi, same.ks.map(|ks| (ks.d, ks.p)), same.mean_shift), (Some(0.0), Some((0.0, 1.0)), Some(0.0)));
}

#[test]
fn a_shift_is_named() {
    let moved = Day::numbers(2, 10_000, |at| Some(normal(at) + 1.0));
    let compared = found(&day(1), &moved);
    assert_eq!(kinds(&compared), [(FindingKind::Shift, Severity::Unstable, Cause::Inputs)]);
    assert!(compared.mean_shift.is_some_and(|shift| (shift - 1.0).abs() < 0.05));
    let little = Day::numbers(2, 10_000, |at| Some(normal(at) + 0.38));
    assert_eq!(kinds(&found(&day(1), &little)), [(FindingKind::Shift, Severity::Warn, Cause::Inputs)]);
}

#[test]
fn a_burst_of_nulls_is_named() {
    let bursting = Day::numbers(2, 10_000, |at| (at % 5 != 0).then(|| normal(at)));
    let compared = found(&day(1), &bursting);
    assert_eq!(kinds(&compared), [(FindingKind::Nulls, Severity::Unstable, Cause::Inputs)]);
    let interval = compared.nulls.interval;
    assert!(interval.low < compared.nulls.share && compared.nulls.share < interval.high);
}

#[test]
fn nulls_without_events_are_of_the_delivery() {
    let lost = Day { not_found: 3_000, ..Day::numbers(2, 10_000, |at| (at % 10 > 2).then(|| normal(at))) };
    let compared = found(&day(1), &lost);
    let expected = [FindingKind::Coverage, FindingKind::Nulls].map(|kind| (kind, Severity::Unstable, Cause::Delivery));
    assert_eq!(kinds(&compared), expected);
}

#[test]
fn one_outlier_is_named_and_moves_no_index() {
    let usual = found(&day(1), &day(2));
    let hit = Day::numbers(2, 10_000, |at| Some(if at & 0xffff_ffff == 5_000 { 1e12 } else { normal(at) }));
    let compared = found(&day(1), &hit);
    assert_eq!(kinds(&compared), [(FindingKind::Outlier, Severity::Note, Cause::Inputs)]);
    let psi = |compared: &Comparison| compared.psi.expect("has values");
    assert!((psi(&compared) - psi(&usual)).abs() < 1e-4, "{} and {}", psi(&compared), psi(&usual));
    assert!(compared.mean_shift.is_some_and(|shift| shift > 1e6));
}

#[test]
fn a_new_category_is_named() {
    let plans = ["basic", "plus", "pro"];
    let usual = Day::texts(1, 10_000, |at| plans[(scrambled(at) % 3) as usize]);
    let again = Day::texts(2, 10_000, |at| plans[(scrambled(at) % 3) as usize]);
    assert_eq!(kinds(&found(&usual, &again)), []);
    let new = Day::texts(2, 10_000, |at| if at % 20 == 0 { "free" } else { plans[(scrambled(at) % 3) as usize] });
    let compared = found(&usual, &new);
    assert_eq!(kinds(&compared), [(FindingKind::NewCategory, Severity::Warn, Cause::Inputs)]);
    assert_eq!(compared.new_categories[0].value, "free");
    assert!(compared.findings[0].text.contains("\"free\""), "{}", compared.findings[0].text);
}

#[test]
fn other_numbers_and_other_shares_are_shifts() {
    let broken = Day::numbers(2, 10_000, |at| Some(if at % 30 == 0 { f64::NAN } else { normal(at) }));
    assert_eq!(kinds(&found(&day(1), &broken)), [(FindingKind::NotFinite, Severity::Warn, Cause::Inputs)]);
    let constant = |value: f64| Day::numbers(1, 2_000, move |_| Some(value));
    let compared = found(&constant(3.0), &constant(4.0));
    assert_eq!(kinds(&compared), [(FindingKind::Shift, Severity::Unstable, Cause::Inputs)]);
    let shares = |seed: u64, of: u64| Day {
        value_type: ValueType::Bool,
        ..Day::numbers(seed, 5_000, move |at| Some(f64::from(u8::from(scrambled(at) % 10 < of))))
    };
    assert_eq!(kinds(&found(&shares(1, 3), &shares(2, 3))), []);
    assert_eq!(kinds(&found(&shares(1, 3), &shares(2, 7)))[0].0, FindingKind::Shift);
}
