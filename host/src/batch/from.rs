//! Columns of Rust values, so that callers of the library need not name a [`Column`].

use super::{Column, Texts, Values, canonical};

/// A column of numbers and truth values: `$make` gives the stored values.
macro_rules! column_from {
    ($($value:ty => $make:expr;)*) => {$(
        impl From<Vec<$value>> for Column {
            fn from(values: Vec<$value>) -> Self {
                Self::from_parts($make(values), None)
            }
        }

        impl<const ROWS: usize> From<[$value; ROWS]> for Column {
            fn from(values: [$value; ROWS]) -> Self {
                Self::from(Vec::from(values))
            }
        }
    )*};
}

column_from! {
    bool => |values: Vec<bool>| Values::Booleans(values.into_iter().map(u8::from).collect());
    i64 => Values::Int64s;
    f64 => |values: Vec<f64>| Values::Float64s(values.into_iter().map(canonical).collect());
    &str => |values: Vec<&str>| texts(values.into_iter());
    String => |values: Vec<String>| texts(values.iter().map(String::as_str));
}

/// # Panics
///
/// If the texts have more than 4 GiB together.
fn texts<'a>(values: impl Iterator<Item = &'a str>) -> Values {
    let mut texts = Texts::default();
    for value in values {
        texts.bytes.extend_from_slice(value.as_bytes());
        texts.ends.push(u32::try_from(texts.bytes.len()).expect("a column holds at most 4 GiB of text"));
    }
    Values::Texts(texts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::Value;

    #[test]
    fn values_come_back() {
        let column = Column::from(["a", "", "b\u{e9}"]);
        assert_eq!((0..3).map(|row| column.value(row).to_string()).collect::<Vec<_>>(), ["a", "", "b\u{e9}"]);
        let column = Column::from(vec![f64::from_bits(0xfff8_0000_0000_0001), -0.0]);
        assert!(column.value(0).same_bits(&Value::Float64(f64::from_bits(super::super::CANONICAL_NAN))));
        assert!(column.value(1).same_bits(&Value::Float64(-0.0)));
        assert!(Column::from([true]).value(0).same_bits(&Value::Bool(true)));
        assert!(Column::from([7_i64]).value(0).same_bits(&Value::Int64(7)));
    }
}
