//! The calls to try for each shape, made of runs of entities as the host's callers make them.

use super::case::batch;
use super::random::Random;
use super::run::Bench;
use super::world::{Run, World};
use crate::batch::{Kind, PUSH_ROWS, QUESTION_ROWS, REPLAY_ROWS, Rows, Shape, States};

/// Sizes beside the largest: around the steps at which a careless or a clever author might begin to do something else.
const SIZES: [usize; 13] = [2, 5, 6, 16, 63, 64, 65, 256, 1_000, 1_001, 4_095, 4_096, 8_191];
/// Sizes drawn beside these, so that no other is safe.
const SIZES_DRAWN: usize = 6;
/// A call of a shape.
#[derive(Clone, Debug)]
pub(super) struct ShapedCall {
    pub(super) shape: Shape,
    pub(super) runs: Vec<Run>,
    pub(super) want_states: bool,
    /// Whether questions are left out of the runs.
    events_only: bool,
    /// The seed of the order in which the groups' rows come; `None` for one group after the other.
    interleaved: Option<u64>,
}

/// The calls to try for a shape, the largest first. Built as its caller builds them; a new shape does not compile until it is here.
pub(super) fn calls(shape: Shape, world: &World, random: &mut Random) -> Vec<ShapedCall> {
    let call =
        |runs, want_states, events_only, interleaved| ShapedCall { shape, runs, want_states, events_only, interleaved };
    // Up to the largest, small ones as often as large ones.
    let mut drawn = || {
        let most = REPLAY_ROWS >> random.below(12);
        (2 + random.below(most)).min(REPLAY_ROWS)
    };
    let sizes: Vec<usize> = SIZES.into_iter().chain((0..SIZES_DRAWN).map(|_| drawn())).collect();
    let sizes = || sizes.iter().copied();
    let calls: Vec<ShapedCall> = match shape {
        // What the world knows was said in these.
        Shape::QuestionOne | Shape::PushOne => Vec::new(),
        Shape::QuestionMany => {
            let sizes = [QUESTION_ROWS].into_iter().chain(sizes());
            sizes.map(|size| call(last_questions(world, size, random), false, false, None)).collect()
        }
        Shape::PushBatch => {
            let sizes = [PUSH_ROWS, PUSH_ROWS].into_iter().chain(sizes().flat_map(|size| [size, size]));
            let push = |(at, size)| {
                // Few entities with many events each, and an entity for each event.
                let length = if at % 2 == 0 { 1_000 } else { 1 };
                call(pushed(world, size, length, random), true, true, Some(at as u64))
            };
            sizes.enumerate().map(push).collect()
        }
        Shape::ReplayFull => {
            let all = all_of(world, random, false);
            let short = shorter(&all, 3, random);
            let mut calls = replayed(world, &all, REPLAY_ROWS, false, &call, false);
            calls.extend(replayed(world, &short, REPLAY_ROWS, false, &call, false));
            for size in [REPLAY_ROWS - 1, REPLAY_ROWS + 1].into_iter().chain(sizes()) {
                calls.extend(replayed(world, &all, size, false, &call, false).into_iter().take(2));
            }
            calls
        }
        Shape::ReplaySlice => {
            let all = all_of(world, random, false);
            let cut = |run: &Run, random: &mut Random| run.from + random.below(run.to - run.from + 1);
            let cuts: Vec<usize> = all.iter().map(|run| cut(run, random)).collect();
            let second = all.iter().zip(&cuts).map(|(run, cut)| Run { from: *cut, ..run.clone() });
            let first = all.iter().zip(&cuts).map(|(run, cut)| Run { to: *cut, ..run.clone() });
            let (second, first) = (not_empty(second), not_empty(first));
            let mut calls = replayed(world, &second, REPLAY_ROWS, true, &call, false);
            calls.extend(replayed(world, &first, REPLAY_ROWS, true, &call, false));
            for size in [REPLAY_ROWS - 1, REPLAY_ROWS + 1].into_iter().chain(sizes()) {
                calls.extend(replayed(world, &second, size, true, &call, false).into_iter().take(1));
            }
            calls
        }
        Shape::Fold => {
            let all = all_of(world, random, true);
            // The entity with the most events by itself, and then all of them.
            let longest = all.iter().max_by_key(|run| run.to - run.from).cloned();
            let mut calls = replayed(world, &all, REPLAY_ROWS, true, &call, true);
            calls.extend(replayed(world, longest.as_slice(), REPLAY_ROWS, true, &call, true));
            for size in [REPLAY_ROWS - 1, REPLAY_ROWS + 1].into_iter().chain(sizes()) {
                calls.extend(replayed(world, &all, size, true, &call, true).into_iter().take(1));
            }
            calls
        }
        Shape::ReplayPart => {
            let all = all_of(world, random, false);
            let whole = replayed(world, &all, REPLAY_ROWS, false, &call, false);
            let whole = whole.into_iter().next().map_or_else(Vec::new, |call| call.runs);
            let rows: usize = whole.iter().map(|run| run.to - run.from).sum();
            let cuts: Vec<usize> = (0..4).map(|_| random.below(rows.max(1))).collect();
            let parts = cuts.into_iter().flat_map(|cut| [(0, cut), (cut + 1, rows), (cut, cut + 1)]);
            parts.map(|(from, to)| call(part(&whole, from, to), true, false, None)).collect()
        }
    };
    calls.into_iter().filter(|call| call.rows(world).next().is_some()).collect()
}

