//! Columns on disk for a while: what a run cannot hold in memory.
//!
//! Rows are kept as Arrow IPC streams without compression: one file per [`SpillWriter`], batches in the order in which they were
//! written. Texts are stored in the form in which they come: as texts, as codes with a dictionary, or sixteen bytes each. Where
//! the forms change, one stream ends and another begins in the same file. What comes back has the bits of what went in: the
//! streams lie in frames, each of which is checked before it is decoded (`frames.rs`).

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, DictionaryArray, FixedSizeBinaryArray, RecordBatch, UInt8Array};
use arrow::buffer::Buffer;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, UInt8Type};
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use twox_hash::XxHash3_64;

use super::arrow_out::into_arrow;
use super::convert;
use super::error::{InputError, InputFault, OutputError, OutputFault};
use super::frames::{self, FrameReader, FrameWriter, Sealed};
use super::read::{Nulls, Wanted};
use crate::batch::{Column, FieldLane, Lane, SHORT_BYTES_MAX, Values, short_text_within};
use crate::schema::ValueType;

/// Bytes of a short text.
const SHORT_WIDTH: i32 = 16;

/// A folder of columns on disk.
#[derive(Clone, Debug)]
pub struct SpillFolder {
    path: PathBuf,
    /// A number that the folders of other runs do not have. A file is bound to it, and to its name.
    run: u64,
}

/// A file of columns that is being written.
pub struct SpillWriter {
    path: PathBuf,
    name: PathBuf,
    /// The file, where no stream is open.
    file: Option<FrameWriter>,
    stream: Option<(SchemaRef, StreamWriter<FrameWriter>)>,
    rows: u64,
}

/// A file of columns that was written whole.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Spilled {
    /// Its name in its folder.
    pub name: PathBuf,
    /// Its rows.
    pub rows: u64,
    /// Its size in bytes.
    pub bytes: u64,
    /// The checksum of all of it.
    pub checksum: u64,
}

impl SpillFolder {
    /// The folder at `path`, in which a run has a number that other runs do not have.
    pub fn new(path: &Path, run: u64) -> Self {
        Self { path: path.to_owned(), run }
    }

    /// Begins the file of a name.
    pub fn create(&self, name: &str) -> Result<SpillWriter, OutputError> {
        let path = self.path.join(name);
        let file = FrameWriter::create(&path, self.seed(Path::new(name)));
        let file = file.map_err(|error| OutputError::new(&path, OutputFault::Write(error)))?;
        Ok(SpillWriter { path, name: name.into(), file: Some(file), stream: None, rows: 0 })
    }

    /// Opens a file whose columns have these types.
    pub fn open(&self, file: &Spilled, types: &[ValueType]) -> Result<SpillReader, InputError> {
        let path = self.path.join(&file.name);
        let frames = FrameReader::open(&path, self.seed(&file.name), file.sealed());
        let frames = frames.map_err(|error| InputError::new(&path, InputFault::Open(error)))?;
        let mut reader = SpillReader { path, wanted: wanted(types), stream: None };
        reader.stream = reader.stream_of(frames)?;
        Ok(reader)
    }

    /// Whether a file is there, and is what was written.
    pub fn is_whole(&self, file: &Spilled) -> bool {
        let frames = FrameReader::open(&self.path.join(&file.name), self.seed(&file.name), file.sealed());
        frames.and_then(FrameReader::reads_whole).unwrap_or(false)
    }

    /// Whether there is a file of its name.
    pub fn has(&self, file: &Spilled) -> bool {
        self.path.join(&file.name).exists()
    }

