//! Views that read features of other views: a chain of three, over two entities, in every way that there is of answering.

use onepath::batch::{Column, Value, Values};
use onepath::evaluate::Status;
use onepath::events::Arrival;
use onepath::feature_store::{FeaturePlan, FeatureSelection, FeatureStore, Spine};
use onepath::schema::ValueType;
use onepath::time::AsOf;

use crate::support::{DAY, Event, Format, OnlineRequest, Project, Random, Session, Vector, at, shown, write_events};

/// Days that the purchases of customers and shops count.
const WINDOW_US: i64 = 30 * DAY;

/// Days after which a shop's features are too old.
const TTL_US: i64 = 20 * DAY;

struct Question {
    customer: String,
    shop: String,
    as_of: i64,
    cart_value: f64,
}

/// How the events of customers and of shops lie to each other.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sources {
    /// A source for each entity.
    Two,
    /// One source, whose events are about both.
    Shared,
}

const ENTITIES: &str = r#"
[project]
name = "workflow"
[entities.customer]
keys = { customer_id = "text" }
[entities.shop]
keys = { shop_id = "text" }
"#;

const TWO_SOURCES: &str = r#"
[sources.purchases]
entity = "customer"
files = ["purchases.csv"]
event_time = "event_timestamp"
arrival_time = "ingested_at"
[sources.sales]
entity = "shop"
files = ["sales.csv"]
event_time = "event_timestamp"
arrival_time = "ingested_at"
[views.activity]
sources = ["purchases"]
transform = "CHURN"
[views.shops]
sources = ["sales"]
transform = "CHURN"
ttl = "20d"
"#;

const ONE_SOURCE: &str = r#"
[sources.purchases]
entities = ["customer", "shop"]
files = ["purchases.csv"]
event_time = "event_timestamp"
arrival_time = "ingested_at"
[views.activity]
entity = "customer"
sources = ["purchases"]
transform = "CHURN"
[views.shops]
entity = "shop"
sources = ["purchases"]
transform = "CHURN"
ttl = "20d"
"#;

const VIEWS: &str = r#"
[views.cart]
inputs = ["activity:purchase_count_30d", "request:cart_value"]
transform = "CART"
[views.weigh]
inputs = ["cart:cart_per_purchase", "shops:purchase_count_30d as shop_purchases"]
transform = "WEIGH"
[services.all]
features = ["weigh:*", "shops:purchase_count_30d", "cart:cart_per_purchase"]
"#;

fn events(random: &mut Random, source: usize) -> Vec<Event> {
    let event = |_| {
        let time = at("2024-01-01") + random.below(100) as i64 * DAY + random.below(3) as i64;
        Event {
            source,
            entity: format!("{}{}", ["c", "s"][source], random.below(4)),
            kind: random.pick::<&str>(&["purchase", "purchase", "view", "return"]),
            amount: random.below(100) as f64,
            at: time,
            arrived: random.once_in(4).then(|| time + random.below(10) as i64 * DAY),
        }
    };
    (0..60).map(event).collect()
}

fn questions(random: &mut Random) -> Vec<Question> {
    let question = |_| Question {
        customer: format!("c{}", random.below(5)),
        shop: format!("s{}", random.below(5)),
        as_of: at("2024-01-10") + random.below(130) as i64 * DAY + random.below(3) as i64,
        cart_value: random.below(1_000) as f64 / 7.0,
    };
    (0..80).map(question).collect()
}

/// A project of the events as files.
fn project(sources: Sources, purchases: &[Event], sales: &[Event]) -> Project {
    let of_sources = if sources == Sources::Two { TWO_SOURCES } else { ONE_SOURCE };
    let project = Project::new(&[ENTITIES, of_sources, VIEWS].concat());
    let write = |name: &str, events: &[Event]| {
        write_events(&project.path(name), events, Format::Csv);
        std::fs::read_to_string(project.path(name)).expect("was written")
    };
    let (purchases, sales_of) = (write("purchases.csv", purchases), write("sales.csv", sales));
    project.write("sales.csv", sales_of.replace("customer_id", "shop_id"));
    if sources == Sources::Shared {
        // The row of a purchase and that of its sale are one.
        let shops = ["shop_id".to_owned()].into_iter().chain(sales.iter().map(|sale| sale.entity.clone()));
        let rows = purchases.lines().zip(shops);
        project.write("purchases.csv", rows.map(|(row, shop)| format!("{row},{shop}\n")).collect::<String>());
    }
    project
}

