//! One random column in every format, and in several writers' shapes of Parquet: the same values, or the same refusal.

use std::fmt::Write as _;

use ::parquet::basic::Compression;
use ::parquet::file::properties::{EnabledStatistics, WriterVersion};
use arrow::array::{
    Array, BooleanArray, Decimal128Array, Decimal256Array, Float64Array, Int64Array, LargeStringArray, StringArray,
    StringViewArray, TimestampMicrosecondArray, TimestampMillisecondArray, TimestampNanosecondArray, UInt64Array,
};
use arrow::datatypes::{Float64Type, Int32Type, i256};
use proptest::prelude::*;

use super::int96::write_int96;
use super::*;
use crate::batch::Value;
use crate::files::{Input, Sheet};
use crate::time::{Rounding, format_time};

/// One cell, before anybody wrote it. A number is the digits that a person would write.
#[derive(Clone, Debug)]
enum Cell {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    /// Nanoseconds since the epoch.
    Time(i128),
    List(Vec<String>),
}

/// What a wanted column should give for a cell; `None` for a refusal.
fn expected(cell: &Cell, wanted: &Wanted) -> Option<Value> {
    Some(match (cell, wanted.value_type) {
        (Cell::Null, _) => Value::Null,
        (Cell::Bool(value), ValueType::Bool) => Value::Bool(*value),
        (Cell::Number(digits), ValueType::Int64) => Value::Int64(digits.parse().ok()?),
        (Cell::Number(digits), ValueType::Float64) => Value::Float64(float64(digits)?),
        (Cell::Text(text), ValueType::Text) => Value::Text(text.clone()),
        (Cell::Time(nanos), ValueType::Time) => {
            let finer = i128::from(wanted.time.rounding == Rounding::Up && nanos.rem_euclid(1_000) != 0);
            Value::Time(i64::try_from(nanos.div_euclid(1_000) + finer).ok()?)
        }
        (Cell::List(items), ValueType::Float64List) => {
            Value::Float64List(items.iter().map(|item| float64(item)).collect::<Option<_>>()?)
        }
        _ => return None,
    })
}

/// The nearest float64 of digits; of an integer only the one that equals it. An oracle by whole numbers of any size.
fn float64(digits: &str) -> Option<f64> {
    let number: f64 = digits.parse().ok()?;
    let is_integer = digits.trim_start_matches('-').bytes().all(|byte| byte.is_ascii_digit());
    let equals = || num_bigint::BigInt::parse_bytes(format!("{number:.0}").as_bytes(), 10);
    let is_exact = !is_integer || equals() == num_bigint::BigInt::parse_bytes(digits.as_bytes(), 10);
    (number.is_finite() && is_exact).then_some(number)
}

/// A time in ISO 8601, to the nanosecond.
fn iso(nanos: i128) -> String {
    let second = i64::try_from(nanos.div_euclid(1_000_000_000) * 1_000_000).expect("a time of the calendar");
    let whole = format_time(second);
    format!("{}.{:09}Z", whole.strip_suffix('Z').expect("it is in UTC"), nanos.rem_euclid(1_000_000_000))
}

fn csv(cells: &[Cell]) -> String {
    let mut text = "x,row\n".to_owned();
    for (row, cell) in cells.iter().enumerate() {
        let field = match cell {
            Cell::Null => String::new(),
            Cell::Bool(value) => value.to_string(),
            Cell::Number(digits) => digits.clone(),
            Cell::Text(text) => format!("\"{}\"", text.replace('"', "\"\"")),
            Cell::Time(nanos) => iso(*nanos),
            Cell::List(items) => format!("\"[{}]\"", items.join(",")),
        };
        writeln!(text, "{field},{row}").expect("writes to a text");
    }
    text
}

/// Nulls are left out in every other row.
fn ndjson(cells: &[Cell]) -> String {
    let mut text = String::new();
    for (row, cell) in cells.iter().enumerate() {
        let value = match cell {
            Cell::Null if row % 2 == 0 => {
                text += "{}\n";
                continue;
            }
            Cell::Null => "null".to_owned(),
            Cell::Bool(value) => value.to_string(),
            Cell::Number(digits) => digits.clone(),
            Cell::Text(text) => serde_json::Value::from(text.as_str()).to_string(),
            Cell::Time(nanos) => format!("\"{}\"", iso(*nanos)),
            Cell::List(items) => format!("[{}]", items.join(",")),
        };
        writeln!(text, "{{\"x\":{value}}}").expect("writes to a text");
    }
    text
}