    /// Brings files to the disk, with their names.
    pub fn sync<'f>(&self, files: impl Iterator<Item = &'f Spilled>) -> Result<(), OutputError> {
        let sync = |path: &Path| {
            let synced = File::open(path).and_then(|file| file.sync_all());
            synced.map_err(|error| OutputError::new(path, OutputFault::Write(error)))
        };
        for file in files {
            sync(&self.path.join(&file.name))?;
        }
        // Where folders cannot be opened, a name is as durable as it gets.
        if File::open(&self.path).is_ok() { sync(&self.path) } else { Ok(()) }
    }

    /// Removes files. What cannot be removed only takes room.
    pub fn remove<'f>(&self, files: impl Iterator<Item = &'f Spilled>) {
        for file in files {
            let _ = std::fs::remove_file(self.path.join(&file.name));
        }
    }

    fn seed(&self, name: &Path) -> u64 {
        XxHash3_64::oneshot_with_seed(self.run, name.as_os_str().as_encoded_bytes())
    }
}

impl Spilled {
    fn sealed(&self) -> Sealed {
        Sealed { bytes: self.bytes, checksum: self.checksum }
    }
}

impl SpillWriter {
    /// Appends rows, whose columns have the same types each time.
    pub fn write(&mut self, columns: Vec<FieldLane>) -> Result<(), OutputError> {
        self.append(columns).map_err(|error| OutputError::new(&self.path, OutputFault::from(error)))
    }

    fn append(&mut self, columns: Vec<FieldLane>) -> Result<(), ArrowError> {
        let batch = record_batch(columns)?;
        let schema = batch.schema();
        if self.stream.as_ref().is_none_or(|(known, _)| *known != schema) {
            let stream = StreamWriter::try_new(self.end_stream()?, &schema)?;
            self.stream = Some((schema, stream));
        }
        let Some((_, stream)) = &mut self.stream else { return Ok(()) };
        self.rows += batch.num_rows() as u64;
        stream.write(&batch)
    }

    /// Ends the file.
    pub fn finish(mut self) -> Result<Spilled, OutputError> {
        let ended = self.end_stream().and_then(|file| file.finish().map_err(ArrowError::from));
        let Sealed { bytes, checksum } =
            ended.map_err(|error| OutputError::new(&self.path, OutputFault::from(error)))?;
        Ok(Spilled { name: self.name, rows: self.rows, bytes, checksum })
    }

    /// Ends the stream that is open, if one is, and gives the file.
    fn end_stream(&mut self) -> Result<FrameWriter, ArrowError> {
        match (self.stream.take(), self.file.take()) {
            (Some((_, stream)), _) => stream.into_inner(),
            (None, Some(file)) => Ok(file),
            (None, None) => Err(ArrowError::IpcError("an earlier write failed".to_owned())),
        }
    }
}

/// Rows as one Arrow IPC stream by itself, in the form of those in a file. They have at least one column.
pub fn encode_rows(columns: Vec<FieldLane>) -> Result<Vec<u8>, OutputFault> {
    let encode = || {
        let batch = record_batch(columns)?;
        let mut stream = StreamWriter::try_new(Vec::new(), &batch.schema())?;
        stream.write(&batch)?;
        stream.into_inner()
    };
    encode().map_err(OutputFault::from)
}

/// The columns of [`encode_rows`], which have these types; `None` where there are none.
pub fn decode_rows(bytes: &[u8], types: &[ValueType]) -> Result<Option<Vec<Lane>>, InputFault> {
    let mut stream = StreamReader::try_new(bytes, None).map_err(InputFault::Decode)?;
    let Some(batch) = stream.next().transpose().map_err(InputFault::Decode)? else { return Ok(None) };
    let wanted = wanted(types);
    let lanes = batch.columns().iter().zip(&wanted).map(|(array, wanted)| lane(array, wanted, Path::new("")));
    lanes.collect::<Result<_, InputError>>().map(Some).map_err(|error| *error.fault)
}

/// Columns of any names, some of these types.
fn wanted(types: &[ValueType]) -> Vec<Wanted> {
    types.iter().enumerate().map(|(at, t)| Wanted::new(at.to_string(), *t, Nulls::Allowed)).collect()
}

