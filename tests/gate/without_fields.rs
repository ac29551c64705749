//! A transform that reads no field of its events: through every door, and at the ends of time.

use crate::support::{Project, component};

/// Events that are nothing but a key and a time. The last customer has none in the files.
fn project() -> Project {
    let project = Project::new("");
    project.configure(&format!(
        "[project]\nname = \"rhythm\"\n[entities.customer]\nkeys = {{ customer_id = \"text\" }}\n\
         [sources.visits]\nentity = \"customer\"\nfiles = [\"visits.csv\"]\nevent_time = \"at\"\n\
         [views.rhythm]\nsources = [\"visits\"]\ntransform = {:?}\n\
         [services.all]\nfeatures = [\"rhythm:*\"]\n",
        component("tests/transforms/rhythm")
    ));
    project.write(
        "visits.csv",
        "customer_id,at\nc1,2024-03-01T08:00:00Z\nc1,2024-03-02T08:00:00Z\nc2,2024-03-02T09:00:00Z\nc1,2024-03-03T08:00:00Z\n",
    );
    project.write(
        "spine.csv",
        "customer_id,as_of\nc1,2024-03-02T07:59:59Z\nc1,2024-03-04T02:00:00Z\nc2,2024-03-03\nc3,2024-03-03\n",
    );
    project.write("today.ndjson", "{\"customer_id\": \"c3\", \"at\": \"2024-03-05T06:00:00Z\"}\n{\"customer_id\": \"c1\", \"at\": \"2024-03-05T08:00:00Z\"}\n");
    project
}

/// The law `total` is tried at the ends of time, where differences of microseconds overflow.
#[test]
fn it_keeps_the_laws() {
    let ran = project().run("check rhythm --format json");
    assert_eq!(ran.code, 0, "{}\n{}", ran.stdout, ran.stderr);
    let report: serde_json::Value = serde_json::from_str(&ran.stdout).expect("is JSON");
    assert_eq!(report[0]["holds"], true, "{report}");
}

#[test]
fn every_event_counts_in_training_and_when_served() {
    let project = project();
    let good = |words: &str| {
        let ran = project.run(words);
        assert_eq!(ran.code, 0, "{words}\n{}\n{}", ran.stdout, ran.stderr);
        ran.stdout
    };
    good("backfill --service all --spine spine.csv --out training.csv");
    let training = std::fs::read_to_string(project.path("training.csv")).expect("was written");
    expect_test::expect![[r#"
        customer_id,as_of,count,longest_gap_hours,gaps_days,usual_gap_hours,due,hours_until_due,hours_of_three
        c1,2024-03-02T07:59:59Z,1,0.0,0,,2024-03-01T08:00:00Z,-23.99972222222222,
        c1,2024-03-04T02:00:00Z,3,24.0,2,24.000000000000004,2024-03-04T08:00:00Z,6.0,66
        c2,2024-03-03T00:00:00Z,1,0.0,0,,2024-03-02T09:00:00Z,-15.0,
        c3,2024-03-03T00:00:00Z,0,0.0,0,,,,
    "#]]
    .assert_eq(&training);
    good("materialize --up-to 2024-03-04T00:00:00Z");
    good("ingest --source visits today.ndjson --arrived-at event-time");
    let served = ["c1", "c2", "c3", "c4"].map(|customer| {
        let words =
            format!("get --service all --entity customer_id={customer} --as-of 2024-03-05T12:00:00Z --format json");
        let answer: serde_json::Value = serde_json::from_str(&good(&words)).expect("is JSON");
        let features = answer["features"].as_array().expect("has features").iter();
        let values: Vec<String> = features.map(|feature| feature["value"].to_string()).collect();
        format!("{customer}: {}\n", values.join(", "))
    });
    expect_test::expect![[r#"
        c1: 4, 48.0, 4, 33.3628118843755, "2024-03-07T08:00:00Z", 44.0, 76
        c2: 1, 0.0, 0, null, "2024-03-02T09:00:00Z", -75.0, null
        c3: 1, 0.0, 0, null, "2024-03-05T06:00:00Z", -6.0, null
        c4: 0, 0.0, 0, null, null, null, null
    "#]]
    .assert_eq(&served.concat());
    assert!(good("verify").starts_with("verified 4 served vectors"), "every served vector is what a backfill gives");
}
