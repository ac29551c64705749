//! Event ids: of one entity an id counts once, whichever way the events came and the answers are made.

use onepath::batch::Value;
use onepath::events::Arrival;
use onepath::feature_store::{BackfillRequest, FeatureSelection, SpineSource};
use onepath::time::{AvailableAt, format_time};

use super::case::{Case, Sources};
use super::rules::Rules;
use super::{check_all, reference, selection};
use crate::support::{
    Ask, DAY, Event, Format, OnlineRequest, Project, Random, Session, Vector, assert_same, offline, online,
    write_events_with_ids,
};

/// An event with its id.
type Tagged = (Option<String>, Event);

/// A case of events with ids: in files with repeats, and pushed.
struct WithIds {
    /// Pushed before the files are read; their ids differ.
    before: Vec<Tagged>,
    /// In the files, in their order.
    files: Vec<Tagged>,
    /// Pushed afterwards; their ids differ from those of the files, and from each other.
    after: Vec<Tagged>,
    /// When the history ends.
    cut: i64,
    asks: Vec<Ask>,
}

impl WithIds {
    fn new(seed: u64) -> Self {
        let Case { mut events, asks, .. } = Case::new(seed, Sources::One);
        let mut random = Random::new(seed ^ 0x1d5);
        events.sort_by_key(Event::available);
        let (third, two_thirds) = (events[events.len() / 3].available(), events[events.len() * 2 / 3].available());
        let tagged = events.into_iter().enumerate();
        let tagged: Vec<Tagged> = tagged.map(|(at, event)| (Some(format!("id-{at}-{seed}")), event)).collect();
        let of = |from: i64, to: i64| {
            let inside = |(_, event): &&Tagged| from < event.available() && event.available() <= to;
            tagged.iter().filter(inside).cloned().collect::<Vec<_>>()
        };
        let (before, after) = (of(i64::MIN, third), of(two_thirds, i64::MAX));
        let mut files = of(third, two_thirds);
        let known: Vec<Tagged> = files.iter().chain(&before).cloned().collect();
        files.extend((0..80).map(|_| copy(&mut random, &known)));
        files.extend((0..20).map(|_| (None, random.pick(&known).1.clone())));
        // What becomes available later is in a backfill, and not in the states of a history that ends before.
        files.retain(|(_, event)| event.available() <= two_thirds);
        random.shuffle(&mut files);
        Self { before, files, after, cut: two_thirds, asks }
    }

    /// The events that count, and how many of the files are repeats and conflicts: by the letter of the rule.
    fn counted(&self, pushed: &[&[Tagged]]) -> (Vec<Event>, u64, u64) {
        let pushed: Vec<Tagged> = pushed.concat();
        let (mut events, mut repeats, mut conflicts) = (Vec::new(), 0, 0);
        for (at, (id, event)) in self.files.iter().enumerate() {
            let is_copy = |(other, copy): &&Tagged| id.is_some() && other == id && copy.entity == event.entity;
            let in_files = self.files.iter().enumerate().filter(|(_, tagged)| is_copy(tagged));
            let first = in_files.min_by_key(|(at, (_, copy))| (copy.available(), *at));
            let counts = match (pushed.iter().find(is_copy), first) {
                (Some((_, logged)), _) => Some(logged),
                (None, Some((other, (_, copy)))) if other != at => Some(copy),
                _ => None,
            };
            match counts {
                None => events.push(event.clone()),
                Some(counts) if (counts.at, counts.kind, counts.amount) == (event.at, event.kind, event.amount) => {
                    repeats += 1;
                }
                Some(_) => conflicts += 1,
            }
        }
        events.extend(pushed.into_iter().map(|(_, event)| event));
        (events, repeats, conflicts)
    }

    fn expected(&self, pushed: &[&[Tagged]]) -> Vec<Vector> {
        let (events, ..) = self.counted(pushed);
        self.asks.iter().map(|ask| reference::answer(&events, ask)).collect()
    }

    /// A project whose files are written in a format.
    fn project(&self, format: Format) -> Project {
        let project = Project::new("");
        let mut paths = Vec::new();
        for (part, events) in self.files.chunks(self.files.len().div_ceil(3)).enumerate() {
            let path = project.path(&format!("{}.{}", 9 - part, format.extension()));
            write_events_with_ids(&path, events, format);
            paths.push(path);
        }
        project.configure(&format!(
            "[project]\nname = \"ids\"\n[entities.customer]\nkeys = {{ customer_id = \"text\" }}\n\
             [sources.events]\nentity = \"customer\"\nfiles = {paths:?}\nevent_time = \"event_timestamp\"\n\
             arrival_time = \"ingested_at\"\nevent_id = \"id\"\n\
             [views.activity]\nsources = [\"events\"]\ntransform = \"CHURN\"\n\
             [views.trace]\nsources = [\"events\"]\ntransform = \"TRACE\"\nttl = \"90d\"\n\
             [views.cart]\ninputs = [\"activity:purchase_count_30d\", \"request:cart_value\"]\ntransform = \"CART\"\n\
             [services.all]\nfeatures = [\"activity:*\", \"trace:*\", \"cart:*\"]\n"
        ));
        project
    }
}

