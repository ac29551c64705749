//! Reading NDJSON: one JSON object a line, in UTF-8. A field that a line does not have is null there; a field that a line has
//! twice is an error. Blank lines count as lines, but hold no row.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, StringBuilder};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use serde_json::value::RawValue;

use super::arrow_out::into_arrow;
use super::cells::AS_JSON;
use super::error::{InputError, InputFault};
use super::fields::Fields;
use super::infer::{Guess, typed};
use super::nature::{NaturalColumn, Shape};
use super::object::{ObjectReader, OpenInput};
use super::read::{Nulls, Rest, Table, TableReader, Wanted, rest_batch};
use super::{TABLE_ROWS_MAX, json};
use crate::batch::{Column, Value};
use crate::schema::ValueType;

/// How many bytes a line may have: 64 MiB.
pub const LINE_BYTES_MAX: u64 = 64 << 20;

/// Reads NDJSON from `input`, such as standard input, which messages call `name`.
pub fn read_lines(name: &Path, input: impl BufRead + Send + 'static, wanted: &[Wanted]) -> TableReader {
    tables(Lines::new(name, input), wanted, Others::Ignored, None)
}

pub(super) fn open(input: &OpenInput, wanted: &[Wanted], rest: Rest) -> Result<TableReader, InputError> {
    let others = match rest {
        Rest::Ignore => Others::Ignored,
        Rest::Keep => {
            let (wanted, schema) = typed(infer(input, wanted)?);
            Others::Typed(wanted, schema)
        }
        Rest::AsWritten => {
            let names =
                column_names(input)?.into_iter().filter(|name| wanted.iter().all(|wanted| wanted.name != *name));
            let as_json = HashMap::from([(AS_JSON.to_owned(), "1".to_owned())]);
            let field = |name| Field::new(name, DataType::Utf8, true).with_metadata(as_json.clone());
            Others::AsWritten(Arc::new(Schema::new(names.map(field).collect::<Vec<_>>())))
        }
    };
    Ok(tables(lines(input), wanted, others, Some(input.clone())))
}

pub(super) fn column_names(input: &OpenInput) -> Result<Vec<String>, InputError> {
    let mut names = Names::default();
    let mut lines = lines(input);
    while let Some(line) = lines.next_line() {
        let (_, fields) = line?;
        fields.0.iter().for_each(|(name, _)| {
            names.place(name);
        });
    }
    Ok(names.names)
}

/// See [`super::each_column_name`].
pub(super) fn each_name(input: &OpenInput, on_name: &mut dyn FnMut(&str) -> ControlFlow<()>) -> Result<(), InputError> {
    let mut names = Names::default();
    let mut lines = lines(input);
    while let Some(line) = lines.next_line() {
        let (_, fields) = line?;
        for (name, _) in &fields.0 {
            let known = names.names.len();
            if names.place(name) == known && on_name(name).is_break() {
                return Ok(());
            }
        }
    }
    Ok(())
}

fn lines(input: &OpenInput) -> Lines<BufReader<ObjectReader>> {
    Lines::new(input.path(), BufReader::with_capacity(1 << 18, input.reader()))
}

/// Names in the order of first sight.
#[derive(Default)]
struct Names {
    places: HashMap<String, usize>,
    names: Vec<String>,
}

impl Names {
    fn place(&mut self, name: &str) -> usize {
        if let Some(place) = self.places.get(name) {
            return *place;
        }
        self.places.insert(name.to_owned(), self.names.len());
        self.names.push(name.to_owned());
        self.names.len() - 1
    }
}

/// What the `wanted` fields hold: see [`super::natural_columns`].
pub(super) fn natural_columns(
    input: &OpenInput,
    wanted: &dyn Fn(&str) -> bool,
) -> Result<Vec<NaturalColumn>, InputError> {
    let mut names = Names::default();
    let mut shapes: Vec<Shape> = Vec::new();
    let mut lines = lines(input);
    while let Some(line) = lines.next_line() {
        let (_, fields) = line?;
        for (name, value) in fields.0.iter().filter(|(name, _)| wanted(name)) {
            let place = names.place(name);
            shapes.resize_with(shapes.len().max(place + 1), Shape::default);
            shapes[place].see_json(value);
        }
    }
    let columns = names.names.into_iter().zip(shapes);
    Ok(columns.map(|(name, shape)| NaturalColumn { name, nature: shape.nature() }).collect())
}

