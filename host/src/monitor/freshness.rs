//! Freshness: how old the newest events of views and of their entities are, against what the project promises.
//!
//! What is looked at are the online states as they are stored: those of a running server may be some events ahead, which are in the
//! log.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use crate::Error;
use crate::feature_store::FeatureStore;
use crate::project::View;
use crate::store::StoreReader;
use crate::time::{EventTime, Length, format_time};

/// How fresh the views of a project are.
#[derive(Clone, Debug, serde::Serialize)]
pub struct FreshnessReport {
    /// When that was, in RFC 3339.
    pub now: String,
    /// Per view with events and per promise: what is promised of the view, and what is promised of features of it otherwise.
    pub promises: Vec<Freshness>,
}

/// One promise, and whether it is kept.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Freshness {
    /// The view.
    pub view: String,
    /// The features with a promise of their own; none where it is that of the view.
    pub features: Vec<String>,
    /// How old the newest event may be, as the project says it; `None` where nothing is promised.
    pub promised: Option<String>,
    /// The same in seconds.
    pub promised_s: Option<f64>,
    /// The newest event of the view, in RFC 3339; `None` where it never had one.
    pub newest_event: Option<String>,
    /// How old it is, in seconds. Negative where it is later than now.
    pub age_s: Option<f64>,
    /// Whether the promise is kept: a view that never had an event breaks it. `None` where nothing is promised.
    pub is_kept: Option<bool>,
    /// The entities, where they were asked for.
    pub entities: Option<StaleEntities>,
}

/// The entities of a view whose newest event is older than promised.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct StaleEntities {
    /// Entities that have a state.
    pub all: u64,
    /// Those whose newest event is older than promised.
    pub stale: u64,
    /// The first of them, by age, the oldest first.
    pub oldest: Vec<StaleEntity>,
}

/// An entity whose newest event is older than promised.
#[derive(Clone, Debug, serde::Serialize)]
pub struct StaleEntity {
    /// Its key.
    pub entity: String,
    /// Its newest event, in RFC 3339.
    pub newest_event: String,
    /// How old that is, in seconds.
    pub age_s: f64,
}

/// Which entities are told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntitiesTold {
    /// None; no state is read.
    None,
    /// The oldest ones of each view, as many as this; all are counted.
    Oldest(usize),
}

impl FreshnessReport {
    /// The promises that are broken.
    pub fn broken(&self) -> impl Iterator<Item = &Freshness> {
        self.promises.iter().filter(|promise| promise.is_kept == Some(false))
    }

    /// Whether a promise is broken, for a view or for an entity that was asked for.
    pub fn is_broken(&self) -> bool {
        let of_entities = |promise: &Freshness| promise.entities.as_ref().is_some_and(|entities| entities.stale > 0);
        self.broken().next().is_some() || self.promises.iter().any(of_entities)
    }
}

impl FeatureStore {
    /// How fresh its views are now, by the clock of its options.
    pub fn freshness(&self, entities: EntitiesTold) -> Result<FreshnessReport, Error> {
        self.freshness_with(&[], entities)
    }

    /// The same where a server of it has applied events that are not in the stored states yet: by view, the newest that it has
    /// (`ServerStatus::newest_events`). Entities are told of by their stored states.
    pub fn freshness_with(
        &self,
        applied: &[(String, Option<EventTime>)],
        entities: EntitiesTold,
    ) -> Result<FreshnessReport, Error> {
        let now = self.options().clock.now();
        let online = self.online_for_reading()?;
        let mut promises = Vec::new();
        for view in self.project().views.iter().filter(|view| !view.sources.is_empty()) {
            // A store without the view has nothing of it, as one that is not there.
            let online = match &online {
                Some(online) if online.mark(&view.label())?.is_some() => Some(&**online),
                _ => None,
            };
            let stored = online.map_or(Ok(None), |online| online.newest_event(&view.label()))?;
            let applied = applied.iter().find(|(label, _)| *label == view.label()).and_then(|(_, newest)| *newest);
            let newest = stored.into_iter().chain(applied).max_by_key(|time| time.micros());
            for (promised, features) in promises_of(view) {
                let mut promise = told(view, promised, features, newest, now);
                if let (EntitiesTold::Oldest(most), Some(promised)) = (entities, promised) {
                    let found = online
                        .map_or(Ok(StaleEntities::default()), |online| stale(online, view, promised, now, most))?;
                    promise.entities = Some(found);
                }
                promises.push(promise);
            }
        }
        Ok(FreshnessReport { now: format_time(now), promises })
    }
}

