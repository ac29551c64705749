//! `materialize`: all states at once or none of them, in whatever memory, and what is served until the next one.

mod kept;
mod kill;
mod memory;

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use onepath::log::{Log, SqliteLog};
use onepath::store::{OnlineStore, SqliteStore, StoreReader};

use crate::support::{Project, Session};

/// Two views with states, and one above them.
const PROJECT: &str = "[project]\nname = \"p\"\n[entities.customer]\nkeys = { customer_id = \"text\" }\n\
    [sources.events]\nentity = \"customer\"\nfiles = [\"events.csv\"]\nevent_time = \"event_timestamp\"\nevent_id = \"event_id\"\n\
    [views.activity]\nsources = [\"events\"]\ntransform = \"CHURN\"\n\
    [views.trace]\nsources = [\"events\"]\ntransform = \"TRACE\"\n\
    [views.cart]\ninputs = [\"activity:purchase_count_30d\", \"request:cart_value\"]\ntransform = \"CART\"\n\
    [services.all]\nfeatures = [\"activity:*\", \"trace:*\"]\n[services.checkout]\nfeatures = [\"cart:*\"]\n";

const VIEWS: [&str; 2] = ["activity@v1", "trace@v1"];

/// What the online store says: per view its states and its refused entities, all as text.
type States = BTreeMap<&'static str, (BTreeMap<String, String>, Vec<(String, u64)>)>;

fn reader(project: &Project) -> Box<dyn StoreReader> {
    let store = SqliteStore::open_read_only(&project.path(".onepath/online.sqlite")).expect("opens");
    store.expect("is there").snapshot().expect("opens")
}

fn open(project: &Project) -> Session {
    project.at_machines_time();
    project.open()
}

fn states(project: &Project) -> States {
    let reader = reader(project);
    let of = |view| {
        let mut states = BTreeMap::new();
        let mut keep = |key: onepath::entity::EntityKey, state| {
            assert!(states.insert(key.encode(), format!("{state:?}")).is_none(), "{key} is there once");
            ControlFlow::Continue(())
        };
        reader.scan(view, &mut keep).expect("reads");
        let refused = reader.refused(view).expect("reads");
        (view, (states, refused.into_iter().map(|(key, bytes)| (key.encode(), bytes)).collect()))
    };
    VIEWS.map(of).into()
}

/// The history that the states of all views name, which the log has.
fn history(project: &Project) -> i64 {
    let reader = reader(project);
    let named =
        VIEWS.map(|view| reader.mark(view).expect("reads").expect("has a mark").history.expect("has a history"));
    assert!(named.iter().all(|history| *history == named[0]), "{named:?}");
    let log = SqliteLog::open_read_only(&project.path(".onepath/log.sqlite")).expect("opens").expect("is there");
    assert!(log.reader().expect("opens").history(named[0]).expect("reads").is_some(), "{named:?}");
    named[0]
}

/// So many events of so many customers. Another `variant` has other amounts, and a customer of its own.
fn events(variant: usize, count: usize, customers: usize) -> String {
    let mut lines = "event_id,customer_id,event_type,amount,event_timestamp\n".to_owned();
    for row in 0..count {
        let (customer, amount) = (row * 7919 % customers, row % 50 + variant * 1_000);
        let (day, second) = (row % 28 + 1, row % 60);
        lines += &format!("i{row},c{customer},purchase,{amount}.5,2024-01-{day:02}T00:00:{second:02}Z\n");
    }
    lines + &format!("own,only-{variant},purchase,{variant}.25,2024-02-01T00:00:00Z\n")
}