/// A copy of an event: as it was, later or earlier, changed, or of another entity.
fn copy(random: &mut Random, known: &[Tagged]) -> Tagged {
    let (id, event) = random.pick(known).clone();
    let arrived = Some(event.available() + *random.pick(&[0, 0, 1, DAY, -DAY]));
    let changed = match random.below(5) {
        0 => Event { amount: event.amount + 1.0, arrived, ..event },
        1 => Event { entity: format!("e{}", random.below(5)), ..event },
        2 => event,
        _ => Event { arrived, ..event },
    };
    (id, changed)
}

fn push(project: &Project, store: &mut Session, events: &[Tagged]) -> Result<(u64, u64), String> {
    let arrived = |(id, event): &Tagged| (id.clone(), Event { arrived: Some(event.available()), ..event.clone() });
    let path = project.path("push.ndjson");
    write_events_with_ids(&path, &events.iter().map(arrived).collect::<Vec<_>>(), Format::Ndjson);
    let arrival = Arrival::Column("ingested_at".to_owned());
    let applied = store.ingest("events", &path, &arrival).map_err(|error| error.to_string())?;
    assert_eq!(applied.adjusted, 0);
    Ok((applied.appended, applied.duplicates))
}

#[test]
fn repeats_in_files_count_once_on_every_path() {
    for seed in [41, 42] {
        let case = WithIds::new(seed);
        let expected = case.expected(&[]);
        let (_, repeats, conflicts) = case.counted(&[]);
        assert!(repeats > 10 && conflicts > 5, "{repeats} repeats, {conflicts} conflicts");
        let mut outputs = Vec::new();
        for format in [Format::Csv, Format::Ndjson, Format::Parquet] {
            let project = case.project(format);
            let mut spine = "customer_id,as_of,cart_value\n".to_owned();
            for Ask { entity, as_of, cart_value } in &case.asks {
                spine += &format!("{entity},{},{cart_value:?}\n", format_time(*as_of));
            }
            project.write("spine.csv", spine);
            for (memory, threads) in [(1, 1), (16 << 10, 2), (u64::MAX, 1), (u64::MAX, 2)] {
                let what = format!("seed {seed}, {format:?}, {memory} bytes, {threads} threads");
                let store = project.open_with(|options| (options.memory_bytes, options.threads) = (memory, threads));
                let plan = store.plan(&selection()).expect("plans");
                check(&offline(&store, &plan, &case.asks, &[]), &case, &expected, &what);
                let request = BackfillRequest {
                    selection: selection(),
                    spine: SpineSource::File { path: project.path("spine.csv"), as_of_column: None, as_of_unit: None },
                    out: project.path("out.csv"),
                    overrides: Vec::new(),
                    full_feature_names: false,
                    resume: false,
                };
                let report = store.backfill(&request).expect("runs");
                assert_eq!(report.partitions > 1, memory < u64::MAX, "{what}");
                assert!(report.sliced > 0 || memory > 1, "{what}");
                outputs.push((std::fs::read_to_string(&request.out).expect("was written"), what));
            }
            let report = project.open().materialize(&[], None).expect("materializes");
            for view in report.views {
                assert_eq!((view.repeats, view.conflicts), (repeats, conflicts), "seed {seed}, {format:?}");
            }
        }
        outputs.iter().for_each(|(output, what)| assert!(*output == outputs[0].0, "{what}"));
    }
}

fn check(found: &[Vector], case: &WithIds, expected: &[Vector], what: &str) {
    let events = Vec::new();
    check_all(
        found,
        &Case { sources: Sources::One, events, asks: case.asks.clone(), rules: Rules(None) },
        expected,
        what,
    );
}