/// Reads the whole file to find the fields that are not wanted by name, and their types; twice, where numbers are spelled in
/// different ways.
fn infer(input: &OpenInput, wanted: &[Wanted]) -> Result<Vec<(String, Guess)>, InputError> {
    let mut names = Names::default();
    let mut guesses: Vec<Guess> = Vec::new();
    let mut see_all = |see: fn(&mut Guess, &str), guesses: &mut Vec<Guess>| {
        let mut lines = lines(input);
        while let Some(line) = lines.next_line() {
            let (row, fields) = line?;
            let others = fields.0.iter().filter(|(name, _)| wanted.iter().all(|wanted| wanted.name != **name));
            for (name, value) in others {
                if let Some(nested) = nested(value) {
                    let fault =
                        format!("holds {nested}; only booleans, numbers and texts pass through to another format");
                    return Err(InputError::new(input.path(), InputFault::Value(fault)).at_row(row).in_column(name));
                }
                let place = names.place(name);
                guesses.resize(guesses.len().max(place + 1), Guess::new());
                see(&mut guesses[place], value.get());
            }
        }
        Ok(())
    };
    see_all(Guess::see_json, &mut guesses)?;
    if guesses.iter().any(Guess::is_undecided) {
        guesses.iter_mut().for_each(Guess::begin_again);
        see_all(Guess::see_spelling, &mut guesses)?;
    }
    Ok(names.names.into_iter().zip(guesses).collect())
}

fn nested(value: &RawValue) -> Option<&'static str> {
    match value.get().as_bytes().first() {
        Some(b'{') => Some("an object"),
        Some(b'[') => Some("an array"),
        _ => None,
    }
}

/// The lines of an input.
struct Lines<R> {
    name: PathBuf,
    input: R,
    line: Vec<u8>,
    number: u64,
}

impl<R: BufRead> Lines<R> {
    fn new(name: &Path, input: R) -> Self {
        Self { name: name.to_owned(), input, line: Vec::new(), number: 0 }
    }

    /// The fields of the next object, and the number of its line, from 1.
    fn next_line(&mut self) -> Option<Result<(u64, Fields<'_>), InputError>> {
        let fail = |name: &Path, number, fault| Some(Err(InputError::new(name, fault).at_row(number)));
        loop {
            self.line.clear();
            let read = self.input.by_ref().take(LINE_BYTES_MAX + 1).read_until(b'\n', &mut self.line);
            self.number += 1;
            match read {
                Ok(0) => return None,
                Ok(bytes) if bytes as u64 > LINE_BYTES_MAX => {
                    return fail(&self.name, self.number, InputFault::LongLine { bytes_max: LINE_BYTES_MAX });
                }
                Ok(_) => {}
                Err(error) => return fail(&self.name, self.number, InputFault::Read(error)),
            }
            if !self.object().is_empty() {
                break;
            }
        }
        let object = self.object();
        Some(match serde_json::from_slice(object) {
            Ok(fields) => Ok((self.number, fields)),
            Err(error) => Err(InputError::new(&self.name, fault(object, &error)).at_row(self.number)),
        })
    }

    /// The line without its end: of one that was cut short, the fault is where the text ends.
    fn object(&self) -> &[u8] {
        let line = if self.number == 1 { self.line.strip_prefix(b"\xef\xbb\xbf") } else { None };
        line.unwrap_or(&self.line).trim_ascii_end()
    }
}

/// What is wrong with a line, which is no object whose fields have one value each.
fn fault(line: &[u8], error: &serde_json::Error) -> InputFault {
    match serde_json::from_slice::<&RawValue>(line) {
        Err(error) => json::not_json(&error),
        Ok(object) if object.get().starts_with('{') => {
            let text = error.to_string();
            InputFault::Value(text.split(" at line ").next().unwrap_or(&text).to_owned())
        }
        Ok(_) => InputFault::Value("is not a JSON object".to_owned()),
    }
}

/// What becomes of the fields that are not wanted by name.
enum Others {
    Ignored,
    /// They pass through with the types of their values.
    Typed(Vec<Wanted>, SchemaRef),
    /// They pass through as JSON.
    AsWritten(SchemaRef),
}

fn tables<R: BufRead + Send + 'static>(
    mut lines: Lines<R>,
    wanted: &[Wanted],
    others: Others,
    input: Option<OpenInput>,
) -> TableReader {
    let wanted = wanted.to_vec();
    let rest_schema = match &others {
        Others::Ignored => None,
        Others::Typed(_, schema) | Others::AsWritten(schema) => Some(Arc::clone(schema)),
    };
    let mut rows_before = 0;
    let tables = std::iter::from_fn(move || {
        let table = table(&mut lines, &wanted, &others, rows_before).transpose()?;
        Some(table.inspect(|table| rows_before += table.rows as u64))
    });
    TableReader::new(tables, rest_schema, input)
}

