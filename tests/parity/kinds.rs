//! Every kind of aggregate that the SDK has, in one component that two views use with parameters of their own: answered whole,
//! in small batches, on threads, and served event by event.

use std::sync::Arc;

use onepath::batch::Value;
use onepath::events::Arrival;
use onepath::feature_store::{FeaturePlan, FeatureSelection, FeatureStore};
use onepath::time::AvailableAt;

use super::case::{Case, Sources};
use crate::support::{Ask, Event, Format, Project, Session, Vector, assert_same, offline, online, write_events};

/// The same reference that the SDK's own tests compare the native transform with.
#[path = "../../transforms/sdk/tests/kinds/reference.rs"]
mod reference;

/// Two views of one component, and a service for each.
const VIEWS: [(&str, i64); 2] = [("week", 7), ("month", 30)];

fn project(events: &[Event]) -> Project {
    project_of(events, &VIEWS)
}

fn project_of(events: &[Event], views: &[(&str, i64)]) -> Project {
    let mut toml = r#"
        [project]
        name = "kinds"
        [entities.customer]
        keys = { customer_id = "text" }
        [sources.events]
        entity = "customer"
        files = ["events.csv"]
        event_time = "event_timestamp"
        arrival_time = "ingested_at"
    "#
    .to_owned();
    for (name, days) in views {
        toml += &format!(
            "[views.{name}]\nsources = [\"events\"]\ntransform = \"KINDS\"\nparameters = {{ days = {days} }}\n\
             [services.{name}]\nfeatures = [\"{name}:*\"]\n"
        );
    }
    let project = Project::new(&toml);
    write_events(&project.path("events.csv"), events, Format::Csv);
    project
}

fn plan(store: &FeatureStore, name: &str) -> FeaturePlan {
    store.plan(&FeatureSelection::Service(name.to_owned())).expect("plans")
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Int64(value) | Value::Time(value) => value.to_string(),
        Value::Float64(value) => format!("{value:?}"),
        Value::Text(value) => value.clone(),
        Value::Float64List(values) => format!("{values:?}"),
    }
}

/// The component's answers are those of plain loops over all events that were known.
fn assert_meant(found: &[Vector], plan: &FeaturePlan, case: &Case, days: i64) {
    for (found, ask) in found.iter().zip(&case.asks) {
        let mut known: Vec<&Event> =
            case.events.iter().filter(|event| event.entity == ask.entity && event.available() <= ask.as_of).collect();
        known.sort_by_key(|event| event.available());
        let events: Vec<reference::Event> = known
            .iter()
            .map(|event| reference::Event { at: event.at, word: event.kind, amount: event.amount })
            .collect();
        let expected = reference::answers(&events, ask.as_of, days);
        assert_eq!(expected.len(), found.len());
        for ((expected, (value, _)), feature) in expected.iter().zip(found).zip(&plan.features) {
            let found = format!("{} = {}", feature.reference.feature, shown(value));
            assert!(expected.agrees(&found), "{found}, but expected {expected:?}\n{} {}", ask.entity, ask.as_of);
        }
    }
}

fn push(project: &Project, store: &mut Session, event: &Event) {
    let event = Event { arrived: Some(event.available()), ..event.clone() };
    let path = project.path("push.ndjson");
    write_events(&path, std::slice::from_ref(&event), Format::Ndjson);
    store.ingest("events", &path, &Arrival::Column("ingested_at".to_owned())).expect("the push is taken");
}

/// History up to a moment is materialized, the rest is pushed, and each question is asked when its time has come.
fn assert_served(case: &Case, expected: &[Vec<Vector>]) {
    let mut events = case.events.clone();
    events.sort_by_key(Event::available);
    let cut = events[events.len() / 2].available();
    let (history, pushed): (Vec<Event>, Vec<Event>) =
        case.events.iter().cloned().partition(|event| event.available() <= cut);
    let project = project(&history);
    let mut store = project.open();
    store.materialize(&[], Some(AvailableAt::from_micros(cut))).expect("materializes");
    let plans: Vec<FeaturePlan> = VIEWS.iter().map(|(name, _)| plan(&store, name)).collect();
    let mut order: Vec<usize> = (0..case.asks.len()).collect();
    order.sort_by_key(|row| case.asks[*row].as_of);
    let mut order = order.into_iter().peekable();
    let ask = |store: &mut Session, row: usize| {
        for (plan, expected) in plans.iter().zip(expected) {
            let (found, _) = online(store, plan, &case.asks[row]);
            assert_same(&found, &expected[row], &case.asks[row], "served");
        }
    };
    let mut pushed = pushed;
    pushed.sort_by_key(Event::available);
    for event in &pushed {
        while let Some(row) = order.next_if(|row| case.asks[*row].as_of < event.available()) {
            ask(&mut store, row);
        }
        push(&project, &mut store, event);
    }
    order.for_each(|row| ask(&mut store, row));
    let report = store.verify(None).expect("verifies");
    assert_eq!((report.differences, report.state_differences), (0, 0), "{:#?}", report.first);
    assert_eq!(report.vectors as usize, case.asks.len() * VIEWS.len());
}

