//! Each law finds the fault planted for it, and an honest transform keeps them all.

mod component;

use std::cell::Cell;

use expect_test::{Expect, expect};

use super::*;
use crate::batch::{Answers, Kind, Rows, Shape, States};
use crate::schema::{Field, ValueType};
use crate::wasm::CallError;

/// What is wrong with a transform that adds up amounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Nothing,
    RefusesNan,
    RefusesTheLastNan,
    PanicsAtInfinity,
    TakesForever,
    Remembers,
    OtherCode,
    IsSlowToInterpret,
    IsSlowNowAndThen,
    RoundsItsState,
    SharesTheNewest,
    CountsQuestions,
    ChangesItsDescription,
    /// In calls of this shape, and of no other that looks different.
    LiesIn(Shape),
    LiesAboveFiveGroups,
    LiesFrom4096Rows,
}

pub(super) struct Adder {
    fault: Fault,
    /// Calls of the instance that others have used.
    calls: Cell<u64>,
    /// Calls of any instance.
    processed: Cell<u64>,
}

impl Adder {
    pub(super) fn new(fault: Fault) -> Self {
        Self { fault, calls: Cell::new(0), processed: Cell::new(0) }
    }

    /// Whether it gives another answer in this call.
    fn lies(&self, rows: &Rows) -> bool {
        match self.fault {
            Fault::LiesIn(shape) => shape.misfit(rows).is_none() && looks_like_no_other(shape, rows),
            Fault::LiesAboveFiveGroups => rows.states.len() > 5,
            Fault::LiesFrom4096Rows => rows.len() >= 4_096,
            _ => false,
        }
    }
}

/// Some calls have the look of several shapes. This is what is left when those of other shapes are taken away.
fn looks_like_no_other(shape: Shape, rows: &Rows) -> bool {
    let fits = |other: Shape| other.misfit(rows).is_none();
    match shape {
        Shape::QuestionOne | Shape::QuestionMany | Shape::PushOne | Shape::PushBatch => true,
        Shape::ReplayFull => !fits(Shape::QuestionOne) && !fits(Shape::PushOne) && !rows.want_states,
        Shape::ReplaySlice => !fits(Shape::Fold) && !fits(Shape::PushOne) && !fits(Shape::ReplayFull),
        Shape::Fold => !fits(Shape::PushOne),
        Shape::ReplayPart => !fits(Shape::ReplaySlice),
    }
}

impl Subject for Adder {
    fn process(&self, instance: Instance, _: &[Column], rows: &Rows) -> Result<Answers, CallError> {
        if instance == Instance::Used {
            self.calls.set(self.calls.get() + 1);
        }
        let fault = |fault| self.fault == fault;
        self.processed.set(self.processed.get() + 1);
        if fault(Fault::IsSlowNowAndThen) && self.processed.get().is_multiple_of(997) {
            return Err(CallError::Limit { reason: "2000 ms for one call".to_owned(), stderr: String::new() });
        }
        let mut sums: Vec<f64> = (0..rows.states.len()).map(|group| decode(rows.states.get(group))).collect();
        let mut answers = Column::new(ValueType::Float64);
        let (mut event, mut newest, mut refused) = (0, 0.0, None);
        for (row, (kind, group)) in rows.kinds.iter().zip(&rows.groups).enumerate() {
            let sum = &mut sums[*group as usize];
            if *kind == Kind::Event as u8 {
                let amount = match rows.event_fields[0].value(event) {
                    Value::Float64(amount) => amount,
                    _ => 0.0,
                };
                event += 1;
                if fault(Fault::PanicsAtInfinity) && amount.is_infinite() {
                    return Err(CallError::Trap { reason: "it panicked".to_owned(), stderr: String::new() });
                }
                if fault(Fault::TakesForever) || fault(Fault::IsSlowToInterpret) && instance == Instance::Interpreted {
                    return Err(CallError::Limit { reason: "2000 ms for one call".to_owned(), stderr: String::new() });
                }
                if amount.is_nan() && (fault(Fault::RefusesTheLastNan) || fault(Fault::RefusesNan) && refused.is_none())
                {
                    refused = Some(row as u32);
                }
                // Wrapping bits stay exact whatever the order, unlike a sum of floats.
                *sum = f64::from_bits(sum.to_bits().wrapping_add(amount.to_bits()));
                newest = amount;
                continue;
            }
            let mut answer = *sum;
            match self.fault {
                Fault::SharesTheNewest => answer = newest,
                Fault::Remembers => answer = self.calls.get() as f64,
                Fault::OtherCode if instance == Instance::Interpreted => answer = 0.5,
                Fault::CountsQuestions => *sum = f64::from_bits(sum.to_bits() + 1),
                _ => {}
            }
            answers.push(&Value::Float64(answer)).expect("a float64");
        }
        if let Some(row) = refused {
            return Err(CallError::Failure { row: Some(row), message: "an amount that is not a number".to_owned() });
        }
        if self.lies(rows) {
            return Ok(lie(answers, sums, rows));
        }
        let mut states = States::default();
        for sum in sums {
            let kept = if fault(Fault::RoundsItsState) { f64::from(sum as f32) } else { sum };
            states.push(&encode(kept)).expect("short");
        }
        Ok(Answers { features: vec![answers], states: rows.want_states.then_some(states) })
    }

