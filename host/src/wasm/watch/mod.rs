//! Watches a component that runs: a random share of its calls is repeated, cut differently, on a fresh instance.
//!
//! Admission proves on generated inputs that a component is a pure function of its rows; this goes on proving it on the real ones.
//! Which calls are repeated, and how they are cut, is chance that no guest can see. What is found here stays found: the
//! component is in quarantine.
//!
//! - `dice`: chance. - `cut`: the ways to cut a call. - `known`: calls that another one is joined with.

mod cut;
mod dice;
mod known;

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

pub(super) use cut::{Cut, CutKind, Piece};
pub(super) use dice::Dice;
use known::Kept;
pub(super) use known::Known;

use super::CallError;
use crate::batch::{Answers, Column, Kind, Rows};

/// Of the first calls of each shape this share is repeated, if not more,
const SHARE_FIRST: f64 = 0.05;
/// and these are the first calls.
const CALLS_FIRST: u64 = 2_000;
/// Groups that a call is joined with, at most,
const GROUPS_FEW: usize = 12;
/// and in one of so many repeats
const MANY_ONCE_IN: usize = 16;
/// these.
const GROUPS_MAX: usize = 512;
/// Repeats that may run out of time, one after the other.
const FORGIVEN_MAX: u8 = 3;

/// Is told of a component that was quarantined, by any thread.
pub type TellQuarantine = Arc<dyn Fn(&Quarantine) + Send + Sync>;

/// Which calls of a runtime are repeated, and who is told of a component that is not what it promised to be.
#[derive(Clone)]
pub struct Repeats {
    /// One of so many calls is repeated, and more of the first ones; 0 for none.
    pub every: u64,
    /// Decides which; without one, the system's randomness does.
    pub seed: Option<u64>,
    /// Told once of each component that is quarantined.
    pub told: Option<TellQuarantine>,
}

impl Repeats {
    /// One of so many calls, by the system's randomness.
    pub fn every(every: u64) -> Self {
        Self { every, seed: None, told: None }
    }
}

/// A component that was quarantined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quarantine {
    /// The component.
    pub digest: String,
    /// What was found.
    pub difference: String,
    /// What it gave since a repeat passed last.
    pub unproved: Unproved,
}

/// What a component gave since a repeat of its calls passed last, where somebody noted it. Moments are those of whoever notes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unproved {
    /// How many answers.
    pub answers: u64,
    /// The moments of the first and the last of them.
    pub span: Option<(i64, i64)>,
    /// Whether a repeat passed before them in this process. Otherwise what the component gave before is not proved either.
    pub after_passed: bool,
}

/// What watching a component has come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Watched {
    /// Repeats that gave the same.
    pub passed: u64,
    /// Repeats that ran out of time.
    pub forgiven: u64,
    /// Why it is quarantined, if it is.
    pub quarantined: Option<String>,
    /// What it gave since a repeat passed last.
    pub unproved: Unproved,
}

/// How a call is repeated. What loops in one manner and passes in another is found in the manner in which it loops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Manner {
    pub(super) kind: CutKind,
    /// Whether instances are asked what they are before they are called; what they were asked before may not matter.
    pub(super) is_described: bool,
}

/// Which calls of one component are repeated, and whether one of them gave two answers.
pub(super) struct Watch {
    share: f64,
    /// By shape, calls until the next one that is repeated: what is rare is repeated as often, of its kind, as what is common.
    left: [AtomicI64; SHAPES],
    inner: Mutex<Inner>,
    unproved: Mutex<Unproved>,
    /// The difference that was found.
    found: OnceLock<String>,
    told: Option<TellQuarantine>,
}

struct Inner {
    dice: Dice,
    /// By shape, calls up to the next one that is repeated.
    calls: [u64; SHAPES],
    kept: Kept,
    passed: u64,
    forgiven: u64,
    /// Repeats that ran out of time, in a row: of each manner, and of all.
    late: [[u8; 2]; cut::KINDS],
    late_of_all: u8,
}

impl Inner {
    fn late_in(&mut self, manner: Manner) -> &mut u8 {
        &mut self.late[manner.kind as usize][usize::from(manner.is_described)]
    }
}

