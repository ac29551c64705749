//! The laws: each a function of a component and a case, and each the sharpest that finds its own fault.
//!
//! All but `fresh` and `repeat` call fresh instances only, so that a transform with a hidden memory breaks those two and not
//! all of them.

use super::case::Case;
use super::random::Random;
use super::run::{Bench, Call, Instance, whole};
use crate::batch::Kind;

/// A law that every component keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Law {
    /// The description is always the same.
    Constant,
    /// Every typed input is answered, or refused by a failure.
    Total,
    /// A fresh instance and a used one agree.
    Fresh,
    /// The same call twice agrees, and so does an interpreter.
    Repeat,
    /// A batch may be cut anywhere.
    Split,
    /// Entities do not see each other.
    Group,
    /// Questions change nothing.
    Read,
    /// Aggregates that are merged are what one pass makes.
    Merge,
    /// Each kind of call that a host makes, as large as it makes it, gives what the others give.
    Shapes,
    /// A state that is carried through thousands of pushes gives what one pass gives.
    Carry,
}

/// The laws that cases are tried on, in the order in which they are: what breaks an earlier one often breaks later ones too.
pub(super) const OF_CASES: [Law; 7] =
    [Law::Total, Law::Fresh, Law::Repeat, Law::Split, Law::Group, Law::Read, Law::Merge];

impl Law {
    /// The law in one sentence.
    pub fn statement(self) -> &'static str {
        match self {
            Self::Constant => "the description is the same whenever it is asked for",
            Self::Total => "no typed input makes it trap or exceed a limit; it may refuse one by a failure",
            Self::Fresh => "an instance that was used for other calls answers as a fresh one",
            Self::Repeat => "the same call again, and an interpreter, give the same",
            Self::Split => "a batch cut anywhere, with the states carried over, gives what it gives in one call",
            Self::Group => "entities in one batch, in any interleaving, give what each gives alone",
            Self::Read => "questions change no state and no later answer",
            Self::Merge => {
                "events split into stretches of time anywhere, aggregated and merged, give what one pass gives"
            }
            Self::Shapes => "calls of a server and of a backfill, as large as they are made, give the same",
            Self::Carry => "a state carried through thousands of pushes gives what one pass gives",
        }
    }

    /// Whether a component that breaks it could be served other bits than a backfill gives, or wrong ones on both paths. One that
    /// breaks only the others gives errors, on both paths, and never a value.
    pub fn decides_bits(self) -> bool {
        self != Self::Total
    }

    /// Its name, as it is written in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Constant => "constant",
            Self::Total => "total",
            Self::Fresh => "fresh",
            Self::Repeat => "repeat",
            Self::Split => "split",
            Self::Group => "group",
            Self::Read => "read",
            Self::Merge => "merge",
            Self::Shapes => "shapes",
            Self::Carry => "carry",
        }
    }

    /// What an author should look for.
    pub fn advice(self) -> &'static str {
        match self {
            Self::Constant => "build the description from constants",
            Self::Total => {
                "use checked or saturating arithmetic, and refuse what cannot be handled by returning an error"
            }
            Self::Fresh | Self::Repeat => {
                "something outlives a call: look for statics, caches and thread-locals, and keep it in the state instead; \
                 the order of a HashMap outlives it too: use BTreeMap"
            }
            Self::Split => {
                "something the transform knows inside a call is not in its state, or is not restored from it exactly"
            }
            Self::Group => "something is shared between entities within a call: keep it per entity, in the state",
            Self::Read => "`read` changes the state: compute what it needs without keeping it",
            Self::Merge => {
                "`Aggregate::merge` loses or changes something: add all that the other one holds, as if its events had been \
                 pushed after these; an aggregate that is approximate by design says `const MERGES_EXACTLY: bool = false`"
            }
            Self::Shapes => {
                "an answer depends on how many rows, entities or questions a call has, or on whether states are wanted: \
                 compute it from the row and its entity's state alone, whatever else is in the call"
            }
            Self::Carry => {
                "what is kept in the state is less than what is kept within a call, or cannot be read back: count in i64, \
                 and check that decoding gives what was encoded, however long the state is"
            }
        }
    }
}

/// Tries one law on one case; the answer is where it fails, in words.
pub(super) fn try_law(law: Law, bench: &Bench<'_>, case: &Case) -> Result<(), String> {
    match law {
        // The description takes no case, and large cases are tried by themselves: see `super::prove`.
        Law::Constant | Law::Shapes | Law::Carry => Ok(()),
        Law::Total => total(bench, case),
        Law::Fresh => fresh(bench, case),
        Law::Repeat => repeat(bench, case),
        Law::Split => split(bench, case),
        Law::Group => group(bench, case),
        Law::Read => read(bench, case),
        Law::Merge => merge(bench, case),
    }
}

fn total(bench: &Bench<'_>, case: &Case) -> Result<(), String> {
    match &bench.whole(case).stop {
        Some(stop) if !stop.is_failure => Err(stop.tell()),
        _ => Ok(()),
    }
}

fn fresh(bench: &Bench<'_>, case: &Case) -> Result<(), String> {
    agree(bench, case, Instance::Used, &[whole(case)], ["a fresh instance", "a used instance"])
}

fn repeat(bench: &Bench<'_>, case: &Case) -> Result<(), String> {
    let used = || bench.run(case, Instance::Used, &[whole(case)]);
    let (first, second) = (used(), used());
    same(first.difference(&second, bench.description, ["the first call", "the same call again"]))?;
    let interpreted = bench.run(case, Instance::Interpreted, &[whole(case)]);
    if interpreted.stop.as_ref().is_some_and(|stop| stop.is_limit) {
        // It is many times slower and has frames of other sizes: a limit that it alone meets is no answer.
        return Ok(());
    }
    same(bench.whole(case).difference(&interpreted, bench.description, ["compiled code", "an interpreter"]))
}

