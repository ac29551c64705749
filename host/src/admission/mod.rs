//! Admission: what is proved about a component before it is trusted.
//!
//! A component can be pure in its imports and still break the promise that a served vector equals a backfill: by remembering
//! an earlier call, by treating a batch as more than the sum of its rows, by changing a state when it is read. [`check`]
//! tries the [`Law`]s on cases that are generated from the component's own description, with values of the real source where
//! there is a sample of it, compares bits, and reports the smallest input for which a law fails.
//!
//! [`Gate`] decides where that happens: in a child process (`child`), which it ends where a component takes too much, or in this one.
//! A [`Budget`] bounds it as a whole.
//!
//! It knows nothing of projects: it takes a component, and gives a [`Report`]. The laws know nothing of WebAssembly: they
//! try a `Subject`, which in the tests is plain Rust with a planted fault.

mod budget;
mod calls;
mod carry;
mod case;
mod cause;
pub(crate) mod child;
mod cost;
mod gate;
mod generate;
mod laws;
mod random;
mod report;
mod run;
mod shapes;
mod shrink;
mod subject;
#[cfg(test)]
mod tests;
mod trial;
mod world;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub use budget::Budget;
pub(crate) use cost::state_growth;
pub use cost::{Cost, StateGrowth};
pub use gate::Gate;
pub use laws::Law;
pub use report::{Counterexample, CounterexampleRow, Import, LawResult, Place, Report, Tried};
pub use trial::TrialOutput;

use self::case::Case;
use self::generate::Generator;
use self::run::{Bench, Instance};
use self::shapes::Broken;
use self::subject::Pair;
pub(crate) use self::subject::Subject;
use self::trial::Trials;
use self::world::World;
use crate::batch::{Column, Value};
use crate::schema::Description;
use crate::wasm::{Component, ENGINE_VERSION, Limits, LoadError, Runtime, Stage, Variant};

/// Which laws are tried, and how. It rises with every change of that, so that what an earlier one admitted is tried again.
pub const EDITION: u32 = 2;
/// Cases of a check, unless it is told otherwise.
pub const CASES: usize = 1_000;
/// Cases that a component is tried on before its first use, unless it was checked before or is very wide.
const CASES_OF_FIRST_USE: usize = 200;
/// So many features of all first cases together are enough, where there are [`CASES_OF_WIDE_VIEWS`] at least: each case of a view
/// of thousands of features takes as long as many of another.
const FEATURES_OF_FIRST_USE: usize = 100_000;
/// Cases that the widest view is tried on before its first use.
const CASES_OF_WIDE_VIEWS: usize = 50;
/// Milliseconds that one call of a check may take, if the component's own limit is not lower: a case is small.
const CALL_MS_MAX: u64 = 2_000;
/// Bytes that one call of a check may give back, if the component's own limit is not lower: answers are kept, to be compared.
const OUTPUT_BYTES_MAX: usize = 64 << 20;
/// How often a limit must be met, one time after the other, to be the component's doing.
const LIMIT_TRIES: usize = 3;
/// What [`CallError::Limit`] says of itself.
const LIMIT_WORDS: &str = "exceeded a limit";
/// How many times longer a call may take in the interpreter.
const INTERPRETER_MS_FACTOR: u64 = 10;
/// Smaller cases to try for each law that fails.
const SHRINK_TRIES: usize = 800;
/// The same where each try may take as long as a call may.
const SHRINK_TRIES_OF_LIMITS: usize = 6;

/// Entities of the large cases, and how often each is asked at their last as-of.
const ENTITIES: usize = 400;
const LAST_QUESTIONS: usize = 3;

/// The engines of a check: the one that serves, one that interprets, and one that counts.
pub struct Engines {
    serving: Arc<Runtime>,
    interpreted: Arc<Runtime>,
    metered: Arc<Runtime>,
}

/// Real events, for values that no generator guesses.
#[derive(Clone, Debug, Default)]
pub struct Sample {
    /// Per event, its fields in the order of the description.
    pub events: Vec<Vec<Value>>,
    /// Per event, its event time in microseconds.
    pub times: Vec<i64>,
}

