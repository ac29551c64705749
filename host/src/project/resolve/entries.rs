//! The entries that say how one feature is made: each is taken once, and what nobody takes is a fault.

use std::ops::Range;

use toml::Spanned;

use super::not_a_length;
use crate::project::SqlText;
use crate::project::fault::Fault;
use crate::project::raw::RawValue;
use crate::time::Length;

/// The entries of one feature.
pub(super) struct Entries {
    /// The name of the feature.
    pub name: Spanned<String>,
    entries: Vec<(Spanned<String>, Spanned<RawValue>)>,
}

impl Entries {
    pub fn new(name: Spanned<String>, entries: Vec<(Spanned<String>, Spanned<RawValue>)>) -> Self {
        Self { name, entries }
    }

    /// The names of the entries that are left, in the order of the document.
    pub fn names(&self) -> impl Iterator<Item = &Spanned<String>> {
        self.entries.iter().map(|(name, _)| name)
    }

    pub fn has(&self, name: &str) -> bool {
        self.span_of(name).is_some()
    }

    /// Where the name of an entry is.
    pub fn span_of(&self, name: &str) -> Option<Range<usize>> {
        self.names().find(|entry| entry.get_ref() == name).map(Spanned::span)
    }

    /// The entry of this name, which is no longer left then.
    pub fn take(&mut self, name: &str) -> Option<Spanned<RawValue>> {
        let at = self.entries.iter().position(|(entry, _)| entry.get_ref() == name)?;
        Some(self.entries.remove(at).1)
    }

    /// A text of SQL.
    pub fn sql(&mut self, name: &str) -> Result<Option<SqlText>, Fault> {
        let Some(value) = self.take(name) else { return Ok(None) };
        let text = text(&value).ok_or_else(|| {
            wrong(&value, name, "an expression", "write SQL in quotes, such as \"amount\" or \"price * quantity\"")
        })?;
        if text.trim().is_empty() {
            return Err(Fault::new(value.span(), format!("{name:?} is empty"))
                .help("write SQL, such as \"amount\" or \"price * quantity\""));
        }
        Ok(Some(SqlText { text, span: value.span() }))
    }

    /// A text that is one of `names`, by its place.
    pub fn one_of(&mut self, name: &str, names: &[&str]) -> Result<Option<usize>, Fault> {
        let Some(value) = self.take(name) else { return Ok(None) };
        let help = || {
            let names: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
            format!("write {name} = {}", names.join(" or "))
        };
        let text = text(&value).ok_or_else(|| wrong(&value, name, "a text", &help()))?;
        match names.iter().position(|known| *known == text) {
            Some(at) => Ok(Some(at)),
            None => Err(Fault::new(value.span(), format!("{text:?} is no {name}")).help(help())),
        }
    }

    /// A length of more than nothing, in microseconds; with `or_nothing`, of nothing too.
    pub fn length(&mut self, name: &str, or_nothing: OrNothing) -> Result<Option<i64>, Fault> {
        let Some(value) = self.take(name) else { return Ok(None) };
        let text = text(&value).ok_or_else(|| wrong(&value, name, "a length of time", LENGTH_HELP))?;
        length_of(Spanned::new(value.span(), text), name, or_nothing).map(Some)
    }

    /// Lengths, each with the text that it is written as.
    pub fn lengths(&mut self, name: &str) -> Result<Option<Vec<(String, i64)>>, Fault> {
        let Some(value) = self.take(name) else { return Ok(None) };
        let help = "write a list of lengths, such as [\"7d\", \"90d\"]";
        let RawValue::List(list) = value.get_ref() else { return Err(wrong(&value, name, "a list", help)) };
        if list.is_empty() {
            return Err(Fault::new(value.span(), format!("{name:?} is empty")).help(help));
        }
        let length = |entry: &Spanned<toml::Value>| {
            let text = entry.get_ref().as_str().ok_or_else(|| {
                Fault::new(entry.span(), format!("{} is not a length of time", entry.get_ref())).help(LENGTH_HELP)
            })?;
            Ok((text.to_owned(), length_of(Spanned::new(entry.span(), text.to_owned()), name, OrNothing::Refused)?))
        };
        list.iter().map(length).collect::<Result<_, _>>().map(Some)
    }

    /// A whole number from 1 to `most`.
    pub fn count(&mut self, name: &str, most: u32) -> Result<Option<u32>, Fault> {
        let Some(value) = self.take(name) else { return Ok(None) };
        let number = match value.get_ref() {
            RawValue::One(toml::Value::Integer(number)) => u32::try_from(*number).ok(),
            _ => None,
        };
        match number.filter(|number| (1..=most).contains(number)) {
            Some(number) => Ok(Some(number)),
            None => Err(wrong(
                &value,
                name,
                &format!("a whole number from 1 to {most}"),
                "write such a number, without quotes",
            )),
        }
    }

    /// A number from 0 to 1.
    pub fn part(&mut self, name: &str) -> Result<Option<f64>, Fault> {
        let Some(value) = self.take(name) else { return Ok(None) };
        let number = match value.get_ref() {
            RawValue::One(toml::Value::Integer(number)) => Some(*number as f64),
            RawValue::One(toml::Value::Float(number)) => Some(*number),
            _ => None,
        };
        match number.filter(|number| (0.0..=1.0).contains(number)) {
            Some(number) => Ok(Some(number)),
            None => Err(wrong(&value, name, "a number from 0.0 to 1.0", "write such a number, as 0.5 for the median")),
        }
    }

    /// True, false, or not said, which is false.
    pub fn flag(&mut self, name: &str) -> Result<bool, Fault> {
        let Some(value) = self.take(name) else { return Ok(false) };
        match value.get_ref() {
            RawValue::One(toml::Value::Boolean(flag)) => Ok(*flag),
            _ => Err(wrong(&value, name, "true or false", "write true or false")),
        }
    }
}

/// Whether a length may be nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum OrNothing {
    Allowed,
    Refused,
}

const LENGTH_HELP: &str =
    "write a whole number and a unit (us, ms, s, m, h, d or w) in quotes, such as \"90s\", \"24h\" or \"180d\"";

fn length_of(text: Spanned<String>, name: &str, or_nothing: OrNothing) -> Result<i64, Fault> {
    let Length(length) = text.get_ref().parse().map_err(|_| not_a_length(&text))?;
    if length == 0 && or_nothing == OrNothing::Refused {
        return Err(Fault::new(text.span(), format!("{name:?} is a length of nothing"))
            .help("give it a length, such as \"30d\""));
    }
    Ok(length)
}

fn text(value: &Spanned<RawValue>) -> Option<String> {
    match value.get_ref() {
        RawValue::One(toml::Value::String(text)) => Some(text.clone()),
        _ => None,
    }
}

/// A value that is not what an entry takes.
pub(super) fn wrong(value: &Spanned<RawValue>, name: &str, takes: &str, help: &str) -> Fault {
    let found = match value.get_ref() {
        RawValue::One(toml::Value::Table(_)) => "a table".to_owned(),
        RawValue::One(value) => value.to_string(),
        RawValue::List(_) => "a list".to_owned(),
    };
    Fault::new(value.span(), format!("{name:?} takes {takes}, and this is {found}")).help(help)
}
