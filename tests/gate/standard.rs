//! The standard component: the file that declared views are written into is what its source makes, and with any definition it keeps the
//! laws.

use std::process::Command;

use onepath::build::build_component;
use onepath_definition::{
    Aggregate, Answer, Checked, Definition, Feature, Field, Function, Keep, Literal, Node, Program, Read, SessionRule,
    Slot, Span, Store, ValueType,
};

use crate::support::repository;

const DAY: i64 = 86_400_000_000;

/// Written anew with `UPDATE_EXPECT=1`.
#[test]
fn the_standard_component_is_that_of_its_source() {
    let package = repository().join("transforms/standard");
    let dir = tempfile::tempdir().expect("a temporary folder");
    let output = dir.path().join("standard.wasm");
    build_component(&package, &output, &mut |_| {}).expect("builds");
    let built = std::fs::read(output).expect("reads");
    let kept = package.join("standard.wasm");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&kept, &built).expect("writes");
    }
    let is_kept = std::fs::read(&kept).is_ok_and(|kept| kept == built);
    assert!(is_kept, "transforms/standard/standard.wasm is not what its source makes; UPDATE_EXPECT=1 writes it anew");
    onepath_definition::find_slot(&built).expect("it has one slot");
}

fn field(name: &str, value_type: ValueType) -> Field {
    Field { name: name.to_owned(), value_type, nullable: true }
}

fn last(days: i64) -> Span {
    Span::Closed { length: days * DAY, ago: 0 }
}

/// A definition of these stores whose features are reads, upon a text, a number, an integer and a flag that says whether the text is
/// `purchase`.
fn definition(stores: Vec<Store>, reads: &[(u32, Span, Answer)]) -> Definition {
    let feature = |node: usize| Feature {
        name: format!("f{node}"),
        nullable: true,
        documentation: String::new(),
        node: node as u32,
    };
    Definition {
        event_fields: vec![
            field("event_type", ValueType::Text),
            field("amount", ValueType::Float64),
            field("cents", ValueType::Int64),
        ],
        event: Program {
            nodes: vec![
                Node::Event(0),
                Node::Event(1),
                Node::Event(2),
                Node::Literal(Literal::Text("purchase".to_owned())),
                Node::Call { function: Function::Equal, arguments: vec![0, 3] },
            ],
        },
        stores,
        reads: reads.iter().map(|&(store, span, answer)| Read { store, span, answer }).collect(),
        question: Program { nodes: (0..reads.len() as u32).map(Node::Read).collect() },
        features: (0..reads.len()).map(feature).collect(),
        ..Definition::default()
    }
}

fn store(filter: Option<u32>, value: Option<u32>, keep: Keep) -> Store {
    Store { filter, value, keep }
}

