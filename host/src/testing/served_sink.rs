//! What every [`ServedSink`] must do: a suite of named checks.

use std::sync::Arc;

use super::{Violation, given, require};
use crate::batch::{Column, Value};
use crate::log::{
    LogError, ServedBatch, ServedField, ServedPlan, ServedProgram, ServedSink, ServedWriter, StoredBatch, ViewIdentity,
};
use crate::schema::ValueType;
use crate::time::AsOf;

/// A place for served vectors, empty at first.
pub trait Stand {
    /// The place, opened for writing by a process of its own. It is dropped before the next one is opened.
    fn open(&self) -> Box<dyn ServedSink>;
    /// The place, opened for reading beside it.
    fn reader(&self) -> Box<dyn ServedSink>;
    /// Power is lost while the place is not open: what was not put on disk is gone.
    fn lose_power(&self);
    /// Changes one byte of the body of a batch that is kept.
    fn damage(&self, number: u64);
}

/// Vectors come back.
pub const VECTORS: &str = "batches come back as they were appended, with their vectors";
/// Batches are in order.
pub const ORDER: &str = "batches are read in the order of their numbers, from the one asked for";
/// A write is seen.
pub const ACKNOWLEDGED: &str = "what was acknowledged is seen by every handle, also by one that was open before";
/// The head agrees.
pub const HEAD: &str = "the head says how far the batches go";
/// Numbers have no gaps.
pub const NUMBERS: &str = "a batch that does not follow the last one is refused, with all that came with it";
/// Appends are whole.
pub const APPENDS: &str =
    "after power was lost, every append is there whole or not at all, and none without those before it";
/// Damage is reported.
pub const DAMAGE: &str = "a batch that is not what was written is told, and those after it are read";

/// Runs the suite; `stand` makes an empty place. Returns the first check that fails.
pub fn conformance(stand: &dyn Fn() -> Box<dyn Stand>) -> Result<(), Violation> {
    vectors(&*stand())?;
    handles(&*stand())?;
    numbers(&*stand())?;
    power(&*stand())?;
    damage(&*stand())
}

/// The vectors of a request for features of `service`: one number a row, the first of which is `first`.
pub fn request(service: &str, as_of: i64, first: i64, rows: i64) -> ServedBatch {
    let program = ServedProgram {
        digest: "00ff".into(),
        ttl_us: Some(5),
        defaults: String::new(),
        feature_ttls_us: Vec::new(),
        parameters: "[]".into(),
        inputs: Vec::new(),
        identity: ViewIdentity::default(),
    };
    let plan = ServedPlan {
        service: Some(service.into()),
        log: "l1".into(),
        history: None,
        keys: vec![ServedField::new("id", ValueType::Int64)],
        request: Vec::new(),
        features: vec![ServedField::new("a@v1:x", ValueType::Int64)],
        views: vec![("a@v1".into(), program)],
    };
    let mut column = Column::new(ValueType::Int64);
    (first..first + rows).for_each(|number| drop(column.push(&Value::Int64(number))));
    ServedBatch {
        plan: Arc::new(plan),
        as_of: AsOf::from_micros(as_of),
        offset: as_of.unsigned_abs(),
        replayed: false,
        request_id: None,
        keys: vec![column.clone()],
        request: Vec::new(),
        values: vec![column],
        statuses: vec![vec!["PRESENT"; rows as usize]],
        offsets: vec![vec![1; rows as usize]],
    }
}

/// The numbers that are kept in vectors, in order, and the batches that hold them.
pub fn read(sink: &dyn ServedSink) -> Result<(Vec<u64>, Vec<i64>), LogError> {
    let (mut batches, mut numbers) = (Vec::new(), Vec::new());
    for batch in sink.batches(1, None) {
        let batch = batch?;
        batch.check()?;
        batches.push(batch.number);
        for vector in batch.decode()?.vectors() {
            if let Value::Int64(number) = vector.values[0] {
                numbers.push(number);
            }
        }
    }
    Ok((batches, numbers))
}

/// That there are so many batches, with the numbers from 0 on.
fn holds(check: &'static str, sink: &dyn ServedSink, batches: u64, vectors: i64) -> Result<(), Violation> {
    let found = given(check, read(sink))?;
    let expected = ((1..=batches).collect::<Vec<_>>(), (0..vectors).collect::<Vec<_>>());
    require(check, found == expected, || format!("{found:?} instead of {expected:?}"))?;
    let head = given(check, sink.head())?;
    let seen = (head.last_batch, head.vectors, head.expired_batches);
    require(HEAD, seen == (batches, vectors as u64, 0), || format!("{head:?} of {batches} batches, {vectors} vectors"))
}

