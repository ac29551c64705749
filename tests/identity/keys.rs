//! Keys are by name: the order of `keys`, of `entities` and of tables decides nothing.

use std::collections::BTreeMap;

use onepath::batch::{Column, Value};
use onepath::events::Arrival;
use onepath::feature_store::{FeatureSelection, FeatureStore, Spine};
use onepath::schema::ValueType;
use onepath::time::AsOf;

use super::{good, refused, tally};
use crate::support::{OnlineRequest, Project, Served, Session, at};

/// Every order of `items`.
fn orders<T: Clone>(items: &[T]) -> Vec<Vec<T>> {
    if items.len() < 2 {
        return vec![items.to_vec()];
    }
    let mut all = Vec::new();
    for first in 0..items.len() {
        let mut rest = items.to_vec();
        let item = rest.remove(first);
        for mut order in orders(&rest) {
            order.insert(0, item.clone());
            all.push(order);
        }
    }
    all
}

/// Views of pairs, by three columns, and of one of these columns, over one source that is about both.
fn project_file(keys: &[&str], entities: &[&str], tables: &[usize]) -> String {
    let tally = tally();
    let all = [
        format!("[entities.pair]\nkeys = {{ {} }}\n", keys.join(", ")),
        "[entities.target]\nkeys = { to = \"text\" }\n".to_owned(),
        format!(
            "[sources.events]\nentities = {entities:?}\nevent_time = \"ts\"\n[sources.events.fields]\namount = \"float64\"\n"
        ),
        format!("[views.pairs]\nentity = \"pair\"\nsources = [\"events\"]\ntransform = \"{tally}\"\n"),
        format!("[views.targets]\nentity = \"target\"\nsources = [\"events\"]\ntransform = \"{tally}\"\n"),
    ];
    let tables: String = tables.iter().map(|at| all[*at].as_str()).collect();
    format!("[project]\nname = \"p\"\n{tables}[services.all]\nfeatures = [\"pairs:total\", \"targets:total\"]\n")
}

type Pair = (&'static str, i64, &'static str);

/// Both texts occur in either column: under another order each of these keys is one of another entity.
const PAIRS: [Pair; 4] = [("x", 1, "y"), ("y", 1, "x"), ("x", 2, "x"), ("y", 2, "y")];

fn push(project: &Project, store: &mut Session, number: usize, (from, lane, to): Pair) -> f64 {
    let amount = (1_u64 << number.min(40)) as f64;
    let line = format!(
        "{{\"amount\": {amount:?}, \"from\": \"{from}\", \"to\": \"{to}\", \"lane\": {lane}, \"ts\": {:?}}}\n",
        format!("2024-01-01T{:02}:{:02}:00Z", number / 60, number % 60)
    );
    let path = project.write("push.ndjson", line);
    store.ingest("events", &path, &Arrival::EventTime).expect("is taken");
    amount
}

/// What is served of a pair and of its target, now.
fn served(store: &mut Session, (from, lane, to): Pair) -> Vec<Value> {
    let plan = store.plan(&FeatureSelection::Service("all".to_owned())).expect("plans");
    let text = |text: &str| Value::Text(text.to_owned());
    // In an order of their own: keys are asked by name.
    let inputs =
        vec![("to".to_owned(), text(to)), ("lane".to_owned(), Value::Int64(lane)), ("from".to_owned(), text(from))];
    let request = OnlineRequest { inputs, ..OnlineRequest::default() };
    store.get_online_features(&plan, &request).expect("answers").values
}

/// The same by a backfill.
fn backfilled(store: &FeatureStore) -> Vec<Vec<Value>> {
    let plan = store.plan(&FeatureSelection::Service("all".to_owned())).expect("plans");
    let mut columns = [Column::new(ValueType::Text), Column::new(ValueType::Text), Column::new(ValueType::Int64)];
    for (from, lane, to) in PAIRS {
        for (column, value) in
            columns.iter_mut().zip([Value::Text(to.into()), Value::Text(from.into()), Value::Int64(lane)])
        {
            column.push(&value).expect("fits");
        }
    }
    let names = ["to", "from", "lane"].map(str::to_owned);
    let spine = Spine {
        keys: names.into_iter().zip(columns).collect(),
        as_of: vec![AsOf::from_micros(at("2031-01-01")); PAIRS.len()],
        request_fields: Vec::new(),
    };
    let features = store.get_historical_features(&plan, &spine, &[]).expect("is answered").features;
    (0..PAIRS.len()).map(|row| features.iter().map(|column| column.value(row)).collect()).collect()
}

