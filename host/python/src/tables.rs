//! Tables as Arrow streams: from any library to a file that a run reads, and from a file that a run wrote to any library.

use std::collections::HashSet;
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use arrow::array::{Array, ArrayRef, AsArray, RecordBatchReader};
use arrow::datatypes::{DataType, Schema};
use arrow::ffi_stream::{FFI_ArrowArrayStream, RecordBatchStreamReader};
use onepath::files::{self, LOCK_NAME, SPILL_PREFIX, SPILL_SUFFIX};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::Compression;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyCapsuleMethods};
use tempfile::TempDir;

use crate::fault::Fault;
use crate::work::Going;

/// Rows of a row group: several threads read a file by its groups.
const GROUP_ROWS: usize = 122_880;

/// The first rows of a table, of which is seen whether a column repeats itself.
const ROWS_LOOKED_AT: usize = 4_096;

/// Rows of a batch that is given out.
const BATCH_ROWS: usize = 65_536;

/// A folder for the tables of one run, gone with it. What a process leaves that dies, the next one removes.
#[pyclass(frozen, module = "onepath._onepath")]
pub(crate) struct Folder {
    folder: TempDir,
    /// Held, so that nobody takes the folder for one that was left.
    _lock: File,
}

#[pymethods]
impl Folder {
    /// Makes one within `parent`.
    #[new]
    fn new(parent: PathBuf) -> PyResult<Self> {
        let made = || {
            std::fs::create_dir_all(&parent)?;
            files::remove_stale(&parent);
            let folder = tempfile::Builder::new().prefix(SPILL_PREFIX).suffix(SPILL_SUFFIX).tempdir_in(&parent)?;
            let lock = File::create(folder.path().join(LOCK_NAME))?;
            lock.try_lock()?;
            Ok(Self { folder, _lock: lock })
        };
        let made: std::io::Result<Self> = made();
        Ok(made.map_err(|error| Fault::io(&format!("cannot make a folder in {}", parent.display()), &error))?)
    }

    /// Where it is.
    #[getter]
    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes what `table` gives to `name`.parquet, with the types and in the order that it has there, and gives the path. Times without
    /// a zone are refused unless `naive` allows them: all, or those of the columns `times`.
    #[pyo3(signature = (name, table, *, naive, times = None))]
    fn write(
        &self,
        py: Python<'_>,
        name: &str,
        table: &Bound<'_, PyAny>,
        naive: bool,
        times: Option<Vec<String>>,
    ) -> PyResult<PathBuf> {
        let reader = reader(table)?;
        if !naive {
            check_zones(&reader.schema(), times.as_deref())?;
        }
        let path = self.folder.path().join(format!("{name}.parquet"));
        let going = Going::default();
        let stop = &going.stop;
        let write = || write(reader, &path, &|| stop.load(std::sync::atomic::Ordering::Relaxed));
        going.run(py, None, write)??;
        Ok(path)
    }
}

/// The Arrow stream that a table gives.
fn reader(table: &Bound<'_, PyAny>) -> PyResult<RecordBatchStreamReader> {
    let capsule = table.call_method0("__arrow_c_stream__")?;
    let capsule = capsule.cast::<PyCapsule>().map_err(|_| Fault::input("__arrow_c_stream__ gave no capsule"))?;
    let pointer = capsule.pointer_checked(Some(c"arrow_array_stream"))?;
    // SAFETY: a capsule of this name holds a stream of Arrow's C interface. It is moved out, and the capsule keeps an empty one.
    let reader = unsafe { RecordBatchStreamReader::from_raw(pointer.cast::<FFI_ArrowArrayStream>().as_ptr()) };
    Ok(reader.map_err(|error| Fault::input(format!("the table gives no Arrow stream: {error}")))?)
}

fn check_zones(schema: &Schema, times: Option<&[String]>) -> Result<(), Fault> {
    let counts = |name: &String| times.is_none_or(|times| times.contains(name));
    let is_naive = |found: &DataType| match found {
        DataType::Timestamp(_, zone) => zone.is_none(),
        DataType::Dictionary(_, values) => matches!(**values, DataType::Timestamp(_, None)),
        _ => false,
    };
    match schema.fields().iter().find(|field| counts(field.name()) && is_naive(field.data_type())) {
        Some(field) => Err(Fault::input(format!(
            "column {} has times without a zone: give them one (pandas: df[{0:?}].dt.tz_localize(...)), or take them as UTC \
             with naive=\"utc\"",
            field.name()
        ))),
        None => Ok(()),
    }
}

