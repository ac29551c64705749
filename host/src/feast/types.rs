//! Which type of onepath a column of Feast has.

use crate::entity::KeyType;
use crate::schema::ValueType;

/// What becomes of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Typed {
    /// It has this type.
    Same(ValueType),
    /// It has this type, and something is to be told.
    Otherwise(ValueType, String),
}

impl Typed {
    pub fn value_type(&self) -> ValueType {
        match self {
            Self::Same(value_type) | Self::Otherwise(value_type, _) => *value_type,
        }
    }
}

/// The type of a column that Feast declares as `declared`, if it does, and whose file holds `held`, if it was read. What the file holds counts:
/// it is what Feast's training sets have.
pub(super) fn carried(declared: Option<&str>, held: Option<&str>) -> Result<Typed, String> {
    let by_declaration = declared.map(of_feast).transpose()?;
    let Some(held) = held else {
        return by_declaration
            .map(Typed::Same)
            .ok_or_else(|| "its type is not known: its file could not be read".to_owned());
    };
    let by_file = match of_arrow(held) {
        // A column of nulls alone has every type.
        Ok(None) => by_declaration.unwrap_or(ValueType::Text),
        Ok(Some(found)) => found,
        Err(()) => return Err(format!("its file holds {held}, which onepath does not have")),
    };
    match (declared, by_declaration) {
        (Some(name), Some(wanted)) if wanted != by_file => {
            Ok(Typed::Otherwise(by_file, format!("{name} in Feast, but its file holds {held}: {by_file} here")))
        }
        (Some(name @ ("Array(Int32)" | "Array(Int64)")), _) => {
            Ok(Typed::Otherwise(by_file, format!("{name} in Feast: {by_file} here, exact up to 2^53")))
        }
        _ => Ok(Typed::Same(by_file)),
    }
}

/// The type of a key column.
pub(super) fn key(declared: Option<&str>, held: Option<&str>) -> Result<KeyType, String> {
    let found = carried(None, held.or(Some(declared.map_or("", arrow_of_feast)).filter(|known| !known.is_empty())))
        .map_err(|_| "the type of its key is not known, or none that onepath's keys have (text, int64)".to_owned())?;
    match found.value_type() {
        ValueType::Text => Ok(KeyType::Text),
        ValueType::Int64 => Ok(KeyType::Int64),
        other => Err(format!("its key holds {other}: onepath's keys are text or int64")),
    }
}

/// What a file would hold of a key of this type of Feast's: a type of a field, or of an entity.
fn arrow_of_feast(name: &str) -> &'static str {
    match name {
        "String" | "STRING" | "Uuid" | "UUID" | "TimeUuid" | "TIME_UUID" => "string",
        "Int32" | "INT32" | "Int64" | "INT64" => "int64",
        "Float32" | "FLOAT" | "Float64" | "DOUBLE" => "double",
        "Bool" | "BOOL" => "bool",
        _ => "",
    }
}

/// The type of a field that Feast declares.
fn of_feast(name: &str) -> Result<ValueType, String> {
    let refused = |instead: &str| Err(format!("{name} is a type that onepath does not have: {instead}"));
    match name {
        "Bool" => Ok(ValueType::Bool),
        "Int32" | "Int64" => Ok(ValueType::Int64),
        "Float32" | "Float64" => Ok(ValueType::Float64),
        // As texts in files and in what Feast answers.
        "String" | "Json" | "Uuid" | "TimeUuid" => Ok(ValueType::Text),
        "UnixTimestamp" => Ok(ValueType::Time),
        "Array(Float32)" | "Array(Float64)" | "Array(Int32)" | "Array(Int64)" => Ok(ValueType::Float64List),
        "Bytes" | "PdfBytes" | "ImageBytes" => refused("write a text, or what models read of it, into a column"),
        "Decimal" => refused("write it as float64, int64 or text"),
        "ZonedTimestamp" => refused("write the time in UTC, and the zone as a text"),
        _ if name.starts_with("Array(") || name.starts_with("Set(") => {
            refused("its lists are of numbers; write one column for each item, or a text")
        }
        _ => refused("write one column for each part of it"),
    }
}

