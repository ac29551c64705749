//! Plans: what the vectors of many requests have in common, stored once and named by a digest.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::log::ServedProgram;
use crate::schema::ValueType;

/// What the vectors of a request have in common, and those of later requests for the same features: all that decides their
/// values, but for their keys, request fields and as-of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServedPlan {
    /// The feature service that was asked for; `None` where features were named one by one.
    pub service: Option<String>,
    /// The identity of the log that it was served from.
    pub log: String,
    /// The history that the states began from.
    pub history: Option<i64>,
    /// The key columns.
    pub keys: Vec<ServedField>,
    /// The request fields.
    pub request: Vec<ServedField>,
    /// The features, by reference.
    pub features: Vec<ServedField>,
    /// The views that took part, and what each ran.
    pub views: Vec<(String, ServedProgram)>,
}

/// A column of served vectors.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServedField {
    /// Its name; that of a feature is its reference, such as `activity@v1:purchases`.
    pub name: String,
    /// The type of its values.
    #[serde(rename = "type")]
    pub value_type: ValueType,
}

impl ServedField {
    /// A column of this name and type.
    pub fn new(name: impl Into<String>, value_type: ValueType) -> Self {
        Self { name: name.into(), value_type }
    }
}

impl ServedPlan {
    /// The plan as one JSON object, as it is stored.
    pub(super) fn text(&self) -> String {
        serde_json::to_string(self).expect("names and numbers are always JSON")
    }

    /// Its digest, which names it wherever it is stored: the SHA-256 of its JSON, in hexadecimal.
    pub fn digest(&self) -> String {
        digest(&self.text())
    }
}

/// The digest of a plan's JSON.
pub(super) fn digest(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}
