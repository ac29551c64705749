//! Declarations and what they are lowered to.

mod explained;
mod faults;

use std::path::Path;

use onepath_definition::{
    Aggregate, Answer, CAPACITY, Checked, Definition, Function, Keep, Literal, Node, Read, Span, Store,
};

use super::{DeclareFault, SourceFields, lower};
use crate::project::{Project, View};
use crate::schema::{Field, ValueType};

const DAY: i64 = 86_400_000_000;

/// What each case goes after: two sources with declared fields.
const REST: &str = r#"
[project]
name = "shop"
[entities.customer]
keys = { customer_id = "text" }
[sources.events]
entity = "customer"
event_time = "at"
derived = { value = "price * quantity", twice = "value * 2" }
[sources.events.fields]
event_type = { type = "text", nullable = false }
amount = { type = "float64", nullable = false }
price = "float64"
quantity = "int64"
is_new = "bool"
created = "time"
shape = "list<float64>"
[sources.visits]
entity = "customer"
event_time = "at"
[sources.visits.fields]
page = "text"
amount = "int64"
event_type = "text"
"#;

/// The project of `case`, and its view `v`.
fn project(case: &str) -> (Project, View) {
    let project = Project::parse(&format!("{REST}{case}"), Path::new("onepath.toml")).expect("the grammar is right");
    let view = project.view("v").expect("is declared").clone();
    (project, view)
}

fn lowered(case: &str) -> Result<Definition, DeclareFault> {
    let (project, view) = project(case);
    let field = |name: &str, value_type, nullable| Field {
        name: name.to_owned(),
        value_type,
        nullable,
        documentation: String::new(),
    };
    let sources = view.sources.iter().map(|name| {
        let source = project.source(name).expect("is declared");
        let own = [field("customer_id", ValueType::Text, false), field("at", ValueType::Time, false)];
        let declared =
            source.fields.iter().map(|known| field(&known.name, known.value_type, known.nullable != Some(false)));
        SourceFields { source, fields: own.into_iter().chain(declared).collect() }
    });
    let sources: Vec<SourceFields<'_>> = sources.collect();
    lower(view.transform.declaration().expect("is declared"), &sources, &[], &[])
}

/// The view `v` over `events` with these features.
fn of_events(features: &str) -> Definition {
    lowered(&with_features(features)).unwrap_or_else(|fault| panic!("{}: {:?}", fault.0.message, fault.0.within))
}

fn with_features(features: &str) -> String {
    format!("[views.v]\nsources = [\"events\"]\n[views.v.features]\n{features}\n")
}

fn names(definition: &Definition) -> Vec<&str> {
    definition.features.iter().map(|feature| feature.name.as_str()).collect()
}

#[test]
fn churn_is_three_stores() {
    let definition = of_events(
        r#"
purchase_count_30d = { count = "*", where = "event_type = 'purchase'", window = "30d" }
avg_purchase_value_90d = { mean = "amount", where = "event_type = 'purchase'", window = "90d" }
days_since_last_purchase = { days_since_last = "event_type = 'purchase'" }
return_rate_180d = { share = "event_type = 'return'", where = "event_type IN ('purchase', 'return')", window = "180d", default = 0.0 }
"#,
    );
    let fields: Vec<&str> = definition.event_fields.iter().map(|field| field.name.as_str()).collect();
    assert_eq!(fields, ["event_type", "amount"]);
    assert!(definition.event_fields.iter().all(|field| !field.nullable), "as declared");
    // What counts is read of what keeps the amounts, as every event has one.
    let keeps: Vec<&Keep> = definition.stores.iter().map(|store| &store.keep).collect();
    let expected =
        [Keep::Events { length: 90 * DAY }, Keep::Lifetime(Aggregate::Last), Keep::Events { length: 180 * DAY }];
    assert_eq!(keeps, expected.iter().collect::<Vec<_>>());
    let closed = |days: i64| Span::Closed { length: days * DAY, ago: 0 };
    assert_eq!(
        definition.reads,
        [
            Read { store: 0, span: closed(30), answer: Answer::Count },
            Read { store: 0, span: closed(90), answer: Answer::Mean },
            Read { store: 1, span: Span::All, answer: Answer::SinceLast(DAY) },
            Read { store: 2, span: closed(180), answer: Answer::Share },
        ]
    );
    let nullable: Vec<bool> = definition.features.iter().map(|feature| feature.nullable).collect();
    assert_eq!(nullable, [false, true, true, true], "a default is the host's to apply");
    // The filter of the purchases is one node for both of its stores.
    assert_eq!(definition.stores[0].filter, definition.stores[1].filter);
}

