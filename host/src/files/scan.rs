//! Reading the parts of a file by themselves, from any thread: the row groups of Parquet, and other files as one part.
//!
//! A part gives [`Sheet`]s: like tables, but larger, and with texts as codes or as sixteen bytes each instead of a column. Of a row
//! group, only the bytes of the wanted columns are read, each range at once.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ::parquet::arrow::ProjectionMask;
use ::parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use ::parquet::basic::{ConvertedType, Encoding};
use ::parquet::errors::ParquetError;
use ::parquet::file::reader::{ChunkReader, Length};
use arrow::array::{Array, ArrayRef, AsArray};
use arrow::buffer::ScalarBuffer;
use arrow::datatypes::{DataType, Schema, UInt32Type};
use bytes::{Buf, Bytes};

use super::error::InputError;
use super::object::OpenInput;
use super::parquet::{Batch, ParquetFile, Rows, guarded};
use super::read::{Rest, Selection, Table, TableReader, Wanted, column_names_as, format, open_as, whole};
use super::storage::{Change, Identity, Storage, StorageError};
use super::{Format, TABLE_ROWS_MAX, convert, parquet};
use crate::batch::{Column, Lane, SHORT_BYTES_MAX};
use crate::schema::ValueType;

/// How many rows a [`Sheet`] has at most.
pub const SHEET_ROWS_MAX: usize = 131_072;

/// A sheet of fewer rows has about so many bytes.
const SHEET_BYTES: u64 = 16 << 20;

/// Ranges of a file that lie closer are read as one.
const GAP_BYTES_MAX: u64 = 1 << 16;

/// A file that is read part by part. It is open only while a part is read: a run may have thousands of them.
#[derive(Clone)]
pub struct Input {
    storage: Arc<dyn Storage>,
    path: PathBuf,
    /// That of the first time that it was opened, which it keeps.
    identity: Identity,
    format: Format,
    /// The metadata of Parquet, read once.
    parquet: Option<ParquetFile>,
}

/// A part of a file that can be read by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// How many rows it has, where the file says so.
    pub rows: Option<u64>,
    /// How many bytes it has, decompressed where the file says so.
    pub bytes: u64,
}

/// Rows of a part, in the order of the file.
#[derive(Clone, Debug)]
pub struct Sheet {
    /// The wanted columns, in the order in which they were asked for.
    pub lanes: Vec<Lane>,
    /// How many rows.
    pub rows: usize,
    /// How many rows of the file come before these.
    pub rows_before: u64,
    /// Times that had digits beyond the microsecond, of the wanted columns in which they are counted.
    pub rounded: u64,
}

impl Input {
    /// Opens the file at `path` of a storage, whose extension tells its format.
    pub fn open(storage: &Arc<dyn Storage>, path: &Path) -> Result<Self, InputError> {
        let format = format(path)?;
        let input = OpenInput::open(storage, path)?;
        let (storage, path, identity) = (Arc::clone(storage), path.to_owned(), input.identity().clone());
        let parquet = match format {
            Format::Parquet => Some(ParquetFile::open(&input).map_err(|error| input.behind(error))?),
            Format::Csv | Format::Ndjson => None,
        };
        Ok(Self { storage, path, identity, format, parquet })
    }

    /// Opens it once more, if it is what it was.
    fn open_again(&self) -> Result<OpenInput, InputError> {
        let input = OpenInput::open(&self.storage, &self.path)?;
        match Change::between(&self.identity, input.identity()) {
            None => Ok(input),
            Some(change) => Err(InputError::from_storage(&self.path, StorageError::changed(&self.path, change))),
        }
    }

    /// The file as it was named.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The names of its columns: see [`super::column_names`].
    pub fn column_names(&self) -> Result<Vec<String>, InputError> {
        match &self.parquet {
            Some(file) => Ok(file.names()),
            None => column_names_as(self.format, &self.open_again()?),
        }
    }

    /// Its parts, in the order of their rows.
    pub fn parts(&self) -> Vec<Part> {
        match &self.parquet {
            Some(file) => {
                let groups = file.metadata.metadata().row_groups().iter();
                let part = |rows: i64, bytes: i64| Part { rows: Some(rows.max(0) as u64), bytes: bytes.max(0) as u64 };
                groups.map(|group| part(group.num_rows(), group.total_byte_size())).collect()
            }
            None => vec![Part { rows: None, bytes: self.identity.bytes }],
        }
    }

    /// The rows of one part as tables: see [`super::open`]. Here they may have up to [`SHEET_ROWS_MAX`] rows.
    pub fn tables(&self, part: usize, wanted: &[Wanted], rest: Rest) -> Result<TableReader, InputError> {
        let input = self.open_again()?;
        let Some(file) = &self.parquet else { return open_as(self.format, &input, wanted, rest) };
        let rows_before = rows_before(&file.metadata, part);
        file.tables(
            &input,
            Rows { row_groups: Some(vec![part]), batch_rows: SHEET_ROWS_MAX, rows_before },
            wanted,
            rest,
        )
    }

