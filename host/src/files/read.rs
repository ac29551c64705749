//! Opening a file and reading it as typed columns.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Schema, SchemaRef};

use super::error::{InputError, InputFault};
use super::object::OpenInput;
use super::storage::Storage;
use super::{Format, convert, csv, ndjson, parquet};
use crate::batch::Column;
use crate::schema::ValueType;
use crate::time::TimeForm;

/// Whether a column may hold nulls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nulls {
    /// A null is a value like any other.
    Allowed,
    /// A null is an error that names its row.
    Refused,
}

/// A column that is wanted as a given type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The column's name in the file.
    pub name: String,
    /// The type that it becomes.
    pub value_type: ValueType,
    /// Whether it may hold nulls.
    pub nulls: Nulls,
    /// How its times are written, and to which side they are rounded; without effect on other types.
    pub time: TimeForm,
    /// Whether [`Table::rounded`] counts its times.
    pub rounded: Rounded,
}

/// Whether the times of a column that are rounded are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounded {
    /// Those that say when something happened, was known or is asked.
    Counted,
    /// Those that are values.
    Ignored,
}

impl Wanted {
    /// A column whose times, if it holds any, are written by the grammar and round down.
    pub fn new(name: impl Into<String>, value_type: ValueType, nulls: Nulls) -> Self {
        let (name, time) = (name.into(), TimeForm::default());
        Self { name, value_type, nulls, time, rounded: Rounded::Ignored }
    }

    /// A column of times that order events or questions.
    pub fn time(name: impl Into<String>, nulls: Nulls, time: TimeForm) -> Self {
        Self { time, rounded: Rounded::Counted, ..Self::new(name, ValueType::Time, nulls) }
    }
}

/// What becomes of the columns that are not wanted by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// They are not read.
    Ignore,
    /// They pass through as Arrow arrays: those of Parquet untouched, those of CSV and NDJSON typed over the whole file,
    /// which is then read twice.
    Keep,
    /// They pass through to a file of the same format: those of Parquet untouched, those of CSV and NDJSON as the texts that
    /// they were written with. A text array of NDJSON says with [`super::AS_JSON`] that it holds JSON.
    AsWritten,
}

/// Rows of a file, in its order.
#[derive(Clone, Debug)]
pub struct Table {
    /// The wanted columns, in the order in which they were asked for.
    pub columns: Vec<Column>,
    /// With [`Rest::Keep`], the other columns in the order of the file; there may be none.
    pub rest: Option<RecordBatch>,
    /// How many rows.
    pub rows: usize,
    /// How many rows of the file come before these.
    pub rows_before: u64,
    /// Times that had digits beyond the microsecond, of the wanted columns in which they are counted.
    pub rounded: u64,
}

/// The rows of a file, as [`Table`]s of at most [`super::TABLE_ROWS_MAX`] rows. After an error there are no more.
pub struct TableReader {
    tables: Box<dyn Iterator<Item = Result<Table, InputError>> + Send>,
    rest_schema: Option<SchemaRef>,
    /// The input, if it is one of a storage.
    input: Option<OpenInput>,
    failed: bool,
}

impl TableReader {
    /// A reader of `tables`, whose pass-through columns have `rest_schema`. They are those of `input`, which is looked at again
    /// after the last of them.
    pub(super) fn new(
        tables: impl Iterator<Item = Result<Table, InputError>> + Send + 'static,
        rest_schema: Option<SchemaRef>,
        input: Option<OpenInput>,
    ) -> Self {
        Self { tables: Box::new(tables), rest_schema, input, failed: false }
    }

    /// With [`Rest::Keep`], the names and types of the pass-through columns, known before the first row.
    pub fn rest_schema(&self) -> Option<&SchemaRef> {
        self.rest_schema.as_ref()
    }
}

impl Iterator for TableReader {
    type Item = Result<Table, InputError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let table = match (self.tables.next(), &self.input) {
            (Some(Err(error)), Some(input)) => Some(Err(input.behind(error))),
            (None, Some(input)) => input.check().err().map(Err),
            (table, _) => table,
        };
        self.failed = matches!(table, Some(Err(_)) | None);
        table
    }
}

/// Opens the file at `path` of a storage, whose extension tells its format, to read the `wanted` columns.
///
/// A missing file, an unknown extension, a missing column and a column of an impossible type are errors here; what is wrong
/// with single rows is an error of the reader. An NDJSON file has no header: a wanted field that occurs in none of its
/// first lines is an error of the reader.
pub fn open(storage: &dyn Storage, path: &Path, wanted: &[Wanted], rest: Rest) -> Result<TableReader, InputError> {
    let format = format(path)?;
    open_as(format, &OpenInput::open(storage, path)?, wanted, rest)
}

/// As [`open`], what is open already and has this format.
pub(super) fn open_as(
    format: Format,
    input: &OpenInput,
    wanted: &[Wanted],
    rest: Rest,
) -> Result<TableReader, InputError> {
    let reader = match format {
        Format::Parquet => parquet::open(input, wanted, rest),
        Format::Csv => csv::open(input, wanted, rest),
        Format::Ndjson => ndjson::open(input, wanted, rest),
    };
    reader.map_err(|error| input.behind(error))
}

