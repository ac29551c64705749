//! Decimals of Arrow as the types that columns have: the nearest float64, an exact integer, or their digits as text.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{
    ArrowNativeTypeOp, DataType, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type, DecimalType,
};

use super::convert::Misfit;
use super::error::InputFault;
use super::text;
use crate::batch::Texts;
use crate::schema::ValueType;

/// The powers of ten that a float64 holds exactly.
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];

/// Whether `found` is a decimal that columns of `wanted` take: integers only from decimals without a fraction.
pub(super) fn fits(found: &DataType, wanted: ValueType) -> bool {
    match wanted {
        ValueType::Float64 | ValueType::Text => scale(found).is_some(),
        ValueType::Int64 => scale(found).is_some_and(|scale| scale <= 0),
        _ => false,
    }
}

/// How many of its digits are those of a fraction; `None` for a type that is no decimal.
pub(super) fn scale(found: &DataType) -> Option<i8> {
    match found {
        DataType::Decimal32(_, scale)
        | DataType::Decimal64(_, scale)
        | DataType::Decimal128(_, scale)
        | DataType::Decimal256(_, scale) => Some(*scale),
        _ => None,
    }
}

/// The type that a decimal has where nobody asks for another: int64 where it has no fraction and always fits, else float64.
pub(super) fn natural_type(found: &DataType) -> Option<ValueType> {
    let (DataType::Decimal32(precision, scale)
    | DataType::Decimal64(precision, scale)
    | DataType::Decimal128(precision, scale)
    | DataType::Decimal256(precision, scale)) = found
    else {
        return None;
    };
    let is_int64 = *scale == 0 && *precision <= 18;
    Some(if is_int64 { ValueType::Int64 } else { ValueType::Float64 })
}

/// The nearest float64 of each row, 0.0 for a null. A decimal without a fraction is an integer, and must be a float64 exactly.
pub(super) fn float64s(array: &ArrayRef) -> Result<Vec<f64>, Misfit> {
    let scale = scale(array.data_type()).unwrap_or(0);
    // Both are exact, so that one division rounds once.
    let divisor = usize::try_from(scale).ok().and_then(|scale| POWERS.get(scale));
    rows(array, |digits, small| match (small, divisor) {
        (Some(small), Some(divisor)) => Ok(small as f64 / divisor),
        _ => text::float64(&digits()),
    })
}

/// The integer of each row, 0 for a null.
pub(super) fn int64s(array: &ArrayRef) -> Result<Vec<i64>, Misfit> {
    rows(array, |digits, _| {
        let digits = digits();
        digits.parse().map_err(|_| InputFault::Value(format!("{digits} is beyond the range of int64")))
    })
}

/// The digits of each row, as many after the point as its type says; an empty text for a null.
pub(super) fn texts(array: &ArrayRef) -> Result<Texts, Misfit> {
    let mut texts = Texts::default();
    for digits in rows(array, |digits, _| Ok(digits()))? {
        texts.bytes.extend_from_slice(digits.as_bytes());
        texts.ends.push(super::convert::end(texts.bytes.len())?);
    }
    Ok(texts)
}

/// What makes a value of a decimal: see [`rows`].
type Convert<'a, O> = &'a mut dyn FnMut(&dyn Fn() -> String, Option<i64>) -> Result<O, InputFault>;

