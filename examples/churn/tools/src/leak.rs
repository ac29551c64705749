//! What a leak costs: one logistic regression, trained on features as of the label date and on features that saw the
//! outcome, and judged on customers it has not seen.
//!
//! Features are standardised with the mean and deviation of the rows trained on. A null becomes that mean, and a
//! further column of 0 and 1 says where it was null. 70 % of the customers train, by a hash of their id; 30 % judge.
use std::collections::HashMap;
use std::path::Path;

use crate::table::Table;

const FEATURES: [&str; 4] =
    ["purchase_count_30d", "avg_purchase_value_90d", "days_since_last_purchase", "return_rate_180d"];
const STEPS: usize = 3_000;
const RATE: f64 = 0.3;
/// The weight of the squared coefficients in the loss, so that separable data has an answer too.
const RIDGE: f64 = 1e-3;

struct Row {
    customer: String,
    features: [Option<f64>; 4],
    churned: bool,
}

struct Model {
    mean: [f64; 4],
    deviation: [f64; 4],
    weights: Vec<f64>,
}

pub fn leak(honest: &Path, leaky: &Path) -> Result<String, String> {
    let (honest, leaky) = (read(honest)?, read(leaky)?);
    let labels: HashMap<&str, bool> = honest.iter().map(|row| (row.customer.as_str(), row.churned)).collect();
    if honest.len() != leaky.len() || leaky.iter().any(|row| labels.get(row.customer.as_str()) != Some(&row.churned)) {
        return Err("the two training sets do not have the same customers and labels".to_owned());
    }
    let (honest_train, honest_test) = split(&honest);
    let (leaky_train, leaky_test) = split(&leaky);
    let (honest_model, leaky_model) = (Model::train(&honest_train), Model::train(&leaky_train));
    let (train, test) = (honest_train.len(), honest_test.len());
    let line = |trained: &str, judged: &str, model: &Model, rows: &[&Row], remark: &str| {
        let (auc, log_loss) = (model.auc(rows), model.log_loss(rows));
        format!("{trained:<25}{judged:<25}{auc:.3}  {log_loss:>8.3}{remark}\n")
    };
    let (then, future) = ("as of the label date", "90 days into the future");
    Ok(format!(
        "{train} customers train, {test} others judge\n{:<25}{:<25}{:<5}  log loss\n",
        "trained on", "judged on", "AUC"
    ) + &line(then, then, &honest_model, &honest_test, "")
        + &line(future, future, &leaky_model, &leaky_test, "  <- what the leak promises")
        + &line(future, then, &leaky_model, &honest_test, "  <- what it gives when served"))
}

fn read(path: &Path) -> Result<Vec<Row>, String> {
    let table = Table::read(path)?;
    let (customer, churned) = (table.column("customer_id")?, table.column("churned")?);
    let columns: Vec<usize> = FEATURES.iter().map(|feature| table.column(feature)).collect::<Result<_, _>>()?;
    let mut rows = Vec::new();
    for (row, cells) in table.rows.iter().enumerate() {
        let mut features = [None; 4];
        for (feature, &column) in features.iter_mut().zip(&columns) {
            *feature = table.number(row, column)?;
        }
        let churned = table.number(row, churned)? == Some(1.0);
        rows.push(Row { customer: cells[customer].clone(), features, churned });
    }
    Ok(rows)
}

/// Rows to train on and rows to judge by. The same customer falls on the same side in every training set.
fn split(rows: &[Row]) -> (Vec<&Row>, Vec<&Row>) {
    rows.iter().partition(|row| fnv1a(&row.customer) % 10 < 7)
}

fn fnv1a(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

impl Model {
    /// Logistic regression by gradient descent over all rows.
    fn train(rows: &[&Row]) -> Self {
        let (mut mean, mut deviation) = ([0.0; 4], [1.0; 4]);
        for feature in 0..4 {
            let present: Vec<f64> = rows.iter().filter_map(|row| row.features[feature]).collect();
            let count = present.len().max(1) as f64;
            mean[feature] = present.iter().sum::<f64>() / count;
            let variance = present.iter().map(|value| (value - mean[feature]).powi(2)).sum::<f64>() / count;
            deviation[feature] = if variance > 0.0 { variance.sqrt() } else { 1.0 };
        }
        let mut model = Self { mean, deviation, weights: vec![0.0; 9] };
        let inputs: Vec<[f64; 9]> = rows.iter().map(|row| model.inputs(row)).collect();
        for _ in 0..STEPS {
            let mut gradient: Vec<f64> = model.weights.iter().map(|weight| RIDGE * weight).collect();
            for (row, inputs) in rows.iter().zip(&inputs) {
                let error = (logistic(model.score(inputs)) - f64::from(u8::from(row.churned))) / rows.len() as f64;
                gradient.iter_mut().zip(inputs).for_each(|(slope, input)| *slope += error * input);
            }
            model.weights.iter_mut().zip(&gradient).for_each(|(weight, slope)| *weight -= RATE * slope);
        }
        model
    }

    /// A constant, the standardised features, and where each was null.
    fn inputs(&self, row: &Row) -> [f64; 9] {
        let mut inputs = [1.0; 9];
        for (feature, value) in row.features.iter().enumerate() {
            inputs[1 + feature] = value.map_or(0.0, |value| (value - self.mean[feature]) / self.deviation[feature]);
            inputs[5 + feature] = if value.is_none() { 1.0 } else { 0.0 };
        }
        inputs
    }

    fn score(&self, inputs: &[f64; 9]) -> f64 {
        self.weights.iter().zip(inputs).map(|(weight, input)| weight * input).sum()
    }

    /// The mean surprise at the outcome, in nats: 0 is certainty, and right; a coin has 0.693.
    fn log_loss(&self, rows: &[&Row]) -> f64 {
        let surprise = |row: &&Row| {
            let score = self.score(&self.inputs(row));
            -logistic(if row.churned { score } else { -score }).max(f64::MIN_POSITIVE).ln()
        };
        rows.iter().map(surprise).sum::<f64>() / rows.len() as f64
    }

    /// The share of pairs (one who churned, one who stayed) that the score puts in the right order; ties count half.
    fn auc(&self, rows: &[&Row]) -> f64 {
        let scores = |churned: bool| -> Vec<f64> {
            let rows = rows.iter().filter(|row| row.churned == churned);
            rows.map(|row| self.score(&self.inputs(row))).collect()
        };
        let (churned, stayed) = (scores(true), scores(false));
        let mut right = 0.0;
        for score in &churned {
            let below = stayed.iter().filter(|&other| other < score).count();
            let equal = stayed.iter().filter(|&other| other == score).count();
            right += below as f64 + equal as f64 / 2.0;
        }
        right / (churned.len() * stayed.len()) as f64
    }
}

fn logistic(score: f64) -> f64 {
    1.0 / (1.0 + (-score).exp())
}
