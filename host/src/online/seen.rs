//! What was served in the last minutes, feature by feature: how much of it is null, and how far it is from a training set.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::minutes::{MinuteClock, Minutes};
use crate::batch::{Column, Values};
use crate::log::{ServedBatch, ServedPlan};
use crate::profile::{Deciles, psi};

/// So many features of services are watched; there is a series of metrics for each.
const FEATURES_MAX: usize = 1_000;
/// So many plans are known; a further one takes the place of all.
const PLANS_MAX: usize = 64;
/// Of fewer values a distance says little.
const VALUES_MIN: u64 = 200;

/// What was served of all features.
pub(super) struct Seen {
    clock: MinuteClock,
    /// The bins of the training set that is pinned, by feature.
    reference: HashMap<String, Deciles>,
    watched: Mutex<Watched>,
}

#[derive(Default)]
struct Watched {
    features: Vec<Feature>,
    /// By service and feature, the place in `features`.
    places: HashMap<(Option<String>, String), usize>,
    /// Per plan, the places of its features; they are few, and found by identity.
    plans: Vec<(Arc<ServedPlan>, Vec<Option<usize>>)>,
}

struct Feature {
    service: Option<String>,
    feature: String,
    minutes: Minutes<Counted>,
}

/// What was served of a feature in a minute.
#[derive(Clone, Debug, Default)]
struct Counted {
    vectors: u64,
    nulls: u64,
    /// Values in each bin of the reference.
    bins: Vec<u64>,
}

/// What was served of a feature in the last ten minutes.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct SeenFeature {
    /// The service that was asked for; `None` where features were named one by one.
    pub service: Option<String>,
    /// The feature, with the version of its view.
    pub feature: String,
    /// Recorded vectors.
    pub vectors: u64,
    /// Those in which it is null.
    pub nulls: u64,
    /// The population stability index against the training set that is pinned; `None` without one, and of fewer than 200 values.
    pub psi: Option<f64>,
}

impl Seen {
    /// With the bins of a training set, by feature.
    pub(super) fn new(reference: HashMap<String, Deciles>) -> Self {
        Self { clock: MinuteClock::start(), reference, watched: Mutex::default() }
    }

    /// Counts what was served.
    pub(super) fn count(&self, batches: &[ServedBatch]) {
        let minute = self.clock.minute();
        let mut watched = self.lock();
        for batch in batches {
            let plan = watched.plan(&batch.plan);
            for (at, column) in batch.values.iter().enumerate() {
                let Some(place) = watched.plans[plan].1[at] else { continue };
                let feature = &mut watched.features[place];
                let reference = self.reference.get(&feature.feature);
                let counted = feature.minutes.of(minute);
                counted.vectors += batch.vectors() as u64;
                counted.nulls += column.null_count() as u64;
                if let Some(reference) = reference {
                    counted.bins.resize(reference.bins.len(), 0);
                    count_bins(column, reference, &mut counted.bins);
                }
            }
        }
    }