fn write(reader: RecordBatchStreamReader, path: &Path, is_stopped: &dyn Fn() -> bool) -> Result<(), Fault> {
    let schema = reader.schema();
    if let Some(field) = (schema.fields().iter().enumerate())
        .find_map(|(at, field)| schema.fields()[..at].iter().any(|other| other.name() == field.name()).then_some(field))
    {
        return Err(Fault::input(format!("the table has two columns {}: rename one", field.name())));
    }
    let fail = |error: &dyn std::error::Error| Fault::io(&format!("cannot write {}", path.display()), error);
    let mut batches =
        reader.map(|batch| batch.map_err(|error| Fault::input(format!("the table's stream failed: {error}"))));
    let first = batches.find(|batch| batch.as_ref().map_or(true, |batch| batch.num_rows() > 0)).transpose()?;
    // Read once and soon: what takes longer to write than it spares to read is left out.
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::UNCOMPRESSED)
        .set_statistics_enabled(EnabledStatistics::None)
        .set_dictionary_enabled(false)
        .set_max_row_group_row_count(Some(GROUP_ROWS));
    for (at, field) in schema.fields().iter().enumerate() {
        if first.as_ref().is_some_and(|first| repeats(first.column(at))) {
            properties = properties.set_column_dictionary_enabled(ColumnPath::from(vec![field.name().clone()]), true);
        }
    }
    let file = File::create(path).map_err(|error| fail(&error))?;
    let writer = ArrowWriter::try_new(BufWriter::with_capacity(1 << 18, file), schema, Some(properties.build()));
    let no_counterpart = |error| Fault::input(format!("a column of the table has no counterpart in Parquet: {error}"));
    let mut writer = writer.map_err(no_counterpart)?;
    for batch in first.map(Ok).into_iter().chain(batches) {
        if is_stopped() {
            break;
        }
        writer.write(&batch?).map_err(|error| fail(&error))?;
    }
    writer.close().map_err(|error| fail(&error))?;
    Ok(())
}

/// Whether a column of texts has few values, as far as its first rows show: a dictionary then spares much.
fn repeats(column: &ArrayRef) -> bool {
    fn few<'a>(values: impl Iterator<Item = Option<&'a str>>) -> bool {
        let mut seen = HashSet::new();
        let rows = values.take(ROWS_LOOKED_AT).map(|value| seen.insert(value)).count();
        seen.len() * 8 <= rows
    }
    match column.data_type() {
        DataType::Dictionary(..) => true,
        DataType::Utf8 => few(column.as_string::<i32>().iter()),
        DataType::LargeUtf8 => few(column.as_string::<i64>().iter()),
        DataType::Utf8View => few(column.as_string_view().iter()),
        _ => false,
    }
}

/// The rows of a Parquet file, batch by batch, as many times as they are asked for.
#[pyclass(frozen, module = "onepath._onepath")]
pub(crate) struct ParquetStream {
    path: PathBuf,
    columns: Option<Vec<String>>,
}

#[pymethods]
impl ParquetStream {
    #[new]
    #[pyo3(signature = (path, columns = None))]
    fn new(path: PathBuf, columns: Option<Vec<String>>) -> Self {
        Self { path, columns }
    }

    /// An Arrow stream in a capsule.
    #[pyo3(signature = (requested_schema = None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        // A wish that whoever asks must not rely on.
        drop(requested_schema);
        let fail = |error: &dyn std::error::Error| Fault::io(&format!("cannot read {}", self.path.display()), error);
        let file = File::open(&self.path).map_err(|error| fail(&error))?;
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| fail(&error))?;
        let builder = match &self.columns {
            None => builder,
            Some(columns) => {
                let names = columns.iter().map(String::as_str);
                let mask = parquet::arrow::ProjectionMask::columns(builder.parquet_schema(), names);
                builder.with_projection(mask)
            }
        };
        let reader = builder.with_batch_size(BATCH_ROWS).build().map_err(|error| fail(&error))?;
        stream(py, Box::new(reader))
    }
}

/// An Arrow stream in a capsule.
pub(crate) fn stream<'py>(
    py: Python<'py>,
    reader: Box<dyn RecordBatchReader + Send>,
) -> PyResult<Bound<'py, PyCapsule>> {
    PyCapsule::new_with_value(py, FFI_ArrowArrayStream::new(reader), c"arrow_array_stream")
}
