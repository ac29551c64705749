//! INT96, the timestamps of Spark, Hive and Impala: nanoseconds of a day, and a Julian day of 32 bits.
//!
//! As 64 bits of nanoseconds they would wrap around outside the years 1677 to 2262, and as microseconds digits would be lost.
//! So each is read twice: in milliseconds, which hold every one, and in nanoseconds modulo 2^64, which have the digits below.
//! Source: <https://github.com/apache/parquet-format/blob/master/LogicalTypes.md#deprecated-time-logical-type>, and for the
//! Julian day of the epoch, `Int96` of the `parquet` crate.

use std::path::Path;
use std::sync::Arc;

use ::parquet::arrow::ProjectionMask;
use ::parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use ::parquet::basic::Type as PhysicalType;
use ::parquet::file::reader::ChunkReader;
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, TimestampMicrosecondArray, TimestampNanosecondArray};
use arrow::datatypes::{DataType, Schema, SchemaRef, TimeUnit, TimestampMillisecondType, TimestampNanosecondType};
use arrow::error::ArrowError;

use super::TABLE_ROWS_MAX;
use super::convert::{Misfit, null_bytes};
use super::error::{InputError, InputFault};
use super::object::OpenInput;
use super::parquet::guarded;
use super::read::Wanted;
use super::text::{micros, out_of_range};
use crate::batch::{Column, Values};
use crate::time::{Instant, TimeError};

/// The INT96 columns of a file.
#[derive(Clone, Debug)]
pub(super) struct Int96 {
    /// Their positions among the columns of the file, increasing.
    roots: Vec<usize>,
    /// The file's metadata, by which they are read in nanoseconds.
    nanos: ArrowReaderMetadata,
}

/// Metadata by which INT96 columns are read in milliseconds, and those columns; `None` where a file has none.
pub(super) fn find(
    path: &Path,
    metadata: &ArrowReaderMetadata,
) -> Result<Option<(ArrowReaderMetadata, Int96)>, InputError> {
    let descriptor = metadata.metadata().file_metadata().schema_descr();
    let mut roots = Vec::new();
    for (leaf, column) in descriptor.columns().iter().enumerate() {
        if column.physical_type() == PhysicalType::INT96 {
            if column.path().parts().len() > 1 {
                let fault =
                    "holds INT96 timestamps inside a list or a struct, which are not read: write them as TIMESTAMP";
                let name = column.path().parts().first().map_or("", String::as_str);
                return Err(InputError::new(path, InputFault::Value(fault.to_owned())).in_column(name));
            }
            roots.push(descriptor.get_column_root_idx(leaf));
        }
    }
    if roots.is_empty() {
        return Ok(None);
    }
    let of = |unit| {
        let options = ArrowReaderOptions::new().with_schema(with_unit(metadata.schema(), &roots, |_| unit));
        let read = ArrowReaderMetadata::try_new(Arc::clone(metadata.metadata()), options);
        read.map_err(|error| InputError::new(path, InputFault::Parquet(error)))
    };
    let (millis, nanos) = (of(TimeUnit::Millisecond)?, of(TimeUnit::Nanosecond)?);
    Ok(Some((millis, Int96 { roots, nanos })))
}

/// The schema, with timestamps of a unit in the fields at `roots`.
fn with_unit(schema: &Schema, roots: &[usize], unit: impl Fn(usize) -> TimeUnit) -> SchemaRef {
    let fields = schema.fields().iter().enumerate().map(|(at, field)| match field.data_type() {
        DataType::Timestamp(_, zone) if roots.contains(&at) => {
            Arc::new(field.as_ref().clone().with_data_type(DataType::Timestamp(unit(at), zone.clone())))
        }
        _ => Arc::clone(field),
    });
    Arc::new(Schema::new_with_metadata(fields.collect::<Vec<_>>(), schema.metadata().clone()))
}

/// The second reading of the INT96 columns among those that a reader reads, beside its batches.
pub(super) struct Nanos {
    batches: ParquetRecordBatchReader,
    /// Per column of the second reading, its place among the columns that the first one reads.
    places: Arc<[usize]>,
}

