//! A declaration that has changed since its component was built, and what says so.

use expect_test::expect;

use super::{CHURN, good, run_alone};
use crate::support::Project;

fn project() -> Project {
    let project = Project::new(CHURN);
    project.write("events.csv", "customer_id,event_timestamp,event_type,amount\nc1,2024-03-01,purchase,2.5\n");
    project.write("spine.csv", "customer_id,as_of\nc1,2024-03-02\n");
    project
}

const BACKFILL: &str = "backfill --service churn_v1 --spine spine.csv --out t.csv";

#[test]
fn a_changed_declaration_is_told_until_it_is_built() {
    let project = project();
    good(run_alone(&project, "build"));
    let ran = run_alone(&project, BACKFILL);
    assert_eq!((ran.code, ran.stderr.contains("since it was built")), (0, false), "{}", ran.stderr);

    // What decides no value changes nothing.
    let described = CHURN.replace("[views.activity]\n", "[views.activity]\ndescription = \"What a customer does.\"\n");
    let described = described.replace("window = \"30d\" }", "window = \"30d\", owner = \"me\" }");
    let described = described
        .replace("event_type = 'purchase'\", window = \"90d\"", "event_type  =  'purchase'\", window = \"90d\"");
    project.write("onepath.toml", described);
    let ran = run_alone(&project, &format!("--locked {BACKFILL}"));
    assert_eq!((ran.code, ran.stderr.contains("since it was built")), (0, false), "{}", ran.stderr);

    project.write("onepath.toml", CHURN.replace("window = \"30d\"", "window = \"31d\""));
    let ran = run_alone(&project, BACKFILL);
    expect![[r#"
        2
        error: view activity@v1: its declaration has changed since it was built: run `onepath build`
    "#]]
    .assert_eq(&format!("{}\n{}", ran.code, ran.stderr));
    let ran = run_alone(&project, "build");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    good(run_alone(&project, BACKFILL));

    // What a person locked is held to.
    project.write("onepath.toml", CHURN);
    let ran = run_alone(&project, "--locked build");
    assert!(ran.code == 2 && ran.stderr.contains("would run component"), "{}", ran.stderr);
}

/// A damaged component is not the declared one, whatever it holds.
#[test]
fn a_damaged_component_is_told_and_built_anew() {
    let project = project();
    good(run_alone(&project, "build"));
    let component = project.path(".onepath/components/activity@v1.wasm");
    let built = std::fs::read(&component).expect("is there");
    std::fs::write(&component, &built[..built.len() / 2]).expect("writes");
    assert_ne!(run_alone(&project, BACKFILL).code, 0);
    good(run_alone(&project, "build"));
    assert!(std::fs::read(&component).expect("is there") == built);
}

#[test]
fn too_many_features_are_refused_in_words() {
    let name = "a_long_name_".repeat(8);
    let feature = |at: usize| format!("{name}{at} = {{ sum = \"amount\", window = \"{}d\" }}\n", 1 + at % 90);
    let many: String = (0..2_600).map(feature).collect();
    let project = project();
    project.write("onepath.toml", CHURN.replace("\n[services", &format!("{many}\n[services")));
    let ran = run_alone(&project, "build");
    assert_eq!(ran.code, 2);
    let (start, end) =
        ("error: view activity@v1: its definition has ", " bytes, and 262144 are the most: make two views of it\n");
    assert!(ran.stderr.starts_with(start) && ran.stderr.ends_with(end), "{}", ran.stderr);
}

/// Views go on with the standard component that is pinned, where a component that was made of it is there; `--upgrade` takes this
/// onepath's own.
#[test]
fn the_standard_component_is_pinned() {
    use onepath_definition::Slot;
    use sha2::{Digest, Sha256};
    let digest = |bytes: &[u8]| Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let project = project();
    good(run_alone(&project, "build"));
    let (component, lock) = (project.path(".onepath/components/activity@v1.wasm"), project.path("onepath.lock"));
    let read = |path| std::fs::read(path).expect("is there");
    let (own, own_lock) = (read(&component), String::from_utf8(read(&lock)).expect("is text"));
    let base = |component: &[u8]| digest(&Slot::fill(component, &[]).expect("has a slot"));
    assert!(own_lock.ends_with(&format!("\n[standard]\ncomponent = \"{}\"\nversion = 1\n", base(&own))), "{own_lock}");

    // Another one: with a custom section at its end.
    let older = [&own[..], &[0, 5, 4], b"note"].concat();
    std::fs::write(&component, &older).expect("writes");
    std::fs::write(&lock, own_lock.replace(&base(&own), &base(&older))).expect("writes");
    good(run_alone(&project, "build"));
    assert!(read(&component) == older, "nothing has changed");
    project.write("onepath.toml", CHURN.replace("window = \"30d\"", "window = \"31d\""));
    good(run_alone(&project, "build"));
    let changed = read(&component);
    assert_eq!((base(&changed), changed == older), (base(&older), false));
    let pinned = String::from_utf8(read(&lock)).expect("is text");
    assert!(pinned.contains(&base(&older)), "{pinned}");

    // Nothing of it is left.
    std::fs::remove_dir_all(project.path(".onepath/components")).expect("removes");
    let ran = run_alone(&project, "build");
    let told = format!(
        "warning: the standard component {}, which onepath.lock pins for declared views, cannot be had: they are made of that of this \
         onepath, {}\n",
        base(&older),
        base(&own)
    );
    assert_eq!((ran.code, ran.stderr), (0, told));
    std::fs::write(&component, &older).expect("writes");
    std::fs::write(&lock, &pinned).expect("writes");
    good(run_alone(&project, "build --upgrade"));
    assert_eq!(base(&read(&component)), base(&own));
}
