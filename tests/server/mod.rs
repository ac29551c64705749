//! The server: many threads at once, what it keeps when it is killed, and the proof of what it served.

mod clocks;
mod hangs;
mod kill;
mod load;
mod replays;
mod rules;
mod shapes;
mod simulator;
mod soak;
mod twins;

use std::sync::Arc;

use onepath::batch::{Column, Values};
use onepath::events::PushedEvents;
use onepath::feature_store::{FeatureSelection, OpenOptions};
use onepath::time::AsOf;
use onepath::{Applied, OnlineFeatures, PreparedRequest, Server, ServerError, ServerOptions};

use crate::support::{Project, patient};

/// The churn view, and the trace view, which shows the order in which events were applied.
const TWO_VIEWS: &str = "[project]\nname = \"served\"\n[entities.customer]\nkeys = { customer_id = \"text\" }\n\
    [sources.events]\nentity = \"customer\"\nevent_time = \"event_timestamp\"\nevent_id = \"event_id\"\n\
    fields = { note = \"text\" }\n[views.activity]\nsources = [\"events\"]\ntransform = \"CHURN\"\n\
    [views.trace]\nsources = [\"events\"]\ntransform = \"TRACE\"\n\
    [views.cart]\ninputs = [\"activity:purchase_count_30d\", \"request:cart_value\"]\ntransform = \"CART\"\n\
    [services.all]\nfeatures = [\"activity:*\", \"trace:*\"]\n\
    [services.checkout]\nfeatures = [\"cart:*\", \"activity:purchase_count_30d\"]\n";

fn open_with(project: &Project, change: impl FnOnce(&mut ServerOptions)) -> Server {
    let mut options = ServerOptions { open: project.options(), ..patient() };
    change(&mut options);
    Server::open(project.dir(), options).expect("the server opens")
}

fn open(project: &Project) -> Server {
    open_with(project, |_| {})
}

/// With the machine's clock, as a server runs.
fn open_now(project: &Project) -> Server {
    open_with(project, |options| options.open = OpenOptions { threads: 1, ..OpenOptions::default() })
}

fn prepare(server: &Server, service: &str) -> Arc<PreparedRequest> {
    server.prepare(&FeatureSelection::Service(service.to_owned())).expect("plans")
}

fn texts<'a>(values: impl IntoIterator<Item = &'a str>) -> Column {
    Column::from(values.into_iter().collect::<Vec<_>>())
}

/// An event to push.
#[derive(Clone)]
struct Pushed {
    id: String,
    entity: String,
    kind: String,
    amount: f64,
    at: i64,
    arrival: Option<i64>,
}

fn event(id: &str, entity: &str, kind: &str, amount: f64, at: i64) -> Pushed {
    let (id, entity, kind) = (id.to_owned(), entity.to_owned(), kind.to_owned());
    Pushed { id, entity, kind, amount, at, arrival: None }
}

fn push(server: &Server, events: &[Pushed]) -> Result<Applied, ServerError> {
    let text =
        |of: fn(&Pushed) -> &String| Column::from(events.iter().map(|event| of(event).clone()).collect::<Vec<_>>());
    let times = Column::from_parts(Values::Times(events.iter().map(|event| event.at).collect()), None);
    let columns = [
        ("event_id", text(|event| &event.id)),
        ("customer_id", text(|event| &event.entity)),
        ("event_type", text(|event| &event.kind)),
        ("amount", Column::from(events.iter().map(|event| event.amount).collect::<Vec<_>>())),
        ("event_timestamp", times),
    ];
    let columns = columns.map(|(name, column)| (name.to_owned(), column)).into();
    let mut pushed = PushedEvents::from_columns(&*server.event_schema("events")?, columns).expect("fits the schema");
    let arrivals: Option<Vec<i64>> = events.iter().map(|event| event.arrival).collect();
    if let Some(arrivals) = arrivals {
        pushed = pushed.with_arrivals(&arrivals);
    }
    server.push("events", pushed)
}

fn ask(
    server: &Server,
    prepared: &Arc<PreparedRequest>,
    inputs: &[Column],
    as_of: Option<AsOf>,
) -> Result<OnlineFeatures, ServerError> {
    server.get_online_features(&prepared.request().as_of(as_of).columns(inputs.to_vec())?.build()?)
}

/// The features of one row, as text.
fn row(answer: &OnlineFeatures, row: usize) -> Vec<String> {
    answer.features.iter().map(|feature| feature.value(row).to_string()).collect()
}

fn assert_verified(project: &Project, vectors: u64) {
    let report = project.open().verify(None).expect("verifies");
    assert!(report.is_equal(), "{:#?} {:?}", report.first, report.reasons);
    assert_eq!(report.vectors, vectors);
}
