//! What events meant when states, histories and answers were made of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The parts of what a project says of a source, such as `columns`, each with a digest of what it says.
pub type SourceMeaning = BTreeMap<String, String>;

/// What decides what the events of a view's sources mean. States and answers that were made under another meaning are of
/// other events, though the files and the log are the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Meaning {
    /// The version of the conversions by which files and log are read.
    pub conversions: u32,
    /// By source, what the project says of it.
    pub sources: BTreeMap<String, SourceMeaning>,
}

/// That of what was made before meanings were recorded.
impl Default for Meaning {
    fn default() -> Self {
        Self { conversions: 1, sources: BTreeMap::new() }
    }
}

impl Meaning {
    /// What has changed from this meaning to `now`, in words; nothing where they are equal.
    pub fn changes(&self, now: &Self) -> Vec<String> {
        let mut changes = Vec::new();
        if self.conversions != now.conversions {
            let (then, now) = (self.conversions, now.conversions);
            changes.push(format!(
                "files and log were read by version {then} of the conversions, which now are version {now}"
            ));
            // What was recorded under other conversions is not told apart further.
            return changes;
        }
        for (source, parts) in &now.sources {
            let Some(then) = self.sources.get(source) else {
                changes.push(format!("source {source} was not read"));
                continue;
            };
            let is_other = |part: &&String| then.get(*part) != parts.get(*part);
            let all: std::collections::BTreeSet<&String> = then.keys().chain(parts.keys()).collect();
            let other: Vec<&str> = all.into_iter().filter(is_other).map(String::as_str).collect();
            if !other.is_empty() {
                changes.push(format!("source {source} had other {}", other.join(", ")));
            }
        }
        for source in self.sources.keys().filter(|source| !now.sources.contains_key(*source)) {
            changes.push(format!("source {source} was read too"));
        }
        changes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meaning(parts: &[(&str, &[(&str, &str)])]) -> Meaning {
        let part = |(name, digest): &(&str, &str)| ((*name).to_owned(), (*digest).to_owned());
        let source =
            |(source, parts): &(&str, &[(&str, &str)])| ((*source).to_owned(), parts.iter().map(part).collect());
        Meaning { conversions: 2, sources: parts.iter().map(source).collect() }
    }

    #[test]
    fn changes_are_told_by_source_and_part() {
        let now = meaning(&[("clicks", &[("keys", "a")]), ("events", &[("columns", "a"), ("keys", "b")])]);
        assert!(now.changes(&now).is_empty());
        let then = meaning(&[("events", &[("columns", "x"), ("keys", "b"), ("times", "c")]), ("old", &[])]);
        let expected =
            ["source clicks was not read", "source events had other columns, times", "source old was read too"];
        assert_eq!(then.changes(&now), expected);
        let expected = "files and log were read by version 1 of the conversions, which now are version 2";
        assert_eq!(Meaning::default().changes(&now), [expected]);
    }

    #[test]
    fn a_record_without_a_meaning_is_of_the_first() {
        #[derive(Deserialize)]
        struct Record {
            #[serde(default)]
            meaning: Meaning,
        }
        let record: Record = serde_json::from_str("{}").expect("reads");
        assert_eq!(record.meaning.conversions, 1);
    }
}
