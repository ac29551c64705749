//! Calls of every shape that a host makes, as large as it makes them, held to what a server says row by row.

use super::calls::{ShapedCall, calls};
use super::case::{CaseRow, batch};
use super::random::Random;
use super::run::{Bench, Instance, difference_of_states, difference_of_values};
use super::world::{Entity, World};
use crate::batch::{Kind, Shape, States};
use crate::time::Stopwatch;
use crate::wasm::CallError;

/// Others than the first call of each shape are tried for so many seconds.
const SECONDS: f64 = 0.8;
/// So are the first ones, of a transform that is very slow.
const SECONDS_OF_SLOW: f64 = 6.0;
/// Smaller calls to try where one differs, and the rows of all of them together.
const SHRINK_TRIES: usize = 400;
const SHRINK_ROWS: usize = 200_000;
/// For so many seconds at most: what was found is found.
const SHRINK_SECONDS: f64 = 3.0;

/// A call that gives something else than a server does.
#[derive(Debug)]
pub(super) struct Broken {
    pub(super) rows: Vec<CaseRow>,
    pub(super) difference: String,
}

/// Tries calls of every shape; the answer is how many, and the first that differs, made small.
pub(super) fn try_shapes(bench: &Bench<'_>, world: &World, seed: u64) -> (usize, Option<Broken>) {
    if let Some(broken) = world.entities.iter().find_map(|entity| stopped(bench, entity)) {
        return (0, Some(broken));
    }
    let stopwatch = Stopwatch::start();
    let (mut tried, mut first) = (0, Vec::new());
    let mut others = Vec::new();
    for (at, shape) in Shape::ALL.into_iter().enumerate() {
        let mut calls = calls(shape, world, &mut Random::new(seed + at as u64)).into_iter();
        first.extend(calls.next());
        others.push(calls);
    }
    // By turns, so that no shape waits for all of another.
    let rest = std::iter::from_fn(|| {
        let turn: Vec<ShapedCall> = others.iter_mut().filter_map(Iterator::next).collect();
        (!turn.is_empty()).then_some(turn)
    });
    for (at, call) in first.into_iter().chain(rest.flatten()).enumerate() {
        let seconds = if at < Shape::ALL.len() { SECONDS_OF_SLOW } else { SECONDS };
        if stopwatch.seconds() > seconds {
            break;
        }
        tried += 1;
        if let Some(difference) = differs(bench, world, &call) {
            return (tried, Some(smallest(bench, world, call, difference)));
        }
    }
    (tried, None)
}

/// What stops a server, and not a replay of the same rows.
fn stopped(bench: &Bench<'_>, entity: &Entity) -> Option<Broken> {
    let stop = entity.stop.as_ref()?;
    let mut states = States::default();
    states.push(&[]).expect("no bytes fit");
    let mut rows = batch(bench.description, entity.rows.iter().map(|row| (row, 0)), states, true);
    rows.unbounded_states = true;
    bench.subject.process(Instance::Fresh, bench.parameters, &rows).ok()?;
    let count = entity.rows.len();
    let last = &entity.rows[count - 1];
    let shape = if last.kind == Kind::Event { Shape::PushOne } else { Shape::QuestionOne };
    let difference = format!(
        "row {count}, on a state of {} bytes\n{}: {stop}\n{} of {}: every row is answered",
        entity.states[count - 1].len(),
        shape.name(),
        Shape::ReplayFull.name(),
        rows_of_entities(count, 1),
    );
    Some(Broken { rows: entity.rows.clone(), difference })
}

/// Where a call differs from what a server says, in words.
fn differs(bench: &Bench<'_>, world: &World, call: &ShapedCall) -> Option<String> {
    let (batch, rows, order) = call.batch(bench, world);
    let (count, groups) = (rows.len(), order.len());
    let name = format!("{} of {}", call.shape.name(), rows_of_entities(count, groups));
    let answers = match bench.subject.process(Instance::Fresh, bench.parameters, &batch) {
        Ok(answers) => answers,
        // For want of time or room it gives no value, which a server's smaller call may.
        Err(CallError::Limit { .. } | CallError::Host { .. }) => return None,
        Err(error) => return Some(format!("row by row: every row is answered\n{name}: {error}")),
    };
    let questions =
        rows.iter().enumerate().filter(|(_, (group, at))| world.row(&call.runs[*group], *at).kind == Kind::Question);
    for (question, (row, (group, at))) in questions.enumerate() {
        let run = &call.runs[*group];
        let known = world.entities[run.entity].answers[*at].as_ref()?;
        let given: Vec<_> = answers.features.iter().map(|feature| feature.value(question)).collect();
        let names = [Shape::QuestionOne.name(), &name];
        if let Some(difference) = difference_of_values(known, &given, bench.description, names) {
            return Some(format!("row {}, {difference}", row + 1));
        }
    }
    for (number, group) in order.iter().enumerate() {
        let run = &call.runs[*group];
        let known = &world.entities[run.entity].states[run.to];
        if known.is_empty() {
            // An entity without events: what is given back of it is not kept.
            continue;
        }
        let Some(given) = answers.states.as_ref().map(|states| states.get(number)) else { continue };
        let names = [Shape::PushOne.name(), &name];
        if let Some(difference) = difference_of_states(known, given, names) {
            return Some(format!("state of entity {}, {difference}", number + 1));
        }
    }
    None
}