/// The names of the columns of the file at `path`, in its order; for NDJSON, in the order of first sight in the whole file.
pub fn column_names(storage: &dyn Storage, path: &Path) -> Result<Vec<String>, InputError> {
    let format = format(path)?;
    column_names_as(format, &OpenInput::open(storage, path)?)
}

/// As [`column_names`], of what is open already and has this format.
pub(super) fn column_names_as(format: Format, input: &OpenInput) -> Result<Vec<String>, InputError> {
    whole(input, || match format {
        Format::Parquet => parquet::column_names(input),
        Format::Csv => csv::column_names(input),
        Format::Ndjson => ndjson::column_names(input),
    })
}

/// What `read` makes of an input that did not change meanwhile.
pub(super) fn whole<T>(input: &OpenInput, read: impl FnOnce() -> Result<T, InputError>) -> Result<T, InputError> {
    let read = read().map_err(|error| input.behind(error))?;
    input.check()?;
    Ok(read)
}

pub(super) fn format(path: &Path) -> Result<Format, InputError> {
    Format::of(path).ok_or_else(|| InputError::new(path, InputFault::Format))
}

/// Which columns of a file with a header to read, by position.
pub(super) struct Selection {
    /// The positions to read, increasing.
    pub read: Vec<usize>,
    /// Per wanted column, its place among those read; `None` for one that the file does not have, and that may be null.
    pub wanted: Vec<Option<usize>>,
    /// Per pass-through column, its place among those read; `None` where they are ignored.
    pub rest: Option<Vec<usize>>,
}

impl Selection {
    /// The selection among the columns `names` of `file`. No two columns have one name, and each wanted one is there, or may
    /// be null and is null in every row.
    pub fn new(file: &Path, names: &[String], wanted: &[Wanted], rest: Rest) -> Result<Self, InputError> {
        refuse_duplicates(file, names)?;
        let position = |wanted: &Wanted| match (names.iter().position(|name| *name == wanted.name), wanted.nulls) {
            (None, Nulls::Refused) => {
                let fault = InputFault::NoColumn { name: wanted.name.clone(), has: names.to_vec() };
                Err(InputError::new(file, fault))
            }
            (position, _) => Ok(position),
        };
        let positions = wanted.iter().map(position).collect::<Result<Vec<Option<usize>>, _>>()?;
        let others: Vec<usize> = match rest {
            Rest::Ignore => Vec::new(),
            Rest::Keep | Rest::AsWritten => {
                (0..names.len()).filter(|position| !positions.contains(&Some(*position))).collect()
            }
        };
        let mut read: Vec<usize> = positions.iter().flatten().chain(&others).copied().collect();
        read.sort_unstable();
        read.dedup();
        let place = |position: &usize| read.partition_point(|read| read < position);
        let wanted = positions.iter().map(|position| position.as_ref().map(place)).collect();
        let rest = (rest != Rest::Ignore).then(|| others.iter().map(place).collect());
        Ok(Self { read, wanted, rest })
    }

    /// The arrays of a batch of the columns read: those of the wanted columns, and those that pass through. Nobody else holds
    /// one that is wanted once.
    pub fn arrays(&self, batch: RecordBatch) -> (Vec<Option<ArrayRef>>, Vec<ArrayRef>) {
        let array = |place: &usize| Arc::clone(batch.column(*place));
        let wanted = self.wanted.iter().map(|place| place.as_ref().map(array)).collect();
        (wanted, self.rest.iter().flatten().map(array).collect())
    }

    /// The positions in the file of the columns that pass through.
    pub fn rest_positions(&self) -> Vec<usize> {
        self.rest.iter().flatten().map(|place| self.read[*place]).collect()
    }

    /// Refuses wanted columns whose type in the file, which has the schema `read` of the columns read, cannot become theirs.
    pub fn check_types(&self, file: &Path, read: &Schema, wanted: &[Wanted]) -> Result<(), InputError> {
        for (wanted, place) in wanted.iter().zip(&self.wanted) {
            let Some(place) = place else { continue };
            convert::check_type(read.field(*place).data_type(), wanted)
                .map_err(|fault| InputError::new(file, fault).in_column(&wanted.name))?;
        }
        Ok(())
    }

    /// The schema of the pass-through columns, given that of the columns read. The file's own metadata is not kept: it
    /// describes columns that are no longer there.
    pub fn rest_schema(&self, read: &Schema) -> Option<SchemaRef> {
        let places = self.rest.as_ref()?;
        Some(Arc::new(Schema::new(places.iter().map(|place| read.field(*place).clone()).collect::<Vec<_>>())))
    }
}

fn refuse_duplicates(file: &Path, names: &[String]) -> Result<(), InputError> {
    let mut seen = HashSet::new();
    match names.iter().find(|name| !seen.insert(*name)) {
        Some(name) => Err(InputError::new(file, InputFault::DuplicateColumn { name: name.clone() })),
        None => Ok(()),
    }
}

/// A batch of `rows` rows of pass-through columns, of which there may be none.
pub(super) fn rest_batch(schema: &SchemaRef, columns: Vec<ArrayRef>, rows: usize) -> RecordBatch {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)
        .expect("the columns were made with the types of the schema and one length")
}
