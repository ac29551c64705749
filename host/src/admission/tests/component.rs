//! The laws on a real component.

use super::*;

/// The component of the churn example, built by the host's own builder.
fn churn() -> Vec<u8> {
    let repository =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the host lies in the repository");
    let dir = tempfile::tempdir().expect("a temporary folder");
    let file = dir.path().join("churn.wasm");
    crate::build::build_component(&repository.join("transforms/churn"), &file, &mut |_| {}).expect("churn builds");
    std::fs::read(&file).expect("the builder wrote it")
}

#[test]
fn the_churn_component_is_admitted_and_measured() {
    let ticks = Cell::new(0);
    let now = || {
        ticks.set(ticks.get() + 1);
        Duration::from_millis(ticks.get())
    };
    let engines = Engines::new(&Limits::default(), None).expect("the engines start");
    let options = CheckOptions {
        seed: 1,
        cases: 40,
        sample: Sample::default(),
        parameters: None,
        has_sources: true,
        now: Some(&now),
        budget: &Budget::new(3_600_000, Duration::ZERO, &|_| {}),
        output: None,
    };
    let report = check(&engines, "churn", &churn(), &options).expect("churn is a component");
    assert!(report.holds(), "{:?}", report.laws);
    assert!(report.imports.iter().all(|import| import.import.starts_with("wasi:")), "{:?}", report.imports);
    let cost = report.cost.expect("churn answers an ordinary batch");
    assert!(cost.operators_per_row > 10.0 && cost.operators_per_question > 100, "{cost:?}");
    // The operators are those of the component and not of the machine or of the run.
    let again = check(&engines, "churn", &churn(), &options).expect("churn is a component").cost.expect("it answers");
    assert_eq!(
        (cost.operators_per_row, cost.operators_per_question),
        (again.operators_per_row, again.operators_per_question)
    );
    let text = std::str::from_utf8(b"\0asm").expect("text");
    let refused = check(&engines, "text", text.as_bytes(), &options).expect_err("not a component");
    assert!(refused.is_refusal(), "{refused}");
}

#[test]
fn a_pure_component_is_never_quarantined() {
    let runtime = Runtime::with_repeats(Limits::default(), None, 1).expect("the engine starts");
    let component = runtime.load_bytes("churn", &churn()).expect("churn is a component");
    let sample = Sample::default();
    let mut generator = Generator::new(component.description(), &sample, true, 11);
    for _ in 0..50 {
        let case = generator.case();
        let states = crate::batch::States { ends: vec![0; case.entities() as usize], bytes: Vec::new() };
        let rows = case.rows.iter().map(|row| (row, row.entity));
        let rows = case::batch(component.description(), rows, states, true);
        component.process(&[], &rows, None).expect("every call is repeated, and agrees");
    }
}

#[test]
fn without_time_nothing_is_tried_and_nothing_is_found() {
    let adder = Adder { fault: Fault::Remembers, calls: Cell::new(0), processed: Cell::new(0) };
    let options = CheckOptions {
        seed: 1,
        cases: CASES,
        sample: Sample::default(),
        parameters: None,
        has_sources: true,
        now: None,
        budget: &Budget::new(1_000, Duration::from_secs(1), &|_| {}),
        output: None,
    };
    let description = description();
    let (tried, laws) = prove(&Bench::new(&adder, &description, &[]), &options);
    assert_eq!((tried.cases, tried.stopped.is_some()), (0, true));
    assert!(laws.iter().all(|law| law.counterexample.is_none()));
}