fn record_batch(columns: Vec<FieldLane>) -> Result<RecordBatch, ArrowError> {
    let arrays = columns.into_iter().map(array).collect::<Result<Vec<_>, _>>()?;
    let fields = arrays.iter().enumerate();
    let fields = fields.map(|(at, array)| Field::new(at.to_string(), array.data_type().clone(), true));
    RecordBatch::try_new(Arc::new(Schema::new(fields.collect::<Vec<_>>())), arrays)
}

/// A column as it is stored.
fn array(column: FieldLane) -> Result<ArrayRef, ArrowError> {
    Ok(match column {
        FieldLane::Column(column) => into_arrow(column)?,
        FieldLane::Short(texts) => Arc::new(FixedSizeBinaryArray::try_new(SHORT_WIDTH, Buffer::from_vec(texts), None)?),
        FieldLane::Coded(codes, texts) => {
            let texts = into_arrow(Column::from_parts(Values::Texts(texts), None))?;
            Arc::new(DictionaryArray::<UInt8Type>::try_new(UInt8Array::from(codes), texts)?)
        }
    })
}

/// The batches of a spilled file, as lanes, in order.
pub struct SpillReader {
    path: PathBuf,
    wanted: Vec<Wanted>,
    /// The stream that is being read; `None` at the end.
    stream: Option<StreamReader<FrameReader>>,
}

impl SpillReader {
    /// The next batch of the stream, or of the one that follows it.
    fn batch(&mut self) -> Result<Option<RecordBatch>, InputError> {
        while let Some(stream) = &mut self.stream {
            let batch = stream.next().transpose();
            match batch.map_err(|error| fault(&self.path, error))? {
                Some(batch) => return Ok(Some(batch)),
                None => {
                    let frames = std::mem::replace(stream.get_mut(), FrameReader::empty());
                    self.stream = self.stream_of(frames)?;
                }
            }
        }
        Ok(None)
    }
}

impl SpillReader {
    /// The stream that comes next in a file, unless that is its end.
    fn stream_of(&self, mut frames: FrameReader) -> Result<Option<StreamReader<FrameReader>>, InputError> {
        match frames.is_at_end() {
            Ok(true) => return Ok(None),
            Ok(false) => {}
            Err(error) => return Err(fault(&self.path, error.into())),
        }
        StreamReader::try_new(frames, None).map(Some).map_err(|error| fault(&self.path, error))
    }
}

/// A column as it was stored, in the file at `path`.
fn lane(array: &ArrayRef, wanted: &Wanted, path: &Path) -> Result<Lane, InputError> {
    let column = |array: &ArrayRef| {
        let column = convert::column(Arc::clone(array), wanted, &mut 0);
        column.map_err(|misfit| misfit.into_error(path, wanted, 0))
    };
    if let Some(texts) = short(array) {
        return Ok(Lane::Short(texts));
    }
    match array.as_dictionary_opt::<UInt8Type>() {
        Some(coded) => {
            let codes = coded.keys().values().iter().map(|code| u32::from(*code)).collect();
            Ok(Lane::coded(codes, column(coded.values())?))
        }
        None => column(array).map(Lane::Column),
    }
}

impl Iterator for SpillReader {
    type Item = Result<Vec<Lane>, InputError>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = match self.batch().transpose()? {
            Ok(batch) => batch,
            Err(error) => return Some(Err(error)),
        };
        let columns = batch.columns().iter().zip(&self.wanted);
        Some(columns.map(|(array, wanted)| lane(array, wanted, &self.path)).collect())
    }
}

/// What kept a file from being decoded.
fn fault(path: &Path, error: ArrowError) -> InputError {
    InputError::new(
        path,
        match &error {
            ArrowError::IoError(_, source) if frames::is_damage(source) => InputFault::NotAsWritten,
            _ => InputFault::Decode(error),
        },
    )
}