impl Int96 {
    /// Whether one of the columns at these positions is INT96.
    pub(super) fn is_among(&self, read: &[usize]) -> bool {
        read.iter().any(|at| self.roots.contains(at))
    }

    /// Begins the second reading, of the same rows of the same `input`: of those of its columns at `read`, the INT96 ones.
    pub(super) fn begin<T: ChunkReader + 'static>(
        &self,
        path: &Path,
        input: T,
        read: &[usize],
        row_groups: Option<Vec<usize>>,
        batch_rows: usize,
    ) -> Result<Nanos, InputError> {
        let places: Arc<[usize]> = (0..read.len()).filter(|place| self.roots.contains(&read[*place])).collect();
        let descriptor = self.nanos.metadata().file_metadata().schema_descr();
        let mask = ProjectionMask::roots(descriptor, places.iter().map(|place| read[*place]));
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(input, self.nanos.clone());
        let builder = match row_groups {
            Some(groups) => builder.with_row_groups(groups),
            None => builder,
        };
        let batches = guarded(path, || builder.with_projection(mask).with_batch_size(batch_rows).build())?;
        let batches = batches.map_err(|error| InputError::new(path, InputFault::Parquet(error)))?;
        Ok(Nanos { batches, places })
    }

    /// In which unit each INT96 column at `columns` passes through: nanoseconds where all of its values fit, else microseconds,
    /// in which case a value with finer digits is refused.
    pub(super) fn units(
        &self,
        input: &OpenInput,
        millis: &ArrowReaderMetadata,
        columns: &[usize],
    ) -> Result<Units, InputError> {
        let path = input.path();
        let found: Vec<usize> = columns.iter().copied().filter(|at| self.roots.contains(at)).collect();
        let mut units = Units(found.iter().map(|at| (*at, TimeUnit::Nanosecond)).collect());
        if found.is_empty() {
            return Ok(units);
        }
        let mask = ProjectionMask::roots(millis.metadata().file_metadata().schema_descr(), found.iter().copied());
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(input.clone(), millis.clone());
        let batches = guarded(path, || builder.with_projection(mask).with_batch_size(TABLE_ROWS_MAX).build())?;
        let mut batches = batches.map_err(|error| InputError::new(path, InputFault::Parquet(error)))?;
        let mut nanos = self.begin(path, input.clone(), &found, None, TABLE_ROWS_MAX)?;
        while let Some(batch) = guarded(path, || batches.next())? {
            let batch = batch.map_err(|error| InputError::new(path, InputFault::Decode(error)))?;
            let second = nanos.next(path)?;
            for (place, (_, unit)) in units.0.iter_mut().enumerate() {
                let array = second.of(place).expect("every column of this reading is INT96");
                if times(batch.column(place), array).flatten().any(|time| time.to_nanos().is_none()) {
                    *unit = TimeUnit::Microsecond;
                }
            }
        }
        Ok(units)
    }
}

/// The units in which INT96 columns pass through, by their positions in the file.
#[derive(Clone, Debug, Default)]
pub(super) struct Units(Vec<(usize, TimeUnit)>);

impl Units {
    /// The schema of a file, with these units.
    pub(super) fn schema(&self, schema: &Schema) -> SchemaRef {
        let roots: Vec<usize> = self.0.iter().map(|(at, _)| *at).collect();
        let unit = |at| self.0.iter().find(|(root, _)| *root == at).map_or(TimeUnit::Nanosecond, |(_, unit)| *unit);
        with_unit(schema, &roots, unit)
    }
}

/// One batch of the second reading.
pub(super) struct Second {
    batch: RecordBatch,
    places: Arc<[usize]>,
}

impl Second {
    /// The nanoseconds of the column at a place among those of the first reading, if it is INT96.
    pub(super) fn of(&self, place: usize) -> Option<&ArrayRef> {
        let at = self.places.iter().position(|found| *found == place)?;
        Some(self.batch.column(at))
    }
}