/// Events pushed under every order of everything, read under every other, by every way.
#[test]
fn the_order_of_keys_entities_and_tables_decides_nothing() {
    let keys = orders(&["\"from\" = \"text\"", "lane = \"int64\"", "to = \"text\""]);
    let entities = orders(&["pair", "target"]);
    let tables = [vec![0, 1, 2, 3, 4], vec![4, 3, 2, 1, 0], vec![2, 4, 1, 0, 3]];
    let project = Project::new(&project_file(&keys[0], &entities[0], &tables[0]));
    let (mut pairs, mut targets) = (BTreeMap::<Pair, f64>::new(), BTreeMap::<&str, f64>::new());
    let (mut pushed, mut asked) = (0, 0);
    for (keys, entities, tables) in keys
        .iter()
        .flat_map(|keys| entities.iter().map(move |entities| (keys, entities)))
        .flat_map(|(keys, entities)| tables.iter().map(move |tables| (keys, entities, tables)))
    {
        let text = project_file(keys, entities, tables);
        project.configure(&text);
        let mut store = project.open();
        let pair = PAIRS[pushed % PAIRS.len()];
        let amount = push(&project, &mut store, pushed, pair);
        *pairs.entry(pair).or_default() += amount;
        *targets.entry(pair.2).or_default() += amount;
        pushed += 1;
        let expected = |pair: &Pair| {
            let sums = [pairs.get(pair), targets.get(pair.2)];
            sums.map(|sum| Value::Float64(sum.copied().unwrap_or(0.0)))
        };
        for (pair, features) in PAIRS.iter().zip(backfilled(&store)) {
            assert!(
                features.iter().zip(expected(pair)).all(|(a, b)| a.same_bits(&b)),
                "{pair:?}: {features:?}\n{text}"
            );
            let online = served(&mut store, *pair);
            assert!(online.iter().zip(expected(pair)).all(|(a, b)| a.same_bits(&b)), "{pair:?}: {online:?}\n{text}");
            asked += 1;
        }
        let report = store.verify(None).expect("verifies");
        assert!(report.is_equal() && report.vectors == asked, "{report:#?}\n{text}");
    }
    assert_eq!(pushed, 36);
}

#[test]
fn events_by_other_keys_are_refused_by_name() {
    let keys = ["\"from\" = \"text\"", "lane = \"int64\"", "to = \"text\""];
    let text = project_file(&keys, &["pair", "target"], &[0, 1, 2, 3, 4]);
    let project = Project::new(&text);
    // The command line has the machine's clock, which must not be behind what this one writes.
    project.clock.set(at("2024-12-01"));
    let mut store = project.open();
    push(&project, &mut store, 1, PAIRS[0]);
    served(&mut store, PAIRS[0]);
    drop(store);
    let commands = ["get --service all --entity to=x --entity lane=1 --entity from=x", "materialize", "verify"];
    for (from, to, now) in [
        ("\"from\" = \"text\"", "origin = \"text\"", "lane int64, origin text, to text"),
        ("lane = \"int64\"", "lane = \"text\"", "from text, lane text, to text"),
        (", lane = \"int64\"", "", "from text, to text"),
    ] {
        project.configure(&text.replace(from, to));
        let expected = format!(
            "the log has events of source events by from text, lane int64, to text, and the project gives it events by {now}: put \
             those key columns back, or name the source of the new events otherwise"
        );
        for words in commands {
            refused(&project, words, 2, &expected);
        }
    }
    project.configure(&text);
    good(&project, "verify");
}

#[test]
fn events_of_a_source_that_is_gone_are_told() {
    let text = project_file(
        &["\"from\" = \"text\"", "lane = \"int64\"", "to = \"text\""],
        &["pair", "target"],
        &[0, 1, 2, 3, 4],
    );
    let project = Project::new(&text);
    // The command line has the machine's clock, which must not be behind what this one writes.
    project.clock.set(at("2024-12-01"));
    let mut store = project.open();
    push(&project, &mut store, 1, PAIRS[0]);
    push(&project, &mut store, 2, PAIRS[1]);
    drop(store);
    project.configure(&text.replace("sources.events", "sources.moves").replace("[\"events\"]", "[\"moves\"]"));
    let expected = "warning: the log has 2 events of source events, which the project no longer has: they are not read";
    let get = "get --service all --entity to=x --entity lane=1 --entity from=x";
    refused(&project, get, 2, "sources was events, and is now moves");
    for words in ["materialize", "verify", get] {
        let ran = good(&project, words);
        assert_eq!(ran.stderr.matches(expected).count(), 1, "{words}: {}", ran.stderr);
    }
    let ran = Served::start(&project, "").stop(&project);
    assert_eq!(ran.stderr.matches(expected).count(), 1, "{}", ran.stderr);
}
