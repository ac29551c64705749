//! The proof that a training set carries: what it was made of, by digests.

use std::path::{Path, PathBuf};

use super::{FeaturePlan, FeatureStore, HistoricalFeatures};
use crate::Error;
use crate::files::sha256_file;
use crate::wasm::ENGINE_VERSION;

/// Failures that are told one by one.
const FAILURES_SHOWN: usize = 10;

/// What a training set was made of. The same inputs give the same manifest, whatever the threads or batches.
#[derive(Clone, Debug, serde::Serialize)]
pub(super) struct Manifest {
    onepath: &'static str,
    engine: &'static str,
    project: String,
    service: Option<String>,
    features: Vec<String>,
    views: Vec<ViewRecord>,
    sources: Vec<SourceRecord>,
    /// The newest offset of the log, where pushed events were read too.
    log_offset: Option<u64>,
    spine: SpineRecord,
    rows: u64,
    /// Rows without an answer: events left out, questions answered with nulls.
    failures: u64,
    /// The first of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    first_failures: Vec<String>,
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
        features: &HistoricalFeatures,
        spine: &SpineRecord,
        rows: usize,
        log_offset: Option<u64>,
    ) -> Result<Self, Error> {
        let mut sources: Vec<SourceRecord> = Vec::new();
        for count in &features.files {
            let path = count.path.strip_prefix(&store.project().root).unwrap_or(&count.path).to_owned();
            if !sources.iter().any(|known| known.source == count.source && known.path == path) {
                sources.push(SourceRecord {
                    source: count.source.clone(),
                    path,
                    rows: count.rows,
                    sha256: sha256_file(&count.path)?,
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
        });
        Ok(Self {
            onepath: env!("CARGO_PKG_VERSION"),
            engine: ENGINE_VERSION,
            project: store.project().name.clone(),
            service: plan.service.clone(),
            features: plan.features.iter().map(|feature| plan.resolved(feature).to_string()).collect(),
            views: views.collect(),
            sources,
            log_offset,
            spine: spine.clone(),
            rows: rows as u64,
            failures: features.failures.len() as u64,
            first_failures: features.failures.iter().take(FAILURES_SHOWN).map(ToString::to_string).collect(),
            output: None,
        })
    }

    pub(super) fn set_output(&mut self, path: &Path, sha256: &str, bytes: u64) {
        self.output = Some(OutputRecord { path: path.to_owned(), bytes, sha256: sha256.to_owned() });
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
