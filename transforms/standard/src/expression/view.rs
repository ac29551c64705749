//! Columns as functions see them.

use std::borrow::Cow;
use std::cell::OnceCell;

use onepath_definition::{Literal, ValueType};
use onepath_sdk::batch::{Float64Lists, Texts, Values};
use onepath_sdk::sql::columns::TEXT_BYTES_MAX;

use super::{Answer, Cells, FAILED, NULL, VALUE};

/// The column of a node.
pub(super) struct Computed<'a> {
    pub cells: Cells<'a>,
    /// Whether the column has one row that stands for all.
    pub is_constant: bool,
    /// A constant column with all its rows, where somebody asked for it.
    pub whole: OnceCell<Cells<'a>>,
}

impl<'a> Computed<'a> {
    pub fn column(cells: Cells<'a>) -> Self {
        Computed { cells, is_constant: false, whole: OnceCell::new() }
    }

    pub fn constant(values: Values, mark: Option<u8>) -> Self {
        let marks = mark.map(|mark| Cow::Owned(vec![mark]));
        Computed { cells: Cells { values: Cow::Owned(values), marks }, is_constant: true, whole: OnceCell::new() }
    }

    pub fn null(value_type: ValueType) -> Self {
        Computed::constant(blank(value_type, 1), Some(NULL))
    }

    pub fn view(&self) -> View<'_> {
        View { values: &self.cells.values, marks: self.cells.marks.as_deref(), is_constant: self.is_constant }
    }

    /// The cells of all rows.
    pub fn whole(&self, rows: usize) -> &Cells<'a> {
        if !self.is_constant {
            return &self.cells;
        }
        self.whole.get_or_init(|| {
            let mark = self.view().mark(0);
            let marks = (mark != VALUE).then(|| Cow::Owned(vec![mark; rows]));
            Cells { values: Cow::Owned(repeated(&self.cells.values, rows)), marks }
        })
    }
}

/// A column that is read.
#[derive(Clone, Copy)]
pub(super) struct View<'v> {
    pub values: &'v Values,
    pub marks: Option<&'v [u8]>,
    pub is_constant: bool,
}

/// The values of a column of fixed size: one for all rows, or one for each.
#[derive(Clone, Copy)]
pub(super) enum Lane<'v, T> {
    One(T),
    Each(&'v [T]),
}

impl<T: Copy + Default> Lane<'_, T> {
    #[inline(always)]
    pub fn at(&self, row: usize) -> T {
        match self {
            Lane::One(value) => *value,
            Lane::Each(values) => values.get(row).copied().unwrap_or_default(),
        }
    }
}

/// The texts of a column.
#[derive(Clone, Copy)]
pub(super) struct TextLane<'v> {
    texts: &'v Texts,
    is_constant: bool,
}

impl<'v> TextLane<'v> {
    #[inline(always)]
    pub fn bytes(&self, row: usize) -> &'v [u8] {
        bytes_at(self.texts, if self.is_constant { 0 } else { row })
    }

    /// The text of a row.
    #[inline(always)]
    pub fn at(&self, row: usize) -> &'v str {
        // Texts of the host are UTF-8; what is not has no characters.
        std::str::from_utf8(self.bytes(row)).unwrap_or("")
    }
}

#[inline(always)]
pub(super) fn bytes_at(texts: &Texts, row: usize) -> &[u8] {
    let begin = if row == 0 { 0 } else { texts.ends.get(row - 1).copied().unwrap_or_default() };
    let end = texts.ends.get(row).copied().unwrap_or_default();
    texts.bytes.get(begin as usize..end as usize).unwrap_or_default()
}

pub(super) fn list_at(lists: &Float64Lists, row: usize) -> &[f64] {
    let begin = if row == 0 { 0 } else { lists.ends.get(row - 1).copied().unwrap_or_default() };
    let end = lists.ends.get(row).copied().unwrap_or_default();
    lists.values.get(begin as usize..end as usize).unwrap_or_default()
}

impl<'v> View<'v> {
    /// The place of a row.
    #[inline(always)]
    pub fn place(&self, row: usize) -> usize {
        if self.is_constant { 0 } else { row }
    }

    #[inline(always)]
    pub fn mark(&self, row: usize) -> u8 {
        match self.marks {
            Some(marks) => marks.get(self.place(row)).copied().unwrap_or(NULL),
            None => VALUE,
        }
    }

    fn lane<T: Copy + Default>(&self, values: &'v [T]) -> Lane<'v, T> {
        if self.is_constant { Lane::One(values.first().copied().unwrap_or_default()) } else { Lane::Each(values) }
    }

    /// Its float64 numbers; zeros where it has others, which a checked definition has not.
    pub fn floats(&self) -> Lane<'v, f64> {
        if let Values::Float64s(values) = self.values { self.lane(values) } else { Lane::One(0.0) }
    }

