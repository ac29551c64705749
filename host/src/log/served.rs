//! The feature log: every vector that was served, with what is needed to compute it again and compare its bits.
//!
//! A vector is one JSON object. Each value carries its type; a float64 is written as its 64 bits in hexadecimal, which
//! count, and as a number for people: `{"float64":"3ff8000000000000 1.5"}`. So NaN, infinities and -0.0 come back as they
//! were, and the text `NaN` stays a text.

use std::ops::Range;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::file::{from_sql, to_sql};
use super::{EventLog, LogError};
use crate::batch::Value;
use crate::entity::KeyValue;
use crate::time::AsOf;

/// A feature vector that was served.
#[derive(Clone, Debug)]
pub struct ServedVector {
    /// Its number in the feature log, from 1, given when it is recorded; before that it means nothing.
    pub id: u64,
    /// The as-of that was answered.
    pub as_of: AsOf,
    /// The feature service that was asked for; `None` where features were named one by one.
    pub service: Option<String>,
    /// The features, as references.
    pub features: Vec<String>,
    /// The entity: key columns and their values.
    pub entities: Vec<(String, KeyValue)>,
    /// The request fields and their values.
    pub request: Vec<(String, Value)>,
    /// The history that the states began from.
    pub history: Option<i64>,
    /// The newest offset of the log when it was answered.
    pub offset: u64,
    /// The views that took part.
    pub views: Vec<ServedView>,
    /// The value of each feature.
    pub values: Vec<Value>,
    /// The status of each feature.
    pub statuses: Vec<String>,
    /// Whether it was answered by replaying the log instead of from the online states.
    pub replayed: bool,
}

/// A view's part in a served vector.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServedView {
    /// The view: `activity`, or `activity@v2`.
    pub view: String,
    /// What ran.
    #[serde(flatten)]
    pub program: ServedProgram,
    /// The newest offset of this entity and view that it saw; 0 where there was none.
    pub offset: u64,
}

/// What a view ran when it served: enough to run it again after the project has changed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ServedProgram {
    /// The digest of its component.
    pub digest: String,
    /// Its time to live, in microseconds.
    pub ttl_us: Option<i64>,
    /// Its parameters, as [`encode_values`] writes them.
    pub parameters: String,
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

impl EventLog {
    /// Records served vectors in one commit and gives their ids, in order. Later arrivals are stamped after their as-ofs.
    pub fn record_served(&mut self, vectors: &[ServedVector]) -> Result<Range<u64>, LogError> {
        self.writable()?;
        let bodies = vectors.iter().map(|vector| serde_json::to_string(&Body::of(vector)));
        let bodies: Vec<String> = bodies
            .collect::<Result<_, _>>()
            .map_err(|source| self.damaged("a new served vector".to_owned(), source))?;
        let mut clock = self.clock;
        vectors.iter().for_each(|vector| clock.pass(vector.as_of.0));
        let mut write = || {
            let transaction = self.file.connection.transaction()?;
            let last: Option<i64> = transaction.query_row("SELECT max(id) FROM served", [], |row| row.get(0))?;
            let first = last.map_or(0, from_sql) + 1;
            let sql = "INSERT INTO served (id, as_of, service, body) VALUES (?1, ?2, ?3, ?4)";
            let mut add = transaction.prepare_cached(sql)?;
            for (id, (vector, body)) in (first..).zip(vectors.iter().zip(&bodies)) {
                add.execute((to_sql(id), vector.as_of.0, &vector.service, body))?;
            }
            drop(add);
            clock.save(&transaction)?;
            transaction.commit()?;
            Ok(first..first + vectors.len() as u64)
        };
        let ids = self.file.name.sql(write())?;
        self.clock = clock;
        Ok(ids)
    }

    /// Gives `on_vector` the served vectors, or those whose as-of is not before `since`, in the order of their ids.
    pub fn served<E: From<LogError>>(
        &self,
        since: Option<AsOf>,
        mut on_vector: impl FnMut(ServedVector) -> Result<(), E>,
    ) -> Result<(), E> {
        let name = &self.file.name;
        let sql = "SELECT id, as_of, service, body FROM served WHERE as_of >= ?1 ORDER BY id";
        let since = since.map_or(i64::MIN, |since| since.0);
        let mut statement = name.sql(self.file.connection.prepare_cached(sql)).map_err(LogError::from)?;
        let mut rows = name.sql(statement.query([since])).map_err(LogError::from)?;
        while let Some(row) = name.sql(rows.next()).map_err(LogError::from)? {
            let (id, as_of, service, body): (i64, i64, Option<String>, String) =
                name.sql(row.try_into()).map_err(LogError::from)?;
            let body: Body =
                serde_json::from_str(&body).map_err(|source| self.damaged(format!("served vector {id}"), source))?;
            on_vector(body.vector(from_sql(id), AsOf(as_of), service))?;
        }
        Ok(())
    }

    /// How many vectors were recorded.
    pub fn served_count(&self) -> Result<u64, LogError> {
        let count = self.file.connection.query_row("SELECT count(*) FROM served", [], |row| row.get(0));
        Ok(from_sql(self.file.name.sql(count)?))
    }
}

/// A vector as it is stored, without what has a column of its own.
#[derive(Serialize, Deserialize)]
struct Body {
    entities: Vec<(String, KeyValue)>,
    request: Vec<(String, Option<Stored>)>,
    features: Vec<String>,
    values: Vec<Option<Stored>>,
    statuses: Vec<String>,
    views: Vec<ServedView>,
    history: Option<i64>,
    offset: u64,
    replayed: bool,
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

impl Body {
    fn of(vector: &ServedVector) -> Self {
        Self {
            entities: vector.entities.clone(),
            request: vector.request.iter().map(|(name, value)| (name.clone(), stored(value))).collect(),
            features: vector.features.clone(),
            values: vector.values.iter().map(stored).collect(),
            statuses: vector.statuses.clone(),
            views: vector.views.clone(),
            history: vector.history,
            offset: vector.offset,
            replayed: vector.replayed,
        }
    }

