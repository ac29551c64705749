//! What was served beside a training set: what has changed is named, and exported as it was recorded.

use expect_test::expect;
use onepath::batch::{Column, Value};
use onepath::events::Arrival;
use onepath::feature_store::{BackfillRequest, FeatureSelection, SpineSource};
use onepath::monitor::{DriftReport, DriftRequest, DriftSide, ExportRequest, Period, Verdict};
use onepath::profile::{Cause, FindingKind, ProfileSet};
use onepath::schema::ValueType;
use onepath::time::{AsOf, format_time};

use super::pushed_project;
use crate::support::{DAY, HOUR, Project, Random, Session, at};

/// Customers of the shop; as many ask each time.
const CUSTOMERS: usize = 400;

pub(super) const MANIFEST: &str = "training.parquet.manifest.json";

/// Purchases of every customer within so many days before `end`, pushed as they happen.
fn buy(project: &Project, store: &mut Session, random: &mut Random, end: i64, days: usize, most: usize) {
    let mut events: Vec<(i64, String)> = Vec::new();
    for customer in 0..CUSTOMERS {
        for _ in 0..=random.below(most) {
            let time = end - 1 - random.below(days * 24 * 60) as i64 * 60_000_000;
            let amount = random.below(100_000) as f64 / 100.0;
            events.push((time, format!(
                "{{\"id\": \"{}\", \"customer_id\": \"c{customer}\", \"event_type\": \"purchase\", \"amount\": {amount:?}, \
                 \"event_timestamp\": \"{}\"}}\n",
                random.below(usize::MAX),
                format_time(time)
            )));
        }
    }
    events.sort();
    let path = project.write("push.ndjson", events.into_iter().map(|(_, line)| line).collect::<String>());
    store.ingest("events", &path, &Arrival::EventTime).expect("is taken");
}

/// Asks for customers, many in one request.
fn ask_all(store: &mut Session, name: &str) {
    let mut keys = Column::new(ValueType::Text);
    (0..CUSTOMERS).for_each(|at| keys.push(&Value::Text(format!("{name}{at}"))).expect("a text"));
    let server = store.server().expect("serves");
    let prepared = server.prepare(&FeatureSelection::Service("all".to_owned())).expect("prepares");
    let request = prepared.request().input("customer_id", keys).expect("is a key").build().expect("is whole");
    server.get_online_features(&request).expect("answers");
}

fn train(project: &Project, out: &str, as_of: i64, threads: usize) {
    let rows: String = (0..CUSTOMERS).map(|at| format!("c{at},{}\n", format_time(as_of))).collect();
    project.write("spine.csv", format!("customer_id,as_of\n{rows}"));
    let request = BackfillRequest {
        selection: FeatureSelection::Service("all".to_owned()),
        spine: SpineSource::File { path: project.path("spine.csv"), as_of_column: None, as_of_unit: None },
        out: project.path(out),
        overrides: Vec::new(),
        full_feature_names: false,
        resume: false,
    };
    project.open_with(|options| options.threads = threads).backfill(&request).expect("backfills");
}

/// A shop with a training set as of March, and three days that were served: one as usual, one after a sale, one of strangers.
pub(super) fn shop() -> Project {
    shop_of(pushed_project(""))
}

/// The same of another project of these views.
pub(super) fn shop_of(project: Project) -> Project {
    let mut random = Random::new(11);
    let day = at("2024-03-01");
    let mut store = project.open();
    project.clock.set(day + HOUR);
    buy(&project, &mut store, &mut random, day, 60, 8);
    store.close();
    train(&project, "training.parquet", day, 2);
    ask_all(&mut store, "c");
    flush(&mut store);
    project.clock.set(day + DAY + HOUR);
    buy(&project, &mut store, &mut random, day + DAY, 1, 20);
    ask_all(&mut store, "c");
    flush(&mut store);
    project.clock.set(day + 2 * DAY + HOUR);
    ask_all(&mut store, "stranger");
    store.close();
    project
}

/// What was asked so far is a commit of its own.
fn flush(store: &mut Session) {
    store.server().expect("is open").flush();
}