    /// Its int64 numbers or its times.
    pub fn integers(&self) -> Lane<'v, i64> {
        if let Values::Int64s(values) | Values::Times(values) = self.values { self.lane(values) } else { Lane::One(0) }
    }

    /// Its booleans.
    pub fn booleans(&self) -> Lane<'v, u8> {
        if let Values::Booleans(values) = self.values { self.lane(values) } else { Lane::One(0) }
    }

    /// Its texts.
    pub fn texts(&self) -> TextLane<'v> {
        static NONE: Texts = Texts { ends: Vec::new(), bytes: Vec::new() };
        let texts = if let Values::Texts(texts) = self.values { texts } else { &NONE };
        TextLane { texts, is_constant: self.is_constant }
    }

    /// The list of a row.
    pub fn list(&self, row: usize) -> &'v [f64] {
        if let Values::Float64Lists(lists) = self.values { list_at(lists, self.place(row)) } else { &[] }
    }
}

/// The marks of a function that is null where an argument is null, and fails where one fails. None where all have values.
pub(super) fn strict(views: &[View], rows: usize) -> Option<Vec<u8>> {
    let mut marks: Option<Vec<u8>> = None;
    for view in views {
        let Some(its) = view.marks else { continue };
        if view.is_constant {
            let mark = view.mark(0);
            if mark == VALUE {
                continue;
            }
            marks.get_or_insert_with(|| vec![VALUE; rows]).iter_mut().for_each(|all| *all = mark.max(*all));
        } else {
            match &mut marks {
                Some(marks) => marks.iter_mut().zip(its).for_each(|(all, mark)| *all = (*mark).max(*all)),
                None => marks = Some(its.to_vec()),
            }
        }
    }
    marks
}

/// Marks as cells have them.
pub(super) fn shown(marks: Option<Vec<u8>>) -> Option<Cow<'static, [u8]>> {
    marks.map(Cow::Owned)
}

/// Each value mapped.
#[inline(always)]
pub(super) fn map<A: Copy, R: Clone>(rows: usize, a: Lane<A>, mut of: impl FnMut(A) -> R) -> Vec<R> {
    match a {
        Lane::One(a) => vec![of(a); rows],
        Lane::Each(a) => a.iter().map(|a| of(*a)).collect(),
    }
}

/// Each pair of values mapped.
#[inline(always)]
pub(super) fn map2<A: Copy, B: Copy, R: Clone>(
    rows: usize,
    a: Lane<A>,
    b: Lane<B>,
    mut of: impl FnMut(A, B) -> R,
) -> Vec<R> {
    match (a, b) {
        (Lane::One(a), Lane::One(b)) => vec![of(a, b); rows],
        (Lane::Each(a), Lane::One(b)) => a.iter().map(|a| of(*a, b)).collect(),
        (Lane::One(a), Lane::Each(b)) => b.iter().map(|b| of(a, *b)).collect(),
        (Lane::Each(a), Lane::Each(b)) => a.iter().zip(b).map(|(a, b)| of(*a, *b)).collect(),
    }
}

/// Rows without a value hold zero.
pub(super) fn blanked<T: Default>(mut values: Vec<T>, marks: Option<&[u8]>) -> Vec<T> {
    if let Some(marks) = marks {
        for (value, mark) in values.iter_mut().zip(marks) {
            if *mark != VALUE {
                *value = T::default();
            }
        }
    }
    values
}

/// Values of a function that always has one.
#[inline(always)]
pub(super) fn total<T: Default>(values: Vec<T>, marks: Option<Vec<u8>>, wrap: fn(Vec<T>) -> Values) -> Answer {
    (wrap(blanked(values, marks.as_deref())), shown(marks))
}

/// A function that may fail: each value comes with whether it did.
#[inline(always)]
pub(super) fn fallible<A: Copy, R: Default + Clone>(
    rows: usize,
    a: Lane<A>,
    marks: Option<Vec<u8>>,
    wrap: fn(Vec<R>) -> Values,
    of: impl Fn(A) -> (R, bool),
) -> Answer {
    fallible2(rows, a, Lane::One(()), marks, wrap, |a, ()| of(a))
}

/// As [`fallible`], of two.
#[inline(always)]
pub(super) fn fallible2<A: Copy, B: Copy, R: Default + Clone>(
    rows: usize,
    a: Lane<A>,
    b: Lane<B>,
    mut marks: Option<Vec<u8>>,
    wrap: fn(Vec<R>) -> Values,
    of: impl Fn(A, B) -> (R, bool),
) -> Answer {
    let mut any_failed = false;
    let values = map2(rows, a, b, |a, b| {
        let (value, failed) = of(a, b);
        any_failed |= failed;
        value
    });
    if any_failed {
        // Seldom: which ones they were is found out again.
        let marks = marks.get_or_insert_with(|| vec![VALUE; rows]);
        let failed = map2(rows, a, b, |a, b| of(a, b).1);
        for (mark, failed) in marks.iter_mut().zip(failed) {
            if failed && *mark == VALUE {
                *mark = FAILED;
            }
        }
    }
    total(values, marks, wrap)
}

