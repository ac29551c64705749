//! Which names are allowed, and which one was probably meant.

use toml::Spanned;

use super::fault::Fault;

/// Column names that training sets and requests use themselves, beside all that begin with [`RESERVED_PREFIX`].
const RESERVED_COLUMNS: [&str; 2] = ["as_of", "event_timestamp"];

/// How the columns begin that onepath may add.
const RESERVED_PREFIX: &str = "onepath_";

/// Whether `text` is a letter or `_`, then letters, digits and `_`, all ASCII.
pub(super) fn is_identifier(text: &str) -> bool {
    let starts = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    starts && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// `name`, an identifier; `what` it names is for the error.
pub(super) fn identifier(name: &Spanned<String>, what: &str) -> Result<String, Fault> {
    if is_identifier(name.get_ref()) {
        return Ok(name.get_ref().clone());
    }
    Err(Fault::new(name.span(), format!("{:?} is not a name for {what}", name.get_ref()))
        .help("a name is a letter or _, then letters, digits and _"))
}

/// `name`, a column that spines and requests may have.
pub(super) fn column(name: &str, span: std::ops::Range<usize>, what: &str) -> Result<String, Fault> {
    let name = identifier(&Spanned::new(span.clone(), name.to_owned()), what)?;
    if RESERVED_COLUMNS.contains(&name.as_str()) || name.starts_with(RESERVED_PREFIX) {
        return Err(Fault::new(span, format!("the column name {name:?} is reserved"))
            .help("as_of, event_timestamp and names that begin with onepath_ are onepath's own: choose another name"));
    }
    Ok(name)
}

/// The name in `known` that is at most a third of its letters away from `name`.
pub(crate) fn closest<'n>(name: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let within = |other: &&str| distance(name, other) <= (name.chars().count().max(other.chars().count()) / 3).max(1);
    known.into_iter().filter(within).min_by_key(|other| distance(name, other))
}

/// The least number of letters to insert, delete, replace, or swap with their neighbour to turn `left` into `right`
/// (optimal string alignment: no letter is touched twice).
fn distance(left: &str, right: &str) -> usize {
    let (left, right): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
    let mut rows = vec![(0..=right.len()).collect::<Vec<usize>>()];
    for i in 1..=left.len() {
        let mut row = vec![i];
        for j in 1..=right.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(left[i - 1] != right[j - 1]);
            let mut least = replaced.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[left.len()][right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_suggested_and_far_ones_are_not() {
        let known = ["events", "profiles", "e"];
        for (name, expected) in [
            ("evnets", Some("events")),
            ("event", Some("events")),
            ("profile", Some("profiles")),
            ("warehouse", None),
            ("f", Some("e")),
            ("xy", None),
        ] {
            assert_eq!(closest(name, known), expected, "{name}");
        }
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("onwer", "owner"), 1);
    }

    #[test]
    fn identifiers_are_ascii() {
        for name in ["a", "_", "A9_z"] {
            assert!(is_identifier(name), "{name}");
        }
        for name in ["", "9a", "a-b", "a b", "ä", "a:b", "a\n"] {
            assert!(!is_identifier(name), "{name}");
        }
    }
}
