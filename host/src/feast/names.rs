//! Names of Feast's, as names of onepath's.

use crate::declare::sql;

/// Names that are taken, without regard to case.
#[derive(Default)]
pub(super) struct Names {
    /// What each is of, and the name that it was given.
    given: Vec<(String, String)>,
}

/// Where a name stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Of an entity, a source, a view or a service.
    Table,
    /// Of a field, which expressions of SQL name, and features are called by.
    Field,
    /// Of a key, which is a column of entity rows.
    Key,
}

impl Names {
    /// The name of `original`: the same each time, itself where it can be, and of no other.
    pub fn name(&mut self, original: &str, place: Place) -> String {
        self.name_as(original, original, place)
    }

    /// The name of what `of` tells from all others, which would be `wanted`.
    pub fn name_as(&mut self, of: &str, wanted: &str, place: Place) -> String {
        if let Some(name) = self.known(of) {
            return name.to_owned();
        }
        let plain = plain(wanted, place);
        let is_free = |name: &str| !self.given.iter().any(|(_, given)| given.eq_ignore_ascii_case(name));
        let numbered = (2..).map(|number| format!("{plain}_{number}"));
        let name = std::iter::once(plain.clone()).chain(numbered).find(|name| is_free(name)).unwrap_or(plain.clone());
        self.take(of, &name);
        name
    }

    /// Gives `of` this very name.
    pub fn take(&mut self, of: &str, name: &str) {
        if self.known(of).is_none() {
            self.given.push((of.to_owned(), name.to_owned()));
        }
    }

    /// The name that was given.
    pub fn known(&self, of: &str) -> Option<&str> {
        self.given.iter().find(|(known, _)| known == of).map(|(_, name)| name.as_str())
    }
}

/// `original` as a name: what is neither a letter, a digit nor `_` becomes `_`.
fn plain(original: &str, place: Place) -> String {
    let name: String = original.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    let name = match name.trim_matches('_') {
        "" => "unnamed".to_owned(),
        _ if name.starts_with(|first: char| first.is_ascii_digit()) => format!("_{name}"),
        _ => name,
    };
    let is_reserved = match place {
        Place::Table => name == "request",
        Place::Field => name == "event_time" || !sql::is_name(&name),
        Place::Key => ["as_of", "event_timestamp"].contains(&name.as_str()) || !sql::is_name(&name),
    };
    let is_own = place != Place::Table && name.starts_with("onepath_");
    match (is_reserved, is_own) {
        (_, true) => format!("_{name}"),
        (true, false) => format!("{name}_"),
        (false, false) => name,
    }
}

/// A project's name, which may have hyphens.
pub(super) fn project(original: &str) -> String {
    let name: String = original.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect();
    let starts = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    if starts { name } else { format!("_{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain_and_each_is_of_one_thing() {
        let mut names = Names::default();
        for (original, expected) in [
            ("conv_rate", "conv_rate"),
            ("conv.rate", "conv_rate_2"),
            ("Conv_Rate", "Conv_Rate_3"),
            ("conv.rate", "conv_rate_2"),
            ("größe", "gr__e"),
            ("価格", "unnamed"),
            ("", "unnamed_2"),
            ("7d avg", "_7d_avg"),
            ("a\"b'c", "a_b_c"),
            ("select", "select_"),
            ("group", "group"),
            ("case", "case"),
            ("null", "null_"),
            ("event_time", "event_time_"),
            ("onepath_row", "_onepath_row"),
            ("count", "count"),
            ("date", "date"),
        ] {
            assert_eq!(names.name(original, Place::Field), expected, "{original}");
        }
        let mut tables = Names::default();
        assert_eq!(
            ["select", "request", "a b"].map(|name| tables.name(name, Place::Table)),
            ["select", "request_", "a_b"]
        );
    }
}
