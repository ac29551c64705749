//! Defaults of features, and times to live of single ones, from every door.

use expect_test::expect;
use serde_json::{Value, json};

use crate::support::{Project, Ran, Served};

const PROJECT: &str = r#"[project]
name = "defaults"
[limits]
call_ms_max = 500
[entities.customer]
keys = { customer_id = "text" }
[sources.events]
entity = "customer"
files = ["events.csv"]
event_time = "event_timestamp"
[views.activity]
sources = ["events"]
transform = "CHURN"
[views.activity.features]
purchase_count_30d = { default = 5, ttl = "60d" }
avg_purchase_value_90d = { default = 1 }
days_since_last_purchase = { default = -1, owner = "me" }
[views.cart]
inputs = ["activity:purchase_count_30d", "request:cart_value"]
transform = "CART"
features.cart_per_purchase.default = nan
[services.all]
features = ["activity:*", "cart:*"]
"#;

/// Asked about as of March: c1 has bought lately, c2 only looked lately, c3 bought long ago, and nobody has c4.
const EVENTS: &str = "customer_id,event_type,amount,event_timestamp\n\
                      c1,purchase,10.5,2024-02-28\n\
                      c2,view,0,2024-02-28\n\
                      c3,purchase,4,2023-11-01\n";

const AS_OF: &str = "2024-03-01T00:00:00Z";

const BACKFILL: &str = "backfill --service all --spine spine.csv --out out.csv";

