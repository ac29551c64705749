//! Which entities of a partition are proved: some of every size, in random order.

use std::collections::HashSet;

use super::stretch::Prover;

/// Entities with at least so many events have hundreds, and thousands.
const HUNDREDS: usize = 100;
const THOUSANDS: usize = 1_000;

/// An entity is drawn once for so many of its rows.
const ROWS_PER_DRAW: usize = 1_000;

/// However many rows it has, not more often than this in one partition.
const DRAWS_MAX: usize = 64;

/// Numbers that decide nothing but the sample: SplitMix64.
pub(super) struct Random(u64);

impl Random {
    /// Those of a run, a view and a part of its work.
    pub(super) fn new(seed: u64, view: &str, part: u64) -> Self {
        let mut random = Self(seed ^ part.rotate_left(32));
        for byte in view.bytes() {
            random.0 = random.next() ^ u64::from(byte);
        }
        random
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// One of `0..count`; 0 where there is none.
    pub(super) fn below(&mut self, count: usize) -> usize {
        (self.next() % count.max(1) as u64) as usize
    }

    /// One time in so many.
    pub(super) fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }
}

/// The entities of a partition that have questions.
pub(super) struct Sample {
    /// By size: those that were not drawn yet.
    classes: [Vec<u32>; 3],
    /// The size that is next.
    next: usize,
    drawn: HashSet<u32>,
    /// All with their events.
    all: Vec<(usize, u32)>,
}

impl Sample {
    pub(super) fn new(prover: &mut Prover<'_, '_>, places: usize) -> Self {
        let next = prover.random.below(3);
        let mut sample = Self { classes: Default::default(), next, drawn: HashSet::new(), all: Vec::new() };
        for place in 0..places {
            let (events, questions) = (prover.events_of(place), prover.questions_of(place));
            if questions == 0 {
                continue;
            }
            let class = match events {
                THOUSANDS.. => 2,
                HUNDREDS.. => 1,
                _ => 0,
            };
            let draws = (events.max(questions) / ROWS_PER_DRAW).clamp(1, DRAWS_MAX);
            sample.classes[class].extend(std::iter::repeat_n(place as u32, draws));
            sample.all.push((events, place as u32));
        }
        sample
    }

    /// The place of the next one, and whether it comes for the first time.
    pub(super) fn next(&mut self, random: &mut Random) -> Option<(usize, bool)> {
        for _ in 0..self.classes.len() {
            let class = &mut self.classes[self.next];
            self.next = (self.next + 1) % 3;
            if !class.is_empty() {
                let place = class.swap_remove(random.below(class.len()));
                return Some((place as usize, self.drawn.insert(place)));
            }
        }
        None
    }

    /// The entities with the fewest events, of those that have fewer than so many.
    pub(super) fn smaller_than(&self, events: usize, count: usize) -> Vec<usize> {
        let mut smaller: Vec<(usize, u32)> = self.all.iter().filter(|(has, _)| *has < events).copied().collect();
        smaller.sort_unstable();
        smaller.into_iter().take(count).map(|(_, place)| place as usize).collect()
    }
}