/// The texts of an array, if all are short and none is null.
fn short(array: &ArrayRef) -> Option<Vec<u128>> {
    if *array.data_type() == DataType::FixedSizeBinary(SHORT_WIDTH) {
        let (texts, _) = array.as_fixed_size_binary().value_data().as_chunks::<16>();
        return Some(texts.iter().map(|text| u128::from_ne_bytes(*text)).collect());
    }
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
    use crate::batch::{Value, short_text};

    #[test]
    fn what_was_spilled_comes_back() {
        let dir = tempfile::tempdir().expect("a folder");
        let folder = SpillFolder::new(dir.path(), 1);
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
        let mut writer = folder.create("spilled").expect("begins");
        for row in &rows {
            let column = |(value, value_type): (&Value, &ValueType)| {
                let mut column = Column::new(*value_type);
                column.push(value).expect("a value of the type");
                FieldLane::Column(column)
            };
            writer.write(row.iter().zip(&types).map(column).collect()).expect("writes");
        }
        let spilled = writer.finish().expect("ends");
        assert_eq!(
            (spilled.rows, spilled.bytes),
            (2, std::fs::metadata(dir.path().join("spilled")).expect("is there").len())
        );
        let mut read = folder.open(&spilled, &types).expect("opens");
        for row in &rows {
            let lanes = read.next().expect("a batch").expect("reads");
            for (lane, value) in lanes.into_iter().zip(row) {
                assert!(lane.into_column().expect("small").value(0).same_bits(value));
            }
        }
        assert!(read.next().is_none());
    }

    #[test]
    fn texts_come_back_in_whatever_form_they_were_stored() {
        let dir = tempfile::tempdir().expect("a folder");
        let folder = SpillFolder::new(dir.path(), 1);
        let column = |texts: &[&str]| {
            let mut column = Column::new(ValueType::Text);
            texts.iter().for_each(|text| column.push(&Value::Text((*text).into())).expect("a text"));
            column
        };
        let texts = |texts: &[&str]| match column(texts).into_values() {
            Values::Texts(texts) => texts,
            _ => unreachable!("the column is one of texts"),
        };
        let written = [
            (
                FieldLane::Coded(vec![1, 0, 1], texts(&["a", "longer than twelve"])),
                column(&["longer than twelve", "a", "longer than twelve"]),
            ),
            (FieldLane::Coded(vec![0, 0], texts(&["another dictionary"])), column(&["another dictionary"; 2])),
            (FieldLane::Short(vec![short_text(b"short"), short_text(b"")]), column(&["short", ""])),
            (FieldLane::Column(column(&["", "of any length"])), column(&["", "of any length"])),
            (FieldLane::Short(vec![short_text(b"twelve bytes")]), column(&["twelve bytes"])),
        ];
        let mut writer = folder.create("spilled").expect("begins");
        written.iter().for_each(|(lane, _)| writer.write(vec![lane.clone()]).expect("writes"));
        let spilled = writer.finish().expect("ends");
        assert_eq!(
            (spilled.rows, spilled.bytes),
            (10, std::fs::metadata(dir.path().join("spilled")).expect("is there").len())
        );
        let read: Vec<_> = folder.open(&spilled, &[ValueType::Text]).expect("opens").collect();
        assert_eq!(read.len(), written.len());
        for (lanes, (_, expected)) in read.into_iter().zip(written) {
            let lane = lanes.expect("reads").remove(0);
            assert_eq!(lane.into_column().expect("small"), expected);
        }
    }

    #[test]
    fn a_file_without_rows_has_no_batches() {
        let dir = tempfile::tempdir().expect("a folder");
        let folder = SpillFolder::new(dir.path(), 1);
        let spilled = folder.create("spilled").expect("begins").finish().expect("ends");
        assert_eq!((spilled.rows, spilled.bytes), (0, 0));
        assert!(folder.open(&spilled, &[ValueType::Text]).expect("opens").next().is_none());
    }
}