/// The promise of a view, if there is any, then those of features that differ from it, shortest first.
fn promises_of(view: &View) -> Vec<(Option<Length>, Vec<String>)> {
    let mut own: BTreeMap<i64, Vec<String>> = BTreeMap::new();
    for (feature, info) in &view.features {
        if let Some(length) = info.freshness.filter(|length| Some(*length) != view.freshness) {
            own.entry(length.0).or_default().push(feature.clone());
        }
    }
    let of_features = own.into_iter().map(|(length, features)| (Some(Length(length)), features));
    std::iter::once((view.freshness, Vec::new())).chain(of_features).collect()
}

fn told(
    view: &View,
    promised: Option<Length>,
    features: Vec<String>,
    newest: Option<EventTime>,
    now: i64,
) -> Freshness {
    let age = newest.map(|newest| now.saturating_sub(newest.micros()));
    Freshness {
        view: view.label(),
        features,
        promised: promised.map(|length| length.to_string()),
        promised_s: promised.map(|length| seconds(length.0)),
        newest_event: newest.map(|newest| format_time(newest.micros())),
        age_s: age.map(seconds),
        is_kept: promised.map(|length| age.is_some_and(|age| age <= length.0)),
        entities: None,
    }
}

/// Counts the entities whose newest event is older than promised, and keeps the oldest.
fn stale(
    online: &dyn StoreReader,
    view: &View,
    promised: Length,
    now: i64,
    most: usize,
) -> Result<StaleEntities, Error> {
    let mut found = StaleEntities::default();
    // By the time of the newest event, then by key.
    let mut oldest: BTreeMap<(i64, String), ()> = BTreeMap::new();
    online.scan(&view.label(), &mut |key, state| {
        found.all += 1;
        let newest = state.newest_event.micros();
        if now.saturating_sub(newest) > promised.0 {
            found.stale += 1;
            if oldest.len() < most || oldest.last_key_value().is_some_and(|((last, _), ())| newest < *last) {
                oldest.insert((newest, key.to_string()), ());
                if oldest.len() > most {
                    oldest.pop_last();
                }
            }
        }
        ControlFlow::Continue(())
    })?;
    let entity = |((newest, entity), ()): ((i64, String), ())| StaleEntity {
        entity,
        newest_event: format_time(newest),
        age_s: seconds(now.saturating_sub(newest)),
    };
    found.oldest = oldest.into_iter().map(entity).collect();
    Ok(found)
}

pub(super) fn seconds(micros: i64) -> f64 {
    micros as f64 / 1e6
}

/// A length of time as people say it, of two units at most.
pub(crate) fn age(seconds: f64) -> String {
    let sign = if seconds < 0.0 { "-" } else { "" };
    let seconds = seconds.abs();
    if seconds < 60.0 {
        return format!("{sign}{seconds:.0} s");
    }
    let minutes = (seconds / 60.0) as u64;
    let (whole, unit, rest, unit_of_rest) = match minutes {
        0..60 => (minutes, "min", 0, ""),
        60..2_880 => (minutes / 60, "h", minutes % 60, "min"),
        _ => (minutes / 1_440, "d", minutes % 1_440 / 60, "h"),
    };
    match rest {
        0 => format!("{sign}{whole} {unit}"),
        _ => format!("{sign}{whole} {unit} {rest} {unit_of_rest}"),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn ages_are_told_in_two_units_at_most() {
        let told = [0.4, 59.0, 61.0, 3_700.0, 172_800.0, 1e6, -90.0].map(super::age);
        assert_eq!(told, ["0 s", "59 s", "1 min", "1 h 1 min", "2 d", "11 d 13 h", "-1 min"]);
    }
}
