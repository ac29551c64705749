//! The same training set from an interpreter: neither the optimising compiler nor the machine code decides a bit.

use crate::support::{Project, churn_toml};

/// Several hundred events of few customers, at amounts whose sums round.
fn project() -> Project {
    let project = Project::new(&churn_toml(&["events.csv"], "", ""));
    let mut events = "customer_id,event_timestamp,event_type,amount\n".to_owned();
    for event in 0..600_u32 {
        let kind = ["purchase", "return", "view"][event as usize % 3];
        let (customer, amount) = (event * event % 11, f64::from(event) / 7.0 - 20.3);
        let (day, hour) = (1 + event / 24, event % 24);
        events += &format!("c{customer},2024-03-{day:02}T{hour:02}:00:00Z,{kind},{amount}\n");
    }
    project.write("events.csv", events);
    project
}

#[test]
fn interpreted_components_give_the_bits_of_compiled_ones() {
    let project = project();
    let digest = |words: &str| {
        let ran =
            project.run(&format!("backfill --service churn_v1 --at events --out t.parquet --format json {words}"));
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        let manifest = std::fs::read_to_string(project.path("t.parquet.manifest.json")).expect("is there");
        let manifest: serde_json::Value = serde_json::from_str(&manifest).expect("is JSON");
        assert_eq!(manifest["rows"], 600);
        manifest["output"]["sha256"].clone()
    };
    assert_eq!(digest("--interpret"), digest(""));
}
