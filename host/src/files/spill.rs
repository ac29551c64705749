//! Columns on disk for a while: what a run cannot hold in memory.
//!
//! Rows are kept as Arrow IPC streams without compression: one file per [`SpillWriter`], batches of plain columns in the order in
//! which they were written. What comes back has the bits of what went in.

use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{Schema, SchemaRef};
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;

use super::arrow_out::{arrow_field, into_arrow};
use super::convert;
use super::error::{InputError, InputFault, OutputError, OutputFault};
use super::read::{Nulls, Wanted};
use crate::batch::{Column, Lane, SHORT_BYTES_MAX, short_text_within};
use crate::schema::ValueType;

/// Bytes of the buffer in front of a file: many are open at once.
const BUFFER_BYTES: usize = 1 << 16;

/// A file of columns that is being written.
pub struct SpillWriter {
    path: PathBuf,
    schema: SchemaRef,
    stream: StreamWriter<Counting>,
    rows: u64,
}

/// A buffered file that knows how much was written to it.
struct Counting {
    file: BufWriter<File>,
    bytes: u64,
}

impl Write for Counting {
    fn write(&mut self, buffer: &[u8]) -> std::io::Result<usize> {
        let written = self.file.write(buffer)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

/// A file of columns that was written whole.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Spilled {
    /// The file.
    pub path: PathBuf,
    /// Its rows.
    pub rows: u64,
    /// Its size in bytes.
    pub bytes: u64,
}

impl SpillWriter {
    /// Begins the file at `path` with columns of these types.
    pub fn create(path: &Path, types: &[ValueType]) -> Result<Self, OutputError> {
        let fields = types.iter().enumerate().map(|(at, value_type)| arrow_field(&at.to_string(), *value_type, true));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let fail = |error| OutputError::new(path, OutputFault::Write(error));
        let file = BufWriter::with_capacity(BUFFER_BYTES, File::create(path).map_err(fail)?);
        let stream = StreamWriter::try_new(Counting { file, bytes: 0 }, &schema);
        let stream = stream.map_err(|error| OutputError::new(path, OutputFault::from(error)))?;
        Ok(Self { path: path.to_owned(), schema, stream, rows: 0 })
    }

    /// Appends rows.
    pub fn write(&mut self, columns: Vec<Column>) -> Result<(), OutputError> {
        let fail = |error| OutputError::new(&self.path, OutputFault::from(error));
        let arrays = columns.into_iter().map(into_arrow).collect::<Result<Vec<_>, _>>().map_err(fail)?;
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), arrays).map_err(fail)?;
        self.rows += batch.num_rows() as u64;
        self.stream.write(&batch).map_err(fail)
    }

    /// Ends the file.
    pub fn finish(mut self) -> Result<Spilled, OutputError> {
        let fail = |error| OutputError::new(&self.path, OutputFault::from(error));
        self.stream.finish().map_err(fail)?;
        let bytes = self.stream.get_ref().bytes;
        self.stream.flush().map_err(fail)?;
        Ok(Spilled { path: self.path, rows: self.rows, bytes })
    }
}

/// The batches of a spilled file, as lanes, in order.
pub struct SpillReader {
    path: PathBuf,
    wanted: Vec<Wanted>,
    stream: StreamReader<BufReader<File>>,
}

impl SpillReader {
    /// Opens a file whose columns have these types.
    pub fn open(path: &Path, types: &[ValueType]) -> Result<Self, InputError> {
        let file = File::open(path).map_err(|error| InputError::new(path, InputFault::Open(error)))?;
        let stream = StreamReader::try_new(BufReader::with_capacity(BUFFER_BYTES, file), None);
        let stream = stream.map_err(|error| InputError::new(path, InputFault::Decode(error)))?;
        let wanted = types.iter().enumerate().map(|(at, t)| Wanted::new(at.to_string(), *t, Nulls::Allowed));
        Ok(Self { path: path.to_owned(), wanted: wanted.collect(), stream })
    }
}

impl Iterator for SpillReader {
    type Item = Result<Vec<Lane>, InputError>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = match self.stream.next()? {
            Ok(batch) => batch,
            Err(error) => return Some(Err(InputError::new(&self.path, InputFault::Decode(error)))),
        };
        let lanes = batch.columns().iter().zip(&self.wanted).map(|(array, wanted)| match short(array) {
            Some(texts) => Ok(Lane::Short(texts)),
            None => {
                let column = convert::column(Arc::clone(array), wanted);
                column.map(Lane::Column).map_err(|misfit| misfit.into_error(&self.path, wanted, 0))
            }
        });
        Some(lanes.collect())
    }
}

/// The texts of an array, if all are short and none is null.
fn short(array: &ArrayRef) -> Option<Vec<u128>> {
    let texts = array.as_string_opt::<i32>().filter(|texts| texts.null_count() == 0)?;
    let (offsets, bytes) = (texts.value_offsets(), texts.value_data());
    let length = |pair: &[i32]| (pair[1] - pair[0]) as usize;
    let is_short = offsets.windows(2).all(|pair| length(pair) <= SHORT_BYTES_MAX);
    let short = |pair: &[i32]| short_text_within(bytes, pair[0] as usize, length(pair));
    is_short.then(|| offsets.windows(2).map(short).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::Value;

    #[test]
    fn what_was_spilled_comes_back() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("spilled");
        let rows = [
            [
                Value::Text("short".into()),
                Value::Float64(-0.0),
                Value::Time(7),
                Value::Bool(true),
                Value::Float64List(vec![1.5]),
            ],
            [
                Value::Text("longer than twelve".into()),
                Value::Null,
                Value::Time(-1),
                Value::Null,
                Value::Float64List(vec![]),
            ],
        ];
        let types = [ValueType::Text, ValueType::Float64, ValueType::Time, ValueType::Bool, ValueType::Float64List];
        let mut writer = SpillWriter::create(&path, &types).expect("begins");
        for row in &rows {
            let column = |(value, value_type): (&Value, &ValueType)| {
                let mut column = Column::new(*value_type);
                column.push(value).expect("a value of the type");
                column
            };
            writer.write(row.iter().zip(&types).map(column).collect()).expect("writes");
        }
        let spilled = writer.finish().expect("ends");
        assert_eq!((spilled.rows, spilled.bytes), (2, std::fs::metadata(&path).expect("is there").len()));
        let mut read = SpillReader::open(&path, &types).expect("opens");
        for row in &rows {
            let lanes = read.next().expect("a batch").expect("reads");
            for (lane, value) in lanes.into_iter().zip(row) {
                assert!(lane.into_column().expect("small").value(0).same_bits(value));
            }
        }
        assert!(read.next().is_none());
    }
}
