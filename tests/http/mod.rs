//! `onepath serve`, seen through its sockets.

mod clock;
mod disk;
mod expected;
mod fairness;
mod feast;
mod limits;
mod load;
mod native;
mod process;
mod snippets;
mod stores;
mod watched;

use serde_json::{Value as Json, json};

use crate::support::http::{Client, Reply};
use crate::support::{Project, Served};

/// A project whose events are pushed: the churn view, one with a time to live, and one over a request field.
const PROJECT: &str = r#"[project]
name = "shop"
[entities.customer]
keys = { customer_id = "text" }
[sources.events]
entity = "customer"
event_time = "at"
event_id = "id"
[views.activity]
sources = ["events"]
transform = "CHURN"
freshness = "1h"
[views.lately]
sources = ["events"]
transform = "TRACE"
ttl = "1d"
[views.cart]
inputs = ["activity:purchase_count_30d", "request:cart_value"]
transform = "CART"
[services.churn_v1]
features = ["activity:*"]
[services.cart_v1]
features = ["activity:purchase_count_30d", "cart:*"]
"#;

fn project() -> Project {
    Project::new(PROJECT)
}

/// Events of a moment ago, as the columns of Feast's JSON; an id is always that of one event.
fn purchases(customer: &str, amounts: &[f64]) -> Json {
    static AT: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    let now = || onepath::time::Clock::now(&onepath::time::SystemClock);
    let at = AT.get_or_init(|| onepath::time::format_time(now() - 1_000_000));
    let ids: Vec<String> = (0..amounts.len()).map(|n| format!("{customer}-{n}")).collect();
    json!({
        "id": ids,
        "customer_id": vec![customer; amounts.len()],
        "event_type": vec!["purchase"; amounts.len()],
        "amount": amounts,
        "at": vec![at; amounts.len()],
    })
}

fn push(client: &mut Client, df: &Json) {
    let body = json!({"push_source_name": "events", "df": df, "to": "online"});
    let reply = client.post("/push", body.to_string()).expect("answers");
    assert_eq!((reply.status, reply.text()), (200, ""));
}

fn ask(client: &mut Client, path: &str, body: &Json) -> Reply {
    client.post(path, body.to_string()).expect("answers")
}

fn good(client: &mut Client, path: &str, body: &Json) -> Json {
    let reply = ask(client, path, body);
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(reply.header("content-type"), Some("application/json"));
    reply.json()
}

fn refused(client: &mut Client, path: &str, body: &Json) -> (u16, Json) {
    let reply = ask(client, path, body);
    (reply.status, reply.json())
}

/// What was served and what the states are is what a backfill gives.
fn verified(project: &Project) -> String {
    let ran = project.run("verify");
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    ran.stdout
}

fn start(project: &Project) -> (Served, Client) {
    let served = Served::start(project, "");
    let client = served.client();
    (served, client)
}

const CHURN: &str = r#"{"entities": {"customer_id": ["c1"]}, "feature_service": "churn_v1"}"#;

/// Sends the head of a question and waits until the server asks for its body.
fn begun(served: &Served) -> Client {
    let mut client = served.client();
    let length = CHURN.len();
    let head = format!(
        "POST /get-online-features HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: {length}\r\n\r\n"
    );
    client.write(head.as_bytes()).expect("writes");
    assert_eq!(client.reply().expect("the server asks for the body").status, 100);
    client
}
