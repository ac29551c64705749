//! What was served comes back bit for bit, all of it or column by column.

use proptest::prelude::*;

use super::*;
use crate::batch::{Float64Lists, Texts, Values};

/// The bits of a column, those that nulls hide included.
fn bits(column: &Column) -> (ValueType, Vec<bool>, Vec<u8>, Vec<u32>) {
    let floats = |values: &[f64]| values.iter().flat_map(|value| value.to_bits().to_le_bytes()).collect();
    let (bytes, ends) = match column.values() {
        Values::Booleans(values) => (values.clone(), Vec::new()),
        Values::Int64s(values) | Values::Times(values) => {
            (values.iter().flat_map(|value| value.to_le_bytes()).collect(), Vec::new())
        }
        Values::Float64s(values) => (floats(values), Vec::new()),
        Values::Texts(Texts { ends, bytes }) => (bytes.clone(), ends.clone()),
        Values::Float64Lists(Float64Lists { ends, values }) => (floats(values), ends.clone()),
    };
    (column.value_type(), (0..column.len()).map(|row| column.is_null(row)).collect(), bytes, ends)
}

/// A column of so many rows of any bits: NaN of any payload, texts of any characters, and often one value everywhere.
fn any_column(rows: usize) -> impl Strategy<Value = Column> {
    let float =
        prop_oneof![any::<u64>(), Just(f64::NAN.to_bits() | 1), Just((-0.0_f64).to_bits())].prop_map(f64::from_bits);
    let text = prop_oneof![Just(String::new()), "\\PC{0,9}"];
    let list = prop::collection::vec(float.clone(), 0..4);
    let kinds = (any::<i64>(), any::<bool>(), float, text, list);
    let nulls = prop_oneof![Just(0), Just(1), Just(2)];
    (0..6, prop::collection::vec((kinds, any::<bool>()), rows), any::<bool>(), nulls).prop_map(
        move |(kind, mut cells, same, nulls)| {
            if same {
                let first = cells[0].clone();
                cells.fill(first);
            }
            let is_null: Vec<bool> = cells.iter().map(|(_, null)| nulls == 2 || nulls == 1 && *null).collect();
            let mut ends = 0_u32;
            let mut texts = Texts::default();
            let mut lists = Float64Lists::default();
            for (((_, _, _, text, list), _), null) in cells.iter().zip(&is_null) {
                if !null && kind == 4 {
                    texts.bytes.extend_from_slice(text.as_bytes());
                }
                if !null && kind == 5 {
                    ends += list.len() as u32;
                    lists.values.extend_from_slice(list);
                }
                texts.ends.push(texts.bytes.len() as u32);
                lists.ends.push(ends);
            }
            let number = |row: usize| if is_null[row] { 0 } else { (cells[row].0).0 };
            let values = match kind {
                0 => Values::Booleans((0..rows).map(|row| u8::from(!is_null[row] && (cells[row].0).1)).collect()),
                1 => Values::Int64s((0..rows).map(number).collect()),
                2 => Values::Times((0..rows).map(number).collect()),
                3 => Values::Float64s((0..rows).map(|row| if is_null[row] { 0.0 } else { (cells[row].0).2 }).collect()),
                4 => Values::Texts(texts),
                _ => Values::Float64Lists(lists),
            };
            let nulls = is_null.iter().any(|null| *null).then(|| is_null.iter().map(|null| u8::from(*null)).collect());
            Column::from_parts(values, nulls)
        },
    )
}

