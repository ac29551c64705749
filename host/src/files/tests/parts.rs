//! A file read part by part, as sheets and as tables, against the same file read from its beginning.

use ::parquet::data_type::{ByteArray, ByteArrayType};
use ::parquet::file::properties::WriterProperties;
use ::parquet::file::writer::SerializedFileWriter;
use ::parquet::schema::parser::parse_message_type;
use arrow::array::{Float64Array, Int32Array, StringArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;

use super::*;
use crate::batch::{FieldLane, Lane, Value};
use crate::files::Input;

/// Texts that a dictionary holds or does not, short and long, with nulls and without; numbers that are kept as they are, and
/// that are converted.
fn columns(rows: usize) -> Vec<(&'static str, ArrayRef)> {
    let texts = |text: &dyn Fn(usize) -> Option<String>| array(StringArray::from_iter((0..rows).map(text)));
    vec![
        ("few", texts(&|row| Some(format!("t{}", row % 3)))),
        ("long", texts(&|row| Some(format!("a text of more than twelve bytes {}", row % 300)))),
        ("many", texts(&|row| Some(format!("{row}")))),
        ("mixed", texts(&|row| Some(if row < 400 { "same".to_owned() } else { format!("{row:04000}") }))),
        ("nulls", texts(&|row| (row % 5 > 0).then(|| format!("n{}", row % 7)))),
        ("none", texts(&|_| None)),
        ("number", array(Float64Array::from_iter((0..rows).map(|row| (row % 4 > 0).then_some(row as f64))))),
        ("narrow", array(Int32Array::from_iter_values((0..rows).map(|row| row as i32)))),
    ]
}

fn all_wanted() -> Vec<Wanted> {
    let texts = ["few", "long", "many", "mixed", "nulls", "none"].map(|name| wanted(name, ValueType::Text));
    // One of them twice, so that two lanes share an array.
    let others = [("number", ValueType::Float64), ("narrow", ValueType::Int64), ("number", ValueType::Float64)];
    texts.into_iter().chain(others.map(|(name, value_type)| wanted(name, value_type))).collect()
}

#[test]
fn parts_hold_the_rows_of_the_file() {
    let files = Files::new();
    let wanted = all_wanted();
    let whole = files.parquet("whole.parquet", columns(1_000));
    // As polars writes them, texts are views.
    let viewed = |array: ArrayRef| match array.data_type() {
        DataType::Utf8 => cast(&array, &DataType::Utf8View).expect("views"),
        _ => array,
    };
    for (dictionary, group_rows, views) in
        [(true, 1_000, false), (true, 300, false), (false, 300, false), (true, 300, true), (false, 300, true)]
    {
        let path = files.path("parts.parquet");
        let columns = columns(1_000).into_iter().map(|(n, a)| (n, if views { viewed(a) } else { a }, true));
        let batch = RecordBatch::try_from_iter_with_nullable(columns);
        let batch = batch.expect("a batch");
        let properties = WriterProperties::builder()
            .set_dictionary_enabled(dictionary)
            .set_dictionary_page_size_limit(4_096)
            .set_write_batch_size(64)
            .set_max_row_group_row_count(Some(group_rows));
        let file = std::fs::File::create(&path).expect("a file");
        let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties.build())).expect("a writer");
        writer.write(&batch).expect("rows");
        writer.close().expect("a footer");

        let input = Input::open(&file_system(), &path).expect("opens");
        let (mut seen, mut before, mut coded) = (vec![Vec::new(); wanted.len()], 0, 0);
        for part in 0..input.parts().len() {
            let mut take = |sheet: crate::files::Sheet| {
                assert_eq!(sheet.rows_before, before);
                before += sheet.rows as u64;
                let rows: Vec<u32> = (0..sheet.rows as u32).collect();
                for (lane, seen) in sheet.lanes.iter().zip(&mut seen) {
                    coded += usize::from(matches!(lane, Lane::Coded(..)));
                    let gathered = FieldLane::gather(lane, &rows).and_then(FieldLane::into_column).expect("small");
                    let column = lane.clone().into_column().expect("small");
                    assert!((0..sheet.rows).all(|row| gathered.value(row).same_bits(&column.value(row))));
                    seen.extend((0..sheet.rows).map(|row| column.value(row)));
                }
                Ok::<_, InputError>(())
            };
            input.read(part, &wanted, &mut take).expect("reads");
        }
        assert_eq!(coded > 0, dictionary, "texts are read as codes where the file has them");
        let tables: Vec<Table> = (0..input.parts().len())
            .flat_map(|part| input.tables(part, &wanted, Rest::Keep).expect("opens"))
            .collect::<Result<_, _>>()
            .expect("reads");
        for (at, (wanted, seen)) in wanted.iter().zip(seen).enumerate() {
            let expected = read_column(&whole, wanted.clone()).expect("reads");
            let same = |row: usize, found: &Value| expected.value(row).same_bits(found);
            assert!(seen.len() == 1_000 && (0..1_000).all(|row| same(row, &seen[row])), "{}", wanted.name);
            for table in &tables {
                let rows = table.rows_before as usize..table.rows_before as usize + table.rows;
                assert!(
                    rows.clone().all(|row| same(row, &table.columns[at].value(row - rows.start))),
                    "{}",
                    wanted.name
                );
            }
        }
    }
}

/// Texts that the file calls JSON, not text: their dictionary is one of bytes.
#[test]
fn texts_of_json_are_texts() {
    let files = Files::new();
    let path = files.path("json.parquet");
    let schema = parse_message_type("message m { required binary x (JSON); }").expect("a schema");
    let file = std::fs::File::create(&path).expect("a file");
    let mut writer = SerializedFileWriter::new(file, Arc::new(schema), Arc::default()).expect("a writer");
    let mut group = writer.next_row_group().expect("a group");
    let mut column = group.next_column().expect("no error").expect("a column");
    let values: Vec<ByteArray> = (0..100).map(|row| ByteArray::from(if row % 2 == 0 { "{}" } else { "[1]" })).collect();
    column.typed::<ByteArrayType>().write_batch(&values, None, None).expect("rows");
    column.close().expect("a column");
    group.close().expect("a group");
    writer.close().expect("a footer");

    let (mut seen, wanted) = (Vec::new(), [wanted("x", ValueType::Text)]);
    let mut take = |mut sheet: crate::files::Sheet| {
        seen.push(sheet.lanes.remove(0).into_column().expect("small"));
        Ok::<_, InputError>(())
    };
    Input::open(&file_system(), &path).expect("opens").read(0, &wanted, &mut take).expect("reads");
    assert_eq!((seen.len(), shown(&seen[0].take(&[0, 1, 98]).expect("small"))), (1, "{} [1] {}".to_owned()));
}