fn drift(project: &Project, since: &str, until: &str) -> DriftReport {
    let moment = |text: &str| Some(AsOf::from_micros(at(text)));
    let request = DriftRequest {
        reference: DriftSide::TrainingSet(project.path(MANIFEST)),
        observed: DriftSide::Served(Period { since: moment(since), until: moment(until) }),
        service: None,
    };
    project.open().drift(&request).expect("compares")
}

fn kinds(report: &DriftReport, feature: &str) -> Vec<(FindingKind, Cause)> {
    let found = report.features.iter().find(|known| known.feature == feature).expect("is served");
    found.comparison.findings.iter().map(|finding| (finding.kind, finding.cause)).collect()
}

const COUNT: &str = "activity@v1:purchase_count_30d";

#[test]
fn each_change_is_named_as_its_kind() {
    let project = shop();
    let usual = drift(&project, "2024-03-01", "2024-03-02");
    assert_eq!((usual.verdict, usual.observed.rows, usual.reference.rows), (Verdict::Ok, 400, 400), "{usual:#?}");
    assert_eq!(usual.service.as_deref(), Some("all"));
    assert!(usual.other_versions.is_empty() && usual.not_observed.is_empty());
    assert_eq!(usual.features.len(), 7);

    let sale = drift(&project, "2024-03-02", "2024-03-03");
    assert_eq!(sale.verdict, Verdict::Unstable);
    assert_eq!(kinds(&sale, COUNT)[0], (FindingKind::Shift, Cause::Inputs));

    let strangers = drift(&project, "2024-03-03", "2024-03-04");
    let of_count = kinds(&strangers, COUNT);
    assert_eq!(of_count[0], (FindingKind::Coverage, Cause::Delivery));
    assert!(of_count.iter().all(|(_, cause)| *cause == Cause::Delivery), "{of_count:?}");
    let status = &strangers.features[0].statuses[2];
    assert_eq!((&*status.status, status.count), ("NOT_FOUND", 400));
}

#[test]
fn two_times_and_two_training_sets_are_compared_as_well() {
    let project = shop();
    let period = |since: &str, until: &str| {
        let moment = |text: &str| Some(AsOf::from_micros(at(text)));
        DriftSide::Served(Period { since: moment(since), until: moment(until) })
    };
    let compare = |reference: DriftSide, observed: DriftSide| {
        project.open().drift(&DriftRequest { reference, observed, service: None }).expect("compares")
    };
    let same = compare(period("2024-03-01", "2024-03-02"), period("2024-03-01", "2024-03-02"));
    assert_eq!(same.verdict, Verdict::Ok);
    assert!(same.features.iter().all(|feature| feature.comparison.ks.is_none_or(|ks| (ks.d, ks.p) == (0.0, 1.0))));
    let days = compare(period("2024-03-01", "2024-03-02"), period("2024-03-03", "2024-03-04"));
    assert_eq!(kinds(&days, COUNT)[0], (FindingKind::Coverage, Cause::Delivery));
    train(&project, "april.parquet", at("2024-04-20"), 1);
    let [one, other] =
        [MANIFEST, "april.parquet.manifest.json"].map(|manifest| DriftSide::TrainingSet(project.path(manifest)));
    let sets = compare(one, other);
    assert_eq!((sets.verdict, kinds(&sets, COUNT)[0]), (Verdict::Unstable, (FindingKind::Shift, Cause::Inputs)));
    let few = compare(period("2024-03-01", "2024-03-02"), period("2031-01-01", "2032-01-01"));
    assert_eq!((few.verdict, few.observed.rows, few.features.len()), (Verdict::TooFew, 0, 0));
}

