//! Reading NDJSON: one JSON object a line, in UTF-8. A field that a line does not have is null there; blank lines count as
//! lines, but hold no row.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use serde_json::{Map, Value as Json};

use super::TABLE_ROWS_MAX;
use super::arrow_out::to_arrow;
use super::error::{InputError, InputFault};
use super::infer::{Guess, typed};
use super::json::{self, json_value};
use super::read::{Nulls, Rest, Table, TableReader, Wanted, rest_batch};
use crate::batch::{Column, Value};
use crate::schema::ValueType;

/// How many bytes a line may have: 64 MiB.
pub const LINE_BYTES_MAX: u64 = 64 << 20;

type Object = Map<String, Json>;

/// Reads NDJSON from `input`, such as standard input, which messages call `name`.
pub fn read_lines(name: &Path, input: impl BufRead + Send + 'static, wanted: &[Wanted]) -> TableReader {
    tables(Lines::new(name, input), wanted, None)
}

pub(super) fn open(path: &Path, wanted: &[Wanted], rest: Rest) -> Result<TableReader, InputError> {
    let rest = match rest {
        Rest::Ignore => None,
        Rest::Keep => Some(typed(infer(path, wanted)?)),
    };
    Ok(tables(lines(path)?, wanted, rest))
}

pub(super) fn column_names(path: &Path) -> Result<Vec<String>, InputError> {
    let mut names = Names::default();
    let mut lines = lines(path)?;
    while let Some(line) = lines.next_object() {
        let (_, object) = line?;
        object.keys().for_each(|name| {
            names.place(name);
        });
    }
    Ok(names.names)
}

fn lines(path: &Path) -> Result<Lines<BufReader<File>>, InputError> {
    let file = File::open(path).map_err(|error| InputError::new(path, InputFault::Open(error)))?;
    Ok(Lines::new(path, BufReader::with_capacity(1 << 18, file)))
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

/// Reads the whole file to find the fields that are not wanted by name, and their types.
fn infer(path: &Path, wanted: &[Wanted]) -> Result<Vec<(String, Guess)>, InputError> {
    let mut names = Names::default();
    let mut guesses: Vec<Guess> = Vec::new();
    let mut lines = lines(path)?;
    while let Some(line) = lines.next_object() {
        let (row, object) = line?;
        for (name, value) in object.iter().filter(|(name, _)| wanted.iter().all(|wanted| wanted.name != **name)) {
            if let Some(nested) = nested(value) {
                let fault = InputFault::Value(format!("holds {nested}; only booleans, numbers and texts pass through"));
                return Err(InputError::new(path, fault).at_row(row).in_column(name));
            }
            let place = names.place(name);
            guesses.resize(guesses.len().max(place + 1), Guess::new());
            guesses[place].see_json(value);
        }
    }
    Ok(names.names.into_iter().zip(guesses).collect())
}

fn nested(value: &Json) -> Option<&'static str> {
    match value {
        Json::Object(_) => Some("an object"),
        Json::Array(_) => Some("an array"),
        _ => None,
    }
}

/// The objects of an input, line by line.
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

    /// The next object and the number of its line, from 1.
    fn next_object(&mut self) -> Option<Result<(u64, Object), InputError>> {
        loop {
            self.line.clear();
            let read = self.input.by_ref().take(LINE_BYTES_MAX + 1).read_until(b'\n', &mut self.line);
            self.number += 1;
            let fail = |fault| Some(Err(InputError::new(&self.name, fault).at_row(self.number)));
            match read {
                Ok(0) => return None,
                Ok(bytes) if bytes as u64 > LINE_BYTES_MAX => {
                    return fail(InputFault::LongLine { bytes_max: LINE_BYTES_MAX });
                }
                Ok(_) => {}
                Err(error) => return fail(InputFault::Read(error)),
            }
            let line = if self.number == 1 { self.line.strip_prefix(b"\xef\xbb\xbf") } else { None };
            // Without its end: of a line that was cut short, the fault is where the text ends.
            let line = line.unwrap_or(&self.line).trim_ascii_end();
            if line.is_empty() {
                continue;
            }
            return match serde_json::from_slice(line) {
                Ok(Json::Object(object)) => Some(Ok((self.number, object))),
                Ok(_) => fail(InputFault::Value("is not a JSON object".to_owned())),
                Err(error) => fail(json_fault(&error)),
            };
        }
    }
}

