//! Batches of commits: their numbers, their expiry, and reading them beside a writer.

mod columns;
mod damage;

use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::*;
use crate::batch::Value;
use crate::log::checksum::Checksum;
use crate::log::{STATUSES, ServedProgram};
use crate::schema::ValueType;

fn plan_of(service: &str, types: &[ValueType]) -> Arc<ServedPlan> {
    let program = ServedProgram {
        digest: "00ff".into(),
        ttl_us: Some(5),
        defaults: r#"[["f0",{"int64":0}]]"#.into(),
        feature_ttls_us: vec![("f0".into(), 7)],
        parameters: "[]".into(),
        inputs: Vec::new(),
        identity: crate::log::ViewIdentity::default(),
    };
    let field = |(at, value_type): (usize, &ValueType)| ServedField::new(format!("activity:f{at}"), *value_type);
    Arc::new(ServedPlan {
        service: Some(service.into()),
        log: "ab".into(),
        history: Some(1),
        keys: vec![ServedField::new("customer_id", ValueType::Text), ServedField::new("shop", ValueType::Int64)],
        request: vec![ServedField::new("cart_value", ValueType::Float64)],
        features: types.iter().enumerate().map(field).collect(),
        views: vec![("activity@v2".into(), program)],
    })
}

fn column(value_type: ValueType, values: &[Value]) -> Column {
    let mut column = Column::new(value_type);
    values.iter().for_each(|value| column.push(value).expect("one type"));
    column
}

fn request(service: &str, as_of: i64, values: Vec<Column>) -> ServedBatch {
    let rows = values[0].len();
    let types: Vec<ValueType> = values.iter().map(Column::value_type).collect();
    let texts: Vec<Value> = (0..rows).map(|row| Value::Text(format!("c\"{row}\u{1F980}"))).collect();
    let numbers: Vec<Value> = (0..rows).map(|row| Value::Int64(-(row as i64))).collect();
    ServedBatch {
        plan: plan_of(service, &types),
        as_of: AsOf::from_micros(as_of),
        offset: u64::from(u32::MAX),
        replayed: as_of == 20,
        request_id: (as_of % 20 == 0).then(|| format!("r{as_of}").into()),
        keys: vec![column(ValueType::Text, &texts), column(ValueType::Int64, &numbers)],
        request: vec![column(ValueType::Float64, &vec![Value::Float64(0.1); rows])],
        statuses: (0..values.len())
            .map(|at| (0..rows).map(|row| STATUSES[(at + row) % STATUSES.len()]).collect())
            .collect(),
        offsets: vec![(0..rows as u64).collect()],
        values,
    }
}

/// A request of so many rows of one number.
fn numbers(service: &str, as_of: i64, rows: usize) -> ServedBatch {
    request(service, as_of, vec![column(ValueType::Int64, &vec![Value::Int64(1); rows])])
}

/// A log that is written, with a limit for its file.
fn writer(path: &Path, bytes_max: u64) -> ServedWriter<FeatureLog> {
    ServedWriter::new(Box::new(FeatureLog::open(path).expect("opens").with_bytes_max(bytes_max)))
}

fn open() -> (tempfile::TempDir, PathBuf, ServedWriter<FeatureLog>) {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("served");
    let log = writer(&path, u64::MAX);
    (directory, path, log)
}

fn reader(path: &Path) -> FeatureLog {
    FeatureLog::open_read_only(path).expect("opens").expect("is there")
}

fn all(log: &FeatureLog, since: Option<AsOf>) -> Vec<ServedVector> {
    let mut vectors = Vec::new();
    let log: &dyn ServedSink = log;
    log.vectors(since, |vector| {
        vectors.push(vector);
        Ok::<_, LogError>(())
    })
    .expect("reads");
    vectors
}

/// The numbers of the batches that are read, and the errors between them.
fn outcome(log: &FeatureLog) -> Vec<String> {
    let told = |batch: Result<StoredBatch, LogError>| match batch.and_then(|batch| Ok((batch.number, batch.decode()?)))
    {
        Ok((number, _)) => number.to_string(),
        Err(error) => {
            assert!(error.is_damage(), "{error}");
            error.to_string().replace(&log.file.name.path.display().to_string(), "PATH")
        }
    };
    log.batches(1, None).map(told).collect()
}

