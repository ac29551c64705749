//! Resolves declared fields, the columns that they come in, and the offsets that are left out.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

use toml::Spanned;

use crate::project::fault::Fault;
use crate::project::names::{self, closest};
use crate::project::raw::{RawField, Table, in_order};
use crate::project::{DeclaredField, MappedColumn, Source, SqlText, View};

/// The fields of `owner` in the order of the document.
pub(super) fn fields(raw: Table<Spanned<RawField>>, owner: &str) -> Result<Vec<DeclaredField>, Fault> {
    let field = |(name, field): (Spanned<String>, Spanned<RawField>)| {
        if name.get_ref().is_empty() {
            return Err(Fault::new(name.span(), format!("{owner} has a field without a name"))
                .help("name the field: amount = \"float64\""));
        }
        let span = field.span();
        let RawField { value_type, nullable, description } = field.into_inner();
        Ok(DeclaredField { name: name.into_inner(), value_type, nullable, description, span })
    };
    in_order(raw).into_iter().map(field).collect()
}

/// The derived columns of a source, in the order of the document.
pub(super) fn derived(raw: Table<Spanned<String>>, source: &str) -> Result<Vec<(String, SqlText)>, Fault> {
    let column = |(name, text): (Spanned<String>, Spanned<String>)| {
        let name = names::identifier(&name, "a derived column")?;
        if text.get_ref().trim().is_empty() {
            return Err(Fault::new(text.span(), format!("the derived column {name:?} of source {source:?} is empty"))
                .help("write SQL, such as \"price * quantity\""));
        }
        let span = text.span();
        Ok((name, SqlText { text: text.into_inner(), span }))
    };
    in_order(raw).into_iter().map(column).collect()
}

/// Refuses a derived column with the name of another one.
pub(super) fn check_derived(source: &Source) -> Result<(), Fault> {
    for (name, text) in &source.derived {
        if source.field(name).is_some() || source.role_type(name).is_some() || name == "event_time" {
            let message = format!("source {:?} has {name:?} already, and derives it too", source.name);
            return Err(Fault::new(text.span.clone(), message).help("give the derived column another name"));
        }
    }
    Ok(())
}

/// Refuses a declared type of a key, a time or the event id that is not the one that it has anyway, and a key or an event time
/// that may be null.
pub(super) fn check_roles(source: &Source) -> Result<(), Fault> {
    for field in &source.fields {
        let is_key = source.keys.iter().any(|key| key.name == field.name);
        if field.nullable == Some(true) && (is_key || source.event_time == field.name) {
            let role = if is_key { "a key" } else { "the event time" };
            let message = format!("field {:?} is {role} of source {:?}, and never null", field.name, source.name);
            return Err(Fault::new(field.span.clone(), message)
                .help("remove `nullable = true`: an event without it is refused"));
        }
        let Some(expected) = source.role_type(&field.name).filter(|expected| *expected != field.value_type) else {
            continue;
        };
        let role = match &field.name {
            name if source.keys.iter().any(|key| key.name == *name) => "a key",
            name if source.event_id.as_ref() == Some(name) => "the event id",
            _ => "a time",
        };
        let message = format!("field {:?} is {role} of source {:?}, and so {expected}", field.name, source.name);
        return Err(Fault::new(field.span.clone(), message).help("remove this line: its type is known"));
    }
    Ok(())
}

/// The columns that hold what has another name here, no two of them the same.
pub(super) fn columns(raw: Table<Spanned<String>>, source: &str) -> Result<Vec<MappedColumn>, Fault> {
    let mut first: HashMap<String, Range<usize>> = HashMap::new();
    let mut columns = Vec::with_capacity(raw.len());
    for (name, column) in in_order(raw) {
        if let Some(first) = first.insert(column.get_ref().clone(), column.span()) {
            let message = format!("source {source:?} maps two names to the column {:?}", column.get_ref());
            return Err(Fault::new(column.span(), message)
                .also(first, "the other")
                .help("a column holds one thing: remove one of them"));
        }
        if name.get_ref().is_empty() || column.get_ref().is_empty() {
            return Err(Fault::new(column.span(), format!("source {source:?} has an empty column name"))
                .help("write our name and the column's: columns = { amount = \"amt\" }"));
        }
        let span = name.span();
        columns.push(MappedColumn { name: name.into_inner(), column: column.into_inner(), span });
    }
    Ok(columns)
}

/// Refuses a mapping that takes the column of another name, and one of a name that nothing can give.
pub(super) fn check_columns(source: &Source, views: &[View]) -> Result<(), Fault> {
    let mut known: Vec<&str> = source.keys.iter().map(|key| key.name.as_str()).collect();
    known.push(&source.event_time);
    known.extend(source.arrival_time.as_deref());
    known.extend(source.event_id.as_deref());
    known.extend(source.fields.iter().map(|field| field.name.as_str()));
    let is_mapped = |name: &str| source.columns.iter().any(|mapped| mapped.name == name);
    // What files have and what views read shows later.
    let is_open = !source.files.is_empty() || views.iter().any(|view| view.sources.contains(&source.name));
    for mapped in &source.columns {
        if known.contains(&mapped.column.as_str()) && !is_mapped(&mapped.column) {
            let message = format!("the column {:?} would be both {} and {0}", mapped.column, mapped.name);
            return Err(Fault::new(mapped.span.clone(), message)
                .help(format!("map {} to its own column too, or remove this one", mapped.column)));
        }
        if !is_open && !known.contains(&mapped.name.as_str()) {
            let message = format!("source {:?} has no field {:?}", source.name, mapped.name);
            return Err(Fault::new(mapped.span.clone(), message).help(unknown_name_help(&mapped.name, &known)));
        }
    }
    Ok(())
}

/// What to do about a mapped name that is none of `known`.
pub(crate) fn unknown_name_help(name: &str, known: &[&str]) -> String {
    let meant = match closest(name, known.iter().copied()) {
        Some(meant) => format!("did you mean {meant:?}? "),
        None => String::new(),
    };
    format!("{meant}the left side is our name: one of {}, or a field that is declared under fields", known.join(", "))
}

/// The offsets, each once.
pub(super) fn skip_offsets(raw: &[Spanned<i64>], source: &str) -> Result<BTreeSet<u64>, Fault> {
    let mut offsets = BTreeSet::new();
    for offset in raw {
        let number = u64::try_from(*offset.get_ref()).ok().filter(|number| *number > 0);
        let Some(number) = number else {
            return Err(Fault::new(offset.span(), format!("{} is not an offset of a log", offset.get_ref()))
                .help("offsets are whole numbers from 1: the error about an event names its own"));
        };
        if !offsets.insert(number) {
            return Err(Fault::new(offset.span(), format!("source {source:?} leaves out offset {number} twice"))
                .help("remove one of them"));
        }
    }
    Ok(offsets)
}