/// How many rows and entities, in words.
pub(super) fn rows_of_entities(rows: usize, entities: usize) -> String {
    let plural = |count: usize, one: &str, many: &str| format!("{count} {}", if count == 1 { one } else { many });
    format!("{} and {}", plural(rows, "row", "rows"), plural(entities, "entity", "entities"))
}

/// Fewer entities, and fewer rows of each, as long as the call differs.
fn smallest(bench: &Bench<'_>, world: &World, mut call: ShapedCall, mut difference: String) -> Broken {
    let (mut tries, mut rows_left) = (SHRINK_TRIES, SHRINK_ROWS);
    let stopwatch = Stopwatch::start();
    let mut still = |smaller: &ShapedCall| {
        if tries == 0 || stopwatch.seconds() > SHRINK_SECONDS {
            return None;
        }
        let (batch, ..) = smaller.batch(bench, world);
        if batch.len() > rows_left || batch.is_empty() || smaller.shape.misfit(&batch).is_some() {
            return None;
        }
        (tries, rows_left) = (tries - 1, rows_left - batch.len());
        differs(bench, world, smaller)
    };
    let mut length = call.runs.len().div_ceil(2);
    while length > 0 && call.runs.len() > 1 {
        let mut from = 0;
        while from < call.runs.len() {
            let mut smaller = call.clone();
            smaller.runs.drain(from..(from + length).min(call.runs.len()));
            match still(&smaller) {
                Some(found) => (call, difference) = (smaller, found),
                None => from += length,
            }
        }
        length /= 2;
    }
    // Rows at the ends of runs, the longest run first: what is left of it is halved, and halved again.
    let mut order: Vec<usize> = (0..call.runs.len()).collect();
    order.sort_by_key(|run| std::cmp::Reverse(call.runs[*run].to - call.runs[*run].from));
    for run in order {
        let mut step = (call.runs[run].to - call.runs[run].from) / 2;
        while step > 0 {
            let mut smaller = call.clone();
            smaller.runs[run].to -= step;
            match still(&smaller) {
                Some(found) => {
                    (call, difference) = (smaller, found);
                    step = step.min((call.runs[run].to - call.runs[run].from) / 2);
                }
                None => step /= 2,
            }
        }
    }
    let (rows, order) = call.in_order(world);
    let mut numbers = vec![0; call.runs.len()];
    order.iter().enumerate().for_each(|(number, group)| numbers[*group] = number as u32);
    let rows =
        rows.iter().map(|&(group, at)| CaseRow { entity: numbers[group], ..world.row(&call.runs[group], at).clone() });
    Broken { rows: rows.collect(), difference }
}

#[cfg(test)]
mod tests {
    use super::super::Sample;
    use super::super::generate::Generator;
    use super::super::tests::{Adder, Fault, description};
    use super::*;

    /// Each lie is told in one shape of call only, and found whatever the seed.
    #[test]
    fn a_lie_in_one_shape_is_found() {
        let (description, sample) = (description(), Sample::default());
        for shape in Shape::ALL {
            for seed in [1, 2] {
                let adder = Adder::new(Fault::LiesIn(shape));
                let bench = Bench::new(&adder, &description, &[]);
                let mut generator = Generator::new(&description, &sample, true, seed);
                let world = World::served(&bench, generator.entities(80, 3), 3);
                let (_, broken) = try_shapes(&bench, &world, seed);
                let broken = broken.unwrap_or_else(|| panic!("{}, seed {seed}", shape.name()));
                assert!(broken.rows.len() < 100, "{}: {} rows", shape.name(), broken.rows.len());
            }
        }
    }
}