/// Questions at the last as-of, a run of one row each.
fn last_questions(world: &World, count: usize, random: &mut Random) -> Vec<Run> {
    let known = &world.last_questions;
    let start = random.below(known.len());
    let runs = known.iter().cycle().skip(start).take(if known.is_empty() { 0 } else { count });
    runs.map(|&(entity, row)| Run { entity, from: row, to: row + 1 }).collect()
}

/// Runs of at most `length` rows with events, from anywhere, of so many events together.
fn pushed(world: &World, count: usize, length: usize, random: &mut Random) -> Vec<Run> {
    let is_event = |entity: usize, row: &usize| world.entities[entity].rows[*row].kind == Kind::Event;
    let mut left = count;
    let (mut runs, mut misses) = (Vec::new(), 0);
    while left > 0 && misses < 1_000 {
        let entity = random.below(world.entities.len());
        let served = world.entities[entity].served_rows();
        let from = random.below(served);
        let events: Vec<usize> = (from..served).filter(|row| is_event(entity, row)).take(length.min(left)).collect();
        match (events.first(), events.last()) {
            (Some(first), Some(last)) => {
                runs.push(Run { entity, from: *first, to: last + 1 });
                (left, misses) = (left - events.len(), 0);
            }
            _ => misses += 1,
        }
    }
    runs
}

/// Every entity as a whole, in any order; `events`: those that have events only.
fn all_of(world: &World, random: &mut Random, events: bool) -> Vec<Run> {
    let has_rows = |entity: &usize| {
        let known = &world.entities[*entity];
        let rows = &known.rows[..known.served_rows()];
        if events { rows.iter().any(|row| row.kind == Kind::Event) } else { !rows.is_empty() }
    };
    let mut entities: Vec<usize> = (0..world.entities.len()).filter(has_rows).collect();
    random.shuffle(&mut entities);
    entities.into_iter().map(|entity| Run { entity, from: 0, to: world.entities[entity].served_rows() }).collect()
}

/// Beginnings of entities of at most so many rows, of many entities: the same ones again and again.
fn shorter(all: &[Run], rows_max: usize, random: &mut Random) -> Vec<Run> {
    let runs = all.iter().cycle().take(if all.is_empty() { 0 } else { REPLAY_ROWS });
    not_empty(runs.map(|run| Run { to: run.to.min(run.from + 1 + random.below(rows_max)), ..run.clone() }))
}

fn not_empty(runs: impl Iterator<Item = Run>) -> Vec<Run> {
    runs.filter(|run| run.from < run.to).collect()
}

/// Batches of `size` rows of entity after entity; one that does not fit is cut, and its state carried into the next call.
fn replayed(
    world: &World,
    runs: &[Run],
    size: usize,
    want_states: bool,
    call: &dyn Fn(Vec<Run>, bool, bool, Option<u64>) -> ShapedCall,
    events_only: bool,
) -> Vec<ShapedCall> {
    const CALLS_MAX: usize = 3;
    let counts = |run: &Run, at: usize| !events_only || world.row(run, at).kind == Kind::Event;
    let (mut calls, mut batch, mut room) = (Vec::new(), Vec::new(), size);
    for run in runs {
        let mut from = run.from;
        while from < run.to && calls.len() < CALLS_MAX {
            if room == 0 {
                // An entity that goes on has its state carried.
                let carries = from > run.from;
                calls.push(call(std::mem::take(&mut batch), want_states || carries, events_only, None));
                room = size;
            }
            let mut to = from;
            while to < run.to && room > 0 {
                room -= usize::from(counts(run, to));
                to += 1;
            }
            batch.push(Run { entity: run.entity, from, to });
            from = to;
        }
    }
    if !batch.is_empty() && calls.len() < CALLS_MAX {
        calls.push(call(batch, want_states, events_only, None));
    }
    // Of a fold's runs, one that ends with questions may have no event in its last call.
    let has_event = |run: &Run| (run.from..run.to).any(|at| counts(run, at));
    calls.iter_mut().for_each(|call| call.runs.retain(|run| has_event(run)));
    calls
}