impl Watch {
    pub(super) fn new(repeats: &Repeats, digest: &str) -> Self {
        let inner = Inner {
            dice: Dice::new(repeats.seed, digest),
            calls: [0; SHAPES],
            kept: Kept::default(),
            passed: 0,
            forgiven: 0,
            late: [[0; 2]; cut::KINDS],
            late_of_all: 0,
        };
        let watch = Self {
            share: if repeats.every == 0 { 0.0 } else { 1.0 / repeats.every as f64 },
            left: [const { AtomicI64::new(0) }; SHAPES],
            inner: Mutex::new(inner),
            unproved: Mutex::default(),
            found: OnceLock::new(),
            told: repeats.told.clone(),
        };
        (0..SHAPES).for_each(|shape| watch.draw(shape, &mut watch.inner()));
        watch
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Refuses a component in quarantine.
    pub(super) fn admit(&self, digest: &str) -> Result<(), CallError> {
        match self.found.get() {
            None => Ok(()),
            Some(difference) => {
                Err(CallError::Quarantined { digest: digest.to_owned(), difference: difference.clone() })
            }
        }
    }

    /// Counts a call. Where it is to be repeated, gives the chance that decides how.
    pub(super) fn due(&self, rows: &Rows) -> Option<Dice> {
        let shape = shape_of(rows);
        if self.left[shape].fetch_sub(1, Ordering::Relaxed) != 1 {
            return None;
        }
        let mut inner = self.inner();
        self.draw(shape, &mut inner);
        Some(inner.dice.fork())
    }

    /// Decides which call of a shape is repeated next.
    fn draw(&self, shape: usize, inner: &mut Inner) {
        let calls = inner.calls[shape];
        let mut gap = 0;
        if self.share > 0.0 && calls < CALLS_FIRST {
            gap = inner.dice.calls_until(self.share.max(SHARE_FIRST)).min(CALLS_FIRST - calls + 1);
        }
        // Chance has no memory: what is beyond the first calls is drawn anew.
        if calls + gap > CALLS_FIRST || gap == 0 {
            let first = CALLS_FIRST.saturating_sub(calls);
            gap = inner.dice.calls_until(self.share).saturating_add(if self.share > 0.0 { first } else { 0 });
        }
        inner.calls[shape] = calls.saturating_add(gap);
        self.left[shape].store(i64::try_from(gap).unwrap_or(i64::MAX), Ordering::Relaxed);
    }

    /// How many groups a call may be joined with.
    pub(super) fn groups(dice: &mut Dice) -> usize {
        // Many are dear, and a few show most of what others do to an answer.
        let groups_max = if dice.once_in(MANY_ONCE_IN) { GROUPS_MAX } else { GROUPS_FEW };
        dice.size(groups_max)
    }

    /// A call among others, at most so many groups of them; `None` where it is too large for that.
    pub(super) fn joined(&self, dice: &mut Dice, parameters: &[Column], own: &Known, groups: usize) -> Option<Known> {
        self.inner().kept.joined(dice, parameters, own, groups)
    }

    /// A repeat gave the same, of a call with these answers, or of one that was refused.
    pub(super) fn passed(
        &self,
        dice: &mut Dice,
        manner: Manner,
        parameters: &[Column],
        answered: Option<(&Rows, &Answers, Duration)>,
    ) {
        let mut inner = self.inner();
        *inner.late_in(manner) = 0;
        inner.late_of_all = 0;
        let Some((rows, answers, cost)) = answered else { return };
        inner.passed += 1;
        inner.kept.keep(dice, parameters, rows, answers, cost);
        drop(inner);
        *self.unproved() = Unproved { after_passed: true, ..Unproved::default() };
    }

    /// A repeat ran out of time: the machine may be busy. After a few in a row it is the component, and here is what is wrong with it.
    pub(super) fn late(&self, manner: Manner, reason: &str) -> Option<String> {
        let mut inner = self.inner();
        inner.forgiven += 1;
        inner.late_of_all += 1;
        *inner.late_in(manner) += 1;
        let in_row = (*inner.late_in(manner)).max(inner.late_of_all);
        (in_row >= FORGIVEN_MAX).then(|| {
            format!("{FORGIVEN_MAX} repeats in a row took more than ten times as long as the calls that they repeat: {reason}")
        })
    }

    /// Puts the component in quarantine: from now on it gives errors alone.
    pub(super) fn quarantine(&self, digest: &str, difference: String) -> CallError {
        let mut is_first = false;
        let difference = self.found.get_or_init(|| {
            is_first = true;
            difference
        });
        if is_first && let Some(told) = &self.told {
            let (digest, difference) = (digest.to_owned(), difference.clone());
            told(&Quarantine { digest, difference, unproved: *self.unproved() });
        }
        CallError::Differs { digest: digest.to_owned(), difference: difference.clone() }
    }

    /// Puts the component in quarantine for what was found earlier, and told then.
    pub(super) fn quarantined_before(&self, difference: &str) {
        self.found.get_or_init(|| difference.to_owned());
    }

    /// Notes that so many answers were given at a moment.
    pub(super) fn given(&self, answers: u64, moment: i64) {
        let mut unproved = self.unproved();
        unproved.answers += answers;
        let (first, last) = unproved.span.unwrap_or((moment, moment));
        unproved.span = Some((first.min(moment), last.max(moment)));
    }

    fn unproved(&self) -> MutexGuard<'_, Unproved> {
        self.unproved.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn watched(&self) -> Watched {
        let unproved = *self.unproved();
        let inner = self.inner();
        Watched { passed: inner.passed, forgiven: inner.forgiven, quarantined: self.found.get().cloned(), unproved }
    }
}

/// Kinds of rows, by sizes.
const SHAPES: usize = 3 * 5;

/// Which shape a call has: whether it has events, questions or both, and how many rows, roughly.
fn shape_of(rows: &Rows) -> usize {
    let has = |kind: Kind| rows.kinds.contains(&(kind as u8));
    let kinds = match (has(Kind::Event), has(Kind::Question)) {
        (true, true) => 0,
        (true, false) => 1,
        (false, _) => 2,
    };
    let size = match rows.len() {
        0..2 => 0,
        2..16 => 1,
        16..128 => 2,
        128..1_000 => 3,
        _ => 4,
    };
    5 * kinds + size
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: Manner = Manner { kind: CutKind::Whole, is_described: false };

    fn watch(every: u64) -> Watch {
        Watch::new(&Repeats { seed: Some(9), ..Repeats::every(every) }, "d1")
    }

    #[test]
    fn the_first_calls_are_repeated_more_often_and_none_where_none_is_wanted() {
        let due = |every, calls: u64| {
            let watch = watch(every);
            (0..calls).filter(|_| watch.due(&Rows::default()).is_some()).count()
        };
        assert_eq!((due(0, 10_000), due(1, 10_000)), (0, 10_000));
        let (first, all) = (due(1_000, CALLS_FIRST), due(1_000, 1_000_000));
        assert!((70..140).contains(&first), "seed 9: {first} of the first calls");
        assert!((900..1_110).contains(&(all - first)), "seed 9: {} of the others", all - first);
        let more = due(10, 100_000);
        assert!((9_500..10_500).contains(&more), "seed 9: {more} of one in ten");
    }

    #[test]
    fn what_is_rare_is_repeated_as_often_of_its_kind() {
        let watch = watch(1_000);
        let (small, mut large) = (Rows::default(), Rows::default());
        (0..1_000).for_each(|row| large.push(Kind::Event, 0, row));
        let mut repeated = 0;
        for call in 0..200_000 {
            let is_large = call % 100 == 99;
            let due = watch.due(if is_large { &large } else { &small }).is_some();
            repeated += usize::from(due && is_large);
        }
        assert!((70..140).contains(&repeated), "seed 9: {repeated} of 2,000 large calls");
    }

    #[test]
    fn another_seed_repeats_other_calls() {
        let due = |seed| {
            let watch = Watch::new(&Repeats { seed: Some(seed), ..Repeats::every(100) }, "d1");
            (0..2_000).filter(|_| watch.due(&Rows::default()).is_some()).collect::<Vec<_>>()
        };
        assert_eq!(due(1), due(1));
        assert_ne!(due(1), due(2));
    }

    #[test]
    fn a_difference_is_quarantine_and_is_told_once() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&told);
        let tell = move |quarantine: &Quarantine| kept.lock().expect("no panic").push(quarantine.clone());
        let watch = Watch::new(&Repeats { told: Some(Arc::new(tell)), ..Repeats::every(1) }, "d1");
        assert!(watch.admit("d1").is_ok());
        watch.given(2, 30);
        watch.given(1, 20);
        assert!(
            matches!(watch.quarantine("d1", "one".into()), CallError::Differs { difference, .. } if difference == "one")
        );
        assert!(
            matches!(watch.quarantine("d1", "two".into()), CallError::Differs { difference, .. } if difference == "one")
        );
        assert!(matches!(watch.admit("d1"), Err(CallError::Quarantined { difference, .. }) if difference == "one"));
        let unproved = Unproved { answers: 3, span: Some((20, 30)), after_passed: false };
        let expected = Quarantine { digest: "d1".into(), difference: "one".into(), unproved };
        assert_eq!(*told.lock().expect("no panic"), [expected]);
    }

    #[test]
    fn what_was_given_before_a_repeat_passed_is_proved() {
        let watch = watch(1);
        let (rows, answers) = (Rows::default(), Answers::default());
        watch.given(5, 10);
        let mut dice = Dice::new(Some(1), "d1");
        watch.passed(&mut dice, WHOLE, &[], None);
        assert_eq!(watch.watched().unproved.answers, 5, "a refusal proves no answer");
        watch.passed(&mut dice, WHOLE, &[], Some((&rows, &answers, Duration::ZERO)));
        watch.given(1, 11);
        let unproved = Unproved { answers: 1, span: Some((11, 11)), after_passed: true };
        assert_eq!(watch.watched(), Watched { passed: 1, unproved, ..Watched::default() });
    }

    #[test]
    fn time_is_forgiven_but_not_three_times_in_a_row() {
        let watch = watch(1);
        let mut dice = Dice::new(Some(1), "d1");
        let manners = [CutKind::Whole, CutKind::Alone, CutKind::Joined].map(|kind| Manner { kind, ..WHOLE });
        assert!(watch.late(manners[0], "x").is_none() && watch.late(manners[1], "x").is_none());
        assert!(watch.late(manners[2], "x").is_some_and(|told| told.starts_with("3 repeats in a row")));
        // What passes in one cut and loops in another is not forgiven either.
        let watch = self::watch(1);
        let mut late = |watch: &Watch| {
            watch.passed(&mut dice, WHOLE, &[], None);
            watch.late(Manner { is_described: true, ..WHOLE }, "x")
        };
        assert_eq!([late(&watch), late(&watch)], [None, None]);
        assert!(late(&watch).is_some());
    }
}
