//! The reader of `host/docs/FORMAT.md`, run as it stands there.

use std::process::Command;

use serde_json::{Value as Json, json};

use super::{get, served_one};
use crate::support::repository;

/// Reads what was served with the page's own program, where there is a Python to run it.
#[test]
fn the_reader_of_the_page_reads_what_was_served() {
    let project = served_one();
    let mut store = project.open();
    let answers: Vec<_> = ["b", "nobody"].iter().map(|entity| get(&mut store, entity, None)).collect();
    drop(store);
    let page = std::fs::read_to_string(repository().join("host/docs/FORMAT.md")).expect("the page is there");
    let program = page.split("```python\n").nth(1).and_then(|rest| rest.split("```").next()).expect("it has a program");
    let served = project.path(".onepath/served.sqlite");
    let Ok(ran) = Command::new("python3").args(["-c", program]).arg(&served).output() else {
        println!("there is no python3: the program was not run");
        return;
    };
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let lines = String::from_utf8(ran.stdout).expect("is text");
    let vectors: Vec<Json> = lines.lines().map(|line| serde_json::from_str(line).expect("is JSON")).collect();
    assert_eq!(vectors.len(), 3);
    assert_eq!(vectors[0]["as_of"], json!(crate::support::at("2024-01-03")));
    assert_eq!(vectors[0]["customer_id"], json!("a"));
    assert_eq!(vectors[0]["activity@v1:avg_purchase_value_90d"], json!((10.1 + 20.2) / 2.0));
    for (vector, answer) in vectors[1..].iter().zip(&answers) {
        for (feature, value) in answer.references.iter().zip(&answer.values) {
            let (view, name) = feature.split_once(':').expect("is a reference");
            let read = &vector[&format!("{}@v1:{name}", view.trim_end_matches("@v1"))];
            let told = read.as_str().map_or_else(|| read.to_string(), str::to_owned);
            assert_eq!(told, value.to_string(), "{feature}");
        }
    }
}
