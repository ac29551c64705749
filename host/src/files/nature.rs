//! The types that the columns of a file have by themselves, over all its rows: those of a schema, where nobody declares one.

use std::ops::ControlFlow;
use std::path::Path;

use arrow::datatypes::{DataType, FieldRef};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::error::InputError;
use super::object::OpenInput;
use super::read::{Rest, column_names_as, format, whole};
use super::storage::Storage;
use super::{Format, convert, csv, ndjson, parquet};
use crate::schema::ValueType;

/// A column of a file, and what it holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NaturalColumn {
    /// The column's name in the file.
    pub name: String,
    /// What it holds.
    pub nature: Nature,
}

/// What a column holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Nature {
    /// Values of this type.
    Type(ValueType),
    /// Nothing but nulls.
    Empty,
    /// Values of a type that has no counterpart here: its name.
    Foreign(String),
}

impl Nature {
    /// The type; text where there is nothing that tells.
    pub fn or_text(&self) -> ValueType {
        match self {
            Self::Type(value_type) => *value_type,
            Self::Empty | Self::Foreign(_) => ValueType::Text,
        }
    }

    /// What a column holds that holds this in one file and `other` in another: whole numbers and fractions are fractions.
    pub fn joined(self, other: Self) -> Self {
        match (self, other) {
            (Self::Empty, known) | (known, Self::Empty) => known,
            (foreign @ Self::Foreign(_), _) | (_, foreign @ Self::Foreign(_)) => foreign,
            (Self::Type(one), Self::Type(other)) if one == other => Self::Type(one),
            (Self::Type(ValueType::Int64 | ValueType::Float64), Self::Type(ValueType::Int64 | ValueType::Float64)) => {
                Self::Type(ValueType::Float64)
            }
            (Self::Type(one), Self::Type(other)) => Self::Foreign(format!("{one} in one file and {other} in another")),
        }
    }
}

/// What the values of one column, as far as seen, are.
#[derive(Default)]
pub(super) struct Shape {
    whole: bool,
    fractions: bool,
    booleans: bool,
    texts: bool,
    lists: bool,
    /// Whether they are JSON, where no text takes the other types.
    json: bool,
    foreign: Option<&'static str>,
}

impl Shape {
    /// Takes a cell of CSV into account.
    pub fn see_text(&mut self, text: &str) {
        match text {
            "true" | "false" => self.booleans = true,
            text if is_whole(text) && text.parse::<i64>().is_ok() => self.whole = true,
            text if is_number(text) => self.fractions = true,
            _ => self.texts = true,
        }
    }

    /// Takes a JSON value into account; `null` says nothing.
    pub fn see_json(&mut self, json: &RawValue) {
        self.json = true;
        match json.get().as_bytes().first() {
            Some(b'n') => {}
            Some(b't' | b'f') => self.booleans = true,
            Some(b'"') => self.texts = true,
            Some(b'{') => self.foreign = self.foreign.or(Some("an object")),
            Some(b'[') => match serde_json::from_str::<Vec<f64>>(json.get()) {
                Ok(_) => self.lists = true,
                Err(_) => self.foreign = self.foreign.or(Some("a list of other than numbers")),
            },
            _ if json.get().parse::<i64>().is_ok() => self.whole = true,
            _ => self.fractions = true,
        }
    }

    /// The type that takes every value seen.
    pub fn nature(self) -> Nature {
        let numbers = self.whole || self.fractions;
        let kinds = [numbers, self.booleans, self.texts, self.lists].into_iter().filter(|is_seen| *is_seen).count();
        match self.foreign {
            Some(found) => Nature::Foreign(found.to_owned()),
            None if kinds > 1 && self.json => Nature::Foreign("values of several types".to_owned()),
            None if kinds > 1 || self.texts => Nature::Type(ValueType::Text),
            None if self.lists => Nature::Type(ValueType::Float64List),
            None if self.fractions => Nature::Type(ValueType::Float64),
            None if self.whole => Nature::Type(ValueType::Int64),
            None if self.booleans => Nature::Type(ValueType::Bool),
            None => Nature::Empty,
        }
    }
}

/// Digits with an optional minus, without leading zeros: `007` is a code.
fn is_whole(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_digits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_digits && text != "-0" && (digits == "0" || !digits.starts_with('0'))
}

