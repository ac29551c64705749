//! Hashes, and the file of ids.

use std::collections::BTreeMap;

use super::hash::{RowHash, add_lane, id_hash, id_hashes};
use super::*;
use crate::batch::{Column, Lane, Value, short_text};
use crate::schema::{Field, ValueType};

fn column(value_type: ValueType, values: &[Value]) -> Column {
    let mut column = Column::new(value_type);
    values.iter().for_each(|value| column.push(value).expect("a value of the type"));
    column
}

fn hashes(lanes: &[Lane]) -> Vec<u128> {
    let mut hashes = vec![RowHash::new(); lanes[0].len()];
    lanes.iter().for_each(|lane| add_lane(&mut hashes, lane));
    hashes.into_iter().map(RowHash::finish).collect()
}

#[test]
fn a_row_has_one_hash_whatever_the_form_of_its_lanes() {
    let texts = ["a", "", "twelve bytes", "a"];
    let plain = Lane::Column(column(ValueType::Text, &texts.map(|text| Value::Text(text.to_owned()))));
    let short = Lane::Short(texts.map(|text| short_text(text.as_bytes())).to_vec());
    let distinct = column(ValueType::Text, &["twelve bytes", "a", ""].map(|text| Value::Text(text.to_owned())));
    let coded = Lane::coded(vec![1, 2, 0, 1], distinct);
    let expected = hashes(std::slice::from_ref(&plain));
    assert!(expected[0] == expected[3] && expected[0] != expected[1] && expected[1] != expected[2]);
    for lane in [short, coded] {
        assert_eq!(id_hashes(&lane), id_hashes(&plain));
        assert_eq!(hashes(&[lane]), expected);
    }
    assert_eq!(id_hashes(&plain), texts.map(|text| id_hash(text.as_bytes())));
    let nulls = Lane::Column(column(ValueType::Text, &[Value::Null, Value::Text("a".to_owned())]));
    assert_eq!(id_hashes(&nulls), [0, id_hash(b"a")]);
}

#[test]
fn rows_that_differ_have_hashes_that_differ() {
    let rows = [
        [Value::Null, Value::Null],
        [Value::Text(String::new()), Value::Null],
        [Value::Null, Value::Text(String::new())],
        [Value::Text("a".into()), Value::Text("bc".into())],
        [Value::Text("ab".into()), Value::Text("c".into())],
        [Value::Text("abcdefgh".into()), Value::Null],
        [Value::Text("abcdefgh\0".into()), Value::Null],
    ];
    let of =
        |at: usize| Lane::Column(column(ValueType::Text, &rows.iter().map(|row| row[at].clone()).collect::<Vec<_>>()));
    let mut all = hashes(&[of(0), of(1)]);
    let floats = [0.0, -0.0, 1.0, f64::NAN, f64::INFINITY].map(Value::Float64);
    all.extend(hashes(&[Lane::Column(column(ValueType::Float64, &floats))]));
    let lists = [vec![], vec![0.0], vec![0.0, 0.0]].map(Value::Float64List);
    all.extend(hashes(&[Lane::Column(column(ValueType::Float64List, &lists))]));
    let integers: Vec<Value> = (2..60_000).map(Value::Int64).collect();
    all.extend(hashes(&[Lane::Column(column(ValueType::Int64, &integers))]));
    // An empty list is a word 0, as the float 0.0 is: types do not mix in one column.
    let distinct: std::collections::BTreeSet<u128> = all.iter().copied().collect();
    assert!(all.len() - distinct.len() <= 1, "{} of {} collide", all.len() - distinct.len(), all.len());
}

/// Hashes are on disk: they stay what they are.
#[test]
fn hashes_are_the_same_in_every_version() {
    expect_test::expect!["339ac28aede79270d88bf5f71b773fdd 60a1ddd455cba51bcb9799e94c62b370"].assert_eq(&format!(
        "{:032x} {:032x}",
        id_hash(b""),
        id_hash(b"an event id")
    ));
}

#[test]
fn ids_are_found_in_a_file_of_any_size() {
    let dir = tempfile::tempdir().expect("a folder");
    for count in [0_u64, 1, 126, 127, 128, 254, 255, 5_000] {
        let mut entries: BTreeMap<u128, Vec<u128>> = BTreeMap::new();
        for at in 0..count {
            // Ids of several entities have several entries; many of one lie in several blocks.
            let id = id_hash(format!("{}", if at % 10 == 0 { at / 1_000 } else { at }).as_bytes());
            entries.entry(id).or_default().push(u128::from(at));
        }
        let field = Field {
            name: "amount".to_owned(),
            value_type: ValueType::Float64,
            nullable: true,
            documentation: String::new(),
        };
        let mut writer = IdIndexWriter::create(dir.path(), "id", std::slice::from_ref(&field)).expect("begins");
        for (id, contents) in &entries {
            contents.iter().for_each(|content| writer.add(*id, *content).expect("writes"));
        }
        let name = writer.finish().expect("ends");
        let mut index = IdIndex::open(&dir.path().join(&name), "events", "id").expect("opens");
        assert_eq!(index.fields(), [field]);
        for (id, contents) in &entries {
            assert_eq!(index.contents(*id).expect("reads"), *contents);
            for other in [id.wrapping_sub(1), id.wrapping_add(1), !id] {
                assert_eq!(index.contents(other).expect("reads"), entries.get(&other).cloned().unwrap_or_default());
            }
        }
        for extreme in [0, 1, u128::MAX] {
            assert_eq!(index.contents(extreme).expect("reads"), [0; 0]);
        }
        let error = IdIndex::open(&dir.path().join(&name), "events", "other").expect_err("another column");
        assert!(error.to_string().contains("does not have the ids of column other"), "{error}");
    }
}
