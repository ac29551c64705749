//! A change that changes values is told in words, by every command, until states are rebuilt: what was materialized goes on being served
//! as a whole where it is there as it was, and is refused where it is not.

use super::{good, refused, tally};
use crate::support::Project;

/// A view over two sources, and one over its features.
fn toml() -> String {
    format!(
        "[project]\nname = \"p\"\n[entities.user]\nkeys = {{ user_id = \"text\" }}\n\
         [sources.clicks]\nentity = \"user\"\nfiles = [\"clicks.csv\"]\nevent_time = \"ts\"\n\
         [sources.orders]\nentity = \"user\"\nfiles = [\"orders.csv\"]\nevent_time = \"ts\"\n\
         [views.tally]\nsources = [\"clicks\", \"orders\"]\ntransform = \"{}\"\n\
         [views.churn]\nsources = [\"orders\"]\ntransform = \"CHURN\"\n\
         [views.weigh]\ninputs = [\"tally:total as cart_per_purchase\", \"churn:purchase_count_30d as shop_purchases\"]\n\
         transform = \"WEIGH\"\n[services.all]\nfeatures = [\"tally:last\", \"weigh:*\"]\n",
        tally()
    )
}

/// A project that has a training set, and has served and verified one vector.
fn served_one() -> Project {
    let project = Project::new(&toml());
    project.write("clicks.csv", "user_id,ts,amount,seen\na,2024-01-01,1,2024-02-01\n");
    project.write("orders.csv", "user_id,ts,amount,event_type,seen\na,2024-01-01,2,purchase,2024-01-02\n");
    project.write("spine.csv", "user_id,as_of\na,2024-01-15\n");
    good(&project, "materialize");
    good(&project, GET);
    good(&project, "verify");
    good(&project, BACKFILL);
    project
}

const GET: &str = "get --service all --entity user_id=a";
const BACKFILL: &str = "backfill --service all --spine spine.csv --out out.csv";

#[test]
fn other_sources_orders_times_and_lives_are_refused_and_told() {
    for (from, to, view, part, then, now) in [
        (
            "[\"clicks\", \"orders\"]",
            "[\"orders\", \"clicks\"]",
            "tally",
            "sources",
            "clicks, orders",
            "orders, clicks",
        ),
        ("[\"clicks\", \"orders\"]", "[\"orders\"]", "tally", "sources", "clicks, orders", "orders"),
        (
            "files = [\"clicks.csv\"]\n",
            "files = [\"clicks.csv\"]\narrival_time = \"seen\"\n",
            "tally",
            "arrival time of source clicks",
            "none",
            "seen",
        ),
        ("[views.churn]\n", "[views.churn]\nttl = \"24h\"\n", "churn", "ttl", "none", "1d"),
        (
            "[views.churn]\n",
            "[views.churn]\nfeatures.avg_purchase_value_90d.default = 1\n",
            "churn",
            "default of avg_purchase_value_90d",
            "none",
            "1.0",
        ),
        (
            "[views.churn]\n",
            "[views.churn]\nfeatures.purchase_count_30d.ttl = \"24h\"\n",
            "churn",
            "ttl of purchase_count_30d",
            "none",
            "1d",
        ),
    ] {
        let project = served_one();
        let changed = toml().replace(from, to);
        assert_ne!(changed, toml());
        project.configure(&changed);
        // What was kept is served, and said to be.
        let notice = format!("has changed since (view {view}@v1: {part} was {then}, and is now {now}");
        let ran = good(&project, GET);
        assert!(ran.stderr.contains(&notice), "{}", ran.stderr);
        good(&project, "verify");
        // Without it, there is nothing that has the identities of the states.
        std::fs::remove_dir_all(project.path(".onepath/materialized")).expect("removes");
        let told =
            format!("states of view {view}@v1 are of another identity: {part} was {then}, and is now {now}; put back");
        refused(&project, GET, 2, &told);
        project.write("push.csv", "user_id,ts,amount,event_type,seen\na,2024-01-03,4,purchase,2024-01-03\n");
        let ran = project.run("ingest --source orders push.csv");
        assert!(ran.code != 0 && ran.stderr.contains(&told), "{}", ran.stderr);
        let pinned = format!("  view {view}@v1, {part}: trained with {then}, now {now}\n");
        refused(&project, "serve --listen 127.0.0.1:0 --pin out.csv.manifest.json", 2, &pinned);
        refused(&project, "serve --listen 127.0.0.1:0", 2, &told);
        let verified = project.run("verify");
        // Times to live and defaults are what a replay can have again; what sources are is not.
        match part.split(' ').next() {
            Some("ttl" | "default") => assert_eq!(verified.code, 0, "{}", verified.stdout),
            _ => {
                assert_eq!(verified.code, 1, "{}", verified.stdout);
                assert!(verified.stdout.contains("0 differences"), "{}", verified.stdout);
                assert!(verified.stdout.contains("NOT verified: 2 served vectors"), "{}", verified.stdout);
                let reason = format!("vectors of view {view}@v1 are of another identity: {part} was {then}");
                assert!(verified.stdout.contains(&reason), "{reason}: {}", verified.stdout);
            }
        }
        good(&project, "materialize");
        good(&project, GET);
        // Put back, the states are of another identity again.
        project.configure(&toml());
        let ran = good(&project, GET);
        assert!(ran.stderr.contains(&format!("{part} was {now}, and is now {then}")), "{}", ran.stderr);
    }
}