/// What a function that may fail found, as [`fallible`] takes it.
#[inline(always)]
pub(super) fn or_failed<T: Default>(found: Option<T>) -> (T, bool) {
    found.map_or_else(|| (T::default(), true), |found| (found, false))
}

/// What a function of one row says.
pub(super) enum Cell<T> {
    Value(T),
    Null,
    Failed,
}

/// Each row that has all its arguments computed by itself.
#[inline(always)]
pub(super) fn by_row<T: Default + Clone>(
    views: &[View],
    rows: usize,
    wrap: fn(Vec<T>) -> Values,
    of: impl Fn(usize) -> Cell<T>,
) -> Answer {
    let mut marks = strict(views, rows);
    let mut values = Vec::with_capacity(rows);
    for row in 0..rows {
        if marks.as_ref().is_some_and(|marks| marks[row] != VALUE) {
            values.push(T::default());
            continue;
        }
        let (value, mark) = match of(row) {
            Cell::Value(value) => (value, VALUE),
            Cell::Null => (T::default(), NULL),
            Cell::Failed => (T::default(), FAILED),
        };
        values.push(value);
        if mark != VALUE {
            marks.get_or_insert_with(|| vec![VALUE; rows])[row] = mark;
        }
    }
    (wrap(values), shown(marks))
}

/// Texts that are written row by row.
#[derive(Default)]
pub(super) struct TextsOut(Texts);

impl TextsOut {
    pub fn bytes(&mut self) -> &mut Vec<u8> {
        &mut self.0.bytes
    }

    /// Ends the text of a row. A component has no room for 4 GiB of texts.
    pub fn end(&mut self) {
        self.0.ends.push(self.0.bytes.len() as u32);
    }
}

/// Each row that has all its arguments written by itself; false where it fails.
pub(super) fn texts_by_row(views: &[View], rows: usize, of: impl Fn(usize, &mut Vec<u8>) -> bool) -> Answer {
    let mut marks = strict(views, rows);
    let mut out = TextsOut::default();
    out.0.ends.reserve(rows);
    for row in 0..rows {
        if marks.as_ref().is_none_or(|marks| marks[row] == VALUE) {
            let before = out.bytes().len();
            let has_value = of(row, out.bytes()) && out.bytes().len() - before <= TEXT_BYTES_MAX;
            if !has_value {
                out.bytes().truncate(before);
                marks.get_or_insert_with(|| vec![VALUE; rows])[row] = FAILED;
            }
        }
        out.end();
    }
    (Values::Texts(out.0), shown(marks))
}

/// A constant in one row.
pub(super) fn one(literal: &Literal) -> Values {
    match literal {
        Literal::Boolean(value) => Values::Booleans(vec![u8::from(*value)]),
        Literal::Int64(value) => Values::Int64s(vec![*value]),
        Literal::Float64(value) => Values::Float64s(vec![*value]),
        Literal::Time(value) => Values::Times(vec![*value]),
        Literal::Text(value) => {
            Values::Texts(Texts { ends: vec![value.len() as u32], bytes: value.as_bytes().to_vec() })
        }
        Literal::Float64List(value) => {
            Values::Float64Lists(Float64Lists { ends: vec![value.len() as u32], values: value.clone() })
        }
    }
}

/// So many rows of the first one.
fn repeated(values: &Values, rows: usize) -> Values {
    match values {
        Values::Booleans(values) => Values::Booleans(vec![values.first().copied().unwrap_or_default(); rows]),
        Values::Int64s(values) => Values::Int64s(vec![values.first().copied().unwrap_or_default(); rows]),
        Values::Times(values) => Values::Times(vec![values.first().copied().unwrap_or_default(); rows]),
        Values::Float64s(values) => Values::Float64s(vec![values.first().copied().unwrap_or_default(); rows]),
        Values::Texts(texts) => {
            let text = bytes_at(texts, 0);
            let ends = (1..=rows).map(|row| (row * text.len()) as u32).collect();
            Values::Texts(Texts { ends, bytes: text.repeat(rows) })
        }
        Values::Float64Lists(lists) => {
            let list = list_at(lists, 0);
            let ends = (1..=rows).map(|row| (row * list.len()) as u32).collect();
            Values::Float64Lists(Float64Lists { ends, values: list.repeat(rows) })
        }
    }
}

/// So many rows without a value.
pub(super) fn blank(value_type: ValueType, rows: usize) -> Values {
    match value_type {
        ValueType::Boolean => Values::Booleans(vec![0; rows]),
        ValueType::Int64 => Values::Int64s(vec![0; rows]),
        ValueType::Float64 => Values::Float64s(vec![0.0; rows]),
        ValueType::Time => Values::Times(vec![0; rows]),
        ValueType::Text => Values::Texts(Texts { ends: vec![0; rows], bytes: Vec::new() }),
        ValueType::Float64List => Values::Float64Lists(Float64Lists { ends: vec![0; rows], values: Vec::new() }),
    }
}
