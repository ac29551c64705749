//! Values: one cell of a field or a feature, read from a column and written to one.
//!
//! A column is resolved once per call, to a typed slice; reading a cell is then an index into it, without an allocation for
//! numbers, times, `&str` and `&[f64]`. What happens per cell is always inlined: left alone, the compiler calls some of it for
//! every cell of a component, which measurably costs more than the cell.

use crate::batch::{Column, Float64Lists, Texts, ValueType, Values};
use crate::time::Time;

/// A type that a field or a feature can have: a [`Plain`] one, or an `Option` of one where null is allowed.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a field or a feature",
    note = "fields are bool, i64, f64, &str, String, Time, &[f64], Vec<f64>, or an Option of one of these where null is allowed",
    note = "features are bool, i64, f64, String, Time, Vec<f64>, or an Option of one of these where null is allowed"
)]
pub trait Value<'a>: Sized {
    /// The type in the contract.
    const TYPE: ValueType;
    /// Whether null is allowed.
    const NULLABLE: bool;
    /// A column resolved for reading.
    type Reader;
    /// A column being written.
    type Writer;

    /// Resolves a column, or says what is wrong with it.
    fn reader(column: &'a Column) -> Result<Self::Reader, String>;

    /// The cell of one row. Where null is not allowed, the caller has made sure that it is not null.
    fn read(reader: &Self::Reader, row: usize) -> Self;

    /// An empty column with room for so many rows.
    fn writer(rows: usize) -> Self::Writer;

    /// Appends a cell.
    fn write(self, writer: &mut Self::Writer);

    /// The column that was written.
    fn finish(writer: Self::Writer) -> Column;
}

/// A type of value that is never null.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a field or a feature",
    note = "fields are bool, i64, f64, &str, String, Time, &[f64], Vec<f64>, or an Option of one of these where null is allowed",
    note = "features are bool, i64, f64, String, Time, Vec<f64>, or an Option of one of these where null is allowed"
)]
pub trait Plain<'a>: Sized {
    /// The type in the contract.
    const TYPE: ValueType;
    /// The values of a column, resolved for reading.
    type Cells;
    /// The values of a column being written.
    type Store;

    /// Resolves the values, or says what is wrong with them. Their type has been checked by [`Value::reader`]'s caller or
    /// is refused here.
    fn cells(values: &'a Values) -> Result<Self::Cells, String>;

    /// The value of one row.
    fn get(cells: &Self::Cells, row: usize) -> Self;

    /// An empty store with room for so many rows.
    fn store(rows: usize) -> Self::Store;

    /// Appends a value.
    fn push(self, store: &mut Self::Store);

    /// Appends what a null row holds: 0, an empty text or an empty list.
    fn push_blank(store: &mut Self::Store);

    /// The values that were appended.
    fn values(store: Self::Store) -> Values;
}

impl<'a, V: Plain<'a>> Value<'a> for V {
    const TYPE: ValueType = V::TYPE;
    const NULLABLE: bool = false;
    type Reader = V::Cells;
    type Writer = V::Store;

    fn reader(column: &'a Column) -> Result<Self::Reader, String> {
        V::cells(&column.values)
    }

    #[inline(always)]
    fn read(reader: &Self::Reader, row: usize) -> Self {
        V::get(reader, row)
    }

    fn writer(rows: usize) -> Self::Writer {
        V::store(rows)
    }

    #[inline(always)]
    fn write(self, writer: &mut Self::Writer) {
        self.push(writer);
    }

    fn finish(writer: Self::Writer) -> Column {
        Column { values: V::values(writer), nulls: None }
    }
}

/// A nullable column being written. Its mask exists from the first null on.
pub struct NullableWriter<S> {
    store: S,
    written: usize,
    rows: usize,
    nulls: Option<Vec<u8>>,
}

