//! Reading Parquet: only the columns that are asked for, rows in the order of the file.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use ::parquet::arrow::ProjectionMask;
use ::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};

use super::error::{InputError, InputFault};
use super::read::{Rest, Selection, Table, TableReader, Wanted, rest_batch};
use super::{TABLE_ROWS_MAX, convert};
use crate::batch::Column;

pub(super) fn column_names(path: &Path) -> Result<Vec<String>, InputError> {
    Ok(names(builder(path)?.schema()))
}

pub(super) fn open(path: &Path, wanted: &[Wanted], rest: Rest) -> Result<TableReader, InputError> {
    tables(path, builder(path)?.with_batch_size(TABLE_ROWS_MAX), 0, wanted, rest)
}

/// The tables of what `builder` is to read of the file at `path`, where `rows_before` rows come before it.
pub(super) fn tables(
    path: &Path,
    builder: ParquetRecordBatchReaderBuilder<File>,
    rows_before: u64,
    wanted: &[Wanted],
    rest: Rest,
) -> Result<TableReader, InputError> {
    let selection = Selection::new(path, &names(builder.schema()), wanted, rest)?;
    let read = builder.schema().project(&selection.read).map_err(|e| InputError::new(path, InputFault::Decode(e)))?;
    selection.check_types(path, &read, wanted)?;
    let rest_schema = selection.rest_schema(&read);
    let mask = ProjectionMask::roots(builder.parquet_schema(), selection.read.iter().copied());
    let builder = builder.with_projection(mask);
    let mut batches =
        guarded(path, || builder.build())?.map_err(|error| InputError::new(path, InputFault::Parquet(error)))?;
    let mut tables = Tables {
        file: path.to_owned(),
        wanted: wanted.to_vec(),
        selection,
        rest_schema: rest_schema.clone(),
        rows_before,
    };
    let tables = std::iter::from_fn(move || {
        let batch = guarded(&tables.file, || batches.next()).transpose()?;
        let batch = batch.and_then(|batch| batch.map_err(|e| InputError::new(&tables.file, InputFault::Decode(e))));
        Some(batch.and_then(|batch| tables.table(batch)))
    });
    Ok(TableReader::new(tables, rest_schema))
}

pub(super) fn builder(path: &Path) -> Result<ParquetRecordBatchReaderBuilder<File>, InputError> {
    let fail = |fault| InputError::new(path, fault);
    let file = File::open(path).map_err(|error| fail(InputFault::Open(error)))?;
    let metadata = file.metadata().map_err(|error| fail(InputFault::Open(error)))?;
    if metadata.is_file() && metadata.len() == 0 {
        return Err(fail(InputFault::Empty("a Parquet file has at least a footer")));
    }
    let builder = guarded(path, || ParquetRecordBatchReaderBuilder::try_new(file))?;
    builder.map_err(|error| fail(InputFault::Parquet(error)))
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

pub(super) fn names(schema: &Schema) -> Vec<String> {
    schema.fields().iter().map(|field| field.name().clone()).collect()
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
    fn table(&mut self, batch: RecordBatch) -> Result<Table, InputError> {
        let rows = batch.num_rows();
        let (wanted, rest) = self.selection.arrays(batch);
        let (mut columns, mut rounded) = (Vec::with_capacity(self.wanted.len()), 0);
        for (array, wanted) in wanted.into_iter().zip(&self.wanted) {
            let column = match array {
                Some(array) => convert::column(array, wanted, &mut rounded),
                None => Ok(Column::of_nulls(wanted.value_type, rows)),
            };
            columns.push(column.map_err(|misfit| misfit.into_error(&self.file, wanted, self.rows_before))?);
        }
        let rest = self.rest_schema.as_ref().map(|schema| rest_batch(schema, rest, rows));
        let rows_before = self.rows_before;
        self.rows_before += rows as u64;
        Ok(Table { columns, rest, rows, rows_before, rounded })
    }
}
