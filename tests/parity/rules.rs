//! Defaults and times to live of single features, drawn by a seed: as the project file has them, and as the reference does.

use onepath::batch::Value;
use onepath::evaluate::Status;

use crate::support::{DAY, Random};

/// The features of the views with events and of the view without, the types of their values, and whether the transform may say null.
const FEATURES: [(&str, &str, &str); 8] = [
    ("activity", "purchase_count_30d", "int64"),
    ("activity", "avg_purchase_value_90d", "float64"),
    ("activity", "days_since_last_purchase", "int64"),
    ("activity", "return_rate_180d", "float64"),
    ("trace", "events", "int64"),
    ("trace", "trail", "text"),
    ("trace", "running", "float64"),
    ("cart", "cart_per_purchase", "float64"),
];

/// What a project decides of one feature.
#[derive(Clone, Debug, Default)]
pub struct Rule {
    /// As the project file has it, and as a value.
    default: Option<(String, Value)>,
    ttl_days: Option<i64>,
}

impl Rule {
    /// A default alone, as text and as a value.
    pub fn of_default(text: &str, value: Value) -> Self {
        Self { default: Some((text.to_owned(), value)), ttl_days: None }
    }
}

/// The rules of a case, by their seed; none without.
#[derive(Clone, Copy, Debug)]
pub struct Rules(pub Option<u64>);

impl Rules {
    /// One per feature, in the order of the answers.
    pub fn all(self) -> Vec<Rule> {
        let Some(seed) = self.0 else { return vec![Rule::default(); FEATURES.len()] };
        let mut random = Random::new(seed ^ 0xdefa);
        let rule = |(view, feature, value_type): &(&str, &str, &str)| {
            let mut rule = Rule::default();
            if *view != "cart" && random.once_in(3) {
                rule.ttl_days = Some(*random.pick(&[1, 29, 31, 91, 200]));
            }
            // The cart's transform reads this one as never null.
            let is_needed = *feature == "purchase_count_30d" && rule.ttl_days.is_some();
            if is_needed || random.once_in(2) {
                rule.default = Some(default(value_type, &mut random));
            }
            rule
        };
        FEATURES.iter().map(rule).collect()
    }

    /// The tables of the project file.
    pub fn toml(self) -> String {
        let table = |((view, feature, _), rule): (&(&str, &str, &str), Rule)| {
            let default = rule.default.map_or(String::new(), |(text, _)| format!("default = {text}\n"));
            let ttl = rule.ttl_days.map_or(String::new(), |days| format!("ttl = \"{days}d\"\n"));
            if default.is_empty() && ttl.is_empty() {
                return String::new();
            }
            format!("[views.{view}.features.{feature}]\n{default}{ttl}")
        };
        FEATURES.iter().zip(self.all()).map(table).collect()
    }
}

/// A default of this type.
fn default(value_type: &str, random: &mut Random) -> (String, Value) {
    let all: Vec<(&str, Value)> = match value_type {
        "int64" => [0, -3, 7].into_iter().zip(["0", "-3", "7"]).map(|(n, text)| (text, Value::Int64(n))).collect(),
        "float64" => vec![
            ("4", Value::Float64(4.0)),
            ("-0.0", Value::Float64(-0.0)),
            ("nan", Value::Float64(f64::from_bits(0x7ff8_0000_0000_0000))),
            ("-inf", Value::Float64(f64::NEG_INFINITY)),
        ],
        _ => vec![("\"\"", Value::Text(String::new())), (r#""no \u00e9""#, Value::Text("no é".to_owned()))],
    };
    let (text, value) = random.pick(&all);
    ((*text).to_owned(), value.clone())
}

impl Rule {
    /// What is served of a feature: `answer` is its transform's, `newest_us` the newest event that it saw, and `ttl_us` its view's
    /// time to live.
    pub fn served(&self, answer: Value, newest_us: Option<i64>, as_of_us: i64, ttl_us: Option<i64>) -> (Value, Status) {
        let ttl_us = self.ttl_days.map(|days| days * DAY).or(ttl_us);
        let is_expired = newest_us.zip(ttl_us).is_some_and(|(newest, ttl)| as_of_us - newest > ttl);
        let (value, status) = match (answer, newest_us) {
            _ if is_expired => (Value::Null, Status::OutsideMaxAge),
            (answer, None) => (answer, Status::NotFound),
            (Value::Null, _) => (Value::Null, Status::NullValue),
            (answer, _) => (answer, Status::Present),
        };
        match (&value, &self.default) {
            (Value::Null, Some((_, default))) => (default.clone(), status),
            _ => (value, status),
        }
    }

    /// The same of a view that sees no events.
    pub fn served_without_events(&self, answer: Value) -> (Value, Status) {
        self.served(answer, Some(0), 0, None)
    }
}
