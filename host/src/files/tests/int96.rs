//! INT96 timestamps, as Spark, Hive and Impala write them.

use ::parquet::data_type::{Int96, Int96Type};
use ::parquet::file::properties::WriterProperties;
use ::parquet::file::writer::SerializedFileWriter;
use ::parquet::schema::parser::parse_message_type;
use arrow::array::AsArray;
use arrow::datatypes::{DataType, TimeUnit as ArrowUnit, TimestampMicrosecondType, TimestampNanosecondType};

use super::*;
use crate::batch::{Value, Values};
use crate::files::{Input, Sheet};
use crate::time::{Rounding, format_time};

/// The day number of 1970-01-01.
const EPOCH_DAY: i64 = 2_440_588;

fn int96(day: i64, nanos: u64) -> Int96 {
    let mut value = Int96::new();
    value.set_data(nanos as u32, (nanos >> 32) as u32, (day + EPOCH_DAY) as u32);
    value
}

/// A file with one column of times, given in nanoseconds.
pub(super) fn write_int96(files: &Files, name: &str, nanos: &[Option<i128>]) -> PathBuf {
    const DAY: i128 = 86_400_000_000_000;
    let values = nanos.iter().flatten().map(|nanos| int96(nanos.div_euclid(DAY) as i64, nanos.rem_euclid(DAY) as u64));
    let levels: Vec<i16> = nanos.iter().map(|nanos| i16::from(nanos.is_some())).collect();
    write_columns(files, &[name], &values.collect::<Vec<_>>(), &levels)
}

/// A file with the columns `at` and `also`, both of these values; 0 for a null in `levels`.
fn write(files: &Files, values: &[Int96], levels: &[i16]) -> PathBuf {
    write_columns(files, &["at", "also"], values, levels)
}

fn write_columns(files: &Files, names: &[&str], values: &[Int96], levels: &[i16]) -> PathBuf {
    let path = files.path("x.parquet");
    let columns: String = names.iter().map(|name| format!("OPTIONAL INT96 {name}; ")).collect();
    let schema = Arc::new(parse_message_type(&format!("message m {{ {columns}}}")).expect("a schema"));
    let file = std::fs::File::create(&path).expect("a file");
    let mut writer = SerializedFileWriter::new(file, schema, Arc::new(WriterProperties::default())).expect("a writer");
    let mut group = writer.next_row_group().expect("a row group");
    while let Some(mut column) = group.next_column().expect("a column") {
        column.typed::<Int96Type>().write_batch(values, Some(levels), None).expect("rows");
        column.close().expect("a column");
    }
    group.close().expect("a row group");
    writer.close().expect("a footer");
    path
}

/// 1600-01-01, 2024-01-01, null, 2300-01-01 and the last second of 9999.
fn far_and_wide(files: &Files) -> PathBuf {
    let last_second = 86_399_000_000_000;
    let values = [int96(-135_140, 0), int96(19_723, 0), int96(120_530, 0), int96(2_932_896, last_second)];
    write(files, &values, &[1, 1, 0, 1, 1])
}

const FAR_AND_WIDE: &str = "1600-01-01T00:00:00Z 2024-01-01T00:00:00Z null 2300-01-01T00:00:00Z 9999-12-31T23:59:59Z";

/// The times of a column, read whole and by parts.
fn both_ways(path: &Path, wanted: &Wanted) -> Result<Column, InputError> {
    let column = read_column(path, wanted.clone())?;
    let mut parts = Column::new(ValueType::Time);
    let input = Input::open(&file_system(), path)?;
    for part in 0..input.parts().len() {
        input.read(part, std::slice::from_ref(wanted), &mut |sheet: Sheet| {
            let lane = sheet.lanes[0].clone().into_column().expect("a column of times");
            parts.append(&lane).expect("one type");
            Ok::<(), InputError>(())
        })?;
    }
    assert_eq!(column, parts);
    Ok(column)
}

#[test]
fn every_year_is_read() {
    let files = Files::new();
    let path = far_and_wide(&files);
    assert_eq!(shown(&both_ways(&path, &wanted("at", ValueType::Time)).expect("reads")), FAR_AND_WIDE);
    let error = both_ways(&path, &required("at", ValueType::Time)).expect_err("a null");
    assert_eq!(files.told(&error), "x.parquet, row 3, column at: is null");
}

#[test]
fn every_year_passes_through() {
    let files = Files::new();
    let path = far_and_wide(&files);
    for rest in [Rest::Keep, Rest::AsWritten] {
        let tables = read(&path, &[wanted("at", ValueType::Time)], rest).expect("reads");
        let also = tables[0].rest.as_ref().expect("it passes through").column(0).clone();
        assert_eq!(*also.data_type(), DataType::Timestamp(ArrowUnit::Microsecond, None));
        let also = also.as_primitive::<TimestampMicrosecondType>().iter();
        let also: Vec<String> = also.map(|time| time.map_or("null".to_owned(), format_time)).collect();
        assert_eq!(also.join(" "), FAR_AND_WIDE);
    }
}

#[test]
fn nanoseconds_are_not_lost() {
    let files = Files::new();
    let path = write(&files, &[int96(19_723, 1_001), int96(-1, 86_399_999_999_999)], &[1, 1]);
    for (rounding, expected) in [(Rounding::Up, [2, 0]), (Rounding::Down, [1, -1])] {
        let time = Wanted::time("at", Nulls::Allowed, TimeForm { rounding, ..TimeForm::default() });
        let Values::Times(times) = both_ways(&path, &time).expect("reads").into_values() else { panic!("times") };
        assert_eq!([times[0] - 19_723 * 86_400_000_000, times[1]], expected);
    }
    let table = read(&path, &[], Rest::Keep).expect("reads").remove(0);
    assert_eq!(table.rounded, 0);
    let rest = table.rest.expect("it passes through");
    let nanos: Vec<i64> = rest.column(0).as_primitive::<TimestampNanosecondType>().values().to_vec();
    assert_eq!(nanos, [19_723 * 86_400_000_000_000 + 1_001, -1]);
    let both = write(&files, &[int96(19_723, 1_001), int96(2_932_896, 0)], &[1, 1]);
    let error = read(&both, &[], Rest::Keep).expect_err("no unit holds both");
    assert!(
        files.told(&error).starts_with("x.parquet, row 1, column at: has digits beyond the microsecond"),
        "{error}"
    );
}

#[test]
fn times_beyond_microseconds_are_refused() {
    let files = Files::new();
    let path = write(&files, &[int96(0, 0), int96(i64::from(i32::MAX) - EPOCH_DAY, 0)], &[1, 1]);
    let error = both_ways(&path, &wanted("at", ValueType::Time)).expect_err("beyond");
    assert!(files.told(&error).starts_with("x.parquet, row 2, column at: "), "{error}");
    assert!(files.told(&error).ends_with(" is out of the range of times"), "{error}");
    assert!(!matches!(read(&path, &[], Rest::Keep), Ok(tables) if tables.is_empty()));
    let value =
        read_column(&write(&files, &[int96(0, 1)], &[1]), wanted("at", ValueType::Time)).expect("reads").value(0);
    assert!(matches!(value, Value::Time(0)), "{value}");
}
