//! One served vector, with what is needed to compute it again and compare its bits; and the vectors that format 1 of the
//! log kept in the log's own file.
//!
//! There a vector is one JSON object. Each value carries its type; a float64 is written as its 64 bits in hexadecimal, which
//! count, and as a number for people: `{"float64":"3ff8000000000000 1.5"}`. So NaN, infinities and -0.0 come back as they
//! were, and the text `NaN` stays a text.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::file::from_sql;
use super::{EventLog, LogError};
use crate::batch::Value;
use crate::entity::KeyValue;
use crate::time::AsOf;

/// A feature vector that was served.
#[derive(Clone, Debug)]
pub struct ServedVector {
    /// Its number in the feature log, from 1.
    pub id: u64,
    /// The as-of that was answered.
    pub as_of: AsOf,
    /// The feature service that was asked for; `None` where features were named one by one.
    pub service: Option<String>,
    /// The identity of the log that it was served from; `None` where format 1 did not tell.
    pub log: Option<String>,
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
    /// What its transform calls each feature of another view that it reads, and the reference of that feature with its version.
    #[serde(default)]
    pub inputs: Vec<(String, String)>,
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
    /// Gives `on_vector` the vectors that format 1 recorded in this file, or those whose as-of is not before `since`, in the
    /// order of their ids. Later ones are in [`FeatureLog`](super::FeatureLog).
    pub fn served_before<E: From<LogError>>(
        &self,
        since: Option<AsOf>,
        mut on_vector: impl FnMut(ServedVector) -> Result<(), E>,
    ) -> Result<(), E> {
        let name = &self.file.name;
        let tables = "SELECT count(*) FROM sqlite_schema WHERE name = 'served'";
        let tables: i64 =
            name.sql(self.file.connection.query_row(tables, [], |row| row.get(0))).map_err(LogError::from)?;
        if tables == 0 {
            return Ok(());
        }
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
}

/// A vector as it was stored, without what has a column of its own.
#[derive(Deserialize)]
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
    fn vector(self, id: u64, as_of: AsOf, service: Option<String>) -> ServedVector {
        ServedVector {
            id,
            as_of,
            service,
            log: None,
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

    /// The tables of format 1, in which vectors lay in the log's own file.
    const FORMAT_1: &str = r#"
        CREATE TABLE sources (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
        CREATE TABLE events (position INTEGER PRIMARY KEY, source INTEGER NOT NULL REFERENCES sources (id), entity TEXT NOT NULL,
            event_time INTEGER NOT NULL, available_at INTEGER NOT NULL, event_id TEXT, fields TEXT NOT NULL) STRICT;
        CREATE INDEX events_by_entity ON events (source, entity, position);
        CREATE UNIQUE INDEX events_by_id ON events (source, event_id) WHERE event_id IS NOT NULL;
        CREATE TABLE clock (one INTEGER PRIMARY KEY CHECK (one = 1), last_arrival INTEGER, last_arrival_source INTEGER,
            last_as_of INTEGER) STRICT;
        INSERT INTO clock VALUES (1, NULL, NULL, 30);
        CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
        CREATE TABLE histories (id INTEGER PRIMARY KEY, up_to INTEGER NOT NULL, body TEXT NOT NULL) STRICT;
        CREATE TABLE served (id INTEGER PRIMARY KEY, as_of INTEGER NOT NULL, service TEXT, body TEXT NOT NULL) STRICT;
        INSERT INTO served VALUES (1, 10, 'churn_v1', '{"entities":[["customer_id","c1"]],"request":[["cart",null]],
            "features":["activity@v1:mean"],"values":[{"float64":"3ff8000000000000 1.5"}],"statuses":["PRESENT"],
            "views":[{"view":"activity@v1","digest":"00ff","ttl_us":5,"parameters":"[]","offset":17}],"history":null,
            "offset":20,"replayed":true}');
        INSERT INTO served VALUES (2, 30, NULL, '{"entities":[],"request":[],"features":[],"values":[],"statuses":[],
            "views":[],"history":3,"offset":20,"replayed":false}');
        PRAGMA application_id = 829443143; PRAGMA user_version = 1;
    "#;

    #[test]
    fn a_log_of_format_1_keeps_its_vectors_and_gets_a_name() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("log");
        rusqlite::Connection::open(&path).expect("opens").execute_batch(FORMAT_1).expect("makes format 1");
        // Reading brings it to this format as well as writing does.
        let log = EventLog::open_read_only(&path).expect("opens").expect("is there");
        let seen = |since: Option<AsOf>| {
            let mut vectors = Vec::new();
            log.served_before(since, |vector| {
                vectors.push(vector);
                Ok::<_, LogError>(())
            })
            .expect("reads");
            vectors
        };
        let vectors = seen(None);
        assert_eq!(vectors.iter().map(|vector| (vector.id, vector.as_of.0)).collect::<Vec<_>>(), [(1, 10), (2, 30)]);
        assert!(vectors[0].values[0].same_bits(&Value::Float64(1.5)));
        assert_eq!((vectors[0].views[0].offset, vectors[0].service.as_deref()), (17, Some("churn_v1")));
        assert_eq!(seen(Some(AsOf(20))).len(), 1);
        drop(log);
        let mut log = EventLog::open(&path).expect("opens");
        assert_eq!(log.identity().len(), 32);
        assert_eq!(log.stamp_as_of(None, 5).expect("stamps"), AsOf(31));
    }
}
