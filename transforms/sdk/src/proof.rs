//! The law of merging, proved while a batch is processed: what windows merge is what one pass over the same events gives.
//!
//! A window of tiles merges an aggregate for each tile, and sessions are merged where a late event joins them. Whether an author's
//! [`merge`](Aggregate::merge) loses something there shows in no feature, as every path merges in the same way. So a host asks for a
//! proof: then, and only then, a [`Witness`] beside the tiles is given every event as well, and aggregates without a split.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

use crate::aggregate::Aggregate;
use crate::state::decode_all;
use crate::time::EventTime;

thread_local! {
    /// Whether a proof is asked for: states that begin now have witnesses.
    static IS_ON: Cell<bool> = const { Cell::new(false) };
    /// The first difference.
    static FOUND: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Runs `process` with witnesses, and gives the first difference that one of them saw.
pub fn with_witnesses<T>(process: impl FnOnce() -> T) -> (T, Option<String>) {
    /// Ends the proof even where the author's code panics, for whoever catches that.
    struct End;
    impl Drop for End {
        fn drop(&mut self) {
            IS_ON.set(false);
        }
    }
    FOUND.set(None);
    IS_ON.set(true);
    let end = End;
    let processed = process();
    drop(end);
    (processed, FOUND.take())
}

/// What one pass makes of events that were split, for each place at which they are: `None` unless a proof is asked for.
///
/// It is no part of a state: it is neither written, nor compared, nor copied.
#[allow(clippy::box_collection, reason = "one word in every window, and nothing else where no proof is asked for")]
pub(crate) struct Witness<A>(Option<Box<VecDeque<Split<A>>>>);

/// The events from one split on.
struct Split<A> {
    first: i64,
    one_pass: Option<A>,
}

impl<A: Aggregate> Witness<A> {
    /// Of events that are split at the beginnings of tiles: adds one that went into a tile of `tiles`, and compares what some of the
    /// splits give with what is merged. An event that comes after those of later tiles ends the splits before it: one pass in the
    /// order of the tiles is not known then, and an author's aggregate may look at the order.
    #[cold]
    pub(crate) fn push_tiled(&mut self, tiles: &VecDeque<(i64, A)>, tile: i64, at: EventTime, item: A::Item<'_>) {
        let Some(splits) = &mut self.0 else { return };
        let Some(&(oldest, _)) = tiles.front() else { return };
        if !A::MERGES_EXACTLY || tiles.binary_search_by_key(&tile, |&(tile, _)| tile).is_err() {
            // It was too late to be kept.
            return;
        }
        splits.retain(|split| split.first >= oldest);
        let is_late = tiles.back().is_some_and(|&(newest, _)| tile < newest);
        let place = splits.partition_point(|split| split.first < tile);
        if splits.get(place).is_none_or(|split| split.first != tile) {
            splits.insert(place, Split { first: tile, one_pass: Some(A::default()) });
        }
        for split in splits.iter_mut().take(place + 1) {
            if is_late {
                split.one_pass = None;
            } else if let Some(one_pass) = &mut split.one_pass {
                one_pass.push(at, item);
            }
        }
        // The split before this event, and after it, and the first of all.
        for at in [place, (place + 1).min(splits.len() - 1), 0] {
            let mut merged = A::default();
            let from = tiles.iter().filter(|&&(tile, _)| tile >= splits[at].first);
            from.for_each(|(_, aggregate)| merged.merge(aggregate));
            if let Some(one_pass) = &splits[at].one_pass {
                compare::<A>("a window", tiles.len() - at, &merged, one_pass);
            }
        }
    }

    /// Of sessions, each of which may be joined with the next: a session began in `place`, with one event.
    #[cold]
    pub(crate) fn begin_session<'s>(
        &mut self,
        place: usize,
        of: impl Fn(usize) -> Option<&'s A>,
        at: EventTime,
        item: A::Item<'_>,
    ) where
        A: 's,
    {
        let Some(pairs) = &mut self.0 else { return };
        let with = |other: Option<&A>| {
            let mut one_pass = copy(other?)?;
            one_pass.push(at, item);
            Some(one_pass)
        };
        pairs.insert(place, Split { first: 0, one_pass: with(of(place + 1)) });
        if let Some(before) = place.checked_sub(1) {
            pairs[before].one_pass = with(of(before));
        }
    }

    /// An event went into the session in `place`.
    #[cold]
    pub(crate) fn push_session(&mut self, place: usize, at: EventTime, item: A::Item<'_>) {
        let Some(pairs) = &mut self.0 else { return };
        for pair in pairs.iter_mut().skip(place.saturating_sub(1)).take(if place == 0 { 1 } else { 2 }) {
            if let Some(one_pass) = &mut pair.one_pass {
                one_pass.push(at, item);
            }
        }
    }

    /// The session in `place` was joined with the next one.
    #[cold]
    pub(crate) fn join_sessions(&mut self, place: usize, merged: &A) {
        let Some(pairs) = &mut self.0 else { return };
        if let Some(one_pass) = pairs.remove(place).and_then(|pair| pair.one_pass)
            && A::MERGES_EXACTLY
        {
            compare("sessions that are joined", 2, merged, &one_pass);
        }
        // What one pass makes of three sessions is not known.
        pairs.iter_mut().skip(place.saturating_sub(1)).take(2).for_each(|pair| pair.one_pass = None);
    }

    /// The first session was let go.
    #[cold]
    pub(crate) fn forget_first(&mut self) {
        if let Some(pairs) = &mut self.0 {
            pairs.pop_front();
        }
    }
}