/// The next table, or `None` at the end of the input.
fn table<R: BufRead>(
    lines: &mut Lines<R>,
    wanted: &[Wanted],
    others: &Others,
    rows_before: u64,
) -> Result<Option<Table>, InputError> {
    let (mut columns, mut rounded) = (Columns::new(wanted), 0);
    let mut rest = match others {
        Others::Ignored => RestRows::None,
        Others::Typed(wanted, _) => RestRows::Typed(Columns::new(wanted)),
        Others::AsWritten(schema) => {
            let texts = schema.fields().iter().map(|field| (field.name().clone(), 0, StringBuilder::new()));
            RestRows::AsWritten(texts.collect())
        }
    };
    let name = lines.name.clone();
    let mut rows = 0;
    while rows < TABLE_ROWS_MAX {
        let Some(line) = lines.next_line() else { break };
        let (row, fields) = line?;
        rows += 1;
        columns
            .push(&fields, |json, wanted| json::value(json, wanted, &mut rounded))
            .map_err(|wrong| wrong.at(&name, row))?;
        rest.push(&fields).map_err(|wrong| wrong.at(&name, row))?;
    }
    if rows == 0 {
        return Ok(None);
    }
    let decode = |error| InputError::new(&name, InputFault::Decode(error));
    let rest = match (rest, others) {
        (RestRows::Typed(columns), Others::Typed(_, schema)) => {
            let arrays = columns.done().into_iter().map(into_arrow).collect::<Result<_, _>>().map_err(decode)?;
            Some(rest_batch(schema, arrays, rows))
        }
        (RestRows::AsWritten(texts), Others::AsWritten(schema)) => {
            let arrays = texts.into_iter().map(|(_, _, mut texts)| Arc::new(texts.finish()) as ArrayRef);
            Some(rest_batch(schema, arrays.collect(), rows))
        }
        _ => None,
    };
    Ok(Some(Table { columns: columns.done(), rest, rows, rows_before, rounded }))
}

/// A value that is wrong, and the name of its field.
struct Wrong(String, InputFault);

impl Wrong {
    fn at(self, file: &Path, row: u64) -> InputError {
        InputError::new(file, self.1).at_row(row).in_column(&self.0)
    }
}

/// Columns that grow line by line.
struct Columns<'w> {
    wanted: &'w [Wanted],
    columns: Vec<Column>,
    /// Where each field was in the line before.
    places: Vec<usize>,
}

impl<'w> Columns<'w> {
    fn new(wanted: &'w [Wanted]) -> Self {
        let columns = wanted.iter().map(|wanted| Column::with_capacity(wanted.value_type, TABLE_ROWS_MAX));
        Self { wanted, columns: columns.collect(), places: (0..wanted.len()).collect() }
    }

    fn push(
        &mut self,
        fields: &Fields<'_>,
        mut read: impl FnMut(&RawValue, &Wanted) -> Result<Value, InputFault>,
    ) -> Result<(), Wrong> {
        for ((wanted, column), place) in self.wanted.iter().zip(&mut self.columns).zip(&mut self.places) {
            let wrong = |fault| Wrong(wanted.name.clone(), fault);
            match fields.find(&wanted.name, place) {
                Some(value) => {
                    let value = read(value, wanted).map_err(wrong)?;
                    column.push(&value).map_err(|error| wrong(error.into()))?;
                }
                None if wanted.nulls == Nulls::Refused => {
                    let has = fields.0.iter().map(|(name, _)| name.to_string()).collect();
                    return Err(wrong(InputFault::Missing { has }));
                }
                None => column.push_null(),
            }
        }
        Ok(())
    }

    fn done(self) -> Vec<Column> {
        self.columns
    }
}

/// The rows that pass through.
enum RestRows<'w> {
    None,
    Typed(Columns<'w>),
    /// Per field, its name, its place in the line before, and its values.
    AsWritten(Vec<(String, usize, StringBuilder)>),
}

impl RestRows<'_> {
    fn push(&mut self, fields: &Fields<'_>) -> Result<(), Wrong> {
        match self {
            Self::None => {}
            Self::Typed(columns) => columns.push(fields, any_scalar)?,
            Self::AsWritten(texts) => {
                for (name, place, texts) in texts {
                    texts.append_option(fields.find(name, place).map(RawValue::get));
                }
            }
        }
        Ok(())
    }
}

/// A pass-through value; in a column of several types, one that is no text becomes the text of its JSON.
fn any_scalar(json: &RawValue, wanted: &Wanted) -> Result<Value, InputFault> {
    match json.get().as_bytes().first() {
        Some(b'"' | b'n') | None => json::value(json, wanted, &mut 0),
        _ if wanted.value_type == ValueType::Text => Ok(Value::Text(json.get().to_owned())),
        _ => json::value(json, wanted, &mut 0),
    }
}
