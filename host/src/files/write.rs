//! Writing a file: whole under its name, or not at all.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ::parquet::errors::ParquetError;
use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use arrow::error::ArrowError;
use tempfile::NamedTempFile;

use super::digest::Digesting;
use super::error::{OutputError, OutputFault};
use super::parquet_out::ParquetOut;
use super::stale::{PARTIAL_SUFFIX, SPILL_PREFIX};
use super::{Format, TABLE_ROWS_MAX, cells};

/// A file in the making, beside its target and under another name. [`TableWriter::finish`] gives it its own; dropped
/// before that, it leaves nothing behind.
pub struct TableWriter {
    target: PathBuf,
    schema: SchemaRef,
    encoder: Encoder,
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The size of the file in bytes.
    pub bytes: u64,
    /// Its SHA-256, as 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// How many rows it holds.
    pub rows: u64,
}

type Sink = Digesting<BufWriter<NamedTempFile>>;

enum Encoder {
    Parquet(Box<ParquetOut<Sink>>),
    Csv(Sink, u64),
    Ndjson(Sink, u64),
}

impl TableWriter {
    /// Begins the file at `path`, whose extension tells the format, with the columns of `schema`. Metadata of the schema as
    /// a whole is not written.
    ///
    /// Parquet is compressed with Snappy, in row groups of 122,880 rows; the same rows give the same bytes, whatever the
    /// sizes of their batches. CSV has a header; there, a null and an empty text are the same empty field, and times have a
    /// fraction only where it is not zero. NDJSON writes every field of every row.
    ///
    /// At most `threads` threads encode; the file does not tell how many.
    pub fn create(path: &Path, schema: &SchemaRef, threads: usize) -> Result<Self, OutputError> {
        let fail = |fault| OutputError::new(path, fault);
        let format = Format::of(path).ok_or_else(|| fail(OutputFault::Format))?;
        if path.is_dir() {
            return Err(fail(OutputFault::Directory));
        }
        let directory = directory_of(path);
        let create = |source| fail(OutputFault::Create { directory: directory.to_owned(), source });
        let sink = Digesting::new(BufWriter::with_capacity(1 << 18, temporary(directory).map_err(create)?));
        let schema = Arc::new(Schema::new(schema.fields().clone()));
        let encoder = Encoder::new(format, sink, &schema, threads).map_err(fail)?;
        Ok(Self { target: path.to_owned(), schema, encoder })
    }

    /// Appends the rows of `batch`, whose columns are those of the schema.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), OutputError> {
        let fail = |fault| OutputError::new(&self.target, fault);
        let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.schema), batch.columns().to_vec(), &options)
            .map_err(|error| fail(OutputFault::Encode(error)))?;
        self.encoder.write(batch).map_err(fail)
    }

    /// Ends the file, makes it durable and gives it its name, in place of what had it. `metadata` becomes the key-value
    /// metadata of Parquet; CSV and NDJSON have no place for any.
    pub fn finish(self, metadata: &[(String, String)]) -> Result<Written, OutputError> {
        let fail = |fault| OutputError::new(&self.target, fault);
        let failed_write = |error| OutputError::new(&self.target, OutputFault::Write(error));
        let (sink, rows) = self.encoder.finish(metadata).map_err(fail)?;
        let (buffer, bytes, sha256) = sink.into_parts();
        let file = buffer.into_inner().map_err(|error| failed_write(error.into_error()))?;
        file.as_file().sync_all().map_err(failed_write)?;
        file.persist(&self.target).map_err(|error| failed_write(error.error))?;
        // The new name is durable once the directory is; where directories cannot be synced, it is as durable as it gets.
        if let Ok(directory) = File::open(directory_of(&self.target)) {
            directory.sync_all().map_err(failed_write)?;
        }
        Ok(Written { bytes, sha256, rows })
    }
}

/// Writes a small text file, whole under its name or not at all.
pub fn write_text(path: &Path, text: &str) -> Result<(), OutputError> {
    let directory = directory_of(path);
    let create = |source| OutputError::new(path, OutputFault::Create { directory: directory.to_owned(), source });
    let write = |error| OutputError::new(path, OutputFault::Write(error));
    let mut file = temporary(directory).map_err(create)?;
    file.write_all(text.as_bytes()).and_then(|()| file.write_all(b"\n")).map_err(write)?;
    file.as_file().sync_all().map_err(write)?;
    file.persist(path).map_err(|error| write(error.error))?;
    Ok(())
}

/// The folder that `path` lies in.
pub fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn temporary(directory: &Path) -> std::io::Result<NamedTempFile> {
    // Told first, for the error of a temporary file names that file, which nobody knows.
    if !directory.is_dir() {
        return Err(std::io::Error::new(std::io::ErrorKind::NotADirectory, "there is no such folder"));
    }
    let mut builder = tempfile::Builder::new();
    builder.prefix(SPILL_PREFIX).suffix(PARTIAL_SUFFIX);
    // An output is as readable as any file of its owner, not private as temporary files are; the umask still applies.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let file = builder.tempfile_in(directory)?;
    // Held until it has its name, so that nobody takes it for what a process that died has left.
    // A file system without locks has nobody who could ask.
    let _ = file.as_file().try_lock();
    Ok(file)
}

impl Encoder {
    fn new(format: Format, mut sink: Sink, schema: &SchemaRef, threads: usize) -> Result<Self, OutputFault> {
        Ok(match format {
            Format::Parquet => Self::Parquet(Box::new(ParquetOut::new(sink, schema, threads))),
            Format::Csv => {
                cells::csv_header(schema, &mut sink).map_err(OutputFault::Write)?;
                Self::Csv(sink, 0)
            }
            Format::Ndjson => Self::Ndjson(sink, 0),
        })
    }

    fn write(&mut self, batch: RecordBatch) -> Result<(), OutputFault> {
        match self {
            Self::Parquet(out) => out.push(batch),
            Self::Csv(sink, rows) => {
                *rows += batch.num_rows() as u64;
                Ok(lines(&batch).try_for_each(|lines| cells::csv_rows(&lines, sink))?)
            }
            Self::Ndjson(sink, rows) => {
                *rows += batch.num_rows() as u64;
                Ok(lines(&batch).try_for_each(|lines| cells::ndjson_rows(&lines, sink))?)
            }
        }
    }

    /// The sink with all rows in it, and their number.
    fn finish(self, metadata: &[(String, String)]) -> Result<(Sink, u64), OutputFault> {
        let (mut sink, rows) = match self {
            Self::Parquet(out) => out.finish(metadata)?,
            Self::Csv(sink, rows) | Self::Ndjson(sink, rows) => (sink, rows),
        };
        sink.flush().map_err(OutputFault::Write)?;
        Ok((sink, rows))
    }
}

/// The rows of a batch, as many at a time as are made into lines at once.
fn lines(batch: &RecordBatch) -> impl Iterator<Item = RecordBatch> {
    let starts = (0..batch.num_rows()).step_by(TABLE_ROWS_MAX);
    starts.map(|start| batch.slice(start, TABLE_ROWS_MAX.min(batch.num_rows() - start)))
}

impl From<ArrowError> for OutputFault {
    fn from(error: ArrowError) -> Self {
        match error {
            ArrowError::IoError(_, error) => Self::Write(error),
            error => Self::Encode(error),
        }
    }
}

impl From<ParquetError> for OutputFault {
    fn from(error: ParquetError) -> Self {
        Self::Parquet(error)
    }
}