    /// Reads the `wanted` columns of one part, and gives each sheet to `take`.
    pub fn read<E: From<InputError>>(
        &self,
        part: usize,
        wanted: &[Wanted],
        take: &mut dyn FnMut(Sheet) -> Result<(), E>,
    ) -> Result<(), E> {
        let Some(file) = &self.parquet else {
            for table in open_as(self.format, &self.open_again()?, wanted, Rest::Ignore)? {
                let Table { columns, rows, rows_before, rounded, .. } = table?;
                take(Sheet { lanes: columns.into_iter().map(Lane::Column).collect(), rows, rows_before, rounded })?;
            }
            return Ok(());
        };
        let metadata = &file.metadata;
        let selection = file.selection(wanted, Rest::Ignore)?;
        let mask =
            ProjectionMask::roots(metadata.metadata().file_metadata().schema_descr(), selection.read.iter().copied());
        // The bytes of the part are of one state once they are here, and nothing else is read of it.
        let input = self.open_again()?;
        let sections = whole(&input, || Sections::read(&input, metadata, part, &mask))?;
        let mut rows_before = rows_before(metadata, part);
        let rows = Rows { row_groups: Some(vec![part]), batch_rows: sheet_rows(metadata, part, &mask), rows_before };
        let viewed = with_cheap_texts(metadata, part, wanted);
        let mut batches = file.batches(&viewed, &sections, &selection, rows)?;
        while let Some(batch) = batches.next() {
            let sheet = sheet(self.path(), batch?, wanted, &selection, rows_before)?;
            rows_before += sheet.rows as u64;
            take(sheet)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Input({})", self.path.display())
    }
}

/// How many rows of a row group are read at a time: fewer where rows are long.
fn sheet_rows(metadata: &ArrowReaderMetadata, group: usize, mask: &ProjectionMask) -> usize {
    let group = metadata.metadata().row_group(group);
    let columns = group.columns().iter().enumerate().filter(|(leaf, _)| mask.leaf_included(*leaf));
    let bytes: u64 = columns.map(|(_, column)| column.uncompressed_size().max(0) as u64).sum();
    let width = bytes / (group.num_rows().max(1) as u64);
    ((SHEET_BYTES / width.max(1)) as usize).clamp(TABLE_ROWS_MAX, SHEET_ROWS_MAX)
}

/// How many rows come before a row group.
fn rows_before(metadata: &ArrowReaderMetadata, group: usize) -> u64 {
    metadata.metadata().row_groups()[..group].iter().map(|group| group.num_rows().max(0) as u64).sum()
}

/// The same metadata, by which the wanted texts of a row group are read as their codes, where the file has codes for all of
/// them, and else as views: nothing is copied but codes or views.
fn with_cheap_texts(metadata: &ArrowReaderMetadata, group: usize, wanted: &[Wanted]) -> ArrowReaderMetadata {
    let (schema, columns) = (metadata.schema(), metadata.metadata().row_group(group).columns());
    let is_coded = |name: &str| {
        let mut columns =
            columns.iter().filter(|column| matches!(column.column_path().parts(), [root] if root == name));
        // Only texts that say so themselves have dictionaries of texts; JSON has one of bytes.
        let column = columns.next().filter(|column| column.column_descr().converted_type() == ConvertedType::UTF8);
        let encodings = column.and_then(|column| column.page_encoding_stats_mask());
        encodings.is_some_and(|all| all.is_only(Encoding::RLE_DICTIONARY) || all.is_only(Encoding::PLAIN_DICTIONARY))
    };
    let is_text = |found: &DataType| match found {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, values) => {
            matches!(**values, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
        }
        _ => false,
    };
    let fields = schema.fields().iter().map(|field| {
        let is_wanted = wanted.iter().any(|w| w.value_type == ValueType::Text && w.name == *field.name());
        let cheap = match is_coded(field.name()) {
            true => DataType::Dictionary(Box::new(DataType::UInt32), Box::new(DataType::Utf8)),
            false => DataType::Utf8View,
        };
        match is_wanted && is_text(field.data_type()) {
            true => Arc::new(field.as_ref().clone().with_data_type(cheap)),
            false => Arc::clone(field),
        }
    });
    let viewed = Schema::new_with_metadata(fields.collect::<Vec<_>>(), schema.metadata().clone());
    let options = ArrowReaderOptions::new().with_schema(Arc::new(viewed));
    // A file whose texts cannot be read like this is read as it is.
    ArrowReaderMetadata::try_new(Arc::clone(metadata.metadata()), options).unwrap_or_else(|_| metadata.clone())
}

fn sheet(
    path: &Path,
    (batch, second): Batch,
    wanted: &[Wanted],
    selection: &Selection,
    rows_before: u64,
) -> Result<Sheet, InputError> {
    let rows = batch.num_rows();
    let (mut lanes, mut rounded) = (Vec::with_capacity(wanted.len()), 0);
    for ((array, place), wanted) in selection.arrays(batch).0.into_iter().zip(&selection.wanted).zip(wanted) {
        let is_text = wanted.value_type == ValueType::Text;
        let Some(array) = array else {
            lanes.push(Lane::Column(Column::of_nulls(wanted.value_type, rows)));
            continue;
        };
        // Once they are dropped as an array, nobody else holds texts and codes, and they need not be copied.
        lanes.push(if let Some(texts) = short_texts(array.as_ref()).filter(|_| is_text) {
            drop(array);
            Lane::Short(texts.into())
        } else if let Some((codes, texts)) = coded_texts(array.as_ref()).filter(|_| is_text) {
            drop(array);
            let column = convert::column(texts, wanted, &mut 0);
            let column = column.map_err(|misfit| misfit.into_error(path, wanted, rows_before))?;
            Lane::coded(codes.into(), column)
        } else {
            let nanos = place.and_then(|place| second.as_ref()?.of(place));
            let column = parquet::column(array, nanos, wanted, &mut rounded);
            Lane::Column(column.map_err(|misfit| misfit.into_error(path, wanted, rows_before))?)
        });
    }
    Ok(Sheet { lanes, rows, rows_before, rounded })
}

/// The texts of an array of views, if all are short and none is null.
fn short_texts(array: &dyn Array) -> Option<ScalarBuffer<u128>> {
    let array = array.as_string_view_opt()?;
    let is_short = array.views().iter().all(|view| *view as u32 as usize <= SHORT_BYTES_MAX);
    let has_null = array.null_count() > 0;
    (is_short && !has_null).then(|| array.views().clone())
}

/// The codes of an array of texts, and the texts that they stand for, if none is null.
fn coded_texts(array: &dyn Array) -> Option<(ScalarBuffer<u32>, ArrayRef)> {
    let array = array.as_dictionary_opt::<UInt32Type>()?;
    let has_null = array.keys().null_count() + array.values().null_count() > 0;
    (!has_null).then(|| (array.keys().values().clone(), Arc::clone(array.values())))
}

/// The bytes of some column chunks of one row group.
#[derive(Clone)]
struct Sections {
    file_bytes: u64,
    /// By their offsets in the file, increasing.
    sections: Vec<(u64, Bytes)>,
}

impl Sections {
    fn read(
        input: &OpenInput,
        metadata: &ArrowReaderMetadata,
        part: usize,
        mask: &ProjectionMask,
    ) -> Result<Self, InputError> {
        let file_bytes = input.bytes();
        let columns = metadata.metadata().row_group(part).columns().iter().enumerate();
        let wanted = columns.filter(|(leaf, _)| mask.leaf_included(*leaf));
        let ranges = guarded(input.path(), || wanted.map(|(_, column)| column.byte_range()).collect::<Vec<_>>());
        let mut ranges: Vec<(u64, u64)> = ranges?;
        ranges.sort_unstable();
        let mut joined: Vec<(u64, u64)> = Vec::new();
        for (start, length) in ranges {
            let end = start.saturating_add(length).min(file_bytes);
            match joined.last_mut() {
                Some((_, last)) if start <= last.saturating_add(GAP_BYTES_MAX) => *last = end.max(*last),
                _ => joined.push((start.min(end), end)),
            }
        }
        let mut sections = Vec::with_capacity(joined.len());
        for (start, end) in joined {
            sections.push((start, input.range(start, end)?));
        }
        Ok(Self { file_bytes, sections })
    }

    /// The bytes from `start` to the end of their section.
    fn from(&self, start: u64) -> Result<Bytes, ParquetError> {
        let after = self.sections.partition_point(|(at, _)| *at <= start);
        let section = after.checked_sub(1).map(|at| &self.sections[at]);
        let found = section.and_then(|(at, bytes)| {
            let skipped = usize::try_from(start - at).ok().filter(|skipped| *skipped <= bytes.len())?;
            Some(bytes.slice(skipped..))
        });
        found.ok_or_else(|| ParquetError::EOF(format!("no bytes at {start}")))
    }
}

impl Length for Sections {
    fn len(&self) -> u64 {
        self.file_bytes
    }
}

impl ChunkReader for Sections {
    type T = bytes::buf::Reader<Bytes>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        Ok(self.from(start)?.reader())
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let bytes = self.from(start)?;
        if bytes.len() < length {
            return Err(ParquetError::EOF(format!("expected {length} bytes at {start}, found {}", bytes.len())));
        }
        Ok(bytes.slice(..length))
    }
}
