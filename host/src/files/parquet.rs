//! Reading Parquet: only the columns that are asked for, rows in the order of the file.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ::parquet::arrow::ProjectionMask;
use ::parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use ::parquet::file::reader::ChunkReader;
use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::SchemaRef;

use super::convert::Misfit;
use super::error::{InputError, InputFault};
use super::int96::{Int96, Nanos, Second};
use super::object::OpenInput;
use super::read::{Nulls, Rest, Selection, Table, TableReader, Wanted, rest_batch};
use super::{TABLE_ROWS_MAX, convert, int96};
use crate::batch::Column;
use crate::schema::ValueType;

/// A Parquet file, whose metadata was read.
#[derive(Clone, Debug)]
pub(super) struct ParquetFile {
    path: PathBuf,
    pub metadata: ArrowReaderMetadata,
    int96: Option<Int96>,
}

/// Which rows of a file to read, and how many at a time.
pub(super) struct Rows {
    /// The row groups; `None` for all.
    pub row_groups: Option<Vec<usize>>,
    pub batch_rows: usize,
    /// How many rows of the file come before them.
    pub rows_before: u64,
}

pub(super) fn column_names(input: &OpenInput) -> Result<Vec<String>, InputError> {
    Ok(ParquetFile::open(input)?.names())
}

pub(super) fn open(input: &OpenInput, wanted: &[Wanted], rest: Rest) -> Result<TableReader, InputError> {
    ParquetFile::open(input)?.tables(
        input,
        Rows { row_groups: None, batch_rows: TABLE_ROWS_MAX, rows_before: 0 },
        wanted,
        rest,
    )
}

impl ParquetFile {
    pub fn open(input: &OpenInput) -> Result<Self, InputError> {
        let path = input.path();
        let fail = |fault| InputError::new(path, fault);
        if input.bytes() == 0 {
            return Err(fail(InputFault::Empty("a Parquet file has at least a footer")));
        }
        let metadata = guarded(path, || ArrowReaderMetadata::load(input, ArrowReaderOptions::new()))?;
        let metadata = metadata.map_err(|error| fail(InputFault::Parquet(error)))?;
        let found = int96::find(path, &metadata)?;
        let path = path.to_owned();
        Ok(match found {
            Some((metadata, int96)) => Self { path, metadata, int96: Some(int96) },
            None => Self { path, metadata, int96: None },
        })
    }

    /// The names of its columns.
    pub fn names(&self) -> Vec<String> {
        self.metadata.schema().fields().iter().map(|field| field.name().clone()).collect()
    }

    /// Some of its rows as tables, read from `input`, which it is.
    pub fn tables(
        &self,
        input: &OpenInput,
        rows: Rows,
        wanted: &[Wanted],
        rest: Rest,
    ) -> Result<TableReader, InputError> {
        let fail = |fault| InputError::new(&self.path, fault);
        let selection = self.selection(wanted, rest)?;
        let schema = match &self.int96 {
            Some(int96) => {
                int96.units(input, &self.metadata, &selection.rest_positions())?.schema(self.metadata.schema())
            }
            None => Arc::clone(self.metadata.schema()),
        };
        let read = schema.project(&selection.read).map_err(|error| fail(InputFault::Decode(error)))?;
        let rest_schema = selection.rest_schema(&read);
        let rows_before = rows.rows_before;
        let mut batches = self.batches(&self.metadata, input, &selection, rows)?;
        let mut tables = Tables {
            file: self.path.clone(),
            wanted: wanted.to_vec(),
            selection,
            rest_schema: rest_schema.clone(),
            rows_before,
        };
        let tables = std::iter::from_fn(move || Some(batches.next()?.and_then(|batch| tables.table(batch))));
        Ok(TableReader::new(tables, rest_schema, Some(input.clone())))
    }

    /// Which of its columns to read. Each wanted one has a type that can become its own.
    pub fn selection(&self, wanted: &[Wanted], rest: Rest) -> Result<Selection, InputError> {
        let selection = Selection::new(&self.path, &self.names(), wanted, rest)?;
        let read = self.metadata.schema().project(&selection.read);
        let read = read.map_err(|error| InputError::new(&self.path, InputFault::Decode(error)))?;
        selection.check_types(&self.path, &read, wanted)?;
        Ok(selection)
    }

