//! The schema that a project declares: fields of events and of requests, and the columns that they come in.

use std::ops::Range;

use super::Source;
use crate::schema::ValueType;

/// A field of the events of a source, or of requests, as the project file declares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeclaredField {
    /// The field's name: ours, not that of the column that it comes in.
    pub name: String,
    /// The type of every value that is not null.
    pub value_type: ValueType,
    /// Whether a value may be null; `None`: it may, unless a view needs a value.
    pub nullable: Option<bool>,
    /// What it is, for people.
    pub description: Option<String>,
    /// Where the project file declares it.
    pub(crate) span: Range<usize>,
}

/// A name of ours, and the column of files and pushes that holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MappedColumn {
    /// Our name: a field, a key, a time or the event id.
    pub name: String,
    /// The column's name in what comes in.
    pub column: String,
    /// Where the project file maps it.
    pub(crate) span: Range<usize>,
}

/// An input whose columns do not tell where a value is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AmbiguousColumn {
    /// It has one value under two names.
    #[error(
        "has both {column} and {name}, and `columns` of source {source_name} says that {column} holds {name}: leave one of them out"
    )]
    Twice {
        /// The source.
        source_name: String,
        /// Our name.
        name: String,
        /// The column that the project maps it to.
        column: String,
    },
    /// Its column of our name holds something else.
    #[error(
        "`columns` of source {source_name} says that column {name} holds {holds}, so that no column is left for {name}: map it to one"
    )]
    Claimed {
        /// The source.
        source_name: String,
        /// Our name.
        name: String,
        /// What the column of that name holds.
        holds: String,
    },
}

impl AmbiguousColumn {
    /// Our name of what has no one column.
    pub fn name(&self) -> &str {
        match self {
            Self::Twice { name, .. } | Self::Claimed { name, .. } => name,
        }
    }
}

impl Source {
    /// Which column of an input holds what this source calls `name`, given which columns the input has: the one that the
    /// project maps it to. Where the input lacks that one and has a column of our own name, as a service that pushes knows it,
    /// that is taken; an input with both is ambiguous. Where it has neither, the mapped name, for errors.
    pub fn incoming<'n>(&'n self, name: &'n str, has: impl Fn(&str) -> bool) -> Result<&'n str, AmbiguousColumn> {
        let Some(mapped) = self.columns.iter().find(|mapped| mapped.name == name) else {
            return match self.columns.iter().find(|mapped| mapped.column == name) {
                Some(claims) if has(name) => Err(AmbiguousColumn::Claimed {
                    source_name: self.name.clone(),
                    name: name.to_owned(),
                    holds: claims.name.clone(),
                }),
                _ => Ok(name),
            };
        };
        let column = mapped.column.as_str();
        if column == name || self.is_claimed(name) || !has(name) {
            return Ok(column);
        }
        if has(column) {
            let (source_name, name, column) = (self.name.clone(), name.to_owned(), column.to_owned());
            return Err(AmbiguousColumn::Twice { source_name, name, column });
        }
        Ok(name)
    }

    /// What this source calls a column that comes in: the inverse of [`Source::incoming`].
    pub fn own_name<'n>(&'n self, column: &'n str) -> &'n str {
        self.columns.iter().find(|mapped| mapped.column == column).map_or(column, |mapped| &mapped.name)
    }

    /// Whether a column of this name holds something else.
    fn is_claimed(&self, column: &str) -> bool {
        self.columns.iter().any(|mapped| mapped.column == column)
    }

    /// The declared field of this name.
    pub fn field(&self, name: &str) -> Option<&DeclaredField> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// The type that a key, a time or the event id has because of what it is; `None` for any other name.
    pub fn role_type(&self, name: &str) -> Option<ValueType> {
        if let Some(key) = self.keys.iter().find(|key| key.name == name) {
            return Some(key.key_type.value_type());
        }
        if self.event_time == name || self.arrival_time.as_deref() == Some(name) {
            return Some(ValueType::Time);
        }
        (self.event_id.as_deref() == Some(name)).then_some(ValueType::Text)
    }

    /// The type that the project gives a field, if it does: by its role, or by declaration.
    pub fn declared_type(&self, name: &str) -> Option<ValueType> {
        self.role_type(name).or_else(|| self.field(name).map(|field| field.value_type))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::project::Project;

    fn source(columns: &str) -> Source {
        let text = format!(
            "[project]\nname = \"p\"\n[entities.user]\nkeys = {{ user_id = \"text\" }}\n[sources.events]\nentity = \"user\"\n\
             files = [\"e.csv\"]\nevent_time = \"ts\"\ncolumns = {columns}\n"
        );
        Project::parse(&text, Path::new("onepath.toml")).expect("a valid project").sources.remove(0)
    }

    #[test]
    fn the_mapped_column_is_taken_then_our_own_and_never_either_of_two() {
        let source = source("{ amount = \"amt\", ts = \"at\" }");
        for (name, has, expected) in [
            ("amount", &["amt", "note"][..], Ok("amt")),
            ("amount", &["amount"], Ok("amount")),
            ("amount", &["note"], Ok("amt")),
            ("note", &["note"], Ok("note")),
            ("note", &[], Ok("note")),
            ("ts", &["at"], Ok("at")),
            ("amount", &["amt", "amount"], Err("amt")),
        ] {
            let found = source.incoming(name, |column| has.contains(&column));
            let found = found.map_err(|error| match error {
                AmbiguousColumn::Twice { column, .. } => column,
                AmbiguousColumn::Claimed { holds, .. } => holds,
            });
            assert_eq!(found, expected.map_err(str::to_owned), "{name} in {has:?}");
        }
        assert_eq!(
            [source.own_name("amt"), source.own_name("amount"), source.own_name("x")],
            ["amount", "amount", "x"]
        );
    }

    /// Every way to map three names, tried on every set of columns: what is read of a column is what the column is.
    #[test]
    fn a_name_and_its_column_lead_to_each_other() {
        let columns = ["a", "b", "c", "d"];
        for (a, b) in columns.iter().flat_map(|a| columns.iter().map(move |b| (*a, *b))).filter(|(a, b)| a != b) {
            let source = source(&format!("{{ a = \"{a}\", b = \"{b}\" }}"));
            for set in 0..1_u32 << columns.len() {
                let has = |column: &str| columns.iter().enumerate().any(|(at, c)| *c == column && set & (1 << at) != 0);
                for name in columns {
                    if let Ok(column) = source.incoming(name, has) {
                        assert!(!has(column) || source.own_name(column) == name, "{name} is {column} by {a}, {b}");
                    }
                }
                for column in columns.into_iter().filter(|column| has(column)) {
                    let found = source.incoming(source.own_name(column), has);
                    assert!(found.is_err() || found == Ok(column), "{column} by {a}, {b}");
                }
            }
        }
    }

    #[test]
    fn names_may_change_places() {
        let source = source("{ a = \"b\", b = \"a\" }");
        let all = |_: &str| true;
        assert_eq!((source.incoming("a", all), source.incoming("b", all)), (Ok("b"), Ok("a")));
        assert_eq!((source.own_name("a"), source.own_name("b")), ("b", "a"));
    }
}
