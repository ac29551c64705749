//! Arrow types of Parquet files as ours.

use arrow::array::{
    BooleanArray, Date32Array, Date64Array, Decimal128Array, DictionaryArray, FixedSizeListArray, Float32Array,
    Float64Array, Int8Array, Int32Array, Int64Array, LargeListArray, LargeStringArray, ListArray, NullArray,
    StringArray, StringViewArray, TimestampMicrosecondArray, TimestampMillisecondArray, TimestampNanosecondArray,
    TimestampSecondArray, UInt8Array, UInt16Array, UInt32Array, UInt64Array,
};
use arrow::datatypes::{DataType, Float32Type, Float64Type, Int32Type, Int64Type};

use super::*;
use crate::batch::Value;
use crate::files::convert;
use crate::time::Rounding;

fn convert_column(array: ArrayRef, wanted: &Wanted) -> Result<Column, convert::Misfit> {
    convert::column(array, wanted, &mut 0)
}

/// The column of an array, straight and through a Parquet file.
fn column_of(input: ArrayRef, wanted: &Wanted) -> String {
    let files = Files::new();
    let stored =
        shown(&read_column(&files.parquet("x.parquet", vec![("x", input.clone())]), wanted.clone()).expect("fits"));
    let straight = shown(&convert_column(input, wanted).expect("fits"));
    assert_eq!(stored, straight);
    straight
}

#[test]
fn integers_of_every_width() {
    let int64 = wanted("x", ValueType::Int64);
    for input in [
        array(Int8Array::from(vec![Some(1), None, Some(100)])),
        array(Int32Array::from(vec![Some(1), None, Some(100)])),
        array(UInt8Array::from(vec![Some(1), None, Some(100)])),
        array(UInt16Array::from(vec![Some(1), None, Some(100)])),
        array(UInt32Array::from(vec![Some(1), None, Some(100)])),
        array(UInt64Array::from(vec![Some(1), None, Some(100)])),
    ] {
        assert_eq!(column_of(input.clone(), &int64), "1 null 100");
        assert_eq!(column_of(input, &wanted("x", ValueType::Float64)), "1.0 null 100.0");
    }
}

#[test]
fn floats_of_every_width() {
    let float64 = wanted("x", ValueType::Float64);
    let input = vec![Some(1.1), None, Some(-0.0), Some(f32::NAN)];
    assert_eq!(column_of(array(Float32Array::from(input)), &float64), "1.100000023841858 null -0.0 NaN");
    let half = arrow::compute::cast(&Float32Array::from(vec![Some(0.1), None]), &DataType::Float16).expect("a cast");
    assert_eq!(column_of(half, &float64), "0.0999755859375 null");
    let odd_nan = Float64Array::from(vec![f64::from_bits(0xfff8_0000_0000_0001)]);
    let column = convert_column(array(odd_nan), &float64).expect("fits");
    assert_eq!(column.value(0).hex(), "0x7ff8000000000000");
}

#[test]
fn texts_in_every_layout() {
    let text = wanted("x", ValueType::Text);
    let input = vec![Some("a"), None, Some(""), Some("longer than an inlined view")];
    let dictionary: DictionaryArray<Int32Type> = input.clone().into_iter().collect();
    for input in [
        array(StringArray::from(input.clone())),
        array(LargeStringArray::from(input.clone())),
        array(StringViewArray::from(input)),
        array(dictionary),
    ] {
        assert_eq!(column_of(input, &text), "a null  longer than an inlined view");
    }
    assert_eq!(
        column_of(array(BooleanArray::from(vec![Some(true), None])), &wanted("x", ValueType::Bool)),
        "true null"
    );
}