fn vectors(stand: &dyn Stand) -> Result<(), Violation> {
    holds(VECTORS, &*stand.open(), 0, 0)?;
    let mut writer = ServedWriter::new(stand.open());
    let recorded = given(VECTORS, writer.record(&[request("a", 10, 0, 2), request("b", 9, 2, 1)]))?;
    require(VECTORS, recorded.ids == (1..4), || format!("vectors {:?} instead of 1 to 3", recorded.ids))?;
    given(VECTORS, writer.record(&[request("a", 30, 3, 2)]))?;
    holds(VECTORS, writer.sink(), 3, 5)?;
    drop(writer);
    let sink = stand.open();
    holds(VECTORS, &*sink, 3, 5)?;
    for (from, since, expected) in [
        (2, None, vec![2, 3]),
        (1, Some(AsOf::from_micros(10)), vec![1, 3]),
        (1, Some(AsOf::from_micros(31)), vec![]),
        (4, None, vec![]),
    ] {
        let found: Result<Vec<u64>, _> =
            sink.batches(from, since).map(|batch| batch.map(|batch| batch.number)).collect();
        let found = given(ORDER, found)?;
        require(ORDER, found == expected, || format!("batches {found:?} instead of {expected:?}"))?;
    }
    Ok(())
}

fn handles(stand: &dyn Stand) -> Result<(), Violation> {
    let mut writer = ServedWriter::new(stand.open());
    let reader = stand.reader();
    for round in 0..10 {
        given(ACKNOWLEDGED, writer.record(&[request("a", round, round, 1)]))?;
        holds(ACKNOWLEDGED, &*reader, round as u64 + 1, round + 1)?;
        holds(ACKNOWLEDGED, &*stand.reader(), round as u64 + 1, round + 1)?;
    }
    Ok(())
}

/// Copies of batches that are kept elsewhere, in a place of which these do not follow.
fn numbers(stand: &dyn Stand) -> Result<(), Violation> {
    let mut writer = ServedWriter::new(stand.open());
    for round in 0..3 {
        given(NUMBERS, writer.record(&[request("a", round, round, 1)]))?;
    }
    drop(writer);
    let mut sink = stand.open();
    let kept: Vec<StoredBatch> = given(NUMBERS, sink.batches(1, None).collect())?;
    let after = |number: u64| StoredBatch { number, first_vector: number, ..kept[0].clone() };
    for wrong in [vec![after(3)], vec![after(5)], vec![after(4), after(4)], vec![after(4), after(6)]] {
        let numbers: Vec<u64> = wrong.iter().map(|batch| batch.number).collect();
        let refused = sink.append(&wrong);
        let is_right = matches!(refused, Err(LogError::Misnumbered { .. }));
        require(NUMBERS, is_right, || format!("{refused:?} of batches {numbers:?} after 3"))?;
        holds(NUMBERS, &*sink, 3, 3)?;
    }
    Ok(())
}

fn power(stand: &dyn Stand) -> Result<(), Violation> {
    let mut vectors = vec![(0, 0)];
    for round in 0..12_i64 {
        let mut writer = ServedWriter::new(stand.open());
        for _ in 0..round % 4 + 1 {
            let (batches, first) = vectors[vectors.len() - 1];
            given(APPENDS, writer.record(&[request("a", round, first, 2), request("b", round, first + 2, 1)]))?;
            vectors.push((batches + 2, first + 3));
        }
        drop(writer);
        stand.lose_power();
        let sink = stand.open();
        let (batches, numbers) = given(APPENDS, read(&*sink))?;
        let kept = vectors.iter().position(|kept| *kept == (batches.len() as u64, numbers.len() as i64));
        require(APPENDS, kept.is_some(), || format!("batches {batches:?} with {numbers:?}"))?;
        vectors.truncate(kept.unwrap_or(0) + 1);
        let (batches, numbers) = vectors[vectors.len() - 1];
        holds(APPENDS, &*sink, batches, numbers)?;
    }
    Ok(())
}

fn damage(stand: &dyn Stand) -> Result<(), Violation> {
    let mut writer = ServedWriter::new(stand.open());
    for round in 0..4 {
        given(DAMAGE, writer.record(&[request("a", round, round, 1)]))?;
    }
    drop(writer);
    stand.damage(2);
    let sink = stand.open();
    let told = |batch: Result<StoredBatch, LogError>| match batch {
        Ok(batch) => batch.number.to_string(),
        Err(error) if error.is_damage() => "damaged".to_owned(),
        Err(error) => error.to_string(),
    };
    let found: Vec<String> = sink.batches(1, None).map(told).collect();
    require(DAMAGE, found == ["1", "damaged", "3", "4"], || format!("{found:?}"))
}
