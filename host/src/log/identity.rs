//! The identity of a view version: everything that decides its values, part by part.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Parts by name, such as `ttl` or `event time of source events`, each with what it is, such as `30d`.
pub type Parts = BTreeMap<String, String>;

/// The part of a view's identity that lists its sources.
pub const SOURCES: &str = "sources";

/// How the part of a view's identity begins that is the default of a feature, before the feature's name.
pub const FEATURE_DEFAULT: &str = "default of ";

/// How the part begins that is the time to live of a feature alone.
pub const FEATURE_TTL: &str = "ttl of ";

/// How many characters of a digest are told.
const DIGEST_SHOWN: usize = 12;

/// What decides the values of a view version, in named parts. What was made under another identity has other values, or may
/// have, though files, log and the view's name are the same.
///
/// The parts are kept, not only their digest, so that a difference can be told in words.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "Parts", into = "Parts")]
pub struct ViewIdentity(Arc<Parts>);

impl From<Parts> for ViewIdentity {
    fn from(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }
}

impl From<ViewIdentity> for Parts {
    fn from(identity: ViewIdentity) -> Self {
        Arc::unwrap_or_clone(identity.0)
    }
}

impl ViewIdentity {
    /// Its parts.
    pub fn parts(&self) -> &Parts {
        &self.0
    }

    /// The SHA-256 of all its parts, in hexadecimal.
    pub fn digest(&self) -> String {
        let text = serde_json::to_string(&*self.0).expect("texts are always JSON");
        Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// What has changed from this identity to `now`, in words; nothing where they are equal.
    pub fn changes(&self, now: &Self) -> Vec<String> {
        if self.0.is_empty() && self != now {
            return vec!["no identity was recorded with it".to_owned()];
        }
        let changes = self.differences(now).into_iter();
        changes.map(|(name, then, now)| format!("{name} was {}, and is now {}", shown(then), shown(now))).collect()
    }

    /// The parts that differ: the name of each, what it is here, and what it is in `now`.
    pub fn differences<'a>(&'a self, now: &'a Self) -> Vec<(&'a str, &'a str, &'a str)> {
        let names: BTreeSet<&String> = self.0.keys().chain(now.0.keys()).collect();
        let has_other_sources = self.0.get(SOURCES) != now.0.get(SOURCES);
        // What is said of a source or a view that only one of them reads goes without saying.
        let is_told = |name: &str| {
            let is_in_both = self.0.contains_key(name) && now.0.contains_key(name);
            is_in_both || !(has_other_sources && name.contains(" of source ") || name.starts_with("view "))
        };
        let part = |parts: &'a Parts, name: &str| parts.get(name).map_or("none", String::as_str);
        let parts = names.into_iter().map(|name| (name.as_str(), part(&self.0, name), part(&now.0, name)));
        parts.filter(|(name, then, now)| then != now && is_told(name)).collect()
    }

    /// The same without the parts that decide answers and not states.
    pub fn of_states(&self) -> Self {
        let of_answers = ["input ", "view ", FEATURE_DEFAULT, FEATURE_TTL];
        let decides_states = |name: &str| name != "ttl" && !of_answers.iter().any(|begin| name.starts_with(begin));
        let parts = self.0.iter().filter(|(name, _)| decides_states(name));
        Self(Arc::new(parts.map(|(name, part)| (name.clone(), part.clone())).collect()))
    }
}

/// A part for a message: of a digest, its beginning.
fn shown(part: &str) -> String {
    let is_digest = part.len() == 64 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_digest { format!("{}…", &part[..DIGEST_SHOWN]) } else { part.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(parts: &[(&str, &str)]) -> ViewIdentity {
        let parts: Parts = parts.iter().map(|(name, part)| ((*name).to_owned(), (*part).to_owned())).collect();
        parts.into()
    }

    #[test]
    fn changes_are_told_by_part() {
        let component = "a".repeat(64);
        let then = identity(&[
            ("component", &component),
            ("event time of source old", "at"),
            ("keys", "id text"),
            ("sources", "events, old"),
            ("ttl", "none"),
            ("view users@v1", "1"),
        ]);
        assert!(then.changes(&then).is_empty());
        let now = identity(&[
            ("component", &"b".repeat(64)),
            ("default of count", "0"),
            ("ttl of count", "2d"),
            ("keys", "id text"),
            ("parameter days", "7"),
            ("sources", "events"),
            ("ttl", "1d"),
        ]);
        let expected = [
            "component was aaaaaaaaaaaa…, and is now bbbbbbbbbbbb…",
            "default of count was none, and is now 0",
            "parameter days was none, and is now 7",
            "sources was events, old, and is now events",
            "ttl was none, and is now 1d",
            "ttl of count was none, and is now 2d",
        ];
        assert_eq!(then.changes(&now), expected);
        assert_ne!(then.digest(), now.digest());
        let of_states = [expected[0], expected[2], expected[3]];
        assert_eq!(then.of_states().changes(&now.of_states()), of_states);
    }

    #[test]
    fn a_record_without_an_identity_equals_none() {
        #[derive(Deserialize)]
        struct Record {
            #[serde(default)]
            identity: ViewIdentity,
        }
        let record: Record = serde_json::from_str("{}").expect("reads");
        let expected = ["no identity was recorded with it"];
        assert_eq!(record.identity.changes(&identity(&[("ttl", "none")])), expected);
    }

    #[test]
    fn an_identity_comes_back_as_it_was_written() {
        let identity = identity(&[("keys", "a text, b int64"), ("ttl", "none")]);
        let text = serde_json::to_string(&identity).expect("writes");
        assert_eq!(text, r#"{"keys":"a text, b int64","ttl":"none"}"#);
        let read: ViewIdentity = serde_json::from_str(&text).expect("reads");
        assert_eq!((read.digest(), &read), (identity.digest(), &identity));
    }
}