fn each<T>(cells: &[Cell], of: impl Fn(&Cell) -> Option<T>) -> Vec<Option<T>> {
    cells.iter().map(of).collect()
}

/// The arrays that hold the cells exactly, in whichever type a writer may choose.
fn arrays(cells: &[Cell]) -> Vec<ArrayRef> {
    let numbers = each(cells, |cell| if let Cell::Number(digits) = cell { Some(digits.clone()) } else { None });
    let texts = each(cells, |cell| if let Cell::Text(text) = cell { Some(text.clone()) } else { None });
    let times = each(cells, |cell| if let Cell::Time(nanos) = cell { Some(*nanos) } else { None });
    match cells.iter().find(|cell| !matches!(cell, Cell::Null)) {
        Some(Cell::Bool(_)) => vec![array(BooleanArray::from(each(cells, |cell| match cell {
            Cell::Bool(value) => Some(*value),
            _ => None,
        })))],
        Some(Cell::Number(_)) => numbers_in_every_type(&numbers),
        Some(Cell::Text(_)) => {
            let dictionary: arrow::array::DictionaryArray<Int32Type> =
                texts.iter().map(|text| text.as_deref()).collect();
            vec![
                array(StringArray::from(texts.clone())),
                array(LargeStringArray::from(texts.clone())),
                array(texts.iter().map(|text| text.as_deref()).collect::<StringViewArray>()),
                array(dictionary),
            ]
        }
        Some(Cell::Time(_)) => times_in_every_type(&times),
        Some(Cell::List(_)) => {
            let lists = each(cells, |cell| match cell {
                Cell::List(items) => Some(items.iter().map(|item| item.parse::<f64>().ok()).collect::<Vec<_>>()),
                _ => None,
            });
            // As floats, integers are what they were rounded to.
            let is_exact = cells
                .iter()
                .all(|cell| !matches!(cell, Cell::List(items) if items.iter().any(|item| float64(item).is_none())));
            let list = array(arrow::array::ListArray::from_iter_primitive::<Float64Type, _, _>(lists));
            if is_exact { vec![list] } else { Vec::new() }
        }
        _ => vec![array(arrow::array::NullArray::new(cells.len()))],
    }
}

/// Integers, floats and decimals, where they hold every number.
fn numbers_in_every_type(numbers: &[Option<String>]) -> Vec<ArrayRef> {
    let parsed = |of: &dyn Fn(&str) -> bool| numbers.iter().flatten().all(|digits| of(digits));
    let mut arrays: Vec<ArrayRef> = Vec::new();
    if parsed(&|digits| digits.parse::<i64>().is_ok()) {
        arrays.push(array(numbers.iter().map(|digits| digits.as_ref()?.parse().ok()).collect::<Int64Array>()));
    }
    if parsed(&|digits| digits.parse::<u64>().is_ok()) {
        arrays.push(array(numbers.iter().map(|digits| digits.as_ref()?.parse().ok()).collect::<UInt64Array>()));
    }
    if parsed(&|digits| digits.contains(['.', 'e']) && digits.parse::<f64>().is_ok_and(f64::is_finite)) {
        arrays.push(array(numbers.iter().map(|digits| digits.as_ref()?.parse().ok()).collect::<Float64Array>()));
    }
    let places = |digits: &str| digits.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    let widest = numbers.iter().flatten().map(|digits| places(digits)).max().unwrap_or(0);
    let scaled = |digits: &String| {
        let plain = digits.replace('.', "") + &"0".repeat(widest - places(digits));
        let is_plain = !digits.contains('e') && (widest > 0) == digits.contains('.');
        // A decimal has one zero.
        let is_minus_zero = |number: i128| number == 0 && digits.starts_with('-');
        let is_held = |number: &i128| !is_minus_zero(*number) && number.unsigned_abs() < 10_u128.pow(38);
        plain.parse::<i128>().ok().filter(|number| is_plain && is_held(number))
    };
    if numbers.iter().flatten().all(|digits| scaled(digits).is_some()) && widest <= 30 {
        let values = || numbers.iter().map(|digits| scaled(digits.as_ref()?));
        let small: Decimal128Array = values().collect();
        arrays.push(array(small.with_precision_and_scale(38, widest as i8).expect("it fits")));
        let large: Decimal256Array = values().map(|value| value.map(i256::from_i128)).collect();
        arrays.push(array(large.with_precision_and_scale(70, widest as i8).expect("it fits")));
    }
    arrays
}