    /// What was served of each feature in the last minutes.
    pub(super) fn features(&self) -> Vec<SeenFeature> {
        let minute = self.clock.minute();
        let told = |feature: &Feature| {
            let reference = self.reference.get(&feature.feature);
            let mut all = Counted { bins: vec![0; reference.map_or(0, |bins| bins.bins.len())], ..Counted::default() };
            for counted in feature.minutes.recent(minute) {
                all.vectors += counted.vectors;
                all.nulls += counted.nulls;
                all.bins.iter_mut().zip(&counted.bins).for_each(|(sum, count)| *sum += count);
            }
            let trained = reference.map(|bins| bins.bins.iter().map(|bin| bin.count).collect::<Vec<u64>>());
            let is_enough = all.bins.iter().sum::<u64>() >= VALUES_MIN;
            SeenFeature {
                service: feature.service.clone(),
                feature: feature.feature.clone(),
                vectors: all.vectors,
                nulls: all.nulls,
                psi: trained.filter(|_| is_enough).and_then(|trained| psi(&trained, &all.bins)),
            }
        };
        self.lock().features.iter().map(told).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Watched> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watched {
    /// The place of a plan, whose features are watched from now on as far as there is room.
    fn plan(&mut self, plan: &Arc<ServedPlan>) -> usize {
        if let Some(at) = self.plans.iter().position(|(known, _)| Arc::ptr_eq(known, plan)) {
            return at;
        }
        if self.plans.len() >= PLANS_MAX {
            self.plans.clear();
        }
        let places = plan.features.iter().map(|feature| self.place(plan.service.as_deref(), &feature.name)).collect();
        self.plans.push((Arc::clone(plan), places));
        self.plans.len() - 1
    }

    fn place(&mut self, service: Option<&str>, feature: &str) -> Option<usize> {
        let key = (service.map(str::to_owned), feature.to_owned());
        if let Some(place) = self.places.get(&key) {
            return Some(*place);
        }
        let place = self.features.len();
        if place >= FEATURES_MAX {
            return None;
        }
        let (service, feature) = key.clone();
        self.features.push(Feature { service, feature, minutes: Minutes::default() });
        self.places.insert(key, place);
        Some(place)
    }
}

/// Adds the finite values of a column to the bins that they are in.
fn count_bins(column: &Column, reference: &Deciles, bins: &mut [u64]) {
    let mut add = |row: usize, value: f64| {
        if value.is_finite() && !column.is_null(row) {
            bins[reference.bin_of(value)] += 1;
        }
    };
    match column.values() {
        Values::Int64s(values) => values.iter().enumerate().for_each(|(row, value)| add(row, *value as f64)),
        Values::Float64s(values) => values.iter().enumerate().for_each(|(row, value)| add(row, *value)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::ServedField;
    use crate::schema::ValueType;
    use crate::time::AsOf;

    fn batch(plan: &Arc<ServedPlan>, values: &[Option<f64>]) -> ServedBatch {
        let mut column = Column::new(ValueType::Float64);
        for value in values {
            let value = value.map_or(crate::batch::Value::Null, crate::batch::Value::Float64);
            column.push(&value).expect("has its type");
        }
        ServedBatch {
            plan: Arc::clone(plan),
            as_of: AsOf::from_micros(0),
            offset: 0,
            replayed: false,
            request_id: None,
            keys: Vec::new(),
            request: Vec::new(),
            values: vec![column],
            statuses: vec![vec!["PRESENT"; values.len()]],
            offsets: Vec::new(),
        }
    }

    fn plan(feature: &str) -> Arc<ServedPlan> {
        Arc::new(ServedPlan {
            service: Some("s".to_owned()),
            log: String::new(),
            history: None,
            keys: Vec::new(),
            request: Vec::new(),
            features: vec![ServedField::new(feature, ValueType::Float64)],
            views: Vec::new(),
        })
    }

    #[test]
    fn nulls_are_counted_and_values_held_to_the_bins_of_the_reference() {
        let sorted: Vec<f64> = (0..1_000).map(f64::from).collect();
        let deciles = Deciles::of(&sorted, true).expect("there are values");
        let seen = Seen::new(HashMap::from([("v@v1:x".to_owned(), deciles)]));
        let watched = plan("v@v1:x");
        let same: Vec<Option<f64>> = sorted.iter().copied().map(Some).collect();
        seen.count(&[batch(&watched, &same), batch(&watched, &[None, Some(f64::NAN)])]);
        let told = seen.features();
        assert_eq!((told[0].vectors, told[0].nulls), (1_002, 1));
        assert!(told[0].psi.is_some_and(|psi| psi < 1e-9), "{told:?}");
        let shifted: Vec<Option<f64>> = sorted.iter().map(|value| Some(value / 2.0)).collect();
        seen.count(&vec![batch(&watched, &shifted); 9]);
        assert!(seen.features()[0].psi.is_some_and(|psi| psi > 0.2), "{:?}", seen.features());
        // Without a reference, and with too few values, there is no distance.
        let other = plan("v@v1:y");
        seen.count(&[batch(&other, &[Some(1.0)])]);
        assert_eq!(seen.features()[1].psi, None);
    }

    #[test]
    fn series_are_bounded() {
        let seen = Seen::new(HashMap::new());
        for at in 0..FEATURES_MAX + 5 {
            seen.count(&[batch(&plan(&format!("v@v1:f{at}")), &[Some(1.0)])]);
        }
        assert_eq!(seen.features().len(), FEATURES_MAX);
    }
}
