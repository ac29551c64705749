//! The vectors that a component in quarantine served since a repeat of its calls passed last: none of them can be proved.

use std::collections::BTreeMap;

use super::verify::VerifyReport;
use crate::Error;
use crate::feature_store::{FeatureStore, QuarantineRecord};
use crate::log::{ServedSink, ServedVectors};
use crate::replay::ReplayError;
use crate::time::AsOf;

/// Vectors that are told one by one.
const SHOWN: usize = 20;

/// A component in quarantine, and what it served since a repeat of its calls passed last.
#[derive(Clone, Debug, serde::Serialize)]
pub struct QuarantinedComponent {
    /// The digest of the component.
    pub component: String,
    /// The views that it served.
    pub views: Vec<String>,
    /// The first difference that was found.
    pub difference: String,
    /// Recorded vectors that were served with it since a repeat passed last. Those of before were compared then, and cannot be replayed
    /// either.
    pub vectors: u64,
    /// The as-of of the earliest of them.
    pub first: Option<String>,
    /// That of the latest.
    pub last: Option<String>,
    /// The first that were recorded.
    pub shown: Vec<UnprovedVector>,
}

/// A served vector that cannot be proved.
#[derive(Clone, Debug, serde::Serialize)]
pub struct UnprovedVector {
    /// The entity.
    pub entity: String,
    /// Its as-of.
    pub as_of: String,
}

/// One that is being counted.
struct Count {
    found: QuarantinedComponent,
    record: QuarantineRecord,
    span: Option<(AsOf, AsOf)>,
}

/// Whether a component in quarantine is what stands in the way.
pub(super) fn is_quarantine(error: &Error) -> bool {
    match error {
        Error::Evaluate(error) | Error::Replay(ReplayError::Evaluate(error)) => error.source.is_quarantine(),
        _ => false,
    }
}

impl FeatureStore {
    /// Notes the components in quarantine that served something, and lists it. What is damaged was told before.
    pub(super) fn list_quarantined(
        &self,
        served: &dyn ServedSink,
        since: Option<AsOf>,
        report: &mut VerifyReport,
    ) -> Result<(), Error> {
        let mut counts: BTreeMap<String, Option<Count>> = BTreeMap::new();
        for batch in served.batches(1, since) {
            let Ok(vectors) = batch.and_then(|batch| batch.decode()) else { continue };
            let vectors = match since {
                Some(since) => vectors.since(since)?,
                None => vectors,
            };
            for (view, program) in &vectors.plan.views {
                if !counts.contains_key(&program.digest) {
                    let count = self.quarantine_of(&program.digest)?.map(Count::new);
                    counts.insert(program.digest.clone(), count);
                }
                if let Some(Some(count)) = counts.get_mut(&program.digest) {
                    count.add(view, &vectors);
                }
            }
        }
        report.quarantined = counts.into_values().flatten().map(Count::found).collect();
        Ok(())
    }
}

impl Count {
    fn new(record: QuarantineRecord) -> Self {
        let found = QuarantinedComponent {
            component: record.component.clone(),
            views: Vec::new(),
            difference: record.difference.clone(),
            vectors: 0,
            first: None,
            last: None,
            shown: Vec::new(),
        };
        Self { found, record, span: None }
    }

    fn add(&mut self, view: &str, vectors: &ServedVectors) {
        if !self.found.views.iter().any(|known| known == view) {
            self.found.views.push(view.to_owned());
        }
        for request in vectors.requests.iter().filter(|request| self.record.has(request.as_of)) {
            let as_of = request.as_of;
            self.found.vectors += request.rows.len() as u64;
            let (first, last) = self.span.unwrap_or((as_of, as_of));
            let first = if as_of.is_before(first) { as_of } else { first };
            let last = if last.is_before(as_of) { as_of } else { last };
            self.span = Some((first, last));
            let room = SHOWN.saturating_sub(self.found.shown.len());
            let shown = request
                .rows
                .clone()
                .take(room)
                .map(|row| UnprovedVector { entity: super::served::entity(vectors, row), as_of: as_of.to_string() });
            self.found.shown.extend(shown);
        }
    }

    fn found(self) -> QuarantinedComponent {
        let (first, last) = self.span.unzip();
        QuarantinedComponent {
            first: first.map(|first| first.to_string()),
            last: last.map(|last| last.to_string()),
            ..self.found
        }
    }
}