    /// The selected columns of some rows, by `metadata`, which may have hints of its own; `bytes` are those of the file.
    pub fn batches<T: ChunkReader + Clone + 'static>(
        &self,
        metadata: &ArrowReaderMetadata,
        bytes: &T,
        selection: &Selection,
        rows: Rows,
    ) -> Result<Batches, InputError> {
        let Rows { row_groups, batch_rows, .. } = rows;
        let descriptor = metadata.metadata().file_metadata().schema_descr();
        let mask = ProjectionMask::roots(descriptor, selection.read.iter().copied());
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(bytes.clone(), metadata.clone());
        let builder = match &row_groups {
            Some(groups) => builder.with_row_groups(groups.clone()),
            None => builder,
        };
        let batches = guarded(&self.path, || builder.with_projection(mask).with_batch_size(batch_rows).build())?;
        let batches = batches.map_err(|error| InputError::new(&self.path, InputFault::Parquet(error)))?;
        let nanos = match &self.int96 {
            Some(int96) if int96.is_among(&selection.read) => {
                Some(int96.begin(&self.path, bytes.clone(), &selection.read, row_groups, batch_rows)?)
            }
            _ => None,
        };
        Ok(Batches { path: self.path.clone(), batches, nanos })
    }
}

/// The columns that were read of some rows.
pub(super) struct Batches {
    path: PathBuf,
    batches: ParquetRecordBatchReader,
    nanos: Option<Nanos>,
}

/// One batch, and the second reading of its INT96 columns, if it has any.
pub(super) type Batch = (RecordBatch, Option<Second>);

impl Batches {
    /// The next batch.
    pub fn next(&mut self) -> Option<Result<Batch, InputError>> {
        let batch = guarded(&self.path, || self.batches.next()).transpose()?;
        let batch =
            batch.and_then(|batch| batch.map_err(|error| InputError::new(&self.path, InputFault::Decode(error))));
        Some(batch.and_then(|batch| {
            let second = self.nanos.as_mut().map(|nanos| nanos.next(&self.path)).transpose()?;
            Ok((batch, second))
        }))
    }
}

/// The wanted column that an array becomes, which stands at a place among the columns read.
pub(super) fn column(
    array: ArrayRef,
    nanos: Option<&ArrayRef>,
    wanted: &Wanted,
    rounded: &mut u64,
) -> Result<Column, Misfit> {
    match nanos {
        Some(nanos) => int96::column(&array, nanos, wanted, rounded),
        None => convert::column(array, wanted, rounded),
    }
}

/// What `decode` gives. The decoder of the `parquet` crate panics on some damaged files instead of refusing them; that is
/// an error of the file here. What panicked is not used again: a reader ends at its first error.
pub(super) fn guarded<T>(path: &Path, decode: impl FnOnce() -> T) -> Result<T, InputError> {
    catch_unwind(AssertUnwindSafe(decode)).map_err(|panic| {
        let reason = match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
            (Some(reason), _) => (*reason).to_owned(),
            (_, Some(reason)) => reason.clone(),
            _ => "the decoder panicked".to_owned(),
        };
        InputError::new(path, InputFault::Damaged(reason))
    })
}

/// Makes tables of Arrow batches that hold the selected columns.
struct Tables {
    file: PathBuf,
    wanted: Vec<Wanted>,
    selection: Selection,
    rest_schema: Option<SchemaRef>,
    rows_before: u64,
}

impl Tables {
    /// The next table.
    fn table(&mut self, (batch, second): Batch) -> Result<Table, InputError> {
        let rows = batch.num_rows();
        let nanos = |place: usize| second.as_ref().and_then(|second| second.of(place));
        let (wanted, mut rest) = self.selection.arrays(batch);
        let (mut columns, mut rounded) = (Vec::with_capacity(self.wanted.len()), 0);
        for ((array, wanted), place) in wanted.into_iter().zip(&self.wanted).zip(&self.selection.wanted) {
            let column = match (array, place) {
                (Some(array), Some(place)) => column(array, nanos(*place), wanted, &mut rounded),
                _ => Ok(Column::of_nulls(wanted.value_type, rows)),
            };
            columns.push(column.map_err(|misfit| misfit.into_error(&self.file, wanted, self.rows_before))?);
        }
        let fields = self.rest_schema.iter().flat_map(|schema| schema.fields());
        for ((array, place), field) in rest.iter_mut().zip(self.selection.rest.iter().flatten()).zip(fields) {
            if let Some(nanos) = nanos(*place) {
                let wanted = Wanted::new(field.name(), ValueType::Time, Nulls::Allowed);
                *array = int96::pass_through(array, nanos, field.data_type())
                    .map_err(|misfit| misfit.into_error(&self.file, &wanted, self.rows_before))?;
            }
        }
        let rest = self.rest_schema.as_ref().map(|schema| rest_batch(schema, rest, rows));
        let rows_before = self.rows_before;
        self.rows_before += rows as u64;
        Ok(Table { columns, rest, rows, rows_before, rounded })
    }
}