/// How to check.
pub struct CheckOptions<'a> {
    /// The seed of the cases.
    pub seed: u64,
    /// How many cases to generate.
    pub cases: usize,
    /// Real events, as many as there are.
    pub sample: Sample,
    /// The view's parameters, one column of one row each; without a view, ordinary constants are used.
    pub parameters: Option<Vec<Column>>,
    /// Whether events reach the transform even if it reads no field of them.
    pub has_sources: bool,
    /// A clock for the measurements; without one, nothing is measured.
    pub now: Option<&'a dyn Fn() -> Duration>,
    /// The time that all of it may take.
    pub budget: &'a Budget<'a>,
    /// Told what the component writes in its trial calls, if that is wanted.
    pub output: Option<&'a dyn Fn(&TrialOutput)>,
}

impl Engines {
    /// Starts the engines. Machine code of the one that serves is taken from the folder `cache`, if it is there, and kept in it.
    pub fn new(limits: &Limits, cache: Option<PathBuf>) -> Result<Self, LoadError> {
        let limits = limits_of_calls(limits);
        let slower = Limits { call_ms_max: limits.call_ms_max * INTERPRETER_MS_FACTOR, ..limits.clone() };
        Ok(Self {
            serving: Runtime::new(limits.clone(), cache)?,
            interpreted: Runtime::of_variant(Variant::Interpreted, slower)?,
            metered: Runtime::of_variant(Variant::Metered, limits)?,
        })
    }

    /// No call, and no compiling, takes longer than what is left of `budget`.
    fn hold_to(&self, budget: &Budget<'_>) {
        [&self.serving, &self.interpreted, &self.metered].iter().for_each(|runtime| runtime.hold_to(budget.ms_left()));
    }
}

/// The cases that a component with so many features is tried on before its first use: the same on every machine.
pub fn cases_of_first_use(features: usize) -> usize {
    (FEATURES_OF_FIRST_USE / features.max(1)).clamp(CASES_OF_WIDE_VIEWS, CASES_OF_FIRST_USE)
}

/// The limits of the calls of an admission, which are small.
fn limits_of_calls(limits: &Limits) -> Limits {
    Limits {
        call_ms_max: limits.call_ms_max.min(CALL_MS_MAX),
        output_bytes_max: limits.output_bytes_max.min(OUTPUT_BYTES_MAX),
        ..limits.clone()
    }
}

/// Loads a component, and tells `budget` what it is at.
fn load(
    runtime: &Arc<Runtime>,
    name: &str,
    bytes: &[u8],
    budget: &Budget<'_>,
    how: &str,
) -> Result<Component, LoadError> {
    let tell = |stage: Stage| {
        runtime.hold_to(budget.ms_left());
        match stage {
            Stage::Compiling => budget.doing(&format!("compiling it{how}")),
            Stage::Describing => budget.doing(&format!("it started and described itself{how}")),
        }
    };
    runtime.load_watched(name, bytes, &tell).map_err(|error| budget.told(name, error))
}

/// Tries the laws on the component in `bytes`, which `name` stands for, and measures it. An error means that it is not a
/// feature transform at all, or one that the sandbox refuses.
pub fn check(engines: &Engines, name: &str, bytes: &[u8], options: &CheckOptions<'_>) -> Result<Report, LoadError> {
    let now = || options.now.map_or(Duration::ZERO, |now| now());
    let (start, budget) = (now(), options.budget);
    let serving = load(&engines.serving, name, bytes, budget, "")?;
    let compile = now() - start;
    let interpreted = load(&engines.interpreted, name, bytes, budget, " for the interpreter")?;
    let pair = Pair { serving, interpreted, engines, budget, trials: options.output.map(Trials::new) };
    let description = pair.serving.description();
    let parameters = options.parameters.clone().unwrap_or_else(|| ordinary_parameters(description));
    let bench = Bench::new(&pair, description, &parameters);
    let (tried, laws) = prove(&bench, options);
    pair.trials.iter().for_each(Trials::end);
    let mut generator = Generator::new(description, &options.sample, options.has_sources, options.seed);
    let holds = tried.stopped.is_none() && laws.iter().all(|law| law.counterexample.is_none());
    let cost = match options.now.filter(|_| holds) {
        Some(now) => load(&engines.metered, name, bytes, budget, " to count its operators").ok().and_then(|metered| {
            budget.doing("measuring it");
            let measure = cost::Measure { serving: &pair.serving, metered: &metered, budget, now };
            measure.cost(&parameters, &mut generator, compile)
        }),
        None => None,
    };
    let import =
        |answer: &crate::wasm::ImportAnswer| Import { import: answer.import.clone(), answer: answer.answer.to_owned() };
    let mut report = Report {
        name: name.to_owned(),
        digest: pair.serving.digest().to_owned(),
        size_bytes: bytes.len(),
        onepath: env!("CARGO_PKG_VERSION").to_owned(),
        engine: ENGINE_VERSION.to_owned(),
        seed: options.seed,
        place: Place::Process,
        tried,
        imports: pair.serving.imports().iter().map(import).collect(),
        laws,
        cost,
    };
    report.tell_causes();
    Ok(report)
}