/// What each customer has: values and statuses, the same from every door.
fn expected() -> [(&'static str, Value, Value); 4] {
    [
        ("c1", json!([1, 10.5, 2, 0.0, 3.0]), json!(["PRESENT", "PRESENT", "PRESENT", "PRESENT", "PRESENT"])),
        (
            "c2",
            json!([0, 1.0, -1, 0.0, "NaN"]),
            json!(["PRESENT", "NULL_VALUE", "NULL_VALUE", "PRESENT", "NULL_VALUE"]),
        ),
        // The count that the cart reads is the default: 3 / 5.
        (
            "c3",
            json!([5, 1.0, 121, 0.0, 0.6]),
            json!(["OUTSIDE_MAX_AGE", "NULL_VALUE", "PRESENT", "PRESENT", "PRESENT"]),
        ),
        // A count of nothing is a value.
        (
            "c4",
            json!([0, 1.0, -1, 0.0, "NaN"]),
            json!(["NOT_FOUND", "NOT_FOUND", "NOT_FOUND", "NOT_FOUND", "NULL_VALUE"]),
        ),
    ]
}

fn project() -> Project {
    let project = Project::new(PROJECT);
    project.write("events.csv", EVENTS);
    let rows: String = expected().iter().map(|(customer, ..)| format!("{customer},{AS_OF},3\n")).collect();
    project.write("spine.csv", format!("customer_id,as_of,cart_value\n{rows}"));
    project
}

#[track_caller]
fn good(project: &Project, words: &str) -> Ran {
    let ran = project.run(words);
    assert_eq!(ran.code, 0, "{words}\n{}{}", ran.stdout, ran.stderr);
    ran
}

#[test]
fn a_training_set_has_them() {
    let project = project();
    let ran = good(&project, BACKFILL);
    expect![[r#"
        customer_id,as_of,cart_value,purchase_count_30d,avg_purchase_value_90d,days_since_last_purchase,return_rate_180d,cart_per_purchase
        c1,2024-03-01T00:00:00Z,3.0,1,10.5,2,0.0,3.0
        c2,2024-03-01T00:00:00Z,3.0,0,1.0,-1,0.0,NaN
        c3,2024-03-01T00:00:00Z,3.0,5,1.0,121,0.0,0.6
        c4,2024-03-01T00:00:00Z,3.0,0,1.0,-1,0.0,NaN
    "#]]
    .assert_eq(&std::fs::read_to_string(project.path("out.csv")).expect("an output"));
    assert!(!ran.stdout.contains("nulls:"), "{}", ran.stdout);
    let manifest = std::fs::read(project.path("out.csv.manifest.json")).expect("a manifest");
    let manifest: Value = serde_json::from_slice(&manifest).expect("JSON");
    let views = &manifest["views"];
    assert_eq!(
        views[0]["defaults"],
        json!({"purchase_count_30d": 5, "avg_purchase_value_90d": 1.0, "days_since_last_purchase": -1})
    );
    assert_eq!(views[0]["feature_ttls"], json!({"purchase_count_30d": "60d"}));
    assert_eq!(views[1]["defaults"], json!({"cart_per_purchase": "NaN"}));
    assert_eq!(views[0]["parts"]["default of avg_purchase_value_90d"], "1.0");
    assert_eq!(views[0]["parts"]["ttl of purchase_count_30d"], "60d");
}

#[test]
fn every_door_gives_the_default_and_the_status_of_the_null() {
    let project = project();
    good(&project, "materialize");
    let served = Served::start(&project, "");
    let mut client = served.client();
    let customers: Vec<&str> = expected().iter().map(|(customer, ..)| *customer).collect();
    let body =
        json!({"service": "all", "as_of": AS_OF, "inputs": {"customer_id": customers, "cart_value": [3, 3, 3, 3]}});
    let typed = client.post("/v1/features", body.to_string()).expect("answers").json();
    // Feast's route has no as-of: it is asked now, when everything has expired.
    let body = json!({"feature_service": "all", "entities": {"customer_id": ["c1", "c4"], "cart_value": [3, 3]}});
    let feast = client.post("/get-online-features", body.to_string()).expect("answers").json();
    let views = client.get("/v1/views").expect("answers").json();
    served.stop(&project);
    for (row, (customer, values, statuses)) in expected().iter().enumerate() {
        for at in 0..5 {
            let feature = &typed["features"][at];
            let found = (&feature["values"][row], &feature["statuses"][row]);
            assert_eq!(found, (&values[at], &statuses[at]), "{customer}: {typed}");
        }
        let get = format!(
            "get --format json --service all --entity customer_id={customer} --request cart_value=3 --as-of {AS_OF}"
        );
        let answer: Value = serde_json::from_str(&good(&project, &get).stdout).expect("JSON");
        for at in 0..5 {
            let feature = &answer["features"][at];
            assert_eq!((&feature["value"], &feature["status"]), (&values[at], &statuses[at]), "{answer}");
        }
    }
    assert_eq!(feast["results"][1]["values"], json!([5, 0]));
    assert_eq!(feast["results"][1]["statuses"], json!(["OUTSIDE_MAX_AGE", "NOT_FOUND"]));
    assert_eq!(feast["results"][2]["values"], json!([1.0, 1.0]));
    assert_eq!(feast["results"][2]["statuses"], json!(["NULL_VALUE", "NOT_FOUND"]));
    assert_eq!(views["views"][0]["defaults"]["days_since_last_purchase"], -1);
    assert_eq!(views["views"][0]["feature_ttls"], json!({"purchase_count_30d": "60d"}));
    // What was served is proved with the defaults that it was served with, whatever they are now.
    let proof = good(&project, "verify").stdout;
    assert!(proof.starts_with("verified 10 served vectors (50 values): 0 differences\n"), "{proof}");
    project.configure(&PROJECT.replace("default = 5, ttl = \"60d\"", "default = 6, ttl = \"1d\""));
    good(&project, "materialize");
    let proof = good(&project, "verify").stdout;
    assert!(proof.starts_with("verified 10 served vectors (50 values): 0 differences\n"), "{proof}");
}

/// No answer is not the answer that there is no value.
#[test]
fn a_failure_is_null_whatever_the_default() {
    let project = project();
    let [c1, c2] = ["c1", "c2"].map(|customer| format!("{customer},{AS_OF}"));
    project.write("spine.csv", format!("customer_id,as_of,cart_value\n{c1},-7e77\n{c1},3\n{c2},3\n"));
    let ran = good(&project, &format!("{BACKFILL} --on-error null"));
    assert!(ran.stdout.contains("1 rows had no answer"), "{}", ran.stdout);
    let text = std::fs::read_to_string(project.path("out.csv")).expect("an output");
    let last: Vec<&str> = text.lines().skip(1).filter_map(|line| line.rsplit(',').next()).collect();
    assert_eq!(last, ["", "3.0", "NaN"], "{text}");
}

#[test]
fn a_default_that_is_never_used_is_told() {
    let project = project();
    project.configure(
        &PROJECT.replace("purchase_count_30d = { default = 5, ttl = \"60d\" }", "purchase_count_30d.default = 5"),
    );
    let ran = good(&project, BACKFILL);
    let expected = "view activity@v1: the default of feature purchase_count_30d is never used: its transform gives no null, and it \
                    has no ttl; remove it";
    assert!(ran.stderr.contains(expected), "{}", ran.stderr);
    let text = std::fs::read_to_string(project.path("out.csv")).expect("an output");
    assert!(text.contains("c3,2024-03-01T00:00:00Z,3.0,0,1.0,121,0.0,NaN\n"), "{text}");
}
