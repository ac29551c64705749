//! What was served in a time as one side of a comparison: profiles made of the feature log, many batches at once.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::Period;
use super::report::Side;
use crate::batch::ColumnError;
use crate::feature_store::FeatureStore;
use crate::log::{LogError, STATUSES, ServedColumn, ServedPlan, ServedSink, ServedVectors, StoredBatch};
use crate::profile::{FeatureProfiler, PROFILE_FORMAT, ProfileSet, ProfiledRows, scrambled};
use crate::schema::ValueType;
use crate::time::AsOf;
use crate::{Error, threads};

/// Vectors that are decoded at once; those of one batch are not parted.
const VECTORS_AT_ONCE: u64 = 1 << 15;

/// The statuses of rows that no event, or only too old ones, answered, by their places in [`STATUSES`].
const NOT_FOUND: u8 = 2;
const OUTSIDE_MAX_AGE: u8 = 3;

/// What becomes of features that the reference does not have.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Others {
    LeftOut,
    Watched,
}

/// One feature while served vectors pass.
struct Observer {
    profiler: FeatureProfiler,
    statuses: [u64; STATUSES.len()],
}

/// The features that are looked at, and where the plans of batches have them.
#[derive(Default)]
struct Observers {
    names: Vec<String>,
    known: HashSet<String>,
    observers: Vec<Observer>,
    /// By the digest of a plan, the place of each feature among its features.
    places: HashMap<Arc<str>, Arc<[Option<usize>]>>,
}

impl FeatureStore {
    /// The profile of what was served in a time: of the features of `reference`, and of `others`.
    pub(super) fn served_side(
        &self,
        period: Period,
        service: Option<String>,
        reference: Option<&Side>,
        others: Others,
    ) -> Result<Side, Error> {
        let mut side = Side { what: told(period, service.as_deref()), service, ..Side::default() };
        let mut observers = Observers::default();
        for feature in reference.iter().flat_map(|side| &side.profile.features) {
            observers.watch(feature.feature.clone(), feature.value_type, feature.categories.is_some());
        }
        let Some(served) = self.served_for_reading()? else { return Ok(observers.finish(side)) };
        side.expired = served.head()?.expired_vectors;
        self.observe(&*served, period, others, &mut observers, &mut side)?;
        Ok(observers.finish(side))
    }

    fn observe(
        &self,
        served: &dyn ServedSink,
        period: Period,
        others: Others,
        observers: &mut Observers,
        side: &mut Side,
    ) -> Result<(), Error> {
        let (mut waiting, mut vectors) = (Vec::new(), 0);
        for batch in served.batches(1, period.since) {
            self.check_stop()?;
            let batch = match batch {
                Ok(batch) => batch,
                Err(error) => {
                    tell_damage(error, side)?;
                    continue;
                }
            };
            let is_later = period.until.is_some_and(|until| !batch.first_as_of.is_before(until));
            if is_later || side.service.is_some() && batch.plan.service != side.service {
                continue;
            }
            if others == Others::Watched {
                for field in &batch.plan.features {
                    let keeps_texts = self.keeps_values(&field.name);
                    observers.watch(field.name.clone(), field.value_type, keeps_texts);
                }
            }
            observers.place(&batch);
            vectors += batch.vectors;
            waiting.push(batch);
            if vectors >= VECTORS_AT_ONCE {
                self.observe_batches(std::mem::take(&mut waiting), period, observers, side)?;
                vectors = 0;
            }
        }
        self.observe_batches(waiting, period, observers, side)
    }

    /// Adds the vectors of some batches to all features.
    fn observe_batches(
        &self,
        batches: Vec<StoredBatch>,
        period: Period,
        observers: &mut Observers,
        side: &mut Side,
    ) -> Result<(), Error> {
        let threads = self.options().threads;
        let places = &observers.places;
        let decoded = threads::map_each(threads, batches, |batch| {
            let of_plan = places.get(&batch.plan_digest).map(Arc::clone);
            let wanted = |column: ServedColumn<'_>| match column {
                ServedColumn::Value(name) | ServedColumn::Status(name) => observers.has(name),
                _ => false,
            };
            let vectors = batch.decode_only(&wanted);
            Ok::<_, ColumnError>(match vectors {
                Ok(vectors) => Ok(Decoded::new(vectors.within(period.since, period.until)?, of_plan)),
                Err(error) => Err(error),
            })
        })?;
        let mut vectors = Vec::with_capacity(decoded.len());
        for decoded in decoded {
            match decoded {
                Ok(decoded) => vectors.push(decoded),
                Err(error) => tell_damage(error, side)?,
            }
        }
        vectors.iter().for_each(|vectors| side.add(&vectors.vectors));
        let work: Vec<_> = std::mem::take(&mut observers.observers).into_iter().enumerate().collect();
        let observed = threads::map_each(threads, work, |(at, mut observer)| {
            vectors.iter().for_each(|vectors| observer.add(at, vectors));
            Ok::<_, std::convert::Infallible>(observer)
        });
        observers.observers = observed.unwrap_or_else(|never| match never {});
        Ok(())
    }

    /// Whether profiles may hold the values of a feature, by its reference.
    fn keeps_values(&self, reference: &str) -> bool {
        let Some((view, feature)) = reference.split_once(':') else { return false };
        let view = self.project().views.iter().find(|known| known.label() == view);
        view.and_then(|view| view.features.get(feature)).is_some_and(|info| info.profile_values)
    }
}

