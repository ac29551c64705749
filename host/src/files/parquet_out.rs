//! Encoding Parquet, row group by row group, on several threads.
//!
//! The same rows give the same bytes, whatever the sizes of their batches and the number of threads: a row group is encoded in
//! steps of [`STEP_ROWS`] rows by itself, and whether a column gets a dictionary is decided from the first rows of the file.

use std::collections::HashSet;
use std::io::Write;
use std::sync::Arc;

use ::parquet::arrow::ArrowWriter;
use ::parquet::arrow::arrow_writer::{ArrowColumnChunk, ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves};
use ::parquet::basic::Compression;
use ::parquet::errors::ParquetError;
use ::parquet::file::metadata::KeyValue;
use ::parquet::file::properties::WriterProperties;
use ::parquet::file::writer::SerializedFileWriter;
use ::parquet::schema::types::ColumnPath;
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::concat;
use arrow::datatypes::{DataType, FieldRef, Float64Type, Int64Type, SchemaRef, TimestampMicrosecondType};

use super::error::OutputFault;
use crate::threads;

/// How many rows a row group of Parquet has, the last one excepted.
const ROW_GROUP_ROWS: usize = 122_880;

/// How many rows are encoded at a time. The encoder ends pages between its calls, so that calls of one size, which divides
/// that of a row group, give the same bytes however the rows came.
const STEP_ROWS: usize = 8_192;

/// How many row groups are encoded together, a thread: what was encoded waits in memory until it is written.
const GROUPS_PER_THREAD: usize = 4;

/// What is named as the creator of a Parquet file.
const CREATED_BY: &str = concat!("onepath version ", env!("CARGO_PKG_VERSION"));

/// Rows on their way to a file.
pub(super) struct ParquetOut<W: Write + Send> {
    schema: SchemaRef,
    threads: usize,
    /// The sink, until the first rows have decided how to encode.
    sink: Option<W>,
    file: Option<(SerializedFileWriter<W>, ArrowRowGroupWriterFactory)>,
    /// Rows that wait until they are enough row groups for all threads.
    waiting: Vec<RecordBatch>,
    waiting_rows: usize,
    rows: u64,
    groups: usize,
}

impl<W: Write + Send> ParquetOut<W> {
    pub fn new(sink: W, schema: &SchemaRef, threads: usize) -> Self {
        Self {
            schema: Arc::clone(schema),
            threads: threads.max(1),
            sink: Some(sink),
            file: None,
            waiting: Vec::new(),
            waiting_rows: 0,
            rows: 0,
            groups: 0,
        }
    }

    /// Takes more rows; now and then encodes some.
    pub fn push(&mut self, batch: RecordBatch) -> Result<(), OutputFault> {
        self.waiting_rows += batch.num_rows();
        self.waiting.push(batch);
        while self.waiting_rows >= ROW_GROUP_ROWS * self.threads {
            self.encode((self.waiting_rows / ROW_GROUP_ROWS).min(self.threads * GROUPS_PER_THREAD))?;
        }
        Ok(())
    }

    /// Encodes what waits, ends the file, and gives the sink and the number of rows.
    pub fn finish(mut self, metadata: &[(String, String)]) -> Result<(W, u64), OutputFault> {
        while self.waiting_rows > 0 {
            self.encode(self.threads * GROUPS_PER_THREAD)?;
        }
        let rows = self.rows;
        let (mut file, _) = match self.file.take() {
            Some(file) => file,
            None => self.begin(&[])?,
        };
        for (key, value) in metadata {
            file.append_key_value_metadata(KeyValue::new(key.clone(), value.clone()));
        }
        Ok((file.into_inner()?, rows))
    }

    /// Encodes at most `groups` row groups of what waits, and appends them in order.
    fn encode(&mut self, groups: usize) -> Result<(), OutputFault> {
        if self.file.is_none() {
            let first = std::mem::take(&mut self.waiting);
            self.file = Some(self.begin(&first)?);
            self.waiting = first;
        }
        let taken: Vec<Vec<RecordBatch>> =
            (0..groups).map(|_| self.take(ROW_GROUP_ROWS)).take_while(|batches| !batches.is_empty()).collect();
        let Some((file, factory)) = &mut self.file else { return Ok(()) };
        let mut columns = Vec::new();
        for (at, batches) in taken.iter().enumerate() {
            let mut writers = factory.create_column_writers(self.groups + at)?.into_iter();
            for (place, field) in self.schema.fields().iter().enumerate() {
                let parts: Vec<&dyn Array> = batches.iter().map(|batch| &**batch.column(place)).collect();
                let leaves = compute_leaves(field, &parts[0].slice(0, 0))?.len();
                columns.push(GroupColumn { field, parts, writers: writers.by_ref().take(leaves).collect() });
            }
        }
        // Each column of each group by itself: while one thread appends those that are ready, the others encode.
        let (fields, mut ready) = (self.schema.fields().len(), Vec::with_capacity(self.schema.fields().len()));
        threads::feed(self.threads, columns, GroupColumn::encode, |chunks| {
            ready.push(chunks);
            if ready.len() == fields {
                let mut group = file.next_row_group()?;
                ready.drain(..).flatten().try_for_each(|chunk| chunk.append_to_row_group(&mut group))?;
                group.close()?;
            }
            Ok::<_, OutputFault>(())
        })?;
        self.groups += taken.len();
        self.rows += taken.iter().flatten().map(|batch| batch.num_rows() as u64).sum::<u64>();
        Ok(())
    }

