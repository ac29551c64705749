//! A failure in a view over several entities names the keys and the row, whatever way it is asked.

use serde_json::json;

use crate::support::{Project, Served};

const PROJECT: &str = "[project]\nname = \"p\"\n[entities.pair]\nkeys = { user = \"text\", lane = \"int64\" }\n[entities.shop]\n\
    keys = { shop = \"text\" }\n[sources.events]\nentities = [\"pair\", \"shop\"]\nfiles = [\"e.csv\"]\nevent_time = \"ts\"\n\
    [views.pairs]\nentity = \"pair\"\nsources = [\"events\"]\ntransform = \"CHURN\"\n\
    [views.shops]\nentity = \"shop\"\nsources = [\"events\"]\ntransform = \"CHURN\"\n\
    [views.cart]\ninputs = [\"pairs:purchase_count_30d\", \"request:cart_value\"]\ntransform = \"CART\"\n\
    [views.weigh]\ninputs = [\"cart:cart_per_purchase\", \"shops:purchase_count_30d as shop_purchases\"]\ntransform = \"WEIGH\"\n\
    [services.all]\nfeatures = [\"weigh:*\"]\n";

fn project() -> Project {
    let project = Project::new(PROJECT);
    project.write(
        "e.csv",
        "user,lane,shop,ts,event_type,amount\nu1,1,s1,2024-01-01,purchase,1\nu2,2,s1,2024-01-01,purchase,1\n",
    );
    project.write(
        "spine.csv",
        "user,lane,shop,as_of,cart_value\nu1,1,s1,2024-01-02,5\nu1,1,s2,2024-01-03,6\nu2,2,s1,2024-01-04,-6e66\nu2,2,s2,2024-01-05,7\n",
    );
    project
}

const PLACE: &str = "view weigh@v1, entity lane=2, user=u2, shop=s1 (row 3), question at 2024-01-04T00:00:00Z: ";

#[test]
fn in_a_backfill() {
    let project = project();
    for memory in ["1GiB", "1"] {
        let backfill = format!("backfill --service all --spine spine.csv --out out.csv --memory {memory}");
        let ran = project.run(&backfill);
        assert_ne!(ran.code, 0);
        assert!(ran.stderr.starts_with(&format!("error: {PLACE}")), "{memory}: {}", ran.stderr);
        assert!(ran.stderr.contains("this cart traps"), "{}", ran.stderr);
        let ran = project.run(&format!("{backfill} --on-error null"));
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        let manifest = std::fs::read_to_string(project.path("out.csv.manifest.json")).expect("was written");
        let manifest: serde_json::Value = serde_json::from_str(&manifest).expect("JSON");
        let first = manifest["first_failures"][0].as_str().expect("a failure");
        assert!(first.starts_with(PLACE), "{memory}: {first}");
        assert_eq!(manifest["failures"], 1);
    }
}

#[test]
fn when_asked_online() {
    let project = project();
    assert_eq!(project.run("materialize --up-to 2024-01-03").code, 0);
    let get = "get --service all --entity user=u2 --entity lane=2 --entity shop=s1 --request cart_value=-6e66 --as-of";
    for as_of in ["2024-01-04", "2023-12-01"] {
        let ran = project.run(&format!("{get} {as_of}"));
        // Before its first purchase there is no cart to trap on.
        if as_of == "2023-12-01" {
            assert_eq!(ran.code, 0, "{}", ran.stderr);
            continue;
        }
        assert_ne!(ran.code, 0);
        assert!(ran.stderr.starts_with(&format!("error: {}", PLACE.replace("row 3", "row 1"))), "{}", ran.stderr);
    }
    let now = onepath::time::format_time(onepath::time::Clock::now(&onepath::time::SystemClock) - 60_000_000);
    project.write("push.csv", format!("user,lane,shop,ts,event_type,amount\nu2,2,s1,{now},purchase,1\n"));
    assert_eq!(project.run("ingest --source events push.csv").code, 0);
    let served = Served::start(&project, "");
    let mut client = served.client();
    let body = json!({"entities": {"user": ["u1", "u1", "u2"], "lane": [1, 1, 2], "shop": ["s1", "s2", "s1"],
        "cart_value": [1.0, 2.0, -6e66]}, "feature_service": "all"});
    let reply = client.post("/get-online-features", body.to_string()).expect("answers");
    assert_eq!(reply.status, 422, "{}", reply.text());
    assert!(reply.text().contains("entity lane=2, user=u2, shop=s1 (row 3), question at "), "{}", reply.text());
    served.stop(&project);
}
