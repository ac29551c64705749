//! Rows: structs of values, read from columns and written to columns.
//!
//! `#[derive(Event)]`, `#[derive(Request)]`, `#[derive(Inputs)]`, `#[derive(Parameters)]` and `#[derive(Features)]` all
//! implement [`Row`]; the last also [`Features`], for it is the only one that a transform gives rather than takes.

use crate::batch::{Column, Failure, Field};
use crate::value::Value;

/// A struct of named fields, each of which is a column of a batch. It may borrow from the batch.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a row",
    note = "derive Event, Request, Inputs, Parameters or Features for it"
)]
pub trait Row<'a>: Sized {
    /// The fields, in order.
    const FIELDS: &'static [Field];
    /// All columns, resolved for reading.
    type Readers;
    /// All columns, being written.
    type Writers;

    /// Resolves as many columns as there are fields, or says what is wrong with one of them.
    fn readers(columns: &'a [Column]) -> Result<Self::Readers, String>;

    /// Reads one row.
    fn read(readers: &Self::Readers, row: usize) -> Self;

    /// Empty columns with room for so many rows.
    fn writers(rows: usize) -> Self::Writers;

    /// Appends one row.
    fn write(self, writers: &mut Self::Writers);

    /// The columns that were written.
    fn finish(writers: Self::Writers) -> Vec<Column>;
}

/// What a transform gives: a row that owns its values.
#[diagnostic::on_unimplemented(message = "`{Self}` is not a row of features", note = "derive Features for it")]
pub trait Features: for<'a> Row<'a> {}

/// No fields.
impl<'a> Row<'a> for () {
    const FIELDS: &'static [Field] = &[];
    type Readers = ();
    type Writers = ();

    fn readers(_: &'a [Column]) -> Result<(), String> {
        Ok(())
    }

    fn read((): &(), _: usize) -> Self {}

    fn writers(_: usize) -> Self::Writers {}

    fn write(self, (): &mut ()) {}

    fn finish((): ()) -> Vec<Column> {
        Vec::new()
    }
}

/// Resolves the column of one field. Called by the derived [`Row::readers`].
pub fn reader<'a, V: Value<'a>>(columns: &'a [Column], index: usize, field: &Field) -> Result<V::Reader, String> {
    let column = columns.get(index).ok_or_else(|| format!("`{}` has no column", field.name))?;
    V::reader(column).map_err(|problem| format!("`{}` {problem}", field.name))
}

/// The columns of one kind of row, checked and resolved.
pub(crate) struct Table<'a, R: Row<'a>> {
    readers: R::Readers,
    /// What the columns hold, for messages: "event field", "parameter".
    what: &'static str,
    /// The first row with a null that its field does not allow. A failure is due when that row's turn comes, not before, so
    /// that the first failure of a batch does not depend on where it was cut.
    refused: Option<(usize, &'static Field)>,
}

impl<'a, R: Row<'a>> Table<'a, R> {
    pub(crate) fn new(what: &'static str, columns: &'a [Column], rows: usize) -> Result<Self, Failure> {
        if columns.len() != R::FIELDS.len() {
            let (expected, given) = (R::FIELDS.len(), columns.len());
            return Err(Failure::new(format!("the transform takes {expected} {what}s and was given {given} columns")));
        }
        let mut refused: Option<(usize, &'static Field)> = None;
        for (column, field) in columns.iter().zip(R::FIELDS) {
            check_lengths(column, rows)
                .map_err(|problem| Failure::new(format!("{what} `{}` {problem}", field.name)))?;
            let null = column.nulls.iter().flat_map(|nulls| nulls.iter().position(|&null| null != 0)).next();
            if let Some(row) = null.filter(|_| !field.nullable)
                && refused.is_none_or(|(earlier, _)| row < earlier)
            {
                refused = Some((row, field));
            }
        }
        let readers = R::readers(columns).map_err(|problem| Failure::new(format!("{what} {problem}")))?;
        Ok(Table { readers, what, refused })
    }

    /// Refuses the row that has a null where its field allows none; `row` is its place in the batch.
    #[inline(always)]
    pub(crate) fn check(&self, index: usize, row: usize) -> Result<(), Failure> {
        match self.refused {
            Some((refused, field)) if refused == index => Err(null_refused(self.what, field, row)),
            _ => Ok(()),
        }
    }

    /// Reads one row, of those that the columns hold, which has passed the [`check`](Self::check). (The two are apart because
    /// a row inside a `Result` is copied once more.)
    #[inline(always)]
    pub(crate) fn read(&self, index: usize) -> R {
        R::read(&self.readers, index)
    }
}

#[cold]
fn null_refused(what: &str, field: &Field, row: usize) -> Failure {
    Failure::at(row, format!("{what} `{}` is null, and the transform takes no null there", field.name))
}

fn check_lengths(column: &Column, rows: usize) -> Result<(), String> {
    let given = column.values.rows();
    if given != rows {
        return Err(format!("has {given} values for {rows} rows"));
    }
    match &column.nulls {
        Some(nulls) if nulls.len() != rows => Err(format!("has {} null marks for {rows} rows", nulls.len())),
        Some(nulls) if nulls.iter().any(|&null| null > 1) => Err("has a null mark that is neither 0 nor 1".to_owned()),
        _ => Ok(()),
    }
}
