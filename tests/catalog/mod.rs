//! What a project has, as it is found: `list`, `describe`, `lineage`, and the same under `/v1`.

mod markers;

use std::process::Command;

use expect_test::{Expect, expect};
use serde_json::Value;

use crate::support::{Project, Ran, Served};

/// A declared project, whose view and service have one name, with two versions of a view and a view over another.
const PROJECT: &str = r#"
[project]
name = "shop"
[entities.customer]
keys = { customer_id = "text" }
description = "Somebody who buys."
[sources.events]
entity = "customer"
files = ["events.csv"]
event_time = "at"
owner = "platform"
[sources.events.fields]
kind = { type = "text", nullable = false, description = "What was done: purchase, view or return." }
amount = { type = "float64", nullable = false }
[views.activity]
sources = ["events"]
owner = "growth"
freshness = "24h"
description = "What a customer bought lately."
tags = { model = "churn" }
[views.activity.features]
purchases_30d = { count = "*", where = "kind = 'purchase'", window = "30d" }
mean_90d = { mean = "amount", where = "kind = 'purchase'", window = "90d", owner = "risk", description = "Mean value of a purchase." }
[views."activity@v2"]
sources = ["events"]
[views."activity@v2".features]
purchases_30d = { count = "*", where = "kind = 'purchase'", window = "30d" }
[views.offer]
inputs = ["activity@v1:mean_90d", "request:cart"]
[views.offer.features]
cart_per_mean = { expr = "cart / mean_90d" }
[services.activity]
features = ["activity@v1:purchases_30d", "offer:*"]
owner = "growth"
description = "What the churn model reads."
[request.fields]
cart = "float64"
"#;

const EVENTS: &str = "customer_id,at,kind,amount\nc1,2024-01-01,purchase,10\nc2,2024-01-02,view,0\n";

const LABELS: &str = "customer_id,label_date,cart\nc1,2024-02-01,5\nc2,2024-02-01,1\n";

const BACKFILL: &str = "backfill --service activity --spine labels.csv --as-of-column label_date";

fn project() -> Project {
    let project = Project::new(PROJECT);
    project.write("events.csv", EVENTS);
    project.write("labels.csv", LABELS);
    project
}

/// A view with parameters, whose component is built for the tests.
fn view_of_parameters() -> &'static str {
    "[views.scaled]\nsources = [\"visits\"]\ntransform = \"SCALED\"\nparameters = { factor = 7009.0 }\n"
}