fn split(bench: &Bench<'_>, case: &Case) -> Result<(), String> {
    let rows = case.rows.len();
    let part = |from: usize, to: usize| Call { rows: (from..to).collect(), ..whole(case) };
    // Serving is the extreme: one row and one entity in every call.
    let single = |row: usize| Call { rows: vec![row], entities: vec![case.rows[row].entity], want_states: true };
    let singles: Vec<Call> = (0..rows).map(single).collect();
    agree(bench, case, Instance::Fresh, &singles, ["in one call", "one row a call"])?;
    // A question is asked of the online store without wanting the state back.
    let without = Call { want_states: false, ..whole(case) };
    agree(bench, case, Instance::Fresh, &[without], ["with states wanted", "with no states wanted"])?;
    let mut random = Random::new(rows as u64);
    const CUTS_MAX: usize = 8;
    let cuts = match rows {
        0..=CUTS_MAX => (1..rows).collect::<Vec<_>>(),
        _ => (0..CUTS_MAX).map(|_| 1 + random.below(rows - 1)).collect(),
    };
    for cut in cuts {
        let name = format!("cut after row {cut}");
        agree(bench, case, Instance::Fresh, &[part(0, cut), part(cut, rows)], ["in one call", &name])?;
    }
    Ok(())
}

fn group(bench: &Bench<'_>, case: &Case) -> Result<(), String> {
    let entities = case.entities();
    let of = |entity: u32| (0..case.rows.len()).filter(|row| case.rows[*row].entity == entity).collect::<Vec<_>>();
    let lists: Vec<Vec<usize>> = (0..entities).map(of).collect();
    let alone: Vec<Call> = (0..entities)
        .map(|entity| Call { rows: lists[entity as usize].clone(), entities: vec![entity], want_states: true })
        .collect();
    agree(bench, case, Instance::Fresh, &alone, ["together", "each entity alone"])?;
    let baseline = bench.whole(case);
    if entities < 2 || baseline.stop.is_some() {
        // In another order another row may be the first to fail.
        return Ok(());
    }
    let mut random = Random::new(case.rows.len() as u64);
    let interleavings = [
        ("entity by entity", lists.concat()),
        ("entity by entity, the last one first", lists.iter().rev().flatten().copied().collect()),
        ("in turns", in_turns(&lists)),
        ("interleaved at random", shuffled(&lists, &mut random)),
        ("interleaved at random again", shuffled(&lists, &mut random)),
    ];
    for (at, (name, rows)) in interleavings.into_iter().enumerate() {
        let mut numbers: Vec<u32> = (0..entities).collect();
        // The number that an entity has in a batch means nothing either.
        if at % 2 == 1 {
            numbers.reverse();
        }
        let call = Call { rows, entities: numbers, want_states: true };
        let run = bench.run(case, Instance::Fresh, &[call]);
        same(baseline.difference(&run, bench.description, ["in the case's order", name]))?;
    }
    Ok(())
}

fn read(bench: &Bench<'_>, case: &Case) -> Result<(), String> {
    let baseline = bench.whole(case);
    if baseline.stop.is_some() {
        // Leaving out a question may leave out the failure.
        return Ok(());
    }
    let is_question = |row: &usize| case.rows[*row].kind == Kind::Question;
    let rows = || 0..case.rows.len();
    let mut asked = 0;
    let every_other = rows().filter(|row| {
        asked += usize::from(is_question(row));
        !is_question(row) || asked % 2 == 1
    });
    let fewer = [
        ("without the questions", rows().filter(|row| !is_question(row)).collect::<Vec<_>>()),
        ("with every other question", every_other.collect()),
        (
            "with every question asked twice",
            rows().flat_map(|row| vec![row; 1 + usize::from(is_question(&row))]).collect(),
        ),
    ];
    for (name, rows) in fewer {
        let run = bench.run(case, Instance::Fresh, &[Call { rows, ..whole(case) }]);
        same(baseline.difference(&run, bench.description, ["with every question once", name]))?;
    }
    Ok(())
}

fn merge(bench: &Bench<'_>, case: &Case) -> Result<(), String> {
    // What does not answer is told of by other laws, and so is what this question alone meets.
    same(bench.merges(case).unwrap_or_default())
}

/// Compares the case in one call on a fresh instance with other calls.
fn agree(bench: &Bench<'_>, case: &Case, instance: Instance, calls: &[Call], names: [&str; 2]) -> Result<(), String> {
    same(bench.whole(case).difference(&bench.run(case, instance, calls), bench.description, names))
}

fn same(difference: Option<String>) -> Result<(), String> {
    difference.map_or(Ok(()), Err)
}

/// One row of each entity in turn.
fn in_turns(lists: &[Vec<usize>]) -> Vec<usize> {
    let longest = lists.iter().map(Vec::len).max().unwrap_or(0);
    (0..longest).flat_map(|at| lists.iter().filter_map(move |list| list.get(at).copied())).collect()
}

/// Any interleaving that keeps the order within each entity.
fn shuffled(lists: &[Vec<usize>], random: &mut Random) -> Vec<usize> {
    let mut turns: Vec<usize> = lists.iter().enumerate().flat_map(|(entity, list)| vec![entity; list.len()]).collect();
    random.shuffle(&mut turns);
    let mut next: Vec<_> = lists.iter().map(|list| list.iter().copied()).collect();
    turns.into_iter().filter_map(|entity| next[entity].next()).collect()
}
