//! What was served stays provable after the project has changed.

use onepath::batch::Value;
use onepath::events::Arrival;
use onepath::feature_store::{FeaturePlan, FeatureSelection};

use super::{ask, assert_verified, get, lines, plan, push, toml};
use crate::support::{Ask, Project, Session, at, components, online};

/// What served is kept: after the component has changed, old vectors are still replayed by the old one.
#[test]
fn vectors_are_verified_with_the_component_that_served_them() {
    let project = Project::new(&toml("[]", "", "trace.wasm"));
    std::fs::copy(&components().trace, project.path("trace.wasm")).expect("copies");
    let mut store = project.open();
    push(&project, &mut store, "1 a w 1 2024-01-01\n2 a w 2 2024-01-02").expect("is taken");
    get(&mut store, "a", None);
    get(&mut store, "a", Some(at("2024-01-01")));
    assert_verified(&mut store, 2);
    drop(store);

    // The same features in another order, one of them under another name.
    std::fs::copy(&components().retrace, project.path("trace.wasm")).expect("copies");
    let mut store = project.open();
    assert_verified(&mut store, 2);
    let now = plan(&store);
    let error = store.get_online_features(&now, &ask("a", None)).expect_err("the states are the old one's");
    let digest = |view: usize| now.views[view].program.digest().to_owned();
    assert!(error.to_string().contains(&format!(", and is now {}…", &digest(1)[..12])), "{error}");

    store.materialize(&[], None).expect("materializes");
    let vector = get(&mut store, "a", None);
    assert_eq!(vector.references.last().map(String::as_str), Some("trace:events"));
    assert_eq!(vector.values.last().map(Value::to_string).as_deref(), Some("2"));
    assert_verified(&mut store, 3);
    drop(store);

    // Without the old bytes there is no proof, and verify says so.
    let served = project.files().into_iter().filter(|file| file.starts_with(".onepath/components/served/"));
    for file in served.filter(|file| !file.contains(&digest(0)) && !file.contains(&digest(1))) {
        std::fs::remove_file(project.path(&file)).expect("removes");
    }
    let ran = project.run("verify");
    assert_eq!(ran.code, 1, "{}", ran.stdout);
    assert!(ran.stdout.contains("verified 1 served vector (7 values): 0 differences"), "{}", ran.stdout);
    assert!(ran.stdout.contains("NOT verified: 2 served vectors"), "{}", ran.stdout);
    assert!(ran.stdout.contains("which is not kept at ./.onepath/components/served/"), "{}", ran.stdout);
}

/// So is the time to live: what was served fresh stays right after the project says that it is stale.
#[test]
fn vectors_are_verified_with_the_time_to_live_that_served_them() {
    let fresh = toml("[]", "", "TRACE");
    let stale = fresh.replace("[views.activity]\n", "[views.activity]\nttl = \"1d\"\n");
    assert_ne!(fresh, stale);
    let project = Project::new(&fresh);
    let mut store = project.open();
    push(&project, &mut store, "1 a purchase 1 2024-01-01").expect("is taken");
    assert_eq!(get(&mut store, "a", Some(at("2024-01-05"))).statuses[0].as_str(), "PRESENT");
    drop(store);

    project.configure(&stale);
    let mut store = project.open();
    assert_verified(&mut store, 1);
    let now = plan(&store);
    let error = store.get_online_features(&now, &ask("a", None)).expect_err("the states are of the old identity");
    let expected = "the states of view activity@v1 are of another identity: ttl was none, and is now 1d; put back what changed, or \
                    run `onepath materialize` to rebuild them";
    assert_eq!(error.to_string(), expected);
    store.materialize(&[], None).expect("materializes");
    assert_eq!(get(&mut store, "a", Some(at("2024-01-05"))).statuses[0].as_str(), "OUTSIDE_MAX_AGE");
    assert_verified(&mut store, 2);
}