    fn describe(&self, _: Instance) -> Result<Description, CallError> {
        self.calls.set(self.calls.get() + 1);
        let mut description = description();
        if self.fault == Fault::ChangesItsDescription {
            description.state_version = self.calls.get() as u32;
        }
        Ok(description)
    }
}

/// One more for each question, and for each entity.
fn lie(answers: Column, sums: Vec<f64>, rows: &Rows) -> Answers {
    let more = |number: f64| f64::from_bits(number.to_bits() + 1);
    let mut features = Column::new(ValueType::Float64);
    for row in 0..answers.len() {
        let Value::Float64(answer) = answers.value(row) else { continue };
        features.push(&Value::Float64(more(answer))).expect("a float64");
    }
    let mut states = States::default();
    sums.into_iter().for_each(|sum| states.push(&encode(more(sum))).expect("short"));
    Answers { features: vec![features], states: rows.want_states.then_some(states) }
}

fn encode(sum: f64) -> Vec<u8> {
    if sum.to_bits() == 0 { Vec::new() } else { sum.to_le_bytes().to_vec() }
}

fn decode(state: &[u8]) -> f64 {
    state.try_into().map_or(0.0, f64::from_le_bytes)
}

pub(super) fn description() -> Description {
    let field = |name: &str, value_type| Field {
        name: name.to_owned(),
        value_type,
        nullable: false,
        documentation: String::new(),
    };
    Description {
        event_fields: vec![field("amount", ValueType::Float64), field("word", ValueType::Text)],
        request_fields: vec![field("basket", ValueType::Int64)],
        output_features: vec![field("sum", ValueType::Float64)],
        ..Description::default()
    }
}

fn options<'a>(cases: usize, budget: &'a Budget<'a>) -> CheckOptions<'a> {
    CheckOptions {
        seed: 1,
        cases,
        sample: Sample::default(),
        parameters: None,
        has_sources: true,
        now: Some(&|| Duration::ZERO),
        budget,
        output: None,
    }
}

fn budget() -> Budget<'static> {
    Budget::new(3_600_000, Duration::ZERO, &|_| {})
}

/// Checks an adder: the broken laws, and the smallest input of the first of them.
fn check_adder(fault: Fault, expected: Expect) -> Tried {
    let adder = Adder::new(fault);
    let (budget, description) = (budget(), description());
    let options = options(CASES, &budget);
    let (tried, laws) = prove(&Bench::new(&adder, &description, &[]), &options);
    let broken: Vec<&LawResult> = laws.iter().filter(|law| law.counterexample.is_some()).collect();
    let mut text = format!("{:?}\n", broken.iter().map(|law| law.law).collect::<Vec<_>>());
    if let Some(counterexample) = broken.first().and_then(|law| law.counterexample.as_ref()) {
        for row in &counterexample.rows {
            text += &format!("{} {} {} {} {}\n", row.row, row.entity, row.kind, row.time, row.fields.join(" "));
        }
        text += &counterexample.difference;
    }
    expected.assert_eq(text.trim_end());
    tried
}

#[test]
fn an_honest_transform_keeps_every_law() {
    let tried = check_adder(Fault::Nothing, expect!["[]"]);
    assert_eq!(tried.cases, CASES);
    assert!(tried.events > 1_000 && tried.questions > 500 && tried.refused == 0);
}

