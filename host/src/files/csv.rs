//! Reading CSV: RFC 4180 with a header, UTF-8 with or without a byte order mark. An empty field is a null;
//! an empty line holds no row.

use std::io::BufReader;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::csv::ReaderBuilder;
use arrow::csv::reader::{BufReader as Records, Format};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;

use super::arrow_out::to_arrow;
use super::convert::{self, Misfit};
use super::error::{InputError, InputFault};
use super::infer::{Guess, typed};
use super::nature::{NaturalColumn, Shape};
use super::object::{ObjectReader, OpenInput};
use super::quotes::{QuoteFault, Quotes};
use super::read::{Nulls, Rest, Selection, Table, TableReader, Wanted, rest_batch};
use super::{TABLE_ROWS_MAX, quotes, text};
use crate::batch::Column;
use crate::schema::ValueType;

pub(super) fn column_names(input: &OpenInput) -> Result<Vec<String>, InputError> {
    let format = Format::default().with_header(true);
    let (header, _) = format
        .infer_schema(BufReader::new(input.reader()), Some(0))
        .map_err(|error| InputError::new(input.path(), header_fault(error)))?;
    if header.fields().is_empty() {
        return Err(InputError::new(input.path(), InputFault::Empty("a CSV file has at least a header")));
    }
    Ok(header.fields().iter().map(|field| field.name().clone()).collect())
}

/// What the `wanted` columns hold: see [`super::natural_columns`].
pub(super) fn natural_columns(
    input: &OpenInput,
    wanted: &dyn Fn(&str) -> bool,
) -> Result<Vec<NaturalColumn>, InputError> {
    let names = column_names(input)?;
    let texts = names.iter().filter(|name| wanted(name)).map(|name| Wanted::new(name, ValueType::Text, Nulls::Allowed));
    let wanted: Vec<Wanted> = texts.collect();
    let mut shapes: Vec<Shape> = wanted.iter().map(|_| Shape::default()).collect();
    if !wanted.is_empty() {
        let selection = Selection::new(input.path(), &names, &wanted, Rest::Ignore)?;
        for batch in records(input, &names, &selection)? {
            let batch = batch?;
            for (at, shape) in shapes.iter_mut().enumerate() {
                batch.column(at).as_string::<i32>().iter().flatten().for_each(|text| shape.see_text(text));
            }
        }
    }
    let column = |(wanted, shape): (Wanted, Shape)| NaturalColumn { name: wanted.name, nature: shape.nature() };
    Ok(wanted.into_iter().zip(shapes).map(column).collect())
}

pub(super) fn open(input: &OpenInput, wanted: &[Wanted], rest: Rest) -> Result<TableReader, InputError> {
    let names = column_names(input)?;
    let selection = Selection::new(input.path(), &names, wanted, rest)?;
    let others = selection.rest_positions().into_iter().map(|position| names[position].clone());
    let rest = match rest {
        Rest::Ignore => None,
        Rest::Keep => Some(infer(input, &names, &selection)?),
        Rest::AsWritten => Some(typed(others.map(|name| (name, Guess::new())).collect())),
    };
    let rest_schema = rest.as_ref().map(|(_, schema)| Arc::clone(schema));
    let mut records = records(input, &names, &selection)?;
    let mut tables = Tables { input: input.clone(), wanted: wanted.to_vec(), selection, rest, rows_before: 0 };
    let tables = std::iter::from_fn(move || Some(records.next()?.and_then(|batch| tables.table(&batch))));
    Ok(TableReader::new(tables, rest_schema, Some(input.clone())))
}

/// The selected fields of all rows as texts, in batches; errors name the row.
fn records(
    input: &OpenInput,
    names: &[String],
    selection: &Selection,
) -> Result<impl Iterator<Item = Result<RecordBatch, InputError>> + Send + 'static, InputError> {
    let fields: Vec<Field> = names.iter().map(|name| Field::new(name, DataType::Utf8, true)).collect();
    let bytes = BufReader::with_capacity(1 << 18, Quotes::new(input.reader()));
    let records: Records<BufReader<Quotes<ObjectReader>>> = ReaderBuilder::new(Arc::new(Schema::new(fields)))
        .with_header(true)
        .with_batch_size(TABLE_ROWS_MAX)
        .with_projection(selection.read.clone())
        .build_buffered(bytes)
        .map_err(|error| InputError::new(input.path(), InputFault::Decode(error)))?;
    let (input, names) = (input.clone(), names.to_vec());
    Ok(records.map(move |batch| batch.map_err(|error| row_error(&input, &names, error))))
}

/// Reads the whole file to find the types of its pass-through columns; twice, where numbers are spelled in different ways.
fn infer(input: &OpenInput, names: &[String], selection: &Selection) -> Result<(Vec<Wanted>, SchemaRef), InputError> {
    let places = selection.rest.as_deref().unwrap_or_default();
    let mut guesses: Vec<Guess> = places.iter().map(|_| Guess::new()).collect();
    let see_all = |see: fn(&mut Guess, &str), guesses: &mut [Guess]| {
        for batch in records(input, names, selection)? {
            let batch = batch?;
            for (guess, place) in guesses.iter_mut().zip(places) {
                batch.column(*place).as_string::<i32>().iter().flatten().for_each(|text| see(guess, text));
            }
        }
        Ok::<(), InputError>(())
    };
    if !places.is_empty() {
        see_all(Guess::see_text, &mut guesses)?;
    }
    if guesses.iter().any(Guess::is_undecided) {
        guesses.iter_mut().for_each(Guess::begin_again);
        see_all(Guess::see_spelling, &mut guesses)?;
    }
    let names = places.iter().map(|place| names[selection.read[*place]].clone());
    Ok(typed(names.zip(guesses).collect()))
}