/// Where in its line a text stops being JSON; each line is parsed by itself, so its number there is always 1.
fn json_fault(error: &serde_json::Error) -> InputFault {
    let text = error.to_string();
    let reason = text.split(" at line ").next().unwrap_or(&text);
    InputFault::Json(format!("{reason} at byte {}", error.column()))
}

fn tables<R: BufRead + Send + 'static>(
    mut lines: Lines<R>,
    wanted: &[Wanted],
    rest: Option<(Vec<Wanted>, SchemaRef)>,
) -> TableReader {
    let wanted = wanted.to_vec();
    let rest_schema = rest.as_ref().map(|(_, schema)| Arc::clone(schema));
    let mut rows_before = 0;
    let tables = std::iter::from_fn(move || {
        let table = table(&mut lines, &wanted, rest.as_ref(), rows_before).transpose()?;
        Some(table.inspect(|table| rows_before += table.rows as u64))
    });
    TableReader::new(tables, rest_schema)
}

/// The next table, or `None` at the end of the input.
fn table<R: BufRead>(
    lines: &mut Lines<R>,
    wanted: &[Wanted],
    rest: Option<&(Vec<Wanted>, SchemaRef)>,
    rows_before: u64,
) -> Result<Option<Table>, InputError> {
    let objects = objects(lines)?;
    if objects.is_empty() {
        return Ok(None);
    }
    if rows_before == 0 {
        refuse_unknown(&lines.name, &objects, wanted)?;
    }
    let mut rounded = 0;
    let columns = wanted
        .iter()
        .map(|wanted| column(&lines.name, &objects, wanted, |json, wanted| json::value(json, wanted, &mut rounded)));
    let columns = columns.collect::<Result<Vec<_>, _>>()?;
    let rest = match rest {
        Some((wanted, schema)) => {
            let mut arrays = Vec::with_capacity(wanted.len());
            for wanted in wanted {
                let array = to_arrow(&column(&lines.name, &objects, wanted, any_scalar)?);
                arrays.push(array.map_err(|error| InputError::new(&lines.name, InputFault::Decode(error)))?);
            }
            Some(rest_batch(schema, arrays, objects.len()))
        }
        None => None,
    };
    Ok(Some(Table { columns, rest, rows: objects.len(), rows_before, rounded }))
}

/// The objects of the next table, with their lines' numbers.
fn objects<R: BufRead>(lines: &mut Lines<R>) -> Result<Vec<(u64, Object)>, InputError> {
    let mut objects = Vec::new();
    while objects.len() < TABLE_ROWS_MAX {
        match lines.next_object() {
            Some(object) => objects.push(object?),
            None => break,
        }
    }
    Ok(objects)
}

/// A required field that none of the first lines has is a mistake in a name.
fn refuse_unknown(file: &Path, objects: &[(u64, Object)], wanted: &[Wanted]) -> Result<(), InputError> {
    let unknown = |wanted: &&Wanted| {
        wanted.nulls == Nulls::Refused && objects.iter().all(|(_, object)| !object.contains_key(&wanted.name))
    };
    let Some(unknown) = wanted.iter().find(unknown) else { return Ok(()) };
    let mut has = Names::default();
    objects.iter().flat_map(|(_, object)| object.keys()).for_each(|name| {
        has.place(name);
    });
    let fault = InputFault::NoField { name: unknown.name.clone(), lines: objects.len(), has: has.names };
    Err(InputError::new(file, fault))
}

/// One field of every object.
fn column(
    file: &Path,
    objects: &[(u64, Object)],
    wanted: &Wanted,
    mut read: impl FnMut(&Json, &Wanted) -> Result<Value, InputFault>,
) -> Result<Column, InputError> {
    let mut column = Column::with_capacity(wanted.value_type, objects.len());
    for (row, object) in objects {
        read(object.get(&wanted.name).unwrap_or(&Json::Null), wanted)
            .and_then(|value| Ok(column.push(&value)?))
            .map_err(|fault| InputError::new(file, fault).at_row(*row).in_column(&wanted.name))?;
    }
    Ok(column)
}

/// A pass-through value; in a column of several types, one that is no text becomes the text of its JSON.
fn any_scalar(json: &Json, wanted: &Wanted) -> Result<Value, InputFault> {
    match json {
        Json::Bool(_) | Json::Number(_) if wanted.value_type == ValueType::Text => Ok(Value::Text(json.to_string())),
        json => json_value(json, wanted),
    }
}
