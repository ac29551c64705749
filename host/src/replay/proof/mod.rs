//! A replay proves a sample of its answers as it goes: entities are drawn at random, some of their events are pushed one by one
//! onto a carried state, and their questions are asked by the very calls of serving. What differs ends the replay.
//!
//! A component that gives one value to a long batch and another to a single question is found here, whatever the laws of admission
//! have tried. The draw is random per run, so that no component can know which of its answers are asked for again.
//!
//! - `sample`: which entities, by size. - `stretch`: one entity's events and questions, as they are served.

mod sample;
mod stretch;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use self::sample::{Random, SIZES, Sample};
use self::stretch::{Fault, Prover, Stretch};
use super::batches::PartitionError;
use super::partition::{Order, PartitionEvents};
use super::run::{Outcome, Work};
use crate::time::{Clock, Stopwatch, SystemClock};
use crate::usage::ThreadTime;

/// The share of a replay's processor time that its proof may take. With what it cannot foresee it stays below 3 %.
const SHARE: f64 = 0.02;

/// Calls of each view, for entities of each size, that are made whatever the replay took: a small run proves all of itself.
const FLOOR_CALLS: [u64; SIZES] = [256, 128, 128];

/// Of these, so many for one entity, so that several have their turn.
const FLOOR_STRETCH: u64 = 32;

/// With fewer calls left, no stretch is begun.
const CALLS_MIN: u64 = 16;

/// What a call takes before one was made, in nanoseconds.
const CALL_NS: u64 = 10_000;

/// Where an answer differs, so many of the smallest entities are looked at for a smaller case.
const SMALLER_MAX: usize = 16;

/// How the replays of one run prove a sample of their answers.
#[derive(Debug)]
pub struct Proving {
    seed: u64,
    work_ns: AtomicU64,
    proof_ns: AtomicU64,
    proof_calls: AtomicU64,
    /// Calls that were made, by view, and by the sizes of entities.
    calls: Mutex<HashMap<String, [u64; SIZES]>>,
}

/// What was proved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proved {
    /// Answers that were given again as they are served.
    pub answers: u64,
    /// Of so many entities.
    pub entities: u64,
}

/// An answer of a replay that serving does not give.
#[derive(Clone, Debug, thiserror::Error)]
#[error(
    "the training set would not be what is served: view {view}, {place}, {feature}: the backfill gives {trained}, and \
     serving gives {served}, from {events}; nothing was written. The transform does not give the same in calls of every shape: \
     `onepath check {view}` looks for the smallest such input. The sample was drawn by seed {seed}"
)]
pub struct Unproved {
    /// The view.
    pub view: String,
    /// The entity, and when it was asked about.
    pub place: String,
    /// The feature, or what else differs.
    pub feature: String,
    /// What the replay gave, in words and bits.
    pub trained: String,
    /// What serving gives, in words and bits, or why it gives nothing.
    pub served: String,
    /// Which events it saw, and how they came.
    pub events: String,
    /// What the sample was drawn by.
    pub seed: u64,
}

impl Proved {
    /// Both together.
    pub fn and(self, other: Self) -> Self {
        Self { answers: self.answers + other.answers, entities: self.entities + other.entities }
    }
}

impl Proving {
    /// Of a run whose sample is drawn by `seed`; by default one of chance.
    pub fn new(seed: Option<u64>) -> Self {
        Self {
            seed: seed.unwrap_or_else(chance),
            work_ns: AtomicU64::new(0),
            proof_ns: AtomicU64::new(0),
            proof_calls: AtomicU64::new(0),
            calls: Mutex::default(),
        }
    }

    /// What the sample is drawn by.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Seconds of processor time: of the replays, and of their proof.
    pub fn seconds(&self) -> (f64, f64) {
        let seconds = |ns: &AtomicU64| ns.load(Ordering::Relaxed) as f64 / 1e9;
        (seconds(&self.work_ns), seconds(&self.proof_ns))
    }

    /// Notes what a part of the replay took.
    pub(super) fn worked(&self, watch: &Watch) {
        self.work_ns.fetch_add(watch.ns(), Ordering::Relaxed);
    }