#[test]
fn equal_filters_and_values_share_a_store_with_the_longest_window() {
    let definition = of_events(
        r#"
a = { sum = "price", windows = ["7d", "90d"], where = "quantity > 1" }
b = { max = "price", window = "30d", where = "quantity>1", edge = "half_open" }
c = { mean = "PRICE", window = "7d", ago = "7d", where = "QUANTITY > 1" }
d = { count = "*", window = "7d", where = "quantity > 1" }
"#,
    );
    assert_eq!(names(&definition), ["a_7d", "a_90d", "b", "c", "d"]);
    let lengths: Vec<&Keep> = definition.stores.iter().map(|store| &store.keep).collect();
    // A price may be null, and then the event counts for d alone.
    assert_eq!(lengths, [&Keep::Events { length: 90 * DAY }, &Keep::Events { length: 7 * DAY }]);
    assert_eq!(definition.reads[2].span, Span::HalfOpen { length: 30 * DAY, ago: 0 });
    assert_eq!(definition.reads[3].span, Span::Closed { length: 7 * DAY, ago: 7 * DAY });
}

#[test]
fn one_entry_makes_several_features() {
    let definition = of_events(
        r#"
spend = { sum = "amount", by = "event_type", values = ["a", "b"], windows = ["7d", "90d"] }
kinds = { top_k = "event_type", k = 2, window = "7d" }
last = { last_n = "amount", n = 2 }
all = { last_n = "quantity", n = 3, list = true }
"#,
    );
    let expected =
        ["spend_a_7d", "spend_a_90d", "spend_b_7d", "spend_b_90d", "kinds_1", "kinds_2", "last_1", "last_2", "all"];
    assert_eq!(names(&definition), expected);
    let latest: Vec<&Store> =
        definition.stores.iter().filter(|store| matches!(store.keep, Keep::Latest { .. })).collect();
    assert_eq!(latest.len(), 2);
}

/// Every aggregate over every window that it may have is one that a component takes.
#[test]
fn every_aggregate_is_kept() {
    let values = [
        ("count", "*", ""),
        ("count", "price", ""),
        ("sum", "price", ""),
        ("sum", "quantity", ""),
        ("mean", "quantity", ""),
        ("mean", "value", ""),
        ("min", "created", ""),
        ("max", "quantity", ""),
        ("variance", "quantity", ""),
        ("sample_variance", "price", ""),
        ("std_dev", "price", ""),
        ("sample_std_dev", "price", ""),
        ("first", "event_type", ""),
        ("last", "is_new", ""),
        ("distinct", "event_type", ""),
        ("top_k", "quantity", ", k = 2"),
        ("share", "price > 1", ""),
        ("hits", "is_new", ""),
    ];
    let windows = [
        "",
        ", window = \"7d\"",
        ", window = \"7d\", ago = \"1d\"",
        ", window = \"7d\", edge = \"half_open\"",
        ", last_events = 20",
        ", window = \"7d\", hop = \"1d\"",
        ", window = \"7d\", hop = \"2d\", ago = \"1d\"",
        ", tumbling = \"1d\"",
        ", tumbling = \"1d\", previous = true",
        ", window = \"30d\", gap = \"30m\", session = \"last\"",
        ", window = \"30d\", fixed = \"1h\", session = \"open\"",
    ];
    let mut features = String::new();
    for (at, (function, value, options)) in values.iter().enumerate() {
        for (window, text) in windows.iter().enumerate() {
            features += &format!("f{at}_{window} = {{ {function} = \"{value}\"{options}{text} }}\n");
        }
    }
    features += r#"
g1 = { percentile = "price", q = 0.5, window = "7d" }
g2 = { percentile = "price", q = 0.5, last_events = 9 }
g3 = { percentile = "quantity", q = 1, approximate = true }
g4 = { percentile = "price", q = 0.5, approximate = true, window = "7d", hop = "1d" }
g5 = { distinct = "event_type", approximate = true }
g6 = { top_k = "event_type", k = 1, approximate = true, window = "7d", hop = "1d" }
g7 = { first_n = "price", n = 2, list = true }
g8 = { first_n = "event_type", n = 2, window = "7d" }
g9 = { decayed_sum = "quantity", half_life = "7d" }
h1 = { decayed_mean = "price", half_life = "1d", where = "is_new" }
h2 = { lag = "event_type", ago = "7d" }
h3 = { sessions = "*", gap = "30m", window = "30d" }
h4 = { session_length_minutes = "is_new", gap = "30m", window = "30d", session = "last" }
h5 = { hours_since_first = "is_new", window = "30d" }
h6 = { seconds_since_last = "*", window = "30d", edge = "half_open" }
"#;
    let definition = of_events(&features);
    assert!(Checked::new(definition.clone()).is_ok());
    let again = Definition::from_bytes(&definition.to_bytes()).expect("it holds together");
    assert_eq!(*again.definition(), definition);
}