/// The vectors of a batch, and what decides which of them are in samples.
struct Decoded {
    vectors: ServedVectors,
    places: Option<Arc<[Option<usize>]>>,
    hashes: Vec<u64>,
    as_of: Vec<i64>,
}

impl Decoded {
    fn new(vectors: ServedVectors, places: Option<Arc<[Option<usize>]>>) -> Self {
        // Each vector has a number of its own.
        let hashes = vectors.ids.iter().map(|id| scrambled(*id)).collect();
        let requests = vectors.requests.iter();
        let as_of = requests.flat_map(|request| request.rows.clone().map(|_| request.as_of.micros())).collect();
        Self { vectors, places, hashes, as_of }
    }
}

impl Observers {
    fn watch(&mut self, name: String, value_type: ValueType, keeps_texts: bool) {
        if !self.known.insert(name.clone()) {
            return;
        }
        let profiler = FeatureProfiler::new(name.clone(), value_type, keeps_texts);
        self.observers.push(Observer { profiler, statuses: [0; STATUSES.len()] });
        self.names.push(name);
    }

    fn has(&self, name: &str) -> bool {
        self.known.contains(name)
    }

    /// Notes where the plan of a batch has the features.
    fn place(&mut self, batch: &StoredBatch) {
        // Features that are watched since have a place at the end.
        let is_known = self.places.get(&batch.plan_digest).is_some_and(|places| places.len() == self.names.len());
        if !is_known {
            let place = |name: &String| batch.plan.features.iter().position(|field| field.name == *name);
            self.places.insert(Arc::clone(&batch.plan_digest), self.names.iter().map(place).collect());
        }
    }

    fn finish(self, mut side: Side) -> Side {
        let rows = side.profile.rows;
        let (profilers, statuses) = self.observers.into_iter().map(|one| (one.profiler, one.statuses)).unzip();
        let profilers: Vec<FeatureProfiler> = profilers;
        let features = profilers.into_iter().map(FeatureProfiler::finish).collect();
        side.profile = ProfileSet { format: PROFILE_FORMAT, rows, features };
        side.statuses = statuses;
        side
    }
}

impl Observer {
    fn add(&mut self, at: usize, decoded: &Decoded) {
        let Some(place) = decoded.places.as_ref().and_then(|places| places.get(at).copied().flatten()) else { return };
        let (values, statuses) = (&decoded.vectors.values[place], &decoded.vectors.statuses[place]);
        self.profiler.add(values, ProfiledRows { first: 0, hashes: &decoded.hashes, as_of: &decoded.as_of });
        let (mut counts, mut undelivered_nulls) = ([0_u64; STATUSES.len()], 0);
        for (row, status) in statuses.iter().enumerate() {
            counts[usize::from(*status) % STATUSES.len()] += 1;
            let is_undelivered = matches!(*status, NOT_FOUND | OUTSIDE_MAX_AGE);
            undelivered_nulls += u64::from(is_undelivered && values.is_null(row));
        }
        let [not_found, outside_max_age] = [NOT_FOUND, OUTSIDE_MAX_AGE].map(|status| counts[usize::from(status)]);
        self.profiler.add_delivery(not_found, outside_max_age, undelivered_nulls);
        self.statuses.iter_mut().zip(counts).for_each(|(all, more)| *all += more);
    }
}

impl Side {
    /// Counts vectors, their as-ofs, and what made them.
    fn add(&mut self, vectors: &ServedVectors) {
        if vectors.is_empty() {
            return;
        }
        self.profile.rows += vectors.len() as u64;
        let plan: &ServedPlan = &vectors.plan;
        for (view, program) in &plan.views {
            let of_view = self.identities.entry(view.clone()).or_default();
            *of_view.entry(program.identity.digest()).or_default() += vectors.len() as u64;
        }
        for as_of in vectors.requests.iter().map(|request| request.as_of) {
            let (first, last): (AsOf, AsOf) = self.as_ofs.unwrap_or((as_of, as_of));
            let first = if as_of.is_before(first) { as_of } else { first };
            let last = if last.is_before(as_of) { as_of } else { last };
            self.as_ofs = Some((first, last));
        }
    }
}

/// Notes vectors that are missing or damaged. Any other error ends the comparison.
fn tell_damage(error: LogError, side: &mut Side) -> Result<(), Error> {
    let (LogError::Missing { vectors, .. } | LogError::Batch { vectors, .. }) = &error else {
        return Err(error.into());
    };
    side.unread = side.unread.saturating_add(*vectors);
    side.reasons.push(error.to_string());
    Ok(())
}

fn told(period: Period, service: Option<&str>) -> String {
    let service = service.map_or_else(String::new, |service| format!(" of service {service}"));
    let since = period.since.map_or_else(String::new, |since| format!(" since {since}"));
    let until = period.until.map_or_else(String::new, |until| format!(" until {until}"));
    format!("what was served{service}{since}{until}")
}
