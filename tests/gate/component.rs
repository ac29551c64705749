//! A component of `cargo component`, in its default target, beside the same source built by onepath. Its folder says how it
//! was made; installing the tool takes too long for every run of the tests.

use std::path::PathBuf;

use onepath::build::build_component;
use onepath::feature_store::FeatureSelection;
use sha2::{Digest, Sha256};

use crate::support::{Ask, Project, assert_same, at, offline, online, repository};

fn folder() -> PathBuf {
    repository().join("tests/component")
}

fn sha256(name: &str) -> String {
    let bytes = std::fs::read(folder().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn the_component_was_built_from_the_source_beside_it() {
    let sums = std::fs::read_to_string(folder().join("sha256sums")).expect("is there");
    let mut names = Vec::new();
    for line in sums.lines() {
        let (sum, name) = line.split_once("  ").expect("a line of sha256sum");
        assert_eq!(
            sha256(name),
            sum,
            "{name} has changed: build the component anew, as tests/component/README.md says"
        );
        names.push(name);
    }
    assert_eq!(names, ["spending.wasm", "src/lib.rs", "src/bindings.rs"]);
}

/// A project with one view of each component.
fn project() -> Project {
    let project = Project::new("");
    build_component(&folder(), &project.path("built.wasm"), &mut |_| {}).expect("the source builds");
    std::fs::copy(folder().join("spending.wasm"), project.path("made.wasm")).expect("copies");
    let mut events = "customer_id,event_timestamp,event_type,amount\n".to_owned();
    for event in 0..400_u32 {
        let (customer, minute) = (event * event % 7, event / 2);
        let (hour, amount) = (minute / 60, f64::from(event % 31) * 0.1 - 1.1);
        let kind = ["purchase", "", "zurück", "view"][event as usize % 4];
        events += &format!("c{customer},2024-03-01T{hour:02}:{:02}:00Z,{kind},{amount}\n", minute % 60);
    }
    project.write("events.csv", events);
    let spine: String =
        (0..9).flat_map(|c| [0, 1, 3].map(|hour| format!("c{c},2024-03-01T{hour:02}:31:00Z\n"))).collect();
    project.write("spine.csv", format!("customer_id,as_of\n{spine}"));
    let view = |name: &str| format!("[views.{name}]\nsources = [\"events\"]\ntransform = \"{name}.wasm\"\n");
    let service = |name: &str| format!("[services.{name}]\nfeatures = [\"{name}:*\"]\n");
    project.configure(&format!(
        "[project]\nname = \"component\"\n[entities.customer]\nkeys = {{ customer_id = \"text\" }}\n[sources.events]\n\
         entity = \"customer\"\nfiles = [\"events.csv\"]\nevent_time = \"event_timestamp\"\n{}{}{}{}",
        view("made"),
        view("built"),
        service("made"),
        service("built"),
    ));
    project
}

#[test]
fn it_keeps_the_laws() {
    let project = project();
    let ran = project.run("check made --format json");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let report: serde_json::Value = serde_json::from_str(&ran.stdout).expect("is JSON");
    assert_eq!(report[0]["holds"], true);
    assert_eq!(report[0]["digest"], sha256("spending.wasm"));
    // What its adapter brings and what onepath's own target brings differ: it is another component.
    assert_ne!(report[0]["imports"].as_array().map(Vec::len), Some(0));
}

#[test]
fn it_gives_the_bits_of_the_same_source_built_by_onepath() {
    let project = project();
    let digest = |name: &str| {
        let words = format!("backfill --service {name} --spine spine.csv --out {name}.csv --format json");
        let ran = project.run(&words);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        let manifest = std::fs::read_to_string(project.path(&format!("{name}.csv.manifest.json"))).expect("is there");
        let manifest: serde_json::Value = serde_json::from_str(&manifest).expect("is JSON");
        (manifest["output"]["sha256"].clone(), manifest["views"][0]["component"].clone())
    };
    let ((made, of_made), (built, of_built)) = (digest("made"), digest("built"));
    assert_eq!(made, built, "the digests of the training sets");
    assert!(of_made == sha256("spending.wasm") && of_made != of_built, "two components made them");

    let mut store = project.open();
    store.materialize(&[], None).expect("folds");
    for customer in 0..8 {
        let ask = Ask { entity: format!("c{customer}"), as_of: at("2024-03-02"), cart_value: 0.0 };
        let vectors = ["made", "built"].map(|name| {
            let plan = store.plan(&FeatureSelection::Service(name.to_owned())).expect("plans");
            let (served, _) = online(&mut store, &plan, &ask);
            assert_same(&served, &offline(&store, &plan, std::slice::from_ref(&ask), &[])[0], &ask, "served");
            served
        });
        assert_same(&vectors[0], &vectors[1], &ask, "cargo component and onepath build");
    }
    let report = store.verify(None).expect("verifies");
    assert!(report.vectors == 16 && report.is_equal());
}