/// Pushed, then folded with files that hold some of it again, then pushed on, with what the files hold.
#[test]
fn an_id_counts_once_however_its_events_are_split() {
    for seed in [51, 52, 53] {
        let case = WithIds::new(seed);
        let project = case.project(Format::Ndjson);
        let mut store = project.open();
        for events in case.before.chunks(7) {
            assert_eq!(push(&project, &mut store, events), Ok((events.len() as u64, 0)));
            assert_eq!(push(&project, &mut store, events), Ok((0, events.len() as u64)));
        }
        let plan = store.plan(&selection()).expect("plans");
        check(&offline(&store, &plan, &case.asks, &[]), &case, &case.expected(&[&case.before]), "the log and files");
        let report = store.materialize(&[], Some(AvailableAt::from_micros(case.cut))).expect("materializes");
        assert!(report.views.iter().all(|view| view.repeats > 10 && view.conflicts > 5), "{report:?}");

        // What the history holds is a repeat, also beside what is new; with other content it is refused.
        let is_folded = |(id, event): &&Tagged| id.is_some() && event.available() <= case.cut;
        let (mut repeated, mut refused) = (0, 0);
        let folded: Vec<&Tagged> = case.files.iter().filter(is_folded).collect();
        for tagged in &folded {
            let copies = folded.iter().filter(|(id, _)| *id == tagged.0);
            let count = copies.count();
            match push(&project, &mut store, std::slice::from_ref(*tagged)) {
                Ok(applied) => {
                    assert_eq!(applied, (0, 1), "seed {seed}");
                    repeated += 1;
                }
                Err(error) => {
                    assert!(count > 1 || case.before.iter().any(|(id, _)| *id == tagged.0), "{error}");
                    let id = tagged.0.as_deref().unwrap_or_default();
                    assert!(error.starts_with(&format!("row 1: event id {id:?} is already that of")), "{error}");
                    refused += 1;
                }
            }
        }
        assert!(repeated > 20 && refused > 5, "{repeated} repeated, {refused} refused");
        for events in case.after.chunks(9) {
            let some: Vec<Tagged> = events.iter().chain(case.before.iter().take(2)).cloned().collect();
            assert_eq!(push(&project, &mut store, &some), Ok((events.len() as u64, 2)));
        }
        let expected = case.expected(&[&case.before, &case.after]);
        let answers = offline(&store, &plan, &case.asks, &[]);
        check(&answers, &case, &expected, "all of it, offline");
        served(&mut store, &case, &expected, "after the pushes");
        drop(store);

        // Folded anew with all that was pushed, the states are the same.
        let mut store = project.open();
        store.materialize(&[], Some(AvailableAt::from_micros(case.cut))).expect("materializes");
        served(&mut store, &case, &expected, "materialized anew");
        let report = store.verify(None).expect("verifies");
        assert!(report.is_equal(), "seed {seed}: {:#?} {:#?}", report.first, report.reasons);
        assert_eq!(report.vectors, 2 * case.asks.len() as u64);
    }
}

fn served(store: &mut Session, case: &WithIds, expected: &[Vector], what: &str) {
    let plan = store.plan(&selection()).expect("plans");
    for (ask, expected) in case.asks.iter().zip(expected) {
        let (found, _) = online(store, &plan, ask);
        assert_same(&found, expected, ask, what);
    }
}

/// An event about a customer and a shop: of each an id counts once.
#[test]
fn an_id_counts_once_for_each_entity_of_its_events() {
    let project = Project::new(
        r#"[project]
name = "shops"
[entities.customer]
keys = { customer_id = "text" }
[entities.shop]
keys = { shop_id = "int64" }
[sources.events]
entities = ["customer", "shop"]
files = ["events.csv"]
event_time = "event_timestamp"
event_id = "id"
[views.customers]
entity = "customer"
sources = ["events"]
transform = "TRACE"
[views.shops]
entity = "shop"
sources = ["events"]
transform = "TRACE"
"#,
    );
    let header = "id,customer_id,shop_id,event_type,amount,event_timestamp\n";
    let (first, other_shop) = ("x,c1,1,w,1,2024-01-01\n", "x,c1,2,w,1,2024-01-01\n");
    project.write("events.csv", [header, first, other_shop, first, "y,c2,1,w,2,2024-01-02\n"].concat());
    let mut store = project.open();
    let report = store.materialize(&[], None).expect("materializes");
    let counts: Vec<_> = report.views.iter().map(|view| (view.events, view.repeats, view.conflicts)).collect();
    // Of the customer, the second is another event that claims the id of the first; of its shop, it is the only one.
    assert_eq!(counts, [(2, 1, 1), (3, 1, 0)]);
    let mut push = |row: &str| {
        let path = project.write("push.csv", [header, row].concat());
        let applied = store.ingest("events", &path, &Arrival::EventTime).map_err(|error| error.to_string())?;
        Ok((applied.appended, applied.duplicates))
    };
    assert_eq!(push(first), Ok((0, 1)));
    assert_eq!(push(other_shop), Ok((0, 1)));
    let refused: String = push("x,c1,3,w,1,2024-01-01\n").expect_err("is another event");
    assert!(refused.starts_with("row 1: event id \"x\" is already that of another event"), "{refused}");
    let mut trail = |view: &str, key: &str, value: Value| {
        let reference = format!("{view}:trail").parse().expect("a reference");
        let plan = store.plan(&FeatureSelection::References(vec![reference])).expect("plans");
        let request = OnlineRequest { inputs: vec![(key.to_owned(), value)], ..OnlineRequest::default() };
        store.get_online_features(&plan, &request).expect("answers").values[0].to_string()
    };
    let customer = |name: &str| Value::Text(name.to_owned());
    assert_eq!(trail("customers", "customer_id", customer("c1")), "w1;");
    assert_eq!(trail("customers", "customer_id", customer("c2")), "w2;");
    assert_eq!(trail("shops", "shop_id", Value::Int64(1)), "w1;w2;");
    assert_eq!(trail("shops", "shop_id", Value::Int64(2)), "w1;");
    let report = store.verify(None).expect("verifies");
    assert!(report.is_equal() && report.vectors == 4, "{report:#?}");
}
