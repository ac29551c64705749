//! Columns that are read value by value, and columns that are written so.

use onepath_definition::ValueType;
use onepath_sdk::batch::{Column, Float64Lists, Texts, Values};

use crate::expression::{FAILED, NULL};

/// The column of a read, being written.
pub(crate) struct Writer {
    /// Its nulls are marks, from the first row on that has no value; one that fails is marked as well.
    pub(crate) column: Column,
    rows: usize,
}

macro_rules! put {
    ($($name:ident $value:ty, $($variant:ident)|+, $stored:expr;)*) => {$(
        /// Appends a value or a null.
        #[inline(always)]
        pub(crate) fn $name(&mut self, value: Option<$value>) {
            match &mut self.column.values {
                $(Values::$variant(values) => values.push(value.map_or_else(Default::default, $stored)),)+
                _ => unreachable!("a read has the type of its answer"),
            }
            self.mark(if value.is_some() { 0 } else { NULL });
        }
    )*};
}

impl Writer {
    pub(crate) fn new(value_type: ValueType, rows: usize) -> Self {
        let values = match value_type {
            ValueType::Boolean => Values::Booleans(Vec::with_capacity(rows)),
            ValueType::Int64 => Values::Int64s(Vec::with_capacity(rows)),
            ValueType::Float64 => Values::Float64s(Vec::with_capacity(rows)),
            ValueType::Time => Values::Times(Vec::with_capacity(rows)),
            ValueType::Text => Values::Texts(Texts { ends: Vec::with_capacity(rows), bytes: Vec::new() }),
            ValueType::Float64List => {
                Values::Float64Lists(Float64Lists { ends: Vec::with_capacity(rows), values: Vec::new() })
            }
        };
        Writer { column: Column { values, nulls: None }, rows: 0 }
    }

    put! {
        integer i64, Int64s | Times, |value| value;
        float f64, Float64s, |value| value;
        boolean bool, Booleans, u8::from;
    }

    /// Appends a text or a null.
    pub(crate) fn text(&mut self, value: Option<&str>) {
        let Values::Texts(texts) = &mut self.column.values else { unreachable!("a read has the type of its answer") };
        texts.bytes.extend_from_slice(value.unwrap_or_default().as_bytes());
        texts.ends.push(texts.bytes.len() as u32);
        self.mark(if value.is_some() { 0 } else { NULL });
    }

    /// Appends a list or a null.
    pub(crate) fn list(&mut self, numbers: Option<&[f64]>) {
        let Values::Float64Lists(lists) = &mut self.column.values else {
            unreachable!("a read has the type of its answer")
        };
        lists.values.extend_from_slice(numbers.unwrap_or_default());
        lists.ends.push(lists.values.len() as u32);
        self.mark(if numbers.is_some() { 0 } else { NULL });
    }

    /// Appends a sum of integers, which fails where it is beyond them.
    pub(crate) fn sum(&mut self, sum: Option<i128>) {
        match sum.map(i64::try_from) {
            Some(Err(_)) => {
                let Values::Int64s(values) = &mut self.column.values else {
                    unreachable!("a read has the type of its answer")
                };
                values.push(0);
                self.mark(FAILED);
            }
            sum => self.integer(sum.and_then(Result::ok)),
        }
    }

    #[inline(always)]
    fn mark(&mut self, mark: u8) {
        if let Some(marks) = &mut self.column.nulls {
            marks.push(mark);
        } else if mark != 0 {
            self.first_mark(mark);
        }
        self.rows += 1;
    }

    #[cold]
    fn first_mark(&mut self, mark: u8) {
        let mut marks = vec![0; self.rows];
        marks.push(mark);
        self.column.nulls = Some(marks);
    }
}

/// Texts, read by row.
#[derive(Clone, Copy)]
pub(crate) struct TextCells<'a> {
    ends: &'a [u32],
    text: &'a str,
}

impl<'a> TextCells<'a> {
    /// The texts were checked when they came.
    pub(crate) fn new(texts: &'a Texts) -> Self {
        TextCells { ends: &texts.ends, text: std::str::from_utf8(&texts.bytes).unwrap_or_default() }
    }

    #[inline]
    pub(crate) fn get(&self, row: usize) -> &'a str {
        let start = if row == 0 { 0 } else { self.ends[row - 1] as usize };
        self.text.get(start..self.ends[row] as usize).unwrap_or_default()
    }
}