/// All groups of a call, with the rows `from..to` of it.
fn part(whole: &[Run], from: usize, to: usize) -> Vec<Run> {
    let mut start = 0;
    let part = |run: &Run| {
        let (length, begun) = (run.to - run.from, start);
        start += length;
        let within = |row: usize| run.from + row.clamp(begun, begun + length) - begun;
        Run { entity: run.entity, from: within(from), to: within(to) }
    };
    whole.iter().map(part).collect()
}

impl ShapedCall {
    /// The rows, each with its group before groups are numbered: the place of its run, and the row of its entity.
    pub(super) fn rows<'w>(&'w self, world: &'w World) -> impl Iterator<Item = (usize, usize)> + 'w {
        let of = move |(group, run): (usize, &'w Run)| {
            let rows =
                (run.from..run.to).filter(move |at| !self.events_only || world.row(run, *at).kind == Kind::Event);
            rows.map(move |at| (group, at))
        };
        self.runs.iter().enumerate().flat_map(of)
    }

    /// The rows in the order of the call, and the places of the runs in the order of their groups.
    pub(super) fn in_order(&self, world: &World) -> (Vec<(usize, usize)>, Vec<usize>) {
        let mut rows: Vec<(usize, usize)> = self.rows(world).collect();
        let Some(seed) = self.interleaved else { return (rows, (0..self.runs.len()).collect()) };
        let mut turns: Vec<usize> = rows.iter().map(|(group, _)| *group).collect();
        Random::new(seed).shuffle(&mut turns);
        let mut of_groups: Vec<_> = vec![Vec::new(); self.runs.len()];
        rows.drain(..).rev().for_each(|(group, at)| of_groups[group].push(at));
        let rows: Vec<_> = turns.into_iter().filter_map(|group| Some((group, of_groups[group].pop()?))).collect();
        let mut is_known = vec![false; self.runs.len()];
        let order = rows.iter().filter(|(group, _)| !std::mem::replace(&mut is_known[*group], true));
        let order = order.map(|(group, _)| *group).collect();
        (rows, order)
    }

    /// The batch as the host makes it.
    pub(super) fn batch(&self, bench: &Bench<'_>, world: &World) -> (Rows, Vec<(usize, usize)>, Vec<usize>) {
        let (rows, order) = self.in_order(world);
        let mut numbers = vec![0; self.runs.len()];
        order.iter().enumerate().for_each(|(number, group)| numbers[*group] = number as u32);
        let mut states = States::default();
        for group in &order {
            let run = &self.runs[*group];
            let state = &world.entities[run.entity].states[run.from];
            states.push(state).expect("states that were given back are short enough to be given");
        }
        let with_group = rows.iter().map(|&(group, at)| (world.row(&self.runs[group], at), numbers[group]));
        let mut batch = batch(bench.description, with_group, states, self.want_states);
        batch.unbounded_states = !matches!(self.shape, Shape::PushOne | Shape::PushBatch);
        (batch, rows, order)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Sample;
    use super::super::generate::Generator;
    use super::super::tests::{Adder, Fault, description};
    use super::*;

    #[test]
    fn every_shape_is_tried_as_its_caller_makes_it_and_as_large() {
        let (description, sample, adder) = (description(), Sample::default(), Adder::new(Fault::Nothing));
        let bench = Bench::new(&adder, &description, &[]);
        let mut generator = Generator::new(&description, &sample, true, 5);
        let world = World::served(&bench, generator.entities(super::super::ENTITIES, 3), 3);
        for (seed, shape) in Shape::ALL.into_iter().enumerate() {
            let calls = calls(shape, &world, &mut Random::new(seed as u64));
            let batches: Vec<_> = calls.iter().map(|call| call.batch(&bench, &world).0).collect();
            for batch in &batches {
                assert_eq!(shape.misfit(batch), None, "{}", shape.name());
            }
            let rows = |batch: &Rows| batch.len();
            let groups = |batch: &Rows| batch.states.len();
            let largest = batches.iter().map(rows).max().unwrap_or(0);
            let most = batches.iter().map(groups).max().unwrap_or(0);
            match shape {
                // The world itself is made of these.
                Shape::QuestionOne | Shape::PushOne => assert_eq!(largest, 0),
                Shape::QuestionMany => assert_eq!((rows(&batches[0]), most), (QUESTION_ROWS, QUESTION_ROWS)),
                Shape::PushBatch => assert_eq!((rows(&batches[0]), most), (PUSH_ROWS, PUSH_ROWS)),
                Shape::ReplayFull => {
                    assert!(rows(&batches[0]) == REPLAY_ROWS && largest == REPLAY_ROWS + 1 && most > 2_000)
                }
                Shape::ReplaySlice | Shape::Fold => {
                    assert!(rows(&batches[0]) == REPLAY_ROWS && largest == REPLAY_ROWS + 1 && most > 100);
                }
                Shape::ReplayPart => assert!(largest > REPLAY_ROWS / 3 && batches.iter().any(|batch| batch.len() == 1)),
            }
        }
    }
}