#[test]
fn every_kind_in_every_way() {
    for seed in [31, 32] {
        let case = Case::new(seed, Sources::One);
        let mut expected: Vec<Vec<Vector>> = Vec::new();
        for (name, days) in VIEWS {
            let mut whole: Option<Vec<Vector>> = None;
            for (batch_rows, threads) in [(8_192, 1), (1, 1), (7, 2)] {
                let project = project(&case.events);
                let store = project.open_with(|options| (options.batch_rows, options.threads) = (batch_rows, threads));
                let plan = plan(&store, name);
                let found = offline(&store, &plan, &case.asks, &[]);
                let whole = whole.get_or_insert_with(|| {
                    assert_meant(&found, &plan, &case, days);
                    found.clone()
                });
                for ((found, whole), ask) in found.iter().zip(whole.iter()).zip(&case.asks) {
                    assert_same(found, whole, ask, &format!("seed {seed}, {name}, {batch_rows} rows a batch"));
                }
            }
            expected.extend(whole);
        }
        assert_served(&case, &expected);
    }
}

/// One component, two views: what is kept and what is counted is what each one's parameter says.
#[test]
fn a_parameter_is_the_length_of_a_window() {
    let project = project(&[]);
    project.write(
        "events.csv",
        "customer_id,event_type,amount,event_timestamp,ingested_at\n\
         c1,purchase,1.0,2024-01-01,2024-01-01\nc1,purchase,2.0,2024-01-20,2024-01-20\n\
         c1,purchase,6.0,2024-01-27,2024-01-27\n",
    );
    let store = project.open();
    let asks = [Ask { entity: "c1".to_owned(), as_of: crate::support::at("2024-01-28"), cart_value: 0.0 }];
    let means = VIEWS.map(|(name, _)| {
        let plan = plan(&store, name);
        let column =
            plan.features.iter().position(|feature| feature.reference.feature == "mean_in_days").expect("is a feature");
        offline(&store, &plan, &asks, &[])[0][column].0.clone()
    });
    assert!(means[0].same_bits(&Value::Float64(6.0)) && means[1].same_bits(&Value::Float64(3.0)), "{means:?}");
    let [week, month] = VIEWS.map(|(name, _)| {
        let view = store.project().views.iter().find(|view| view.name == name).cloned().expect("is a view");
        store.program(&view).expect("loads")
    });
    assert_eq!(week.digest(), month.digest());
    assert!(!Arc::ptr_eq(&week, &month));
}

/// A length beyond the bound that the transform declares is refused before there is any event or question.
#[test]
fn a_length_beyond_its_bound_is_refused_when_built() {
    assert_eq!(project_of(&[], &[("year", 365)]).run("build").code, 0);
    for (days, told) in [(366, "366"), (-1, "-1")] {
        let ran = project_of(&[], &[("longer", days)]).run("build");
        let expected = format!(
            "view longer@v1: its transform refuses the parameters: parameter `days` is {told}, and must be from 0 to 365 days"
        );
        assert_ne!(ran.code, 0, "{}", ran.stdout);
        assert!(ran.stderr.contains(&expected), "{}", ran.stderr);
    }
}

/// Every law of admission holds of it, on generated rows and on those of the source.
#[test]
fn every_kind_is_admitted() {
    let case = Case::new(33, Sources::One);
    let project = project(&case.events);
    let ran = project.run("check week --cases 150");
    assert_eq!(ran.code, 0, "{}\n{}", ran.stdout, ran.stderr);
}