    /// Begins the file. The first rows tell which columns repeat their values.
    fn begin(
        &mut self,
        first: &[RecordBatch],
    ) -> Result<(SerializedFileWriter<W>, ArrowRowGroupWriterFactory), ParquetError> {
        let mut properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_created_by(CREATED_BY.to_owned())
            .set_max_row_group_row_count(Some(ROW_GROUP_ROWS));
        for (at, field) in self.schema.fields().iter().enumerate() {
            if !repeats(first, at) {
                let path = ColumnPath::new(vec![field.name().clone()]);
                properties = properties.set_column_dictionary_enabled(path, false);
            }
        }
        let sink = self.sink.take().ok_or_else(|| ParquetError::General("the file was begun before".to_owned()))?;
        ArrowWriter::try_new(sink, Arc::clone(&self.schema), Some(properties.build()))?.into_serialized_writer()
    }

    /// Takes the first `rows` of the rows that wait, or all.
    fn take(&mut self, rows: usize) -> Vec<RecordBatch> {
        let (mut taken, mut later, mut missing) = (Vec::new(), Vec::new(), rows);
        for batch in self.waiting.drain(..) {
            let now = missing.min(batch.num_rows());
            missing -= now;
            if now > 0 {
                taken.push(batch.slice(0, now));
            }
            if now < batch.num_rows() {
                later.push(batch.slice(now, batch.num_rows() - now));
            }
        }
        self.waiting = later;
        self.waiting_rows -= rows - missing;
        taken
    }
}

/// One column of one row group.
struct GroupColumn<'a> {
    field: &'a FieldRef,
    /// Its rows, in order.
    parts: Vec<&'a dyn Array>,
    /// One for each leaf of the field.
    writers: Vec<ArrowColumnWriter>,
}

impl GroupColumn<'_> {
    fn encode(mut self) -> Result<Vec<ArrowColumnChunk>, OutputFault> {
        let array = match &self.parts[..] {
            [one] => one.slice(0, one.len()),
            several => concat(several)?,
        };
        for start in (0..array.len()).step_by(STEP_ROWS) {
            let step = array.slice(start, STEP_ROWS.min(array.len() - start));
            for (leaf, writer) in compute_leaves(self.field, &step)?.iter().zip(&mut self.writers) {
                writer.write(leaf)?;
            }
        }
        Ok(self.writers.into_iter().map(|writer| writer.close()).collect::<Result<Vec<_>, _>>()?)
    }
}

/// Whether a dictionary of the values of column `at` may pay: whether, of the first rows, at most half are distinct. Types
/// that are not looked at keep theirs.
fn repeats(batches: &[RecordBatch], at: usize) -> bool {
    let (mut seen, mut rows) = (HashSet::new(), 0);
    for batch in batches {
        let array = batch.column(at).slice(0, (STEP_ROWS - rows).min(batch.num_rows()));
        rows += array.len();
        if !see(&array, &mut seen) {
            return true;
        }
        if rows == STEP_ROWS {
            break;
        }
    }
    rows == 0 || seen.len() * 2 <= rows
}

/// Adds the values of an array that are not null, or their hashes, to `seen`; gives false for a type that is not looked at. What
/// lies under a null may be anything.
fn see(array: &ArrayRef, seen: &mut HashSet<u64>) -> bool {
    match array.data_type() {
        DataType::Float64 => seen.extend(array.as_primitive::<Float64Type>().iter().flatten().map(f64::to_bits)),
        DataType::Int64 => seen.extend(array.as_primitive::<Int64Type>().iter().flatten().map(|v| v as u64)),
        DataType::Timestamp(arrow::datatypes::TimeUnit::Microsecond, _) => {
            seen.extend(array.as_primitive::<TimestampMicrosecondType>().iter().flatten().map(|v| v as u64));
        }
        DataType::Utf8 => {
            let texts = array.as_string::<i32>().iter().flatten();
            seen.extend(texts.map(|text| crate::entity::hash_bytes(text.as_bytes())));
        }
        _ => return false,
    }
    true
}
