//! `onepath replay`: what it shows of an entity is what is served of it.

use onepath::entity::{EntityKey, KeyValue};
use onepath::events::Arrival;
use onepath::feature_store::{FeatureStore, StepsRequest};
use onepath::store::{OnlineStore, SqliteStore};
use onepath::time::AsOf;

use super::{get, pushed_project};
use crate::support::{Event, Format, HOUR, Random, SECOND, at, write_events};

#[test]
fn the_last_step_is_what_is_served() {
    let project = pushed_project("");
    let (mut random, day) = (Random::new(11), at("2024-05-01"));
    project.clock.set(day + 24 * HOUR);
    let mut store = project.open();
    let mut pushed = [0; 5];
    for number in 0..4 {
        let events: Vec<Event> = (0..30)
            .map(|_| {
                let entity = random.below(4);
                pushed[entity] += 1;
                Event {
                    source: 0,
                    entity: format!("c{entity}"),
                    kind: random.pick::<&str>(&["purchase", "view", "return"]),
                    amount: random.below(10_000) as f64 / 100.0,
                    at: day + random.below(24 * 3_600) as i64 * SECOND,
                    arrived: None,
                }
            })
            .collect();
        project.clock.set(day + (24 + number) * HOUR);
        let path = project.path("push.ndjson");
        write_events(&path, &events, Format::Ndjson);
        assert_eq!(store.ingest("events", &path, &Arrival::Now).expect("is taken").appended, 30);
    }
    project.clock.set(day + 30 * HOUR);
    let vectors: Vec<_> = (0..5).map(|entity| get(&mut store, &format!("c{entity}"), None)).collect();
    store.close();
    let store = FeatureStore::open(project.dir(), project.options()).expect("opens");
    let online =
        SqliteStore::open_read_only(&project.path(".onepath/online.sqlite")).expect("opens").expect("is there");
    let reader = online.reader().expect("reads");
    for (entity, vector) in vectors.iter().enumerate() {
        let (mut values, mut seen) = (Vec::new(), Vec::new());
        for view in &store.project().views.clone() {
            let keys = vec![("customer_id".to_owned(), format!("c{entity}"))];
            let ask = |as_of: AsOf| StepsRequest { keys: keys.clone(), as_of: Some(as_of), ..StepsRequest::default() };
            let steps = store.steps(view, &ask(vector.as_of)).expect("replays").steps;
            assert_eq!(steps.len(), pushed[entity] + 1, "a step for each event, and the question");
            assert!(steps.windows(2).all(|two| !two[1].as_of.is_before(two[0].as_of)), "as they became known");
            let (last, events) = steps.split_last().expect("has a step");
            assert!(last.event.is_none() && events.iter().all(|step| step.event.is_some()));
            let key = EntityKey(vec![KeyValue::Text(format!("c{entity}"))]);
            let stored = reader.get(&view.label(), &key).expect("reads").map(|state| state.bytes);
            assert_eq!(last.state, stored.unwrap_or_default(), "{}", view.label());
            // Any step by itself is the last one of a replay that ends there.
            if let Some(middle) = events.get(events.len() / 2) {
                let again = store.steps(view, &ask(middle.as_of)).expect("replays").steps;
                let again = again.last().expect("has a step");
                assert!(again.values.iter().zip(&middle.values).all(|(one, other)| one.same_bits(other)));
            }
            values.extend(last.values.iter().cloned());
            seen.extend(last.statuses.iter().copied());
        }
        assert!(
            vector.values.iter().zip(&values).all(|(served, shown)| served.same_bits(shown)),
            "{vector:?} {values:?}"
        );
        assert_eq!((vector.statuses.clone(), vector.values.len()), (seen, values.len()));
    }
}