/// Purchases of `entity` in the window, and the newest event time that is visible.
fn look(events: &[Event], entity: &str, as_of: i64) -> (i64, Option<i64>) {
    let seen: Vec<&Event> = events.iter().filter(|e| e.entity == entity && e.available() <= as_of).collect();
    let counted = seen.iter().filter(|e| e.kind == "purchase" && e.at >= as_of - WINDOW_US);
    (counted.count() as i64, seen.iter().map(|e| e.at).max())
}

/// What the service answers, computed in the plainest way.
fn reference(purchases: &[Event], sales: &[Event], question: &Question) -> Vector {
    let (bought, _) = look(purchases, &question.customer, question.as_of);
    let (sold, newest_sale) = look(sales, &question.shop, question.as_of);
    let is_expired = newest_sale.is_some_and(|newest| newest < question.as_of - TTL_US);
    let cart = (bought > 0).then(|| question.cart_value / bought as f64);
    let shop = (!is_expired).then_some(sold);
    let weight = cart.zip(shop).map(|(cart, shop)| cart / (shop as f64 + 1.0));
    let float = |value: Option<f64>| match value {
        Some(value) => (Value::Float64(value), Status::Present),
        None => (Value::Null, Status::NullValue),
    };
    let known = i64::from(cart.is_some()) + i64::from(shop.is_some());
    let shop_status = match (newest_sale, is_expired) {
        (None, _) => Status::NotFound,
        (_, true) => Status::OutsideMaxAge,
        _ => Status::Present,
    };
    vec![
        float(weight),
        (Value::Int64(known), Status::Present),
        (shop.map_or(Value::Null, Value::Int64), shop_status),
        float(cart),
    ]
}

fn plan(store: &FeatureStore) -> FeaturePlan {
    store.plan(&FeatureSelection::Service("all".to_owned())).expect("plans")
}

fn texts(values: impl Iterator<Item = String>) -> Column {
    let mut column = Column::new(ValueType::Text);
    for value in values {
        column.push(&Value::Text(value)).expect("a text");
    }
    column
}

fn backfilled(project: &Project, questions: &[Question], batch_rows: usize, threads: usize) -> Vec<Vector> {
    let store = project.open_with(|options| (options.batch_rows, options.threads) = (batch_rows, threads));
    let plan = plan(&store);
    let carts = questions.iter().map(|question| question.cart_value).collect();
    let spine = Spine {
        keys: vec![
            ("shop_id".to_owned(), texts(questions.iter().map(|question| question.shop.clone()))),
            ("customer_id".to_owned(), texts(questions.iter().map(|question| question.customer.clone()))),
        ],
        as_of: questions.iter().map(|question| AsOf::from_micros(question.as_of)).collect(),
        request_fields: vec![("cart_value".to_owned(), Column::from_parts(Values::Float64s(carts), None))],
    };
    let answers = store.get_historical_features(&plan, &spine, &[]).expect("the backfill runs");
    let row = |row: usize| {
        let cells = answers.features.iter().zip(&answers.statuses);
        cells.map(|(feature, statuses)| (feature.value(row), statuses[row])).collect()
    };
    (0..questions.len()).map(row).collect()
}

fn served(store: &mut Session, plan: &FeaturePlan, question: &Question) -> Vector {
    let request = OnlineRequest {
        inputs: vec![
            ("customer_id".to_owned(), Value::Text(question.customer.clone())),
            ("shop_id".to_owned(), Value::Text(question.shop.clone())),
            ("cart_value".to_owned(), Value::Float64(question.cart_value)),
        ],
        as_of: Some(AsOf::from_micros(question.as_of)),
    };
    let vector = store.get_online_features(plan, &request).expect("the question is answered");
    vector.values.into_iter().zip(vector.statuses).collect()
}