impl Nanos {
    /// The batch beside the one that the first reading gave last.
    pub(super) fn next(&mut self, path: &Path) -> Result<Second, InputError> {
        let fail = |error| InputError::new(path, InputFault::Decode(error));
        let ended = || fail(ArrowError::ParquetError("the INT96 columns have fewer rows than the others".to_owned()));
        let batch = guarded(path, || self.batches.next())?.ok_or_else(ended)?.map_err(fail)?;
        Ok(Second { batch, places: Arc::clone(&self.places) })
    }
}

/// A timestamp: milliseconds, and the nanoseconds beyond them.
#[derive(Clone, Copy)]
struct Int96Time {
    millis: i64,
    beyond: i64,
}

impl Int96Time {
    fn to_nanos(self) -> Option<i64> {
        self.millis.checked_mul(1_000_000)?.checked_add(self.beyond)
    }

    fn instant(self) -> Result<Instant, TimeError> {
        let micros =
            self.millis.checked_mul(1_000).and_then(|micros| micros.checked_add(self.beyond.div_euclid(1_000)));
        let micros = micros.ok_or_else(|| TimeError::Range { shown: format!("{} milliseconds", self.millis) })?;
        Ok(Instant { micros, has_finer: self.beyond.rem_euclid(1_000) != 0 })
    }
}

/// The timestamps of both readings, a null as `None`.
fn times<'a>(millis: &'a ArrayRef, nanos: &'a ArrayRef) -> impl Iterator<Item = Option<Int96Time>> + 'a {
    let (millis, nanos) =
        (millis.as_primitive::<TimestampMillisecondType>(), nanos.as_primitive::<TimestampNanosecondType>());
    millis.iter().zip(nanos.iter()).map(|(millis, nanos)| {
        let (millis, nanos) = (millis?, nanos?);
        // Modulo 2^64 on both sides; the difference is less than a millisecond.
        Some(Int96Time { millis, beyond: nanos.wrapping_sub(millis.wrapping_mul(1_000_000)) })
    })
}

/// The wanted column of times.
pub(super) fn column(
    millis: &ArrayRef,
    nanos: &ArrayRef,
    wanted: &Wanted,
    rounded: &mut u64,
) -> Result<Column, Misfit> {
    let nulls = null_bytes(millis, wanted)?;
    let read = |(row, time): (usize, Option<Int96Time>)| match time {
        Some(time) => micros(time.instant(), wanted, rounded).map_err(|fault| Misfit::at(row, fault)),
        None => Ok(0),
    };
    let values = times(millis, nanos).enumerate().map(read).collect::<Result<_, _>>()?;
    Ok(Column::from_parts(Values::Times(values), nulls))
}

/// The array that passes through, with the type `to`.
pub(super) fn pass_through(millis: &ArrayRef, nanos: &ArrayRef, to: &DataType) -> Result<ArrayRef, Misfit> {
    let DataType::Timestamp(unit, zone) = to else {
        return Err(InputFault::Value("INT96 passes through as a timestamp alone".to_owned()).into());
    };
    let mut values = Vec::with_capacity(millis.len());
    for (row, time) in times(millis, nanos).enumerate() {
        let value = |time: Int96Time| match unit {
            TimeUnit::Nanosecond => {
                time.to_nanos().ok_or_else(|| out_of_range(&format!("{} milliseconds", time.millis)))
            }
            _ => match time.instant() {
                Ok(Instant { micros, has_finer: false }) => Ok(micros),
                Ok(_) => Err(InputFault::Value(
                    "has digits beyond the microsecond, in a column whose other times lie beyond what nanoseconds hold"
                        .to_owned(),
                )),
                Err(error) => Err(InputFault::Value(error.to_string())),
            },
        };
        values.push(time.map(value).transpose().map_err(|fault| Misfit::at(row, fault))?);
    }
    Ok(match unit {
        TimeUnit::Nanosecond => Arc::new(TimestampNanosecondArray::from(values).with_timezone_opt(zone.clone())),
        _ => Arc::new(TimestampMicrosecondArray::from(values).with_timezone_opt(zone.clone())),
    })
}