/// Tries every law on every case, each until it fails once.
fn prove(bench: &Bench<'_>, options: &CheckOptions<'_>) -> (Tried, Vec<LawResult>) {
    let result = |law: Law| LawResult { law, statement: law.statement().to_owned(), cases: 0, counterexample: None };
    let mut results: Vec<LawResult> = laws::OF_CASES.into_iter().map(result).collect();
    let mut tried =
        Tried { cases_asked: options.cases, sample_events: options.sample.events.len(), ..Tried::default() };
    let mut generator = Generator::new(bench.description, &options.sample, options.has_sources, options.seed);
    for number in 1..=options.cases {
        if options.budget.is_over() {
            break;
        }
        let mut case = generator.case();
        let told = told(&case, number);
        options.budget.doing(&format!("trying {told}"));
        let questions = case.rows.iter().filter(|row| row.kind == crate::batch::Kind::Question).count();
        tried.cases += 1;
        tried.questions += questions;
        tried.events += case.rows.len() - questions;
        bench.subject.about(&format!("law {}, case {number}", Law::Total.name()));
        let stop = sure_stop(bench, &case);
        // Every call of such a case would take as long, so this is the end of the check.
        let too_long = stop.as_ref().is_some_and(|stop| stop.is_limit);
        let laws = if too_long { 1 } else { results.len() };
        try_laws(bench, (&case, number), &mut results[..laws], options.budget);
        if too_long {
            tried.stopped = stop.map(|stop| ended_by_a_limit(&told, &stop.message));
            break;
        }
        if let Some(refusal) = stop.filter(|stop| stop.is_failure) {
            tried.refused += 1;
            tried.first_refusal.get_or_insert_with(|| refusal.message.clone());
            // What a failure hides comes to light without the rows that are refused.
            if without_refused(bench, &mut case) {
                try_laws(bench, (&case, number), &mut results, options.budget);
            }
        }
    }
    // A component that is refused in any case is not tried for longer.
    let is_pure = results.iter().all(|result| result.counterexample.is_none() || !result.law.decides_bits());
    let (mut shapes, mut carry) = (result(Law::Shapes), result(Law::Carry));
    if is_pure && tried.cases == options.cases {
        options.budget.doing("trying the law shapes on calls as large as the host makes them");
        bench.subject.about("law shapes");
        let world = World::served(bench, generator.entities(ENTITIES, LAST_QUESTIONS), LAST_QUESTIONS);
        tried.no_answer = world.no_answer();
        let (calls, broken) = shapes::try_shapes(bench, &world, options.seed);
        set_large(&mut shapes, bench, calls, broken);
        if shapes.counterexample.is_none() {
            options.budget.doing("trying the law carry on states of thousands of events");
            bench.subject.about("law carry");
            let (calls, broken) = carry::try_carry(bench, &mut generator);
            set_large(&mut carry, bench, calls, broken);
        }
    }
    results.extend([shapes, carry]);
    let mut constant = result(Law::Constant);
    options.budget.doing("it described itself again");
    constant.counterexample = laws_of_description(bench);
    results.insert(0, constant);
    // Where the time was over, a call gave no answer: this is no difference.
    let is_told = |found: &Counterexample| found.difference.contains(budget::OVER);
    results.iter_mut().for_each(|result| drop(result.counterexample.take_if(|found| is_told(found))));
    tried.stopped = options.budget.stopped().or(tried.stopped);
    (tried, results)
}

fn set_large(result: &mut LawResult, bench: &Bench<'_>, calls: usize, broken: Option<Broken>) {
    result.cases = calls + usize::from(broken.is_some());
    result.counterexample = broken.map(|Broken { rows, difference }| {
        Counterexample::new(result.law, &Case { rows }, bench.description, difference)
    });
}

/// Why nothing was tried after a case that met a limit of a call.
fn ended_by_a_limit(told: &str, message: &str) -> String {
    format!(
        "a call met a limit on {told}, and no case was tried after it: {message}; make its calls faster and smaller"
    )
}