/// The type by which onepath reads a column of this type of Arrow; `None` for one of nulls alone.
fn of_arrow(name: &str) -> Result<Option<ValueType>, ()> {
    if let Some(values) = name.strip_prefix("dictionary<values=") {
        return of_arrow(values.split(',').next().unwrap_or_default());
    }
    if let Some(item) =
        ["list<", "large_list<", "fixed_size_list<", "list_view<"].iter().find_map(|list| name.strip_prefix(list))
    {
        let item = item.split_once(": ").map_or("", |(_, item)| item).trim_end_matches(|c: char| c != '>');
        let item = item.trim_end_matches('>').trim_end_matches(" not null");
        return match of_arrow(item)? {
            Some(ValueType::Int64 | ValueType::Float64) => Ok(Some(ValueType::Float64List)),
            _ => Err(()),
        };
    }
    match name {
        "null" => Ok(None),
        "bool" => Ok(Some(ValueType::Bool)),
        "int8" | "int16" | "int32" | "int64" | "uint8" | "uint16" | "uint32" | "uint64" => Ok(Some(ValueType::Int64)),
        "halffloat" | "float" | "double" => Ok(Some(ValueType::Float64)),
        "string" | "large_string" | "string_view" => Ok(Some(ValueType::Text)),
        "date32[day]" | "date64[ms]" => Ok(Some(ValueType::Time)),
        _ if name.starts_with("timestamp[") => Ok(Some(ValueType::Time)),
        _ => Err(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_file_holds_counts() {
        use ValueType::{Bool, Float64, Float64List, Int64, Text, Time};
        for (declared, held, expected) in [
            (Some("Float32"), Some("float"), Ok(Float64)),
            (Some("Int32"), Some("int32"), Ok(Int64)),
            (Some("Int64"), None, Ok(Int64)),
            (Some("Bool"), Some("bool"), Ok(Bool)),
            (Some("String"), Some("large_string"), Ok(Text)),
            (Some("String"), Some("dictionary<values=string, indices=int32, ordered=0>"), Ok(Text)),
            (Some("Json"), Some("string"), Ok(Text)),
            (Some("UnixTimestamp"), Some("timestamp[ns, tz=UTC]"), Ok(Time)),
            (Some("Array(Float32)"), Some("list<element: float>"), Ok(Float64List)),
            (Some("Array(Float32)"), Some("fixed_size_list<item: float not null>[3]"), Ok(Float64List)),
            (Some("Int64"), Some("null"), Ok(Int64)),
            (None, Some("null"), Ok(Text)),
            (None, Some("date32[day]"), Ok(Time)),
            (None, Some("struct<a: int64>"), Err("its file holds struct<a: int64>, which onepath does not have")),
            (
                None,
                Some("list<element: string>"),
                Err("its file holds list<element: string>, which onepath does not have"),
            ),
            (None, Some("decimal128(10, 2)"), Err("its file holds decimal128(10, 2), which onepath does not have")),
            (None, None, Err("its type is not known: its file could not be read")),
            (
                Some("Bytes"),
                Some("binary"),
                Err(
                    "Bytes is a type that onepath does not have: write a text, or what models read of it, into a column",
                ),
            ),
            (
                Some("Array(String)"),
                None,
                Err(
                    "Array(String) is a type that onepath does not have: its lists are of numbers; write one column for each item, or a text",
                ),
            ),
            (Some("Map"), None, Err("Map is a type that onepath does not have: write one column for each part of it")),
        ] {
            let found = carried(declared, held);
            assert_eq!(found, expected.map(Typed::Same).map_err(str::to_owned), "{declared:?} in {held:?}");
        }
        let otherwise = |text: &str, value_type| Ok(Typed::Otherwise(value_type, text.to_owned()));
        let (text, found) =
            ("Int64 in Feast, but its file holds double: float64 here", carried(Some("Int64"), Some("double")));
        assert_eq!(found, otherwise(text, Float64));
        let (text, found) =
            ("Array(Int64) in Feast: list<float64> here, exact up to 2^53", carried(Some("Array(Int64)"), None));
        assert_eq!(found.map(|found| found.value_type()), Ok(Float64List));
        assert_eq!(carried(Some("Array(Int64)"), Some("list<element: int64>")), otherwise(text, Float64List));
    }

    #[test]
    fn keys_are_texts_or_integers() {
        assert_eq!(key(Some("UNKNOWN"), Some("int32")), Ok(KeyType::Int64));
        assert_eq!(key(Some("STRING"), None), Ok(KeyType::Text));
        assert_eq!(key(Some("Int32"), None), Ok(KeyType::Int64));
        assert_eq!(
            key(Some("INT64"), Some("double")),
            Err("its key holds float64: onepath's keys are text or int64".to_owned())
        );
        for unknown in [None, Some("UNKNOWN"), Some("Map")] {
            assert!(key(unknown, None).is_err(), "{unknown:?}");
        }
    }
}
