//! A view that reads events, a feature of another view and the request at once: pushed to and asked by turns, the same bits as
//! a backfill over the log.

use crate::support::{DAY, Project, Random, at, component};

const PROJECT: &str = r#"
[project]
name = "everything"
[entities.customer]
keys = { customer_id = "text" }
[sources.events]
entity = "customer"
event_time = "event_timestamp"
[views.activity]
sources = ["events"]
transform = "CHURN"
[views.against]
sources = ["events"]
inputs = ["activity:purchase_count_30d", "request:cart_value"]
transform = "AGAINST"
[services.all]
features = ["against:share", "activity:purchase_count_30d"]
"#;

fn good(project: &Project, words: &str) -> String {
    let ran = project.run(words);
    assert_eq!(ran.code, 0, "{words}\n{}", ran.stderr);
    ran.stdout
}

#[test]
fn a_view_of_events_inputs_and_the_request() {
    let against = component("tests/transforms/against").display().to_string();
    let project = Project::new(&PROJECT.replace("AGAINST", &against));
    let mut random = Random::new(5);
    let (mut spine, mut served) = ("customer_id,asked_at,cart_value\n".to_owned(), Vec::new());
    for day in 0..24 {
        let (customer, amount) = (random.below(3), random.below(500) as f64 / 7.0);
        let time = onepath::time::format_time(at("2024-01-01") + 3 * day * DAY);
        let event = format!(
            r#"{{"customer_id": "c{customer}", "event_timestamp": "{time}", "event_type": "purchase", "amount": {amount:?}}}"#
        );
        project.write("push.ndjson", format!("{event}\n"));
        good(&project, "ingest --source events push.ndjson --arrived-at event-time");
        let (customer, cart) = (random.below(4), random.below(300) as f64 / 11.0);
        let get = format!(
            "get --format json --service all --entity customer_id=c{customer} --request cart_value={cart:?} --as-of {time}"
        );
        let vector: serde_json::Value = serde_json::from_str(&good(&project, &get)).expect("is JSON");
        assert_eq!(vector["replayed"], false);
        let value = |feature: usize| match &vector["features"][feature]["value"] {
            serde_json::Value::Null => String::new(),
            value => value.to_string(),
        };
        served.push(format!("{},{}", value(0), value(1)));
        spine.push_str(&format!("c{customer},{time},{cart:?}\n"));
    }
    assert!(served.iter().any(|line| line.starts_with(',')) && served.iter().any(|line| line.starts_with("0.")));
    project.write("spine.csv", spine);
    for way in ["--threads 1 --batch-rows 1", "--threads 2 --batch-rows 5", ""] {
        let words = format!("backfill --service all --spine spine.csv --as-of-column asked_at --out out.csv {way}");
        good(&project, &words);
        let text = std::fs::read_to_string(project.path("out.csv")).expect("was written");
        let found: Vec<&str> =
            text.lines().skip(1).map(|line| line.splitn(4, ',').nth(3).unwrap_or_default()).collect();
        assert_eq!(found, served, "{way}");
    }
    let proof = good(&project, "verify");
    assert!(proof.starts_with("verified 24 served vectors (48 values): 0 differences\n"), "{proof}");
}
