//! How a view answered, in the words of Feast's protocol.

use crate::batch::Column;

/// The status of one served or backfilled value. Where a feature has a default, it tells why the default stands: it is that of
/// the null which the default replaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// There is a value.
    Present,
    /// The feature is null.
    NullValue,
    /// No event of the entity was seen; the value is what the transform says of an entity without events.
    NotFound,
    /// The newest event is older than the time to live of the feature or its view; the value is null.
    OutsideMaxAge,
}

impl Status {
    /// The status of the value in `row` of a feature, where the view's own status is `self`.
    pub fn of(self, feature: &Column, row: usize) -> Self {
        match self {
            Self::Present if feature.is_null(row) => Self::NullValue,
            status => status,
        }
    }

    /// Its name in Feast's protocol.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Present => "PRESENT",
            Self::NullValue => "NULL_VALUE",
            Self::NotFound => "NOT_FOUND",
            Self::OutsideMaxAge => "OUTSIDE_MAX_AGE",
        }
    }
}
