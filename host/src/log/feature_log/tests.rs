//! What was served comes back as it was.

use super::*;
use crate::schema::ValueType;

fn plan(features: usize) -> Arc<ServedPlan> {
    let program = ServedProgram {
        digest: "00ff".into(),
        ttl_us: Some(5),
        parameters: "[]".into(),
        inputs: Vec::new(),
        identity: crate::log::ViewIdentity::default(),
    };
    Arc::new(ServedPlan {
        service: Some("churn_v1".into()),
        log: "ab".into(),
        history: Some(1),
        entities: vec!["customer_id".into(), "shop".into()],
        request: vec!["cart_value".into()],
        features: (0..features).map(|at| format!("activity:f{at}")).collect(),
        views: vec![("activity@v2".into(), program)],
    })
}

fn column(values: &[Value]) -> Column {
    let value_type = values.iter().find_map(Value::value_type).unwrap_or(ValueType::Int64);
    let mut column = Column::new(value_type);
    values.iter().for_each(|value| column.push(value).expect("one type"));
    column
}

fn batch(as_of: i64, values: Vec<Column>) -> ServedBatch {
    let rows = values[0].len();
    let texts: Vec<Value> = (0..rows).map(|row| Value::Text(format!("c\"{row}\u{1F980}"))).collect();
    let numbers: Vec<Value> = (0..rows).map(|row| Value::Int64(-(row as i64))).collect();
    ServedBatch {
        plan: plan(values.len()),
        as_of: AsOf(as_of),
        offset: u64::from(u32::MAX),
        replayed: as_of == 20,
        keys: vec![column(&texts), column(&numbers)],
        request: vec![column(&vec![Value::Float64(0.1); rows])],
        statuses: (0..values.len())
            .map(|at| (0..rows).map(|row| ["PRESENT", "NULL_VALUE"][at * row % 2]).collect())
            .collect(),
        offsets: vec![(0..rows as u64).collect()],
        values,
    }
}

fn all(log: &FeatureLog, since: Option<AsOf>) -> Vec<ServedVector> {
    let mut vectors = Vec::new();
    log.vectors(since, |vector| {
        vectors.push(vector);
        Ok::<_, LogError>(())
    })
    .expect("reads");
    vectors
}

#[test]
fn what_was_served_comes_back_bit_for_bit() {
    let floats = [0.0, -0.0, 0.1 + 0.2, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, f64::from_bits(1)];
    let texts = ["", "NaN", "null", "\"\\\u{0}\n", "3ff8000000000000", "zażółć 🦀", "a", "b"];
    let numbers = [i64::MIN, -1, 0, i64::MAX, 1, 2, 3, 4];
    let mut columns = [
        floats.map(Value::Float64).to_vec(),
        texts.map(|text| Value::Text(text.into())).to_vec(),
        numbers.map(Value::Int64).to_vec(),
        numbers.map(Value::Time).to_vec(),
        floats.map(|_| Value::Float64List(floats.to_vec())).to_vec(),
        numbers.map(|number| Value::Bool(number > 0)).to_vec(),
    ];
    columns.iter_mut().enumerate().for_each(|(at, values)| values[at] = Value::Null);
    let written = batch(10, columns.iter().map(|values| column(values)).collect());
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("served");
    let mut log = FeatureLog::open(&path).expect("opens");
    assert_eq!(log.record(std::slice::from_ref(&written)).expect("records").ids, 1..9);
    let read = all(&FeatureLog::open_read_only(&path).expect("opens").expect("is there"), None);
    assert_eq!(read.len(), 8);
    for (row, vector) in read.iter().enumerate() {
        for (at, value) in vector.values.iter().enumerate() {
            let expected = written.values[at].value(row);
            assert!(value.same_bits(&expected), "{expected} came back as {value}");
            assert_eq!(value.value_type(), expected.value_type());
        }
        let statuses: Vec<&str> = written.statuses.iter().map(|statuses| statuses[row]).collect();
        assert_eq!(vector.statuses, statuses);
        assert_eq!((vector.id, vector.views[0].offset), (row as u64 + 1, row as u64));
        assert_eq!(vector.entities[0].1, KeyValue::Text(format!("c\"{row}\u{1F980}")));
        assert_eq!(vector.entities[1], ("shop".into(), KeyValue::Int64(-(row as i64))));
        assert_eq!((vector.as_of, vector.offset, vector.replayed), (AsOf(10), u64::from(u32::MAX), false));
        assert_eq!((vector.service.as_deref(), vector.log.as_str(), vector.history), (Some("churn_v1"), "ab", Some(1)));
    }
}