/// Timestamps and texts, where they hold every time.
fn times_in_every_type(times: &[Option<i128>]) -> Vec<ArrayRef> {
    let divided = |by: i128| -> Option<Vec<Option<i64>>> {
        let one = |nanos: &Option<i128>| match nanos {
            None => Some(None),
            Some(nanos) => i64::try_from(nanos / by).ok().filter(|_| nanos % by == 0).map(Some),
        };
        times.iter().map(one).collect()
    };
    let mut arrays = vec![array(StringArray::from(times.iter().map(|time| time.map(iso)).collect::<Vec<_>>()))];
    if let Some(nanos) = divided(1) {
        arrays.push(array(TimestampNanosecondArray::from(nanos)));
    }
    if let Some(micros) = divided(1_000) {
        arrays.push(array(TimestampMicrosecondArray::from(micros).with_timezone("UTC")));
    }
    if let Some(millis) = divided(1_000_000) {
        arrays.push(array(TimestampMillisecondArray::from(millis)));
    }
    arrays
}

/// Writers' shapes: encodings, pages of version 2, compression, several row groups.
fn shapes() -> Vec<WriterProperties> {
    let one = |version, dictionary, compression| {
        WriterProperties::builder()
            .set_writer_version(version)
            .set_dictionary_enabled(dictionary)
            .set_compression(compression)
            .set_statistics_enabled(EnabledStatistics::None)
            .set_max_row_group_row_count(Some(5))
            .build()
    };
    vec![
        one(WriterVersion::PARQUET_1_0, false, Compression::UNCOMPRESSED),
        one(WriterVersion::PARQUET_1_0, true, Compression::SNAPPY),
        one(WriterVersion::PARQUET_2_0, false, Compression::LZ4_RAW),
        one(WriterVersion::PARQUET_2_0, true, Compression::UNCOMPRESSED),
    ]
}

/// A column as the bits of its values, or the row of the refusal, from 1.
type Read = Result<Vec<String>, Option<u64>>;

fn read_all(path: &Path, wanted: &Wanted) -> Read {
    let bits = |column: &Column| (0..column.len()).map(|row| column.value(row).hex()).collect::<Vec<_>>();
    let whole = read_column(path, wanted.clone()).map(|column| bits(&column)).map_err(|error| error.row);
    let by_parts = || {
        let (input, mut all) = (Input::open(&file_system(), path)?, Vec::new());
        for part in 0..input.parts().len() {
            input.read(part, std::slice::from_ref(wanted), &mut |sheet: Sheet| {
                all.extend(bits(&sheet.lanes[0].clone().into_column().expect("a column")));
                Ok::<(), InputError>(())
            })?;
        }
        Ok(all)
    };
    let by_parts = by_parts().map_err(|error: InputError| error.row);
    assert_eq!(whole, by_parts, "{}", path.display());
    whole
}

/// Reads the cells from every format and shape, as `wanted`.
fn check(cells: &[Cell], wanted: &Wanted) -> Result<(), TestCaseError> {
    let files = Files::new();
    let values: Vec<Option<Value>> = cells.iter().map(|cell| expected(cell, wanted)).collect();
    let right: Read = match values.iter().position(Option::is_none) {
        Some(row) => Err(Some(row as u64 + 1)),
        None => Ok(values.into_iter().flatten().map(|value| value.hex()).collect()),
    };
    for path in [files.text("x.csv", csv(cells)), files.text("x.ndjson", ndjson(cells))] {
        prop_assert_eq!(
            &read_all(&path, wanted),
            &right,
            "{}\n{}",
            path.display(),
            std::fs::read_to_string(&path).expect("text")
        );
    }
    for array in arrays(cells) {
        for properties in shapes() {
            let found = array.data_type().clone();
            let path = files.parquet_with("x.parquet", vec![("x", Arc::clone(&array))], Some(properties));
            let read = read_all(&path, wanted);
            // What no value of the type can be is refused before any row is read.
            let is_type = matches!(read, Err(None)) && right.is_err();
            prop_assert!(is_type || read == right, "{found}: {read:?}, not {right:?}");
        }
    }
    if cells.iter().all(|cell| matches!(cell, Cell::Time(_) | Cell::Null)) && wanted.value_type == ValueType::Time {
        let nanos: Vec<Option<i128>> =
            each(cells, |cell| if let Cell::Time(nanos) = cell { Some(*nanos) } else { None });
        prop_assert_eq!(&read_all(&write_int96(&files, "x", &nanos), wanted), &right, "INT96");
    }
    Ok(())
}

