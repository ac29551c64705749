//! The profiles of all features of a training set, or of what was served in a time.

use serde::{Deserialize, Serialize};

use super::feature::FeatureProfile;

/// The format of a profile's JSON.
pub const PROFILE_FORMAT: u32 = 1;

/// The profiles of some features.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ProfileSet {
    /// The format: [`PROFILE_FORMAT`].
    pub format: u32,
    /// How many rows there are.
    pub rows: u64,
    /// The features, in order.
    pub features: Vec<FeatureProfile>,
}

impl ProfileSet {
    /// As JSON, with a line for each feature.
    pub fn to_json(&self) -> String {
        let mut text = format!("{{\"format\":{},\"rows\":{},\"features\":[", self.format, self.rows);
        for (at, feature) in self.features.iter().enumerate() {
            text += if at == 0 { "\n" } else { ",\n" };
            text += &serde_json::to_string(feature).expect("names and finite numbers are always JSON");
        }
        text + "\n]}"
    }

    /// What [`Self::to_json`] wrote.
    pub fn from_json(json: &[u8]) -> Result<Self, serde_json::Error> {
        let set: Self = serde_json::from_slice(json)?;
        match set.format {
            PROFILE_FORMAT => Ok(set),
            other => Err(serde::de::Error::custom(format!(
                "its format is {other}, and this onepath reads {PROFILE_FORMAT}: make the training set anew"
            ))),
        }
    }
}