/// Requests of one plan: their rows, and columns that all have the same types.
fn any_requests() -> impl Strategy<Value = Vec<ServedBatch>> {
    let columns = (1..30_usize).prop_flat_map(|rows| prop::collection::vec(any_column(rows), 1..5));
    (columns, prop::collection::vec(0..30_usize, 0..3), any::<(i64, u64)>()).prop_map(
        |(columns, cuts, (as_of, offset))| {
            let rows = columns[0].len();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut % rows).chain([0, rows]).collect();
            cuts.sort_unstable();
            cuts.dedup();
            let part = |(at, pair): (usize, &[usize])| {
                let rows: Vec<u32> = (pair[0] as u32..pair[1] as u32).collect();
                let values = columns.iter().map(|column| column.take(&rows).expect("small")).collect();
                let offset = offset >> (at + 1);
                ServedBatch { offset, ..request("all", as_of.wrapping_add(at as i64), values) }
            };
            cuts.windows(2).enumerate().map(part).collect()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn what_was_served_comes_back_bit_for_bit(requests in any_requests()) {
        let (_directory, path, mut log) = open();
        log.record(&requests).expect("records");
        let log = reader(&path);
        let batches: Vec<StoredBatch> = log.batches(1, None).map(|batch| batch.expect("is whole")).collect();
        prop_assert_eq!(batches.len(), 1);
        let vectors = batches[0].decode().expect("decodes");
        prop_assert_eq!(vectors.requests.len(), requests.len());
        prop_assert_eq!(&*vectors.plan, &*requests[0].plan);
        for (read, written) in vectors.requests.iter().zip(&requests) {
            prop_assert_eq!((read.as_of, read.offset, read.replayed), (written.as_of, written.offset, written.replayed));
            prop_assert_eq!(&read.request_id, &written.request_id);
            let rows: Vec<u32> = read.rows.clone().map(|row| row as u32).collect();
            let pairs = [(&vectors.keys, &written.keys), (&vectors.request, &written.request), (&vectors.values, &written.values)];
            for (column, original) in pairs.into_iter().flat_map(|(read, written)| read.iter().zip(written)) {
                prop_assert_eq!(bits(&column.take(&rows).expect("small")), bits(original));
            }
            for (codes, statuses) in vectors.statuses.iter().zip(&written.statuses) {
                let names: Vec<&str> = codes[read.rows.clone()].iter().map(|code| STATUSES[usize::from(*code)]).collect();
                prop_assert_eq!(&names, statuses);
            }
            prop_assert_eq!(&vectors.offsets[0][read.rows.clone()], &written.offsets[0][..]);
        }
        // Column by column, each is what it is among all.
        for (at, field) in vectors.plan.features.iter().enumerate() {
            let only = batches[0].decode_only(&|column| column == ServedColumn::Value(&field.name)).expect("decodes");
            prop_assert_eq!(bits(&only.values[at]), bits(&vectors.values[at]));
            let others = only.values.iter().enumerate().filter(|(other, column)| *other != at && !column.is_empty());
            prop_assert_eq!((others.count(), only.keys[0].len(), only.statuses[at].len(), only.offsets[0].len()), (0, 0, 0, 0));
        }
    }
}

#[test]
fn a_body_that_is_not_one_is_refused() {
    let (_directory, path, mut log) = open();
    let lists = vec![Value::Float64List(vec![1.0, 2.0]), Value::Float64List(vec![3.0])];
    let texts = vec![Value::Text("é".into()), Value::Null];
    let values = vec![column(ValueType::Float64List, &lists), column(ValueType::Text, &texts)];
    log.record(&[request("all", 20, values)]).expect("records");
    let batch = reader(&path).batches(1, None).next().expect("is there").expect("is whole");
    // A byte less at the end of any column, or one that was never there: whatever the checksum says.
    for length in 0..batch.body.len() {
        let cut = StoredBatch { body: batch.body[..length].to_vec(), ..batch.clone() };
        let error = cut.decode().expect_err("is cut").to_string();
        assert!(error.contains("batch 1 of the feature log") && error.contains("is not as it was written"), "{error}");
    }
    let longer = StoredBatch { body: [&batch.body[..], &[0]].concat(), ..batch.clone() };
    assert!(longer.decode().expect_err("is longer").to_string().contains("1 bytes follow its last column"));
    assert!(StoredBatch { vectors: 3, ..batch.clone() }.decode().is_err());
    assert!(StoredBatch { requests: 2, ..batch }.decode().is_err());
}
