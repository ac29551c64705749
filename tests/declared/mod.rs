//! Declared views, from the project file to proof: built without a compiler, equal to what the SDK gives, and held to what is declared.

mod latest;
mod stale;
mod wide;

use std::process::{Command, Stdio};

use expect_test::expect;

use crate::support::{Project, Ran, repository};

/// The churn example's view, declared.
const CHURN: &str = r#"
[project]
name = "churn"

[entities.customer]
keys = { customer_id = "text" }

[sources.events]
entity = "customer"
files = ["events.csv"]
event_time = "event_timestamp"

[sources.events.fields]
event_type = { type = "text", nullable = false }
amount = { type = "float64", nullable = false }

[views.activity]
sources = ["events"]

[views.activity.features]
purchase_count_30d = { count = "*", where = "event_type = 'purchase'", window = "30d" }
avg_purchase_value_90d = { mean = "amount", where = "event_type = 'purchase'", window = "90d" }
days_since_last_purchase = { days_since_last = "event_type = 'purchase'" }
return_rate_180d = { share = "event_type = 'return'", where = "event_type IN ('purchase', 'return')", window = "180d", default = 0.0 }

[services.churn_v1]
features = ["activity:*"]
"#;

/// The command line where there is no other program.
fn run_alone(project: &Project, words: &str) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_onepath"));
    command.args(words.split_whitespace()).current_dir(project.dir()).env("COLUMNS", "120");
    command.env("PATH", "/nowhere").env_remove("CARGO").env_remove("CARGO_HOME").env_remove("RUSTUP_HOME");
    let output = command.stdin(Stdio::null()).output().expect("the command runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("the command prints UTF-8");
    Ran {
        code: output.status.code().expect("the command ends by itself"),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

fn good(ran: Ran) -> String {
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    ran.stdout
}

fn copy_example(project: &Project, names: &[&str]) {
    for name in names {
        let file = repository().join("examples/churn/data").join(name);
        std::fs::copy(file, project.path(name)).expect("copies");
    }
}

/// The training set that the example's Rust makes, in bytes; then everything else, without cargo.
#[test]
fn the_churn_example_is_the_same_declared_and_needs_no_compiler() {
    let project = Project::new(CHURN);
    copy_example(&project, &["events.csv", "labels.csv", "today.ndjson"]);
    // A view that was never built is built when it is first used.
    let backfill = "backfill --service churn_v1 --spine labels.csv --as-of-column label_date --out training.csv";
    good(run_alone(&project, backfill));
    let read = |path| std::fs::read_to_string(path).expect("is there");
    let expected = read(repository().join("examples/churn/expected/training.csv"));
    assert!(read(project.path("training.csv")) == expected, "the training sets differ");

    good(run_alone(&project, "build"));
    let lock = read(project.path("onepath.lock"));
    for words in [
        "--locked backfill --service churn_v1 --spine labels.csv --as-of-column label_date --out training.csv",
        "--locked materialize --up-to 2024-12-31",
        "ingest --source events today.ndjson --arrived-at event-time",
        "get --service churn_v1 --entity customer_id=c207 --as-of 2024-12-31T12:00:00Z",
        "get --service churn_v1 --entity customer_id=c207 --as-of 2024-12-30T12:00:00Z",
        "get --service churn_v1 --entity customer_id=nobody --as-of 2025-01-31",
        "verify",
        "check activity --cases 200",
    ] {
        good(run_alone(&project, words));
    }
    assert!(read(project.path("training.csv")) == expected, "the training sets differ");
    good(run_alone(&project, "build"));
    assert_eq!(read(project.path("onepath.lock")), lock, "what is built again is the same");
}

#[test]
fn a_view_is_explained() {
    let project = Project::new(CHURN);
    project.write("events.csv", "customer_id,event_timestamp,event_type,amount\nc1,2024-03-01,purchase,2.5\n");
    let explained = good(run_alone(&project, "explain activity"));
    // How long a state is decides the component.
    let (words, state) = explained.split_once("\nstate:").expect("the last line");
    expect![[r#"
        activity@v1, declared

        purchase_count_30d: int64, of store 1
          number of events of `events` where event_type = 'purchase', in the closed 30 days before the as-of; never null

        avg_purchase_value_90d: float64 or null, of store 1
          mean of amount over events of `events` where event_type = 'purchase', in the closed 90 days before the as-of; null where there is none

        days_since_last_purchase: int64 or null, of store 2
          whole days since the latest event of `events` where event_type = 'purchase', of all time up to the as-of; null where there is none

        return_rate_180d: float64 or null, of store 3
          part for which event_type = 'return' is true, over events of `events` where event_type IN ('purchase', 'return'), in the closed 180 days before the as-of; 0.0 where it would be null

        kept of each entity:
          1. the time and amount of each event of the last 90 days where event_type = 'purchase'
          2. the latest time of all events where event_type = 'purchase'
          3. the time and event_type = 'return' of each event of the last 180 days where event_type IN ('purchase', 'return')
    "#]].assert_eq(words);
    let state = state.split(' ').nth(1).expect("a number");
    assert!(state.parse::<f64>().is_ok_and(|bytes| (8.0..10.0).contains(&bytes)), "{explained}");
    let json = good(run_alone(&project, "explain activity --format json"));
    let json: serde_json::Value = serde_json::from_str(&json).expect("is JSON");
    assert_eq!(json["features"][0]["stores"], serde_json::json!([1]));
    assert!(json["growth"]["bytes_per_event"].as_f64().is_some_and(|bytes| bytes > 0.0), "{json}");
    let built = good(run_alone(&project, "build"));
    assert!(built.contains("activity@v1: declared, 4 features; state: "), "{built}");
}

/// Fields that are not declared are those of the files; `build` declares them.
#[test]
fn fields_are_found_in_files_once() {
    let toml = CHURN.replace(
        "[sources.events.fields]\nevent_type = { type = \"text\", nullable = false }\namount = { type = \"float64\", nullable = false }\n",
        "",
    );
    let project = Project::new(&toml);
    project.write("events.csv", "customer_id,event_timestamp,event_type,amount\nc1,2024-03-01,purchase,2.5\n");
    let ran = run_alone(&project, "build");
    let told = "onepath.toml: declared [sources.events.fields] event_type, amount\n";
    assert_eq!((ran.code, ran.stderr.as_str()), (0, told));
    let ran =
        run_alone(&project, "get --service churn_v1 --entity customer_id=c1 --as-of 2024-03-02 --allow-unmaterialized");
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "it is not stale");

    // Of a source without files nothing can be found.
    project.write("onepath.toml", toml.replace("files = [\"events.csv\"]\n", ""));
    let ran = run_alone(&project, "build");
    assert_eq!(ran.code, 2);
    expect![[r#"
        error: onepath.toml:17:46: there is no event_type
           |
        17 | purchase_count_30d = { count = "*", where = "event_type = 'purchase'", window = "30d" }
           |                                              ^^^^^^^^^^ nothing has this name
           |
           = help: did you mean event_time? a field of events that no file has yet is declared under [sources.events.fields]
    "#]]
    .assert_eq(&ran.stderr);
}

/// At request time: a view without events, of the request, of features of another view, and of the as-of.
#[test]
fn a_question_is_computed_of_what_it_brings() {
    let project = Project::new(&format!(
        "{CHURN}{}",
        r#"
[views.offer]
request = { amount = "float64" }
inputs = ["activity:avg_purchase_value_90d as usual"]
[views.offer.features]
ratio = { expr = "amount / NULLIF(usual, 0)" }
hour = { expr = "EXTRACT(HOUR FROM as_of)" }
kind = { expr = "CASE WHEN ratio > 2 THEN 'large' WHEN ratio IS NULL THEN 'unknown' ELSE 'usual' END" }

[services.offer]
features = ["offer:*"]
"#
    ));
    project.write("events.csv", "customer_id,event_timestamp,event_type,amount\nc1,2024-03-01,purchase,2.5\n");
    project.write("spine.csv", "customer_id,as_of,amount\nc1,2024-03-02T13:30:00Z,10\nc2,2024-03-02T00:00:00Z,10\n");
    good(run_alone(&project, "build"));
    good(run_alone(&project, "backfill --service offer --spine spine.csv --out out.csv"));
    let out = std::fs::read_to_string(project.path("out.csv")).expect("is there");
    expect![[r#"
        customer_id,as_of,amount,ratio,hour,kind
        c1,2024-03-02T13:30:00Z,10.0,4.0,13,large
        c2,2024-03-02T00:00:00Z,10.0,,0,unknown
    "#]]
    .assert_eq(&out);
}

/// A project in several files is built, declared into and checked as one.
#[test]
fn a_project_may_have_several_files() {
    let (head, views) = CHURN.split_at(CHURN.find("[views.activity]").expect("is there"));
    let (head, sources) = head.split_at(head.find("[sources.events]").expect("is there"));
    let sources = sources.split("\n[sources.events.fields]").next().expect("is there");
    let project = Project::new(&format!("include = [\"sources/*.toml\", \"views/*.toml\"]\n{head}"));
    project.write("sources/events.toml", sources);
    project.write("views/churn.toml", views);
    project.write("events.csv", "customer_id,event_timestamp,event_type,amount\nc1,2024-03-01,purchase,2.5\n");
    let main = std::fs::read_to_string(project.path("onepath.toml")).expect("is there");
    good(run_alone(&project, "build"));
    let read = |name| std::fs::read_to_string(project.path(name)).expect("is there");
    assert_eq!(read("onepath.toml"), main);
    let declared = "\n[sources.events.fields]\nevent_type = \"text\"\namount = \"float64\"\n";
    assert_eq!(read("sources/events.toml"), format!("{sources}{declared}"));
    project.write("views/churn.toml", views.replace("event_type = 'return'\"", "event_typ = 'return'\""));
    let ran = run_alone(&project, "build");
    assert!(ran.code == 2 && ran.stderr.starts_with("error: views/churn.toml:8:"), "{}", ran.stderr);
}