impl<A> Witness<A> {
    /// None, for a state that was read: what its events were is not known.
    pub(crate) fn none() -> Self {
        Witness(None)
    }

    /// Whether there is one.
    #[inline]
    pub(crate) fn is_on(&self) -> bool {
        self.0.is_some()
    }
}

/// One where a proof is asked for.
impl<A> Default for Witness<A> {
    fn default() -> Self {
        Witness(IS_ON.get().then(Box::default))
    }
}

impl<A> Clone for Witness<A> {
    fn clone(&self) -> Self {
        Self::none()
    }
}

impl<A> PartialEq for Witness<A> {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// An aggregate is copied through its bytes, as it need not be `Clone`.
fn copy<A: Aggregate>(aggregate: &A) -> Option<A> {
    decode_all(&bytes(aggregate)).ok()
}

fn bytes<A: Aggregate>(aggregate: &A) -> Vec<u8> {
    let mut bytes = Vec::new();
    aggregate.encode(&mut bytes);
    bytes
}

fn compare<A: Aggregate>(what: &str, parts: usize, merged: &A, one_pass: &A) {
    let (merged, one_pass) = (bytes(merged), bytes(one_pass));
    if merged == one_pass {
        return;
    }
    let hex = |bytes: &[u8]| -> String {
        const SHOWN: usize = 24;
        let digits: String = bytes.iter().take(SHOWN).map(|byte| format!("{byte:02x}")).collect();
        format!("{} bytes, 0x{digits}{}", bytes.len(), if bytes.len() > SHOWN { "..." } else { "" })
    };
    FOUND.with_borrow_mut(|found| {
        found.get_or_insert_with(|| {
            format!(
                "the aggregate {} in {what}\n{parts} parts, merged: {}\none pass over the same events: {}",
                std::any::type_name::<A>(),
                hex(&merged),
                hex(&one_pass),
            )
        });
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::{Count, Counts, Decayed, Distinct, First, HyperLogLog, Last, QuantileSketch, Sum, Variance};
    use crate::session::{Fixed, Gap, Sessions};
    use crate::state::{State, StateError};
    use crate::tiled::{Hopping, Tumbling};
    use crate::window::{Days, Hours};

    const HOUR: i64 = 3_600_000_000;

    /// Counts, and merges in a wrong way: as the author of a maximum would, or by the first alone, or by the other alone.
    #[derive(Default)]
    struct Wrong<const HOW: u8>(i64);

    impl<const HOW: u8> State for Wrong<HOW> {
        fn encode(&self, bytes: &mut Vec<u8>) {
            self.0.encode(bytes);
        }

        fn decode(bytes: &mut &[u8]) -> Result<Self, StateError> {
            i64::decode(bytes).map(Wrong)
        }
    }

    impl<const HOW: u8> Aggregate for Wrong<HOW> {
        type Item<'a> = ();

        fn push(&mut self, _: EventTime, (): ()) {
            self.0 += 1;
        }

        fn merge(&mut self, other: &Self) {
            match HOW {
                0 => self.0 = self.0.max(other.0),
                1 => {}
                2 => self.0 = other.0,
                // What crosses a hop is lost.
                _ => self.0 = (self.0 + other.0 - i64::from(self.0 > 0 && other.0 > 0)).max(0),
            }
        }
    }

    /// Times in any order, many of them equal, over five days.
    fn times() -> Vec<i64> {
        let mut seed = 7_u64;
        let mut draw = |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((seed >> 33) % below) as i64
        };
        (0..200_i64).map(|n| n * HOUR / 2 - draw(9) * HOUR * draw(2) * draw(12)).collect()
    }

    fn hopping<A: Aggregate>(item: impl Fn(i64) -> A::Item<'static>) -> Option<String> {
        with_witnesses(|| {
            let mut window = Hopping::<A, Days<2>, Hours<3>>::default();
            let mut days = Tumbling::<A, Days<1>>::default();
            times().into_iter().for_each(|at| {
                window.push(EventTime(at), item(at));
                days.push(EventTime(at), item(at));
            });
        })
        .1
    }

    fn sessions<A: Aggregate>(item: impl Fn(i64) -> A::Item<'static>) -> Option<String> {
        with_witnesses(|| {
            let mut gaps = Sessions::<A, Gap<Hours<5>>, Days<2>>::default();
            let mut fixed = Sessions::<A, Fixed<Hours<5>>, Days<2>>::default();
            // Every second event joins the sessions of the two before it; every ninth comes twice.
            let times = (0..90_i64).map(|n| (n - 1 - 3 * (n % 2) + n % 9 / 8) * 5 * HOUR);
            times.for_each(|at| {
                gaps.push(EventTime(at), item(at));
                fixed.push(EventTime(at), item(at));
            });
        })
        .1
    }

    #[test]
    fn the_aggregates_of_the_sdk_keep_the_law() {
        const WORDS: [&str; 4] = ["a", "b", "c", "d"];
        let word = |at: i64| WORDS[at.rem_euclid(4) as usize];
        let number = |at: i64| (at / HOUR) as f64 / 7.0;
        let found = [
            hopping::<Count>(|_| ()),
            hopping::<(Sum, Variance, Decayed<Days<1>>, QuantileSketch)>(|at| {
                (number(at), number(at), number(at), number(at))
            }),
            hopping::<(First<f64>, Last<f64>)>(|at| (number(at), number(at))),
            hopping::<(Distinct<String>, HyperLogLog<String, 12>, Counts<String>)>(|at| (word(at), word(at), word(at))),
            sessions::<(Sum, First<f64>, Last<f64>)>(|at| (number(at), number(at), number(at))),
            sessions::<Decayed<Days<1>>>(number),
        ];
        assert_eq!(found, [const { None }; 6]);
    }

    #[test]
    fn an_aggregate_that_merges_wrongly_is_found_and_named() {
        let all = [
            hopping::<Wrong<0>>(|_| ()),
            hopping::<Wrong<1>>(|_| ()),
            hopping::<Wrong<2>>(|_| ()),
            hopping::<Wrong<3>>(|_| ()),
            hopping::<(Count, Wrong<3>)>(|_| ((), ())),
            sessions::<Wrong<0>>(|_| ()),
            sessions::<Wrong<1>>(|_| ()),
            sessions::<Wrong<3>>(|_| ()),
        ];
        for found in all {
            let found = found.expect("it is wrong");
            assert!(found.contains("Wrong<") && found.contains("one pass over the same events"), "{found}");
        }
    }

    #[test]
    fn without_a_proof_there_is_no_witness_and_one_leaves_none() {
        let mut window = Hopping::<Wrong<0>, Days<2>, Hours<3>>::default();
        times().into_iter().for_each(|at| window.push(EventTime(at), ()));
        assert!(!IS_ON.get() && FOUND.take().is_none());
        let _ = std::panic::catch_unwind(|| with_witnesses(|| panic!("the author's code")));
        assert!(!IS_ON.get() && !Witness::<Count>::default().is_on());
    }
}