#[test]
fn requests_are_stored_so_that_people_can_read_them() {
    let served =
        batch(10, vec![column(&[Value::Float64(1.5), Value::Null]), column(&[Value::Int64(7), Value::Int64(8)])]);
    assert_eq!(
        body(&served),
        "{\"entities\":[{\"text\":[\"c\\\"0🦀\",\"c\\\"1🦀\"]},{\"int64\":[0,-1]}],\
         \"request\":[{\"float64\":[\"3fb999999999999a\",\"3fb999999999999a\"]}],\
         \"values\":[{\"float64\":[\"3ff8000000000000\",null]},{\"int64\":[7,8]}],\
         \"statuses\":[\"PRESENT\",[\"PRESENT\",\"NULL_VALUE\"]],\"offsets\":[[0,1]]}"
    );
    for wrong in [r#"{"float64":["1.5"]}"#, r#"{"float64":[1.5]}"#, r#"{"float32":["3ff8000000000000"]}"#] {
        assert!(serde_json::from_str::<StoredColumn>(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn vectors_are_read_since_an_as_of_in_the_order_of_their_ids() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut log = FeatureLog::open(&directory.path().join("served")).expect("opens");
    assert_eq!(log.record(&[]).expect("records nothing").ids, 1..1);
    let served = |as_of, rows| batch(as_of, vec![column(&vec![Value::Int64(1); rows])]);
    assert_eq!(log.record(&[served(10, 2)]).expect("records").ids, 1..3);
    assert_eq!(log.record(&[served(30, 1), served(20, 2)]).expect("records").ids, 3..6);
    let seen = |since| all(&log, since).iter().map(|vector| (vector.id, vector.as_of.0)).collect::<Vec<_>>();
    assert_eq!(seen(None), [(1, 10), (2, 10), (3, 30), (4, 20), (5, 20)]);
    assert_eq!(seen(Some(AsOf(20))), [(3, 30), (4, 20), (5, 20)]);
    assert_eq!(log.count().expect("counts"), 5);
    let mut reader = FeatureLog::open_read_only(&directory.path().join("served")).expect("opens").expect("is there");
    assert!(reader.record(&[]).is_err(), "a reader records nothing");
}

#[test]
fn where_the_file_is_full_the_oldest_requests_go() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("served");
    let mut log = FeatureLog::open(&path).expect("opens").with_bytes_max(256 << 10);
    let long = Value::Text("x".repeat(1_000));
    let (mut expired, mut written) = (0, 0);
    for round in 0..40 {
        // 20 requests of two vectors, about 2 KB each.
        let batches: Vec<_> = (0..20).map(|_| batch(round, vec![column(&[long.clone(), Value::Null])])).collect();
        let recorded = log.record(&batches).expect("records");
        written += 40;
        expired += recorded.expired;
        assert_eq!(recorded.ids, written - 39..written + 1);
        assert_eq!(log.expired().expect("reads"), expired);
        assert_eq!(log.count().expect("counts"), written - expired);
    }
    assert!(expired > 1_000, "{expired} of {written}");
    let ids: Vec<u64> = all(&log, None).iter().map(|vector| vector.id).collect();
    assert_eq!(ids, (expired + 1..=written).collect::<Vec<_>>());
    drop(log);
    assert!(std::fs::metadata(&path).expect("is there").len() < 512 << 10);
    // What is recorded at once stays, however much it is.
    let mut log = FeatureLog::open(&path).expect("opens").with_bytes_max(1);
    let recorded = log.record(&[batch(1, vec![column(&vec![long; 500])])]).expect("records");
    assert_eq!((log.count().expect("counts"), recorded.expired), (500, written - expired));
}

#[test]
fn what_a_request_holds_in_memory_is_counted() {
    let small = batch(1, vec![column(&[Value::Int64(1)])]).memory_bytes();
    let rows = batch(1, vec![column(&vec![Value::Int64(1); 1_000])]).memory_bytes();
    let text = batch(1, vec![column(&[Value::Text("x".repeat(100_000))])]).memory_bytes();
    assert!((500..2_000).contains(&small), "{small}");
    // A number, a status, an offset, a key of two columns and a request field.
    assert!((50_000..120_000).contains(&rows), "{rows}");
    assert!((100_000..200_000).contains(&text), "{text}");
}
