//! The proof that a training set carries: what it was made of, by digests.

use std::path::PathBuf;

use super::skips::skipped;
use super::{FeaturePlan, FeatureStore, RunSummary, SourceOverride};
use crate::Error;
use crate::events::FileCount;
use crate::files::{CONVERSIONS_VERSION, Digests};
use crate::log::Parts;
use crate::wasm::ENGINE_VERSION;

/// Failures that are told one by one.
pub(super) const FAILURES_SHOWN: usize = 10;

/// What a training set was made of. The same inputs give the same manifest, whatever the threads or batches.
#[derive(Clone, Debug, serde::Serialize)]
pub(super) struct Manifest {
    onepath: &'static str,
    engine: &'static str,
    /// The version of the conversions by which files and log were read.
    conversions: u32,
    project: String,
    service: Option<String>,
    features: Vec<String>,
    views: Vec<ViewRecord>,
    sources: Vec<SourceRecord>,
    /// The newest offset of the log, where pushed events were read too.
    log_offset: Option<u64>,
    /// Events of the log that the project leaves out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    skipped: Vec<SkippedRecord>,
    spine: SpineRecord,
    rows: u64,
    /// Rows without an answer: events left out, questions answered with nulls.
    failures: u64,
    /// The first of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    first_failures: Vec<String>,
    summary: RunSummary,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<OutputRecord>,
}

#[derive(Clone, Debug, serde::Serialize)]
struct ViewRecord {
    view: String,
    component: String,
    author_version: String,
    state_version: u32,
    ttl: Option<String>,
    parameters: serde_json::Map<String, serde_json::Value>,
    /// The digest of its identity.
    identity: String,
    /// What its identity is made of.
    parts: Parts,
}

/// Events of a source that were left out of the log.
#[derive(Clone, Debug, serde::Serialize)]
struct SkippedRecord {
    source: String,
    events: u64,
    offsets: Vec<u64>,
}

#[derive(Clone, Debug, serde::Serialize)]
struct SourceRecord {
    source: String,
    /// Relative to the project's folder, where the file lies in it.
    path: PathBuf,
    rows: u64,
    sha256: String,
}

/// Where the questions came from.
#[derive(Clone, Debug, serde::Serialize)]
#[serde(untagged)]
pub(super) enum SpineRecord {
    File { path: PathBuf, as_of_column: String, rows: u64, sha256: String },
    AtEvents { at: &'static str },
    Grid { every: String, from: String, to: String },
}

/// What a run read, and what became of it.
pub(super) struct MadeOf<'a> {
    pub(super) files: &'a [FileCount],
    pub(super) summary: RunSummary,
    pub(super) failures: u64,
    pub(super) first_failures: Vec<String>,
    pub(super) spine: SpineRecord,
    pub(super) rows: u64,
    pub(super) log_offset: Option<u64>,
    /// Sources whose log was not read, because other files stood for them.
    pub(super) overridden: &'a [SourceOverride],
}

#[derive(Clone, Debug, serde::Serialize)]
struct OutputRecord {
    path: PathBuf,
    bytes: u64,
    sha256: String,
}

impl Manifest {
    pub(super) fn new(
        store: &FeatureStore,
        plan: &FeaturePlan,
        made_of: MadeOf<'_>,
        digests: &mut Digests,
    ) -> Result<Self, Error> {
        let MadeOf { files, summary, failures, first_failures, spine, rows, log_offset, overridden } = made_of;
        let mut sources: Vec<SourceRecord> = Vec::new();
        for count in files {
            let path = store.project().recorded_path(&count.path);
            if !sources.iter().any(|known| known.source == count.source && known.path == path) {
                sources.push(SourceRecord {
                    source: count.source.clone(),
                    path,
                    rows: count.rows,
                    sha256: digests.of(&count.path)?,
                });
            }
        }
        let views = plan.views.iter().map(|view| ViewRecord {
            view: view.program.id().to_owned(),
            component: view.program.digest().to_owned(),
            author_version: view.program.description().author_version.clone(),
            state_version: view.program.description().state_version,
            ttl: view.view.ttl.map(|ttl| ttl.to_string()),
            parameters: view
                .view
                .parameters
                .iter()
                .map(|(name, value)| (name.clone(), crate::files::to_json(value)))
                .collect(),
            identity: view.identity.digest(),
            parts: view.identity.parts().clone(),
        });
        Ok(Self {
            onepath: env!("CARGO_PKG_VERSION"),
            engine: ENGINE_VERSION,
            conversions: CONVERSIONS_VERSION,
            project: store.project().name.clone(),
            service: plan.service.clone(),
            features: plan.features.iter().map(|feature| plan.resolved(feature).to_string()).collect(),
            views: views.collect(),
            sources,
            skipped: log_offset.map_or_else(Vec::new, |up_to| skipped_of(plan, overridden, up_to)),
            log_offset,
            spine,
            rows,
            failures,
            first_failures,
            summary,
            output: None,
        })
    }

    /// Names the file that was written, by its place in the project.
    pub(super) fn set_output(&mut self, path: PathBuf, sha256: &str, bytes: u64) {
        self.output = Some(OutputRecord { path, bytes, sha256: sha256.to_owned() });
    }

    /// The newest offset of the log, where pushed events were read too.
    pub(super) fn log_offset(&self) -> Option<u64> {
        self.log_offset
    }

    /// Events of all files.
    pub(super) fn events(&self) -> u64 {
        self.sources.iter().map(|source| source.rows).sum()
    }

    pub(super) fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("names, numbers and paths are always JSON")
    }
}

/// The events that are left out of a log that is read up to an offset.
fn skipped_of(plan: &FeaturePlan, overridden: &[SourceOverride], up_to: u64) -> Vec<SkippedRecord> {
    let mut records: Vec<SkippedRecord> = Vec::new();
    for source in plan.views.iter().flat_map(|view| &view.sources) {
        let is_told = records.iter().any(|known| known.source == source.name);
        let offsets = skipped(source, up_to);
        if !is_told && !offsets.is_empty() && overridden.iter().all(|given| given.source != source.name) {
            records.push(SkippedRecord { source: source.name.clone(), events: offsets.len() as u64, offsets });
        }
    }
    records
}