fn definitions() -> Vec<(&'static str, Definition)> {
    let hops = |aggregate| Keep::Hops { aggregate, length: 6 * DAY, hop: DAY };
    let tumbling = |aggregate| Keep::Tumbling { aggregate, length: DAY };
    let sessions = |aggregate, rule| Keep::Sessions { aggregate, rule, length: 30 * DAY };
    let sawtooth = Span::Sawtooth { length: 5 * DAY };
    let activity = definition(
        vec![
            store(Some(4), Some(1), Keep::Events { length: 90 * DAY }),
            store(Some(4), None, Keep::Lifetime(Aggregate::Last)),
            store(None, Some(4), Keep::Events { length: 180 * DAY }),
            store(None, Some(0), Keep::Events { length: 30 * DAY }),
        ],
        &[
            (0, last(30), Answer::Count),
            (0, last(90), Answer::Mean),
            (0, Span::HalfOpen { length: 30 * DAY, ago: 7 * DAY }, Answer::StdDev),
            (1, Span::All, Answer::SinceLast(DAY)),
            (2, last(180), Answer::Share),
            (3, last(30), Answer::Top(0)),
            (3, last(7), Answer::Last),
        ],
    );
    let latest = definition(
        vec![store(None, None, Keep::Row { values: vec![0, 1, 4], tie_break: Some(2) })],
        &[
            (0, Span::All, Answer::Column(0)),
            (0, Span::All, Answer::Column(1)),
            (0, Span::All, Answer::Column(2)),
            (0, Span::All, Answer::TimeOfLast),
        ],
    );
    let visits = definition(
        vec![
            store(None, Some(1), sessions(Aggregate::Mean, SessionRule::Gap(DAY / 48))),
            store(None, Some(2), sessions(Aggregate::IntegerSum, SessionRule::Fixed(DAY))),
        ],
        &[
            (0, last(7), Answer::Sessions),
            (0, Span::LastSession, Answer::Mean),
            (0, Span::OpenSession, Answer::SessionLength(1_000_000)),
            (1, Span::OpenSession, Answer::Mean),
        ],
    );
    let tiles = definition(
        vec![
            store(None, Some(1), hops(Aggregate::Variance)),
            store(None, Some(1), hops(Aggregate::Decayed { half_life: DAY })),
            store(None, Some(0), hops(Aggregate::Counts)),
            store(None, Some(0), tumbling(Aggregate::HyperLogLog)),
            store(None, Some(1), tumbling(Aggregate::QuantileSketch)),
            store(None, Some(0), hops(Aggregate::TopK)),
            store(None, Some(2), hops(Aggregate::Min)),
        ],
        &[
            (0, sawtooth, Answer::StdDev),
            (0, Span::Hopped { length: 2 * DAY, ago: DAY }, Answer::Mean),
            (1, sawtooth, Answer::DecayedMean),
            (2, sawtooth, Answer::Top(0)),
            (3, Span::Current, Answer::Distinct),
            (4, Span::Previous, Answer::Quantile(0.9)),
            (5, sawtooth, Answer::TopCount(0)),
            (6, sawtooth, Answer::Min),
        ],
    );
    let few = definition(
        vec![
            store(None, Some(0), Keep::Latest { count: 5 }),
            store(None, Some(1), Keep::Earliest { count: 3 }),
            store(None, Some(1), Keep::Values { length: 7 * DAY }),
            store(None, Some(0), Keep::Keys { length: 7 * DAY }),
            store(None, Some(0), Keep::Lifetime(Aggregate::Distinct)),
        ],
        &[
            (0, Span::All, Answer::NthLatest(1)),
            (0, Span::All, Answer::Distinct),
            (1, Span::All, Answer::Mean),
            (2, Span::Ago { ago: 7 * DAY }, Answer::Last),
            (3, last(7), Answer::Distinct),
            (4, Span::All, Answer::Distinct),
        ],
    );
    vec![("activity", activity), ("latest", latest), ("visits", visits), ("tiles", tiles), ("few", few)]
}

#[test]
fn whatever_is_declared_keeps_the_laws() {
    let component = std::fs::read(repository().join("transforms/standard/standard.wasm")).expect("reads");
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut configured = "[project]\nname = \"declared\"\n[entities.customer]\nkeys = { customer_id = \"text\" }\n\
                          [sources.events]\nentity = \"customer\"\nevent_time = \"event_timestamp\"\n"
        .to_owned();
    let definitions = definitions();
    for (name, definition) in &definitions {
        Checked::new(definition.clone()).unwrap_or_else(|wrong| panic!("{name}: {wrong}"));
        let filled = Slot::fill(&component, &definition.to_bytes()).expect("it fits");
        std::fs::write(dir.path().join(format!("{name}.wasm")), filled).expect("writes");
        configured += &format!("[views.{name}]\nsources = [\"events\"]\ntransform = \"{name}.wasm\"\n");
    }
    std::fs::write(dir.path().join("onepath.toml"), configured).expect("writes");
    for (name, _) in &definitions {
        let ran = Command::new(env!("CARGO_BIN_EXE_onepath")).args(["check", name]).current_dir(dir.path()).output();
        let ran = ran.expect("the command runs");
        let told = [ran.stdout, ran.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
        assert!(ran.status.success(), "{name}: {}", told.concat());
    }
}