impl<S> NullableWriter<S> {
    /// The mask, from the first null on. All rows until then have values.
    #[cold]
    fn first_null(&mut self) -> &mut Vec<u8> {
        let mut nulls = Vec::with_capacity(self.rows.max(self.written + 1));
        nulls.resize(self.written, 0);
        self.nulls.insert(nulls)
    }
}

impl<'a, V: Plain<'a>> Value<'a> for Option<V> {
    const TYPE: ValueType = V::TYPE;
    const NULLABLE: bool = true;
    type Reader = (V::Cells, Option<&'a [u8]>);
    type Writer = NullableWriter<V::Store>;

    fn reader(column: &'a Column) -> Result<Self::Reader, String> {
        Ok((V::cells(&column.values)?, column.nulls.as_deref()))
    }

    #[inline(always)]
    fn read((cells, nulls): &Self::Reader, row: usize) -> Self {
        let is_null = nulls.is_some_and(|nulls| nulls[row] != 0);
        (!is_null).then(|| V::get(cells, row))
    }

    fn writer(rows: usize) -> Self::Writer {
        NullableWriter { store: V::store(rows), written: 0, rows, nulls: None }
    }

    #[inline(always)]
    fn write(self, writer: &mut Self::Writer) {
        match self {
            Some(value) => {
                value.push(&mut writer.store);
                if let Some(nulls) = &mut writer.nulls {
                    nulls.push(0);
                }
            }
            None => {
                V::push_blank(&mut writer.store);
                match &mut writer.nulls {
                    Some(nulls) => nulls.push(1),
                    None => writer.first_null().push(1),
                }
            }
        }
        writer.written += 1;
    }

    fn finish(writer: Self::Writer) -> Column {
        Column { values: V::values(writer.store), nulls: writer.nulls }
    }
}

fn wrong_type<T>(values: &Values, expected: ValueType) -> Result<T, String> {
    Err(format!("has the type {}, not {}", values.value_type().name(), expected.name()))
}

impl ValueType {
    /// The name in the contract.
    pub fn name(self) -> &'static str {
        match self {
            ValueType::Boolean => "boolean",
            ValueType::Int64 => "int64",
            ValueType::Float64 => "float64",
            ValueType::Text => "text",
            ValueType::Time => "time",
            ValueType::Float64List => "float64-list",
        }
    }
}

macro_rules! numbers {
    ($($value:ty: $variant:ident of $stored:ty, $type:ident, check $check:path, from $get:expr, to $put:expr;)*) => {$(
        impl<'a> Plain<'a> for $value {
            const TYPE: ValueType = ValueType::$type;
            type Cells = &'a [$stored];
            type Store = Vec<$stored>;

            fn cells(values: &'a Values) -> Result<Self::Cells, String> {
                match values {
                    Values::$variant(values) => $check(values),
                    _ => wrong_type(values, ValueType::$type),
                }
            }

            #[inline(always)]
            fn get(cells: &Self::Cells, row: usize) -> Self {
                $get(cells[row])
            }

            fn store(rows: usize) -> Self::Store {
                Vec::with_capacity(rows)
            }

            #[inline(always)]
            fn push(self, store: &mut Self::Store) {
                store.push($put(self));
            }

            #[inline(always)]
            fn push_blank(store: &mut Self::Store) {
                store.push(Default::default());
            }

            fn values(store: Self::Store) -> Values {
                Values::$variant(store)
            }
        }
    )*};
}

numbers! {
    bool: Booleans of u8, Boolean, check check_booleans, from |byte| byte != 0, to u8::from;
    i64: Int64s of i64, Int64, check Ok, from |number| number, to |number| number;
    f64: Float64s of f64, Float64, check Ok, from |number| number, to |number| number;
    Time: Times of i64, Time, check Ok, from Time, to Time::micros;
}

fn check_booleans(values: &[u8]) -> Result<&[u8], String> {
    if values.iter().any(|&value| value > 1) {
        return Err("has a boolean that is neither 0 nor 1".to_owned());
    }
    Ok(values)
}