/// Makes tables of batches of texts.
struct Tables {
    input: OpenInput,
    wanted: Vec<Wanted>,
    selection: Selection,
    rest: Option<(Vec<Wanted>, SchemaRef)>,
    rows_before: u64,
}

impl Tables {
    fn table(&mut self, batch: &RecordBatch) -> Result<Table, InputError> {
        let mut rounded = 0;
        let mut read = |wanted: &Wanted, place: &usize| {
            let column = column(batch.column(*place), wanted, &mut rounded);
            column.map_err(|misfit| misfit.into_error(self.input.path(), wanted, self.rows_before))
        };
        let columns = self.wanted.iter().zip(&self.selection.wanted).map(|(wanted, place)| match place {
            Some(place) => read(wanted, place),
            None => Ok(Column::of_nulls(wanted.value_type, batch.num_rows())),
        });
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        let rest = match (&self.rest, &self.selection.rest) {
            (Some((wanted, schema)), Some(places)) => {
                let mut arrays = Vec::with_capacity(places.len());
                for (wanted, place) in wanted.iter().zip(places) {
                    let array = to_arrow(&read(wanted, place)?);
                    arrays.push(array.map_err(|error| InputError::new(self.input.path(), InputFault::Decode(error)))?);
                }
                Some(rest_batch(schema, arrays, batch.num_rows()))
            }
            _ => None,
        };
        let rows_before = self.rows_before;
        self.rows_before += batch.num_rows() as u64;
        Ok(Table { columns, rest, rows: batch.num_rows(), rows_before, rounded })
    }
}

/// The wanted column that an array of cells spells.
fn column(cells: &ArrayRef, wanted: &Wanted, rounded: &mut u64) -> Result<Column, Misfit> {
    if wanted.value_type == ValueType::Text {
        return convert::column(Arc::clone(cells), wanted, rounded);
    }
    let mut column = Column::with_capacity(wanted.value_type, cells.len());
    for (row, cell) in cells.as_string::<i32>().iter().enumerate() {
        let misfit = |fault| Misfit::at(row, fault);
        match cell {
            Some(text) => {
                let value = text::value(text, wanted, rounded).map_err(misfit)?;
                column.push(&value).map_err(|error| misfit(InputFault::TooLarge(error)))?;
            }
            None if wanted.nulls == Nulls::Refused => return Err(misfit(InputFault::Null)),
            None => column.push_null(),
        }
    }
    Ok(column)
}

fn header_fault(error: ArrowError) -> InputFault {
    match error {
        ArrowError::IoError(_, error) => InputFault::Read(error),
        error => InputFault::Header(error),
    }
}

/// An error of the CSV decoder, which tells the record only in its words: `... for line 3, expected 2 got 1` and
/// `... for line 3 and field 2`. It counts records from 1 with the header, so that our row is one less.
fn row_error(input: &OpenInput, names: &[String], error: ArrowError) -> InputError {
    let path = input.path();
    let text = match error {
        ArrowError::CsvError(text) => text,
        ArrowError::IoError(_, error) => return read_error(input, error),
        error => return InputError::new(path, InputFault::Decode(error)),
    };
    let number_after = |words: &str| {
        let rest = text.split_once(words)?.1;
        rest.split(|c: char| !c.is_ascii_digit()).next()?.parse::<usize>().ok()
    };
    let row = number_after("for line ").and_then(|record| record.checked_sub(1)).filter(|row| *row > 0);
    let mut error = if let Some(field) = number_after("and field ") {
        let error = InputError::new(path, InputFault::Utf8);
        match names.get(field - 1) {
            Some(name) => error.in_column(name),
            None => error,
        }
    } else if let Some((_, numbers)) = text.split_once(", expected ") {
        InputError::new(path, InputFault::Ragged { expected: names.len(), found: found(numbers) })
    } else {
        InputError::new(path, InputFault::Decode(ArrowError::CsvError(text.clone())))
    };
    error.row = row.map(|row| row as u64);
    error
}

/// A file that cannot be read on, because of the system or of its quotes.
fn read_error(input: &OpenInput, error: std::io::Error) -> InputError {
    let path = input.path();
    let found = error.get_ref().and_then(|inner| inner.downcast_ref::<QuoteFault>()).copied();
    // Read once more, for the row.
    let counted = |found| quotes::fault_of(input.reader()).unwrap_or(found);
    let (fault, row) = match found.map(counted) {
        Some(QuoteFault::Open(row)) => (InputFault::OpenQuote, row),
        Some(QuoteFault::TextAfter(row)) => (InputFault::TextAfterQuote, row),
        None => return InputError::new(path, InputFault::Read(error)),
    };
    let error = InputError::new(path, fault);
    if row > 0 { error.at_row(row) } else { error }
}

/// `2 got 1` as `1`, `2 got more than 2` as `more than 2`.
fn found(numbers: &str) -> String {
    numbers.split_once(" got ").map_or(numbers, |(_, found)| found).to_owned()
}