#[test]
fn the_requests_of_a_commit_are_batches_by_plan() {
    let (directory, path, mut log) = open();
    assert_eq!(log.record(&[]).expect("records nothing").ids, 1..1);
    let commit = [numbers("a", 10, 2), numbers("b", 30, 1), numbers("a", 20, 3), numbers("b", 25, 0)];
    assert_eq!(log.record(&commit).expect("records").ids, 1..7);
    drop(log);
    let mut log = writer(&path, u64::MAX);
    assert_eq!(log.record(&[numbers("b", 40, 1)]).expect("records").ids, 7..8);
    let log = reader(&path);
    let told = |batch: StoredBatch| {
        let as_ofs = (batch.first_as_of.micros(), batch.last_as_of.micros());
        (batch.number, batch.plan.service.clone(), batch.first_vector, batch.vectors, batch.requests, as_ofs)
    };
    let batches: Vec<StoredBatch> = log.batches(1, None).map(|batch| batch.expect("is whole")).collect();
    let digests: Vec<_> = batches.iter().map(|batch| (batch.plan_digest.to_string(), batch.plan.digest())).collect();
    assert!(digests.iter().all(|(named, digest)| named == digest) && digests[1] == digests[2], "{digests:?}");
    let seen: Vec<_> = batches.into_iter().map(told).collect();
    let service = |name: &str| Some(name.to_owned());
    let expected = [
        (1, service("a"), 1, 5, 2, (10, 20)),
        (2, service("b"), 6, 1, 1, (30, 30)),
        (3, service("b"), 7, 1, 1, (40, 40)),
    ];
    assert_eq!(seen, expected);
    let head = log.head().expect("reads");
    assert_eq!((head.last_batch, head.vectors, head.expired_batches), (3, 7, 0));
    let from_two: Vec<u64> = log.batches(2, None).map(|batch| batch.expect("is whole").number).collect();
    assert_eq!(from_two, [2, 3]);
    let plans: i64 = Connection::open(directory.path().join("served"))
        .and_then(|file| file.query_row("SELECT count(*) FROM plans", [], |row| row.get(0)))
        .expect("counts");
    assert_eq!(plans, 2);
}

#[test]
fn a_large_commit_is_several_batches() {
    let (_directory, path, mut log) = open();
    let text = Value::Text("x".repeat(5 << 20));
    let requests: Vec<_> =
        (0..5).map(|as_of| request("a", as_of, vec![column(ValueType::Text, std::slice::from_ref(&text))])).collect();
    log.record(&requests).expect("records");
    let sizes: Vec<u64> = reader(&path).batches(1, None).map(|batch| batch.expect("is whole").vectors).collect();
    assert_eq!(sizes, [3, 2]);
}

#[test]
fn vectors_are_read_since_an_as_of_in_the_order_of_their_ids() {
    let (_directory, path, mut log) = open();
    log.record(&[numbers("a", 10, 2)]).expect("records");
    log.record(&[numbers("a", 30, 1), numbers("a", 15, 1), numbers("a", 20, 2)]).expect("records");
    let seen =
        |since| all(log.sink(), since).iter().map(|vector| (vector.id, vector.as_of.micros())).collect::<Vec<_>>();
    assert_eq!(seen(None), [(1, 10), (2, 10), (3, 30), (4, 15), (5, 20), (6, 20)]);
    assert_eq!(seen(Some(AsOf::from_micros(20))), [(3, 30), (5, 20), (6, 20)]);
    assert_eq!(seen(Some(AsOf::from_micros(31))), []);
    let last = all(log.sink(), Some(AsOf::from_micros(20))).remove(1);
    assert_eq!(
        (last.request_id.as_deref(), last.replayed, last.keys[0].to_string()),
        (Some("r20"), true, "c\"0🦀".into())
    );
    // A batch that is older is not read, and not missed.
    let batches: Vec<u64> =
        log.sink().batches(1, Some(AsOf::from_micros(15))).map(|batch| batch.expect("is whole").number).collect();
    assert_eq!((batches, log.sink().head().expect("reads").kept()), (vec![2], 6));
    assert!(reader(&path).append(&[]).is_err(), "a reader records nothing");
}