#[test]
fn a_refusal_is_no_fault_where_it_is_the_same_in_every_batch() {
    let tried = check_adder(Fault::RefusesNan, expect!["[]"]);
    assert!(tried.refused > 0 && tried.refused < CASES / 2, "{}", tried.refused);
    check_adder(
        Fault::RefusesTheLastNan,
        expect![[r#"
        [Split, Group]
        1 1 event 2024-01-01T00:00:00Z amount=NaN word=""
        2 1 event 2024-01-01T00:00:00Z amount=NaN word=""
        in one call: row 2: the transform refused its input: an amount that is not a number
        one row a call: row 1: the transform refused its input: an amount that is not a number"#]],
    );
}

#[test]
fn a_panic_and_a_limit_break_total() {
    check_adder(
        Fault::PanicsAtInfinity,
        expect![[r#"
            [Total]
            1 1 event 2024-01-01T00:00:00Z amount=-inf word=""
            row 1: the transform trapped: it panicked"#]],
    );
    let tried = check_adder(
        Fault::TakesForever,
        expect![[r#"
        [Total]
        1 1 event 2024-01-01T00:00:00Z amount=0.0 word=""
        the transform exceeded a limit: 2000 ms for one call"#]],
    );
    assert!(tried.cases < 5, "a check does not wait for a limit again and again");
}

#[test]
fn a_hidden_memory_breaks_fresh_and_repeat_alone() {
    check_adder(
        Fault::Remembers,
        expect![[r#"
            [Fresh, Repeat]
            1 1 question 2024-01-01T00:00:00Z basket=0
            row 1, feature sum
            a fresh instance: 10.0 (0x4024000000000000)
            a used instance: 12.0 (0x4028000000000000)"#]],
    );
}

#[test]
fn other_code_breaks_repeat() {
    check_adder(
        Fault::OtherCode,
        expect![[r#"
            [Repeat]
            1 1 question 2024-01-01T00:00:00Z basket=0
            row 1, feature sum
            compiled code: 0.0 (0x0000000000000000)
            an interpreter: 0.5 (0x3fe0000000000000)"#]],
    );
}

/// The interpreter is a tool of the check: what it has no time for says nothing of the component.
#[test]
fn a_limit_that_the_interpreter_alone_meets_breaks_nothing() {
    let tried = check_adder(Fault::IsSlowToInterpret, expect!["[]"]);
    assert_eq!(tried.cases, CASES);
}

/// A busy machine may not give a call the time that it needs.
#[test]
fn a_limit_that_is_not_met_again_breaks_nothing() {
    let tried = check_adder(Fault::IsSlowNowAndThen, expect!["[]"]);
    assert_eq!(tried.cases, CASES);
}

#[test]
fn a_state_that_is_not_restored_exactly_breaks_split() {
    check_adder(
        Fault::RoundsItsState,
        expect![[r#"
            [Split]
            1 1 event 2024-01-01T00:00:00Z amount=0.1 word=""
            2 1 question 2024-01-01T00:00:00Z basket=0
            row 2, feature sum
            in one call: 0.1 (0x3fb999999999999a)
            one row a call: 0.10000000149011612 (0x3fb99999a0000000)"#]],
    );
}

#[test]
fn an_answer_from_another_entity_breaks_group() {
    check_adder(
        Fault::SharesTheNewest,
        expect![[r#"
        [Split, Group]
        1 1 event 2024-01-01T00:00:00Z amount=1.0 word=""
        2 1 question 2024-01-01T00:00:00Z basket=0
        row 2, feature sum
        in one call: 1.0 (0x3ff0000000000000)
        one row a call: 0.0 (0x0000000000000000)"#]],
    );
}

#[test]
fn a_question_that_counts_breaks_read() {
    check_adder(
        Fault::CountsQuestions,
        expect![[r#"
        [Read]
        1 1 question 2024-01-01T00:00:00Z basket=0
        state of entity 1, from byte 0
        with every question once: 8 bytes, 0x0100000000000000
        without the questions: 0 bytes, ends there"#]],
    );
}

#[test]
fn what_only_a_large_call_shows_is_made_small() {
    check_adder(
        Fault::LiesAboveFiveGroups,
        expect![[r#"
            [Shapes]
            1 1 question 2024-01-02T00:00:00Z basket=434
            2 2 question 2024-01-02T00:00:00Z basket=630
            3 3 question 2024-01-02T00:00:00Z basket=547
            4 4 question 2024-01-02T00:00:00Z basket=52
            5 5 question 2024-01-02T00:00:00Z basket=668
            6 6 question 2024-01-02T00:00:00Z basket=243
            row 1, feature sum
            question_one: -162502321027153.97 (0xc2e27970a3d70a3f)
            question_many of 6 rows and 6 entities: -162502321027154.0 (0xc2e27970a3d70a40)"#]],
    );
    let adder = Adder::new(Fault::LiesFrom4096Rows);
    let description = description();
    let budget = budget();
    let options = options(1, &budget);
    let (_, laws) = prove(&Bench::new(&adder, &description, &[]), &options);
    let broken: Vec<&LawResult> = laws.iter().filter(|law| law.counterexample.is_some()).collect();
    let rows = broken[0].counterexample.as_ref().map(|found| found.rows_in_all);
    // A busy machine may have no time for the last steps.
    assert!((4_096..=8_192).contains(&rows.unwrap_or(0)), "{rows:?} rows");
    assert_eq!((broken.len(), broken[0].law), (1, Law::Shapes));
}

#[test]
fn a_description_that_changes_is_found() {
    check_adder(
        Fault::ChangesItsDescription,
        expect![[r#"
        [Constant]
        it gave another description when asked for the 2. time"#]],
    );
}

#[test]
fn the_same_seed_gives_the_same_cases() {
    let description = description();
    let sample = Sample::default();
    let cases = |seed| {
        let mut generator = Generator::new(&description, &sample, true, seed);
        (0..20).map(|_| format!("{:?}", generator.case())).collect::<Vec<_>>()
    };
    assert_eq!(cases(7), cases(7));
    assert_ne!(cases(7), cases(8));
}

#[test]
fn every_generated_case_is_possible() {
    let description = description();
    let sample = Sample::default();
    let mut generator = Generator::new(&description, &sample, true, 3);
    for _ in 0..1_000 {
        let case = generator.case();
        assert!(case.is_possible() && case.rows.len() <= 60 && case.entities() <= 5);
    }
}
