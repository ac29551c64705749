//! What a view ran when it served; the statuses of what it gave; and named values as text.
//!
//! In such a text each value carries its type; a float64 is written as its 64 bits in hexadecimal, which count, and as a
//! number for people: `{"float64":"3ff8000000000000 1.5"}`. So NaN, infinities and -0.0 come back as they were, and the text
//! `NaN` stays a text.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::ViewIdentity;
use crate::batch::Value;

/// The statuses of served values, in the words of Feast's protocol. The feature log has the place of each in this list.
pub const STATUSES: [&str; 4] = ["PRESENT", "NULL_VALUE", "NOT_FOUND", "OUTSIDE_MAX_AGE"];

/// The place of a status among [`STATUSES`].
pub(super) fn status_code(status: &str) -> Option<u8> {
    STATUSES.iter().position(|known| *known == status).map(|code| code as u8)
}

/// What a view ran when it served: enough to run it again after the project has changed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ServedProgram {
    /// The digest of its component.
    pub digest: String,
    /// Its time to live, in microseconds.
    pub ttl_us: Option<i64>,
    /// The defaults of its features, as [`encode_values`] writes them; empty where it has none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub defaults: String,
    /// The features that have a time to live of their own, in microseconds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub feature_ttls_us: Vec<(String, i64)>,
    /// Its parameters, as [`encode_values`] writes them.
    pub parameters: String,
    /// What its transform calls each feature of another view that it reads, and the reference of that feature with its version.
    pub inputs: Vec<(String, String)>,
    /// The identity of the view.
    #[serde(default)]
    pub identity: ViewIdentity,
}

/// Named values as one text that keeps every bit.
pub fn encode_values(values: &[(String, Value)]) -> String {
    let values: Vec<_> = values.iter().map(|(name, value)| (name, stored(value))).collect();
    serde_json::to_string(&values).expect("names and values are always JSON")
}

/// The named values in a text of [`encode_values`].
pub fn decode_values(text: &str) -> Result<Vec<(String, Value)>, serde_json::Error> {
    let values: Vec<(String, Option<Stored>)> = serde_json::from_str(text)?;
    Ok(values.into_iter().map(|(name, stored)| (name, value(stored))).collect())
}

/// A value as it is stored; null is JSON's.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Stored {
    Bool(bool),
    Int64(i64),
    Float64(Bits),
    Text(String),
    Time(i64),
    #[serde(rename = "list<float64>")]
    Float64List(Vec<Bits>),
}

/// A float64 by its bits.
struct Bits(f64);

fn stored(value: &Value) -> Option<Stored> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(value) => Stored::Bool(*value),
        Value::Int64(value) => Stored::Int64(*value),
        Value::Float64(value) => Stored::Float64(Bits(*value)),
        Value::Text(value) => Stored::Text(value.clone()),
        Value::Time(value) => Stored::Time(*value),
        Value::Float64List(values) => Stored::Float64List(values.iter().copied().map(Bits).collect()),
    })
}

fn value(stored: Option<Stored>) -> Value {
    match stored {
        None => Value::Null,
        Some(Stored::Bool(value)) => Value::Bool(value),
        Some(Stored::Int64(value)) => Value::Int64(value),
        Some(Stored::Float64(Bits(value))) => Value::Float64(value),
        Some(Stored::Text(value)) => Value::Text(value),
        Some(Stored::Time(value)) => Value::Time(value),
        Some(Stored::Float64List(values)) => Value::Float64List(values.into_iter().map(|Bits(value)| value).collect()),
    }
}

impl Serialize for Bits {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:016x} {:?}", self.0.to_bits(), self.0))
    }
}

impl<'de> Deserialize<'de> for Bits {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bits = text.split(' ').next().filter(|bits| bits.len() == 16);
        match bits.and_then(|bits| u64::from_str_radix(bits, 16).ok()) {
            Some(bits) => Ok(Self(f64::from_bits(bits))),
            None => Err(de::Error::invalid_value(de::Unexpected::Str(&text), &"16 hexadecimal digits of a float64")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_come_back_bit_for_bit_and_can_be_read_by_people() {
        let odd_nan = f64::from_bits(0xfff8_0000_0000_0001);
        let values = [
            Value::Null,
            Value::Bool(true),
            Value::Int64(i64::MIN),
            Value::Time(-1),
            Value::Float64(-0.0),
            Value::Float64(odd_nan),
            Value::Text("NaN".into()),
            Value::Float64List(vec![0.1, odd_nan]),
        ];
        let named: Vec<(String, Value)> = values.map(|value| (value.to_string(), value)).into();
        let read = decode_values(&encode_values(&named)).expect("is what was written");
        for ((name, written), (read_name, read)) in named.iter().zip(&read) {
            assert!(name == read_name && written.same_bits(read), "{written} came back as {read}");
        }
        assert_eq!(read.len(), named.len());
        let text = encode_values(&[("days".into(), Value::Float64(1.5))]);
        assert_eq!(text, r#"[["days",{"float64":"3ff8000000000000 1.5"}]]"#);
        for wrong in [r#"{"float64":"1.5"}"#, r#"{"float64":1.5}"#, r#"{"float32":"3ff8000000000000"}"#] {
            assert!(serde_json::from_str::<Stored>(wrong).is_err(), "{wrong}");
        }
    }
}