#[test]
fn vectors_that_do_not_fit_their_plan_are_not_recorded() {
    let (_directory, path, mut log) = open();
    let good = || numbers("a", 10, 2);
    let mut wrong = vec![good(), good(), good(), good(), good()];
    wrong[0].values.clear();
    wrong[1].values[0] = column(ValueType::Text, &[Value::Null, Value::Null]);
    wrong[2].keys[0] = column(ValueType::Text, &[Value::Null]);
    wrong[3].statuses[0][1] = "FINE";
    wrong[4].offsets[0].pop();
    for request in wrong {
        let error = log.record(&[good(), request]).expect_err("does not fit").to_string();
        assert!(
            error.starts_with("served vectors cannot be recorded, their columns are not those of their plan: "),
            "{error}"
        );
    }
    assert_eq!((log.record(&[good()]).expect("records").ids, outcome(&reader(&path))), (1..3, vec!["1".to_owned()]));
}

#[test]
fn where_the_file_is_full_the_oldest_batches_go() {
    let (_directory, path, log) = open();
    drop(log);
    let mut log = writer(&path, 256 << 10);
    let long = Value::Text("x".repeat(1_000));
    let mut random = 1_u32;
    let (mut expired, mut written) = (0, 0);
    for round in 0..60 {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        // Up to 30 requests of two vectors, about a kilobyte each.
        let requests = 1 + random as usize % 30;
        let of_request =
            |at| request("a", round, vec![column(ValueType::Text, &[Value::Text(format!("{at}")), long.clone()])]);
        let recorded = log.record(&(0..requests).map(of_request).collect::<Vec<_>>()).expect("records");
        written += 2 * requests as u64;
        expired += recorded.expired;
        assert_eq!(recorded.ids, written - 2 * requests as u64 + 1..written + 1);
        assert_eq!(log.sink().head().expect("reads").expired_vectors, expired);
        assert_eq!(log.sink().head().expect("reads").kept(), written - expired);
    }
    let head = log.sink().head().expect("reads");
    assert!(expired > 500 && head.expired_batches > 10 && head.last_batch == 60, "{head:?}");
    let ids: Vec<u64> = all(log.sink(), None).iter().map(|vector| vector.id).collect();
    assert_eq!(ids, (expired + 1..=written).collect::<Vec<_>>());
    drop(log);
    assert!(std::fs::metadata(&path).expect("is there").len() < 512 << 10);
    // What is recorded at once stays, however much it is; nothing else does.
    let mut log = writer(&path, 1);
    let recorded = log.record(&[request("a", 1, vec![column(ValueType::Text, &vec![long; 500])])]).expect("records");
    assert_eq!((log.sink().head().expect("reads").kept(), recorded.expired), (500, written - expired));
    assert_eq!(outcome(log.sink()), ["61"]);
}

#[test]
fn batches_that_expire_while_they_are_read_are_not_missed() {
    let (_directory, path, log) = open();
    drop(log);
    let mut log = writer(&path, 64 << 20);
    // More batches than a page holds.
    for round in 0..600 {
        log.record(&[numbers("a", round, 1)]).expect("records");
    }
    let reader = reader(&path);
    let mut batches = reader.batches(1, None);
    assert_eq!(batches.next().expect("is there").expect("is whole").number, 1);
    drop(log);
    let mut log = writer(&path, 1);
    log.record(&[numbers("a", 600, 1)]).expect("records");
    drop(log);
    let mut log = writer(&path, u64::MAX);
    log.record(&[numbers("a", 601, 1)]).expect("records");
    let rest: Vec<u64> = batches.map(|batch| batch.expect("is whole or has expired").number).collect();
    assert_eq!(rest, (2..=256).chain([601, 602]).collect::<Vec<_>>());
    assert_eq!(outcome(&reader), ["601", "602"]);
}

#[test]
fn a_new_log_has_the_head_of_one_without_batches() {
    let (_directory, path, log) = open();
    assert_eq!((log.sink().head().expect("reads"), outcome(&reader(&path))), (Head::default(), Vec::<String>::new()));
    let mut checksum = Checksum::default();
    for _ in 0..5 {
        checksum.number(0);
    }
    assert!(schema::FEATURE_LOG.tables.contains(&format!("VALUES (1, 0, 0, 0, 0, 0, {});", checksum.finish())));
}

#[test]
fn what_a_request_holds_in_memory_is_counted() {
    let small = numbers("a", 1, 1).memory_bytes();
    let rows = numbers("a", 1, 1_000).memory_bytes();
    let text = request("a", 1, vec![column(ValueType::Text, &[Value::Text("x".repeat(100_000))])]).memory_bytes();
    assert!((500..2_000).contains(&small), "{small}");
    // A number, a status, an offset, a key of two columns and a request field.
    assert!((50_000..120_000).contains(&rows), "{rows}");
    assert!((100_000..200_000).contains(&text), "{text}");
}