/// `convert` of each row that is not null: it is given the digits of the decimal, and the decimal without its point where a
/// float64 holds that exactly.
fn rows<O: Default>(
    array: &ArrayRef,
    mut convert: impl FnMut(&dyn Fn() -> String, Option<i64>) -> Result<O, InputFault>,
) -> Result<Vec<O>, Misfit> {
    fn of<T: DecimalType, O: Default>(
        array: &ArrayRef,
        convert: Convert<'_, O>,
        to_i128: impl Fn(T::Native) -> Option<i128>,
    ) -> Result<Vec<O>, Misfit>
    where
        T::Native: ArrowNativeTypeOp,
    {
        const EXACT: std::ops::RangeInclusive<i128> = -(1 << 53)..=1 << 53;
        let array = array.as_primitive::<T>();
        let (precision, scale) = (array.data_type(), scale(array.data_type()).unwrap_or(0));
        let precision = match precision {
            DataType::Decimal32(precision, _)
            | DataType::Decimal64(precision, _)
            | DataType::Decimal128(precision, _)
            | DataType::Decimal256(precision, _) => *precision,
            _ => 0,
        };
        let mut converted = Vec::with_capacity(array.len());
        for (row, value) in array.iter().enumerate() {
            converted.push(match value {
                None => O::default(),
                Some(value) => {
                    let small = to_i128(value).filter(|value| EXACT.contains(value)).map(|value| value as i64);
                    convert(&|| T::format_decimal(value, precision, scale), small)
                        .map_err(|fault| Misfit::at(row, fault))?
                }
            });
        }
        Ok(converted)
    }
    match array.data_type() {
        DataType::Decimal32(..) => of::<Decimal32Type, O>(array, &mut convert, |value| Some(i128::from(value))),
        DataType::Decimal64(..) => of::<Decimal64Type, O>(array, &mut convert, |value| Some(i128::from(value))),
        DataType::Decimal128(..) => of::<Decimal128Type, O>(array, &mut convert, Some),
        _ => of::<Decimal256Type, O>(array, &mut convert, |value| value.to_i128()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Decimal128Array, Decimal256Array};
    use arrow::datatypes::i256;
    use proptest::prelude::*;
    use std::sync::Arc;

    fn decimals(values: Vec<Option<i128>>, precision: u8, scale: i8) -> ArrayRef {
        Arc::new(Decimal128Array::from(values).with_precision_and_scale(precision, scale).expect("fits"))
    }

    #[test]
    fn money_is_the_nearest_float64_or_its_digits() {
        let array = decimals(vec![Some(110), None, Some(-5), Some(0)], 10, 2);
        assert_eq!(float64s(&array).ok(), Some(vec![1.1, 0.0, -0.05, 0.0]));
        let texts = texts(&array).expect("texts");
        assert_eq!(String::from_utf8_lossy(&texts.bytes), "1.10-0.050.00");
        assert_eq!(texts.ends, [4, 4, 9, 13]);
    }

    #[test]
    fn decimals_without_a_fraction_are_integers() {
        let array = decimals(vec![Some(9_007_199_254_740_993), Some(-7)], 19, 0);
        assert_eq!(int64s(&array).ok(), Some(vec![9_007_199_254_740_993, -7]));
        let refused = float64s(&array).expect_err("no float64 equals it");
        assert_eq!(
            (refused.row, refused.fault.to_string().as_str()),
            (Some(0), "the integer 9007199254740993 has no exact float64")
        );
        let refused = int64s(&decimals(vec![Some(1), Some(1 << 64)], 38, 0)).expect_err("too large");
        assert_eq!(
            (refused.row, refused.fault.to_string().as_str()),
            (Some(1), "18446744073709551616 is beyond the range of int64")
        );
        let large: ArrayRef =
            Arc::new(Decimal256Array::from(vec![i256::from_i128(7)]).with_precision_and_scale(76, 0).expect("fits"));
        assert_eq!(int64s(&large).ok(), Some(vec![7]));
    }

    proptest! {
        #[test]
        fn every_decimal_is_what_its_digits_parse_to(value in -(10_i128.pow(38) - 1)..10_i128.pow(38), near in -(1_i128 << 54)..(1_i128 << 54), scale in 1..=38_i8) {
            for value in [value, near] {
                let array = decimals(vec![Some(value)], 38, scale);
                let digits = Decimal128Type::format_decimal(value, 38, scale);
                let expected: f64 = digits.parse().expect("a number");
                let found = float64s(&array).expect("a float64")[0];
                prop_assert_eq!(found.to_bits(), expected.to_bits(), "{}", digits);
            }
        }
    }
}