/// Pushes one event; with a `shop`, an event that is about both.
fn push(project: &Project, store: &mut Session, event: &Event, shop: Option<&str>) {
    let event = Event { arrived: Some(event.available()), ..event.clone() };
    let path = project.path("push.ndjson");
    write_events(&path, std::slice::from_ref(&event), Format::Ndjson);
    let text = std::fs::read_to_string(&path).expect("was written");
    let source = ["purchases", "sales"][event.source];
    let text = match shop {
        Some(shop) => text.replace("\"customer_id\"", &format!("\"shop_id\": {shop:?}, \"customer_id\"")),
        None if source == "sales" => text.replace("customer_id", "shop_id"),
        None => text,
    };
    std::fs::write(&path, text).expect("writes");
    store.ingest(source, &path, &Arrival::Column("ingested_at".to_owned())).expect("the push is taken");
}

fn assert_all(found: &[Vector], expected: &[Vector], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (row, (found, expected)) in found.iter().zip(expected).enumerate() {
        let same = found.iter().zip(expected).all(|(a, b)| a.0.same_bits(&b.0) && a.1 == b.1);
        assert!(same && found.len() == expected.len(), "{what}, row {row}: {} | {}", shown(found), shown(expected));
    }
}

#[test]
fn a_chain_of_three_views_over_two_entities() {
    check(31, Sources::Two);
    check(32, Sources::Two);
}

#[test]
fn events_about_two_entities_move_the_views_of_both() {
    check(41, Sources::Shared);
    check(42, Sources::Shared);
}

fn check(seed: u64, sources: Sources) {
    let mut random = Random::new(seed);
    let (purchases, mut sales) = (events(&mut random, 0), events(&mut random, 1));
    match sources {
        // Pushes of two sources never share a stamp.
        Sources::Two => sales.iter_mut().for_each(|event| {
            event.at += 10;
            event.arrived = event.arrived.map(|arrived| arrived + 10);
        }),
        Sources::Shared => sales.iter_mut().zip(&purchases).for_each(|(sale, purchase)| {
            *sale = Event { source: 1, entity: sale.entity.clone(), ..purchase.clone() };
        }),
    }
    let mut questions = questions(&mut random);
    let expected: Vec<Vector> = questions.iter().map(|q| reference(&purchases, &sales, q)).collect();
    let statuses: Vec<Status> = expected.iter().flatten().map(|(_, status)| *status).collect();
    for status in [Status::Present, Status::NullValue, Status::NotFound, Status::OutsideMaxAge] {
        assert!(statuses.contains(&status), "seed {seed} meets every status");
    }
    let whole = project(sources, &purchases, &sales);
    for (batch_rows, threads) in [(8_192, 1), (1, 1), (7, 2)] {
        let found = backfilled(&whole, &questions, batch_rows, threads);
        assert_all(&found, &expected, &format!("seed {seed}, {batch_rows} rows a batch, {threads} threads"));
    }

    // Lived through: each event is pushed when it was available, and each question asked when its time has come.
    let pushed = project(sources, &[], &[]);
    let mut store = pushed.open();
    let plan = plan(&store);
    let mut pushes: Vec<(&Event, Option<&str>)> = match sources {
        Sources::Two => purchases.iter().chain(&sales).map(|event| (event, None)).collect(),
        Sources::Shared => purchases.iter().zip(&sales).map(|(event, sale)| (event, Some(&*sale.entity))).collect(),
    };
    pushes.sort_by_key(|(event, _)| event.available());
    questions.sort_by_key(|question| question.as_of);
    let expected: Vec<Vector> = questions.iter().map(|q| reference(&purchases, &sales, q)).collect();
    let mut found = Vec::new();
    for (event, shop) in pushes {
        while found.len() < questions.len() && questions[found.len()].as_of < event.available() {
            let answer = served(&mut store, &plan, &questions[found.len()]);
            found.push(answer);
        }
        push(&pushed, &mut store, event, shop);
    }
    for question in &questions[found.len()..] {
        found.push(served(&mut store, &plan, question));
    }
    assert_all(&found, &expected, &format!("seed {seed}, served"));
    let report = store.verify(None).expect("verifies");
    assert_eq!((report.vectors, report.differences, report.state_differences), (questions.len() as u64, 0, 0));
    drop(store);
    assert_all(&backfilled(&pushed, &questions, 5, 2), &expected, &format!("seed {seed}, from the log"));
}
