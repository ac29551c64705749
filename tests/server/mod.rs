//! The server: many threads at once, what it keeps when it is killed, and the proof of what it served.

mod kill;
mod load;
mod rules;

use std::sync::Arc;

use onepath::batch::{Column, Value};
use onepath::entity::{EntityKey, KeyValue};
use onepath::feature_store::{FeatureSelection, OpenOptions};
use onepath::log::NewEvent;
use onepath::schema::ValueType;
use onepath::time::EventTime;
use onepath::{OnlineFeatures, PreparedRequest, Server, ServerOptions};

use crate::support::Project;

/// The churn view, and the trace view, which shows the order in which events were applied.
const TWO_VIEWS: &str = "[project]\nname = \"served\"\n[entities.customer]\nkeys = { customer_id = \"text\" }\n\
    [sources.events]\nentity = \"customer\"\nevent_time = \"event_timestamp\"\nevent_id = \"event_id\"\n\
    [views.activity]\nsources = [\"events\"]\ntransform = \"CHURN\"\n\
    [views.trace]\nsources = [\"events\"]\ntransform = \"TRACE\"\n\
    [views.cart]\ninputs = [\"activity:purchase_count_30d\", \"request:cart_value\"]\ntransform = \"CART\"\n\
    [services.all]\nfeatures = [\"activity:*\", \"trace:*\"]\n\
    [services.checkout]\nfeatures = [\"cart:*\", \"activity:purchase_count_30d\"]\n";

fn open_with(project: &Project, change: impl FnOnce(&mut ServerOptions)) -> Server {
    let mut options = ServerOptions { open: project.options(), ..ServerOptions::default() };
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
    let mut column = Column::new(ValueType::Text);
    values.into_iter().for_each(|value| column.push(&Value::Text(value.to_owned())).expect("a text"));
    column
}

fn event(id: &str, entity: &str, kind: &str, amount: f64, at: i64) -> NewEvent {
    NewEvent {
        event_id: Some(id.to_owned()),
        key: EntityKey(vec![KeyValue::Text(entity.to_owned())]),
        event_time: EventTime(at),
        arrival: None,
        fields: format!("{{\"event_type\":\"{kind}\",\"amount\":{amount:?}}}"),
        row: 1,
    }
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
