//! Field types and the description of a component: what it reads and what it gives.
//!
//! Knows nothing of how a component is run, nor of where values come from.

use std::fmt;

/// The type of a field or a feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ValueType {
    /// True or false.
    Bool,
    /// A signed 64-bit integer.
    Int64,
    /// An IEEE 754 binary64 number, every NaN canonical.
    Float64,
    /// UTF-8 text.
    Text,
    /// Microseconds since the Unix epoch, UTC.
    Time,
    /// A list of float64, such as an embedding.
    #[serde(rename = "list<float64>")]
    Float64List,
}

impl ValueType {
    /// Whether values of this type can be read as `read`: the same, or whole numbers as float64, where that is exact.
    pub fn can_be_read_as(self, read: Self) -> bool {
        self == read || (self, read) == (Self::Int64, Self::Float64)
    }
}

impl fmt::Display for ValueType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bool => "bool",
            Self::Int64 => "int64",
            Self::Float64 => "float64",
            Self::Text => "text",
            Self::Time => "time",
            Self::Float64List => "list<float64>",
        })
    }
}

/// One field of an event or a request, or one feature.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Field {
    /// The column's name in files and requests.
    pub name: String,
    /// The type of every value that is not null.
    #[serde(rename = "type")]
    pub value_type: ValueType,
    /// Whether a value may be null.
    pub nullable: bool,
    /// What it means, for people.
    pub documentation: String,
}

/// What a component takes and gives, as its `describe` says.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Description {
    /// Constants that a view gives its transform.
    pub parameters: Vec<Field>,
    /// The columns of the events that it reads.
    pub event_fields: Vec<Field>,
    /// The fields that each question must bring.
    pub request_fields: Vec<Field>,
    /// The features of other views that each question must bring.
    pub input_features: Vec<Field>,
    /// The features that it gives, in order.
    pub output_features: Vec<Field>,
    /// The version of the state format.
    pub state_version: u32,
    /// The author's version, for people.
    pub author_version: String,
}