fn column_of(cell: impl Strategy<Value = Cell>) -> impl Strategy<Value = Vec<Cell>> {
    prop::collection::vec(prop_oneof![1 => Just(Cell::Null), 6 => cell], 1..12)
}

/// Integers near every edge, and of any size.
fn integer() -> impl Strategy<Value = String> {
    prop_oneof![
        (-1_000_i64..1_000).prop_map(|number| number.to_string()),
        any::<i64>().prop_map(|number| number.to_string()),
        (0..128_u32, -2_i128..=2).prop_map(|(bits, near)| ((1_i128 << bits.min(120)) + near).to_string()),
        any::<u64>().prop_map(|number| number.to_string()),
    ]
}

/// Decimals: money, many digits, exponents over the whole range and beyond.
fn decimal() -> impl Strategy<Value = String> {
    prop_oneof![
        (any::<i32>(), 0..100_u8).prop_map(|(whole, cents)| format!("{whole}.{cents:02}")),
        "-?(0|[1-9][0-9]{0,20})\\.[0-9]{1,25}",
        (1..10_u8, any::<u32>(), -420..420_i32)
            .prop_map(|(first, rest, exponent)| format!("{first}.{rest}e{exponent}")),
    ]
}

/// Times of the years 1 to 9999, whole or to the nanosecond.
fn time() -> impl Strategy<Value = Cell> {
    let seconds = prop_oneof![-62_135_596_800_i128..253_402_300_800, 0_i128..2_000_000_000];
    let nanos = prop_oneof![Just(0_i128), (0..1_000_000_i128).prop_map(|micros| micros * 1_000), 0..1_000_000_000_i128];
    (seconds, nanos).prop_map(|(seconds, nanos)| Cell::Time(seconds * 1_000_000_000 + nanos))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn numbers(integers in column_of(integer().prop_map(Cell::Number)), decimals in column_of(decimal().prop_map(Cell::Number)),
        mixed in column_of(prop_oneof![integer(), decimal()].prop_map(Cell::Number))) {
        for cells in [integers, decimals, mixed] {
            for value_type in [ValueType::Float64, ValueType::Int64] {
                check(&cells, &wanted("x", value_type))?;
            }
        }
    }

    #[test]
    fn times(cells in column_of(time())) {
        for rounding in [Rounding::Up, Rounding::Down] {
            check(&cells, &Wanted::time("x", Nulls::Allowed, TimeForm { rounding, ..TimeForm::default() }))?;
        }
    }

    #[test]
    fn texts_flags_and_lists(texts in column_of("[^\u{0}\r]{1,30}".prop_map(Cell::Text)), flags in column_of(any::<bool>().prop_map(Cell::Bool)),
        lists in column_of(prop::collection::vec(prop_oneof![integer(), decimal()], 0..4).prop_map(Cell::List))) {
        check(&texts, &wanted("x", ValueType::Text))?;
        check(&flags, &wanted("x", ValueType::Bool))?;
        check(&lists, &wanted("x", ValueType::Float64List))?;
    }
}

#[test]
fn an_absent_column_is_null_or_refused() {
    let files = Files::new();
    let paths = [
        files.text("x.csv", "y\n1\n2\n"),
        files.text("x.ndjson", "{\"y\":1}\n{\"y\":2}\n"),
        files.parquet("x.parquet", vec![("y", array(Int64Array::from(vec![1, 2])))]),
    ];
    for path in paths {
        let null = Value::Null.hex();
        assert_eq!(read_all(&path, &wanted("x", ValueType::Float64)), Ok(vec![null.clone(), null]));
        assert!(read_all(&path, &required("x", ValueType::Float64)).is_err());
    }
}
