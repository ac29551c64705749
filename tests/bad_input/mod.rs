//! What a person reads when something is wrong, word for word: the whole of standard error, exit code 2, and nothing
//! written, neither an output nor a part of one.

mod arguments;
mod defaults;
mod entities;
mod files;
mod online;
mod output;
mod planning;
mod project;
mod selection;
mod spine;

use expect_test::{Expect, expect};

use crate::support::{Project, churn_toml};

const EVENTS: &str = "\
customer_id,event_type,amount,event_timestamp
c1,purchase,10,2024-01-01
c1,purchase,20,2024-01-02
c2,view,0,2024-01-03
c1,return,5,2024-01-04
c2,purchase,7,2024-01-05
c1,purchase,30,2024-01-06
c1,purchase,40,2024-01-07
";

const LABELS: &str = "customer_id,label_date,churned\nc1,2024-02-01,0\nc2,2024-02-01,1\n";

const BACKFILL: &str = "backfill --service churn_v1 --spine labels.csv --as-of-column label_date --out out.csv";

/// A good project, which each test spoils.
fn project() -> Project {
    let project = Project::churn(&["events.csv"], "", "");
    project.write("events.csv", EVENTS);
    project.write("labels.csv", LABELS);
    project
}

/// The command fails with this message, and leaves the project's files as they were.
fn check(project: &Project, words: &str, expected: Expect) {
    let before = project.files();
    let ran = project.run(words);
    assert_eq!(ran.code, 2, "{words}\n{}{}", ran.stdout, ran.stderr);
    assert_eq!(ran.stdout, "");
    expected.assert_eq(&ran.stderr);
    assert_eq!(project.files(), before, "{words}: files were left behind");
}

/// The same, where the command may have made the stores before it failed.
fn check_online(project: &Project, words: &str, expected: Expect) {
    let ran = project.run(words);
    assert_eq!(ran.code, 2, "{words}\n{}{}", ran.stdout, ran.stderr);
    assert_eq!(ran.stdout, "");
    expected.assert_eq(&masked(&ran.stderr));
    let is_store = |file: &String| file.starts_with(".onepath/");
    let strays: Vec<String> = project.files().into_iter().filter(|file| !is_store(file)).collect();
    let known = ["events.csv", "labels.csv", "onepath.toml", "push.ndjson"];
    assert!(strays.iter().all(|file| known.contains(&file.as_str())), "{strays:?}");
}

#[test]
fn the_good_project_is_good() {
    let project = project();
    let ran = project.run(BACKFILL);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    let out = std::fs::read_to_string(project.path("out.csv")).expect("was written");
    expect![[r#"
        customer_id,label_date,churned,purchase_count_30d,avg_purchase_value_90d,days_since_last_purchase,return_rate_180d
        c1,2024-02-01T00:00:00Z,0,3,25.0,25,0.2
        c2,2024-02-01T00:00:00Z,1,1,7.0,27,0.0
    "#]].assert_eq(&out);
}

/// The churn project with a view that reads a request field.
fn cart_project() -> Project {
    let project = project();
    let cart = "[views.cart]\ninputs = [\"activity:purchase_count_30d\", \"request:cart_value\"]\ntransform = \"CART\"\n\
                [services.checkout]\nfeatures = [\"cart:*\"]\n";
    project.configure(&format!("{}{cart}", churn_toml(&["events.csv"], "", "")));
    project
}

/// The text with the time of the machine's clock, after `its arrival` or `it is`, as NOW.
fn masked(text: &str) -> String {
    let mut text = text.to_owned();
    for before in ["its arrival 2", "it is 2"] {
        if let Some(at) = text.find(before) {
            let start = at + before.len() - 1;
            let end = text[start..].find('Z').map_or(text.len(), |length| start + length + 1);
            text.replace_range(start..end, "NOW");
        }
    }
    text
}
