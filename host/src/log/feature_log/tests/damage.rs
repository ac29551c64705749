//! What is missing, or is not what was written, is noticed and named.

use super::*;

/// Runs a statement on the file as somebody else would.
fn spoil(path: &Path, statement: &str) {
    let file = Connection::open(path).expect("opens");
    file.execute_batch(&format!("PRAGMA foreign_keys = OFF; {statement}")).expect("runs");
}

/// A log of five batches of two vectors.
fn five() -> (tempfile::TempDir, PathBuf) {
    let (directory, path, mut log) = open();
    for as_of in 1..6 {
        log.record(&[numbers("a", as_of, 2)]).expect("records");
    }
    (directory, path)
}

#[test]
fn a_batch_that_is_missing_is_named() {
    let help = "served vectors cannot be verified; restore it from a copy, or move it away to begin a new one";
    let missing = |which: &str, vectors| format!("{which} missing, and nothing in it says why: {vectors} {help}");
    let wrong = |number: u64, why: &str| {
        format!("batch {number} of the feature log PATH is not as it was written, {why}: 2 {help}")
    };
    let cases = [
        (
            "DELETE FROM batches WHERE number = 3",
            vec!["1".to_owned(), "2".into(), missing("batch 3 of the feature log PATH is", 2), "4".into(), "5".into()],
        ),
        (
            "DELETE FROM batches WHERE number IN (1, 2)",
            vec![missing("batches 1 to 2 of the feature log PATH are", 4), "3".into(), "4".into(), "5".into()],
        ),
        (
            "DELETE FROM batches WHERE number > 3",
            vec!["1".into(), "2".into(), "3".into(), missing("batches 4 to 5 of the feature log PATH are", 4)],
        ),
        ("DELETE FROM batches", vec![missing("batches 1 to 5 of the feature log PATH are", 10)]),
        (
            "UPDATE batches SET number = 9 WHERE number = 3",
            vec![
                "1".into(),
                "2".into(),
                missing("batch 3 of the feature log PATH is", 2),
                "4".into(),
                "5".into(),
                missing("batches 6 to 8 of the feature log PATH are", 0),
                wrong(9, "the head says that batch 5 is the last"),
            ],
        ),
        (
            "UPDATE batches SET checksum = (SELECT checksum FROM batches WHERE number = 4) WHERE number = 5",
            vec!["1".into(), "2".into(), "3".into(), "4".into(), wrong(5, "the head has another checksum of it")],
        ),
        ("DELETE FROM plans", (1..6).map(|number| wrong(number, "its plan 1 is gone")).collect()),
        (
            "UPDATE plans SET body = replace(body, 'cart_value', 'cart_valuf')",
            (1..6).map(|number| wrong(number, "its plan 1 is not as it was written")).collect(),
        ),
    ];
    for (statement, expected) in cases {
        let (_directory, path) = five();
        spoil(&path, statement);
        assert_eq!(outcome(&reader(&path)), expected, "{statement}");
    }
    let (_directory, path) = five();
    for (statement, why) in
        [("UPDATE head SET vectors = 9", "its checksum differs"), ("DELETE FROM head", "it is gone")]
    {
        spoil(&path, statement);
        let [error] = &outcome(&reader(&path))[..] else { panic!("one error") };
        assert!(
            error.starts_with(&format!("the head of the feature log PATH is not as it was written, {why}: ")),
            "{error}"
        );
    }
}

#[test]
fn every_byte_of_a_batch_that_changes_is_noticed() {
    let (_directory, path, mut log) = open();
    let values = vec![
        column(ValueType::Float64, &[Value::Float64(f64::NAN), Value::Float64(-0.0), Value::Null]),
        column(ValueType::Text, &[Value::Text("a".into()), Value::Text("é".into()), Value::Null]),
    ];
    log.record(&[request("all", 20, values)]).expect("records");
    drop(log);
    let file = Connection::open(&path).expect("opens");
    file.execute_batch("PRAGMA foreign_keys = OFF").expect("sets");
    let body: Vec<u8> = file.query_row("SELECT body FROM batches", [], |row| row.get(0)).expect("reads");
    let seed = 7_u8;
    println!("seed {seed}");
    for at in 0..body.len() {
        let mut changed = body.clone();
        changed[at] ^= 1 << ((at as u8).wrapping_mul(seed) % 8);
        file.execute("UPDATE batches SET body = ?1", [&changed]).expect("writes");
        let told = outcome(&reader(&path));
        assert!(told.len() == 1 && told[0].contains("its checksum differs: 3 served vectors"), "byte {at}: {told:?}");
    }
    file.execute("UPDATE batches SET body = ?1", [&body]).expect("writes");
    assert_eq!(outcome(&reader(&path)), ["1"]);
    for name in ["first_vector", "vectors", "requests", "first_as_of", "last_as_of", "last_offset", "checksum", "plan"]
    {
        for bit in [0, 8, 17, 31, 62] {
            let flip = format!("UPDATE batches SET {name} = ({name} | (1 << {bit})) - ({name} & (1 << {bit}))");
            file.execute(&flip, []).expect("writes");
            let told = outcome(&reader(&path));
            assert!(
                told.iter().any(|told| told.contains("batch 1 of the feature log PATH is not as it was")),
                "{name}: {told:?}"
            );
            file.execute(&flip, []).expect("writes back");
        }
    }
    assert_eq!(outcome(&reader(&path)), ["1"]);
}

#[test]
fn what_is_not_committed_leaves_no_gap() {
    let (directory, path, mut log) = open();
    log.record(&[numbers("a", 1, 2)]).expect("records");
    // Another process is killed within a commit, and its plan goes with it.
    let killed = Connection::open(&path).expect("opens");
    killed.execute_batch("BEGIN IMMEDIATE; DELETE FROM batches; UPDATE head SET last_batch = 7").expect("writes");
    assert_eq!(outcome(&reader(&path)), ["1"]);
    drop(killed);
    // The same within this process: no room is left in the middle of a commit.
    log.sink()
        .file
        .connection
        .execute_batch("CREATE TEMP TRIGGER full BEFORE UPDATE ON head BEGIN SELECT RAISE(ABORT, 'full'); END")
        .expect("makes");
    let error = log.record(&[numbers("b", 2, 2)]).expect_err("is full").to_string();
    assert!(error.starts_with("cannot read or write the feature log"), "{error}");
    log.sink().file.connection.execute_batch("DROP TRIGGER full").expect("drops");
    assert_eq!(log.record(&[numbers("b", 3, 1), numbers("a", 3, 1)]).expect("records").ids, 3..5);
    assert_eq!(outcome(&reader(&path)), ["1", "2", "3"]);
    drop(directory);
}