#[test]
fn times_of_every_unit_and_zone() {
    let time = wanted("x", ValueType::Time);
    let seconds = 1_709_209_800;
    for zone in [None, Some("UTC"), Some("+05:30"), Some("America/New_York")] {
        for input in [
            array(TimestampMillisecondArray::from(vec![Some(seconds * 1_000), None]).with_timezone_opt(zone)),
            array(TimestampMicrosecondArray::from(vec![Some(seconds * 1_000_000), None]).with_timezone_opt(zone)),
            array(
                TimestampNanosecondArray::from(vec![Some(seconds * 1_000_000_000 + 999), None]).with_timezone_opt(zone),
            ),
        ] {
            assert_eq!(column_of(input, &time), "2024-02-29T12:30:00Z null");
        }
        let input = array(TimestampSecondArray::from(vec![Some(seconds), None]).with_timezone_opt(zone));
        assert_eq!(shown(&convert_column(Arc::clone(&input), &time).expect("fits")), "2024-02-29T12:30:00Z null");
    }
    let before = array(TimestampNanosecondArray::from(vec![-1]));
    assert_eq!(column_of(before, &time), "1969-12-31T23:59:59.999999Z");
    let days = array(Date32Array::from(vec![Some(19_782), None, Some(-1)]));
    assert_eq!(column_of(days, &time), "2024-02-29T00:00:00Z null 1969-12-31T00:00:00Z");
    let days = array(Date64Array::from(vec![19_782 * 86_400_000 + 5]));
    assert_eq!(shown(&convert_column(Arc::clone(&days), &time).expect("fits")), "2024-02-29T00:00:00Z");
    let texts = array(StringArray::from(vec![Some("2024-02-29T12:30:00Z"), None, Some("2024-02-29T13:30:00+01:00")]));
    assert_eq!(column_of(texts, &time), "2024-02-29T12:30:00Z null 2024-02-29T12:30:00Z");
}

#[test]
fn integers_are_times_in_their_declared_unit() {
    for (unit, factor) in [
        (TimeUnit::Seconds, 1),
        (TimeUnit::Milliseconds, 1_000),
        (TimeUnit::Microseconds, 1_000_000),
        (TimeUnit::Nanoseconds, 1_000_000_000),
    ] {
        let time = in_unit("x", unit);
        let input = array(Int64Array::from(vec![Some(1_709_209_800 * factor), None]));
        assert_eq!(column_of(input, &time), "2024-02-29T12:30:00Z null");
        let stored = array(TimestampMillisecondArray::from(vec![1_709_209_800_000]));
        assert_eq!(column_of(stored, &time), "2024-02-29T12:30:00Z", "the unit of the file counts");
    }
    let seconds = in_unit("x", TimeUnit::Seconds);
    let far = convert_column(array(Int64Array::from(vec![0, i64::MAX])), &seconds).expect_err("too far");
    assert_eq!(
        (far.row, far.fault.to_string()),
        (Some(1), "9223372036854775807 is out of the range of times".to_owned())
    );
    let far =
        convert_column(array(Date32Array::from(vec![i32::MAX])), &wanted("x", ValueType::Time)).expect_err("too far");
    assert_eq!((far.row, far.fault.to_string()), (Some(0), "day 2147483647 is out of the range of times".to_owned()));
}

#[test]
fn lists_in_every_layout() {
    let list = wanted("x", ValueType::Float64List);
    let input = || vec![Some(vec![Some(1.5), Some(-0.0)]), None, Some(vec![Some(2.0), Some(3.0)])];
    let whole = || vec![Some(vec![Some(1), Some(0)]), None];
    for input in [
        array(ListArray::from_iter_primitive::<Float64Type, _, _>(input())),
        array(LargeListArray::from_iter_primitive::<Float64Type, _, _>(input())),
        array(FixedSizeListArray::from_iter_primitive::<Float64Type, _, _>(input(), 2)),
    ] {
        assert_eq!(column_of(input.clone(), &list), "[1.5, -0.0] null [2.0, 3.0]");
        let cut = input.slice(1, 2);
        assert_eq!(shown(&convert_column(Arc::clone(&cut), &list).expect("fits")), "null [2.0, 3.0]");
    }
    let floats = vec![Some(vec![Some(1.1_f32)])];
    let floats = array(ListArray::from_iter_primitive::<Float32Type, _, _>(floats));
    assert_eq!(column_of(floats, &list), "[1.100000023841858]");
    let integers = array(ListArray::from_iter_primitive::<Int64Type, _, _>(whole()));
    assert_eq!(column_of(integers, &list), "[1.0, 0.0] null");
}