    /// Proves a sample of what a partition gave.
    pub(super) fn prove(
        &self,
        work: &Work<'_>,
        partition: usize,
        events: &PartitionEvents,
        questions: &Order,
        outcome: &Outcome,
    ) -> Result<Proved, PartitionError> {
        let mut proved = Proved::default();
        let view = work.view.id();
        if (0..SIZES).all(|size| self.calls_left(view, size).is_none()) {
            return Ok(proved);
        }
        let random = Random::new(self.seed, view, partition as u64);
        let mut prover = Prover::new(work, partition, events, questions, outcome, random);
        let mut sample = Sample::new(&mut prover, work.places(partition));
        while let Some(drawn) = sample.next(&mut prover.random, |size| self.calls_left(view, size)) {
            let stretch = prover.draw(drawn.place, drawn.calls);
            let (watch, before) = (Watch::start(), prover.calls);
            let answers = prover.prove(stretch, drawn.calls);
            self.spent((view, drawn.size), &watch, prover.calls - before);
            match answers {
                Ok(0) | Err(Fault::Skipped) => {}
                Ok(answers) => {
                    proved.answers += answers;
                    proved.entities += u64::from(drawn.is_first);
                }
                Err(Fault::Failed(error)) => return Err(error),
                Err(Fault::Differs(found)) => {
                    let found = smallest(&mut prover, &sample, stretch, *found);
                    return Err(PartitionError::Unproved(Box::new(Unproved { seed: self.seed, ..found })));
                }
            }
        }
        Ok(proved)
    }

    /// How many calls may be made now for one entity of a size; `None` where there are too few to begin.
    fn calls_left(&self, view: &str, size: usize) -> Option<u64> {
        let made = self.calls.lock().unwrap_or_else(PoisonError::into_inner).get(view).map_or(0, |made| made[size]);
        let allowed = (self.work_ns.load(Ordering::Relaxed) as f64 * SHARE) as u64;
        let left = allowed.saturating_sub(self.proof_ns.load(Ordering::Relaxed)) / self.call_ns();
        let left = left.max(FLOOR_CALLS[size].saturating_sub(made).min(FLOOR_STRETCH));
        (left >= CALLS_MIN).then_some(left)
    }

    fn spent(&self, (view, size): (&str, usize), watch: &Watch, calls: u64) {
        self.proof_ns.fetch_add(watch.ns(), Ordering::Relaxed);
        self.proof_calls.fetch_add(calls, Ordering::Relaxed);
        let mut all = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        all.entry(view.to_owned()).or_default()[size] += calls;
    }

    /// What a call of the proof takes, in nanoseconds; at least 1.
    fn call_ns(&self) -> u64 {
        let (ns, calls) = (self.proof_ns.load(Ordering::Relaxed), self.proof_calls.load(Ordering::Relaxed));
        ns.checked_div(calls).map_or(CALL_NS, |ns| ns.max(1))
    }
}

/// The smallest case of a difference that was found in `stretch`: of an entity with few events, of which few are pushed.
fn smallest(prover: &mut Prover<'_, '_>, sample: &Sample, stretch: Stretch, mut found: Unproved) -> Unproved {
    let (mut place, mut asked) = (stretch.place, prover.asked);
    let smaller = sample.smaller_than(prover.events_of(stretch.place), SMALLER_MAX);
    for other in smaller {
        let whole = prover.draw(other, FLOOR_CALLS[0]);
        if let Err(Fault::Differs(smaller)) = prover.prove(whole, u64::MAX) {
            (found, place, asked) = (*smaller, other, prover.asked);
            break;
        }
    }
    let mut pushed = 0;
    while let Some(short) = prover.question(place, asked, pushed) {
        if let Err(Fault::Differs(smaller)) = prover.prove(short, u64::MAX) {
            return *smaller;
        }
        pushed = pushed.max(1) * if pushed == 0 { 1 } else { 2 };
    }
    found
}

/// What the work of this thread takes.
pub(super) struct Watch(ThreadTime, Stopwatch);

impl Watch {
    pub(super) fn start() -> Self {
        Self(ThreadTime::start(), Stopwatch::start())
    }

    fn ns(&self) -> u64 {
        u64::try_from(self.0.of(self.1.elapsed()).as_nanos()).unwrap_or(u64::MAX)
    }
}

/// A number that no component can know: none has a clock, or is told which process runs it.
fn chance() -> u64 {
    let here = 0_u8;
    let known = (SystemClock.now(), std::process::id(), std::ptr::from_ref(&here).addr());
    let digest = Sha256::digest(format!("{known:?}"));
    // Short enough to be typed, and the same number in JSON.
    u64::from(u32::from_le_bytes([digest[0], digest[1], digest[2], digest[3]]))
}