#[test]
fn the_newest_row_is_one_store() {
    let definition = lowered(
        "[views.v]\nsources = [\"events\"]\nlatest = [\"price\", \"quantity\", \"value\"]\ntie_break = \"created\"\n\
         [views.v.features]\nquantity = { default = 0 }\nratio = { expr = \"price / quantity\" }\n",
    );
    let definition = definition.expect("is lowered");
    assert_eq!(names(&definition), ["price", "quantity", "value", "ratio"]);
    let [store] = definition.stores.as_slice() else { panic!("{:?}", definition.stores) };
    assert!(matches!(&store.keep, Keep::Row { values, tie_break: Some(_) } if values.len() == 3));
    let nullable: Vec<bool> = definition.features.iter().map(|feature| feature.nullable).collect();
    assert_eq!(nullable[..3], [true, true, true]);
}

/// An expression sees another feature with its default, wherever that stands.
#[test]
fn siblings_see_defaults() {
    let definition =
        of_events("double = { expr = \"total * 2\" }\ntotal = { sum = \"price\", window = \"7d\", default = 1 }\n");
    let nodes = &definition.question.nodes;
    let arguments = nodes.iter().find_map(|node| match node {
        Node::Call { function: Function::Coalesce, arguments } => Some(arguments),
        _ => None,
    });
    let arguments = arguments.expect("the default is there");
    assert_eq!(arguments[0], definition.features[1].node);
    assert_eq!(nodes[arguments[1] as usize], Node::Literal(Literal::Float64(1.0)));
    // What the view itself gives gets its default from the host, whatever makes it null.
    assert_eq!([definition.features[0].nullable, definition.features[1].nullable], [false, true]);
}

/// At request time: no source, no state.
#[test]
fn a_view_may_be_of_the_request_alone() {
    let definition = lowered(
        "[views.v]\nrequest = { amount = \"float64\", limit = { type = \"float64\", nullable = false } }\n[views.v.features]\n\
         ratio = { expr = \"amount / NULLIF(limit, 0)\" }\nhour = { expr = \"EXTRACT(HOUR FROM as_of)\" }\n",
    );
    let definition = definition.expect("is lowered");
    assert!(definition.stores.is_empty() && definition.event_fields.is_empty());
    let fields: Vec<(&str, bool)> =
        definition.request_fields.iter().map(|field| (field.name.as_str(), field.nullable)).collect();
    assert_eq!(fields, [("amount", true), ("limit", false)]);
    assert_eq!([definition.features[0].nullable, definition.features[1].nullable], [true, false]);
}

/// A field that only one source has is null in the events of the other.
#[test]
fn what_a_source_lacks_is_null_there() {
    let definition = lowered(
        "[views.v]\nsources = [\"events\", \"visits\"]\n[views.v.features]\n\
         n = { count = \"*\", where = \"page = 'home'\", window = \"7d\" }\nm = { count = \"*\", where = \"event_type = 'a'\", window = \"7d\" }\n",
    );
    let definition = definition.expect("is lowered");
    let fields: Vec<(&str, bool)> =
        definition.event_fields.iter().map(|field| (field.name.as_str(), field.nullable)).collect();
    assert_eq!(fields, [("page", true), ("event_type", true)]);
}

#[test]
fn two_thousand_features_fit_and_too_many_do_not() {
    let features = |count: usize| {
        let one = |at: usize| {
            let (kind, window) = (at % 100, 1 + at / 100);
            format!("feature_{at} = {{ sum = \"price\", where = \"quantity = {kind}\", window = \"{window}d\" }}\n")
        };
        of_events(&(0..count).map(one).collect::<String>()).to_bytes()
    };
    let bytes = features(2_000);
    assert!(bytes.len() <= CAPACITY, "{} bytes", bytes.len());
    let slot = |bytes: usize| {
        let mut definition = of_events("a = { count = \"*\" }");
        let short = definition.to_bytes().len();
        // A length of more than 16,383 takes two bytes more than one of less than 128.
        definition.features[0].name = "a".repeat(bytes - short + 1 - 2);
        assert_eq!(definition.to_bytes().len(), bytes);
        super::Standard::own().with(&definition)
    };
    assert!(slot(CAPACITY).is_ok());
    let refused = slot(CAPACITY + 1).expect_err("is one byte too long").to_string();
    assert_eq!(refused, "its definition has 262145 bytes, and 262144 are the most: make two views of it");
}