#[test]
fn a_column_of_nothing_but_nulls_has_any_type() {
    for value_type in [
        ValueType::Bool,
        ValueType::Int64,
        ValueType::Float64,
        ValueType::Text,
        ValueType::Time,
        ValueType::Float64List,
    ] {
        assert_eq!(column_of(array(NullArray::new(2)), &wanted("x", value_type)), "null null");
    }
    let refused = Wanted { nulls: Nulls::Refused, ..wanted("x", ValueType::Text) };
    let misfit = convert_column(array(NullArray::new(2)), &refused).expect_err("null");
    assert_eq!((misfit.row, misfit.fault.to_string()), (Some(0), "is null".to_owned()));
}

#[test]
fn decimals_are_numbers_integers_or_digits() {
    let money = Decimal128Array::from(vec![Some(110), None, Some(-220)]).with_precision_and_scale(10, 2).expect("fits");
    assert_eq!(column_of(array(money.clone()), &wanted("x", ValueType::Float64)), "1.1 null -2.2");
    assert_eq!(column_of(array(money.clone()), &wanted("x", ValueType::Text)), "1.10 null -2.20");
    let error = convert_column(array(money), &wanted("x", ValueType::Int64)).expect_err("a fraction");
    assert_eq!(error.fault.to_string(), "is of type Decimal128(10, 2) where int64 is expected");
    let number = Decimal128Array::from(vec![Some(9_007_199_254_740_993), None]);
    let number = array(number.with_precision_and_scale(19, 0).expect("fits"));
    assert_eq!(column_of(Arc::clone(&number), &wanted("x", ValueType::Int64)), "9007199254740993 null");
    assert_eq!(column_of(number, &wanted("x", ValueType::Text)), "9007199254740993 null");
}

#[test]
fn whole_floats_of_a_declared_unit_are_times() {
    let seconds = in_unit("x", TimeUnit::Seconds);
    let stored = array(Float64Array::from(vec![Some(1_709_209_800.0), None]));
    assert_eq!(column_of(stored, &seconds), "2024-02-29T12:30:00Z null");
    let half = convert_column(array(Float64Array::from(vec![0.0, 0.5])), &seconds).expect_err("a fraction");
    assert_eq!(
        (half.row, half.fault.to_string().as_str()),
        (Some(1), "0.5 is not a whole number of seconds: declare a finer unit")
    );
    let days = array(Int32Array::from(vec![Some(20_240_229), None]));
    assert_eq!(column_of(days, &wanted("x", ValueType::Time)), "2024-02-29T00:00:00Z null");
}

#[test]
fn nanoseconds_of_events_round_up_and_are_counted() {
    let nanos = array(TimestampNanosecondArray::from(vec![Some(1_000), Some(1_001), Some(1_999), None, Some(-1)]));
    for (rounding, expected) in [(Rounding::Up, "1 2 2 null 0"), (Rounding::Down, "1 1 1 null -1")] {
        let time = Wanted::time("x", Nulls::Allowed, TimeForm { rounding, ..TimeForm::default() });
        let mut rounded = 0;
        let column = convert::column(Arc::clone(&nanos), &time, &mut rounded).expect("fits");
        let micros = (0..column.len()).map(|row| match column.value(row) {
            Value::Time(micros) => micros.to_string(),
            other => other.to_string(),
        });
        assert_eq!((micros.collect::<Vec<_>>().join(" ").as_str(), rounded), (expected, 3));
    }
}
