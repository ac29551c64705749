//! Which entities of a partition are proved: some of every size, in random order.

use std::collections::HashSet;

use super::stretch::Prover;

/// The sizes of entities: those with few events, with hundreds, with thousands.
pub(super) const SIZES: usize = 3;

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

/// An entity that was drawn.
pub(super) struct Drawn {
    pub(super) place: usize,
    pub(super) size: usize,
    /// How many calls may be made for it.
    pub(super) calls: u64,
    /// Whether it comes for the first time.
    pub(super) is_first: bool,
}

/// The entities of a partition that have questions.
pub(super) struct Sample {
    /// By size: those that were not drawn yet.
    classes: [Vec<u32>; SIZES],
    /// The size that is next.
    next: usize,
    drawn: HashSet<u32>,
    /// All with their events.
    all: Vec<(usize, u32)>,
}

impl Sample {
    pub(super) fn new(prover: &mut Prover<'_, '_>, places: usize) -> Self {
        let next = prover.random.below(SIZES);
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

    /// The next one, of a size of which so many calls may be made.
    pub(super) fn next(&mut self, random: &mut Random, calls: impl Fn(usize) -> Option<u64>) -> Option<Drawn> {
        for _ in 0..SIZES {
            let size = self.next;
            self.next = (size + 1) % SIZES;
            let class = &mut self.classes[size];
            if class.is_empty() {
                continue;
            }
            let Some(calls) = calls(size) else { continue };
            let place = class.swap_remove(random.below(class.len()));
            return Some(Drawn { place: place as usize, size, calls, is_first: self.drawn.insert(place) });
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
