//! Questions, and their answers offline and online in one shape.

use onepath::batch::{Column, Value, Values};
use onepath::evaluate::Status;
use onepath::feature_store::{FeaturePlan, FeatureStore, SourceOverride, Spine};
use onepath::schema::ValueType;
use onepath::time::AsOf;

use super::{OnlineRequest, OnlineVector, Session};

/// One question.
#[derive(Clone, Debug, PartialEq)]
pub struct Ask {
    pub entity: String,
    /// In microseconds.
    pub as_of: i64,
    /// The request field of the cart view, where it is asked for.
    pub cart_value: f64,
}

/// The answer: a value and a status per feature.
pub type Vector = Vec<(Value, Status)>;

/// All questions at once, by a backfill.
pub fn offline(store: &FeatureStore, plan: &FeaturePlan, asks: &[Ask], overrides: &[SourceOverride]) -> Vec<Vector> {
    let mut keys = Column::new(ValueType::Text);
    for ask in asks {
        keys.push(&Value::Text(ask.entity.clone())).expect("a text");
    }
    let carts = Column::from_parts(Values::Float64s(asks.iter().map(|ask| ask.cart_value).collect()), None);
    let spine = Spine {
        keys: vec![("customer_id".to_owned(), keys)],
        as_of: asks.iter().map(|ask| AsOf::from_micros(ask.as_of)).collect(),
        request_fields: vec![("cart_value".to_owned(), carts)],
    };
    let answers = store.get_historical_features(plan, &spine, overrides).expect("the backfill runs");
    let row = |row: usize| {
        let cells = answers.features.iter().zip(&answers.statuses);
        cells.map(|(feature, statuses)| (feature.value(row), statuses[row])).collect()
    };
    (0..asks.len()).map(row).collect()
}

/// One question to the online store.
pub fn online(store: &mut Session, plan: &FeaturePlan, ask: &Ask) -> (Vector, OnlineVector) {
    let has_cart = plan.views.iter().any(|view| view.view.name == "cart");
    let mut inputs = vec![("customer_id".to_owned(), Value::Text(ask.entity.clone()))];
    inputs.extend(has_cart.then(|| ("cart_value".to_owned(), Value::Float64(ask.cart_value))));
    let request = OnlineRequest { inputs, as_of: Some(AsOf::from_micros(ask.as_of)) };
    let vector = store.get_online_features(plan, &request).expect("the question is answered");
    (vector.values.iter().cloned().zip(vector.statuses.iter().copied()).collect(), vector)
}

/// An answer as text, floats with their bits.
pub fn shown(vector: &Vector) -> String {
    let cell = |(value, status): &(Value, Status)| match value {
        Value::Float64(_) => format!("{value} {} {}", value.hex(), status.as_str()),
        _ => format!("{value} {}", status.as_str()),
    };
    vector.iter().map(cell).collect::<Vec<_>>().join(" | ")
}

/// Compares two answers bit for bit.
pub fn assert_same(found: &Vector, expected: &Vector, ask: &Ask, what: &str) {
    let same =
        found.len() == expected.len() && found.iter().zip(expected).all(|(a, b)| a.0.same_bits(&b.0) && a.1 == b.1);
    assert!(
        same,
        "{what}\n{} as of {}\n  found    {}\n  expected {}",
        ask.entity,
        onepath::time::format_time(ask.as_of),
        shown(found),
        shown(expected)
    );
}