    fn vector(self, id: u64, as_of: AsOf, service: Option<String>) -> ServedVector {
        ServedVector {
            id,
            as_of,
            service,
            features: self.features,
            entities: self.entities,
            request: self.request.into_iter().map(|(name, stored)| (name, value(stored))).collect(),
            history: self.history,
            offset: self.offset,
            views: self.views,
            values: self.values.into_iter().map(value).collect(),
            statuses: self.statuses,
            replayed: self.replayed,
        }
    }
}

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

    fn vector(as_of: i64, values: Vec<Value>) -> ServedVector {
        ServedVector {
            id: 0,
            as_of: AsOf(as_of),
            service: Some("churn_v1".into()),
            features: values.iter().enumerate().map(|(at, _)| format!("activity:f{at}")).collect(),
            entities: vec![("customer_id".into(), KeyValue::Text("c1".into())), ("shop".into(), KeyValue::Int64(-7))],
            request: vec![("cart_value".into(), Value::Float64(0.1)), ("note".into(), Value::Null)],
            history: Some(1),
            offset: u64::from(u32::MAX),
            views: vec![ServedView {
                view: "activity@v2".into(),
                program: ServedProgram {
                    digest: "00ff".into(),
                    ttl_us: Some(5),
                    parameters: encode_values(&[("days".into(), Value::Int64(30))]),
                },
                offset: 17,
            }],
            statuses: values.iter().map(|_| "PRESENT".to_owned()).collect(),
            values,
            replayed: true,
        }
    }

    fn all(log: &EventLog, since: Option<AsOf>) -> Vec<ServedVector> {
        let mut vectors = Vec::new();
        log.served(since, |vector| {
            vectors.push(vector);
            Ok::<_, LogError>(())
        })
        .expect("reads");
        vectors
    }

    #[test]
    fn what_was_served_comes_back_bit_for_bit() {
        let odd_nan = f64::from_bits(0xfff8_0000_0000_0001);
        let floats = [
            0.0,
            -0.0,
            1.5,
            0.1 + 0.2,
            f64::NAN,
            odd_nan,
            f64::INFINITY,
            f64::NEG_INFINITY,
            f64::MAX,
            f64::MIN_POSITIVE,
            f64::from_bits(1),
        ];
        let mut values: Vec<Value> = floats.into_iter().map(Value::Float64).collect();
        values.push(Value::Float64List(floats.to_vec()));
        values.push(Value::Float64List(Vec::new()));
        for text in ["", "NaN", "null", "3ff8000000000000 1.5", "\"\\\u{0}\n", "zażółć 🦀"] {
            values.push(Value::Text(text.into()));
        }
        for number in [i64::MIN, -1, 0, i64::MAX] {
            values.extend([Value::Int64(number), Value::Time(number)]);
        }
        values.extend([Value::Null, Value::Bool(true), Value::Bool(false)]);

        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("log");
        let mut log = EventLog::open(&path).expect("opens");
        let written = vector(10, values);
        assert_eq!(log.record_served(std::slice::from_ref(&written)).expect("records"), 1..2);
        let read = all(&EventLog::open_read_only(&path).expect("opens").expect("is there"), None).remove(0);
        for (written, read) in written.values.iter().zip(&read.values) {
            assert!(written.same_bits(read), "{written} came back as {read}");
            assert_eq!(written.value_type(), read.value_type());
        }
        assert_eq!(read.values.len(), written.values.len());
        // The rest of the record, and the order of its parts.
        let expected = ServedVector { id: 1, ..written };
        assert_eq!(format!("{read:?}"), format!("{expected:?}"));
    }

    #[test]
    fn values_are_stored_so_that_people_can_read_them() {
        let body = Body::of(&vector(10, vec![Value::Float64(1.5), Value::Null, Value::Text("NaN".into())]));
        let json = serde_json::to_string(&body.values).expect("is JSON");
        assert_eq!(json, r#"[{"float64":"3ff8000000000000 1.5"},null,{"text":"NaN"}]"#);
        for wrong in [r#"{"float64":"1.5"}"#, r#"{"float64":1.5}"#, r#"{"float32":"3ff8000000000000"}"#] {
            assert!(serde_json::from_str::<Stored>(wrong).is_err(), "{wrong}");
        }
        assert!(serde_json::from_str::<Stored>(r#"{"float64":"3ff8000000000000"}"#).is_ok());
    }

    #[test]
    fn vectors_are_read_since_an_as_of_in_the_order_of_their_ids() {
        let directory = tempfile::tempdir().expect("a directory");
        let mut log = EventLog::open(&directory.path().join("log")).expect("opens");
        assert_eq!(log.record_served(&[]).expect("records nothing"), 1..1);
        let times = [10, 30, 20].map(|as_of| vector(as_of, Vec::new()));
        assert_eq!(log.record_served(&times[..1]).expect("records"), 1..2);
        assert_eq!(log.record_served(&times[1..]).expect("records"), 2..4);
        let seen = |since| all(&log, since).iter().map(|vector| (vector.id, vector.as_of.0)).collect::<Vec<_>>();
        assert_eq!(seen(None), [(1, 10), (2, 30), (3, 20)]);
        assert_eq!(seen(Some(AsOf(20))), [(2, 30), (3, 20)]);
        assert_eq!(log.served_count().expect("counts"), 3);
        // The clock is after what was answered.
        assert_eq!(log.stamp_as_of(None, 5).expect("stamps"), AsOf(31));
    }
}