/// Runs the command line in a terminal of so many columns.
fn run_at(project: &Project, columns: usize, words: &str) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_onepath"));
    command.args(words.split_whitespace()).current_dir(project.dir()).env("COLUMNS", columns.to_string());
    let output = command.output().expect("the command runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("the command prints UTF-8");
    Ran {
        code: output.status.code().expect("ends by itself"),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

/// The output of a command that succeeds, where lines are never folded.
fn good(project: &Project, words: &str) -> String {
    let ran = run_at(project, 4_000, words);
    assert_eq!(ran.code, 0, "{words}: {}", ran.stderr);
    ran.stdout
}

fn json_of(project: &Project, words: &str) -> Value {
    serde_json::from_str(&good(project, &format!("{words} --format json"))).expect("JSON")
}

fn refused(project: &Project, words: &str) -> String {
    let ran = run_at(project, 120, words);
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{words}");
    ran.stderr
}

/// What is printed, at a width that it keeps to.
fn check_at(project: &Project, columns: usize, words: &str, expected: &Expect) {
    let ran = run_at(project, columns, words);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{words}");
    let widest = ran.stdout.lines().map(|line| line.chars().count()).max().unwrap_or(0);
    assert!(widest <= columns, "{words}: a line has {widest} columns\n{}", ran.stdout);
    expected.assert_eq(&masked(&ran.stdout));
}

/// A text without digests, which another standard component changes.
fn masked(text: &str) -> String {
    let is_digest = |word: &str| word.len() == 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let word =
        |word: &str| if is_digest(word.trim_end()) { word.replace(word.trim_end(), "DIGEST") } else { word.to_owned() };
    text.split_inclusive([' ', '\n']).map(word).collect()
}

/// The names in a list.
fn names(listing: &Value, kind: &str, name: &str) -> Vec<String> {
    let entries = listing[kind].as_array().expect("a list");
    entries.iter().map(|entry| entry[name].as_str().expect("a name").to_owned()).collect()
}

#[test]
fn features_are_listed_at_any_width() {
    let project = project();
    check_at(
        &project,
        80,
        "list features",
        &expect![[r#"
        ┌──────────────────────────────────────────────────────────────────────────────┐
        │ feature                     type      owner    what it is                    │
        ╞══════════════════════════════════════════════════════════════════════════════╡
        │ activity@v1:purchases_30d   int64     growth   number of events of `events`  │
        │                                                where kind = 'purchase', in   │
        │                                                the closed 30 days before the │
        │                                                as-of; never null             │
        │                                                [model=churn]                 │
        │ activity@v1:mean_90d        float64   risk     Mean value of a purchase.     │
        │                                                [model=churn]                 │
        │ activity@v2:purchases_30d   int64              number of events of `events`  │
        │                                                where kind = 'purchase', in   │
        │                                                the closed 30 days before the │
        │                                                as-of; never null             │
        │ offer:cart_per_mean         float64            cart / mean_90d, of each      │
        │                                                question; null where the      │
        │                                                expression is                 │
        └──────────────────────────────────────────────────────────────────────────────┘
        4 features
    "#]],
    );
    check_at(
        &project,
        120,
        "list features",
        &expect![[r#"
        ┌──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────┐
        │ feature                     type      owner    what it is                                                            │
        ╞══════════════════════════════════════════════════════════════════════════════════════════════════════════════════════╡
        │ activity@v1:purchases_30d   int64     growth   number of events of `events` where kind = 'purchase', in the closed   │
        │                                                30 days before the as-of; never null [model=churn]                    │
        │ activity@v1:mean_90d        float64   risk     Mean value of a purchase. [model=churn]                               │
        │ activity@v2:purchases_30d   int64              number of events of `events` where kind = 'purchase', in the closed   │
        │                                                30 days before the as-of; never null                                  │
        │ offer:cart_per_mean         float64            cart / mean_90d, of each question; null where the expression is       │
        └──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────┘
        4 features
    "#]],
    );
    check_at(
        &project,
        80,
        "list services",
        &expect![[r#"
        ┌────────────────────────────────────────────────────────────┐
        │ service    features   owner    what it is for              │
        ╞════════════════════════════════════════════════════════════╡
        │ activity   2          growth   What the churn model reads. │
        └────────────────────────────────────────────────────────────┘
        1 service
    "#]],
    );
    check_at(
        &project,
        80,
        "list entities",
        &expect![[r#"
        ┌──────────────────────────────────────────────────┐
        │ entity     keys               what it is         │
        ╞══════════════════════════════════════════════════╡
        │ customer   customer_id text   Somebody who buys. │
        └──────────────────────────────────────────────────┘
        1 entity
    "#]],
    );
}

#[test]
fn what_is_listed_is_what_was_looked_for() {
    let project = project();
    let features = |words: &str| names(&json_of(&project, &format!("list features {words}")), "features", "name");
    assert_eq!(features(""), ["purchases_30d", "mean_90d", "purchases_30d", "cart_per_mean"]);
    assert_eq!(features("--owner risk"), ["mean_90d"]);
    assert_eq!(features("--tag model"), ["purchases_30d", "mean_90d"]);
    assert_eq!(features("--tag model=churn --owner growth"), ["purchases_30d"]);
    assert_eq!(features("--tag model=fraud"), [""; 0]);
    // Words of the declaration, the description and the owner, in whatever case.
    assert_eq!(features("--search MEAN"), ["mean_90d", "cart_per_mean"]);
    let found = project.run_with(&["list", "features", "--search", "risk value", "--format", "json"], "");
    assert_eq!(names(&serde_json::from_str(&found.stdout).expect("JSON"), "features", "name"), ["mean_90d"]);
    assert_eq!(names(&json_of(&project, "list sources --owner platform"), "sources", "source"), ["events"]);
    assert_eq!(good(&project, "list sources --owner nobody"), "no sources that meet this\n");
    assert_eq!(good(&project, "list training-sets"), "no training sets in this project\n");
    expect!["error: entities have no owner: features, views, services and sources do\n"]
        .assert_eq(&refused(&project, "list entities --owner x"));
    expect!["error: sources promise no freshness: features, views and services do\n"]
        .assert_eq(&refused(&project, "list sources --stale"));
}

#[test]
fn names_mean_one_thing_or_it_is_said_which() {
    let project = project();
    for (name, kind, member, value) in [
        ("events", "source", "source", "events"),
        ("customer", "entity", "entity", "customer"),
        ("view:activity", "view", "view", "activity@v2"),
        ("activity@v1", "view", "view", "activity@v1"),
        ("service:activity", "service", "service", "activity"),
        ("activity@v1:mean_90d", "feature", "feature", "activity@v1:mean_90d"),
        ("activity:purchases_30d", "feature", "feature", "activity@v2:purchases_30d"),
        ("feature:offer:cart_per_mean", "feature", "feature", "offer@v1:cart_per_mean"),
        // By its name alone, of the highest version that has it.
        ("purchases_30d", "feature", "feature", "activity@v2:purchases_30d"),
        ("mean_90d", "feature", "feature", "activity@v1:mean_90d"),
    ] {
        let described = json_of(&project, &format!("describe {name}"));
        assert_eq!((&described["kind"], &described[member]), (&kind.into(), &value.into()), "{name}");
    }
    expect![[r#"
        error: "activity" is the name of a view and a service: write view:activity or service:activity
    "#]]
    .assert_eq(&refused(&project, "describe activity"));
    expect![[r#"
        error: unknown name "mean90d": did you mean "mean_90d"? known names: activity, offer, events, customer, purchases_30d, mean_90d, cart_per_mean
    "#]]
    .assert_eq(&refused(&project, "describe mean90d"));
    expect![[r#"
        error: unknown feature "activity:mean_90": did you mean "activity@v1:mean_90d"? known features: activity@v1:purchases_30d, activity@v1:mean_90d, activity@v2:purchases_30d, offer:cart_per_mean
    "#]]
    .assert_eq(&refused(&project, "describe feature:activity:mean_90"));
    expect![[r#"
        error: unknown view "ofer": did you mean "offer"? known views: activity, offer
    "#]]
    .assert_eq(&refused(&project, "lineage view:ofer"));
}

#[test]
fn a_feature_and_a_view_are_described_in_words() {
    let project = project();
    check_at(
        &project,
        100,
        "describe mean_90d",
        &expect![[r#"
        feature activity@v1:mean_90d
          description   Mean value of a purchase.
          made          mean of amount over events of `events` where kind = 'purchase', in the closed 90
                        days before the as-of; null where there is none
          window        in the closed 90 days before the as-of
          type          float64 or null
          view          activity@v1
          entity        customer
          owner         risk
          tags          model=churn
          freshness     1d, NOT KEPT: no event yet
          newest event  none yet: nothing was materialized or pushed

        made of
          events.kind
          events.amount

        read by
          view offer@v1
    "#]],
    );
    check_at(
        &project,
        100,
        "describe offer",
        &expect![[r#"
        view offer@v1
          entity        customer
          inputs        activity@v1:mean_90d, request:cart
          transform     declared
          component     DIGEST
          made by       author's 0.1.0, states v1
          newest event  none yet: nothing was materialized or pushed

        features
          cart_per_mean: float64; cart / mean_90d, of each question; null where the expression is

        reads of requests
          cart: float64 or null

        read by
          service activity
    "#]],
    );
    check_at(
        &project,
        100,
        "describe service:activity",
        &expect![[r#"
        service activity
          description  What the churn model reads.
          owner        growth
          gives        activity@v1:purchases_30d, offer:*
          freshness    STALE: a feature is older than promised, or had no event yet

        a question brings
          customer_id: text, a key
          cart: float64 or null

        features
          activity@v1:purchases_30d: int64 (of activity@v1)
          offer:cart_per_mean: float64 (of offer@v1)

        views
          activity@v1, component DIGEST
          offer@v1, component DIGEST
    "#]],
    );
}

#[test]
fn lineage_leads_from_columns_to_training_sets() {
    let project = project();
    good(&project, &format!("{BACKFILL} --out training.csv"));
    check_at(
        &project,
        100,
        "lineage mean_90d",
        &expect![[r#"
          column        events.amount
                          -> activity@v1:mean_90d
          column        events.kind
                          -> activity@v1:mean_90d
        > feature       activity@v1:mean_90d
                          -> offer@v1:cart_per_mean
          feature       offer@v1:cart_per_mean
                          -> activity
          service       activity
                          -> training.csv
          training set  training.csv
    "#]],
    );
    // What would be touched by a change of the column; the count does not read it.
    check_at(
        &project,
        100,
        "lineage events.amount",
        &expect![[r#"
        > column        events.amount
                          -> activity@v1:mean_90d
          feature       activity@v1:mean_90d
                          -> offer@v1:cart_per_mean
          feature       offer@v1:cart_per_mean
                          -> activity
          service       activity
                          -> training.csv
          training set  training.csv
    "#]],
    );
    expect![[r#"
        digraph "activity@v1" {
            rankdir=LR;
            node [shape=box, fontname="sans-serif"];
            "service:activity" [label="activity", shape=component];
            "training-set:training.csv" [label="training.csv", shape=note];
            subgraph cluster_0 {
                label="source events";
                "column:events.amount" [label="amount"];
                "column:events.kind" [label="kind"];
            }
            subgraph cluster_1 {
                label="view activity@v1";
                "feature:activity@v1:mean_90d" [label="mean_90d", penwidth=2];
                "feature:activity@v1:purchases_30d" [label="purchases_30d", penwidth=2];
            }
            subgraph cluster_2 {
                label="view offer@v1";
                "feature:offer@v1:cart_per_mean" [label="cart_per_mean"];
            }
            "column:events.amount" -> "feature:activity@v1:mean_90d";
            "column:events.kind" -> "feature:activity@v1:mean_90d";
            "column:events.kind" -> "feature:activity@v1:purchases_30d";
            "feature:activity@v1:mean_90d" -> "feature:offer@v1:cart_per_mean";
            "feature:activity@v1:purchases_30d" -> "service:activity";
            "feature:offer@v1:cart_per_mean" -> "service:activity";
            "service:activity" -> "training-set:training.csv";
        }
    "#]]
    .assert_eq(&good(&project, "lineage activity@v1 --format dot"));
    let lineage = json_of(&project, "lineage training.csv");
    assert_eq!(lineage["of"], serde_json::json!(["training-set:training.csv"]));
    let names: Vec<&str> =
        lineage["nodes"].as_array().expect("nodes").iter().filter_map(|n| n["name"].as_str()).collect();
    assert_eq!(
        names,
        [
            "events.amount",
            "events.kind",
            "request:cart",
            "activity@v1:mean_90d",
            "activity@v1:purchases_30d",
            "offer@v1:cart_per_mean",
            "activity",
            "training.csv"
        ]
    );
    expect!["error: --format dot is of `onepath lineage` alone: give text or json\n"]
        .assert_eq(&refused(&project, "list views --format dot"));
}

#[test]
fn a_backfill_notes_its_training_set() {
    let project = project();
    let noted = |project: &Project| names(&json_of(project, "list training-sets"), "training_sets", "path");
    good(&project, &format!("{BACKFILL} --out training.csv"));
    good(&project, &format!("{BACKFILL} --out training.csv"));
    good(
        &project,
        "backfill --features activity@v1:mean_90d --spine labels.csv --as-of-column label_date --out deep.parquet",
    );
    // One within the project's own folder is for a moment.
    good(&project, &format!("{BACKFILL} --out .onepath/passing.csv"));
    let mut paths = noted(&project);
    paths.sort();
    assert_eq!(paths, ["deep.parquet", "training.csv"]);
    let set = json_of(&project, "describe training.csv");
    let manifest = std::fs::read(project.path("training.csv.manifest.json")).expect("a manifest");
    assert_eq!(set["manifest_sha256"], sha256(&manifest));
    assert_eq!((&set["rows"], &set["service"], &set["is_there"]), (&2.into(), &"activity".into(), &true.into()));
    let manifest: Value = serde_json::from_slice(&manifest).expect("JSON");
    assert_eq!(set["features"], manifest["features"]);
    let readers = &json_of(&project, "describe mean_90d")["readers"];
    assert_eq!(readers["training_sets"], serde_json::json!(["deep.parquet"]));
    assert_eq!(readers["views"], serde_json::json!(["offer@v1"]));
    let readers = &json_of(&project, "describe activity@v1")["readers"];
    assert_eq!(readers["training_sets"].as_array().map(Vec::len), Some(2));
    assert_eq!(readers["services"], serde_json::json!(["activity"]));

    // What made it is another one now, and it is gone.
    project.configure(&PROJECT.replace("window = \"90d\"", "window = \"91d\""));
    good(&project, "build");
    std::fs::remove_file(project.path("training.csv.manifest.json")).expect("removes");
    let set = json_of(&project, "describe training.csv");
    assert_eq!((&set["changed_views"], &set["is_there"]), (&serde_json::json!(["activity@v1"]), &false.into()));
}

fn sha256(bytes: &[u8]) -> String {
    use std::fmt::Write;
    let mut text = String::new();
    for byte in <sha2::Sha256 as sha2::Digest>::digest(bytes) {
        write!(text, "{byte:02x}").expect("writes to a text");
    }
    text
}

#[test]
fn a_note_that_cannot_be_written_or_read_is_told_and_stops_nothing() {
    let project = project();
    // A file where the folder would be.
    project.write(".onepath/training-sets", "");
    let ran = run_at(&project, 120, &format!("{BACKFILL} --out training.csv"));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("warning: training.csv is not noted as a training set of this project"),
        "{}",
        ran.stderr
    );
    assert!(project.path("training.csv.manifest.json").exists());
    std::fs::remove_file(project.path(".onepath/training-sets")).expect("removes");
    good(&project, &format!("{BACKFILL} --out training.csv"));
    let note = std::fs::read_dir(project.path(".onepath/training-sets")).expect("is there").next().expect("a note");
    let note = note.expect("a note").path();
    let text = std::fs::read_to_string(&note).expect("reads").replace("\"rows\":2", "\"rows\":3");
    std::fs::write(&note, text).expect("writes");
    let ran = run_at(&project, 120, "list training-sets");
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "no training sets in this project\n"));
    assert!(ran.stderr.contains("is not as it was written: delete it, and run its backfill again"), "{}", ran.stderr);
}

#[test]
fn what_is_older_than_promised_is_stale() {
    let toml = PROJECT.replace(
        "[request.fields]",
        "[views.young]\nsources = [\"events\"]\nlatest = [\"kind\"]\nfreshness = \"99999d\"\n[request.fields]",
    );
    let project = project();
    project.configure(&toml);
    let stale = |words: &str| names(&json_of(&project, &format!("list views --stale {words}")), "views", "view");
    // Nothing was materialized: no view ever had an event, and the one over another had none by it.
    assert_eq!(stale(""), ["activity@v1", "activity@v2", "offer@v1", "young@v1"]);
    good(&project, "materialize");
    assert_eq!(stale(""), ["activity@v1"]);
    let view = json_of(&project, "describe activity@v1");
    assert_eq!(view["newest_event"], "2024-01-02T00:00:00Z");
    assert_eq!((&view["freshness"], &view["is_fresh"]), (&"1d".into(), &false.into()));
    assert_eq!(view["measured"]["entities"], 2);
    let young = json_of(&project, "describe young");
    assert_eq!((&young["is_fresh"], &young["is_stale"]), (&true.into(), &false.into()));
    // Without a promise nothing is kept or broken; without events of its own it is as old as what it reads.
    let offer = json_of(&project, "describe offer");
    assert_eq!((&offer["newest_event"], &offer["is_fresh"]), (&"2024-01-02T00:00:00Z".into(), &Value::Null));
    let services = names(&json_of(&project, "list services --stale"), "services", "service");
    assert_eq!(services, ["activity"]);
    let features = names(&json_of(&project, "list features --stale"), "features", "feature");
    assert_eq!(features, ["activity@v1:purchases_30d", "activity@v1:mean_90d"]);
}

#[test]
fn the_server_says_the_same() {
    let project = project();
    good(&project, &format!("{BACKFILL} --out data/training.csv").replace("data/", ""));
    good(&project, "materialize");
    let served = Served::start(&project, "");
    let mut client = served.client();
    for (words, path) in [
        ("list features", "/v1/features"),
        ("list features --search mean --tag model=churn", "/v1/features?search=mean&tag=model%3Dchurn"),
        ("list views --stale", "/v1/views?stale=true"),
        ("list services --owner growth", "/v1/services?owner=growth"),
        ("list sources", "/v1/sources"),
        ("list entities", "/v1/entities"),
        ("list training-sets", "/v1/training-sets"),
        ("describe mean_90d", "/v1/features/mean_90d"),
        ("describe activity:purchases_30d", "/v1/features/activity:purchases_30d"),
        ("describe activity@v1", "/v1/views/activity@v1"),
        ("describe service:activity", "/v1/services/activity"),
        ("describe events", "/v1/sources/events"),
        ("describe customer", "/v1/entities/customer"),
        ("describe training.csv", "/v1/training-sets/training.csv"),
        ("lineage events.kind", "/v1/lineage/events.kind"),
        ("lineage view:activity", "/v1/lineage/view:activity"),
    ] {
        let (mut here, mut there) = (json_of(&project, words), client.get(path).expect("answers").json());
        forget_ages(&mut here);
        forget_ages(&mut there);
        assert_eq!(here, there, "{words}: {path}");
    }
    let dot = client.get("/v1/lineage/events.kind?format=dot").expect("answers");
    assert_eq!(String::from_utf8_lossy(&dot.body), good(&project, "lineage events.kind --format dot"));
    for (path, status, cause) in [
        ("/v1/features/none", 404, "unknown_feature"),
        ("/v1/views/none", 404, "unknown_view"),
        ("/v1/services/none", 404, "unknown_service"),
        ("/v1/sources/none", 404, "unknown_source"),
        ("/v1/entities/none", 404, "unknown_name"),
        ("/v1/lineage/none", 404, "unknown_name"),
        ("/v1/lineage/activity", 422, "invalid"),
        ("/v1/views?moons=3", 422, "malformed"),
        ("/v1/views?stale=perhaps", 422, "malformed"),
        ("/v1/entities?owner=x", 422, "invalid"),
    ] {
        let reply = client.get(path).expect("answers");
        let told = (reply.status, reply.json()["error"]["cause"].as_str().map(str::to_owned));
        assert_eq!(told, (status, Some(cause.to_owned())), "{path}");
    }
    served.stop(&project);
}

/// An age is another one a second later.
fn forget_ages(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(forget_ages),
        Value::Object(fields) => {
            fields.remove("newest_event_age_s");
            fields.values_mut().for_each(forget_ages);
        }
        _ => {}
    }
}

/// A view that was not built is listed all the same, and it is said what is missing.
#[test]
fn a_view_without_a_component_is_listed() {
    let project = Project::new(
        "[project]\nname = \"p\"\n[entities.user]\nkeys = { id = \"int64\" }\n[sources.events]\nentity = \"user\"\nevent_time = \"at\"\n\
         [views.seen]\nsources = [\"events\"]\ntransform = \"missing.wasm\"\nowner = \"growth\"\n[views.seen.features.visits]\n\
         description = \"How often.\"\n[services.all]\nfeatures = [\"seen:*\"]\n",
    );
    let ran = run_at(&project, 120, "list features");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stdout.contains("seen:visits") && ran.stdout.contains("How often."), "{}", ran.stdout);
    assert!(ran.stderr.starts_with("warning: not all is known of view seen@v1: "), "{}", ran.stderr);
    let view = json_of(&project, "describe seen");
    assert!(view["problem"].as_str().is_some_and(|problem| problem.contains("missing.wasm")), "{view}");
    assert_eq!((&view["component"], &view["measured"]), (&Value::Null, &Value::Null));
    let ran = run_at(&project, 120, "describe seen:clicks");
    assert_eq!(ran.code, 2);
    assert!(
        ran.stderr.contains("not all is known of view seen@v1") && ran.stderr.contains("unknown name"),
        "{}",
        ran.stderr
    );
}

#[test]
fn what_the_author_of_a_transform_says_is_shown() {
    let project = Project::churn(&["events.csv"], "", "");
    project.write(
        "events.csv",
        "customer_id,event_type,amount,event_timestamp\nc1,purchase,10,2024-01-01\nc2,view,0,2024-01-03\n",
    );
    let feature = json_of(&project, "describe purchase_count_30d");
    assert_eq!(feature["documentation"], "Purchases in the last 30 days.");
    assert_eq!(
        (&feature["type"], &feature["description"], &feature["made"]),
        (&"int64".into(), &Value::Null, &Value::Null)
    );
    // A component reads for all of its features.
    let reads = serde_json::json!({"is_exact": false, "columns": ["events.event_type", "events.amount"],
        "sources": [], "features": [], "request_fields": []});
    assert_eq!(feature["reads"], reads);
    let lineage = json_of(&project, "lineage events.amount");
    assert!(lineage["edges"].as_array().is_some_and(|edges| edges.iter().any(|edge| edge["is_exact"] == false)));
    assert!(good(&project, "lineage events.amount --format dot").contains("[style=dashed]"));
    let text = good(&project, "describe view:activity");
    assert!(text.contains("purchase_count_30d: int64; Purchases in the last 30 days.\n"), "{text}");
    assert!(text.contains("What happened: `purchase`, `view` or `return`."), "{text}");

    // What a check has measured is told from then on.
    let measured = |project: &Project| json_of(project, "describe view:activity")["measured"].clone();
    let before = measured(&project);
    assert_eq!((&before["cost"], &before["state_bytes_max"]), (&Value::Null, &(1 << 20).into()));
    assert!(before["state_growth"]["bytes_of_100_events"].as_u64().is_some_and(|bytes| bytes > 0), "{before}");
    let checked = json_of(&project, "check activity --cases 8");
    let after = measured(&project);
    let cost = &checked[0]["cost"];
    assert!(cost["operators_per_row"].as_f64().is_some_and(|operators| operators > 0.0), "{checked}");
    assert_eq!(&after["cost"], cost);
    assert_eq!(after["state_growth"]["bytes_of_100_events"], cost["state_bytes"]);
}