/// A number as JSON has it, or `NaN`, `inf`, `-inf`. A whole number beyond int64 is a code.
fn is_number(text: &str) -> bool {
    let is_json = || serde_json::from_str::<&RawValue>(text).is_ok() && text.parse().is_ok_and(f64::is_finite);
    let is_fraction = || text.contains(['.', 'e', 'E']) || text == "-0";
    matches!(text, "NaN" | "inf" | "-inf") || (is_fraction() && is_json())
}

/// What these values of one field hold.
pub(crate) fn nature_of_json<'j>(values: impl IntoIterator<Item = &'j RawValue>) -> Nature {
    let mut shape = Shape::default();
    values.into_iter().for_each(|value| shape.see_json(value));
    shape.nature()
}

/// What the columns of the file at `path` hold whose names are `wanted`, in the order of the file. Parquet says it in its
/// schema; other files are read whole.
pub fn natural_columns(
    storage: &dyn Storage,
    path: &Path,
    wanted: &dyn Fn(&str) -> bool,
) -> Result<Vec<NaturalColumn>, InputError> {
    let format = format(path)?;
    let input = OpenInput::open(storage, path)?;
    whole(&input, || match format {
        Format::Parquet => {
            // As they would pass through.
            let schema = parquet::open(&input, &[], Rest::Keep)?.rest_schema().cloned();
            let fields = schema.iter().flat_map(|schema| schema.fields()).filter(|field| wanted(field.name()));
            let nature = |found: &DataType| match convert::natural_type(found) {
                Some(value_type) => Nature::Type(value_type),
                None if *found == DataType::Null => Nature::Empty,
                None => Nature::Foreign(found.to_string()),
            };
            let column =
                |field: &FieldRef| NaturalColumn { name: field.name().clone(), nature: nature(field.data_type()) };
            Ok(fields.map(column).collect())
        }
        Format::Csv => csv::natural_columns(&input, wanted),
        Format::Ndjson => ndjson::natural_columns(&input, wanted),
    })
}

/// Gives `on_name` the names of the columns of the file at `path`, each once, until it says that it has seen enough. Of NDJSON
/// as many lines are read as that takes.
pub fn each_column_name(
    storage: &dyn Storage,
    path: &Path,
    on_name: &mut dyn FnMut(&str) -> ControlFlow<()>,
) -> Result<(), InputError> {
    let format = format(path)?;
    let input = OpenInput::open(storage, path)?;
    if format == Format::Ndjson {
        return whole(&input, || ndjson::each_name(&input, on_name));
    }
    let _ = column_names_as(format, &input)?.iter().try_for_each(|name| on_name(name));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::FileSystem;

    fn natures(name: &str, text: &str) -> String {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("writes");
        let columns = natural_columns(&FileSystem, &path, &|name| name != "skipped").expect("reads");
        let shown = columns.iter().map(|NaturalColumn { name, nature }| match nature {
            Nature::Type(value_type) => format!("{name}: {value_type}"),
            Nature::Empty => format!("{name}: empty"),
            Nature::Foreign(found) => format!("{name}: foreign ({found})"),
        });
        shown.collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn all_rows_decide() {
        let csv = "id,amount,skipped,note,flag,none\n1,2,x,a,true,\n2,2.5,x,7,false,\n";
        assert_eq!(natures("e.csv", csv), "id: int64, amount: float64, note: text, flag: bool, none: empty");
        let json = "{\"id\": 1, \"v\": [1, 2.5], \"o\": {}, \"none\": null}\n{\"late\": true, \"skipped\": 1, \"t\": [\"x\"]}\n\
                    {\"id\": 2.5, \"v\": []}\n";
        let expected = "id: float64, v: list<float64>, o: foreign (an object), none: empty, late: bool, \
                        t: foreign (a list of other than numbers)";
        assert_eq!(natures("e.ndjson", json), expected);
        // A price with two digits beside one with one, and with as many as Python writes.
        assert_eq!(
            natures("p.csv", "p,q,r\n250.10,0.30000000000000004,007\n250.1,1,8\n"),
            "p: float64, q: float64, r: text"
        );
        assert_eq!(natures("m.ndjson", "{\"v\": [1]}\n{\"v\": 1}\n"), "v: foreign (values of several types)");
    }

    #[test]
    fn files_agree_on_what_takes_both() {
        let of = Nature::Type;
        assert_eq!(of(ValueType::Int64).joined(of(ValueType::Float64)), of(ValueType::Float64));
        assert_eq!(Nature::Empty.joined(of(ValueType::Bool)), of(ValueType::Bool));
        let joined = of(ValueType::Int64).joined(of(ValueType::Text));
        assert_eq!(joined, Nature::Foreign("int64 in one file and text in another".to_owned()));
    }
}