/// Without its profile a training set is nothing to compare with, and a changed one is not used.
#[test]
fn a_profile_is_the_one_that_the_manifest_names() {
    let project = shop();
    let run = |words: &str| project.run(&format!("monitor drift --against {words}"));
    let manifest = std::fs::read_to_string(project.path(MANIFEST)).expect("is there");
    let profile = project.path("training.parquet.profile.json");
    let text = std::fs::read(&profile).expect("is there");
    let set = ProfileSet::from_json(&text).expect("is a profile");
    assert_eq!((set.rows, set.features.len()), (400, 7));
    // The trail is a text, whose values may be personal.
    assert!(set.features.iter().all(|feature| feature.categories.is_none()));

    let identity = manifest.split("\"identity\": \"").nth(1).and_then(|rest| rest.get(..64)).expect("has one");
    project.write("other.manifest.json", manifest.replace(identity, &"0".repeat(64)));
    let ran = run("other.manifest.json --since 2024-03-02 --until 2024-03-03");
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(ran.stdout.contains("other versions of activity@v1: 000000000000 (400 rows) then"), "{}", ran.stdout);
    assert!(
        ran.stdout.contains("(of other versions)")
            && !ran.stdout.contains("activity@v1:purchase_count_30d: shift (inputs")
    );

    project.write("training.parquet.profile.json", [&text[..], b" "].concat());
    let ran = run(MANIFEST);
    assert_eq!(ran.code, 2);
    expect![[r"
        error: training.parquet.profile.json is not the profile that training.parquet.manifest.json names: its SHA-256 differs; put the right one back, or run `onepath backfill` again
    "]]
    .assert_eq(&ran.stderr);
    let ran = project.run("backfill --service all --spine spine.csv --out training.parquet --no-profile");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(!profile.exists(), "that of an earlier training set goes");
    let ran = run(MANIFEST);
    expect![[r"
        error: the training set of training.parquet.manifest.json has no profile: run `onepath backfill` again, without --no-profile
    "]]
    .assert_eq(&ran.stderr);
}

#[test]
fn the_command_says_what_has_changed() {
    let project = shop();
    let ran = project.run(&format!("monitor drift --against {MANIFEST} --since 2024-03-02 --until 2024-03-03"));
    assert_eq!((ran.code, &*ran.stderr), (1, ""));
    expect![[r#"
        usual:     the training set of training.parquet.manifest.json: 400 rows
        looked at: what was served of service all since 2024-03-02T00:00:00Z until 2024-03-03T00:00:00Z: 400 rows, as of 2024-03-02T01:00:00Z to 2024-03-02T01:00:00Z
        ┌────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────┐
        │ feature                                verdict    n     nulls                             PSI     KS D    p          mean shift   PRESENT  │
        ╞════════════════════════════════════════════════════════════════════════════════════════════════════════════════════════════════════════════╡
        │ activity@v1:purchase_count_30d         unstable   400   0.00 % -> 0.00 % (0.00 to 0.95)   4.886   0.858   3.7e-128   +7.24        100.00 % │
        │ activity@v1:avg_purchase_value_90d     unstable   400   0.00 % -> 0.00 % (0.00 to 0.95)   0.623   0.185   2.1e-6     -0.08        100.00 % │
        │ activity@v1:days_since_last_purchase   unstable   400   0.00 % -> 0.00 % (0.00 to 0.95)   7.921   0.932   1.8e-151   -1.03        100.00 % │
        │ activity@v1:return_rate_180d           ok         400   0.00 % -> 0.00 % (0.00 to 0.95)   0.000   0.000   1.000      -            100.00 % │
        │ trace@v1:events                        unstable   400   0.00 % -> 0.00 % (0.00 to 0.95)   9.964   0.845   1.8e-124   +4.73        100.00 % │
        │ trace@v1:trail                         unstable   400   0.00 % -> 0.00 % (0.00 to 0.95)   2.667   0.557   2.0e-54    +0.95        100.00 % │
        │ trace@v1:running                       ok         400   0.00 % -> 0.00 % (0.00 to 0.95)   0.058   0.062   0.416      +0.05        100.00 % │
        └────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────┘
        unstable: activity@v1:purchase_count_30d: shift (inputs changed): PSI 4.886, KS D 0.858 p 3.7e-128, mean +7.24 deviations
        note: activity@v1:purchase_count_30d: outlier (inputs changed): largest 2.4e1, 12 deviations above any of the reference
        unstable: activity@v1:avg_purchase_value_90d: shift (inputs changed): PSI 0.623, KS D 0.185 p 2.1e-6, mean -0.08 deviations
        unstable: activity@v1:days_since_last_purchase: shift (inputs changed): PSI 7.921, KS D 0.932 p 1.8e-151, mean -1.03 deviations
        unstable: trace@v1:events: shift (inputs changed): PSI 9.964, KS D 0.845 p 1.8e-124, mean +4.73 deviations
        unstable: trace@v1:trail: shift (inputs changed): PSI 2.667, KS D 0.557 p 2.0e-54, mean +0.95 deviations
        verdict: unstable
    "#]].assert_eq(&ran.stdout);
    for (words, code) in [("never", 0), ("unstable", 1), ("warn", 1)] {
        let ran = project
            .run(&format!("monitor drift --baseline 2024-03-01..2024-03-02 --since 2024-03-02 --fail-on {words}"));
        assert_eq!(ran.code, code, "{}", ran.stderr);
    }
    let ran = project.run(&format!("--format json monitor drift --against {MANIFEST} --until 2024-03-02"));
    assert_eq!(ran.code, 0, "{}", ran.stdout);
    let report: DriftReport = serde_json::from_str(&ran.stdout).expect("is a report");
    assert_eq!(report.verdict, Verdict::Ok);
}

#[test]
fn coverage_is_told_by_status() {
    let project = shop();
    let told = |words: &str| project.run(&format!("--format json monitor coverage {words}"));
    let usual = told("--until 2024-03-03 --present-min 1");
    assert_eq!((usual.code, &*usual.stderr), (0, ""), "{}", usual.stdout);
    let ran = told("--service all --present-min 0.7");
    assert_eq!(ran.code, 1, "two days in three are below 70 %: {}", ran.stdout);
    assert_eq!(told("--service all --present-min 0.6").code, 0);
    let report: serde_json::Value = serde_json::from_str(&ran.stdout).expect("one document");
    let feature = &report["features"][0];
    assert_eq!((feature["feature"].as_str(), feature["rows"].as_u64()), (Some(COUNT), Some(1_200)));
    assert_eq!(
        (&feature["statuses"][2]["status"], feature["statuses"][2]["count"].as_u64()),
        (&"NOT_FOUND".into(), Some(400))
    );
    let ran = project.run("monitor coverage --since 2024-03-03 --present-min 0.9");
    assert!(ran.code == 1 && ran.stdout.contains("TOO FEW"), "{}", ran.stdout);
    assert_eq!(project.run("monitor coverage --present-min 2").code, 2);
}

#[test]
fn what_was_served_is_exported_whole_or_not_at_all() {
    let project = shop();
    let ran = project.run("served export --since 2024-03-03 --out strangers.csv");
    assert_eq!((ran.code, &*ran.stderr), (0, ""));
    let text = std::fs::read_to_string(project.path("strangers.csv")).expect("was written");
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().expect("a header").split(',').collect();
    assert_eq!(
        header[..8].join(" "),
        "served_id as_of log_offset service replayed request_id customer_id activity@v1:purchase_count_30d"
    );
    let first: Vec<&str> = lines.next().expect("a row").split(',').collect();
    let cell = |name: &str| first[header.iter().position(|known| *known == name).expect("is a column")];
    assert_eq!((cell("served_id"), cell("customer_id"), cell(COUNT)), ("801", "stranger0", "0"));
    assert_eq!((cell("service"), cell(&format!("{COUNT}__status"))), ("all", "NOT_FOUND"));
    assert_eq!((cell("activity@v1__identity").len(), cell("activity@v1__offset")), (64, "0"));
    assert_eq!(text.lines().count(), 401);
    let request = |out: &str, service: Option<&str>| ExportRequest {
        period: Period::default(),
        service: service.map(str::to_owned),
        out: project.path(out),
    };
    let store = project.open();
    let all = store.export_served(&request("all.parquet", None)).expect("writes");
    assert_eq!((all.rows, all.expired), (1_200, 0));
    assert_eq!(store.export_served(&request("all.parquet", Some("all"))).expect("writes").sha256, all.sha256);
    assert_eq!(store.export_served(&request("none.parquet", Some("other"))).expect("writes").rows, 0);
    drop(store);

    let connection = rusqlite::Connection::open(project.path(".onepath/served.sqlite")).expect("opens");
    connection.execute("UPDATE batches SET body = zeroblob(length(body)) WHERE number = 1", []).expect("changes it");
    drop(connection);
    let ran = project.run("served export --out damaged.parquet");
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    assert!(!project.path("damaged.parquet").exists());
    let ran = project.run(&format!("monitor drift --against {MANIFEST} --until 2024-03-02"));
    assert!(ran.stdout.contains("NOT read: 400 vectors"), "{}{}", ran.stdout, ran.stderr);
}