/// A parameter goes into states, so states of another value of it are refused, and what was served with it stays provable.
#[test]
fn a_changed_parameter_is_a_changed_view() {
    let project_file = |factor: &str| {
        format!(
            "[project]\nname = \"scaled\"\n[entities.customer]\nkeys = {{ customer_id = \"text\" }}\n[sources.events]\n\
             entity = \"customer\"\nevent_time = \"event_timestamp\"\n\
             fields = {{ id = \"text\", event_type = \"text\" }}\n[views.scaled]\nsources = [\"events\"]\n\
             transform = \"SCALED\"\nparameters = {{ factor = {factor} }}\n[services.all]\nfeatures = [\"scaled:*\"]\n"
        )
    };
    let project = Project::new(&project_file("2"));
    let mut store = project.open();
    push(&project, &mut store, "1 a w 1.5 2024-01-01").expect("is taken");
    assert_eq!(get(&mut store, "a", None).values[0].to_string(), "3.0");
    assert_verified(&mut store, 1);
    drop(store);

    project.configure(&project_file("10.0"));
    let mut store = project.open();
    let now = plan(&store);
    let error = store.get_online_features(&now, &ask("a", None)).expect_err("the states are of the old factor");
    assert!(error.to_string().contains("run `onepath materialize` to rebuild them"), "{error}");
    let ran = project.run("verify");
    assert_eq!(ran.code, 1);
    assert!(ran.stdout.contains("verified 1 served vector (1 value): 0 differences"), "{}", ran.stdout);
    assert!(ran.stdout.contains("parameter factor was 2.0, and is now 10.0"), "{}", ran.stdout);

    store.materialize(&[], None).expect("materializes");
    assert_eq!(get(&mut store, "a", None).values[0].to_string(), "15.0");
    assert_verified(&mut store, 2);
}

#[test]
fn vectors_are_verified_with_the_views_that_they_read() {
    let base = "[project]\nname = \"wired\"\n[entities.customer]\nkeys = { customer_id = \"text\" }\n\
                [sources.events]\nentity = \"customer\"\nevent_time = \"event_timestamp\"\nfields = { id = \"text\" }\n\
                [sources.others]\nentity = \"customer\"\nevent_time = \"event_timestamp\"\n\
                [views.activity]\nsources = [\"events\"]\ntransform = \"CHURN\"\n\
                [views.cart]\ninputs = [\"activity:purchase_count_30d\", \"request:cart_value\"]\ntransform = \"CART\"\n";
    let project = Project::new(base);
    let mut store = project.open();
    let path = project.write("push.ndjson", lines("1 a purchase 1 2024-01-01"));
    store.ingest("events", &path, &Arrival::EventTime).expect("is pushed");
    let cart = FeatureSelection::References(vec!["cart:cart_per_purchase".parse().expect("a reference")]);
    let plan = store.plan(&cart).expect("plans");
    let ask = |store: &mut Session, plan: &FeaturePlan, at_text| {
        let mut request = ask("a", Some(at(at_text)));
        request.inputs.push(("cart_value".to_owned(), Value::Float64(6.0)));
        store.get_online_features(plan, &request).expect("is answered").values[0].clone()
    };
    assert!(ask(&mut store, &plan, "2024-01-02").same_bits(&Value::Float64(6.0)));
    drop(store);
    // A newer version of the view takes its place among the inputs: it reads other events, of which there are none.
    project.configure(&format!("{base}[views.\"activity@v2\"]\nsources = [\"others\"]\ntransform = \"CHURN\"\n"));
    let mut store = project.open();
    let plan = store.plan(&cart).expect("plans");
    assert!(ask(&mut store, &plan, "2024-01-03").same_bits(&Value::Null));
    assert_verified(&mut store, 2);
}

#[test]
fn a_component_without_events_is_kept_as_well() {
    let cart = "[views.cart]\ninputs = [\"activity:purchase_count_30d\", \"request:cart_value\"]\n\
                transform = \"cart.wasm\"\n[services.checkout]\nfeatures = [\"cart:*\"]\n";
    let project = Project::new(&format!("{}{cart}", toml("[]", "", "TRACE")));
    let bytes = std::fs::read(&components().cart).expect("was built");
    project.write("cart.wasm", &bytes);
    let mut store = project.open();
    push(&project, &mut store, "1 a purchase 1 2024-01-01\n2 a purchase 2 2024-01-02").expect("is taken");
    let plan = store.plan(&FeatureSelection::Service("checkout".to_owned())).expect("plans");
    let question = Ask { entity: "a".to_owned(), as_of: at("2024-01-03"), cart_value: 5.0 };
    let (answer, _) = online(&mut store, &plan, &question);
    assert_eq!(answer[0].0.to_string(), "2.5");
    drop(store);
    // The same component with a note at its end: other bytes, another digest.
    project.write("cart.wasm", [&bytes[..], b"\0\x05\x04note"].concat());
    let mut store = project.open();
    let changed = store.plan(&FeatureSelection::Service("checkout".to_owned())).expect("plans");
    assert_ne!(changed.views[1].program.digest(), plan.views[1].program.digest());
    assert_verified(&mut store, 1);
}