/// A case, as it is named to who waits.
fn told(case: &Case, number: usize) -> String {
    let (rows, entities) = (case.rows.len(), case.entities());
    format!("case {number}, of {rows} rows and {entities} entities")
}

/// What ends the case in one call, if anything does. A limit on time may be met for want of a processor; what a component
/// does, it does again.
fn sure_stop(bench: &Bench<'_>, case: &Case) -> Option<run::Stop> {
    (1..LIMIT_TRIES).fold(bench.whole(case).stop.clone(), |stop, _| match stop {
        Some(stop) if stop.is_limit => bench.whole(case).stop.clone(),
        stop => stop,
    })
}

/// Tries a law, and again where it fails by a limit that one call met and another did not.
fn surely_try_law(law: Law, bench: &Bench<'_>, case: &Case) -> Result<(), String> {
    (1..LIMIT_TRIES).fold(laws::try_law(law, bench, case), |tried, _| match tried {
        Err(difference) if difference.contains(LIMIT_WORDS) => laws::try_law(law, bench, case),
        tried => tried,
    })
}

/// Tries the laws that still hold, and makes the case small for those that fail.
fn try_laws(bench: &Bench<'_>, (case, number): (&Case, usize), results: &mut [LawResult], budget: &Budget<'_>) {
    let told = told(case, number);
    let is_asked = |law: Law| law != Law::Merge || bench.subject.proves_merging();
    for result in results.iter_mut().filter(|result| result.counterexample.is_none() && is_asked(result.law)) {
        budget.doing(&format!("trying the law {} on {told}", result.law.name()));
        bench.subject.about(&format!("law {}, case {number}", result.law.name()));
        let tried = surely_try_law(result.law, bench, case);
        if budget.is_over() {
            // Whatever it says, it says it for want of time.
            return;
        }
        result.cases += 1;
        let Err(difference) = tried else { continue };
        budget.doing(&format!("looking for the smallest case that breaks the law {}", result.law.name()));
        bench.subject.about(&format!("law {}, smaller than case {number}", result.law.name()));
        let limit = bench.whole(case).stop.as_ref().is_some_and(|stop| stop.is_limit);
        let tries = if limit { SHRINK_TRIES_OF_LIMITS } else { SHRINK_TRIES };
        let mut fails = |case: &Case| laws::try_law(result.law, bench, case).is_err() && !budget.is_over();
        let smallest = shrink::shrink(bench.description, case.clone(), tries, &mut fails);
        // A component that remembers may not fail twice in one way: what was seen first is true in any case.
        let again = if limit { None } else { laws::try_law(result.law, bench, &smallest).err() };
        let again = again.filter(|_| !budget.is_over());
        let difference = again.unwrap_or(difference);
        result.counterexample = Some(Counterexample::new(result.law, &smallest, bench.description, difference));
    }
}

/// Removes row after row that the transform refuses; false where nothing is left or the row is not told.
fn without_refused(bench: &Bench<'_>, case: &mut Case) -> bool {
    while let Some(stop) = &bench.whole(case).stop {
        match stop.row.filter(|_| stop.is_failure) {
            Some(row) => drop(case.rows.remove(row)),
            None => return false,
        }
    }
    !case.rows.is_empty()
}

/// The description, asked three times of fresh and three times of used instances, and once of the interpreter.
fn laws_of_description(bench: &Bench<'_>) -> Option<Counterexample> {
    let instances = [Instance::Fresh, Instance::Used].repeat(3).into_iter().chain([Instance::Interpreted]);
    let difference = instances.enumerate().find_map(|(at, instance)| match bench.subject.describe(instance) {
        Ok(description) if description == *bench.description => None,
        Ok(_) => Some(format!("it gave another description when asked for the {}. time", at + 2)),
        Err(error) => Some(format!("it did not describe itself when asked for the {}. time: {error}", at + 2)),
    })?;
    Some(Counterexample::new(Law::Constant, &Case::default(), bench.description, difference))
}

fn ordinary_parameters(description: &Description) -> Vec<Column> {
    let column = |field: &crate::schema::Field| {
        let mut column = Column::new(field.value_type);
        column.push(&generate::parameter(field)).expect("an ordinary value has its field's type");
        column
    };
    description.parameters.iter().map(column).collect()
}