#[test]
fn a_change_below_changes_all_above() {
    let project = served_one();
    good(&project, "build");
    good(&project, &format!("--locked {BACKFILL}"));
    let declared = std::fs::read_to_string(project.path("onepath.toml")).expect("reads");
    project.write("onepath.toml", declared.replace("[views.churn]\n", "[views.churn]\nttl = \"1d\"\n"));
    // The project as it was is what was trained with, and would be served.
    std::fs::remove_dir_all(project.path(".onepath/materialized")).expect("removes");
    refused(
        &project,
        "serve --listen 127.0.0.1:0 --pin out.csv.manifest.json",
        2,
        "  view weigh@v1, view churn@v1: trained with ",
    );
    refused(&project, &format!("--locked {BACKFILL}"), 2, "view churn@v1 has the identity ");
    refused(&project, "--locked build", 2, "put back what decides its values");
    refused(&project, "--locked materialize", 2, "but onepath.lock pins ");
    let lock = std::fs::read_to_string(project.path("onepath.lock")).expect("reads");
    good(&project, "build");
    let now = std::fs::read_to_string(project.path("onepath.lock")).expect("reads");
    let changed: Vec<&str> =
        now.lines().filter(|line| !lock.contains(line)).map(|line| &line[..line.len() - 66]).collect();
    assert_eq!(changed, ["\"churn@v1\" = ", "\"weigh@v1\" = "]);
    good(&project, &format!("--locked {BACKFILL}"));
}

#[test]
fn an_older_lock_file_is_refused_until_it_is_written_anew() {
    let project = served_one();
    project.write("onepath.lock", "format = 1\n\n[components]\n");
    refused(&project, &format!("--locked {BACKFILL}"), 2, "run `onepath build` to write it anew");
    good(&project, "build");
    good(&project, &format!("--locked {BACKFILL}"));
}

#[test]
fn a_training_set_without_identities_pins_nothing() {
    let project = served_one();
    let path = project.path("out.csv.manifest.json");
    let manifest = std::fs::read_to_string(&path).expect("reads");
    let mut manifest: serde_json::Value = serde_json::from_str(&manifest).expect("JSON");
    for view in manifest["views"].as_array_mut().expect("views") {
        assert!(view["identity"].as_str().is_some_and(|identity| identity.len() == 64), "{view}");
        view.as_object_mut().expect("a view").remove("parts");
    }
    std::fs::write(&path, manifest.to_string()).expect("writes");
    let expected = "  view tally@v1: the manifest records no identity of it: make the training set again\n";
    refused(&project, "serve --listen 127.0.0.1:0 --pin out.csv.manifest.json", 2, expected);
}