/// Texts resolved for reading: checked once, as a whole.
pub struct TextCells<'a> {
    ends: &'a [u32],
    text: &'a str,
}

impl<'a> TextCells<'a> {
    fn new(texts: &'a Texts) -> Result<Self, String> {
        check_ends(&texts.ends, texts.bytes.len())?;
        let text = std::str::from_utf8(&texts.bytes).map_err(|error| format!("is not UTF-8: {error}"))?;
        match texts.ends.iter().all(|&end| text.is_char_boundary(end as usize)) {
            true => Ok(TextCells { ends: &texts.ends, text }),
            false => Err("has a row that ends within a character".to_owned()),
        }
    }

    #[inline(always)]
    fn get(&self, row: usize) -> &'a str {
        // Every row was found to be there when the cells were resolved, so nothing is ever left empty here; this spares the
        // component the code that would tell of it.
        self.text.get(start(self.ends, row)..self.ends[row] as usize).unwrap_or_default()
    }
}

/// Lists resolved for reading.
pub struct ListCells<'a> {
    ends: &'a [u32],
    values: &'a [f64],
}

impl<'a> ListCells<'a> {
    fn new(lists: &'a Float64Lists) -> Result<Self, String> {
        check_ends(&lists.ends, lists.values.len())?;
        Ok(ListCells { ends: &lists.ends, values: &lists.values })
    }

    #[inline(always)]
    fn get(&self, row: usize) -> &'a [f64] {
        &self.values[start(self.ends, row)..self.ends[row] as usize]
    }
}

/// Where a row starts: at the end of the row before it.
#[inline(always)]
fn start(ends: &[u32], row: usize) -> usize {
    if row == 0 { 0 } else { ends[row - 1] as usize }
}

/// Ends must never decrease and must end where the contents do.
pub(crate) fn check_ends(ends: &[u32], length: usize) -> Result<(), String> {
    if !ends.is_sorted() {
        return Err("has ends that decrease".to_owned());
    }
    match ends.last().map_or(0, |&end| end as usize) {
        last if last == length => Ok(()),
        last => Err(format!("ends at {last}, but has {length} items")),
    }
}

/// The end after so many items. The contract counts them in `u32`, so more could not be handed over.
pub(crate) fn end(items: usize) -> u32 {
    u32::try_from(items).expect("a column holds fewer than 2^32 bytes or numbers")
}

macro_rules! slices {
    ($($value:ty: $cells:ident, $variant:ident($stored:ident . $items:ident), $type:ident, $own:ident;)*) => {$(
        impl<'a> Plain<'a> for $value {
            const TYPE: ValueType = ValueType::$type;
            type Cells = $cells<'a>;
            type Store = $stored;

            fn cells(values: &'a Values) -> Result<Self::Cells, String> {
                match values {
                    Values::$variant(values) => $cells::new(values),
                    _ => wrong_type(values, ValueType::$type),
                }
            }

            #[inline(always)]
            fn get(cells: &Self::Cells, row: usize) -> Self {
                cells.get(row).$own()
            }

            fn store(rows: usize) -> Self::Store {
                $stored { ends: Vec::with_capacity(rows), $items: Vec::new() }
            }

            #[inline(always)]
            fn push(self, store: &mut Self::Store) {
                store.$items.extend_from_slice(self.as_ref());
                store.ends.push(end(store.$items.len()));
            }

            #[inline(always)]
            fn push_blank(store: &mut Self::Store) {
                store.ends.push(end(store.$items.len()));
            }

            fn values(store: Self::Store) -> Values {
                Values::$variant(store)
            }
        }
    )*};
}

slices! {
    &'a str: TextCells, Texts(Texts.bytes), Text, into;
    String: TextCells, Texts(Texts.bytes), Text, to_owned;
    &'a [f64]: ListCells, Float64Lists(Float64Lists.values), Float64List, into;
    Vec<f64>: ListCells, Float64Lists(Float64Lists.values), Float64List, to_vec;
}
